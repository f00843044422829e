//! Business systems with their rules, settings and secrets.

use super::Answer;
use crate::domain::Domain;

/// Requests of a domain whose sign has other readings (docs/signing.md), counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherReadings {
    /// The sign fits another requestKey too.
    pub other_key: i64,
    /// The sign could fit another sum too, its values cut elsewhere.
    pub recut: i64,
}

/// When a business system signed by one of its secrets that hold side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// The secret's generation.
    pub generation: i64,
    /// When it was last seen, ms since 1970.
    pub at_ms: i64,
}

/// Business systems with their rules, settings and secrets.
#[async_trait::async_trait]
pub trait Businesses: Send + Sync {
    /// A domain with its secrets.
    async fn domain(&self, code: &str) -> Answer<Option<Domain>>;
    /// Up to `limit` domains, by code, the first whose code is `from` or comes after it.
    async fn domains(&self, from: &str, limit: i64) -> Answer<Vec<Domain>>;
    /// The codes that begin so, by code; all, by the empty text.
    async fn domain_codes(&self, beginning: &str) -> Answer<Vec<String>>;
    /// A development domain, if there is one.
    async fn development_domain(&self) -> Answer<Option<String>>;
    /// A new domain; [`StoreError::Exists`](super::StoreError::Exists) when the code is taken.
    async fn add_domain(&self, domain: &Domain) -> Answer<()>;
    /// Writes a domain's rule, settings and secrets over those that were read;
    /// [`StoreError::Changed`](super::StoreError::Changed), and nothing is written, where they
    /// are others by now. Where they are so already, it is done.
    async fn set_domain(&self, was: &Domain, domain: &Domain) -> Answer<()>;
    /// How many requests of a domain had a sign with other readings.
    async fn other_readings(&self, domain_code: &str) -> Answer<OtherReadings>;
    /// Notes when a business system signed by which secret; an earlier time than is known of
    /// one changes nothing.
    async fn note_secret_uses(&self, domain_code: &str, uses: &[SecretUse]) -> Answer<()>;
    /// What was noted of it, the oldest secret first.
    async fn secret_uses(&self, domain_code: &str) -> Answer<Vec<SecretUse>>;
}
