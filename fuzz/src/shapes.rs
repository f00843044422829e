//! The shapes (docs/signing.md), written from that page alone: what was accepted must
//! have them.

use payment::domain::{Domain, KeyRule, Strict};
use payment::pairs::Pairs;
use payment::request::PayRequest;
use payment::verify::Verified;

const STATUS_WORDS: [&str; 8] = [
    "NOTPAY",
    "SUCCESSPAY",
    "FAILUREPAY",
    "NOTREFUND",
    "WAITREFUND",
    "SUCCESSREFUND",
    "FAILUREREFUND",
    "CLOSED",
];

/// An accepted payment request.
pub(crate) fn check_pay(domain: &Domain, pairs: &Pairs, request: &Verified<PayRequest>) {
    let value = |name: &str| pairs.get(name).unwrap_or_default();
    check_key(&request.request_key);
    check_key(&request.domain_code);
    let money = value("money");
    assert!(is_sum(money) && money.len() <= 9, "money {money:?}");
    assert_eq!(request.money.minor().to_string(), money);
    assert!(request.money.minor() <= domain.settings.largest_sum);
    assert!(matches!(value("currencyType"), "CNY" | "USD"));
    assert_eq!(request.money.currency().code(), value("currencyType"));
    if let Some(rate) = &request.rate {
        check_rate(rate);
    }
    for goods in [&request.info, &request.info_en] {
        check_goods(goods);
    }
    check_addresses(request);
    if let Some(openid) = &request.openid {
        assert!(openid.len() <= 128 && is_graphic(openid), "{openid:?}");
    }
    let hmac = value("signType") == "HMAC-SHA256";
    match &domain.rule {
        _ if hmac => check_hmac(pairs),
        KeyRule::Strict(strict) => check_strict(strict, pairs, request),
        KeyRule::Legacy(_) => {
            assert!(matches!(request.request_channel.as_str(), "" | "1"));
        }
    }
}

/// What takes nothing but HMAC.
pub(crate) fn check_hmac(pairs: &Pairs) {
    assert_eq!(pairs.get("signType"), Some("HMAC-SHA256"));
}

/// requestKey, refundKey and domainCode.
pub(crate) fn check_key(key: &str) {
    let fits = (1..=64).contains(&key.len()) && is_graphic(key);
    assert!(fits, "key {key:?}");
}

fn check_strict(strict: &Strict, pairs: &Pairs, request: &Verified<PayRequest>) {
    let key = &request.request_key;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    assert!(key.starts_with("D1-") && key.len() == 16 && key.bytes().all(plain));
    assert_eq!(request.request_channel, strict.request_channel);
    assert_eq!(request.money.currency(), strict.currency);
    if let Some(rate) = &request.rate {
        assert_eq!((rate.len(), rate.find('.')), (6, Some(1)), "rate {rate:?}");
    }
    for goods in [&request.info, &request.info_en] {
        let letter = goods.chars().next().is_none_or(char::is_alphabetic);
        assert!(letter && !goods.contains("D1-"), "goods {goods:?}");
    }
    assert_eq!(pairs.get("payTypeCodeIn").unwrap_or_default(), "");
}

fn check_rate(rate: &str) {
    let (whole, decimals) = rate.split_once('.').expect("a rate has a point");
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    assert!((1..=2).contains(&whole.len()) && digits(whole), "{rate:?}");
    assert!((1..=6).contains(&decimals.len()) && digits(decimals));
    let whole: u32 = whole.parse().expect("two digits");
    let zeros = |text: &str| text.bytes().all(|byte| byte == b'0');
    assert!(whole < 20 || (whole == 20 && zeros(decimals)), "{rate:?}");
    let cent = whole > 0 || !decimals.starts_with("00") && decimals.len() > 1;
    assert!(cent || !decimals.starts_with('0'), "{rate:?}");
}

fn check_goods(goods: &str) {
    if goods.is_empty() {
        return;
    }
    assert!(goods.chars().count() <= 1024);
    assert!(!goods.contains("://") && goods != "CNY" && goods != "USD");
    assert!(!STATUS_WORDS.iter().any(|word| goods.contains(word)));
    let digits = goods.bytes().all(|byte| byte.is_ascii_digit());
    assert!(digits || goods.contains(char::is_alphabetic), "{goods:?}");
}

fn check_addresses(request: &PayRequest) {
    let callback = &request.bg_url;
    check_address(callback);
    assert!(!callback.contains(['?', '#', '@']), "{callback:?}");
    assert_eq!(callback.matches("://").count(), 1, "{callback:?}");
    let pages = [
        &request.page_url,
        &request.dialog_ok_url,
        &request.dialog_fail_url,
    ];
    for page in pages.into_iter().flatten() {
        check_address(page);
    }
}

fn check_address(address: &str) {
    assert!(address.starts_with("http://") || address.starts_with("https://"));
    assert!(!address.contains(char::is_whitespace), "{address:?}");
    // A bare host gets its scheme from us.
    assert!(address.chars().count() <= 2048 + "http://".len());
}

fn is_sum(text: &str) -> bool {
    let mut bytes = text.bytes();
    matches!(bytes.next(), Some(b'1'..=b'9')) && bytes.all(|byte| byte.is_ascii_digit())
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}
