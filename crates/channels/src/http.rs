//! The one place that builds HTTP clients to channels: no redirects, no proxy
//! from the environment, time limits, and a limit on what is read.

use bytes::Bytes;
use payment::ports::{Doubt, Unknown};
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
pub(crate) async fn read_body(mut answer: Response) -> Result<Option<Bytes>, Unknown> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.into()))
}

/// Sends a call, and reads its answer to the end.
pub(crate) async fn answer(request: RequestBuilder) -> Result<(StatusCode, Bytes), Unknown> {
    let answer = request.send().await.map_err(lost)?;
    let status = answer.status();
    let body = read_body(answer).await?;
    let too_long = || Unknown::new(Doubt::Nonsense, format!("HTTP {status}: too long"));
    Ok((status, body.ok_or_else(too_long)?))
}

/// What went wrong in a call, without the address, whose query may hold a sign.
pub(crate) fn lost(error: reqwest::Error) -> Unknown {
    let doubt = if error.is_timeout() {
        Doubt::TimeOut
    } else {
        Doubt::Network
    };
    Unknown::by(doubt, error.without_url())
}

/// Whether unsigned answers from this address can be believed: TLS vouches for
/// them, or they come from this very machine.
pub(crate) fn is_guarded(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "https" || matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(port: u16) -> (Doubt, String) {
        let address = format!("http://127.0.0.1:{port}/?sign=SECRET");
        let client = client().unwrap();
        let request = client.get(address).timeout(Duration::from_millis(50));
        let unknown = answer(request).await.unwrap_err();
        assert!(std::error::Error::source(&unknown).is_some());
        (unknown.doubt, format!("{unknown} {unknown:?}"))
    }

    #[tokio::test]
    async fn silence_and_no_connection_are_told_apart_and_no_address_is_told() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (doubt, text) = told(port).await;
        assert_eq!(doubt, Doubt::TimeOut, "{text}");
        assert!(!text.contains("SECRET"), "{text}");
        drop(listener);
        let (doubt, text) = told(port).await;
        assert_eq!(doubt, Doubt::Network, "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }
}
