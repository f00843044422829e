//! WeChat's platform certificates: a platform that counts how often its list is
//! asked for, and a clock that the tests set.

use crate::world::{LOOKS, now_ms, order};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use channels::Clock;
use channels::registry::{Accounts, gateways};
use channels::rsa::SigningKey;
use channels::wechat::answer_text;
use payment::ports::{Gateway, Notify, RawNotify};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, SerialNumber, date_time_ymd};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const API_V3_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0110000000000000000000000000000001";
const MINUTE_MS: i64 = 60_000;

/// A key of the platform, and the certificate that names it.
struct Certified {
    key: SigningKey,
    public_pem: String,
    pem: String,
}

/// A certificate that is valid from one year's beginning to another's.
fn certified(serial: &[u8], from: i32, until: i32) -> Certified {
    let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.serial_number = Some(SerialNumber::from_slice(serial));
    parameters.not_before = date_time_ymd(from, 1, 1);
    parameters.not_after = date_time_ymd(until, 1, 1);
    Certified {
        key: SigningKey::from_text(pair.serialize_pem().as_bytes()).unwrap(),
        public_pem: pair.public_key_pem(),
        pem: parameters.self_signed(&pair).unwrap().pem(),
    }
}

/// What the platform has and does.
struct Platform {
    /// What is listed, and the one of them that signs.
    certificate: Mutex<Arc<Certified>>,
    /// How the signing one is named in headers.
    serial: Mutex<String>,
    /// How often the list was asked for.
    lists: AtomicU32,
    /// The list is answered 404, as of merchants that have the public key alone.
    listless: bool,
    /// The list takes so long.
    slow: Duration,
    now_ms: AtomicI64,
}

impl Platform {
    fn new(certificate: Certified, serial: &str) -> Self {
        Self {
            certificate: Mutex::new(Arc::new(certificate)),
            serial: Mutex::new(serial.to_owned()),
            lists: AtomicU32::new(0),
            listless: false,
            slow: Duration::ZERO,
            now_ms: AtomicI64::new(now_ms()),
        }
    }

    fn passes(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    fn lists(&self) -> u32 {
        self.lists.load(Ordering::Relaxed)
    }

    /// Waits until the list was asked for so often.
    async fn asked(&self, lists: u32) {
        for _ in 0..LOOKS {
            if self.lists() == lists {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("asked for {} times, not {lists}", self.lists());
    }

    fn rotates(&self, certificate: Certified, serial: &str) {
        *self.certificate.lock().unwrap() = Arc::new(certificate);
        serial.clone_into(&mut self.serial.lock().unwrap());
    }

    fn named(&self, serial: &str) {
        serial.clone_into(&mut self.serial.lock().unwrap());
    }

    fn headers(&self, body: &str) -> Vec<(String, String)> {
        let timestamp = (self.now_ms.load(Ordering::Relaxed) / 1000).to_string();
        let text = answer_text(&timestamp, "n", body.as_bytes());
        let signature = self.certificate.lock().unwrap().key.sign(&text).unwrap();
        [
            ("wechatpay-timestamp", timestamp),
            ("wechatpay-nonce", "n".to_owned()),
            ("wechatpay-serial", self.serial.lock().unwrap().clone()),
            ("wechatpay-signature", signature),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// A genuine notify of a payment.
    fn notify(&self) -> RawNotify {
        let content = json!({
            "appid": "wx1", "mchid": "1900000001", "out_trade_no": "1", "transaction_id": "2",
            "trade_state": "SUCCESS", "amount": {"total": 1, "currency": "CNY"},
        });
        let resource = sealed(&content.to_string());
        let body = json!({"event_type": "TRANSACTION.SUCCESS", "resource": resource}).to_string();
        RawNotify {
            headers: self.headers(&body),
            body: body.into_bytes(),
            received_ms: self.now_ms.load(Ordering::Relaxed),
        }
    }

    /// A notify under a name that nobody knows.
    fn forged(&self) -> RawNotify {
        let mut forged = self.notify();
        for (name, value) in &mut forged.headers {
            if name == "wechatpay-serial" {
                "4D".clone_into(value);
            }
        }
        forged
    }
}

fn sealed(content: &str) -> Value {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, API_V3_KEY.as_bytes()).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(b"uluk4a9R25RW").unwrap();
    let mut text = content.as_bytes().to_vec();
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut text)
        .unwrap();
    json!({"ciphertext": STANDARD.encode(text), "nonce": "uluk4a9R25RW"})
}

async fn answered(State(platform): State<Arc<Platform>>, request: Request<Body>) -> Response {
    let listed = request.uri().path() == "/v3/certificates";
    if listed {
        platform.lists.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(platform.slow).await;
    }
    let (status, body) = match listed {
        true if platform.listless => (404, json!({"code": "RESOURCE_NOT_EXISTS"})),
        true => {
            let pem = platform.certificate.lock().unwrap().pem.clone();
            (
                200,
                json!({"data": [{"encrypt_certificate": sealed(&pem)}]}),
            )
        }
        false => (200, json!({"code_url": "weixin://wxpay/bizpayurl?pr=1"})),
    };
    let body = body.to_string();
    let mut response = Response::builder().status(status);
    for (name, value) in platform.headers(&body) {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

/// The platform on a port of its own, and an account there; with the platform's
/// public key in public-key mode.
async fn started(
    platform: Platform,
    public_key: Option<&Certified>,
) -> (Arc<Platform>, Arc<dyn Gateway>) {
    let platform = Arc::new(platform);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .fallback(answered)
        .with_state(Arc::clone(&platform));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let folder = tempfile::tempdir().unwrap();
    let of = Arc::clone(&platform);
    let clock: Clock = Arc::new(move || of.now_ms.load(Ordering::Relaxed));
    let account = account(&base, folder.path(), public_key);
    let mut opened = gateways(account.beside(folder.path()), "http://127.0.0.1:1", &clock).unwrap();
    (platform, opened.remove(0))
}

fn account(base: &str, folder: &Path, public_key: Option<&Certified>) -> Accounts {
    let merchant = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    std::fs::write(folder.join("key.pem"), merchant.serialize_pem()).unwrap();
    let mut text = format!(
        "[[account]]\nchannel = \"Wechat\"\nname = \"main\"\nbase = \"{base}\"\nappid = \"wx1\"\n\
         mchid = \"1900000001\"\nserial = \"0A\"\nprivate_key = \"key.pem\"\n\
         api_v3_key = \"{API_V3_KEY}\"\n"
    );
    if let Some(key) = public_key {
        std::fs::write(folder.join("pub.pem"), &key.public_pem).unwrap();
        text.push_str(&format!(
            "public_key_id = \"{PUBLIC_KEY_ID}\"\npublic_key = \"pub.pem\"\n"
        ));
    }
    toml::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_serial_is_a_number_however_it_is_written() {
    let of = certified(&[0x0A, 0xBC], 2020, 2090);
    let (platform, gateway) = started(Platform::new(of, "0ABC"), None).await;
    for writing in ["0ABC", "ABC", "0abc", "000AbC"] {
        platform.named(writing);
        let created = gateway.create(&order()).await;
        assert!(created.is_ok(), "{writing}: {created:?}");
    }
    assert_eq!(platform.lists(), 1);
    // 20 bytes whose first bit is set: some write the zero byte that DER puts before it.
    let long = certified(&[0xF0; 20], 2020, 2090);
    platform.rotates(long, &"F0".repeat(20));
    platform.passes(60_000);
    for writing in ["F0".repeat(20), format!("00{}", "f0".repeat(20))] {
        platform.named(&writing);
        let created = gateway.create(&order()).await;
        assert!(created.is_ok(), "{writing}: {created:?}");
    }
    let of = certified(&[0x0A, 0xBC], 2020, 2090);
    platform.rotates(of, "0ABC");
    platform.passes(60_000);
    for other in ["ABCD", "BC", "", "0AB C", "+ABC", PUBLIC_KEY_ID] {
        platform.named(other);
        assert!(gateway.create(&order()).await.is_err(), "{other}");
    }
}

#[tokio::test]
async fn both_kinds_of_key_are_held_at_once() {
    let public = certified(&[1], 2020, 2090);
    let certificate = certified(&[0x5A], 2020, 2090);
    let (platform, gateway) = started(Platform::new(certificate, "5A"), Some(&public)).await;
    let by_certificate = gateway.read_notify(&platform.notify()).await;
    assert!(
        matches!(by_certificate, Ok(Notify::Paid(_))),
        "{by_certificate:?}"
    );
    platform.rotates(public, PUBLIC_KEY_ID);
    let by_public_key = gateway.read_notify(&platform.notify()).await;
    assert!(
        matches!(by_public_key, Ok(Notify::Paid(_))),
        "{by_public_key:?}"
    );
    assert!(gateway.read_notify(&platform.forged()).await.is_err());
}

#[tokio::test]
async fn a_certificate_out_of_its_dates_verifies_nothing() {
    for (from, until) in [(2019, 2020), (2080, 2090)] {
        let of = certified(&[0x5A], from, until);
        let (_, gateway) = started(Platform::new(of, "5A"), None).await;
        assert!(gateway.create(&order()).await.is_err(), "{from} to {until}");
    }
    let of = certified(&[0x5A], 2020, 2090);
    let (platform, gateway) = started(Platform::new(of, "5A"), None).await;
    assert!(gateway.create(&order()).await.is_ok());
    let year_ms = 365 * 86_400_000;
    platform.passes(70 * year_ms);
    assert!(gateway.create(&order()).await.is_err(), "kept past its end");
}

#[tokio::test]
async fn first_payers_wait_for_one_list() {
    let mut platform = Platform::new(certified(&[0x5A], 2020, 2090), "5A");
    platform.slow = Duration::from_millis(200);
    let (platform, gateway) = started(platform, None).await;
    let payers: Vec<_> = (0..8)
        .map(|_| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move { gateway.create(&order()).await })
        })
        .collect();
    for payer in payers {
        let created = payer.await.unwrap();
        assert!(created.is_ok(), "{created:?}");
    }
    assert_eq!(platform.lists(), 1);
}

#[tokio::test]
async fn a_list_that_is_refused_is_asked_for_once_a_minute() {
    let public = certified(&[1], 2020, 2090);
    for public_key in [None, Some(&public)] {
        let mut platform = Platform::new(certified(&[0x5A], 2020, 2090), "5A");
        platform.listless = true;
        let (platform, gateway) = started(platform, public_key).await;
        for _ in 0..30 {
            assert!(gateway.read_notify(&platform.forged()).await.is_err());
            platform.passes(10_000);
        }
        assert_eq!(platform.lists(), 5, "in five minutes");
    }
}

#[tokio::test]
async fn senders_who_hang_up_cause_no_more_calls() {
    let mut platform = Platform::new(certified(&[0x5A], 2020, 2090), "5A");
    platform.slow = Duration::from_millis(500);
    let (platform, gateway) = started(platform, None).await;
    for count in 0..4 {
        let (of, forged) = (Arc::clone(&gateway), platform.forged());
        let sender = tokio::spawn(async move { of.read_notify(&forged).await });
        if count == 0 {
            platform.asked(1).await;
        }
        tokio::task::yield_now().await;
        sender.abort();
        let _ = sender.await;
    }
    let created = gateway.create(&order()).await;
    assert!(created.is_ok(), "{created:?}");
    assert_eq!(platform.lists(), 1);
}

#[tokio::test]
async fn forged_names_never_keep_a_new_certificate_out() {
    let of = certified(&[0x5A], 2020, 2090);
    let (platform, gateway) = started(Platform::new(of, "5A"), None).await;
    assert!(gateway.create(&order()).await.is_ok());
    platform.passes(MINUTE_MS + 5_000);
    assert!(gateway.read_notify(&platform.forged()).await.is_err());
    platform.rotates(certified(&[0x5B], 2020, 2090), "5B");
    for _ in 0..7 {
        assert!(gateway.read_notify(&platform.forged()).await.is_err());
        platform.passes(10_000);
    }
    let created = gateway.create(&order()).await;
    assert!(created.is_ok(), "{created:?}");
}

#[tokio::test]
async fn the_list_is_asked_for_again_by_time() {
    let of = certified(&[0x5A], 2020, 2090);
    let (platform, gateway) = started(Platform::new(of, "5A"), None).await;
    assert!(gateway.create(&order()).await.is_ok());
    platform.passes(11 * 60 * MINUTE_MS);
    assert!(gateway.create(&order()).await.is_ok());
    assert_eq!(platform.lists(), 1);
    platform.passes(60 * MINUTE_MS);
    assert!(gateway.create(&order()).await.is_ok());
    platform.asked(2).await;
}

#[tokio::test]
async fn a_merchant_without_certificates_is_told_to_take_the_public_key() {
    let listless = || {
        let mut platform = Platform::new(certified(&[0x5A], 2020, 2090), "5A");
        platform.listless = true;
        platform
    };
    let (_, gateway) = started(listless(), None).await;
    let told = gateway.check().await.unwrap_err();
    assert!(told.contains("public_key_id and public_key"), "{told}");
    let public = certified(&[1], 2020, 2090);
    let (platform, gateway) = started(listless(), Some(&public)).await;
    let told = gateway.check().await.unwrap_err();
    assert!(told.contains("public_key_id and public_key"), "{told}");
    platform.rotates(public, PUBLIC_KEY_ID);
    assert_eq!(gateway.check().await, Ok(()));
}
