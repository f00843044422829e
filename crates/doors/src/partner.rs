//! What all doors share whose callers are partners: their addresses, and refunds that are
//! made once, whatever a door calls them.

use checkout::{Checkout, Failure as Trouble};
use payment::address::{Address, AddressError};
use payment::order::Attempt;
use payment::ports::{AttemptRow, RefundRow};
use payment::refund::{AT_CHANNEL_PREFIX, Cause};
use payment::refusal::Refusal;
use payment::request::broken_address;

/// A refund's key in the store, where the partner gave its number.
const NAMED: &str = "no:";
/// The same, where he gave none.
const UNNAMED: &str = "as:";
/// No number of a refund is longer, in bytes.
pub(crate) const REFUND_NO_MAX: usize = 64;
/// What no address of a partner holds, and one that we call neither.
pub(crate) const URL_WITHOUT: [&str; 4] = ["\\", "\"", "<", ">"];
pub(crate) const CALLED_WITHOUT: [&str; 5] = ["#", "\\", "\"", "<", ">"];

/// The attempt that paid an order.
pub(crate) fn paid(attempts: &[AttemptRow]) -> Option<&AttemptRow> {
    attempts
        .iter()
        .find(|attempt| attempt.status == Attempt::Paid)
}

/// A refund that a partner names: the same number, his or ours, is the same refund.
pub(crate) async fn refund_named(
    checkout: &Checkout,
    paid: &AttemptRow,
    named: &str,
    fen: i64,
) -> Result<RefundRow, Trouble> {
    let refunds = checkout.refunds_of(&paid.order_sn).await?;
    let key = match refunds.iter().find(|row| row.refund_no == named) {
        // An operator's own name of it is none that is known outside.
        Some(row) if row.cause == Cause::Operator => row.refund_no.clone(),
        Some(row) => row
            .refund_key
            .clone()
            .unwrap_or_else(|| row.refund_no.clone()),
        // Ours of another order is a slip, and no number of his.
        None if checkout.is_refund_of(&paid.domain_code, named).await? => {
            return Err(Trouble::RefundKeyReused);
        }
        None => format!("{NAMED}{named}"),
    };
    checkout.refund_keyed(paid, key, fen).await
}

/// The key of a refund that names no number: a call that was signed alike, which has this
/// digest, is the same refund for ever.
pub(crate) fn unnamed_key(digest: &str) -> String {
    format!("{UNNAMED}{digest}")
}

/// What the partner knows a refund by: his number, or ours where he gave none.
pub(crate) fn refund_number(row: &RefundRow) -> &str {
    let key = row.refund_key.as_deref().unwrap_or_default();
    let named = key.strip_prefix(NAMED);
    let at_channel = key.starts_with(AT_CHANNEL_PREFIX).then_some(key);
    named.or(at_channel).unwrap_or(&row.refund_no)
}

/// An address: its query is the partner's own, and comes back to him.
pub(crate) fn address(name: &str, text: &str, without: &[&'static str]) -> Result<String, Refusal> {
    let refused = |rule| broken_address(name, rule);
    let address = Address::parse(text).map_err(refused)?;
    if let Some(held) = without.iter().find(|held| text.contains(**held)) {
        return Err(refused(AddressError::Holds(held)));
    }
    let before = text.split(['?', '#']).next().unwrap_or_default();
    if before.contains('@') {
        return Err(refused(AddressError::Holds("@")));
    }
    if before.matches("://").count() != 1 {
        return Err(refused(AddressError::SecondScheme));
    }
    Ok(address.as_str().to_owned())
}
