//! Notifies of ChinaPay: a signed form, and no word about repeats (sections 4.6
//! and 4.8).

use super::calls::{PAID, REFUNDED, fields, refund_fields, signed};
use crate::book::Channel;
use crate::face::{Envelope, Event, Face, Letter, Lie, refund_url};
use crate::fault::Kind;
use crate::random::random_text;
use crate::text::{encode, pairs_of};
use crate::world::World;

/// It is not known to come again: here it does not.
const SCHEDULE_MS: [u64; 0] = [];

/// The gateway, as the sender of notifies knows it.
pub(crate) struct Notices;

impl Face for Notices {
    fn letter(&self, world: &World, event: Event, lie: Option<Lie>) -> Option<Letter> {
        let keys = &world.keys.chinapay;
        let (order, event_type, mut pairs, url) = match event {
            Event::Paid(order) => {
                let (pairs, url) = (fields(keys, &order, "1001"), order.notify_url.clone());
                (order, "paid", pairs, url)
            }
            Event::Refunded(order, refund) | Event::RefundFailed(order, refund) => {
                let status = refund.state.as_deref().unwrap_or("3");
                let pairs = refund_fields(keys, &order, &refund, status);
                let url = refund_url(&order, &refund);
                (order, "refund", pairs, url)
            }
            _ => return None,
        };
        let (name, value) = match lie {
            Some(Lie::Amount(fen)) => ("amount", format!("{fen:012}")),
            Some(Lie::Currency) => ("currencycode", "840".to_owned()),
            Some(Lie::StrangeCurrency) => ("currencycode", "764".to_owned()),
            Some(Lie::Merchant) => ("merid", "808080000000000".to_owned()),
            // There is no app in this notify: nothing to lie about.
            Some(Lie::App) | None => ("", String::new()),
        };
        for (key, old) in &mut pairs {
            if key == name {
                old.clone_from(&value);
            }
        }
        let body: Vec<_> = pairs
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v)))
            .collect();
        Some(Letter {
            channel: Channel::ChinapayOld,
            account: order.account,
            url,
            id: random_text(16),
            number: order.channel_order_no,
            event_type: event_type.to_owned(),
            body: body.join("&"),
        })
    }

    fn envelope(&self, world: &World, letter: &Letter, fault: Option<Kind>) -> Option<Envelope> {
        let keys = &world.keys.chinapay;
        let mut pairs = pairs_of(&letter.body);
        let (names, sign) = match letter.event_type.as_str() {
            "refund" => (&REFUNDED, "CheckValue"),
            _ => (&PAID, "checkvalue"),
        };
        let text = signed(&pairs, names);
        let value = match fault {
            Some(Kind::BadSignature | Kind::Signtest) => keys.gateway.sign("something else"),
            Some(Kind::UnknownSerial) => keys.merchant.sign(&text),
            _ => keys.gateway.sign(&text),
        };
        if fault == Some(Kind::Corrupt) {
            for (name, value) in &mut pairs {
                if name == "amount" {
                    "000000000001".clone_into(value);
                }
            }
        }
        pairs.push((sign.to_owned(), value));
        let body: Vec<_> = pairs
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v)))
            .collect();
        let kind = "application/x-www-form-urlencoded";
        Some(Envelope {
            headers: vec![("Content-Type", kind.to_owned())],
            body: body.join("&").into_bytes(),
        })
    }

    fn takes(&self, status: u16, _body: &str) -> bool {
        status == 200
    }

    fn schedule_ms(&self) -> &'static [u64] {
        &SCHEDULE_MS
    }
}
