//! Notifies of the four channels. The first byte chooses: the bytes as they are
//! (header lines, an empty line, the body), or signed as the channel would, so that
//! what lies behind the signature is read too.

use crate::accounts::{API_V3_KEY, MER_ID, NOW_MS, SERIAL, WEBHOOK_ID, WORLD};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use channels::paypal::signed_text;
use channels::wechat::answer_text;
use payment::channel::Channel;
use payment::ports::{ChannelError, Notify};
use serde_json::json;

type Read = Result<Notify, ChannelError>;

/// Pairs of names and values.
type Fields = Vec<(String, String)>;

const NONCE: &str = "abcdefghijkl";

/// WeChat Pay.
pub fn wechat(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    if choice % 3 == 0 {
        return forged(Channel::Wechat, rest);
    }
    let body = match choice % 3 {
        1 => rest.to_vec(),
        _ => sealed(rest),
    };
    let time = (NOW_MS / 1000).to_string();
    let signature = WORLD.key.sign(&answer_text(&time, NONCE, &body));
    let headers = [
        ("wechatpay-timestamp", time.as_str()),
        ("wechatpay-nonce", NONCE),
        ("wechatpay-serial", SERIAL),
        ("wechatpay-signature", &signature),
    ];
    let read = WORLD.read_notify(Channel::Wechat, owned(&headers), body);
    if choice % 3 == 2 {
        assert!(read.is_ok(), "genuine, and refused: {read:?}");
    }
    check_content(&read);
}

/// A notify whose event is the first line, and whose sealed content is the rest.
fn sealed(data: &[u8]) -> Vec<u8> {
    let (event, content) = halves(data, b"\n");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, API_V3_KEY).expect("a key"));
    let nonce = Nonce::try_assume_unique_for_key(NONCE.as_bytes()).expect("12 bytes");
    let mut text = content.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(b"x"), &mut text)
        .expect("a sealed text");
    let body = json!({
        "event_type": String::from_utf8_lossy(event),
        "resource": {
            "ciphertext": STANDARD.encode(text),
            "associated_data": "x",
            "nonce": NONCE,
        },
    });
    body.to_string().into_bytes()
}

/// Alipay.
pub fn alipay(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    if choice % 2 == 0 {
        return forged(Channel::Alipay, rest);
    }
    let mut fields = fields(rest, &["sign", "sign_type"]);
    let mut lines: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    // By name: `=` must not count.
    lines.sort_by(|a, b| a.split('=').next().cmp(&b.split('=').next()));
    let sign = WORLD.key.sign(lines.join("&").as_bytes());
    let plain = fields.iter().all(|(name, _)| !name.contains('='));
    let once = is_once(&fields);
    fields.push(("sign_type".to_owned(), "RSA2".to_owned()));
    fields.push(("sign".to_owned(), sign));
    let read = WORLD.read_notify(Channel::Alipay, Vec::new(), form(&fields));
    if once && plain {
        assert!(read.is_ok(), "genuine, and refused: {read:?}");
    }
    if !once {
        assert!(read.is_err(), "a name twice: {read:?}");
    }
    check_content(&read);
    if let Ok(Notify::Paid(report)) = &read {
        let sum = value(&fields, "total_amount");
        assert!(is_sum_of(sum, report.money.minor()), "{sum:?}");
    }
}

/// ChinaPay.
pub fn chinapay(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let (sign, names) = match choice % 3 {
        0 => return forged(Channel::ChinapayOld, rest),
        1 => (
            "checkvalue",
            "merid orderno amount currencycode transdate transtype status",
        ),
        _ => (
            "CheckValue",
            "MerID ProcessDate TransType OrderId RefundAmout Status Priv1",
        ),
    };
    let mut fields = fields(rest, &["checkvalue", "CheckValue"]);
    let text: String = names.split(' ').map(|name| value(&fields, name)).collect();
    let once = is_once(&fields);
    fields.push((sign.to_owned(), WORLD.chinapay.sign(&text)));
    let read = WORLD.read_notify(Channel::ChinapayOld, Vec::new(), form(&fields));
    if !once {
        assert!(read.is_err(), "a name twice: {read:?}");
    } else if choice % 3 == 1 {
        assert!(read.is_ok(), "genuine, and refused: {read:?}");
    }
    check_content(&read);
    match &read {
        Ok(Notify::Paid(report)) => {
            assert_eq!(
                value(&fields, "amount"),
                format!("{:012}", report.money.minor())
            );
            assert_eq!(value(&fields, "status"), "1001");
        }
        Ok(Notify::Refund { .. }) => assert_eq!(value(&fields, "MerID"), MER_ID),
        _ => {}
    }
}

/// PayPal.
pub fn paypal(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else {
        return;
    };
    if choice % 2 == 0 {
        return forged(Channel::Paypal, body);
    }
    let (id, time) = ("1", "2026-11-25T12:00:00Z");
    let text = signed_text(id, time, WEBHOOK_ID, body);
    let signature = WORLD.key.sign(text.as_bytes());
    let address = format!("{}/certs/C", WORLD.server.base);
    let headers = [
        ("paypal-auth-algo", "SHA256withRSA"),
        ("paypal-transmission-id", id),
        ("paypal-transmission-time", time),
        ("paypal-transmission-sig", &signature),
        ("paypal-cert-url", &address),
    ];
    let read = WORLD.read_notify(Channel::Paypal, owned(&headers), body.to_vec());
    assert!(read.is_ok(), "genuine, and refused: {read:?}");
    check_content(&read);
}

/// Bytes as they are: nobody finds a signature, so nothing is believed.
fn forged(channel: Channel, data: &[u8]) {
    let (head, body) = halves(data, b"\n\n");
    let head = String::from_utf8_lossy(head);
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let headers = lines.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let read = WORLD.read_notify(channel, headers.collect(), body.to_vec());
    assert!(read.is_err(), "forged, and believed: {read:?}");
}

fn check_content(read: &Read) {
    if let Ok(Notify::Paid(report)) = read {
        assert!(report.money.minor() >= 0);
    }
}

/// Whether a text in major units is this many minor ones.
fn is_sum_of(text: &str, minor: i64) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().unwrap_or(-1);
    let decimals: i64 = format!("{decimals:0<2}").parse().unwrap_or(-1);
    whole * 100 + decimals == minor
}

fn halves<'a>(data: &'a [u8], between: &[u8]) -> (&'a [u8], &'a [u8]) {
    let found = data.windows(between.len()).position(|two| two == between);
    found.map_or((data, &[]), |at| (&data[..at], &data[at + between.len()..]))
}

/// The pairs of a form but some.
fn fields(body: &[u8], left_out: &[&str]) -> Fields {
    let pairs = form_urlencoded::parse(body).into_owned();
    pairs
        .filter(|(name, _)| !left_out.contains(&name.as_str()))
        .collect()
}

fn form(fields: &[(String, String)]) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish().into_bytes()
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value)
}

fn is_once(fields: &[(String, String)]) -> bool {
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).all(|two| two[0] != two[1])
}

fn owned(pairs: &[(&str, &str)]) -> Fields {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}
