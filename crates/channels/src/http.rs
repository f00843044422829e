//! The one place that builds HTTP clients to channels: no redirects, no proxy
//! from the environment, time limits, and a limit on what is read.

use bytes::Bytes;
use payment::ports::ChannelError;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use std::time::Duration;

const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const CALL_LIMIT: Duration = Duration::from_secs(8);
const BODY_BYTES_MAX: usize = 1 << 20;

/// A client for calls to channels.
///
/// # Errors
/// When the TLS back end can't be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_LIMIT)
        .timeout(CALL_LIMIT)
        .user_agent(concat!("tongfu/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The body of an answer, or nothing when it is longer than any channel sends.
pub(crate) async fn read_body(mut answer: Response) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.into()))
}

/// Sends a call, and reads its answer to the end.
pub(crate) async fn answer(request: RequestBuilder) -> Result<(StatusCode, Bytes), ChannelError> {
    let unknown = |error: reqwest::Error| ChannelError::Unknown(cause(&error));
    let answer = request.send().await.map_err(unknown)?;
    let status = answer.status();
    let body = read_body(answer).await.map_err(unknown)?;
    let too_long = || ChannelError::Unknown(format!("HTTP {status}: a body too long"));
    Ok((status, body.ok_or_else(too_long)?))
}

/// What went wrong in a call, without the address, whose query may hold a sign.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let kind = match () {
        () if error.is_timeout() => "time-out",
        () if error.is_connect() => "no connection",
        () => "call failed",
    };
    let mut source = std::error::Error::source(error);
    while let Some(deeper) = source.and_then(std::error::Error::source) {
        source = Some(deeper);
    }
    source.map_or_else(|| kind.to_owned(), |deepest| format!("{kind}: {deepest}"))
}

/// Whether unsigned answers from this address can be believed: TLS vouches for
/// them, or they come from this very machine.
pub(crate) fn is_guarded(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "https" || matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    })
}
