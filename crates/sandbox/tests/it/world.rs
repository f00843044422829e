//! The gateway on a port of its own, and a box that its notifies come to.

use crate::keys::put_keys;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::net::TcpListener;

static COUNTER: AtomicU32 = AtomicU32::new(0);
/// How often something that must come is looked for: 20 s in all.
const LOOKS: u32 = 400;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A notify as it came.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// Its JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

pub(crate) struct World {
    pub(crate) base: String,
    /// Where notifies come to.
    pub(crate) target: String,
    pub(crate) client: reqwest::Client,
    folder: TempDir,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        put_keys(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = sandbox::gateway::router(&base, folder.path(), Some(vec![])).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let letters = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        let box_of_letters = Router::new()
            .fallback(take)
            .with_state(Arc::clone(&letters));
        tokio::spawn(async move { axum::serve(listener, box_of_letters).await });
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Mozilla/5.0 MicroMessenger/8.0.49")
            .build()
            .unwrap();
        Self {
            base,
            target,
            client,
            folder,
            letters,
        }
    }

    /// An account as its operator has it.
    pub(crate) fn account(&self, name: &str) -> toml::Table {
        let text = self.file("accounts.toml");
        let accounts: toml::Table = toml::from_str(&text).unwrap();
        let mut accounts = accounts["account"].as_array().unwrap().iter();
        let found = accounts.find(|account| account["name"].as_str() == Some(name));
        found.unwrap().as_table().unwrap().clone()
    }

    /// A file beside the accounts.
    pub(crate) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Uses the control interface; gives the status.
    pub(crate) async fn control(&self, act: &str, body: Value) -> u16 {
        let request = self.client.post(format!("{}/control/{act}", self.base));
        let request = request.header("Content-Type", "application/json");
        read(request.body(body.to_string())).await.status
    }

    pub(crate) async fn fault(&self, on: &str, kind: &str, ms: u64) {
        let fault = json!({"on": on, "kind": kind, "ms": ms});
        assert_eq!(self.control("fault", fault).await, 204);
    }

    /// What the control interface tells.
    pub(crate) async fn told(&self, what: &str) -> Value {
        let address = format!("{}/control/{what}", self.base);
        read(self.client.get(address)).await.json()
    }

    /// The next notify that came.
    pub(crate) async fn letter(&self) -> Letter {
        for _ in 0..LOOKS {
            let first = {
                let mut letters = self.letters.lock().unwrap();
                (!letters.is_empty()).then(|| letters.remove(0))
            };
            if let Some(letter) = first {
                return letter;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        panic!("no notify came");
    }

    /// Asserts that no further notify comes.
    pub(crate) async fn silence(&self) {
        tokio::time::sleep(6 * LOOK_AGAIN).await;
        let letters = self.letters.lock().unwrap().clone();
        assert!(letters.is_empty(), "{letters:?}");
    }
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text: answer.text().await.unwrap(),
    }
}

/// A number that no test used before.
pub(crate) fn number() -> String {
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{:011}{count:05}", now_s() % 100_000_000_000)
}

pub(crate) fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs()
}

/// The DER of a PEM.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

/// RSASSA-PKCS1-v1_5 with SHA-256 of a private key in PEM, base64.
pub(crate) fn sign(pem: &str, text: &str) -> String {
    let key = RsaKeyPair::from_pkcs8(&der(pem)).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
        .unwrap();
    STANDARD.encode(signature)
}

/// Percent-encoding of all that is not bare.
pub(crate) fn encode(text: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(escape).collect()
}

pub(crate) fn form(pairs: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{}={}", encode(name), encode(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

async fn take(State(letters): State<Arc<Mutex<Vec<Letter>>>>, request: Request<Body>) -> String {
    let (parts, body) = request.into_parts();
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    letters.lock().unwrap().push(Letter {
        path: parts.uri.path().to_owned(),
        headers: headers.collect(),
        body: String::from_utf8(body).unwrap(),
    });
    // Each channel finds its word in it but Apay, which wants JSON.
    "success".to_owned()
}
