//! Channel accounts that the database keeps (docs/accounts.md).

use super::Answer;
use crate::channel::Channel;
use zeroize::Zeroizing;

/// An account as it is kept; its name is taken once at its channel.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAccount {
    /// The channel that payers see.
    pub channel: Channel,
    /// Its name.
    pub name: String,
    /// Whether new payments may go through it.
    pub enabled: bool,
    /// Its settings and keys; nobody reads them but who opens it.
    pub content: Zeroizing<String>,
    /// When it was added, ms since 1970.
    pub created_ms: i64,
}

/// An account without its settings and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// The channel that payers see.
    pub channel: Channel,
    /// Its name.
    pub name: String,
    /// Whether new payments may go through it.
    pub enabled: bool,
}

impl AccountName {
    /// What tells it from all others.
    #[must_use]
    pub fn place(&self) -> (Channel, String) {
        (self.channel, self.name.clone())
    }
}

/// Channel accounts in the database; only where its secrets are sealed (docs/secrets.md).
#[async_trait::async_trait]
pub trait KeptAccounts: Send + Sync {
    /// Rises with each change of any account.
    async fn accounts_revision(&self) -> Answer<i64>;
    /// All of them, those that were added first before others; in the place of one that
    /// can't be read, why.
    async fn kept_accounts(&self) -> Answer<Vec<Answer<KeptAccount>>>;
    /// Their channels and names, without their keys.
    async fn account_names(&self) -> Answer<Vec<AccountName>>;
    /// Adds an account. `Err` says why it can't be kept, such as a name that is taken.
    async fn add_account(&self, account: &KeptAccount) -> Answer<Result<(), String>>;
    /// Writes settings and keys over the old ones of an account; `Err` says why it can't.
    async fn change_account(&self, account: &KeptAccount) -> Answer<Result<(), String>>;
    /// Whether new payments may go through it; `false` where there is no such account any
    /// more, or it is not as it was read.
    async fn enable_account(&self, was: &AccountName, enabled: bool) -> Answer<bool>;
    /// Takes an account away; `false` where there is no such account, or it is enabled.
    async fn remove_account(&self, channel: Channel, name: &str) -> Answer<bool>;
}
