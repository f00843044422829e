//! The way out to a business system's bgUrl.

/// What a receiver answered to one callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackAnswer {
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// Where it leads to instead, the query left out: 200 characters at most.
    pub location: Option<String>,
    /// The body, of at most 64 KB, or why there was none.
    pub text: String,
    /// How long it took, ms.
    pub duration_ms: i64,
}

/// One call of a business system.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The business system.
    pub domain_code: &'a str,
    /// The complete address.
    pub url: &'a str,
    /// A body, which is posted, with its media type; none: a GET.
    pub body: Option<(&'static str, &'a str)>,
    /// Hosts that may be private addresses.
    pub private_hosts: &'a [String],
    /// Whether this machine may be called: the development domains.
    pub loopback: bool,
}

/// Sends callbacks: no redirects, 10 s, 64 KB, and never to an address that is
/// private unless it is listed (docs/signing.md, Shapes that every request keeps).
#[async_trait::async_trait]
pub trait Receiver: Send + Sync {
    /// Calls, and gives what was answered.
    async fn call(&self, call: &Call<'_>) -> CallbackAnswer;
}
