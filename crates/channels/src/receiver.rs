//! Sends callbacks to business systems through one guarded client: no
//! redirects, 10 s, 64 KB, and no address that is private unless it is listed
//! (docs/signing.md, Shapes that every request keeps).

use crate::{Clock, http};
use payment::address::{Address, is_public};
use payment::ports::{Call, CallbackAnswer, Doubt, Receiver};
use payment::printable::printable;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

const CALL_LIMIT: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 64 << 10;
const LOCATION_CHARACTERS: usize = 200;

/// Which addresses a call may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Public addresses.
    Public,
    /// Those, and this machine: the development domains.
    Loopback,
    /// Any: the operator listed the host.
    Any,
}

impl Reach {
    fn allows(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Public => is_public(ip),
            Self::Loopback => is_public(ip) || ip.is_loopback(),
        }
    }
}

/// Sends callbacks over HTTP.
pub struct HttpReceiver {
    public: Client,
    loopback: Client,
    any: Client,
    clock: Clock,
}

impl HttpReceiver {
    /// A sender; `clock` measures how long receivers take.
    ///
    /// # Errors
    /// When the TLS back end can't be set up.
    pub fn new(clock: Clock) -> Result<Self, reqwest::Error> {
        Ok(Self {
            public: guarded(Reach::Public)?,
            loopback: guarded(Reach::Loopback)?,
            any: guarded(Reach::Any)?,
            clock,
        })
    }

    async fn send(&self, call: &Call<'_>) -> Result<CallbackAnswer, String> {
        let address = Address::called(call.url).map_err(|rule| format!("bgUrl must be {rule}"))?;
        let reach = match call.private_hosts.iter().any(|host| host == address.host()) {
            true => Reach::Any,
            false if call.loopback => Reach::Loopback,
            false => Reach::Public,
        };
        if address.ip().is_some_and(|ip| !reach.allows(ip)) {
            return Err("the address is not allowed".to_owned());
        }
        let url = address.url().clone();
        let client = match reach {
            Reach::Public => &self.public,
            Reach::Loopback => &self.loopback,
            Reach::Any => &self.any,
        };
        let work = async {
            let request = match call.body {
                None => client.get(url),
                Some((media_type, body)) => client
                    .post(url)
                    .header(CONTENT_TYPE, media_type)
                    .body(body.to_owned()),
            };
            let answer = request.send().await.map_err(lost)?;
            Ok(CallbackAnswer {
                status: Some(answer.status().as_u16()),
                location: location(&answer),
                text: read_text(answer).await?,
                duration_ms: 0,
            })
        };
        tokio::time::timeout(CALL_LIMIT, work)
            .await
            .unwrap_or_else(|_| Err(silence()))
    }
}

#[async_trait::async_trait]
impl Receiver for HttpReceiver {
    async fn call(&self, call: &Call<'_>) -> CallbackAnswer {
        let started_ms = (self.clock)();
        let answer = self
            .send(call)
            .await
            .unwrap_or_else(|cause| CallbackAnswer {
                status: None,
                location: None,
                text: cause,
                duration_ms: 0,
            });
        CallbackAnswer {
            duration_ms: (self.clock)() - started_ms,
            ..answer
        }
    }
}

fn guarded(reach: Reach) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(CALL_LIMIT)
        .dns_resolver(Arc::new(GuardedResolver(reach)))
        .user_agent(concat!("tongfu/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The system's resolver, less the addresses that may not be reached: what was
/// judged is what is connected to.
struct GuardedResolver(Reach);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the address is not allowed".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Where a redirect leads. Its query is left out: it may give back the sign that was sent.
fn location(answer: &Response) -> Option<String> {
    let location = answer.headers().get(LOCATION)?;
    let text = String::from_utf8_lossy(location.as_bytes());
    let path = text.split(['?', '#']).next().unwrap_or_default();
    Some(path.chars().take(LOCATION_CHARACTERS).collect())
}

fn silence() -> String {
    format!("no answer in {} s", CALL_LIMIT.as_secs())
}

/// What went wrong in a call, in the words of who has to mend it. What the libraries say
/// of it is at the end: their words may change, and then stand there alone.
fn lost(error: reqwest::Error) -> String {
    let unknown = http::lost(error);
    if unknown.doubt == Doubt::TimeOut {
        return silence();
    }
    let what = printable(&unknown.what);
    let known = [
        ("connection refused", "nothing listens at its port"),
        ("lookup address", "its name is not found (DNS)"),
        ("unreachable", "no way leads to its address"),
        ("connection reset", "it broke the connection off"),
        (
            "connection closed",
            "it closed the connection without an answer",
        ),
        ("causedasendentity", "its certificate is signed by itself"),
        (
            "unknownissuer",
            "its certificate is not of an issuer that is trusted, or the chain to it is not sent",
        ),
        ("not valid for name", "its certificate is for another name"),
        ("expired", "its certificate has run out"),
        ("peer certificate", "its certificate does not hold"),
        (
            "invalidcontenttype",
            "it does not speak TLS at this port: http rather than https",
        ),
    ];
    let said = what.to_lowercase();
    let plain = known.iter().find(|(sign, _)| said.contains(sign));
    plain.map_or_else(
        || format!("no answer: {what}"),
        |(_, plain)| format!("{plain} ({what})"),
    )
}

/// A body that is not too long.
async fn read_text(mut answer: reqwest::Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_BYTES_MAX {
            return Err("the answer is longer than 64 KB".to_owned());
        }
    }
    // PostgreSQL's text takes no NUL.
    Ok(String::from_utf8_lossy(&body).replace('\0', "\u{fffd}"))
}
