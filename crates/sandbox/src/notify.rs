//! Notifies to the merchant: sent until taken, on the channel's own schedule.
//! What they hold and how they are signed is each channel's own.

use crate::clock::now_ms;
use crate::face::{Event, Letter, Lie};
use crate::fault::{Kind, On};
use crate::world::World;
use serde::Serialize;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// A merchant answers within this time.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// What is remembered of sent notifies.
const SENT_MAX: usize = 10_000;

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

/// Sends it, in the background, on the documents' schedule.
pub(crate) fn send(world: &Arc<World>, event: Event) {
    let face = world.face(event.order().channel());
    let fault = world.faults.take(On::Notify);
    let Some(letter) = face.letter(world, event, fault.and_then(Lie::of)) else {
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

/// Tries until the merchant takes it; a fault spoils the first try only.
async fn deliver(world: Arc<World>, letter: Letter, mut fault: Option<Kind>) {
    let own = || world.face(letter.channel).schedule_ms().to_vec();
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
    let face = world.face(letter.channel);
    let Some(envelope) = face.envelope(world, letter, fault) else {
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
    status.is_some_and(|status| face.takes(status, &text))
}
