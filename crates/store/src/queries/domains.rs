//! Business systems with their rules, settings and secrets.

use super::rows::json;
use super::sealing::{DROP_SECRETS, Writer, place};
use crate::db::{Database, LIMIT};
use crate::line::{Line, Row, Tx};
use crate::sql::{Sql, Statement, statements, text};
use payment::domain::{Domain, Secret};
use payment::ports::{Answer, Businesses, NewAttempt, OtherReadings, SecretUse, StoreError};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use zeroize::Zeroizing;

const SECRET: &str = "s.domain_code, s.generation, s.secret, s.not_after_ms, s.kek_id, s.sealed, \
    (select sealed_ms from secrets_key where id = 1) as sealed_ms ";
const SECRETS_WHERE: &str = text!("select ", SECRET, "from domain_secret s where ");

statements! {
    /// With each of its secrets.
    ONE = "select d.code, d.rule, d.settings, d.development, ", SECRET, "from domain d \
        left join domain_secret s on s.domain_code = d.code where d.code = $1 \
        order by s.generation";
    /// One change after the other.
    LOCKED(OF) = "select code, rule, settings, development from domain where code = $1", OF.locked;
    FROM_ONE = "select code, rule, settings, development from domain where code >= $1 \
        order by code limit $2";
    ADD = "insert into domain (code, rule, settings, development) values ($1, $2, $3, $4)";
    SET = "update domain set rule = $2, settings = $3 where code = $1";
    /// Codes alone: what a person asks of who is there.
    CODES = "select code from domain where substr(code, 1, length($1)) = $1 order by code";
    DEVELOPMENT = "select code from domain where development <> 0 limit 1";
    SECRETS = SECRETS_WHERE, "s.domain_code = $1 order by s.generation";
    SECRETS_AMONG = SECRETS_WHERE, "s.domain_code >= $1 and s.domain_code <= $2 \
        order by s.domain_code, s.generation";
    ADD_SECRET = "insert into domain_secret (domain_code, generation, secret, not_after_ms, \
        kek_id, sealed) values ($1, $2, $3, $4, $5, $6)";
    OTHER_READINGS = "select other_key_requests, recut_requests from domain where code = $1";
    COUNT_OTHER_READINGS = "update domain set other_key_requests = other_key_requests + $2, \
        recut_requests = recut_requests + $3 where code = $1";
    NOTE_USE = "insert into secret_use (domain_code, generation, at_ms) values ($1, $2, $3) \
        on conflict (domain_code, generation) do update set at_ms = excluded.at_ms \
        where secret_use.at_ms < excluded.at_ms";
    FORGET_USES = "delete from secret_use where domain_code = $1";
    USES = "select generation, at_ms from secret_use where domain_code = $1 order by generation";
}

/// What a start, or a command of a person's, asks of all domains.
pub(super) const AS_ASKED: [Sql; 2] = [CODES, DEVELOPMENT];

#[async_trait::async_trait]
impl Businesses for Database {
    async fn domain(&self, code: &str) -> Answer<Option<Domain>> {
        let one = async |line: &mut Line| self.domain_on(line, code).await;
        self.read(LIMIT, one).await
    }

    async fn domains(&self, from: &str, limit: i64) -> Answer<Vec<Domain>> {
        self.read(LIMIT, async |line| {
            let rows = line.rows(FROM_ONE.bind(from).bind(limit)).await?;
            let codes = rows.iter().map(|row| row.get("code"));
            let codes = codes.collect::<Answer<Vec<String>>>()?;
            let Some(last) = codes.last() else {
                return Ok(Vec::new());
            };
            let mut secrets: HashMap<String, Vec<Secret>> = HashMap::new();
            for row in line.rows(SECRETS_AMONG.bind(&codes[0]).bind(last)).await? {
                let of_one = secrets.entry(row.get("domain_code")?).or_default();
                of_one.push(self.secret(&row)?);
            }
            let domains = rows.iter().zip(codes);
            domains
                .map(|(row, code)| domain(row, secrets.remove(&code).unwrap_or_default()))
                .collect()
        })
        .await
    }

    async fn domain_codes(&self, beginning: &str) -> Answer<Vec<String>> {
        let asked = CODES.bind(beginning);
        self.list(LIMIT, asked, |row| row.get("code")).await
    }

    async fn development_domain(&self) -> Answer<Option<String>> {
        self.find(DEVELOPMENT.into(), |row| row.get("code")).await
    }

    async fn add_domain(&self, domain: &Domain) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            // Before any row: who seals locks in the same order.
            let writer = self.writer(tx).await?;
            let added = written(ADD, domain)?.bind(domain.development);
            if !tx.insert(added).await? {
                return Err(StoreError::Exists(domain.code.clone()));
            }
            self.write_secrets(tx, writer, domain).await
        })
        .await
    }

    async fn set_domain(&self, was: &Domain, domain: &Domain) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            let writer = self.writer(tx).await?;
            let is = match tx.row(LOCKED.bind(&domain.code)).await? {
                Some(row) => Some(self.with_secrets(tx, &row).await?),
                None => None,
            };
            // Said again, since its first answer was lost.
            if is.as_ref() == Some(domain) {
                return Ok(());
            }
            if is.as_ref() != Some(was) {
                return Err(StoreError::Changed(domain.code.clone()));
            }
            tx.change(written(SET, domain)?).await?;
            tx.change(DROP_SECRETS.bind(&domain.code)).await?;
            // Uses are seen while several secrets hold: before another one they were not.
            if was.secrets() != domain.secrets() {
                tx.change(FORGET_USES.bind(&domain.code)).await?;
            }
            self.write_secrets(tx, writer, domain).await
        })
        .await
    }

    async fn other_readings(&self, domain_code: &str) -> Answer<OtherReadings> {
        let counted = OTHER_READINGS.bind(domain_code);
        let read = |row: &Row| {
            Ok(OtherReadings {
                other_key: row.get("other_key_requests")?,
                recut: row.get("recut_requests")?,
            })
        };
        let counted = self.find(counted, read).await?;
        Ok(counted.unwrap_or_default())
    }

    async fn note_secret_uses(&self, domain_code: &str, uses: &[SecretUse]) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            for one in uses {
                let noted = NOTE_USE.bind(domain_code).bind(one.generation);
                tx.change(noted.bind(one.at_ms)).await?;
            }
            Ok(())
        })
        .await
    }

    async fn secret_uses(&self, domain_code: &str) -> Answer<Vec<SecretUse>> {
        let one = |row: &Row| {
            Ok(SecretUse {
                generation: row.get("generation")?,
                at_ms: row.get("at_ms")?,
            })
        };
        self.list(LIMIT, USES.bind(domain_code), one).await
    }
}

pub(super) async fn count_other_readings(tx: &mut Tx, new: &NewAttempt) -> Answer<()> {
    let counted = COUNT_OTHER_READINGS
        .bind(&new.domain_code)
        .bind(new.fits_another_key)
        .bind(new.could_be_recut);
    tx.change(counted).await.map(|_| ())
}

/// A statement with a domain's code, rule and settings.
fn written(sql: Sql, domain: &Domain) -> Answer<Statement<'_>> {
    let statement = sql.bind(&domain.code).bind(json(&domain.rule)?);
    Ok(statement.bind(json(&domain.settings)?))
}

impl Database {
    pub(super) async fn domain_on(&self, line: &mut Line, code: &str) -> Answer<Option<Domain>> {
        let rows = line.rows(ONE.bind(code)).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let has_one = first.get::<Option<i64>>("generation")?.is_some();
        let secrets = rows.iter().filter(|_| has_one).map(|row| self.secret(row));
        domain(first, secrets.collect::<Answer<_>>()?).map(Some)
    }

    async fn with_secrets(&self, line: &mut Line, row: &Row) -> Answer<Domain> {
        let code: String = row.get("code")?;
        let rows = line.rows(SECRETS.bind(&code)).await?;
        let secrets = rows.iter().map(|row| self.secret(row));
        domain(row, secrets.collect::<Answer<_>>()?)
    }

    fn secret(&self, row: &Row) -> Answer<Secret> {
        let (code, generation): (String, i64) = (row.get("domain_code")?, row.get("generation")?);
        let not_after_ms = row.get("not_after_ms")?;
        let place = place(&code, generation, not_after_ms);
        let kek_id: Option<String> = row.get("kek_id")?;
        let sealed: Option<String> = row.get("sealed")?;
        let since_ms: Option<i64> = row.get("sealed_ms")?;
        // Once seen, it is so until the end: nobody takes the seal off.
        if since_ms.is_some() {
            self.sealed.store(true, Ordering::Relaxed);
        }
        let is_sealed = self.sealed.load(Ordering::Relaxed);
        let text = match kek_id.zip(sealed) {
            Some((kek_id, sealed)) if is_sealed || !self.keys.is_empty() => {
                self.keys.open(&kek_id, &place, &sealed)?
            }
            None if is_sealed => return Err(place.broken()),
            _ => Zeroizing::new(row.get("secret")?),
        };
        Ok(Secret::new(generation, &text, not_after_ms))
    }

    async fn write_secrets(
        &self,
        tx: &mut Tx,
        writer: Option<Writer>,
        domain: &Domain,
    ) -> Answer<()> {
        for secret in domain.secrets() {
            self.add_secret(tx, writer.as_ref(), &domain.code, secret)
                .await?;
        }
        Ok(())
    }

    /// In clear until the seal, and encrypted once a key came.
    pub(super) async fn add_secret(
        &self,
        tx: &mut Tx,
        writer: Option<&Writer>,
        code: &str,
        secret: &Secret,
    ) -> Answer<()> {
        let place = place(code, secret.generation, secret.not_after_ms);
        let text = secret.expose();
        let columns = writer.map(|writer| self.columns(writer, &place, text));
        let columns = columns.transpose()?;
        let clear = columns.as_ref().map_or(text, |(clear, _)| clear.as_str());
        let added = ADD_SECRET
            .bind(code)
            .bind(secret.generation)
            .bind(clear)
            .bind(secret.not_after_ms)
            .bind(writer.map(|writer| writer.kek_id.as_str()))
            .bind(columns.as_ref().map(|(_, sealed)| sealed.as_str()));
        tx.change(added).await.map(drop)
    }
}

fn domain(row: &Row, secrets: Vec<Secret>) -> Answer<Domain> {
    let code: String = row.get("code")?;
    if secrets.is_empty() {
        return Err(StoreError::Corrupt(format!("domain {code} has no secret")));
    }
    let (rule, settings) = (row.json("rule")?, row.json("settings")?);
    let development = row.get::<i64>("development")? != 0;
    Ok(Domain::from_stored(
        &code,
        rule,
        settings,
        secrets,
        development,
    ))
}
