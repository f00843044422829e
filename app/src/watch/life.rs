//! Polling and countdown [seed 000, PC微信支付查询结果接口: every two seconds].

use crate::browser::{self, Answer, Order};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;

const SECOND_MS: u32 = 1_000;
/// Seconds between two polls in the first minute, and then.
const POLL_EACH_S: i32 = 2;
const LATER_POLL_EACH_S: i32 = 5;
const DENSE_S: i32 = 60;
/// How long the green page is shown before it is left.
const GREEN_MS: u32 = 1_200;

/// Brings the status line to life, where the page shows an order to wait for.
pub(super) fn begin(status: RwSignal<String>) {
    if let Some(order) = browser::order() {
        wasm_bindgen_futures::spawn_local(wait(order, status));
    }
}

async fn wait(order: Order, status: RwSignal<String>) {
    // By the clock, not by counted seconds: a page in the background is slowed.
    let started_s = browser::now_s();
    let mut polled_s = -LATER_POLL_EACH_S;
    loop {
        let passed_s = browser::now_s().wrapping_sub(started_s);
        let left_s = order.expires_in_s - passed_s;
        if left_s < 0 {
            return browser::go(&order.ended_url);
        }
        status.set(remaining(&order, left_s));
        let each_s = if passed_s < DENSE_S {
            POLL_EACH_S
        } else {
            LATER_POLL_EACH_S
        };
        if passed_s - polled_s >= each_s || browser::woke() {
            polled_s = passed_s;
            match browser::poll(&order).await {
                Answer::Paid => return leave(&order, status).await,
                Answer::Failed => return browser::leave(&order.fail_url),
                Answer::Ended => return browser::go(&order.ended_url),
                Answer::Waiting => {}
            }
        }
        TimeoutFuture::new(SECOND_MS).await;
    }
}

async fn leave(order: &Order, status: RwSignal<String>) {
    browser::turn_green();
    status.set(String::new());
    if !order.ok_url.is_empty() {
        TimeoutFuture::new(GREEN_MS).await;
        browser::leave(&order.ok_url);
    }
}

/// `等待支付… 14:59`.
fn remaining(order: &Order, left_s: i32) -> String {
    let mut text = order.waiting.clone();
    let (minutes, seconds) = (left_s / 60, left_s % 60);
    for part in [
        " ",
        &minutes.to_string(),
        if seconds < 10 { ":0" } else { ":" },
    ] {
        text.push_str(part);
    }
    text.push_str(&seconds.to_string());
    text
}
