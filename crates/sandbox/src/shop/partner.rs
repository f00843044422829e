//! A partner's receiver: the notification at `cb_url` (docs/forecore.md), for
//! orders that somebody made who signs for himself.

use crate::apay::sign;
use crate::text::yuan_text;
use std::collections::BTreeMap;

/// Of the document's own partner, `p001`.
const KEY: &str = "123456";

/// The fields of a notification, its address's own among them.
pub(super) fn fields(query: &str, body: &[u8]) -> BTreeMap<String, String> {
    sign::fields(query, body).unwrap_or_default()
}

pub(super) fn verifies(fields: &BTreeMap<String, String>) -> bool {
    let sign = sign::sign(fields, KEY);
    fields.get("sign").is_some_and(|told| *told == sign)
}

/// Which order is paid, with how many fen; other currencies are not sold in.
pub(super) fn sum(fields: &BTreeMap<String, String>) -> Option<(&str, i64)> {
    let money = fields.get("money").and_then(|money| yuan_text(money));
    let in_yuan = fields.get("currency").is_some_and(|code| code == "CNY");
    let number = fields.get("outOrderId")?;
    Some((number, money.filter(|_| in_yuan)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_with_the_addresss_own_fields_verifies() {
        let signed = "outOrderId=o1&money=1.5&currency=CNY&shop=7";
        let unsigned = fields("shop=7", signed.as_bytes());
        let sign = sign::sign(&unsigned, KEY);
        let told = fields("shop=7", format!("{signed}&sign={sign}").as_bytes());
        assert!(verifies(&told));
        assert_eq!(sum(&told), Some(("o1", 150)));
        let more = fields("shop=7", format!("{signed}&money=2&sign={sign}").as_bytes());
        assert!(!verifies(&more));
        assert!(sum(&fields("", b"outOrderId=o1&money=1&currency=USD")).is_none());
    }
}
