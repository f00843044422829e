//! Webhooks: JSON, signed over the CRC-32 of its bytes (docs/reference/paypal.md, Webhooks).

use super::orders::{captured, whole};
use super::refunds::{refunded, reversed};
use super::{Answer, allowed, leave_out_nulls, written};
use crate::book::Channel;
use crate::clock::now_ms;
use crate::face::{Envelope, Event, Face, Letter, Lie};
use crate::fault::Kind;
use crate::keys::upper;
use crate::random::random_text;
use crate::text::utc_time;
use crate::world::World;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;

/// Between the tries, ms: 25 within three days.
const SCHEDULE_MS: [u64; 25] = [10_368_000; 25];

/// The gateway, as the sender of notifies knows it.
pub(crate) struct Notices;

impl Face for Notices {
    fn letter(&self, world: &World, event: Event, lie: Option<Lie>) -> Option<Letter> {
        let (event_type, resource_type, mut resource) = match &event {
            Event::Approved(order) => (
                "CHECKOUT.ORDER.APPROVED",
                "checkout-order",
                whole(world, order, now_ms()),
            ),
            Event::Pending(order) => ("PAYMENT.CAPTURE.PENDING", "capture", captured(world, order)),
            Event::Paid(order) => (
                "PAYMENT.CAPTURE.COMPLETED",
                "capture",
                captured(world, order),
            ),
            Event::Denied(order) => ("PAYMENT.CAPTURE.DENIED", "capture", captured(world, order)),
            Event::Reversed(order) => (
                "PAYMENT.CAPTURE.REVERSED",
                "refund",
                reversed(world, order, now_ms()),
            ),
            Event::RefundFailed(..) => return None,
            Event::Refunded(order, refund) => (
                "PAYMENT.CAPTURE.REFUNDED",
                "refund",
                refunded(world, order, refund),
            ),
        };
        if resource_type == "capture" {
            let merchant_id = &world.keys.paypal.merchant.merchant_id;
            resource["payee"] = json!({"merchant_id": merchant_id});
        }
        if let Some(lie) = lie {
            tell(&mut resource, lie);
        }
        leave_out_nulls(&mut resource);
        let id = format!("WH-{}-{}", upper(17), upper(17));
        let body = json!({
            "id": id,
            "event_version": "1.0",
            "create_time": utc_time(now_ms()),
            "resource_type": resource_type,
            "resource_version": "2.0",
            "event_type": event_type,
            "summary": event_type,
            "resource": resource,
            "links": [],
        });
        let order = event.order();
        Some(Letter {
            channel: Channel::Paypal,
            account: order.account.clone(),
            url: order.notify_url.clone(),
            id,
            number: order.channel_order_no.clone(),
            event_type: event_type.to_owned(),
            body: body.to_string(),
        })
    }

    fn envelope(&self, world: &World, letter: &Letter, fault: Option<Kind>) -> Option<Envelope> {
        let keys = &world.keys.paypal;
        let id = random_text(36);
        let age_ms = if fault == Some(Kind::OldTimestamp) {
            86_400_000
        } else {
            0
        };
        let time = utc_time(now_ms() - age_ms);
        let webhook_id = match fault {
            Some(Kind::WrongApp) => "0000000000000000A",
            _ => &keys.merchant.webhook_id,
        };
        let text = signed_text(&id, &time, webhook_id, letter.body.as_bytes());
        let signature = match fault {
            Some(Kind::BadSignature | Kind::Signtest) => keys.key.sign(b"something else"),
            _ => keys.key.sign(text.as_bytes()),
        };
        let certificate = match fault {
            Some(Kind::UnknownSerial) => format!("{}/elsewhere/CERT-1", keys.base),
            _ => format!("{}/certs/CERT-360caa42-fca2a594-a5cafa77", keys.base),
        };
        let mut body = letter.body.clone().into_bytes();
        if fault == Some(Kind::Corrupt) {
            body.push(b' ');
        }
        Some(Envelope {
            headers: vec![
                ("Content-Type", "application/json".to_owned()),
                ("PAYPAL-TRANSMISSION-ID", id),
                ("PAYPAL-TRANSMISSION-TIME", time),
                ("PAYPAL-TRANSMISSION-SIG", signature),
                ("PAYPAL-CERT-URL", certificate),
                ("PAYPAL-AUTH-ALGO", "SHA256withRSA".to_owned()),
                ("PAYPAL-AUTH-VERSION", "v2".to_owned()),
            ],
            body,
        })
    }

    fn takes(&self, status: u16, _body: &str) -> bool {
        (200..300).contains(&status)
    }

    fn schedule_ms(&self) -> &'static [u64] {
        &SCHEDULE_MS
    }
}

fn tell(resource: &mut Value, lie: Lie) {
    match lie {
        Lie::Amount(minor) => {
            resource["amount"]["value"] = json!(format!("{}.{:02}", minor / 100, minor % 100));
        }
        Lie::Currency => resource["amount"]["currency_code"] = json!("CNY"),
        Lie::StrangeCurrency => resource["amount"]["currency_code"] = json!("THB"),
        Lie::Merchant => resource["payee"]["merchant_id"] = json!("NOBODY0000000"),
        // The application is in the signature: see the envelope.
        Lie::App => {}
    }
}

fn signed_text(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", crc32(body))
}

/// CRC-32 as zlib has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let carry = if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
            (crc >> 1) ^ carry
        })
    })
}

#[derive(Deserialize)]
struct Question<'a> {
    transmission_id: String,
    transmission_time: String,
    transmission_sig: String,
    webhook_id: String,
    #[serde(borrow)]
    webhook_event: &'a RawValue,
}

/// The verification by API.
pub(super) async fn verify(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(answer) = allowed(&world, &headers, None) {
        return written(&answer);
    }
    let Ok(asked) = serde_json::from_slice::<Question<'_>>(&body) else {
        return written(&Answer::refused(
            400,
            "INVALID_REQUEST",
            "MALFORMED_REQUEST_JSON",
        ));
    };
    let keys = &world.keys.paypal;
    let text = signed_text(
        &asked.transmission_id,
        &asked.transmission_time,
        &asked.webhook_id,
        asked.webhook_event.get().as_bytes(),
    );
    let good = asked.webhook_id == keys.merchant.webhook_id
        && keys.key.verifies(text.as_bytes(), &asked.transmission_sig);
    let word = if good { "SUCCESS" } else { "FAILURE" };
    written(&Answer::new(200, json!({"verification_status": word})))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_zlibs() {
        assert_eq!(super::crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(super::crc32(b""), 0);
    }
}
