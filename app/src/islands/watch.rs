//! Polling and countdown (docs/protocol.md, Paths).

use leptos::prelude::*;

/// Polls, counts down, tells of trouble, turns the page green and leaves: the time that is
/// left, and a line that speaks only when something changes. A screen reader reads that
/// one aloud, and the ticking one not.
#[island]
pub fn Watch() -> impl IntoView {
    let left = RwSignal::new(String::new());
    let status = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    life::begin(left, status);
    view! {
        <p role="timer">{move || left.get()}</p>
        <p role="status">{move || status.get()}</p>
    }
}

#[cfg(feature = "hydrate")]
mod life {
    use crate::browser::{self, Answer, Awaited};
    use gloo_timers::callback::Timeout;
    use leptos::prelude::*;

    const SECOND_MS: u32 = 1_000;
    /// Seconds between two polls in the first minute, and then.
    const POLL_EACH_S: i32 = 2;
    const LATER_POLL_EACH_S: i32 = 5;
    const DENSE_S: i32 = 60;
    /// The payer is told that time runs out with so many seconds left.
    const SOON_S: i32 = 60;
    /// The network is called slow when an answer takes this long.
    const SLOW_MS: u32 = 4_000;
    /// How long the green page is shown before it is left.
    const GREEN_MS: u32 = 1_200;
    /// How long a payer who can't be led anywhere stays before his page comes again.
    const FAILED_MS: u32 = 5_000;
    /// How long, seconds, and how often a payer is held until the business system
    /// knows of his payment.
    const HOLD_S: i32 = 3;
    const HELD_POLL_MS: u32 = 300;

    /// Brings the page to life, where it shows an order to wait for.
    pub(super) fn begin(left: RwSignal<String>, status: RwSignal<String>) {
        if let (Some(order), Some(main)) = (browser::order(), browser::main()) {
            // A page that the fallback asks for is asked for once all the same.
            browser::take(&main);
            browser::lives("Watch");
            wasm_bindgen_futures::spawn_local(wait(order, left, status));
        }
    }

    async fn wait(order: Awaited, left: RwSignal<String>, status: RwSignal<String>) {
        // By the clock, not by counted seconds: a page in the background is slowed.
        let started_s = browser::now_s();
        let minute = browser::minute_in(order.expires_in_s);
        let zero = if minute < 600 { "0" } else { "" };
        browser::tell_end(&(zero.to_owned() + &sixties(minute)));
        let mut polled_s = -LATER_POLL_EACH_S;
        let mut lost = 0;
        let mut woke = false;
        let mut drawn = 0;
        loop {
            let passed_s = browser::now_s().wrapping_sub(started_s);
            let left_s = order.expires_in_s - passed_s;
            left.set(clock(left_s.max(0)));
            let gone = 100 - left_s.max(0) * 100 / order.life_s.max(1);
            if gone != drawn {
                drawn = gone;
                browser::draw_gone(gone);
            }
            let each_s = if passed_s < DENSE_S {
                POLL_EACH_S
            } else {
                LATER_POLL_EACH_S
            };
            // A clock that was set back must not stop the polls.
            if woke || passed_s < polled_s || passed_s - polled_s >= each_s {
                polled_s = passed_s;
                let slow = (lost == 0).then(|| Timeout::new(SLOW_MS, move || say(status, "slow")));
                let answer = browser::poll(&order).await;
                drop(slow);
                lost = if matches!(answer, Answer::Lost) {
                    lost + 1
                } else {
                    0
                };
                match answer {
                    Answer::Paid { held } => return leave(&order, held, left, status).await,
                    Answer::Failed if !order.fail_url.is_empty() => {
                        return browser::leave(&order.fail_url, "failed");
                    }
                    Answer::Failed | Answer::Refused => return look_again(&order).await,
                    Answer::Ended => return browser::go(&order.ended_url),
                    Answer::Waiting if left_s < 0 => return browser::go(&order.ended_url),
                    Answer::Waiting | Answer::Lost => {}
                }
                match lost {
                    0 if left_s < SOON_S && !order.order_sn.is_empty() => say(status, "soon"),
                    0 => say(status, ""),
                    _ if browser::offline() => say(status, "offline"),
                    // One lost answer is no news.
                    1 => {}
                    _ => say(status, "trouble"),
                }
            }
            woke = browser::rest(SECOND_MS).await;
        }
    }

    /// Changes the line only where it says something else: else a screen reader would
    /// read it again.
    fn say(status: RwSignal<String>, name: &str) {
        let line = browser::word(name);
        if status.with_untracked(|old| *old != line) {
            browser::mark_said(!line.is_empty());
            status.set(line);
        }
    }

    /// The attempt's own page tells how it stands; should it show a code again, it does so
    /// slowly.
    async fn look_again(order: &Awaited) {
        browser::sleep(FAILED_MS).await;
        browser::go(&order.ended_url);
    }

    async fn leave(
        order: &Awaited,
        mut held: bool,
        left: RwSignal<String>,
        status: RwSignal<String>,
    ) {
        browser::turn_green();
        left.set(String::new());
        say(status, "paid");
        let paid_s = browser::now_s();
        browser::sleep(GREEN_MS).await;
        while held && browser::now_s().wrapping_sub(paid_s) < HOLD_S {
            browser::sleep(HELD_POLL_MS).await;
            let answer = browser::poll_for(order, SECOND_MS).await;
            held = matches!(answer, Answer::Paid { held: true });
        }
        if order.ok_url.is_empty() {
            browser::go(&order.ended_url);
        } else {
            browser::leave(&order.ok_url, "paid");
        }
    }

    /// `剩余 14:59`.
    fn clock(left_s: i32) -> String {
        let mut text = browser::word("left");
        text.push(' ');
        text.push_str(&sixties(left_s));
        text
    }

    /// Minutes and seconds, or hours and minutes: `9:05`.
    fn sixties(count: i32) -> String {
        let (large, small) = (count / 60, count % 60);
        let mut text = large.to_string();
        text.push_str(if small < 10 { ":0" } else { ":" });
        text.push_str(&small.to_string());
        text
    }
}
