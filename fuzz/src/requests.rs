//! Signed requests: bytes become pairs, and pairs are judged as they came and
//! under a sign that holds, since a fuzzer finds no sign by itself.

use crate::shapes;
use payment::domain::Domain;
use payment::pairs::Pairs;
use payment::param::Param;
use payment::sign::{Purpose, hmac_sign, java_url_encode, sha1_sign};
use payment::signed::Signed;
use payment::verify::{
    domain_code, explain, verify_close, verify_pay, verify_query, verify_refund,
};
use serde_json::Value;

const PURPOSES: [Purpose; 4] = [
    Purpose::Pay,
    Purpose::Query,
    Purpose::Refund,
    Purpose::Close,
];

/// The first byte chooses domain and sign, the rest is a query string.
pub fn query(data: &[u8]) {
    let Some((choice, raw)) = data.split_first() else {
        return;
    };
    let Ok(raw) = str::from_utf8(raw) else {
        return;
    };
    let Ok(pairs) = Pairs::from_query(raw) else {
        return;
    };
    check_written_anew(&pairs);
    judge(*choice, &pairs);
}

/// The first byte chooses domain and sign, the rest is a JSON body.
pub fn json(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else {
        return;
    };
    let Ok(pairs) = Pairs::from_json(body) else {
        return;
    };
    check_written_anew(&pairs);
    check_against_another_reader(body, &pairs);
    judge(*choice, &pairs);
}

/// Pairs hold no control characters, and a query made of them reads back.
fn check_written_anew(pairs: &Pairs) {
    for (name, value) in pairs.iter() {
        assert!(!name.chars().chain(value.chars()).any(char::is_control));
    }
    let again = Pairs::from_query(&pairs.to_query());
    assert!(again.as_ref() == Ok(pairs), "another reading: {again:?}");
}

/// Where no name comes twice, a reader that keeps nothing raw finds the same texts.
fn check_against_another_reader(body: &[u8], pairs: &Pairs) {
    let members = match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => members,
        // That reader has no place for 2e444, which stays text here.
        Err(_) if pairs.iter().any(|(_, value)| is_number(value)) => return,
        other => panic!("pairs of what is no object: {other:?}"),
    };
    let kept = members.values().filter(|value| !value.is_null()).count();
    if kept != pairs.iter().count() {
        return;
    }
    for (name, value) in pairs.iter() {
        match &members[name] {
            Value::String(text) => assert_eq!(text, value),
            Value::Number(_) => assert!(is_number(value), "no number: {value:?}"),
            other => panic!("{name} was {other}"),
        }
    }
}

fn is_number(text: &str) -> bool {
    text.is_ascii() && text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

fn judge(choice: u8, pairs: &Pairs) {
    let domain = match choice & 1 {
        0 => Domain::demo(),
        _ => Domain::test(),
    };
    let purpose = PURPOSES[usize::from(choice >> 1 & 3)];
    let pairs = match choice >> 3 & 3 {
        0 => pairs.clone(),
        1 => sha1_signed(&domain, pairs, false),
        2 => sha1_signed(&domain, pairs, true),
        _ => hmac_signed(&domain, pairs, purpose),
    };
    let _ = domain_code(&pairs);
    let _ = explain(&domain, &pairs, purpose, 0);
    if let Ok(request) = verify_pay(&domain, &pairs, 0) {
        shapes::check_pay(&domain, &pairs, &request);
        let kept = Signed::parse(request.signed().as_query());
        let kept = kept.expect("what is kept of a request reads back");
        let again = verify_pay(&domain, kept.pairs(), 0).expect("what is kept verifies again");
        assert_eq!(again.signed(), request.signed());
        assert_eq!(again.money, request.money);
    }
    if let Ok(question) = verify_query(&domain, &pairs, 0) {
        shapes::check_key(&question.request_key);
    }
    if let Ok(wish) = verify_refund(&domain, &pairs, 0) {
        shapes::check_hmac(&pairs);
        shapes::check_key(&wish.request_key);
        shapes::check_key(&wish.refund_key);
        assert!((1..=domain.settings.largest_sum).contains(&wish.refund_money));
    }
    if let Ok(wish) = verify_close(&domain, &pairs, 0) {
        shapes::check_hmac(&pairs);
        shapes::check_key(&wish.request_key);
    }
}

/// The pairs without their sign, and with the SHA-1 sign of the seed's values;
/// `second`: payTypeCode signed too, addresses as Java encodes them.
fn sha1_signed(domain: &Domain, pairs: &Pairs, second: bool) -> Pairs {
    let mut kept = unsigned(pairs, &["sign", "signType"]);
    let signed = kept.iter().filter(|(name, _)| {
        Param::parse(name).is_some_and(Param::is_of_seed) && (second || name != "payTypeCode")
    });
    let values: Vec<String> = signed
        .map(|(name, value)| {
            if second && Param::ADDRESSES.iter().any(|one| one.name() == name) {
                java_url_encode(value)
            } else {
                value.clone()
            }
        })
        .collect();
    let sign = sha1_sign(values.iter().map(String::as_str), &domain.secrets()[0]);
    kept.push(("sign".to_owned(), sign));
    Pairs::from_stored(kept)
}

/// The pairs without their sign, and with the HMAC for this purpose.
fn hmac_signed(domain: &Domain, pairs: &Pairs, purpose: Purpose) -> Pairs {
    let mut kept = unsigned(pairs, &["sign", "signType"]);
    kept.push(("signType".to_owned(), "HMAC-SHA256".to_owned()));
    let is_signed = |name: &str| {
        Param::parse(name).is_some_and(|param| match param {
            Param::RefundKey | Param::RefundMoney => purpose == Purpose::Refund,
            Param::PayTypeCode => false,
            param => !param.is_unsigned(),
        })
    };
    let signed = kept.iter().filter(|(name, _)| is_signed(name));
    let signed = signed.map(|(name, value)| (name.as_str(), value.as_str()));
    let sign = hmac_sign(purpose, signed, &domain.secrets()[0]);
    kept.push(("sign".to_owned(), sign));
    Pairs::from_stored(kept)
}

fn unsigned(pairs: &Pairs, left_out: &[&str]) -> Vec<(String, String)> {
    let kept = pairs.iter().filter(|(name, _)| !left_out.contains(name));
    kept.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
