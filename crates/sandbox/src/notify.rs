//! Notifies to the merchant: encrypted, signed, sent until taken (section 1.11).

use crate::book::{Order, Refund};
use crate::fault::{Kind, On};
use crate::text::rfc3339;
use crate::wechat::sealed;
use crate::wechat::signed::{self, Misdeed};
use crate::world::World;
use crate::{now_ms, random_text};
use serde::Serialize;
use serde_json::json;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// A merchant answers within this time.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// What is remembered of sent notifies.
const SENT_MAX: usize = 10_000;

/// What is told.
#[derive(Clone)]
pub(crate) enum Event {
    Paid(Order),
    Refunded(Order, Refund),
}

/// A notify that was sent, and what came back.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    id: String,
    channel_order_no: String,
    event_type: String,
    at_ms: i64,
    status: Option<u16>,
}

/// A notify that is ready to be sent, as often as it takes.
#[derive(Clone)]
pub(crate) struct Letter {
    url: String,
    id: String,
    number: String,
    event_type: &'static str,
    account: String,
    body: String,
}

/// Sends it, in the background, on the documents' schedule.
pub(crate) fn send(world: &Arc<World>, event: Event) {
    let fault = world.faults.take(On::Notify);
    let amount = fault
        .filter(|fault| fault.kind == Kind::WrongAmount)
        .map(|fault| fault.ms);
    let Some(letter) = letter(world, event, amount) else {
        return;
    };
    let (world, kind) = (Arc::clone(world), fault.map(|fault| fault.kind));
    let ms = fault.map_or(0, |fault| fault.ms);
    tokio::spawn(async move {
        match kind {
            Some(Kind::Delay) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Some(Kind::Duplicate) => {
                tokio::spawn(deliver(Arc::clone(&world), letter.clone(), None));
            }
            Some(Kind::Reorder) => {
                let mut held = world
                    .held_back
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *held = Some(letter);
                return;
            }
            _ => {}
        }
        let held = world
            .held_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        deliver(Arc::clone(&world), letter, kind).await;
        if let Some(held) = held {
            deliver(world, held, None).await;
        }
    });
}

fn letter(world: &World, event: Event, wrong_amount: Option<u64>) -> Option<Letter> {
    let (order, event_type, original_type, mut content) = match event {
        Event::Paid(order) => {
            let content = crate::wechat::transaction(world, &order, now_ms())?;
            (order, "TRANSACTION.SUCCESS", "transaction", content)
        }
        Event::Refunded(order, refund) => {
            let content = crate::wechat::refund_notice(world, &order, &refund)?;
            (order, "REFUND.SUCCESS", "refund", content)
        }
    };
    if let Some(amount) = wrong_amount {
        content["amount"]["total"] = json!(amount);
    }
    let merchant = world
        .keys
        .merchants
        .iter()
        .find(|m| m.file.name == order.account)?;
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
        "summary": if original_type == "refund" { "退款成功" } else { "支付成功" },
        "resource": resource,
    });
    Some(Letter {
        url: order.notify_url.clone(),
        id,
        number: order.channel_order_no.clone(),
        event_type,
        account: order.account,
        body: body.to_string(),
    })
}

/// Tries until the merchant takes it; a fault spoils the first try only.
async fn deliver(world: Arc<World>, letter: Letter, mut fault: Option<Kind>) {
    let mut delays = world.schedule_ms.clone().into_iter();
    loop {
        if deliver_once(&world, &letter, fault.take()).await {
            return;
        }
        let Some(delay_ms) = delays.next() else {
            return;
        };
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
}

async fn deliver_once(world: &World, letter: &Letter, fault: Option<Kind>) -> bool {
    if fault == Some(Kind::Drop) {
        return false;
    }
    let Some(merchant) = world
        .keys
        .merchants
        .iter()
        .find(|m| m.file.name == letter.account)
    else {
        return true;
    };
    let misdeed = fault.map_or(Misdeed::None, Misdeed::of);
    let headers = signed::headers(&world.keys, merchant, None, letter.body.as_bytes(), misdeed);
    let mut request = world.client.post(&letter.url).timeout(ANSWER_LIMIT);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let body = signed::spoiled(letter.body.clone().into_bytes(), misdeed);
    let answer = request
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await;
    let status = answer.ok().map(|answer| answer.status().as_u16());
    let mut sent = world.sent.lock().unwrap_or_else(PoisonError::into_inner);
    if sent.len() >= SENT_MAX {
        sent.remove(0);
    }
    sent.push(Sent {
        id: letter.id.clone(),
        channel_order_no: letter.number.clone(),
        event_type: letter.event_type.to_owned(),
        at_ms: now_ms(),
        status,
    });
    matches!(status, Some(200 | 204))
}
