//! How a message is written for whoever takes it (docs/operating.md, Alarms by message).

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{StatusCode, Url};
use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sha2::Sha256;

/// WeCom takes so many bytes of text, and the others more.
const TEXT_MAX: usize = 2_048;

/// Whose interface it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// Any address: our own JSON.
    Json,
    /// A group's robot in WeCom (企业微信).
    Wecom,
    /// A group's robot in DingTalk (钉钉), signed where there is a secret.
    Dingtalk,
    /// A group's robot in Feishu (飞书), signed where there is a secret.
    Feishu,
}

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: String,
    /// Whether it is over.
    pub(super) over: bool,
    /// How many are at risk; nothing where that is not counted.
    pub(super) count: Option<i64>,
    pub(super) since_ms: i64,
    /// In words.
    pub(super) text: String,
    /// Where to look, where that is known.
    pub(super) link: Option<String>,
}

/// A form as it is set; none where that is empty.
pub(crate) fn if_set<'de, D: Deserializer<'de>>(written: D) -> Result<Option<Form>, D::Error> {
    let word = String::deserialize(written)?;
    if word.is_empty() {
        return Ok(None);
    }
    Form::deserialize(word.into_deserializer()).map(Some)
}

impl Form {
    /// Its word, as it is set.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Wecom => "wecom",
            Self::Dingtalk => "dingtalk",
            Self::Feishu => "feishu",
        }
    }

    /// What a known host takes.
    pub(super) fn of_host(host: &str) -> Option<Self> {
        match host {
            "qyapi.weixin.qq.com" => Some(Self::Wecom),
            "oapi.dingtalk.com" => Some(Self::Dingtalk),
            "open.feishu.cn" | "open.larksuite.com" => Some(Self::Feishu),
            _ => None,
        }
    }

    /// The address and the body of a message at this moment.
    pub(super) fn written(
        self,
        url: &Url,
        secret: &str,
        message: &Message,
        now_ms: i64,
    ) -> (Url, Value) {
        let mut url = url.clone();
        let text = cut(&message.text);
        let body = match self {
            Self::Json => json!({
                "kind": message.kind,
                "state": if message.over { "over" } else { "raised" },
                "count": message.count,
                "sinceMs": message.since_ms,
                "text": text,
                "link": message.link,
            }),
            Self::Wecom => json!({"msgtype": "text", "text": {"content": text}}),
            Self::Dingtalk => {
                if !secret.is_empty() {
                    let signed = format!("{now_ms}\n{secret}");
                    url.query_pairs_mut()
                        .append_pair("timestamp", &now_ms.to_string())
                        .append_pair("sign", &hmac(secret, &signed));
                }
                json!({"msgtype": "text", "text": {"content": text}})
            }
            Self::Feishu => {
                let mut body = json!({"msg_type": "text", "content": {"text": text}});
                if !secret.is_empty() {
                    let seconds = now_ms / 1000;
                    // What others sign is the key here, and nothing is signed.
                    body["timestamp"] = seconds.to_string().into();
                    body["sign"] = hmac(&format!("{seconds}\n{secret}"), "").into();
                }
                body
            }
        };
        (url, body)
    }

    /// Whether an answer took it.
    pub(super) fn taken(self, known: Option<Self>, status: StatusCode, body: &[u8]) -> Result<()> {
        if !status.is_success() {
            bail!("alarm_url answers {status}");
        }
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        // A known host's robot answers as it does, whichever form was set.
        let robot = if self == Self::Json {
            known
        } else {
            Some(self)
        };
        // Feishu's robots say one of two, or both.
        let names: &[&str] = match robot {
            Some(Self::Feishu) => &["code", "StatusCode"],
            _ => &["errcode"],
        };
        let codes = names
            .iter()
            .filter_map(|name| Some((name, answer[*name].as_i64()?)));
        let codes: Vec<_> = codes.collect();
        if let Some((name, code)) = codes.iter().find(|(_, code)| *code != 0) {
            bail!("alarm_url answers {name} {code}: is alarm_form right?");
        }
        if robot.is_some_and(|robot| robot != Self::Json) && codes.is_empty() {
            bail!("alarm_url answers no {}: is alarm_form right?", names[0]);
        }
        Ok(())
    }
}

fn hmac(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// As much of a text as everybody takes.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message {
            kind: "callback".to_owned(),
            over: false,
            count: Some(2),
            since_ms: 5,
            text: text.to_owned(),
            link: None,
        }
    }

    #[test]
    fn each_is_written_as_its_robot_takes_it() {
        let url = Url::parse("https://robot.example/send?access_token=t").unwrap();
        let written = |form: Form, secret: &str, text: &str| {
            form.written(&url, secret, &message(text), 1_600_000_000_123)
        };
        let (sent_to, body) = written(Form::Wecom, "unused", "告警");
        assert_eq!(sent_to, url);
        assert_eq!(
            body,
            json!({"msgtype": "text", "text": {"content": "告警"}})
        );
        let long = "告".repeat(1_000);
        let (_, body) = written(Form::Wecom, "", &long);
        assert_eq!(body["text"]["content"].as_str().unwrap().len(), 2_046);
        // HMAC-SHA256 of "1600000000123\nSEC1" under "SEC1", by openssl.
        let (sent_to, _) = written(Form::Dingtalk, "SEC1", "x");
        assert_eq!(
            sent_to.query().unwrap(),
            "access_token=t&timestamp=1600000000123&sign=%2Fgqnp7RehET27AhU1ezPf8Nvvnh%2FLiA5s0R9QbBq%2BzY%3D"
        );
        // HMAC-SHA256 of nothing under "1600000000\nSEC1".
        let (sent_to, body) = written(Form::Feishu, "SEC1", "x");
        assert_eq!(
            (sent_to, body["sign"].as_str()),
            (
                url.clone(),
                Some("GlNMwbDpZSflJdXsx3RbcRgWYzASQ6K7L6u042R2IM0=")
            )
        );
        assert_eq!(body["timestamp"], "1600000000");
        let (_, body) = written(Form::Json, "", "x");
        assert_eq!(
            (&body["state"], &body["count"]),
            (&json!("raised"), &json!(2))
        );
    }

    fn taken(form: Form, known: Option<Form>, body: &str) -> Result<()> {
        form.taken(known, StatusCode::OK, body.as_bytes())
    }

    #[test]
    fn what_a_robot_refuses_is_not_taken() {
        for (status, is_taken) in [(StatusCode::NO_CONTENT, true), (StatusCode::FOUND, false)] {
            assert_eq!(Form::Json.taken(None, status, b"").is_ok(), is_taken);
        }
        for (form, body, is_taken) in [
            (Form::Wecom, r#"{"errcode":0,"errmsg":"ok"}"#, true),
            (Form::Wecom, "<html>", false),
            (Form::Wecom, r#"{"errcode":0,"code":200}"#, true),
            (Form::Feishu, r#"{"StatusCode":0,"code":0}"#, true),
            (Form::Feishu, r#"{"Extra":null,"StatusCode":0}"#, true),
            (Form::Feishu, r#"{"StatusCode":0,"code":19024}"#, false),
            (Form::Feishu, r#"{"errcode":0}"#, false),
        ] {
            assert_eq!(
                taken(form, None, body).is_ok(),
                is_taken,
                "{form:?}: {body}"
            );
        }
        let refused = taken(Form::Dingtalk, None, r#"{"errcode":310000}"#);
        assert!(refused.unwrap_err().to_string().contains("310000"));
    }

    /// A relay of one's own has numbers of its own; a robot's are known by its host.
    #[test]
    fn what_a_robot_refuses_is_not_taken_in_any_form() {
        let feishu = r#"{"code":9499,"msg":"Bad Request","data":{}}"#;
        for (known, body, is_taken) in [
            (
                None,
                r#"{"errcode":40008,"errmsg":"invalid message type"}"#,
                false,
            ),
            (Some(Form::Wecom), r#"{"errcode":40008}"#, false),
            (Some(Form::Feishu), feishu, false),
            (Some(Form::Feishu), r#"{"StatusCode":9499}"#, false),
            (None, r#"{"code":1,"msg":"success"}"#, true),
            (None, r#"{"errcode":0}"#, true),
            (None, r#"{"code":"none"}"#, true),
            (None, "ok", true),
            (None, "", true),
            (None, "[1]", true),
        ] {
            assert_eq!(taken(Form::Json, known, body).is_ok(), is_taken, "{body}");
        }
    }
}
