//! From rows to values: a value that this program can't have written is told.

use super::{Answer, Db, DbRow};
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::order::Attempt;
use payment::ports::{
    AttemptRow, CallbackRow, CallbackState, KeptTry, Kind, NotifyRow, RefundRow, StoreError,
};
use payment::rate::Rate;
use payment::refund::{Cause, Refund};
use payment::status::PayStatus;
use payment::story::Entry;
use sqlx::Row;

pub(super) fn from_json<T: serde::de::DeserializeOwned>(row: &DbRow, column: &str) -> Answer<T> {
    let text: String = get(row, column)?;
    read_json(&text, column)
}

fn read_json<T: serde::de::DeserializeOwned>(text: &str, column: &str) -> Answer<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
}

pub(super) fn attempt_row(row: &DbRow) -> Answer<AttemptRow> {
    Ok(AttemptRow {
        order_sn: get(row, "order_sn")?,
        domain_code: get(row, "domain_code")?,
        request_key: get(row, "request_key")?,
        money: money(row, "money", "currency")?,
        request_status: word(row, "request_status", PayStatus::parse)?,
        request_created_ms: get(row, "request_created_ms")?,
        token: get(row, "token")?,
        channel: word(row, "channel", Channel::parse)?,
        account: get(row, "account")?,
        kind: word(row, "kind", Kind::parse)?,
        channel_order_no: get(row, "channel_order_no")?,
        channel_money: money(row, "channel_money", "channel_currency")?,
        asked_money: match get::<Option<i64>>(row, "asked_money")? {
            None => None,
            Some(_) => Some(money(row, "asked_money", "channel_currency")?),
        },
        rate: optional(row, "rate", Rate::parse)?,
        openid: get(row, "openid")?,
        signed_values: get(row, "signed_values")?,
        secret_generation: get(row, "secret_generation")?,
        status: word(row, "status", Attempt::parse)?,
        obj: get::<Option<String>>(row, "obj")?
            .map(|text| read_json(&text, "obj"))
            .transpose()?,
        reference: get(row, "reference")?,
        created_ms: get(row, "created_ms")?,
        expires_ms: get(row, "expires_ms")?,
        trade_no: get(row, "trade_no")?,
        paid_ms: get(row, "paid_ms")?,
        mismatch: get(row, "mismatch")?,
        held: get(row, "held")?,
    })
}

pub(super) fn callback_row(row: &DbRow) -> Answer<CallbackRow> {
    Ok(CallbackRow {
        id: get(row, "id")?,
        domain_code: get(row, "domain_code")?,
        order_sn: get(row, "order_sn")?,
        url: get(row, "url")?,
        receiver: get(row, "receiver")?,
        body: get(row, "form")?,
        state: word(row, "state", CallbackState::parse)?,
        tries: get(row, "tries")?,
        created_ms: get(row, "created_ms")?,
    })
}

pub(super) fn money(row: &DbRow, minor: &str, currency: &str) -> Answer<Money> {
    let currency = word(row, currency, Currency::parse)?;
    Money::from_minor(get(row, minor)?, currency)
        .ok_or_else(|| StoreError::Corrupt(format!("negative {minor}")))
}

pub(super) fn word<T>(row: &DbRow, column: &str, parse: fn(&str) -> Option<T>) -> Answer<T> {
    let text: String = get(row, column)?;
    parse(&text).ok_or_else(|| StoreError::Corrupt(format!("{column} is {text}")))
}

pub(super) fn get<'r, T>(row: &'r DbRow, column: &str) -> Answer<T>
where
    T: sqlx::Decode<'r, Db> + sqlx::Type<Db>,
{
    row.try_get(column)
        .map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
}

pub(super) fn json(value: &impl serde::Serialize) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A word that may be missing.
pub(super) fn optional<T>(
    row: &DbRow,
    column: &str,
    parse: fn(&str) -> Option<T>,
) -> Answer<Option<T>> {
    match get::<Option<String>>(row, column)? {
        None => Ok(None),
        Some(_) => word(row, column, parse).map(Some),
    }
}

pub(super) fn refund_row(row: &DbRow) -> Answer<RefundRow> {
    Ok(RefundRow {
        refund_no: get(row, "refund_no")?,
        order_sn: get(row, "order_sn")?,
        refund_key: get(row, "refund_key")?,
        money: money(row, "money", "currency")?,
        channel_money: money(row, "channel_money", "channel_currency")?,
        cause: word(row, "cause", Cause::parse)?,
        state: word(row, "state", Refund::parse)?,
        reference: get(row, "reference")?,
        note: get(row, "note")?,
        created_ms: get(row, "created_ms")?,
    })
}

pub(super) fn entry_row(row: &DbRow) -> Answer<Entry> {
    Ok(Entry {
        seq: get(row, "seq")?,
        at_ms: get(row, "at_ms")?,
        by: get(row, "source")?,
        what: get(row, "what")?,
        detail: get(row, "detail")?,
        notify_id: get(row, "notify_id")?,
        hash: get(row, "hash")?,
    })
}

pub(super) fn notify_row(row: &DbRow) -> Answer<NotifyRow> {
    Ok(NotifyRow {
        channel: word(row, "channel", Channel::parse)?,
        account: get(row, "account")?,
        channel_order_no: get(row, "channel_order_no")?,
        body: get(row, "body")?,
        headers: get(row, "headers")?,
        received_ms: get(row, "received_ms")?,
    })
}

pub(super) fn try_row(row: &DbRow) -> Answer<KeptTry> {
    let status: Option<i64> = get(row, "status")?;
    Ok(KeptTry {
        at_ms: get(row, "at_ms")?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        answer: get(row, "answer")?,
        duration_ms: get(row, "duration_ms")?,
    })
}
