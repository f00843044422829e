//! Secrets encrypted at rest (docs/secrets.md), and who is at work with which keys.

use crate::db::{Database, LIMIT, LONG_LIMIT};
use crate::keys::{Keys, Place, filler};
use crate::line::{Line, Pool, Row, Tx};
use crate::migrations::SEALED;
use crate::open_error::{OpenError, Tables, refused};
use crate::sql::{Sql, statements};
use crate::{postgres, sqlite};
use payment::domain::Secret;
use payment::ports::{Answer, Instance, NewSecrets, SealState, Sealing, StoreError};
use std::sync::atomic::Ordering;
use zeroize::Zeroizing;

/// Who was not heard of for longer is no longer at work, ms.
const HEARD_MS: i64 = 30_000;
/// Nobody asks who was at work before, ms.
const KEPT_MS: i64 = 86_400_000;

/// What only the key that writes opens, until the seal and after it: who owns the database
/// can't take the seal off.
const CLEAR_BESIDE: &str = "clear text stands beside";
const SEALED_ALL: &str = "no clear text is kept";

statements! {
    DROP_SECRETS = "delete from domain_secret where domain_code = $1";
    KEY = "select kek_id, canary, sealed_ms from secrets_key where id = 1";
    KEY_LOCKED(OF) = "select kek_id, canary, sealed_ms from secrets_key where id = 1", OF.locked;
    FIRST = "insert into secrets_key (id, kek_id, canary) values (1, $1, $2) \
        on conflict (id) do nothing";
    ANY_DOMAIN = "select max(code) as code from domain";
    ANY_SEALED = "select max(sealed) as sealed from domain_secret";
    ALL = "select domain_code, generation, secret, not_after_ms, kek_id, sealed \
        from domain_secret order by domain_code, generation";
    KEEP = "update domain_secret set secret = $3, kek_id = $4, sealed = $5 \
        where domain_code = $1 and generation = $2";
    SEALED_SINCE(OF) = "update secrets_key set canary = $1, sealed_ms = ", OF.now_ms,
        " where id = 1";
    /// Older programs refuse a database with a migration that they don't know.
    BAR = "insert into _sqlx_migrations (version, description, success, checksum, \
        execution_time) values (", SEALED.0, ", '", SEALED.1, "', true, $1, 0) \
        on conflict do nothing";
    WRITE_BY = "update secrets_key set kek_id = $1, canary = $2 where id = 1";
    KEPT = "select kek_id, count(*) as count from \
        (select kek_id from domain_secret union all select kek_id from channel_account \
        union all select kek_id from operator where totp is not null) kept \
        group by kek_id order by kek_id";
    ANNOUNCE(OF) = "insert into instance (name, version, kek_ids, seen_ms) \
        values ($1, $2, $3, ", OF.now_ms, ") on conflict (name) do update \
        set version = excluded.version, kek_ids = excluded.kek_ids, seen_ms = excluded.seen_ms";
    FORGET(OF) = "delete from instance where seen_ms < ", OF.now_ms, " - $1";
    LEAVE = "delete from instance where name = $1";
    AT_WORK(OF) = "select name, version, kek_ids, ", OF.now_ms, " - seen_ms as quiet_ms \
        from instance where seen_ms > ", OF.now_ms, " - $1 order by name";
}

/// What a command of a person's asks of all secrets, or the first start with a key.
pub(super) const AS_ASKED: [Sql; 3] = [ALL, KEPT, ANY_SEALED];

/// The key that writes.
pub(super) struct Writer {
    pub(super) kek_id: String,
    canary: String,
    sealed_ms: Option<i64>,
}

impl Writer {
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed_ms.is_some()
    }
}

fn writer(row: &Row) -> Answer<Writer> {
    Ok(Writer {
        kek_id: row.get("kek_id")?,
        canary: row.get("canary")?,
        sealed_ms: row.get("sealed_ms")?,
    })
}

/// A secret as it is kept.
struct Kept {
    domain_code: String,
    generation: i64,
    not_after_ms: Option<i64>,
    /// The clear text until the seal.
    secret: Zeroizing<String>,
    /// The key, and what is wrapped and encrypted.
    sealed: Option<(String, String)>,
}

impl Kept {
    fn place(&self) -> Place {
        place(&self.domain_code, self.generation, self.not_after_ms)
    }
}

fn kept(row: &Row) -> Answer<Kept> {
    let kek_id: Option<String> = row.get("kek_id")?;
    Ok(Kept {
        domain_code: row.get("domain_code")?,
        generation: row.get("generation")?,
        not_after_ms: row.get("not_after_ms")?,
        secret: Zeroizing::new(row.get("secret")?),
        sealed: kek_id.zip(row.get("sealed")?),
    })
}

fn at_work(row: &Row) -> Answer<Instance> {
    let keys: String = row.get("kek_ids")?;
    Ok(Instance {
        name: row.get("name")?,
        version: row.get("version")?,
        keys: keys.split_whitespace().map(str::to_owned).collect(),
        quiet_ms: row.get("quiet_ms")?,
    })
}

/// Where a domain's secret stands. Its end is part of that: one that was rotated away does
/// not come back.
pub(super) fn place(domain_code: &str, generation: i64, not_after_ms: Option<i64>) -> Place {
    let end = not_after_ms.map_or(String::new(), |end_ms| end_ms.to_string());
    Place {
        table: "domain_secret",
        row: format!("{domain_code} {generation} {end}"),
        column: "secret",
    }
}

fn canary_place() -> Place {
    Place {
        table: "secrets_key",
        row: String::new(),
        column: "canary",
    }
}

impl Database {
    /// Takes the keys that this program was given, once they are those of the database;
    /// any, where what the others kept is given up.
    pub(crate) async fn take_keys(
        &mut self,
        keys: Keys,
        tables: Tables,
        given_up: bool,
    ) -> Result<(), OpenError> {
        self.keys = keys;
        if tables == Tables::Migrate && !self.keys.is_empty() {
            self.first_key().await.map_err(refused)?;
        }
        let writer = self.find(KEY.into(), writer).await.map_err(refused)?;
        let Some(writer) = writer else {
            return self.nothing_sealed().await;
        };
        let development = Keys::development();
        if self.keys.is_empty() && development.ids().eq([writer.kek_id.as_str()]) {
            self.keys = development;
        }
        if given_up || self.keys.is_empty() && writer.sealed_ms.is_none() {
            return Ok(());
        }
        if !self.keys.has(&writer.kek_id) {
            return Err(OpenError::Key(writer.kek_id));
        }
        let canary = self
            .keys
            .open(&writer.kek_id, &canary_place(), &writer.canary);
        let canary = canary.map_err(|_| OpenError::Canary)?;
        match (canary.as_str(), writer.sealed_ms) {
            (CLEAR_BESIDE, None) => Ok(()),
            (SEALED_ALL, Some(_)) => {
                self.sealed.store(true, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(OpenError::Canary),
        }
    }

    /// Where no key writes, none has written.
    async fn nothing_sealed(&self) -> Result<(), OpenError> {
        let sealed = self.find(ANY_SEALED.into(), |row| row.get("sealed")).await;
        match sealed.map_err(refused)?.flatten() {
            Some::<String>(_) => Err(OpenError::Canary),
            None => Ok(()),
        }
    }

    /// The first key that comes writes; a database of nobody's yet is sealed at once.
    async fn first_key(&self) -> Answer<()> {
        let Some(key) = self.keys.ids().next() else {
            return Ok(());
        };
        let canary = self.canary(key, false)?;
        self.write(LIMIT, async |tx: &mut Tx| {
            let sealed: Option<String> = tx.one(ANY_SEALED).await?.get("sealed")?;
            if sealed.is_some() || tx.change(FIRST.bind(key).bind(&canary)).await? == 0 {
                return Ok(());
            }
            let anybody: Option<String> = tx.one(ANY_DOMAIN).await?.get("code")?;
            let state = self.state(tx).await?;
            match anybody {
                None if state.keeps_from_seal().is_none() => self.bar(tx, key).await,
                _ => Ok(()),
            }
        })
        .await
    }

    /// From here on no clear text is kept, and no older program comes.
    async fn bar(&self, tx: &mut Tx, key: &str) -> Answer<()> {
        let no_sum: &[u8] = &[];
        tx.change(BAR.bind(no_sum)).await?;
        let since = SEALED_SINCE.bind(self.canary(key, true)?);
        tx.change(since).await.map(drop)
    }

    /// From here on this key writes.
    async fn write_by(&self, tx: &mut Tx, key: &str, is_sealed: bool) -> Answer<()> {
        let written = WRITE_BY.bind(key).bind(self.canary(key, is_sealed)?);
        tx.change(written).await.map(drop)
    }

    /// What shows that a key is right, and how secrets are kept by it.
    fn canary(&self, key: &str, is_sealed: bool) -> Answer<String> {
        let text = if is_sealed { SEALED_ALL } else { CLEAR_BESIDE };
        self.keys.seal(key, &canary_place(), text)
    }

    /// The key that writes, or what keeps from what is to be done with it.
    async fn unhindered(
        &self,
        tx: &mut Tx,
        hindrance: fn(&SealState) -> Option<String>,
    ) -> Answer<Result<Writer, String>> {
        let writer = tx.find(KEY_LOCKED, writer).await?;
        Ok(match (hindrance(&self.state(tx).await?), writer) {
            (None, Some(writer)) => Ok(writer),
            (why, _) => Err(why.unwrap_or_default()),
        })
    }

    async fn state(&self, line: &mut Line) -> Answer<SealState> {
        let counted = |row: &Row| Ok((row.get("kek_id")?, row.get("count")?));
        let writer = line.find(KEY, writer).await?;
        Ok(SealState {
            sealed_ms: writer.as_ref().and_then(|writer| writer.sealed_ms),
            writes: writer.map(|writer| writer.kek_id),
            ours: self.keys.ids().map(str::to_owned).collect(),
            kept: line.list(KEPT, counted).await?,
            instances: line.list(AT_WORK.bind(HEARD_MS), at_work).await?,
        })
    }

    /// The key that writes, which is no other one until the transaction ends; none until
    /// a program with a key came.
    ///
    /// # Errors
    /// Where this program lacks it: it would write in clear what others encrypt.
    pub(super) async fn writer(&self, tx: &mut Tx) -> Answer<Option<Writer>> {
        let writer = tx.find(KEY_LOCKED, writer).await?;
        if let Some(writer) = &writer {
            self.keys.check(&writer.kek_id)?;
        }
        Ok(writer)
    }

    /// What stands in the two columns for a secret of a domain.
    pub(super) fn columns(
        &self,
        writer: &Writer,
        place: &Place,
        secret: &str,
    ) -> Answer<(Zeroizing<String>, String)> {
        let sealed = self.keys.seal(&writer.kek_id, place, secret)?;
        let clear = match writer.sealed_ms {
            Some(_) => filler()?,
            None => secret.to_owned(),
        };
        Ok((Zeroizing::new(clear), sealed))
    }

    /// Whether this program can read what is kept.
    pub(super) async fn reads_secrets(&self, line: &mut Line) -> Answer<()> {
        let writer = line.find(KEY, writer).await?;
        match writer.filter(Writer::is_sealed) {
            Some(writer) => self.keys.check(&writer.kek_id),
            None => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl Sealing for Database {
    async fn announce(&self, name: &str, version: &str) -> Answer<()> {
        let ids: Vec<&str> = self.keys.ids().collect();
        let ids = ids.join(" ");
        let row = ANNOUNCE.bind(name).bind(version).bind(&ids);
        self.change(row).await?;
        self.change(FORGET.bind(KEPT_MS)).await
    }

    async fn take_leave(&self, name: &str) -> Answer<()> {
        self.change(LEAVE.bind(name)).await
    }

    async fn at_work(&self) -> Answer<Vec<Instance>> {
        self.list(LIMIT, AT_WORK.bind(HEARD_MS), at_work).await
    }

    async fn sealing(&self) -> Answer<SealState> {
        self.read(LIMIT, async |line: &mut Line| self.state(line).await)
            .await
    }

    async fn seal_secrets(&self) -> Answer<Result<u64, String>> {
        self.write_if(LONG_LIMIT, Result::is_ok, async |tx: &mut Tx| {
            let writer = match self.unhindered(tx, SealState::keeps_from_seal).await? {
                Ok(writer) => writer,
                Err(why) => return Ok(Err(why)),
            };
            let rows = tx.list(ALL, kept).await?;
            for row in &rows {
                let place = row.place();
                let sealed = match &row.sealed {
                    Some(sealed) => sealed.clone(),
                    None => {
                        let sealed = self.keys.seal(&writer.kek_id, &place, &row.secret)?;
                        (writer.kek_id.clone(), sealed)
                    }
                };
                // The clear text goes once the other one is known to give it back.
                if self.keys.open(&sealed.0, &place, &sealed.1)? != row.secret {
                    return Err(place.broken());
                }
                keep(tx, row, &filler()?, &sealed.0, &sealed.1).await?;
            }
            self.bar(tx, &writer.kek_id).await?;
            Ok(Ok(rows.len() as u64))
        })
        .await
    }

    async fn erase_clear_text(&self) -> Answer<()> {
        match &self.reads {
            Pool::Sqlite(pool) => sqlite::rewrite(pool).await,
            Pool::Postgres(pool) => postgres::rewrite(pool).await,
        }
    }

    async fn rotate_key(&self) -> Answer<Result<u64, String>> {
        let to = self.keys.ids().next().unwrap_or_default();
        self.write_if(LONG_LIMIT, Result::is_ok, async |tx: &mut Tx| {
            let hindrance = SealState::keeps_from_rotation;
            let writer = match self.unhindered(tx, hindrance).await? {
                Ok(writer) => writer,
                Err(why) => return Ok(Err(why)),
            };
            self.write_by(tx, to, writer.is_sealed()).await?;
            let mut changed = self.rewrap_accounts(tx, to).await?;
            changed += self.rewrap_operators(tx, to).await?;
            for row in &tx.list(ALL, kept).await? {
                if let Some((from, sealed)) = &row.sealed
                    && from != to
                {
                    let sealed = self.keys.rewrap(from, to, &row.place(), sealed)?;
                    keep(tx, row, &row.secret, to, &sealed).await?;
                    changed += 1;
                }
            }
            Ok(Ok(changed))
        })
        .await
    }

    async fn replace_secrets(&self, made: &NewSecrets) -> Answer<Result<u64, String>> {
        let to = self.keys.ids().next().unwrap_or_default();
        self.write_if(LONG_LIMIT, Result::is_ok, async |tx: &mut Tx| {
            let hindrance = SealState::keeps_from_replacement;
            let writer = match self.unhindered(tx, hindrance).await? {
                Ok(writer) => writer,
                Err(why) => return Ok(Err(why)),
            };
            self.write_by(tx, to, writer.is_sealed()).await?;
            let rows = tx.list(ALL, kept).await?;
            if writer.sealed_ms.is_none() {
                // The clear text still stands.
                for row in &rows {
                    let sealed = self.keys.seal(to, &row.place(), &row.secret)?;
                    keep(tx, row, &row.secret, to, &sealed).await?;
                }
                return Ok(Ok(0));
            }
            let ours = Writer {
                kek_id: to.to_owned(),
                ..writer
            };
            // The newest, which has no end.
            let mut changed = 0;
            for row in rows.iter().filter(|row| row.not_after_ms.is_none()) {
                if let Some(secret) = made.get(&row.domain_code) {
                    let secret = Secret::new(row.generation, secret, None);
                    tx.change(DROP_SECRETS.bind(&row.domain_code)).await?;
                    self.add_secret(tx, Some(&ours), &row.domain_code, &secret)
                        .await?;
                    changed += 1;
                }
            }
            Ok(Ok(changed))
        })
        .await
    }
}

async fn keep(tx: &mut Tx, row: &Kept, clear: &str, kek_id: &str, sealed: &str) -> Answer<()> {
    let kept = KEEP
        .bind(&row.domain_code)
        .bind(row.generation)
        .bind(clear)
        .bind(kek_id)
        .bind(sealed);
    match tx.change(kept).await? {
        1 => Ok(()),
        // Somebody else wrote it meanwhile, who does not lock as we do.
        _ => Err(StoreError::Unavailable(format!(
            "the secret of {} was changed meanwhile: again",
            row.domain_code
        ))),
    }
}
