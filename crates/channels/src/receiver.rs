//! Sends callbacks to business systems through one guarded client: no
//! redirects, 10 s, 64 KB, and no address that is private unless it is listed
//! (docs/signing.md, Shapes that every request keeps).

use crate::{Clock, http};
use payment::address::{Address, is_public};
use payment::ports::{Call, CallbackAnswer, Receiver};
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

const CALL_LIMIT: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 64 << 10;
const KEPT_BYTES: usize = 2 << 10;

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

    async fn send(&self, call: &Call<'_>) -> Result<(u16, String), String> {
        let address = Address::parse(call.url).map_err(|rule| format!("bgUrl must be {rule}"))?;
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
            let status = answer.status().as_u16();
            Ok((status, read_text(answer).await?))
        };
        tokio::time::timeout(CALL_LIMIT, work)
            .await
            .unwrap_or(Err("time-out".to_owned()))
    }
}

#[async_trait::async_trait]
impl Receiver for HttpReceiver {
    async fn call(&self, call: &Call<'_>) -> CallbackAnswer {
        let started_ms = (self.clock)();
        let (status, text) = match self.send(call).await {
            Ok((status, text)) => (Some(status), text),
            Err(cause) => (None, cause),
        };
        CallbackAnswer {
            status,
            text,
            duration_ms: (self.clock)() - started_ms,
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

/// What went wrong in a call.
fn lost(error: reqwest::Error) -> String {
    http::lost(error).to_string()
}

/// The first 2 KB of a body that is not too long.
async fn read_text(mut answer: reqwest::Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_BYTES_MAX {
            return Err("the answer is longer than 64 KB".to_owned());
        }
    }
    body.truncate(KEPT_BYTES);
    // PostgreSQL's text takes no NUL.
    Ok(String::from_utf8_lossy(&body).replace('\0', "\u{fffd}"))
}
