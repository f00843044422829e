//! The notify to `cb_url` (docs/forecore.md): a signed form, or JSON, with the
//! address's own query fields in it.

use super::answer::json;
use super::calls::{order_id, other_currency, out_order_id};
use super::sign::{Fields, sign, yuan};
use crate::book::Channel;
use crate::face::{Envelope, Event, Face, Letter, Lie};
use crate::fault::Kind;
use crate::random::random_text;
use crate::text::{encode, pairs_of};
use crate::world::World;
use serde_json::Value;

/// It comes again until it is taken; no document says when.
const SCHEDULE_MS: [u64; 6] = [5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000];

/// The gateway, as the sender of notifies knows it.
pub(crate) struct Notices;

impl Face for Notices {
    /// Nothing is told of refunds.
    fn letter(&self, _world: &World, event: Event, lie: Option<Lie>) -> Option<Letter> {
        let Event::Paid(order) = event else {
            return None;
        };
        let query = order
            .notify_url
            .split_once('?')
            .map_or("", |(_, query)| query);
        let mut fields: Fields = pairs_of(query).into_iter().collect();
        let (mut fen, mut currency) = (order.amount, order.currency.as_str());
        match lie {
            Some(Lie::Amount(other)) => fen = i64::try_from(other).unwrap_or(fen),
            Some(Lie::Currency) => currency = other_currency(currency),
            Some(Lie::StrangeCurrency) => currency = "THB",
            // Neither merchant nor app is named: nothing to lie about.
            Some(Lie::Merchant | Lie::App) | None => {}
        }
        let told = [
            ("outOrderId", out_order_id(&order)),
            ("orderId", order_id(&order)),
            ("money", &yuan(fen)),
            ("currency", currency),
            // Sent and signed, though the document does not name it.
            ("providerOrderId", ""),
        ];
        fields.extend(told.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Some(Letter {
            channel: Channel::Apay,
            account: order.account.clone(),
            url: order.notify_url.clone(),
            id: random_text(16),
            number: order.channel_order_no.clone(),
            event_type: "paid".to_owned(),
            body: form(&fields),
        })
    }

    fn envelope(&self, world: &World, letter: &Letter, fault: Option<Kind>) -> Option<Envelope> {
        let mut fields: Fields = pairs_of(&letter.body).into_iter().collect();
        let key = match fault {
            Some(Kind::BadSignature | Kind::Signtest | Kind::UnknownSerial) => "another key",
            _ => &world.keys.apay.partner.key,
        };
        let sign = sign(&fields, key);
        fields.insert("sign".to_owned(), sign);
        if fault == Some(Kind::Corrupt) {
            fields.insert("money".to_owned(), "0.01".to_owned());
        }
        let (kind, body) = match fault {
            Some(Kind::Json) => ("application/json", json(&fields)),
            _ => ("application/x-www-form-urlencoded", form(&fields)),
        };
        Some(Envelope {
            headers: vec![("Content-Type", kind.to_owned())],
            body: body.into_bytes(),
        })
    }

    fn takes(&self, status: u16, body: &str) -> bool {
        (200..300).contains(&status) && is_taken(body)
    }

    fn schedule_ms(&self) -> &'static [u64] {
        &SCHEDULE_MS
    }
}

fn form(fields: &Fields) -> String {
    let pair = |(name, value): (&String, &String)| format!("{}={}", encode(name), encode(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Whether the answer is a JSON object without an `err`.
fn is_taken(body: &str) -> bool {
    let Ok(Value::Object(answer)) = serde_json::from_str(body) else {
        return false;
    };
    match answer.get("err") {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(err) => err == "" || *err == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_without_err_is_taken() {
        for taken in [
            "{}",
            r#"{"result":"success"}"#,
            r#"{"err":null}"#,
            r#"{"err":""}"#,
        ] {
            assert!(is_taken(taken), "{taken}");
        }
        for refused in [
            "",
            "success",
            "[]",
            "null",
            r#"{"err":"no"}"#,
            r#"{"err":{}}"#,
        ] {
            assert!(!is_taken(refused), "{refused}");
        }
    }
}
