//! From rows to values and from values to words: the one table of what is written
//! where. A value that this program can't have written is told.

use crate::line::Row;
use crate::sql::{text, word, words};
use payment::by_two::Judged;
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::order::Attempt;
use payment::partner::{Ordered, PartnerOrder};
use payment::ports::{
    Answer, AttemptRow, CallbackRow, CallbackState, KeptNotify, KeptTry, Kind, NotifyOutcome,
    NotifyRow, RefundRow, StoreError, TryOutcome,
};
use payment::rate::Rate;
use payment::refund::{ByHand, Cause, Refund};
use payment::signed::Signed;
use payment::status::PayStatus;
use payment::story::Entry;

/// The channels, one row each.
pub(super) const CHANNELS: &str = {
    const ALL: [Channel; 4] = Channel::ALL;
    text!(
        "(values ('",
        ALL[0].code(),
        "'), ('",
        ALL[1].code(),
        "'), ('",
        ALL[2].code(),
        "'), ('",
        ALL[3].code(),
        "'))"
    )
};

/// The channel accounts of the attempts that a condition names: `place`, a channel after the
/// other, each of its accounts found from the one before by an index that begins with both.
/// The first and the last row of a channel are of no account.
macro_rules! places {
    ($those:expr) => {
        text!(
            "with recursive place (channel, account) as (select column1, '' from ",
            $crate::queries::rows::CHANNELS,
            " counted union all select counted.channel, (select b.account from attempt b \
            where b.channel = counted.channel and b.account > counted.account and ",
            $those,
            " order by b.account limit 1) from place counted \
            where counted.account is not null) "
        )
    };
}
pub(super) use places;

/// Attempts: of which nothing is known yet, or which can be paid.
pub(super) const OPEN: &str = words!(Attempt::Creating, Attempt::Open);
/// The same, and those whose money the channel has.
pub(super) const OPEN_OR_HELD: &str = words!(Attempt::Creating, Attempt::Open, Attempt::Held);
/// A payer may still pay these: a declined one may be tried once more.
pub(super) const PAYABLE: &str = words!(
    Attempt::Creating,
    Attempt::Open,
    Attempt::Declined,
    Attempt::Held
);
pub(super) const CREATING: &str = word!(Attempt::Creating);
pub(super) const HELD: &str = word!(Attempt::Held);
pub(super) const PAID: &str = word!(Attempt::Paid);
pub(super) const DUPLICATE: &str = word!(Attempt::Duplicate);
pub(super) const LATE: &str = word!(Attempt::PaidAfterClose);
/// Paid beside a request.
pub(super) const BESIDE: &str = words!(Attempt::Duplicate, Attempt::PaidAfterClose);
pub(super) const MONEY_CAME: &str =
    words!(Attempt::Paid, Attempt::Duplicate, Attempt::PaidAfterClose);

/// Requests.
pub(super) const NOT_PAID: &str = word!(PayStatus::NotPay);
pub(super) const UNPAID: &str = words!(PayStatus::NotPay, PayStatus::FailurePay, PayStatus::Closed);

/// Refunds.
pub(super) const DONE: &str = word!(Refund::Done);
pub(super) const UNCONFIRMED: &str = words!(Refund::New, Refund::Sent);
pub(super) const UNENDED: &str = words!(Refund::New, Refund::Sent, Refund::Parked);
pub(super) const FOR_A_PERSON: &str = words!(Refund::Failed, Refund::Parked);
pub(super) const FAILED: &str = word!(Refund::Failed);
pub(super) const PARKED_REFUND: &str = word!(Refund::Parked);
/// Their sum is free again.
pub(super) const FREED: &str = words!(Refund::Failed, Refund::Withdrawn);
/// Refunds that are asked for: they wait.
pub(super) const ASKED: &str = word!(Judged::Asked);
pub(super) const BY_BUSINESS: &str = word!(Cause::Business);
pub(super) const BY_OPERATOR: &str = word!(Cause::Operator);
pub(super) const OF_DUPLICATE: &str = word!(Cause::Duplicate);
pub(super) const OF_LATE: &str = word!(Cause::AfterClose);
pub(super) const OF_BESIDE: &str = words!(Cause::Duplicate, Cause::AfterClose);
pub(super) const TAKEN_BACK: &str = words!(Cause::Chargeback, Cause::AtChannel);

/// Callbacks.
pub(super) const WAITING: &str = word!(CallbackState::Waiting);
pub(super) const DELIVERED: &str = word!(CallbackState::Delivered);
pub(super) const PARKED: &str = word!(CallbackState::Parked);
pub(super) const OVERTAKEN: &str = word!(CallbackState::Overtaken);
pub(super) const UNTAKEN: &str = words!(CallbackState::Waiting, CallbackState::Parked);
pub(super) const AT_REST: &str = words!(CallbackState::Delivered, CallbackState::Overtaken);

/// Notifies of money that nothing of ours is about.
pub(super) const STRAY: &str = words!(NotifyOutcome::NoSuchOrder, NotifyOutcome::Odd);
/// The same, as a program without words notes them, maybe one that was put off.
pub(super) const OLD_STRAY: &str = text!(
    "(outcome_word is null or outcome_word = ",
    word!(NotifyOutcome::PutOff),
    ") and (outcome in ('no such order', 'no such refund') or substr(outcome, 1, 9) = 'mismatch:')"
);
/// What it tells of its order is money that a person may have to look at.
pub(super) const DISPUTED_WORDS: &str = words!(
    NotifyOutcome::Differs,
    NotifyOutcome::TakenBack,
    NotifyOutcome::NothingLeft
);
/// A person may have to look at it, or it is not worked on.
pub(super) const UNSETTLED_WORDS: &str = words!(
    NotifyOutcome::NoSuchOrder,
    NotifyOutcome::Odd,
    NotifyOutcome::PutOff
);

/// What [`payment::refund::UNTOLD`] begins with, in attempts.
pub(super) const UNTOLD: &str = "substr(mismatch, 1, 10) = 'given back'";

/// What follows a try: the callback's state, and when it is tried again.
pub(super) fn after_try(outcome: TryOutcome) -> (CallbackState, Option<i64>) {
    match outcome {
        TryOutcome::Delivered => (CallbackState::Delivered, None),
        TryOutcome::Again(at_ms) => (CallbackState::Waiting, Some(at_ms)),
        TryOutcome::Parked => (CallbackState::Parked, None),
    }
}

impl Row {
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Answer<T> {
        read_json(&self.get::<String>(column)?, column)
    }

    pub(super) fn money(&self, minor: &str, currency: &str) -> Answer<Money> {
        let currency = self.word(currency, Currency::parse)?;
        Money::from_minor(self.get(minor)?, currency)
            .ok_or_else(|| StoreError::Corrupt(format!("negative {minor}")))
    }

    pub(super) fn word<T>(&self, column: &str, parse: fn(&str) -> Option<T>) -> Answer<T> {
        let text: String = self.get(column)?;
        parse(&text).ok_or_else(|| StoreError::Corrupt(format!("{column} is {text}")))
    }

    /// A word that may be missing.
    fn optional<T>(&self, column: &str, parse: fn(&str) -> Option<T>) -> Answer<Option<T>> {
        match self.get::<Option<String>>(column)? {
            None => Ok(None),
            Some(_) => self.word(column, parse).map(Some),
        }
    }
}

fn read_json<T: serde::de::DeserializeOwned>(text: &str, column: &str) -> Answer<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
}

pub(super) fn json(value: &impl serde::Serialize) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(super) fn attempt_row(row: &Row) -> Answer<AttemptRow> {
    Ok(AttemptRow {
        order_sn: row.get("order_sn")?,
        domain_code: row.get("domain_code")?,
        request_key: row.get("request_key")?,
        money: row.money("money", "currency")?,
        request_status: row.word("request_status", PayStatus::parse)?,
        request_created_ms: row.get("request_created_ms")?,
        token: row.get("token")?,
        channel: row.word("channel", Channel::parse)?,
        account: row.get("account")?,
        kind: row.word("kind", Kind::parse)?,
        channel_order_no: row.get("channel_order_no")?,
        channel_money: row.money("channel_money", "channel_currency")?,
        asked_money: match row.get::<Option<i64>>("asked_money")? {
            None => None,
            Some(_) => Some(row.money("asked_money", "channel_currency")?),
        },
        rate: row.optional("rate", Rate::parse)?,
        openid: row.get("openid")?,
        signed: signed(row)?,
        secret_generation: row.get("secret_generation")?,
        status: row.word("status", Attempt::parse)?,
        obj: row
            .get::<Option<String>>("obj")?
            .map(|text| read_json(&text, "obj"))
            .transpose()?,
        reference: row.get("reference")?,
        created_ms: row.get("created_ms")?,
        expires_ms: row.get("expires_ms")?,
        trade_no: row.get("trade_no")?,
        paid_ms: row.get("paid_ms")?,
        mismatch: row.get("mismatch")?,
        held: row.get("held")?,
    })
}

/// Not by `word`, whose error would show them.
fn signed(row: &Row) -> Answer<Signed> {
    let query: String = row.get("signed_values")?;
    let unreadable = || StoreError::Corrupt("signed_values can't be read".to_owned());
    Signed::parse(&query).ok_or_else(unreadable)
}

pub(super) fn callback_row(row: &Row) -> Answer<CallbackRow> {
    Ok(CallbackRow {
        id: row.get("id")?,
        domain_code: row.get("domain_code")?,
        order_sn: row.get("order_sn")?,
        url: row.get("url")?,
        receiver: row.get("receiver")?,
        body: row.get("form")?,
        state: row.word("state", CallbackState::parse)?,
        tries: row.get("tries")?,
        created_ms: row.get("created_ms")?,
    })
}

pub(super) fn try_row(row: &Row) -> Answer<KeptTry> {
    let status: Option<i64> = row.get("status")?;
    let state: Option<String> = row.get("outcome")?;
    let state = state.and_then(|word| CallbackState::parse(&word));
    let again_ms: Option<i64> = row.get("again_ms")?;
    Ok(KeptTry {
        at_ms: row.get("at_ms")?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        answer: row.get("answer")?,
        duration_ms: row.get("duration_ms")?,
        location: row.get("location")?,
        outcome: state.and_then(|state| match state {
            CallbackState::Delivered => Some(TryOutcome::Delivered),
            CallbackState::Waiting => again_ms.map(TryOutcome::Again),
            CallbackState::Parked => Some(TryOutcome::Parked),
            // No try comes to that.
            CallbackState::Overtaken => None,
        }),
    })
}

pub(super) fn refund_row(row: &Row) -> Answer<RefundRow> {
    Ok(RefundRow {
        refund_no: row.get("refund_no")?,
        order_sn: row.get("order_sn")?,
        refund_key: row.get("refund_key")?,
        money: row.money("money", "currency")?,
        channel_money: row.money("channel_money", "channel_currency")?,
        cause: row.word("cause", Cause::parse)?,
        state: row.word("state", Refund::parse)?,
        reference: row.get("reference")?,
        note: row.get("note")?,
        by_hand: row.optional("by_hand", ByHand::parse)?,
        created_ms: row.get("created_ms")?,
    })
}

pub(super) fn entry_row(row: &Row) -> Answer<Entry> {
    Ok(Entry {
        seq: row.get("seq")?,
        at_ms: row.get("at_ms")?,
        by: row.get("source")?,
        what: row.get("what")?,
        detail: row.get("detail")?,
        notify_id: row.get("notify_id")?,
        hash: row.get("hash")?,
    })
}

pub(super) fn kept_notify_row(row: &Row) -> Answer<KeptNotify> {
    Ok(KeptNotify {
        id: row.get("id")?,
        row: NotifyRow {
            channel: row.word("channel", Channel::parse)?,
            account: row.get("account")?,
            channel_order_no: row.get("channel_order_no")?,
            body: row.get("body")?,
            headers: row.get("headers")?,
            received_ms: row.get("received_ms")?,
        },
    })
}

pub(super) fn partner_order_row(row: &Row) -> Answer<PartnerOrder> {
    Ok(PartnerOrder {
        order_id: row.get("order_id")?,
        domain_code: row.get("domain_code")?,
        order: Ordered {
            out_order_id: row.get("out_order_id")?,
            money: row.money("money", "currency")?,
            cb_url: row.get("cb_url")?,
            return_url: row.get("return_url")?,
            user_id: row.get("user_id")?,
            pay_type: row.get("pay_type")?,
            goods: row.get::<Option<String>>("goods")?.unwrap_or_default(),
            passback: row.get::<Option<String>>("passback")?.unwrap_or_default(),
        },
        created_ms: row.get("created_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_by_its_beginning_begins_so() {
        let begins = |text: &str, part: &str| assert!(text.starts_with(part), "{text}");
        begins(payment::refund::UNTOLD, "given back");
        begins(&NotifyOutcome::Odd.text("x"), "mismatch:");
        begins(&NotifyOutcome::NoSuchOrder.text("x"), "no such order");
    }
}
