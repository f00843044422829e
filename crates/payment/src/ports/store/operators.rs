//! Operators of the console and their sessions (docs/console.md).

use super::Answer;
use crate::operators::{Known, Operator, Proof, Role, Session};

/// Operators and their sessions. A session is kept under the digest of its id: who reads
/// the database learns none.
#[async_trait::async_trait]
pub trait Operators: Send + Sync {
    /// Adds an operator. `Err` says why it can't be kept: its name is taken, or its key
    /// of one-time passwords could not be encrypted here (docs/secrets.md).
    async fn add_operator(&self, operator: &Operator, proof: &Proof) -> Answer<Result<(), String>>;
    /// All of them, by name.
    async fn operators(&self) -> Answer<Vec<Operator>>;
    /// One of them with what proves it, less its recovery codes.
    async fn known_operator(&self, name: &str) -> Answer<Option<Known>>;
    /// Another role; `false` where there is none of that name.
    async fn set_operator_role(&self, name: &str, role: Role) -> Answer<bool>;
    /// Whether it may sign in; its sessions end where it may not. `false` where there is
    /// none of that name.
    async fn enable_operator(&self, name: &str, enabled: bool) -> Answer<bool>;
    /// Another proof; its sessions end. `Err` as [`Operators::add_operator`] says it.
    async fn prove_operator(&self, name: &str, proof: &Proof) -> Answer<Result<(), String>>;
    /// That a sign-in failed; it is not to be tried again before.
    async fn operator_failed(&self, name: &str, next_try_ms: i64) -> Answer<()>;
    /// That it proved itself: what failed before puts nothing off.
    async fn operator_proved(&self, name: &str) -> Answer<()>;
    /// Takes a step of its one-time passwords, which is taken once, and none before it
    /// after; `false` where it was.
    async fn take_totp_step(&self, name: &str, step: i64) -> Answer<bool>;
    /// Takes a recovery code away; `false` where it is none.
    async fn take_recovery(&self, name: &str, digest: &str) -> Answer<bool>;
    /// Begins a session; those of this operator that were not seen since end, and what
    /// failed is forgotten. `false` where it may not sign in any more, or not by this
    /// password.
    async fn begin_session(
        &self,
        digest: &str,
        known: &Known,
        now_ms: i64,
        seen_since_ms: i64,
    ) -> Answer<bool>;
    /// A session.
    async fn session(&self, digest: &str) -> Answer<Option<Session>>;
    /// That it was seen.
    async fn see_session(&self, digest: &str, now_ms: i64) -> Answer<()>;
    /// Ends it.
    async fn end_session(&self, digest: &str) -> Answer<()>;
}
