//! The forgeries that docs/signing.md tells of: each from one genuine request under its own sign,
//! and the requests of real senders that must stay accepted.

use crate::signer::{sign_pairs, signed, under, with};
use payment::domain::{Domain, KeyRule, Legacy, Recut};
use payment::errcode::ErrCode;
use payment::lang::Lang;
use payment::rule::Rule;
use payment::verify::verify_pay;

const DEMO: [(&str, &str); 8] = [
    ("domainCode", "demo"),
    ("requestChannel", "1"),
    ("money", "10000"),
    ("info", "Mug 23"),
    ("requestKey", "D1-0000000000001"),
    ("currencyType", "CNY"),
    ("bgUrl", "http://127.0.0.1:3002/callback"),
    ("rate", "6.8000"),
];

const TEST: [(&str, &str); 10] = [
    ("domainCode", "test"),
    ("money", "1"),
    ("info", "这是你买的商品详单信息"),
    ("requestKey", "1464659622189"),
    ("currencyType", "CNY"),
    ("pageUrl", "http://www.baidu.com"),
    ("bgUrl", "http://www.sina.com"),
    ("dialogOkUrl", "http://www.sohu.com"),
    ("dialogFailUrl", "http://www.163.com"),
    ("rate", "6.8"),
];

const FOURTH: [(&str, &str); 8] = [
    ("domainCode", "test"),
    ("requestChannel", "1"),
    ("money", "2678100"),
    ("info", "这是耳机支付"),
    ("requestKey", "324"),
    ("currencyType", "CNY"),
    ("pageUrl", "www.10020.cn"),
    ("bgUrl", "http://192.168.108.171:30030/gateway/acceptpay"),
];

fn test_domain() -> Domain {
    let mut domain = Domain::test();
    domain.settings.private_callback_hosts = vec!["192.168.108.171".to_owned()];
    domain
}

#[test]
fn a_strict_domain_refuses_every_other_reading() {
    let sign = sign_pairs(&DEMO, "demo-secret");
    assert!(verify_pay(&Domain::demo(), &under(&DEMO, &sign), 0).is_ok());
    for (changes, code) in [
        (
            vec![("requestChannel", "10000"), ("money", "1")],
            ErrCode::Ambiguous,
        ),
        (
            vec![("info", "D1-0000000000001"), ("requestKey", "Mug23")],
            ErrCode::BadSign,
        ),
        (
            vec![("currencyType", "USD"), ("info", "CNY")],
            ErrCode::Malformed,
        ),
    ] {
        let forged = with(&DEMO, &changes);
        let refusal = verify_pay(&Domain::demo(), &under(&forged, &sign), 0).unwrap_err();
        assert_eq!(refusal.code(), code, "{changes:?}: {refusal}");
    }
    // The values are cut elsewhere, under the same joined text.
    let forged = with(&DEMO, &[("requestChannel", ""), ("money", "110000")]);
    assert_eq!(sign_pairs(&forged, "demo-secret"), sign);
    assert!(verify_pay(&Domain::demo(), &under(&forged, &sign), 0).is_err());
}

#[test]
fn info_and_request_key_never_change_places() {
    let genuine = with(&DEMO, &[("info", "D1x0000000000002")]);
    let sign = sign_pairs(&genuine, "demo-secret");
    assert!(verify_pay(&Domain::demo(), &under(&genuine, &sign), 0).is_ok());
    let swapped = with(
        &genuine,
        &[
            ("info", "D1-0000000000001"),
            ("requestKey", "D1x0000000000002"),
        ],
    );
    let refusal = verify_pay(&Domain::demo(), &under(&swapped, &sign), 0).unwrap_err();
    assert_eq!(refusal.code(), ErrCode::Ambiguous);
}

#[test]
fn the_requests_of_real_senders_stay_accepted() {
    let accepted = [
        TEST.to_vec(),
        with(&TEST, &[("requestKey", "1465183124626")]),
        FOURTH.to_vec(),
        with(&FOURTH, &[("money", "2")]),
        with(&FOURTH, &[("money", "12")]),
        with(&FOURTH, &[("money", "20")]),
        with(&FOURTH, &[("rate", "6.8")]),
        with(&TEST, &[("dialogOkUrl", ""), ("dialogFailUrl", "")]),
        with(&FOURTH, &[("info", "96577886")]),
        with(&TEST, &[("requestChannel", "1")]),
    ];
    for pairs in accepted {
        let verified = verify_pay(&test_domain(), &signed(&pairs, "test"), 0);
        assert!(verified.is_ok(), "{pairs:?}: {:?}", verified.err());
    }
}

#[test]
fn a_legacy_domain_refuses_whole_values_in_other_places() {
    let sign = sign_pairs(&FOURTH, "test");
    let one_fen = with(
        &FOURTH,
        &[
            ("money", "1"),
            ("requestChannel", ""),
            ("infoEn", "2678100"),
        ],
    );
    assert_eq!(sign_pairs(&one_fen, "test"), sign);
    let refusal = verify_pay(&test_domain(), &under(&one_fen, &sign), 0).unwrap_err();
    assert_eq!(refusal.code(), ErrCode::Malformed);
    let swapped = with(&FOURTH, &[("money", "1"), ("requestChannel", "2678100")]);
    let refusal = verify_pay(&test_domain(), &under(&swapped, &sign), 0).unwrap_err();
    assert_eq!(refusal.code(), ErrCode::Ambiguous);
}

#[test]
fn a_legacy_sign_with_two_sums_is_refused_even_for_the_genuine_reading() {
    // Both are in the domain's list: money and requestChannel could change places.
    let mut domain = test_domain();
    domain.rule = KeyRule::Legacy(Legacy {
        request_channels: vec![String::new(), "1".to_owned(), "2".to_owned()],
        ..Legacy::default()
    });
    let pairs = with(&FOURTH, &[("money", "2")]);
    let refusal = verify_pay(&domain, &signed(&pairs, "test"), 0).unwrap_err();
    assert_eq!(refusal.code(), ErrCode::Ambiguous);
}

#[test]
fn another_key_under_the_same_sign_is_told_and_not_refused() {
    let pairs = with(
        &FOURTH,
        &[("info", "96577886"), ("requestKey", "900000001")],
    );
    let verified = verify_pay(&test_domain(), &signed(&pairs, "test"), 0).unwrap();
    assert!(verified.fits_another_key());
    let bare = [
        ("pageUrl", ""),
        ("dialogOkUrl", ""),
        ("dialogFailUrl", ""),
        ("rate", ""),
    ];
    let pairs = with(&TEST, &bare);
    assert!(
        !verify_pay(&test_domain(), &signed(&pairs, "test"), 0)
            .unwrap()
            .fits_another_key()
    );
}

type Changes = &'static [(&'static str, &'static str)];

/// Genuine requests and what a payer makes of them under the same sign.
const RECUT: [(Changes, Changes); 5] = [
    (
        &[("money", "12345"), ("info", "Bluetooth headphones")],
        &[("money", "1234"), ("info", "5Bluetooth headphones")],
    ),
    (
        &[("money", "12345"), ("requestChannel", "")],
        &[("money", "2345"), ("requestChannel", "1")],
    ),
    (
        &[("money", "12341"), ("rate", "6.8")],
        &[("money", "1234"), ("rate", "16.8")],
    ),
    (
        &[("money", "79"), ("rate", "6.8")],
        &[("money", "9"), ("rate", "6.87")],
    ),
    (
        &[("money", "12"), ("pageUrl", "360.cn")],
        &[("money", "1"), ("pageUrl", "2360.cn")],
    ),
];

/// A request of a legacy domain whose key begins with a letter.
fn legacy_base() -> Vec<(&'static str, &'static str)> {
    let key = [("requestKey", "K-7"), ("info", "Bag"), ("pageUrl", "")];
    let mut base = with(&FOURTH, &key);
    base.retain(|(name, _)| *name != "domainCode");
    base.push(("domainCode", "old"));
    base
}

fn legacy_domain(channels: &[&str], recut: Recut, rate_decimals: Option<u8>) -> Domain {
    let mut domain = test_domain();
    domain.code = "old".to_owned();
    domain.rule = KeyRule::Legacy(Legacy {
        request_channels: channels.iter().map(|text| (*text).to_owned()).collect(),
        recut,
        rate_decimals,
    });
    domain
}

#[test]
fn values_cut_elsewhere_are_refused_or_told() {
    for (genuine, forged) in RECUT {
        let (genuine, forged) = (with(&legacy_base(), genuine), with(&legacy_base(), forged));
        let sign = sign_pairs(&genuine, "test");
        assert_eq!(sign_pairs(&forged, "test"), sign);
        let channel = genuine.iter().find(|(name, _)| *name == "requestChannel");
        let channel = channel.map_or("", |(_, channel)| channel);
        let refuse = legacy_domain(&[channel], Recut::Refuse, Some(4));
        let both = [&genuine, &forged].map(|pairs| verify_pay(&refuse, &under(pairs, &sign), 0));
        assert!(both.iter().any(Result::is_err), "{genuine:?}");
        // A domain that existed takes both, as it did, and says so of one at least.
        let log = legacy_domain(&["", "1"], Recut::Log, None);
        let told = [&genuine, &forged].map(|pairs| {
            let verified = verify_pay(&log, &under(pairs, &sign), 0).unwrap();
            verified.could_be_recut().cloned()
        });
        assert!(told.iter().any(Option::is_some), "{genuine:?}");
    }
}

#[test]
fn the_refusal_names_the_cure() {
    let refuse = legacy_domain(&["1"], Recut::Refuse, None);
    let text = |pairs: &[(&str, &str)], lang| {
        verify_pay(&refuse, &signed(pairs, "test"), 0)
            .unwrap_err()
            .text(lang)
    };
    let goods = with(&legacy_base(), &[("info", "5Bag")]);
    assert!(text(&goods, Lang::En).contains("begin goods with a letter"));
    assert!(text(&goods, Lang::Zh).contains("须以字母或汉字开头"));
    let rate = with(&legacy_base(), &[("rate", "6.8000")]);
    assert!(text(&rate, Lang::En).contains("--rate-decimals"));
    let marathon = [
        ("info", "2024 Marathon"),
        ("requestKey", "1464659622189"),
        ("money", "12345"),
    ];
    let apart = with(&legacy_base(), &marathon);
    assert!(verify_pay(&refuse, &signed(&apart, "test"), 0).is_ok());
}

#[test]
fn the_documents_samples_have_one_sum() {
    let told = |pairs: &[(&str, &str)]| {
        let verified = verify_pay(&test_domain(), &signed(pairs, "test"), 0).unwrap();
        verified.could_be_recut().cloned()
    };
    assert_eq!(told(&TEST), None);
    assert_eq!(told(&with(&TEST, &[("requestKey", "1465183124626")])), None);
    // `test` lists requestChannel empty and 1: its risk.
    assert_eq!(told(&FOURTH), Some(Rule::DigitsMove));
}
