//! Notifies to the merchant: sent until taken, on the channel's own schedule.
//! What they hold and how they are signed is each channel's own.

use crate::book::{Channel, Order, Refund};
use crate::fault::{Fault, Kind, On};
use crate::world::World;
use crate::{alipay, apay, chinapay, now_ms, paypal, wechat};
use serde::Serialize;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// A merchant answers within this time.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// What is remembered of sent notifies.
const SENT_MAX: usize = 10_000;

/// Where the end of a refund is told.
pub(crate) fn refund_url(order: &Order, refund: &Refund) -> String {
    let own = refund.notify_url.clone();
    own.unwrap_or_else(|| order.notify_url.clone())
}

/// What is told.
#[derive(Clone)]
pub(crate) enum Event {
    /// The payer approved; the money is not taken yet.
    Approved(Order),
    /// The money was taken, and is held back.
    Pending(Order),
    Paid(Order),
    Refunded(Order, Refund),
    /// The money that was held back is not had.
    Denied(Order),
    /// The channel took the money back itself.
    Reversed(Order),
    /// A refund that was taken is not done.
    RefundFailed(Order, Refund),
}

impl Event {
    pub(crate) fn order(&self) -> &Order {
        match self {
            Self::Approved(order)
            | Self::Pending(order)
            | Self::Paid(order)
            | Self::Denied(order)
            | Self::Reversed(order)
            | Self::Refunded(order, _)
            | Self::RefundFailed(order, _) => order,
        }
    }
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

/// What a notify names otherwise than the order does; its signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    Amount(u64),
    Currency,
    StrangeCurrency,
    Merchant,
    App,
}

impl Lie {
    fn of(fault: Fault) -> Option<Self> {
        match fault.kind {
            Kind::WrongAmount => Some(Self::Amount(fault.ms)),
            Kind::WrongCurrency => Some(Self::Currency),
            Kind::StrangeCurrency => Some(Self::StrangeCurrency),
            Kind::WrongMerchant => Some(Self::Merchant),
            Kind::WrongApp => Some(Self::App),
            _ => None,
        }
    }
}

/// A notify that is ready to be sent, as often as it takes.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) channel: Channel,
    pub(crate) account: String,
    pub(crate) url: String,
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) event_type: String,
    pub(crate) body: String,
}

/// A letter as it goes out once: signed now, or spoiled.
pub(crate) struct Envelope {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// Sends it, in the background, on the documents' schedule.
pub(crate) fn send(world: &Arc<World>, event: Event) {
    let fault = world.faults.take(On::Notify);
    let Some(letter) = letter(world, event, fault.and_then(Lie::of)) else {
        return;
    };
    let (world, kind) = (Arc::clone(world), fault.map(|fault| fault.kind));
    if kind == Some(Kind::Never) {
        return;
    }
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

/// The channel's words for an event; nothing where it tells of none.
fn letter(world: &World, event: Event, lie: Option<Lie>) -> Option<Letter> {
    match event.order().channel() {
        Channel::Wechat => wechat::notice::letter(world, event, lie),
        Channel::Alipay => alipay::notice::letter(world, event, lie),
        Channel::Paypal => paypal::notice::letter(world, event, lie),
        Channel::ChinapayOld => chinapay::notice::letter(world, event, lie),
        Channel::Apay => apay::notice::letter(world, event, lie),
    }
}

/// A letter signed at this moment, or as a fault spoils it.
fn envelope(world: &World, letter: &Letter, fault: Option<Kind>) -> Option<Envelope> {
    match letter.channel {
        Channel::Wechat => wechat::notice::envelope(world, letter, fault),
        Channel::Alipay => alipay::notice::envelope(world, letter, fault),
        Channel::Paypal => paypal::notice::envelope(world, letter, fault),
        Channel::ChinapayOld => chinapay::notice::envelope(world, letter, fault),
        Channel::Apay => apay::notice::envelope(world, letter, fault),
    }
}

/// Whether the merchant's answer says "received".
fn taken(channel: Channel, status: u16, body: &str) -> bool {
    match channel {
        Channel::Wechat => matches!(status, 200 | 204),
        Channel::Alipay => status == 200 && body == "success",
        Channel::Paypal => (200..300).contains(&status),
        Channel::ChinapayOld => status == 200,
        Channel::Apay => (200..300).contains(&status) && apay::notice::is_taken(body),
    }
}

/// The delays between tries, ms, where no other schedule is asked for.
fn schedule_ms(channel: Channel) -> &'static [u64] {
    match channel {
        Channel::Wechat => &wechat::notice::SCHEDULE_MS,
        Channel::Alipay => &alipay::notice::SCHEDULE_MS,
        Channel::Paypal => &paypal::notice::SCHEDULE_MS,
        Channel::ChinapayOld => &chinapay::notice::SCHEDULE_MS,
        Channel::Apay => &apay::notice::SCHEDULE_MS,
    }
}

/// Tries until the merchant takes it; a fault spoils the first try only.
async fn deliver(world: Arc<World>, letter: Letter, mut fault: Option<Kind>) {
    let own = || schedule_ms(letter.channel).to_vec();
    let mut delays = world.schedule_ms.clone().unwrap_or_else(own).into_iter();
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
    let Some(envelope) = envelope(world, letter, fault) else {
        return true;
    };
    let mut request = world.client.post(&letter.url).timeout(ANSWER_LIMIT);
    for (name, value) in envelope.headers {
        request = request.header(name, value);
    }
    let (mut status, mut text) = (None, String::new());
    if let Ok(answer) = request.body(envelope.body).send().await {
        status = Some(answer.status().as_u16());
        text = answer.text().await.unwrap_or_default();
    }
    let mut sent = world.sent.lock().unwrap_or_else(PoisonError::into_inner);
    if sent.len() >= SENT_MAX {
        sent.remove(0);
    }
    sent.push(Sent {
        id: letter.id.clone(),
        channel_order_no: letter.number.clone(),
        event_type: letter.event_type.clone(),
        at_ms: now_ms(),
        status,
    });
    status.is_some_and(|status| taken(letter.channel, status, &text))
}
