//! Business systems with their rules, settings and secrets.

use super::rows::json;
use crate::db::{Database, LIMIT};
use crate::line::{Line, Row, Tx};
use crate::sql::{Sql, Statement, statements};
use payment::domain::{Domain, Secret};
use payment::ports::{Answer, Businesses, NewAttempt, OtherReadings, StoreError};

statements! {
    ONE = "select code, rule, settings, development from domain where code = $1";
    ALL = "select code, rule, settings, development from domain order by code";
    ADD = "insert into domain (code, rule, settings, development) values ($1, $2, $3, $4)";
    SET = "update domain set rule = $2, settings = $3 where code = $1";
    SECRETS = "select generation, secret, not_after_ms from domain_secret where domain_code = $1";
    ADD_SECRET = "insert into domain_secret (domain_code, generation, secret, not_after_ms) \
        values ($1, $2, $3, $4)";
    DROP_SECRETS = "delete from domain_secret where domain_code = $1";
    OTHER_READINGS = "select other_key_requests, recut_requests from domain where code = $1";
    COUNT_OTHER_READINGS = "update domain set other_key_requests = other_key_requests + $2, \
        recut_requests = recut_requests + $3 where code = $1";
}

#[async_trait::async_trait]
impl Businesses for Database {
    async fn domain(&self, code: &str) -> Answer<Option<Domain>> {
        self.read(LIMIT, async |line| one(line, code).await).await
    }

    async fn domains(&self) -> Answer<Vec<Domain>> {
        self.read(LIMIT, async |line| {
            let mut domains = Vec::new();
            for row in &line.rows(ALL).await? {
                domains.push(with_secrets(line, row).await?);
            }
            Ok(domains)
        })
        .await
    }

    async fn add_domain(&self, domain: &Domain) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            let added = written(ADD, domain)?.bind(domain.development);
            if !tx.insert(added).await? {
                return Err(StoreError::Exists(domain.code.clone()));
            }
            write_secrets(tx, domain).await
        })
        .await
    }

    async fn set_domain(&self, domain: &Domain) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            tx.change(written(SET, domain)?).await?;
            tx.change(DROP_SECRETS.bind(&domain.code)).await?;
            write_secrets(tx, domain).await
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
}

pub(super) async fn one(line: &mut Line, code: &str) -> Answer<Option<Domain>> {
    match line.row(ONE.bind(code)).await? {
        Some(row) => with_secrets(line, &row).await.map(Some),
        None => Ok(None),
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

async fn with_secrets(line: &mut Line, row: &Row) -> Answer<Domain> {
    let code: String = row.get("code")?;
    let secrets = line.list(SECRETS.bind(&code), secret).await?;
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

fn secret(row: &Row) -> Answer<Secret> {
    let text: String = row.get("secret")?;
    let generation = row.get("generation")?;
    Ok(Secret::new(generation, &text, row.get("not_after_ms")?))
}

async fn write_secrets(tx: &mut Tx, domain: &Domain) -> Answer<()> {
    for secret in domain.secrets() {
        let added = ADD_SECRET
            .bind(&domain.code)
            .bind(secret.generation)
            .bind(secret.expose())
            .bind(secret.not_after_ms);
        tx.change(added).await?;
    }
    Ok(())
}
