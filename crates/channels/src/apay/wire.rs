//! What a gateway of this family answers (docs/forecore.md).

use crate::text::shortened;
use payment::domain::Secret;
use payment::errcode::ErrCode;
use payment::forecore::fen_of_binary;
use payment::money::{Currency, Money};
use payment::ports::{ChannelError, Doubt};
use reqwest::StatusCode;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// What is kept of a gateway's error text, bytes.
const MESSAGE_BYTES_MAX: usize = 200;
/// The code of a refusal: the interface has none of its own.
const REFUSED: &str = "err";

/// An answer that is no error; only an order's is signed.
pub(super) struct Answer(HashMap<String, Box<RawValue>>);

impl Answer {
    /// Reads an answer: failed is what carries an `err`, or a `result` other than `ok`.
    pub(super) fn read(
        status: StatusCode,
        body: &[u8],
        key: &Secret,
    ) -> Result<Self, ChannelError> {
        if !status.is_success() {
            return Err(ChannelError::unknown(
                Doubt::Undecided,
                format!("HTTP {status}"),
            ));
        }
        // What can't be read is not told: some gateways repeat the key.
        let members = serde_json::from_slice(body);
        let answer =
            Self(members.map_err(|_| ChannelError::unknown(Doubt::Nonsense, "no JSON object"))?);
        let failed = answer.errs() || (answer.has("result") && answer.text("result") != "ok");
        let message = || answer.complaint(key);
        // In another Tongfu's words it is not refused for good: perhaps it is done.
        let errcode = answer.text("errcode");
        let open = [ErrCode::Internal, ErrCode::InProgress, ErrCode::TooMany];
        if failed && open.iter().any(|code| code.code() == errcode) {
            return Err(ChannelError::unknown(Doubt::Undecided, message()));
        }
        if failed {
            return Err(ChannelError::Refused {
                code: REFUSED.to_owned(),
                message: message(),
            });
        }
        Ok(answer)
    }

    fn has(&self, name: &str) -> bool {
        let value = self.0.get(name);
        value.is_some_and(|value| value.get() != "null")
    }

    /// Whether `err` tells of an error: an empty one says that there is none.
    fn errs(&self) -> bool {
        let empty = ["null", "false", "0", "\"\""];
        let value = self.0.get("err");
        value.is_some_and(|value| !empty.contains(&value.get()))
    }

    /// A value as text: a number as it stands there; empty where it is missing, or
    /// neither text nor a number.
    pub(super) fn text(&self, name: &str) -> String {
        let raw = self.0.get(name).map_or("", |value| value.get());
        match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw).unwrap_or_default(),
            Some(b'-' | b'0'..=b'9') => raw.to_owned(),
            _ => String::new(),
        }
    }

    /// The gateway's own words for what is wrong, for the log: two texts, and never the
    /// key. A debugging gateway repeats the key that it holds in others.
    fn complaint(&self, key: &Secret) -> String {
        let inner = self.0.get("err").map_or("", |raw| raw.get());
        let inner = Self(serde_json::from_str(inner).unwrap_or_default());
        let texts = ["err", "message"].map(|name| [self.text(name), inner.text(name)]);
        let mut words = texts.concat();
        words.retain(|text| !text.is_empty());
        let words = words.join(" ");
        let words = words.replace(key.expose(), "***");
        let words = words.replace(char::is_control, " ");
        shortened(words.trim(), MESSAGE_BYTES_MAX).to_owned()
    }

    /// The sum under a name, in the answer's currency.
    pub(super) fn money(&self, name: &str) -> Result<Money, ChannelError> {
        let currency = Currency::parse(&self.text("currency"));
        let fen = fen_of_binary(&self.text(name));
        let money = currency.and_then(|currency| Money::from_minor(fen?, currency));
        money.ok_or_else(|| ChannelError::unknown(Doubt::Nonsense, format!("{name} is no sum")))
    }
}

/// How an order stands, in the words that clients of this family know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Unpaid,
    Paid,
    Closed,
    Refunding,
    Refunded,
    RefundClosed,
}

impl Status {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "prepare" | "forward" | "待支付" | "进入收银台" => Self::Unpaid,
            "已支付" | "通知商户" | "通知失败" | "complete" | "PAID" | "COMPLETED" => {
                Self::Paid
            }
            "作废" => Self::Closed,
            "refunding" => Self::Refunding,
            "refund" => Self::Refunded,
            "refundclosed" => Self::RefundClosed,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Answer, ChannelError> {
        Answer::read(
            StatusCode::OK,
            body.as_bytes(),
            &Secret::new(1, "k123", None),
        )
    }

    #[test]
    fn an_err_or_another_result_is_a_failure() {
        for failed in [
            r#"{"err":"no such order"}"#,
            r#"{"err":{"code":1},"result":"ok"}"#,
            r#"{"err":7}"#,
            r#"{"result":"error"}"#,
            r#"{"result":false}"#,
        ] {
            let refused = matches!(read(failed), Err(ChannelError::Refused { .. }));
            assert!(refused, "{failed}");
        }
        for unreadable in ["", "[]", "<html>", "\"ok\""] {
            let unknown = matches!(read(unreadable), Err(ChannelError::Unknown(_)));
            assert!(unknown, "{unreadable}");
        }
        assert!(read(r#"{"result":"ok"}"#).is_ok());
        assert!(read(r#"{"outOrderId":"1","err":null}"#).is_ok());
        // No error is told by an empty place: what else stands there counts.
        for empty in [r#""""#, "false", "0"] {
            let answer = format!(r#"{{"result":"ok","err":{empty},"trans_status":"SUCCESS"}}"#);
            assert!(read(&answer).is_ok(), "{answer}");
        }
    }

    #[test]
    fn a_complaint_is_cut_and_never_holds_the_key() {
        for body in [
            r#"{"err":"wrong sign\nof k123a=1","message":"k123"}"#.to_owned(),
            format!(
                r#"{{"err":{{"message":"of k123a=1","err":"wrong {}"}}}}"#,
                "x".repeat(99)
            ),
        ] {
            let Err(ChannelError::Refused { message, .. }) = read(&body) else {
                panic!("not refused")
            };
            assert!(message.len() <= MESSAGE_BYTES_MAX && message.contains("***a=1"));
            assert!(
                !message.contains("k123") && !message.contains('\n'),
                "{message}"
            );
        }
    }

    #[test]
    fn of_a_debugging_gateways_answer_two_texts_are_told() {
        for (body, told) in [
            (
                r#"{"err":{"err":"wrong sign","message":"look","str":"TRUEKEYa=1","sign":"ab"}}"#,
                "wrong sign look",
            ),
            (
                r#"{"err":{"err":{"str":"TRUEKEYa=1"}},"str":"TRUEKEY"}"#,
                "",
            ),
            (r#"{"err":["TRUEKEYa=1"],"message":"look"}"#, "look"),
            (r#"{"err":7}"#, "7"),
        ] {
            let Err(ChannelError::Refused { message, .. }) = read(body) else {
                panic!("not refused")
            };
            assert_eq!(message, told, "{body}");
        }
    }

    #[test]
    fn sums_are_read_as_they_stand() {
        let answer = read(r#"{"money":14.27,"received":-1,"text":"1.5","currency":"USD","x":[1]}"#);
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            answer.money("money"),
            Ok(Money::from_minor(1427, Currency::Usd).unwrap())
        );
        assert_eq!(
            answer.money("text"),
            Ok(Money::from_minor(150, Currency::Usd).unwrap())
        );
        assert!(answer.money("received").is_err() && answer.money("none").is_err());
        assert_eq!(
            (answer.text("received").as_str(), answer.text("x").as_str()),
            ("-1", "")
        );
    }

    #[test]
    fn a_word_that_nobody_knows_is_no_status() {
        assert_eq!(Status::parse("通知失败"), Some(Status::Paid));
        assert_eq!(Status::parse("进入收银台"), Some(Status::Unpaid));
        assert_eq!(Status::parse("paid"), None);
    }
}
