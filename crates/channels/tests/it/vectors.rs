//! Every WeChat APIv3 vector that concerns payments.

use crate::world::vectors;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use channels::rsa::SigningKey;
use channels::wechat::{
    PlatformKey, answer_text, authorization, open, open_any_length, request_text,
};
use serde_json::Value;

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}"))
}

fn platform_key(case: &Value) -> Option<PlatformKey> {
    if let Some(pem) = case["cert_pem"].as_str() {
        return Some(PlatformKey::from_certificate_pem(pem.as_bytes()).unwrap());
    }
    let pem = case["public_key_pem"].as_str()?;
    Some(PlatformKey::from_public_pem("PUB_KEY_ID_1", pem.as_bytes()).unwrap())
}

#[test]
fn every_published_signature_is_made_or_proved() {
    let Some(file) = vectors("wechat/v3_signatures.json") else {
        return;
    };
    for case in file["cases"].as_array().unwrap() {
        let (message, signature) = (text(case, "message"), text(case, "signature_b64"));
        if let Some(key) = case["private_key_der_base64"].as_str() {
            let key = SigningKey::from_der(&STANDARD.decode(key).unwrap()).unwrap();
            assert_eq!(
                key.sign(message.as_bytes()).unwrap(),
                signature,
                "{}",
                case["id"]
            );
        }
        if let Some(key) = platform_key(case) {
            if let Some(serial) = case["cert_serial"].as_str() {
                assert!(
                    key.is_named(serial) && key.is_named(&serial.to_lowercase()),
                    "{}",
                    case["id"]
                );
            }
            check_proof(&key, message.as_bytes(), signature);
        }
    }
}

/// The signature holds, and nothing near it does.
fn check_proof(key: &PlatformKey, message: &[u8], signature: &str) {
    assert!(key.verifies(message, signature));
    let mut changed = message.to_vec();
    changed[0] ^= 1;
    assert!(!key.verifies(&changed, signature), "a changed byte");
    assert!(
        !key.verifies(message, &signature[..signature.len() - 4]),
        "cut short"
    );
    assert!(!key.verifies(message, &signature.replacen('/', " ", 1)) || !signature.contains('/'));
    assert!(
        !key.verifies(message, &format!("WECHATPAY/SIGNTEST/{signature}")),
        "a probe"
    );
    assert!(!key.verifies(message, ""), "nothing");
}

#[test]
fn the_signed_texts_are_the_documents() {
    let Some(file) = vectors("wechat/v3_signatures.json") else {
        return;
    };
    let find = |id: &str| {
        file["cases"]
            .as_array()
            .unwrap()
            .iter()
            .find(|case| case["id"] == id)
            .unwrap()
    };
    let case = find("doc-jsapi-request");
    let request = &case["request"];
    let (timestamp, nonce) = (text(request, "timestamp"), text(request, "nonce_str"));
    let body = text(request, "body").as_bytes();
    let signed = request_text(
        text(request, "method"),
        text(request, "url"),
        timestamp,
        nonce,
        body,
    );
    assert_eq!(signed, text(case, "message").as_bytes());
    let header = authorization(
        text(request, "mchid"),
        text(request, "serial_no"),
        timestamp,
        nonce,
        "S",
    );
    assert_eq!(
        header,
        "WECHATPAY2-SHA256-RSA2048 mchid=\"1900007291\",nonce_str=\"593BEC0C930BF1AFEB40B4A08C8FB242\",\
         signature=\"S\",timestamp=\"1554208460\",serial_no=\"408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB\""
    );
    let case = find("doc-pubkey-response");
    let headers = &case["headers"];
    let signed = answer_text(
        text(headers, "Wechatpay-Timestamp"),
        text(headers, "Wechatpay-Nonce"),
        text(case, "body").as_bytes(),
    );
    assert_eq!(signed, text(case, "message").as_bytes());
}

#[test]
fn every_published_seal_opens_and_no_other() {
    let Some(file) = vectors("wechat/v3_aead.json") else {
        return;
    };
    for case in file["cases"].as_array().unwrap() {
        let (key, nonce, aad) = (text(case, "key"), text(case, "nonce"), text(case, "aad"));
        let sealed = text(case, "ciphertext_b64");
        let opened = open_any_length(key.as_bytes(), nonce, aad, sealed).unwrap();
        assert_eq!(opened, text(case, "plaintext").as_bytes());
        assert!(
            open_any_length(key.as_bytes(), nonce, "other", sealed).is_err(),
            "changed aad"
        );
        assert!(
            open_any_length(key.as_bytes(), &nonce[1..], aad, sealed).is_err(),
            "short nonce"
        );
        let blank = sealed.replacen(|_: char| true, " ", 1);
        assert!(
            open_any_length(key.as_bytes(), nonce, aad, &blank).is_err(),
            "a blank in Base64"
        );
        if let Ok(key) = <&[u8; 32]>::try_from(key.as_bytes()) {
            assert_eq!(
                open(key, nonce, aad, sealed).unwrap(),
                text(case, "plaintext").as_bytes()
            );
        }
    }
}

#[test]
fn the_published_notification_verifies_and_opens() {
    let Some(case) = vectors("wechat/v3_notification.json") else {
        return;
    };
    let key = PlatformKey::from_certificate_pem(text(&case, "cert_pem").as_bytes()).unwrap();
    let headers = &case["headers"];
    assert!(key.is_named(text(headers, "Wechatpay-Serial")));
    let body = text(&case, "body");
    let signed = answer_text(
        text(headers, "Wechatpay-Timestamp"),
        text(headers, "Wechatpay-Nonce"),
        body.as_bytes(),
    );
    check_proof(&key, &signed, text(headers, "Wechatpay-Signature"));
    let resource = &serde_json::from_str::<Value>(body).unwrap()["resource"];
    let opened = open_any_length(
        text(&case, "apiv3_key").as_bytes(),
        text(resource, "nonce"),
        text(resource, "associated_data"),
        text(resource, "ciphertext"),
    );
    let expected: Value = serde_json::from_str(text(&case, "plaintext")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&opened.unwrap()).unwrap(),
        expected
    );
}

#[test]
fn the_published_certificate_list_opens() {
    let Some(case) = vectors("wechat/v3_certificates_response.json") else {
        return;
    };
    let entry = &case["response"]["data"][0];
    let sealed = &entry["encrypt_certificate"];
    let pem = open_any_length(
        text(&case, "apiv3_key").as_bytes(),
        text(sealed, "nonce"),
        text(sealed, "associated_data"),
        text(sealed, "ciphertext"),
    );
    let pem = pem.unwrap();
    assert_eq!(
        String::from_utf8_lossy(&pem).trim(),
        text(&case, "expected_certificate_pem").trim()
    );
    let key = PlatformKey::from_certificate_pem(&pem).unwrap();
    assert!(key.is_named(text(entry, "serial_no")));
    let private = STANDARD
        .decode(text(&case, "platform_private_key_der_base64"))
        .unwrap();
    let signature = SigningKey::from_der(&private).unwrap().sign(b"x").unwrap();
    assert!(key.verifies(b"x", &signature));
}
