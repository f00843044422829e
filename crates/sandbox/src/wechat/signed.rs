//! The signature headers of answers and notifies (docs/reference/wechat.md, Answers), and how they
//! are spoiled on demand.

use super::keys::{Keys, Mode};
use crate::clock::now_ms;
use crate::fault::Kind;
use crate::random::random_text;

/// How a signature is spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misdeed {
    None,
    BadSignature,
    Signtest,
    OldTimestamp,
    UnknownSerial,
    Corrupt,
}

impl Misdeed {
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::BadSignature => Self::BadSignature,
            Kind::Signtest => Self::Signtest,
            Kind::OldTimestamp => Self::OldTimestamp,
            Kind::UnknownSerial => Self::UnknownSerial,
            Kind::Corrupt => Self::Corrupt,
            _ => Self::None,
        }
    }
}

/// The five headers over `body`. `wished` is the serial that a request asks for.
pub(crate) fn headers(
    keys: &Keys,
    mode: Mode,
    wished: Option<&str>,
    body: &[u8],
    misdeed: Misdeed,
) -> Vec<(&'static str, String)> {
    let by_public_key =
        mode == Mode::PublicKey || wished.is_some_and(|serial| serial.starts_with("PUB_KEY_ID_"));
    let (key, serial) = if by_public_key {
        (&keys.public_key, &keys.public_key_id)
    } else {
        (&keys.certificate_key, &keys.certificate_serial)
    };
    let age_s = if misdeed == Misdeed::OldTimestamp {
        301
    } else {
        0
    };
    let timestamp = (now_ms() / 1000 - age_s).to_string();
    let nonce = random_text(32);
    let mut text = format!("{timestamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    let signature = match misdeed {
        Misdeed::BadSignature => key.sign(b"something else"),
        Misdeed::Signtest => format!("WECHATPAY/SIGNTEST/{}", key.sign(b"something else")),
        _ => key.sign(&text),
    };
    let serial = match misdeed {
        Misdeed::UnknownSerial => "PUB_KEY_ID_0000000000000000000000000000000000".to_owned(),
        _ => serial.clone(),
    };
    vec![
        ("Wechatpay-Timestamp", timestamp),
        ("Wechatpay-Nonce", nonce),
        ("Wechatpay-Serial", serial),
        ("Wechatpay-Signature", signature),
        (
            "Wechatpay-Signature-Type",
            "WECHATPAY2-SHA256-RSA2048".to_owned(),
        ),
    ]
}

/// The body as it is sent: one byte changed after signing, where that is asked for.
pub(crate) fn spoiled(mut body: Vec<u8>, misdeed: Misdeed) -> Vec<u8> {
    if misdeed == Misdeed::Corrupt
        && let Some(byte) = body.iter_mut().rfind(|byte| byte.is_ascii_alphanumeric())
    {
        *byte = if *byte == b'1' { b'2' } else { b'1' };
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_digits_is_corrupted_too() {
        let spoil = |body: &str| spoiled(body.as_bytes().to_vec(), Misdeed::Corrupt);
        assert_eq!(
            spoil(r#"{"code_url":"weixin://pr=abC"}"#),
            br#"{"code_url":"weixin://pr=ab1"}"#
        );
        assert_eq!(spoil(r#"{"total":11}"#), br#"{"total":12}"#);
        assert_eq!(spoil(""), b"");
    }
}
