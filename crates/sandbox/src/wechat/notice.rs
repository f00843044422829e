//! Notifies of WeChat Pay: encrypted, and signed anew at each try
//! (docs/reference/wechat.md, Notifies).

use super::{refund_notice, sealed, signed, transaction};
use crate::book::Channel;
use crate::clock::now_ms;
use crate::face::{Envelope, Event, Face, Letter, Lie};
use crate::fault::Kind;
use crate::random::random_text;
use crate::text::rfc3339;
use crate::world::World;
use serde_json::{Value, json};
use signed::Misdeed;

/// The documents' schedule, ms.
const SCHEDULE_MS: [u64; 15] = [
    15_000, 15_000, 30_000, 180_000, 600_000, 1_200_000, 1_800_000, 1_800_000, 1_800_000,
    3_600_000, 10_800_000, 10_800_000, 10_800_000, 21_600_000, 21_600_000,
];

/// The gateway, as the sender of notifies knows it.
pub(crate) struct Notices;

impl Face for Notices {
    fn letter(&self, world: &World, event: Event, lie: Option<Lie>) -> Option<Letter> {
        let (order, refund) = match event {
            Event::Paid(order) => (order, None),
            Event::Refunded(order, refund) | Event::RefundFailed(order, refund) => {
                (order, Some(refund))
            }
            _ => return None,
        };
        let state = refund.as_ref().map(super::refund_state);
        let (event_type, summary) = match state {
            None => ("TRANSACTION.SUCCESS", "支付成功"),
            Some("SUCCESS") => ("REFUND.SUCCESS", "退款成功"),
            Some("ABNORMAL") => ("REFUND.ABNORMAL", "退款异常"),
            Some(_) => ("REFUND.CLOSED", "退款关闭"),
        };
        let (original_type, mut content, url) = match &refund {
            None => {
                let content = transaction(world, &order, now_ms())?;
                ("transaction", content, order.notify_url.clone())
            }
            Some(refund) => {
                let content = refund_notice(world, &order, refund)?;
                // Without an address it was made at the merchant platform, which tells of it
                // in the form of WeChat's second interface alone.
                ("refund", content, refund.notify_url.clone()?)
            }
        };
        if let Some(lie) = lie {
            tell(&mut content, lie);
        }
        let merchant = world.keys.wechat.named(&order.account)?;
        let resource = sealed::seal(
            &merchant.file.api_v3_key,
            original_type,
            &content.to_string(),
        )?;
        let id = random_text(36);
        let body = json!({
            "id": id,
            "create_time": rfc3339(now_ms()),
            "event_type": event_type,
            "resource_type": "encrypt-resource",
            "summary": summary,
            "resource": resource,
        });
        Some(Letter {
            channel: Channel::Wechat,
            account: order.account,
            url,
            id,
            number: order.channel_order_no,
            event_type: event_type.to_owned(),
            body: body.to_string(),
        })
    }

    fn envelope(&self, world: &World, letter: &Letter, fault: Option<Kind>) -> Option<Envelope> {
        let merchant = world.keys.wechat.named(&letter.account)?;
        let misdeed = fault.map_or(Misdeed::None, Misdeed::of);
        let body = letter.body.as_bytes();
        let mode = merchant.file.mode;
        let mut headers = signed::headers(&world.keys.wechat, mode, None, body, misdeed);
        headers.push(("Content-Type", "application/json".to_owned()));
        Some(Envelope {
            headers,
            body: signed::spoiled(body.to_vec(), misdeed),
        })
    }

    fn takes(&self, status: u16, _body: &str) -> bool {
        matches!(status, 200 | 204)
    }

    fn schedule_ms(&self) -> &'static [u64] {
        &SCHEDULE_MS
    }
}

fn tell(content: &mut Value, lie: Lie) {
    match lie {
        Lie::Amount(amount) => content["amount"]["total"] = json!(amount),
        Lie::Currency => content["amount"]["currency"] = json!("USD"),
        Lie::StrangeCurrency => content["amount"]["currency"] = json!("THB"),
        Lie::Merchant => content["mchid"] = json!("1900000000"),
        Lie::App => content["appid"] = json!("wx0000000000000000"),
    }
}
