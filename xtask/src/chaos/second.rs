//! A second platform, the upstream of the first for some of its orders: what is paid
//! at the first settles through both, and either may be killed meanwhile.

use super::books::{OurOrder, TrueOrder, TrueRefund};
use super::plan::SECOND;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the first platform is called at the second.
pub(crate) const PARTNER: &str = "first";
/// The merchants that only the second has: an order's number is its maker's own.
pub(crate) const MERCHANTS: [&str; 2] = ["sandbox-cert", "sandbox-alipay-cert"];
/// Before a refund's number that a partner gave.
const NAMED: &str = "no:";

/// What lies behind the first platform, and what behind the second: the sandbox's orders
/// of each, and for the first also what the second's book has of it.
pub(crate) fn sides(truth: Vec<TrueOrder>, book: &[OurOrder]) -> (Vec<TrueOrder>, Vec<TrueOrder>) {
    let is_seconds = |order: &TrueOrder| MERCHANTS.contains(&order.account.as_str());
    let (seconds, mut firsts): (Vec<_>, _) = truth.into_iter().partition(is_seconds);
    firsts.extend(as_upstream(book));
    (firsts, seconds)
}

/// Each request of the second platform's is an order at the first one's upstream.
fn as_upstream(book: &[OurOrder]) -> Vec<TrueOrder> {
    let mut requests: BTreeMap<&str, Vec<&OurOrder>> = BTreeMap::new();
    for attempt in book {
        requests
            .entry(&attempt.request_key)
            .or_default()
            .push(attempt);
    }
    requests
        .values()
        .filter_map(|attempts| as_order(attempts))
        .collect()
}

fn as_order(attempts: &[&OurOrder]) -> Option<TrueOrder> {
    let first = attempts.first()?;
    let paid = attempts.iter().filter(|one| one.status == "SUCCESSPAY");
    let refunds = paid.clone().flat_map(|attempt| &attempt.refunds);
    let asked = refunds.filter_map(|refund| {
        let number = refund.refund_key.as_deref()?.strip_prefix(NAMED)?;
        Some((number, refund))
    });
    let done = asked
        .clone()
        .filter(|(_, refund)| refund.state == "SUCCESSREFUND");
    let failed = asked
        .clone()
        .filter(|(_, refund)| refund.state == "FAILUREREFUND");
    let closed: BTreeMap<_, _> = failed.map(|(number, _)| (number, json!({}))).collect();
    let parked = asked.filter(|(_, refund)| refund.state == "PARKED");
    let stuck: BTreeMap<_, _> = parked
        .map(|(number, _)| (number, json!({"state": "ABNORMAL"})))
        .collect();
    Some(TrueOrder {
        channel: "Apay".to_owned(),
        account: SECOND.to_owned(),
        channel_order_no: first.out_order_id.clone()?,
        amount: first.money,
        currency: "CNY".to_owned(),
        state: first.request_status.clone(),
        times_paid: u32::try_from(paid.count()).ok()?,
        refunds: done
            .map(|(number, refund)| TrueRefund {
                out_refund_no: number.to_owned(),
                amount: refund.money,
                custom_id: Value::Null,
            })
            .collect(),
        more: json!({ "closed": closed, "stuck": stuck }),
    })
}
