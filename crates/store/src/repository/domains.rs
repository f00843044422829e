//! Business systems with their rules, settings and secrets.

use super::rows::{from_json, get, json};
use super::{Answer, Db, DbRow, taken, unavailable};
use payment::domain::{Domain, Secret};
use payment::ports::{NewAttempt, OtherReadings, StoreError};
use sqlx::{Pool, Transaction};

pub(super) async fn one(pool: &Pool<Db>, code: &str) -> Answer<Option<Domain>> {
    let query = sqlx::query("select code, rule, settings, development from domain where code = $1")
        .bind(code);
    match query.fetch_optional(pool).await.map_err(unavailable)? {
        Some(row) => with_secrets(pool, &row).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn all(pool: &Pool<Db>) -> Answer<Vec<Domain>> {
    let query = sqlx::query("select code, rule, settings, development from domain order by code");
    let rows = query.fetch_all(pool).await.map_err(unavailable)?;
    let mut domains = Vec::with_capacity(rows.len());
    for row in &rows {
        domains.push(with_secrets(pool, row).await?);
    }
    Ok(domains)
}

pub(super) async fn add(tx: &mut Transaction<'static, Db>, domain: &Domain) -> Answer<()> {
    sqlx::query("insert into domain (code, rule, settings, development) values ($1, $2, $3, $4)")
        .bind(&domain.code)
        .bind(json(&domain.rule)?)
        .bind(json(&domain.settings)?)
        .bind(i64::from(domain.development))
        .execute(&mut **tx)
        .await
        .map_err(|error| taken(error, &domain.code))?;
    write_secrets(tx, domain).await
}

pub(super) async fn set(tx: &mut Transaction<'static, Db>, domain: &Domain) -> Answer<()> {
    sqlx::query("update domain set rule = $2, settings = $3 where code = $1")
        .bind(&domain.code)
        .bind(json(&domain.rule)?)
        .bind(json(&domain.settings)?)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    sqlx::query("delete from domain_secret where domain_code = $1")
        .bind(&domain.code)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    write_secrets(tx, domain).await
}

pub(super) async fn other_readings(pool: &Pool<Db>, code: &str) -> Answer<OtherReadings> {
    let query =
        sqlx::query("select other_key_requests, recut_requests from domain where code = $1");
    let row = query.bind(code).fetch_optional(pool).await;
    let Some(row) = row.map_err(unavailable)? else {
        return Ok(OtherReadings::default());
    };
    Ok(OtherReadings {
        other_key: get(&row, "other_key_requests")?,
        recut: get(&row, "recut_requests")?,
    })
}

pub(super) async fn count_other_readings(
    tx: &mut Transaction<'static, Db>,
    new: &NewAttempt,
) -> Answer<()> {
    let query = "update domain set other_key_requests = other_key_requests + $2, \
                 recut_requests = recut_requests + $3 where code = $1";
    sqlx::query(query)
        .bind(&new.domain_code)
        .bind(i64::from(new.fits_another_key))
        .bind(i64::from(new.could_be_recut))
        .execute(&mut **tx)
        .await
        .map(|_| ())
        .map_err(unavailable)
}

async fn with_secrets(pool: &Pool<Db>, row: &DbRow) -> Answer<Domain> {
    let code: String = get(row, "code")?;
    let query = "select generation, secret, not_after_ms from domain_secret where domain_code = $1";
    let query = sqlx::query(query).bind(&code);
    let rows = query.fetch_all(pool).await.map_err(unavailable)?;
    let secret = |row: &DbRow| {
        let text: String = get(row, "secret")?;
        Ok(Secret::new(
            get(row, "generation")?,
            &text,
            get(row, "not_after_ms")?,
        ))
    };
    let secrets = rows.iter().map(secret).collect::<Answer<Vec<_>>>()?;
    if secrets.is_empty() {
        return Err(StoreError::Corrupt(format!("domain {code} has no secret")));
    }
    let (rule, settings) = (from_json(row, "rule")?, from_json(row, "settings")?);
    let development = get::<i64>(row, "development")? != 0;
    Ok(Domain::from_stored(
        &code,
        rule,
        settings,
        secrets,
        development,
    ))
}

async fn write_secrets(tx: &mut Transaction<'static, Db>, domain: &Domain) -> Answer<()> {
    for secret in domain.secrets() {
        sqlx::query(
            "insert into domain_secret (domain_code, generation, secret, not_after_ms) \
             values ($1, $2, $3, $4)",
        )
        .bind(&domain.code)
        .bind(secret.generation)
        .bind(secret.expose())
        .bind(secret.not_after_ms)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    }
    Ok(())
}
