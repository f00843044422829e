//! The fields of Apay's interface: read, signed, and judged as an order.

use doors::apay::OrderCall;
use payment::domain::Secret;
use payment::fields::Fields;
use payment::forecore::{fen_of_yuan, md5_sign, verifies, yuan};
use payment::pairs::Pairs;

/// A query or form, a JSON body, or a query with a JSON body over it.
///
/// # Panics
/// When something does not hold that must.
pub fn fields(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match kind % 3 {
        0 => form(rest),
        1 => {
            if let Ok(fields) = Fields::from_json(rest) {
                judge(&fields);
            }
        }
        _ => {
            let cut = rest.iter().position(|byte| *byte == b'\n');
            let (query, body) = rest.split_at(cut.unwrap_or(rest.len()));
            let query = str::from_utf8(query).ok().map(Fields::from_query);
            let body = Fields::from_json(body.get(1..).unwrap_or_default());
            if let (Some(Ok(query)), Ok(body)) = (query, body) {
                judge(&query.overlaid(body));
            }
        }
    }
}

fn form(raw: &[u8]) {
    let Ok(text) = str::from_utf8(raw) else {
        return;
    };
    let Ok(fields) = Fields::from_query(text) else {
        return;
    };
    judge(&fields);
    let Ok(pairs) = Pairs::from_query(text) else {
        panic!("fields without pairs: {text}");
    };
    let unsigned: Vec<_> = pairs
        .iter()
        .filter(|(name, _)| *name != "sign")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let key = Secret::new(1, "123456", None);
    let sign = md5_sign(
        unsigned
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
        &key,
    );
    let mut signed = unsigned;
    signed.push(("sign".to_owned(), sign));
    let query = Pairs::from_stored(signed).to_query();
    match Fields::from_query(&query) {
        Ok(fields) => {
            assert!(verifies(&fields, &key), "signed and not taken: {query}");
            let other = Secret::new(1, "123457", None);
            assert!(!verifies(&fields, &other), "taken by another key: {query}");
        }
        Err(refusal) => panic!("written and not read: {refusal}: {query}"),
    }
}

/// What is taken as an order has the shapes of the document.
fn judge(fields: &Fields) {
    let Ok(OrderCall { order, .. }) = OrderCall::read(fields) else {
        return;
    };
    let fen = order.money.minor();
    assert!((1..=999_999_999).contains(&fen), "{fen}");
    assert_eq!(fen_of_yuan(&yuan(fen)), Some(fen));
    assert!(!order.out_order_id.is_empty() && order.out_order_id.chars().count() <= 128);
    assert!(!order.out_order_id.chars().any(char::is_control));
    for address in [&order.cb_url, &order.return_url] {
        let scheme = address.starts_with("http://") || address.starts_with("https://");
        assert!(scheme || address.is_empty(), "{address}");
        assert!(!address.contains(char::is_whitespace), "{address}");
    }
}
