//! The way out to a business system's bgUrl.

/// What a receiver answered to one callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackAnswer {
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The first 2 KB of the body, or why there was none.
    pub text: String,
    /// How long it took, ms.
    pub duration_ms: i64,
}

/// Sends callbacks: no redirects, 10 s, 64 KB, and never to an address that is
/// private unless it is listed (docs/signing.md, Shapes that every request keeps).
#[async_trait::async_trait]
pub trait Receiver: Send + Sync {
    /// GETs `url`; `private_hosts` lists the hosts that may be private,
    /// `loopback` lets the development domains call this machine.
    async fn get(&self, url: &str, private_hosts: &[String], loopback: bool) -> CallbackAnswer;
    /// POSTs a form to `url`, under the same guard.
    async fn post(
        &self,
        url: &str,
        form: &str,
        private_hosts: &[String],
        loopback: bool,
    ) -> CallbackAnswer;
}
