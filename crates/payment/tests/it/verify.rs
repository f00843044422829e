//! What a request must hold, and which forms of the sign are taken.

use crate::signer::{sign_pairs, signed, under, with};
use payment::domain::{Domain, Secret};
use payment::errcode::ErrCode;
use payment::pairs::Pairs;
use payment::refusal::Refusal;
use payment::sign::{Purpose, hmac_sign, java_url_encode};
use payment::signed::Signed;
use payment::verify::{verify_close, verify_pay, verify_query, verify_refund};

const SEED: [(&str, &str); 10] = [
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

/// The same without page addresses and rate.
const PLAIN: [(&str, &str); 6] = [
    ("domainCode", "test"),
    ("money", "1"),
    ("info", "这是你买的商品详单信息"),
    ("requestKey", "1464659622189"),
    ("currencyType", "CNY"),
    ("bgUrl", "http://www.sina.com"),
];

fn refusal(domain: &Domain, pairs: &Pairs) -> Refusal {
    verify_pay(domain, pairs, 0).unwrap_err()
}

#[test]
fn the_documents_request_is_read_as_it_is_meant() {
    let request = verify_pay(&Domain::test(), &signed(&SEED, "test"), 0).unwrap();
    assert_eq!(request.money.to_string(), "¥0.01");
    assert_eq!(request.info, "这是你买的商品详单信息");
    assert_eq!(
        request.dialog_ok_url.as_deref(),
        Some("http://www.sohu.com")
    );
    assert_eq!(request.rate.as_deref(), Some("6.8"));
    assert_eq!(request.pay_type, None);
}

#[test]
fn what_is_kept_of_a_request_verifies_again() {
    let pairs = under(
        &with(&SEED, &[("payTypeCode", "Wechat"), ("lang", "en")]),
        &sign_pairs(&SEED, "test"),
    );
    let request = verify_pay(&Domain::test(), &pairs, 0).unwrap();
    let signed = request.signed();
    let query = signed.as_query();
    assert!(
        !query.contains("payTypeCode") && !query.contains("lang="),
        "{query}"
    );
    let again = Signed::parse(query).unwrap();
    assert_eq!(
        verify_pay(&Domain::test(), again.pairs(), 0)
            .unwrap()
            .signed(),
        request.signed()
    );
}

#[test]
fn pay_type_code_may_be_signed_or_filled_in_later() {
    let domain = Domain::test();
    let chosen = with(&SEED, &[("payTypeCode", "Alipay")]);
    assert!(verify_pay(&domain, &under(&chosen, &sign_pairs(&SEED, "test")), 0).is_ok());
    let kept = verify_pay(&domain, &signed(&chosen, "test"), 0).unwrap();
    assert!(kept.signed().as_query().contains("payTypeCode=Alipay"));
}

#[test]
fn openid_and_lang_are_not_signed_and_strangers_are_dropped() {
    let sign = sign_pairs(&SEED, "test");
    let mut pairs = vec![("from", "singlemessage")];
    pairs.extend(SEED);
    pairs.extend([
        ("openid", "oABC"),
        ("lang", "en"),
        ("isappinstalled", "0"),
        ("from", "singlemessage"),
    ]);
    let request = verify_pay(&Domain::test(), &under(&pairs, &sign), 0).unwrap();
    assert_eq!(request.openid.as_deref(), Some("oABC"));
}

#[test]
fn a_sign_that_needs_a_stranger_is_refused_by_its_name() {
    let pairs = with(&SEED, &[("userId", "42")]);
    let refusal = refusal(&Domain::test(), &signed(&pairs, "test"));
    assert_eq!(refusal, Refusal::OnlyWithUnknown("userId".to_owned()));
    assert_eq!(refusal.code(), ErrCode::BadSign);
}

#[test]
fn all_four_addresses_may_be_signed_encoded_and_never_some_of_them() {
    let encoded: Vec<(&str, String)> = SEED
        .iter()
        .map(|(name, value)| {
            let text = if name.ends_with("Url") {
                java_url_encode(value)
            } else {
                (*value).to_owned()
            };
            (*name, text)
        })
        .collect();
    let all: Vec<(&str, &str)> = encoded.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert!(verify_pay(&Domain::test(), &under(&SEED, &sign_pairs(&all, "test")), 0).is_ok());
    let mixed: Vec<(&str, &str)> = all
        .iter()
        .zip(&SEED)
        .map(|(new, old)| if new.0 == "bgUrl" { *old } else { *new })
        .collect();
    let refusal = refusal(&Domain::test(), &under(&SEED, &sign_pairs(&mixed, "test")));
    assert_eq!(refusal.code(), ErrCode::BadSign);
}

#[test]
fn a_known_name_comes_once() {
    let mut pairs = SEED.to_vec();
    pairs.push(("money", "1"));
    let sign = sign_pairs(&SEED, "test");
    assert_eq!(
        refusal(&Domain::test(), &under(&pairs, &sign)),
        Refusal::Repeated("money".to_owned())
    );
}

#[test]
fn page_addresses_lie_on_listed_hosts() {
    let mut domain = Domain::test();
    domain.settings.return_hosts = vec!["www.baidu.com".to_owned(), "www.sohu.com".to_owned()];
    let pairs = signed(&SEED, "test");
    assert_eq!(
        refusal(&domain, &pairs),
        Refusal::AddressRefused("dialogFailUrl".to_owned())
    );
    domain.settings.return_hosts.push("www.163.com".to_owned());
    assert!(verify_pay(&domain, &pairs, 0).is_ok());
}

#[test]
fn the_host_of_a_bare_page_is_the_one_that_is_followed() {
    let mut domain = Domain::test();
    domain.settings.return_hosts = vec!["a.cn".to_owned()];
    let page = |text| signed(&with(&PLAIN, &[("pageUrl", text)]), "test");
    assert!(verify_pay(&domain, &page("a.cn/x"), 0).is_ok());
    for evil in [
        "evil.com/x://a.cn/",
        "evil.com?x://a.cn/",
        "http://a.cn@evil.com/",
    ] {
        let refused = refusal(&domain, &page(evil));
        assert_eq!(
            refused,
            Refusal::AddressRefused("pageUrl".to_owned()),
            "{evil}"
        );
    }
    domain.settings.return_hosts.clear();
    let taken = verify_pay(&domain, &page("evil.com/x://a.cn/"), 0).unwrap();
    let followed = taken.page_url.as_deref().unwrap();
    assert_eq!(
        payment::address::origin(followed).as_deref(),
        Some("http://evil.com")
    );
}

#[test]
fn what_can_not_be_called_is_refused_when_it_arrives() {
    for (address, rule) in [
        ("http://a.cn:99999/", "port"),
        ("http://[fe80::1%25lo]/", "host"),
        ("http://ａ.cn/", "host"),
        ("http://a;b/", "host"),
        ("ftp://a.cn/", "begins with http://"),
    ] {
        let pairs = signed(&with(&PLAIN, &[("bgUrl", address)]), "test");
        let refused = refusal(&Domain::test(), &pairs);
        assert_eq!(refused.code(), ErrCode::Malformed, "{address}");
        assert!(refused.to_string().contains(rule), "{refused}");
    }
}

#[test]
fn a_private_callback_needs_the_operators_word() {
    let values = [
        ("domainCode", "test"),
        ("requestChannel", "1"),
        ("money", "2678100"),
        ("info", "这是耳机支付"),
        ("requestKey", "324"),
        ("currencyType", "CNY"),
        ("pageUrl", "www.10020.cn"),
        ("bgUrl", "http://192.168.108.171:30030/gateway/acceptpay"),
    ];
    let pairs = under(&values, "f587f4cab9db83987bebd7a4ca0bad6c78a8ad08");
    let mut domain = Domain::test();
    assert_eq!(refusal(&domain, &pairs).code(), ErrCode::AddressRefused);
    domain.settings.private_callback_hosts = vec!["192.168.108.171".to_owned()];
    let request = verify_pay(&domain, &pairs, 0).unwrap();
    assert_eq!(request.page_url.as_deref(), Some("http://www.10020.cn"));
}

#[test]
fn a_rotated_secret_holds_until_its_end() {
    let mut domain = Domain::test();
    domain.rotate("next", 1_000);
    let (old, new) = (signed(&SEED, "test"), signed(&SEED, "next"));
    assert_eq!(verify_pay(&domain, &old, 999).unwrap().generation(), 1);
    assert_eq!(
        verify_pay(&domain, &old, 1_000).unwrap_err().code(),
        ErrCode::BadSign
    );
    assert_eq!(verify_pay(&domain, &new, 1_000).unwrap().generation(), 2);
}

fn hmac(purpose: Purpose, pairs: &[(&str, &str)]) -> Pairs {
    let sign = hmac_sign(
        purpose,
        pairs.iter().copied(),
        &Secret::new(1, "demo-secret", None),
    );
    under(pairs, &sign)
}

#[test]
fn hmac_signs_hold_for_their_purpose_alone() {
    let demo = Domain::demo();
    let question = [
        ("domainCode", "demo"),
        ("requestKey", "any key!".trim_end_matches(" key!")),
        ("signType", "HMAC-SHA256"),
    ];
    assert!(verify_query(&demo, &hmac(Purpose::Query, &question), 0).is_ok());
    assert!(verify_query(&demo, &hmac(Purpose::Close, &question), 0).is_err());
    assert!(verify_close(&demo, &hmac(Purpose::Close, &question), 0).is_ok());
    assert!(verify_close(&demo, &hmac(Purpose::Query, &question), 0).is_err());
    let refund = with(&question, &[("refundKey", "R1"), ("refundMoney", "100")]);
    assert_eq!(
        verify_refund(&demo, &hmac(Purpose::Refund, &refund), 0)
            .unwrap()
            .refund_money,
        100
    );
    assert!(verify_refund(&demo, &hmac(Purpose::Pay, &refund), 0).is_err());
}

#[test]
fn hmac_needs_no_strict_rules_and_keeps_the_shapes() {
    let demo = Domain::demo();
    let pay = [
        ("domainCode", "demo"),
        ("money", "12345"),
        ("info", "2 shirts"),
        ("requestKey", "free-form-key"),
        ("currencyType", "USD"),
        ("bgUrl", "http://127.0.0.1:9/cb"),
        ("signType", "HMAC-SHA256"),
    ];
    assert!(verify_pay(&demo, &hmac(Purpose::Pay, &pay), 0).is_ok());
    let zero = with(&pay, &[("money", "0")]);
    assert_eq!(
        refusal(&demo, &hmac(Purpose::Pay, &zero)).code(),
        ErrCode::Malformed
    );
    let private = with(&pay, &[("bgUrl", "http://10.0.0.1/cb")]);
    assert_eq!(
        refusal(&demo, &hmac(Purpose::Pay, &private)).code(),
        ErrCode::AddressRefused
    );
}

#[test]
fn refund_and_close_take_nothing_but_hmac_and_a_domain_may_ask_for_it() {
    let demo = Domain::demo();
    let pairs = [("domainCode", "demo"), ("requestKey", "D1-0000000000001")];
    let sha1 = signed(&pairs, "demo-secret");
    assert_eq!(
        verify_close(&demo, &sha1, 0).unwrap_err(),
        Refusal::HmacRequired
    );
    assert_eq!(
        verify_refund(&demo, &sha1, 0).unwrap_err(),
        Refusal::HmacRequired
    );
    assert!(verify_query(&demo, &sha1, 0).is_ok());
    let mut strict = Domain::demo();
    strict.settings.hmac_required = true;
    assert_eq!(
        verify_query(&strict, &sha1, 0).unwrap_err(),
        Refusal::HmacRequired
    );
}

#[test]
fn a_pay_sign_is_no_question_about_another_key() {
    let demo = Domain::demo();
    let pairs = [("domainCode", "demo"), ("requestKey", "1D1-000000000001")];
    let refusal = verify_query(&demo, &signed(&pairs, "demo-secret"), 0).unwrap_err();
    assert_eq!(refusal.code(), ErrCode::Ambiguous);
}

#[test]
fn refusals_name_the_parameter_and_hold_no_value() {
    let secret_looking = with(&SEED, &[("rate", "hunter2")]);
    let text =
        refusal(&Domain::test(), &signed(&secret_looking, "test")).text(payment::lang::Lang::Zh);
    assert!(text.contains("rate") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_broken_rule_is_told_with_its_figure() {
    use payment::lang::Lang;
    let good = [
        ("domainCode", "demo"),
        ("requestChannel", "1"),
        ("money", "100"),
        ("info", "Mug"),
        ("requestKey", "D1-0000000000001"),
        ("currencyType", "CNY"),
        ("bgUrl", "http://127.0.0.1:9/cb"),
    ];
    let long = "requestKey 须以 D1- 开头、共 16 位";
    for (name, value, zh, en) in [
        ("requestKey", "D1-1", long, "D1- and has 16"),
        (
            "requestChannel",
            "",
            "requestChannel 须为 1",
            "requestChannel is 1",
        ),
        (
            "currencyType",
            "USD",
            "currencyType 须为 CNY",
            "currencyType is CNY",
        ),
        ("rate", "6.8", "4 位小数", "4 decimals"),
        (
            "info",
            "2 mugs",
            "info 须以字母",
            "info begins with a letter",
        ),
        (
            "info",
            "Mug D1-",
            "info 不得包含 D1-",
            "info does not hold D1-",
        ),
        (
            "payTypeCodeIn",
            "Wechat",
            "payTypeCodeIn 须为空",
            "payTypeCodeIn is empty",
        ),
    ] {
        let pairs = signed(&with(&good, &[(name, value)]), "demo-secret");
        let refusal = refusal(&Domain::demo(), &pairs);
        assert_eq!(refusal.code(), ErrCode::Ambiguous, "{name}");
        let (told, english) = (refusal.text(Lang::Zh), refusal.text(Lang::En));
        assert!(told.contains(zh) && !told.contains("多种含义"), "{told}");
        assert!(english.contains(en), "{english}");
    }
}

#[test]
fn a_sign_type_is_its_one_word() {
    for wrong in ["hmac-sha256", "HMAC-SHA256 ", "SHA1"] {
        let pairs = signed(&with(&SEED, &[("signType", wrong)]), "test");
        let refused = refusal(&Domain::test(), &pairs);
        assert_eq!(refused.code(), ErrCode::Malformed, "{wrong}");
        assert!(verify_close(&Domain::test(), &pairs, 0).unwrap_err().code() == ErrCode::Malformed);
    }
    let mut pairs = SEED.to_vec();
    pairs.push(("signType", ""));
    let sign = sign_pairs(&SEED, "test");
    assert!(verify_pay(&Domain::test(), &under(&pairs, &sign), 0).is_ok());
}

#[test]
fn an_hmac_that_needs_a_stranger_is_refused_by_its_name() {
    let pay = [
        ("domainCode", "demo"),
        ("money", "12345"),
        ("requestKey", "K"),
        ("currencyType", "CNY"),
        ("bgUrl", "http://127.0.0.1:9/cb"),
        ("signType", "HMAC-SHA256"),
        ("from", "x"),
        ("userId", "42"),
    ];
    let without = with(&pay, &[("from", "")]);
    let sign = hmac_sign(
        Purpose::Pay,
        without.iter().copied(),
        &Secret::new(1, "demo-secret", None),
    );
    let named = Refusal::OnlyWithUnknown("userId".to_owned());
    assert_eq!(refusal(&Domain::demo(), &under(&pay, &sign)), named);
    assert_eq!(
        refusal(
            &Domain::demo(),
            &under(&with(&pay, &[("userId", "43")]), &sign)
        )
        .code(),
        ErrCode::BadSign
    );
}

#[test]
fn what_a_script_writes_without_an_openid_is_none() {
    let sign = sign_pairs(&SEED, "test");
    let openid = |text| {
        let mut pairs = SEED.to_vec();
        pairs.push(("openid", text));
        verify_pay(&Domain::test(), &under(&pairs, &sign), 0).map(|read| read.openid.clone())
    };
    for none in [
        "undefined",
        "null",
        " ",
        "",
        "NULL",
        "None",
        "nil",
        "(null)",
        "<null>",
        "NaN",
    ] {
        assert_eq!(openid(none), Ok(None), "{none:?}");
    }
    assert_eq!(openid("oABC"), Ok(Some("oABC".to_owned())));
    let long = "o".repeat(129);
    for bad in ["o A", long.as_str()] {
        assert_eq!(openid(bad).unwrap_err().code(), ErrCode::Malformed);
    }
}
