//! Apay's fourth-party interface, as the gateway (docs/forecore.md). Its wire, which our
//! own adapter speaks as a client, is `payment::forecore`.

mod answer;
mod calls;
mod failure;
mod order;

pub use answer::{ListedRefund, OrderInfo, Ordered, PartnerRefund};
pub use calls::{order, query_order, rate, refund};
pub use failure::Failure;
pub use order::OrderCall;

use payment::domain::{Domain, DomainError, DomainSettings};
use payment::forecore::{md5_sign, yuan};
use payment::money::Currency;
use payment::pairs::Pairs;
use payment::ports::{Door, NewCallback, News};
use payment::status::PayStatus;
use serde_json::Value;

/// The word of this door.
pub const NAME: &str = "apay";

/// A partner of this door.
///
/// # Errors
/// [`DomainError`] for an id that is no plain word.
pub fn partner(
    id: &str,
    settings: DomainSettings,
    key: &str,
    development: bool,
) -> Result<Domain, DomainError> {
    Domain::partner(NAME, id, settings, key, development)
}

/// The partner of the seed's example: `p001`, key `123456`.
#[must_use]
pub fn p001() -> Option<Domain> {
    partner("p001", DomainSettings::default(), "123456", true).ok()
}

/// Apay's door.
pub struct Apay;

impl Door for Apay {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Partners are told of payments alone (docs/forecore.md, The notification).
    fn tells(&self, _: &Domain, status: PayStatus) -> bool {
        status == PayStatus::SuccessPay
    }

    /// The documented fields, providerOrderId, and cb_url's own, signed
    /// (docs/forecore.md, The notification).
    fn callback(&self, news: &News<'_>) -> NewCallback {
        let attempt = news.attempt;
        let mut fields: Vec<(String, String)> = [
            ("outOrderId", news.number),
            ("orderId", &attempt.request_key),
            ("money", &yuan(attempt.money.minor())),
            ("currency", attempt.money.currency().code()),
            ("providerOrderId", &attempt.order_sn),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        for (name, value) in own_fields(news.address).iter() {
            let taken = name == "sign" || fields.iter().any(|(other, _)| other == name);
            if !taken {
                fields.push((name.to_owned(), value.to_owned()));
            }
        }
        let secret = news
            .domain
            .secret_for(attempt.secret_generation, news.now_ms);
        let signed = fields.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        fields.push(("sign".to_owned(), md5_sign(signed, secret)));
        NewCallback {
            url: news.address.to_owned(),
            receiver: news.receiver().to_owned(),
            body: Some(Pairs::from_stored(fields).to_query()),
            created_ms: news.now_ms,
        }
    }

    fn media_type(&self) -> &'static str {
        "application/x-www-form-urlencoded"
    }

    /// A JSON object whose `err`, as JavaScript reads it, is not true; or what the document
    /// prints as an answer, which is no JSON.
    fn takes(&self, body: &str) -> bool {
        let Ok(Value::Object(object)) = serde_json::from_str(body) else {
            return is_as_printed(body);
        };
        object.get("err").is_none_or(|err| match err {
            Value::Null => true,
            Value::Bool(err) => !err,
            Value::Number(err) => err.to_string().trim_matches(['0', '.', '-']).is_empty(),
            Value::String(err) => err.is_empty(),
            Value::Array(_) | Value::Object(_) => false,
        })
    }

    fn currencies(&self) -> &'static [Currency] {
        &Currency::ALL
    }

    fn has_one_page(&self) -> bool {
        true
    }
}

/// Whether it is `{result:'success'}`, as the document prints the answer of a receiver that
/// takes a notification (docs/forecore.md, The notification).
fn is_as_printed(body: &str) -> bool {
    let bare = |c: &char| !c.is_whitespace() && !matches!(c, '\'' | '"');
    body.chars().filter(bare).eq("{result:success}".chars())
}

/// What an order's cb_url has in its query, to be given back. Orders of before this was
/// looked at may have what can't be read: they are told without it.
fn own_fields(cb_url: &str) -> Pairs {
    let query = cb_url.split_once('?').map_or("", |(_, query)| query);
    Pairs::from_query(query).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_takes_by_any_object_without_err() {
        for taken in [
            r#"{"result":"success"}"#,
            "{}",
            r#" {"err":null} "#,
            r#"{"err":""}"#,
            r#"{"err":0}"#,
            r#"{"err":false}"#,
            "{result:'success'}",
            "{ result : \"success\" }\n",
        ] {
            assert!(Apay.takes(taken), "{taken}");
        }
        for refused in [
            "success",
            "",
            "[]",
            r#"{"err":"x"}"#,
            r#"{"err":{}}"#,
            r#"{"err":5}"#,
            "{err:'something wrong'}",
            "{result:'error'}",
        ] {
            assert!(!Apay.takes(refused), "{refused}");
        }
    }
}
