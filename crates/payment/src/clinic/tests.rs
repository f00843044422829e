//! Each mistake, made here as those make it who make it, and what is said to it.

use super::*;
use crate::domain::Domain;
use crate::escape::escape;
use crate::fields::Fields;
use crate::lang::Lang;
use crate::pairs::Pairs;
use crate::pasted::{Kind, Pasted, report};
use crate::sign::{Purpose, sha1_sign};
use crate::verify::{examine, verify_pay};

const NOW_MS: i64 = 1_800_000_000_000;
/// Names and values as a newcomer sends them.
const SENT: [(&str, &str); 8] = [
    ("domainCode", "test"),
    ("requestKey", "1464659622189"),
    ("money", "12345"),
    ("info", "耳机 A&B+C"),
    ("currencyType", "CNY"),
    ("bgUrl", "http://127.0.0.1:3002/callback"),
    ("pageUrl", "http://127.0.0.1:3002/"),
    ("rate", "6.8"),
];

fn hex_of(made: Made, text: &str, key: &str) -> String {
    hex::encode(made.of(text.as_bytes(), key.as_bytes()))
}

fn values() -> Vec<String> {
    SENT.iter().map(|(_, value)| (*value).to_owned()).collect()
}

/// Sorted with the secret, and joined.
fn right_of(values: &[String], secret: &str) -> String {
    let mut all = [values, &[secret.to_owned()]].concat();
    all.sort();
    all.concat()
}

fn by_name() -> Vec<(&'static str, &'static str)> {
    let mut sent = SENT.to_vec();
    sent.sort_unstable();
    sent
}

fn signed(sent: &[(&str, &str)], sign: &str) -> Pairs {
    let pairs = sent.iter().copied().chain([("sign", sign)]);
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Pairs::from_stored(pairs.collect())
}

/// What the clinic says, in words; the sign is refused whatever it says.
fn said(sent: &[(&str, &str)], sign: &str) -> Vec<&'static str> {
    let pairs = signed(sent, sign);
    let domain = Domain::test();
    assert!(
        verify_pay(&domain, &pairs, NOW_MS).is_err(),
        "{sign} was taken"
    );
    let slips = examine(&domain, &pairs, Purpose::Pay, NOW_MS).unwrap_or_default();
    slips.into_iter().map(Slip::word).collect()
}

#[test]
fn the_old_signs_mistakes_are_named() {
    let (all, secret) = (values(), "test");
    let text = right_of(&all, secret);
    let changed = |change: &dyn Fn(&str) -> String| {
        let changed: Vec<String> = all.iter().map(|value| change(value)).collect();
        hex_of(Made::Sha1, &right_of(&changed, secret), "")
    };
    let named = by_name();
    let bare: Vec<String> = named.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let sorted_values: String = named.iter().map(|(_, value)| *value).collect();
    let sha1 = |text: &str| hex_of(Made::Sha1, text, "");
    let mut without_secret = all.clone();
    without_secret.sort();
    let without_secret = without_secret.concat();
    let (gbk, _, _) = encoding_rs::GBK.encode(&text);
    for (sign, words) in [
        (sha1(&text).to_uppercase(), vec!["upper-case"]),
        (STANDARD.encode(Sha1::digest(&text)), vec!["base64"]),
        (hex_of(Made::Md5, &text, ""), vec!["md5"]),
        (
            hex_of(Made::Md5, &text, "").to_uppercase(),
            vec!["md5", "upper-case"],
        ),
        (hex_of(Made::Sha256, &text, ""), vec!["sha256"]),
        (hex_of(Made::Sha512, &text, ""), vec!["sha512"]),
        (
            hex_of(Made::HmacSha1, &without_secret, secret),
            vec!["hmac-sha1"],
        ),
        (
            hex_of(Made::HmacSha256, &without_secret, secret),
            vec!["hmac"],
        ),
        (
            sha1(&format!("{sorted_values}{secret}")),
            vec!["sorted-by-name", "secret-last"],
        ),
        (
            sha1(&format!("{}{secret}", all.concat())),
            vec!["not-sorted", "secret-last"],
        ),
        (
            sha1(&format!("{secret}{without_secret}")),
            vec!["secret-first"],
        ),
        (
            sha1(&format!("{without_secret}{secret}")),
            vec!["secret-last"],
        ),
        (sha1(&without_secret), vec!["no-secret"]),
        (
            hex_of(Made::Md5, &format!("{}&key={secret}", bare.join("&")), "").to_uppercase(),
            vec!["names", "secret-as-key", "md5", "upper-case"],
        ),
        (
            sha1(&format!("{}{secret}", bare.join("&"))),
            vec!["names", "secret-last"],
        ),
        (sha1(&right_of(&all, "test\n")), vec!["secret-blank"]),
        (sha1(&right_of(&all, "test ")), vec!["secret-blank"]),
        (sha1(&format!("{text}\n")), vec!["line-end"]),
        (sha1(&format!("\u{feff}{text}")), vec!["byte-order-mark"]),
        (changed(&escape), vec!["escaped"]),
        (changed(&crate::sign::java_url_encode), vec!["escaped"]),
        (
            changed(&|value| value.replace('&', "&amp;")),
            vec!["html-escaped"],
        ),
        (hex::encode(Sha1::digest(&gbk)), vec!["gbk"]),
        (
            changed(&|value| if value == "12345" { "123.45" } else { value }.to_owned()),
            vec!["yuan"],
        ),
        (
            changed(&|value| if value == "12345" { "12345.0" } else { value }.to_owned()),
            vec!["decimals"],
        ),
        (
            changed(&|value| if value == "6.8" { "" } else { value }.to_owned()),
            vec!["left-out"],
        ),
        (
            sha1(&right_of(
                &[all.clone(), vec!["undefined".to_owned(); 2]].concat(),
                secret,
            )),
            vec!["undefined"],
        ),
        (
            sha1(&{
                let mut all = [all.clone(), vec![secret.to_owned()]].concat();
                all.sort();
                all.join("&")
            }),
            vec!["separated"],
        ),
    ] {
        assert_eq!(said(&SENT, &sign), words, "{sign}");
    }
    assert!(said(&SENT, &sha1("something else")).is_empty());
}

#[test]
fn an_order_that_php_makes_is_known() {
    let sent = [
        ("money", "9"),
        ("rate", "10.5"),
        ("requestKey", "1464659622189"),
    ];
    let all = [
        ("domainCode", "test"),
        ("currencyType", "CNY"),
        ("bgUrl", "http://127.0.0.1:3002/callback"),
    ];
    let sent = [all.as_slice(), &sent].concat();
    // Numbers by their size, then text; as php 8.2 printed it.
    let joined = "910.51464659622189CNYhttp://127.0.0.1:3002/callbacktesttest";
    assert_eq!(said(&sent, &hex_of(Made::Sha1, joined, "")), ["php-sort"]);
}

#[test]
fn the_hmacs_mistakes_are_named() {
    let sent = [SENT.as_slice(), &[("signType", "HMAC-SHA256")]].concat();
    let mut named = sent.clone();
    named.sort_unstable();
    let joined = |pairs: &[(&str, &str)], change: &dyn Fn(&str) -> String| {
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={}", change(value)))
            .collect();
        pairs.join("&")
    };
    let right = joined(&named, &escape);
    let without_type: Vec<_> = named
        .iter()
        .filter(|(n, _)| *n != "signType")
        .copied()
        .collect();
    let hmac = |text: &str| hex_of(Made::HmacSha256, text, "test");
    for (sign, words) in [
        (
            hmac(&format!("pay\n{right}")).to_uppercase(),
            vec!["upper-case"],
        ),
        (
            STANDARD.encode(Made::HmacSha256.of(format!("pay\n{right}").as_bytes(), b"test")),
            vec!["base64"],
        ),
        (hmac(&right), vec!["no-purpose"]),
        (hmac(&format!("query\n{right}")), vec!["other-purpose"]),
        (hmac(&format!("pay\\n{right}")), vec!["backslash-n"]),
        (
            hmac(&format!("pay\n{}", joined(&named, &str::to_owned))),
            vec!["not-escaped"],
        ),
        (
            hmac(&format!(
                "pay\n{}",
                joined(&named, &crate::sign::java_url_encode)
            )),
            vec!["escaped-otherwise"],
        ),
        (
            hmac(&format!("pay\n{}", joined(&sent, &escape))),
            vec!["not-sorted"],
        ),
        (
            hmac(&format!("pay\n{}", joined(&without_type, &escape))),
            vec!["sign-type-not-signed"],
        ),
        (
            hex_of(Made::HmacSha1, &format!("pay\n{right}"), "test"),
            vec!["hmac-sha1"],
        ),
        (
            hex_of(Made::HmacSha256, &format!("pay\n{right}"), "test\n"),
            vec!["secret-blank"],
        ),
        (
            hex_of(Made::Sha1, &right_of(&values(), "test"), ""),
            vec!["old-form"],
        ),
    ] {
        assert_eq!(said(&sent, &sign), words, "{sign}");
    }
    let forgotten = hmac(&format!("pay\n{right}"));
    assert_eq!(said(&SENT, &forgotten), ["sign-type-missing"]);
}

#[test]
fn what_came_otherwise_than_it_was_sent_is_named() {
    let sha1 = |values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        hex_of(Made::Sha1, &right_of(&values, "test"), "")
    };
    let rest = [
        "test",
        "1464659622189",
        "100",
        "CNY",
        "http://127.0.0.1:3002/callback",
    ];
    let sent = |info: &'static str| {
        let names = ["domainCode", "requestKey", "money", "currencyType", "bgUrl"];
        let mut sent: Vec<_> = names.into_iter().zip(rest).collect();
        sent.push(("info", info));
        sent
    };
    let signed = |info: &'static str| sha1(&[rest.as_slice(), &[info]].concat());
    for (arrived, meant, word) in [
        ("A B", "A+B", "plus-sent-bare"),
        ("%E8%80%B3%E6%9C%BA", "耳机", "encoded-twice"),
        (" cup ", "cup", "trimmed"),
    ] {
        assert_eq!(said(&sent(arrived), &signed(meant)), [word]);
    }
    let with_lang = [sent("cup"), vec![("lang", "en")]].concat();
    let sign = sha1(&[rest.as_slice(), &["cup", "en"]].concat());
    assert_eq!(said(&with_lang, &sign), ["unsigned-too"]);
}

#[test]
fn a_secret_that_has_ended_is_named() {
    let mut domain = Domain::test();
    domain.rotate("a-newer-secret-0001", NOW_MS - 1);
    let sign = hex_of(Made::Sha1, &right_of(&values(), "test"), "");
    let pairs = signed(&SENT, &sign);
    let slips = examine(&domain, &pairs, Purpose::Pay, NOW_MS).unwrap();
    assert_eq!(slips, [Slip::EndedSecret]);
    // In any form that would hold.
    let java = |(name, value): &(&str, &'static str)| match name.ends_with("Url") {
        true => crate::sign::java_url_encode(value),
        false => (*value).to_owned(),
    };
    let values: Vec<String> = SENT.iter().map(java).collect();
    let old = &domain.secrets()[1];
    let pairs = signed(&SENT, &sha1_sign(values.iter().map(String::as_str), old));
    let slips = examine(&domain, &pairs, Purpose::Pay, NOW_MS).unwrap();
    assert_eq!(slips, [Slip::EndedSecret]);
}

/// What is said to a partner's call under an MD5 of this text.
fn partner_told(sent: &str, text: &str, domain: &Domain) -> Vec<&'static str> {
    let query = format!("{sent}&sign={}", hex_of(Made::Md5, text, ""));
    let (told, refusal) = report(domain, &Pasted::new(&query), Kind::Partner, NOW_MS).unwrap();
    assert!(refusal.is_some(), "{query} was taken");
    told.slips.into_iter().map(Slip::word).collect()
}

#[test]
fn a_partners_key_that_has_ended_is_named() {
    let mut domain = Domain::test();
    domain.rotate("a-newer-secret-0001", NOW_MS - 1);
    let sent = "outOrderId=A!1&partnerId=p001";
    let text = |sent: &str| partner_told(sent, &format!("test{sent}"), &domain);
    assert_eq!(text(sent), ["ended-secret"]);
    let last = partner_told(sent, "outOrderId=A%211&partnerId=p001test", &domain);
    assert_eq!(last, ["ended-secret", "secret-last"]);
}

#[test]
fn a_partners_sum_is_never_said_to_be_in_fen() {
    let domain = Domain::test();
    let sent = "money=150&partnerId=p001";
    let told = |text: &str| partner_told(sent, text, &domain);
    assert!(told("testmoney=1.50&partnerId=p001").is_empty());
    assert_eq!(told("testmoney=150.00&partnerId=p001"), ["decimals"]);
}

#[test]
fn a_query_begins_at_the_first_question_mark_that_no_value_holds() {
    for pasted in [
        "http://shop/pay.html?bgUrl=http://a/b?c&money=1",
        "http://shop/#/pay.html?bgUrl=http://a/b?c&money=1",
        "/pay.html?bgUrl=http://a/b?c&money=1",
        "bgUrl=http://a/b?c&money=1",
    ] {
        let pairs = Pasted::new(pasted).pairs().unwrap();
        let pairs: Vec<_> = pairs.iter().collect();
        assert_eq!(
            pairs,
            [("bgUrl", "http://a/b?c"), ("money", "1")],
            "{pasted}"
        );
    }
}

#[test]
fn a_partners_mistakes_are_named() {
    let key = Secret::new(1, "123456", None);
    let sent = [
        ("partnerId", "p001"),
        ("outOrderId", "A 1"),
        ("money", "1.50"),
        ("note", ""),
    ];
    let mut named = sent.to_vec();
    named.sort_unstable();
    let joined = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(n, v)| format!("{n}={}", escape(v)));
        pairs.collect::<Vec<_>>().join("&")
    };
    let text = joined(&named);
    let md5 = |text: &str| hex_of(Made::Md5, text, "");
    for (sign, words) in [
        (
            md5(&format!("123456{text}")).to_uppercase(),
            vec!["upper-case"],
        ),
        (md5(&format!("{text}123456")), vec!["secret-last"]),
        (md5(&format!("{text}&key=123456")), vec!["secret-as-key"]),
        (md5(&format!("123456{}", joined(&sent))), vec!["not-sorted"]),
        (
            md5(&format!("123456{}", text.replace("%20", " "))),
            vec!["not-escaped"],
        ),
        (
            hex_of(Made::Sha256, &format!("123456{text}"), ""),
            vec!["sha256"],
        ),
        (md5(&text), vec!["no-secret"]),
        (md5(&format!("123456\n{text}")), vec!["secret-blank"]),
    ] {
        let query = format!("{}&sign={sign}", joined(&sent));
        let fields = Fields::from_query(&query).unwrap();
        assert!(
            !crate::forecore::verifies(&fields, &key),
            "{sign} was taken"
        );
        let slips = examine_forecore(&fields, &key).unwrap_or_default();
        let said: Vec<_> = slips.into_iter().map(Slip::word).collect();
        assert_eq!(said, words, "{query}");
    }
}

#[test]
fn nothing_is_searched_for_ever() {
    let long = "耳".repeat(300);
    let info: Vec<_> = SENT
        .iter()
        .map(|(name, value)| {
            if *name == "info" {
                (*name, long.as_str())
            } else {
                (*name, *value)
            }
        })
        .collect();
    let counted = crate::budget::count_of(|| {
        assert!(said(&info, "0123").is_empty());
    });
    // What the verification hashes comes before, within a budget of its own.
    assert!(counted <= 3 * (256 << 10), "{counted}");
}

#[test]
fn only_a_developments_domain_is_told() {
    let text = right_of(&values(), "test");
    let sign = hex_of(Made::Md5, &text, "");
    let pairs = signed(&SENT, &sign);
    let mut domain = Domain::test();
    let told = |domain: &Domain| {
        let refusal = verify_pay(domain, &pairs, NOW_MS).unwrap_err();
        refusal.text(Lang::En)
    };
    assert!(told(&domain).contains("MD5"), "{}", told(&domain));
    domain.development = false;
    domain.settings.private_callback_hosts = vec!["127.0.0.1".to_owned()];
    let other = told(&domain);
    assert!(
        !other.contains("MD5") && other.contains("requestKey"),
        "{other}"
    );
}

#[test]
fn what_names_a_request_alone_is_a_query_and_as_json_a_close() {
    let guess = |text: &str| {
        let pasted = Pasted::new(text);
        Kind::guess(&pasted, &pasted.pairs().unwrap())
    };
    let close = r#"{"domainCode":"demo","requestKey":"R1","signType":"HMAC-SHA256","sign":"0"}"#;
    assert_eq!(guess(close), Kind::Call(Purpose::Close));
    assert_eq!(
        guess(&format!("\u{feff}{close}\n")),
        Kind::Call(Purpose::Close)
    );
    let query = "domainCode=demo&requestKey=R1&sign=0";
    assert_eq!(guess(query), Kind::Call(Purpose::Query));
    let refund = r#"{"domainCode":"demo","requestKey":"R1","refundKey":"F1"}"#;
    assert_eq!(guess(refund), Kind::Call(Purpose::Refund));
}

#[test]
fn what_is_pasted_of_epay_is_taken_apart() {
    let domain = Domain::test();
    let look = |query: &str| {
        let pasted = Pasted::new(query);
        assert_eq!(Kind::guess(&pasted, &pasted.pairs().unwrap()), Kind::Epay);
        report(&domain, &pasted, Kind::Epay, NOW_MS).unwrap()
    };
    let md5 = |text: &str| hex_of(Made::Md5, text, "");
    let call = "pid=1001&name=a%5Cb&money=1&param=&sign_type=MD5";
    for text in [
        "money=1&name=a\\b&pid=1001test",
        "money=1&name=ab&pid=1001test",
    ] {
        let (told, refusal) = look(&format!("{call}&sign={}", md5(text).to_uppercase()));
        assert!(told.forms[0].holds && refusal.is_none(), "{text}");
        assert_eq!(told.forms[0].text, "money=1&name=a\\b&pid=1001***");
    }
    let two = call.replace("%5C", "%5C%5C");
    let sign = md5("money=1&name=a\\b&pid=1001test");
    assert!(look(&format!("{two}&sign={sign}")).0.forms[0].holds);
    let wrong = md5("money=1&name=a\\b&pid=1001&key=test");
    let (told, refusal) = look(&format!("{call}&sign={wrong}"));
    assert!(!told.forms[0].holds && refusal.is_some());
    assert_eq!(told.slips, [Slip::SecretAsKey]);
    // News behind what stood in the address.
    let sign = md5("money=1.00&pid=1001&trade_status=TRADE_SUCCESStest");
    let news =
        format!("http://shop/cb?shop=7&pid=1001&money=1.00&trade_status=TRADE_SUCCESS&sign={sign}");
    assert!(look(&news).1.is_none());
}
