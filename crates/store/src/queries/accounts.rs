//! Channel accounts that the database keeps (docs/accounts.md).

use super::sealing::Writer;
use crate::db::{Database, LIMIT};
use crate::keys::Place;
use crate::line::{Line, Row, Tx};
use crate::sql::{Statement, statements};
use payment::channel::Channel;
use payment::ports::{AccountName, Answer, KeptAccount, KeptAccounts};

statements! {
    REVISION = "select revision from channel_account_revision where id = 1";
    REVISE = "update channel_account_revision set revision = revision + 1 where id = 1";
    /// As many as there are.
    ALL = "select channel, name, kek_id, sealed, enabled, created_ms from channel_account \
        order by created_ms, channel, name";
    NAMES = "select channel, name, enabled from channel_account order by created_ms, channel, name";
    ADD = "insert into channel_account (channel, name, kek_id, sealed, enabled, created_ms) \
        values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    CHANGE = "update channel_account set kek_id = $3, sealed = $4 \
        where channel = $1 and name = $2";
    ENABLE = "update channel_account set enabled = $3 \
        where channel = $1 and name = $2 and enabled = $4";
    REMOVE = "delete from channel_account where channel = $1 and name = $2 and enabled = 0";
}

/// Where an account's settings and keys stand.
fn place(channel: &str, name: &str) -> Place {
    Place {
        table: "channel_account",
        row: format!("{channel} {name}"),
        column: "sealed",
    }
}

#[async_trait::async_trait]
impl KeptAccounts for Database {
    async fn accounts_revision(&self) -> Answer<i64> {
        let revision = self.find(REVISION.into(), |row| row.get("revision"));
        Ok(revision.await?.unwrap_or_default())
    }

    async fn kept_accounts(&self) -> Answer<Vec<Answer<KeptAccount>>> {
        let rows = async |line: &mut Line| line.rows(ALL).await;
        let rows = self.read(LIMIT, rows).await?;
        Ok(rows.iter().map(|row| self.account(row)).collect())
    }

    async fn account_names(&self) -> Answer<Vec<AccountName>> {
        let name = |row: &Row| {
            Ok(AccountName {
                channel: row.word("channel", Channel::parse)?,
                name: row.get("name")?,
                enabled: row.get::<i64>("enabled")? != 0,
            })
        };
        self.list(LIMIT, NAMES.into(), name).await
    }

    async fn add_account(&self, account: &KeptAccount) -> Answer<Result<(), String>> {
        let add = |kek_id: String, sealed: String| {
            ADD.bind(account.channel.code())
                .bind(&account.name)
                .bind(kek_id)
                .bind(sealed)
                .bind(account.enabled)
                .bind(account.created_ms)
        };
        self.put(account, &add, "is there already").await
    }

    async fn change_account(&self, account: &KeptAccount) -> Answer<Result<(), String>> {
        let change = |kek_id: String, sealed: String| {
            CHANGE
                .bind(account.channel.code())
                .bind(&account.name)
                .bind(kek_id)
                .bind(sealed)
        };
        self.put(account, &change, "is none that the database keeps")
            .await
    }

    async fn enable_account(&self, was: &AccountName, enabled: bool) -> Answer<bool> {
        let set = ENABLE.bind(was.channel.code()).bind(&was.name);
        self.revised(set.bind(enabled).bind(was.enabled)).await
    }

    async fn remove_account(&self, channel: Channel, name: &str) -> Answer<bool> {
        self.revised(REMOVE.bind(channel.code()).bind(name)).await
    }
}

impl Database {
    fn account(&self, row: &Row) -> Answer<KeptAccount> {
        let (channel, name): (String, String) = (row.get("channel")?, row.get("name")?);
        let (kek_id, sealed): (String, String) = (row.get("kek_id")?, row.get("sealed")?);
        let content = self.keys.open(&kek_id, &place(&channel, &name), &sealed)?;
        Ok(KeptAccount {
            channel: row.word("channel", Channel::parse)?,
            name,
            enabled: row.get::<i64>("enabled")? != 0,
            content,
            created_ms: row.get("created_ms")?,
        })
    }

    /// Writes an account's settings and keys, encrypted by the key that writes, by a
    /// statement of the two columns; `otherwise` is said of one where that writes nothing.
    async fn put<'q>(
        &self,
        account: &KeptAccount,
        statement: &(impl Fn(String, String) -> Statement<'q> + Sync),
        otherwise: &str,
    ) -> Answer<Result<(), String>> {
        let place = place(account.channel.code(), &account.name);
        self.write_if(LIMIT, Result::is_ok, async |tx: &mut Tx| {
            let writer = self.writer(tx).await?.filter(Writer::is_sealed);
            let Some(writer) = writer else {
                let why = "accounts are kept where secrets are sealed: `tongfu secrets seal`";
                return Ok(Err(why.to_owned()));
            };
            let sealed = self.keys.seal(&writer.kek_id, &place, &account.content)?;
            match tx.change(statement(writer.kek_id, sealed)).await? {
                0 => Ok(Err(format!("{} {otherwise}", account.name))),
                _ => tx.change(REVISE).await.map(|_| Ok(())),
            }
        })
        .await
    }

    /// Changes an account, which every instance is to hear; `false` where there is none.
    async fn revised(&self, change: Statement<'_>) -> Answer<bool> {
        let found = |found: &bool| *found;
        self.write_if(LIMIT, found, async |tx: &mut Tx| {
            let found = tx.change(change.clone()).await? > 0;
            tx.change(REVISE).await.map(|_| found)
        })
        .await
    }

    /// Wraps all accounts by another key.
    pub(super) async fn rewrap_accounts(&self, tx: &mut Tx, to: &str) -> Answer<u64> {
        let mut changed = 0;
        for row in &tx.rows(ALL).await? {
            let (channel, name): (String, String) = (row.get("channel")?, row.get("name")?);
            let (from, sealed): (String, String) = (row.get("kek_id")?, row.get("sealed")?);
            // What a lost key kept is rotated by who has the account's own keys.
            if from != to && self.keys.has(&from) {
                let place = place(&channel, &name);
                let sealed = self.keys.rewrap(&from, to, &place, &sealed)?;
                let change = CHANGE.bind(&channel).bind(&name).bind(to).bind(sealed);
                changed += tx.change(change).await?;
            }
        }
        Ok(changed)
    }
}
