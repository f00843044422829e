//! Signed calls to the API, and answers that are verified before they are read.

use super::certificates::Certificates;
use super::keys::{PlatformKey, is_id, is_serial};
use super::signature::{answer_text, authorization, request_text};
use super::wire::{self, CertificateList, Sealed, Trouble};
use super::{Account, seal};
use crate::flight::Turn;
use crate::rsa::SigningKey;
use crate::setup::{ConfigError, Setup};
use crate::text::shortened;
use crate::{Clock, http};
use bytes::Bytes;
use payment::ports::{ChannelError, Doubt, RawNotify, Unknown};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::sync::watch;

/// An answer or notify older or newer than this is not believed, seconds.
const AGE_MAX_S: u64 = 300;
/// What is kept of an error's unverified text, bytes.
const WORDS_BYTES_MAX: usize = 200;

/// The signed way to one account.
pub(super) struct Api {
    pub(super) base: String,
    mchid: String,
    serial: String,
    key: SigningKey,
    api_v3_key: [u8; 32],
    public_key: Option<PlatformKey>,
    certificates: Certificates,
    client: Client,
    clock: Clock,
}

/// A body that its signature proved.
pub(super) struct Verified(Bytes);

impl Verified {
    pub(super) fn content<T: DeserializeOwned>(&self) -> Result<T, ChannelError> {
        wire::read(&self.0)
    }
}

/// An answer before it is believed.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// What WeChat says of a failure, for the log: nothing vouches for it.
    fn trouble(&self) -> ChannelError {
        let status = self.status;
        let Ok(Trouble { code, message }) = wire::read(&self.body) else {
            return ChannelError::unknown(Doubt::Undecided, format!("HTTP {status}"));
        };
        let message = shortened(&message, WORDS_BYTES_MAX).to_owned();
        match status {
            401 => ChannelError::unknown(
                Doubt::Undecided,
                format!("mchid, serial and private_key do not belong together: {message}"),
            ),
            _ => ChannelError::Refused { code, message },
        }
    }
}

/// The four headers that a signature comes with.
struct Signed<'a> {
    timestamp: &'a str,
    nonce: &'a str,
    serial: &'a str,
    signature: &'a str,
}

impl<'a> Signed<'a> {
    fn is_fresh(&self, now_ms: i64) -> bool {
        // The header may hold any number that fits.
        let at_s = self.timestamp.parse::<i64>();
        at_s.is_ok_and(|at_s| (now_ms / 1000).abs_diff(at_s) <= AGE_MAX_S)
    }

    fn read(header: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        Some(Self {
            timestamp: header("wechatpay-timestamp")?,
            nonce: header("wechatpay-nonce")?,
            serial: header("wechatpay-serial")?,
            signature: header("wechatpay-signature")?,
        })
    }
}

impl Api {
    pub(super) fn open(account: &Account, setup: &Setup) -> Result<Arc<Self>, ConfigError> {
        let public_key = match (&account.public_key_id, &account.public_key) {
            (Some(id), Some(_)) if !is_id(id) => {
                return Err(setup.invalid("public_key_id begins with PUB_KEY_ID_"));
            }
            (Some(id), Some(path)) => {
                let key = PlatformKey::from_public_pem(id, &setup.read(path)?);
                Some(key.map_err(|error| setup.invalid(error))?)
            }
            (None, None) => None,
            _ => return Err(setup.invalid("public_key_id and public_key belong together")),
        };
        let key = SigningKey::from_text(&setup.read(&account.private_key)?);
        let api_v3_key = account.api_v3_key.as_bytes().try_into();
        Ok(Arc::new(Self {
            base: account.base.trim_end_matches('/').to_owned(),
            mchid: account.mchid.clone(),
            serial: account.serial.clone(),
            key: key.map_err(|error| setup.invalid(error))?,
            api_v3_key: api_v3_key
                .map_err(|_| setup.invalid("api_v3_key must have exactly 32 ASCII characters"))?,
            public_key,
            certificates: Certificates::default(),
            client: setup.client.clone(),
            clock: Clock::clone(&setup.clock),
        }))
    }

    /// Unix seconds as text, and 32 random hex digits.
    pub(super) fn moment(&self) -> Result<(String, String), ChannelError> {
        let nonce = nonce().map_err(|error| Unknown::by(Doubt::Unasked, error))?;
        Ok((((self.clock)() / 1000).to_string(), nonce))
    }

    /// The merchant's signature.
    pub(super) fn sign_text(&self, text: &[u8]) -> Result<String, ChannelError> {
        let signed = self.key.sign(text);
        Ok(signed.map_err(|error| Unknown::by(Doubt::Unasked, error))?)
    }

    pub(super) async fn get(self: &Arc<Self>, target: &str) -> Result<Verified, ChannelError> {
        let answer = self.send(Method::GET, target, Vec::new()).await?;
        self.believed(answer).await
    }

    pub(super) async fn post(
        self: &Arc<Self>,
        target: &str,
        body: &impl Serialize,
    ) -> Result<Verified, ChannelError> {
        let body = serde_json::to_vec(body);
        let body = body.map_err(|error| Unknown::by(Doubt::Unasked, error))?;
        let answer = self.send(Method::POST, target, body).await?;
        self.believed(answer).await
    }

    /// Proves the keys, by the list of certificates and by asking about no order.
    pub(super) async fn check(self: &Arc<Self>, target: &str) -> Result<(), String> {
        let listless = |error: &ChannelError| error.is_refusal("RESOURCE_NOT_EXISTS");
        match (self.fetch_certificates().await, &self.public_key) {
            (Ok(_), _) => {}
            (Err(error), Some(_)) if listless(&error) => {}
            (Err(error), None) if listless(&error) => {
                return Err(format!(
                    "public_key_id and public_key are needed, the merchant has no certificates: {error}"
                ));
            }
            (Err(error), _) => return Err(error.to_string()),
        }
        match self.get(target).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_refusal("ORDER_NOT_EXIST") => Ok(()),
            Err(error) if self.public_key.is_some() => {
                Err(format!("{error} (proved by public_key_id and public_key)"))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether a notify is WeChat's own, over its raw bytes, and fresh.
    pub(super) async fn verify_notify(
        self: &Arc<Self>,
        notify: &RawNotify,
    ) -> Result<(), ChannelError> {
        let signed = Signed::read(|name| notify.header(name))
            .ok_or_else(|| ChannelError::unknown(Doubt::Signature, "a notify without one"))?;
        self.verify(&signed, &notify.body, notify.received_ms).await
    }

    /// Opens what was sealed with the APIv3 key.
    pub(super) fn unseal(&self, sealed: &Sealed) -> Result<Vec<u8>, ChannelError> {
        let opened = seal::open(
            &self.api_v3_key,
            &sealed.nonce,
            &sealed.associated_data,
            &sealed.ciphertext,
        );
        Ok(opened.map_err(|error| Unknown::by(Doubt::Nonsense, error))?)
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        body: Vec<u8>,
    ) -> Result<Answer, ChannelError> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{target}", self.base))
            .header(AUTHORIZATION, self.sign(&method, target, &body)?)
            .header(ACCEPT, "application/json");
        if let Some(key) = &self.public_key {
            request = request.header("Wechatpay-Serial", &key.serial);
        }
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = request.send().await.map_err(http::lost)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = http::read_body(answer).await?;
        let body = body.ok_or_else(|| ChannelError::unknown(Doubt::Nonsense, "too long"))?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    fn sign(&self, method: &Method, target: &str, body: &[u8]) -> Result<String, ChannelError> {
        let (timestamp, nonce) = self.moment()?;
        let text = request_text(method.as_str(), target, &timestamp, &nonce, body);
        let signature = self.sign_text(&text)?;
        Ok(authorization(
            &self.mchid,
            &self.serial,
            &timestamp,
            &nonce,
            &signature,
        ))
    }

    /// Rule 5: only a verified answer counts; a verified 4xx is a refusal, all
    /// else is unknown. That our keys are wrong says nothing of the order or refund,
    /// which may have been made under other ones.
    async fn believed(self: &Arc<Self>, answer: Answer) -> Result<Verified, ChannelError> {
        let signed = Signed::read(|name| answer.headers.get(name)?.to_str().ok());
        let Some(signed) = signed else {
            let status = answer.status;
            let doubt = match status {
                // Who could not prove who he is, is answered by nobody's signature.
                401 => return Err(answer.trouble()),
                500.. => Doubt::Undecided,
                _ => Doubt::Signature,
            };
            let what = format!("HTTP {status} without signature");
            return Err(ChannelError::unknown(doubt, what));
        };
        self.verify(&signed, &answer.body, (self.clock)()).await?;
        match answer.status {
            200 | 204 => Ok(Verified(answer.body)),
            401 => Err(answer.trouble()),
            429 => Err(ChannelError::unknown(
                Doubt::Undecided,
                "429 too many requests",
            )),
            400..500 => {
                let Trouble { code, message } = wire::read(&answer.body)?;
                Err(ChannelError::Refused { code, message })
            }
            status => {
                let what = format!("HTTP {status}");
                Err(ChannelError::unknown(Doubt::Undecided, what))
            }
        }
    }

    async fn verify(
        self: &Arc<Self>,
        signed: &Signed<'_>,
        body: &[u8],
        now_ms: i64,
    ) -> Result<(), ChannelError> {
        let refuse = |why: &str| Err(ChannelError::unknown(Doubt::Signature, why));
        if !signed.is_fresh(now_ms) {
            return refuse("its time is too old or not a time");
        }
        let Some(key) = self.platform_key(signed.serial).await else {
            return refuse("of an unknown key");
        };
        let text = answer_text(signed.timestamp, signed.nonce, body);
        if !key.verifies(&text, signed.signature) {
            return refuse("it does not verify");
        }
        Ok(())
    }

    /// The key of this name: the configured one, or a certificate's. While a merchant
    /// changes over to the public key, both sign.
    async fn platform_key(self: &Arc<Self>, name: &str) -> Option<PlatformKey> {
        if let Some(key) = self.public_key.as_ref().filter(|key| key.is_named(name)) {
            return Some(key.clone());
        }
        if !is_serial(name) {
            return None;
        }
        let now_ms = (self.clock)();
        if let Some(key) = self.certificates.find(name, now_ms) {
            if self.certificates.is_old(now_ms) {
                // Nobody waits for it: the key at hand is good.
                drop(self.refresh(now_ms));
            }
            return Some(key);
        }
        // It ends when its sender is dropped, however the flight ended.
        let _ = self.refresh(now_ms).changed().await;
        self.certificates.find(name, now_ms)
    }

    /// The flight for the certificate list that is under way, or just was; else a new
    /// one. It goes on when its caller hangs up.
    fn refresh(self: &Arc<Self>, now_ms: i64) -> watch::Receiver<()> {
        let landed = match self.certificates.flight.turn(now_ms) {
            Turn::Last(landed) => return landed,
            Turn::Begin(landed) => landed,
        };
        let waits = landed.subscribe();
        let api = Arc::clone(self);
        tokio::spawn(async move {
            match api.fetch_certificates().await {
                Ok(keys) => api.certificates.keep(keys, now_ms),
                Err(error) => {
                    tracing::warn!(cause = %error, "platform certificates can't be fetched");
                }
            }
            drop(landed);
        });
        waits
    }

    /// The list is opened with the APIv3 key, and then proved by a certificate that it
    /// holds itself (docs/reference/wechat.md, Platform certificates).
    async fn fetch_certificates(&self) -> Result<Vec<PlatformKey>, ChannelError> {
        let answer = self
            .send(Method::GET, "/v3/certificates", Vec::new())
            .await?;
        if answer.status != 200 {
            return Err(answer.trouble());
        }
        let list: CertificateList = wire::read(&answer.body)?;
        let mut keys = Vec::with_capacity(list.data.len());
        for entry in &list.data {
            let pem = self.unseal(&entry.encrypt_certificate).map_err(|_| {
                let what = "api_v3_key does not open the certificates";
                ChannelError::unknown(Doubt::Signature, what)
            })?;
            let key = PlatformKey::from_certificate_pem(&pem);
            keys.push(key.map_err(|error| Unknown::by(Doubt::Nonsense, error))?);
        }
        let signed = Signed::read(|name| answer.headers.get(name)?.to_str().ok());
        let now_ms = (self.clock)();
        let signed = signed.filter(|signed| signed.is_fresh(now_ms));
        let proved = signed.is_some_and(|signed| {
            let text = answer_text(signed.timestamp, signed.nonce, &answer.body);
            // In public-key mode that key signs this answer too.
            keys.iter().chain(&self.public_key).any(|key| {
                key.is_named(signed.serial)
                    && key.is_valid_at(now_ms)
                    && key.verifies(&text, signed.signature)
            })
        });
        if !proved {
            let what = "the certificate list is not proved";
            return Err(ChannelError::unknown(Doubt::Signature, what));
        }
        Ok(keys)
    }
}

/// 32 random hex digits.
fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode_upper(bytes))
}
