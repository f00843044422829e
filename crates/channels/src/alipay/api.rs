//! Signed calls, and answers that are verified over their raw node.

use super::certificates::Keys;
use super::signature::{answer_node, notify_text, request_text};
use crate::rsa::SigningKey;
use crate::text::{beijing_time, form_pairs};
use crate::{Clock, http};
use payment::escape::escape;
use payment::ports::{ChannelError, Doubt, Unknown};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The signed way to one account.
pub(super) struct Api {
    pub(super) gateway: String,
    pub(super) app_id: String,
    pub(super) key: SigningKey,
    pub(super) public: Keys,
    /// In certificate mode, the numbers of our certificate and of the roots.
    pub(super) certificate_sns: Option<[String; 2]>,
    pub(super) client: Client,
    pub(super) clock: Clock,
}

/// What every node has.
#[derive(Deserialize)]
struct Head {
    code: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    sub_code: String,
    #[serde(default)]
    sub_msg: String,
}

impl Api {
    /// The gateway's address with the common parameters and the signature over
    /// them and `content`, which goes into the body.
    pub(super) fn address(
        &self,
        method: &str,
        content: &str,
        more: &[(&str, &str)],
    ) -> Result<String, ChannelError> {
        let timestamp = beijing_time((self.clock)());
        let common = [
            ("app_id", self.app_id.as_str()),
            ("method", method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", &timestamp),
            ("version", "1.0"),
        ];
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut pairs: Vec<_> = common.iter().chain(more).map(own).collect();
        if let Some([ours, roots]) = &self.certificate_sns {
            pairs.push(("app_cert_sn".to_owned(), ours.clone()));
            pairs.push(("alipay_root_cert_sn".to_owned(), roots.clone()));
        }
        pairs.push(("biz_content".to_owned(), content.to_owned()));
        let sign = self.key.sign(request_text(&pairs).as_bytes());
        pairs.pop();
        let sign = sign.map_err(|error| Unknown::by(Doubt::Unasked, error))?;
        pairs.push(("sign".to_owned(), sign));
        let escaped = |(name, value): &(String, String)| format!("{name}={}", escape(value));
        let query: Vec<_> = pairs.iter().map(escaped).collect();
        Ok(format!("{}?{}", self.gateway, query.join("&")))
    }

    /// Calls a method; only a verified answer counts (docs/reference/orders.md, What is unknown).
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        content: &Value,
    ) -> Result<T, ChannelError> {
        let content = content.to_string();
        let request = self.client.post(self.address(method, &content, &[])?);
        let request = request
            .header(
                CONTENT_TYPE,
                "application/x-www-form-urlencoded;charset=utf-8",
            )
            .body(format!("biz_content={}", escape(&content)));
        let (status, body) = http::answer(request).await?;
        let lost = |why: Unknown| why.within(format_args!("HTTP {status}")).into();
        let raw =
            str::from_utf8(&body).map_err(|error| lost(Unknown::by(Doubt::Nonsense, error)))?;
        self.believed(method, raw).map_err(|error| match error {
            ChannelError::Unknown(why) => lost(why),
            other => other,
        })
    }

    fn believed<T: DeserializeOwned>(&self, method: &str, raw: &str) -> Result<T, ChannelError> {
        let node = format!("{}_response", method.replace('.', "_"));
        let found = answer_node(raw, &node).or_else(|| answer_node(raw, "error_response"));
        let found = found.ok_or_else(|| Unknown::new(Doubt::Nonsense, "not the documented one"))?;
        let sign = found.sign.as_deref();
        let sign = sign.ok_or_else(|| Unknown::new(Doubt::Signature, "there is none"))?;
        let (text, named) = (&found.text, found.certificate_sn.as_deref());
        if !self.public.verifies(text.as_bytes(), sign, named) {
            let why = self.public.lacks(named).unwrap_or("it does not verify");
            return Err(ChannelError::unknown(Doubt::Signature, why));
        }
        let read = |error: serde_json::Error| Unknown::by(Doubt::Nonsense, error);
        let head: Head = serde_json::from_str(text).map_err(read)?;
        let cause = || format!("{} {} {}", head.msg, head.sub_code, head.sub_msg);
        let code = head.code.as_str();
        // Its documents spell what stands before SYSTEM_ERROR in three ways.
        let is_undecided =
            ["10003", "20000", "40005"].contains(&code) || head.sub_code.ends_with("SYSTEM_ERROR");
        match code {
            "10000" => Ok(serde_json::from_str(text).map_err(read)?),
            _ if is_undecided => Err(ChannelError::unknown(Doubt::Undecided, cause())),
            _ => Err(ChannelError::Refused {
                message: cause(),
                code: if head.sub_code.is_empty() {
                    head.code
                } else {
                    head.sub_code
                },
            }),
        }
    }

    /// The values of a notify that is Alipay's own, each name once.
    pub(super) fn verify_notify(&self, body: &[u8]) -> Result<Vec<(String, String)>, ChannelError> {
        let refuse = |why: &str| Err(ChannelError::unknown(Doubt::Signature, why));
        let pairs = form_pairs(body)?;
        let get = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        if get("sign_type") != "RSA2" {
            return refuse("sign_type is not RSA2");
        }
        let named = Some(get("alipay_cert_sn")).filter(|named| !named.is_empty());
        let text = notify_text(&pairs);
        if !self.public.verifies(text.as_bytes(), get("sign"), named) {
            // Whom it names is anybody's word: it asks nothing of the operator.
            return refuse(match self.public.lacks(named) {
                Some(_) => "it does not verify; alipay_certificate lacks the one that it names",
                None => "it does not verify",
            });
        }
        Ok(pairs)
    }
}
