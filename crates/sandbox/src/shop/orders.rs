//! What the shop sold, and what it was called back.

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) const GOODS: &str = "蓝牙耳机（星空黑）";
pub(super) const GOODS_EN: &str = "Bluetooth headphones, black";
/// Enough for a run of many thousand orders whose callbacks are often refused.
const RECEIVED_MAX: usize = 200_000;
const DAY_MS: i64 = 86_400_000;

/// How callbacks are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// `success`, where all fits.
    Success,
    /// `faild`.
    Fail,
    /// HTTP 500.
    Error,
    /// Nothing, for a minute.
    Hang,
}

/// A manner for the next callbacks, or for those of one receiver.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Manner {
    mode: Mode,
    #[serde(default = "for_ever")]
    times: u32,
    /// The `n` of `/callback/n`; all, where it is missing.
    #[serde(default)]
    receiver: Option<u32>,
}

/// A manner at random: how many callbacks in a hundred are answered badly. All
/// zero ends it, and every other manner too.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Chaos {
    seed: u64,
    fail: u32,
    error: u32,
    hang: u32,
}

/// An order of somebody who signs for himself, told so that its sum is compared.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    request_key: String,
    fen: i64,
}

fn for_ever() -> u32 {
    u32::MAX
}

/// A callback as it came.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Received {
    pub(super) values: BTreeMap<String, String>,
    pub(super) verified: bool,
    pub(super) answer: String,
    pub(super) at_ms: i64,
}

impl Received {
    /// Before it is answered.
    pub(super) fn new(values: BTreeMap<String, String>, verified: bool, at_ms: i64) -> Self {
        Self {
            values,
            verified,
            answer: String::new(),
            at_ms,
        }
    }
}

struct Sold {
    fen: i64,
    paid: bool,
}

#[derive(Default)]
struct Inner {
    sold: HashMap<String, Sold>,
    received: VecDeque<Received>,
    manner: Option<Manner>,
    receivers: HashMap<u32, Manner>,
    chaos: Option<(Rng, Chaos)>,
    last_number: i64,
}

/// The shop's memory.
#[derive(Default)]
pub(super) struct Orders(Mutex<Inner>);

impl Orders {
    /// A new order; gives its requestKey: `D1-` and thirteen digits.
    pub(super) fn open(&self, fen: i64, now_ms: i64) -> String {
        let mut inner = self.lock();
        inner.last_number = now_ms.max(inner.last_number + 1);
        let key = format!("D1-{:013}", inner.last_number);
        inner.sold.insert(key.clone(), Sold { fen, paid: false });
        key
    }

    /// An order that was made elsewhere.
    pub(super) fn tell(&self, told: Told) {
        let sold = Sold {
            fen: told.fen,
            paid: false,
        };
        self.lock().sold.insert(told.request_key, sold);
    }

    /// Whether a verified callback is taken. One of a payment pays its order, where the
    /// sum is the order's; others are heard, and pay nothing.
    pub(super) fn settle(&self, values: &BTreeMap<String, String>) -> bool {
        let get = |name: &str| values.get(name).map_or("", String::as_str);
        let money = get("money").parse().ok();
        let sum = money.map(|fen| (get("requestKey"), fen));
        get("payStatus") != "SUCCESSPAY" || sum.is_some_and(|sum| self.pay(sum))
    }

    /// So many fen pay an order, where that is its sum.
    pub(super) fn pay(&self, (key, fen): (&str, i64)) -> bool {
        let mut inner = self.lock();
        // Orders from before a restart are not remembered: their sum is believed.
        let Some(sold) = inner.sold.get_mut(key) else {
            return true;
        };
        sold.paid |= sold.fen == fen;
        sold.fen == fen
    }

    pub(super) fn is_paid(&self, key: &str) -> bool {
        self.lock().sold.get(key).is_some_and(|sold| sold.paid)
    }

    pub(super) fn log(&self, received: Received) {
        let mut inner = self.lock();
        if inner.received.len() >= RECEIVED_MAX {
            inner.received.pop_front();
        }
        inner.received.push_back(received);
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.lock().received.iter().cloned().collect()
    }

    pub(super) fn behave(&self, manner: Manner) {
        let mut inner = self.lock();
        match manner.receiver {
            Some(receiver) => drop(inner.receivers.insert(receiver, manner)),
            None => inner.manner = Some(manner),
        }
    }

    pub(super) fn behave_at_random(&self, chaos: Chaos) {
        let mut inner = self.lock();
        if chaos.fail + chaos.error + chaos.hang > 0 {
            inner.chaos = Some((Rng::with_seed(chaos.seed), chaos));
            return;
        }
        inner.chaos = None;
        inner.manner = None;
        inner.receivers.clear();
    }

    /// How the callback that came now is answered: as its receiver was told, else
    /// as all were told, else at random.
    pub(super) fn manner(&self, receiver: Option<u32>) -> Mode {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let own = receiver.and_then(|receiver| inner.receivers.get_mut(&receiver));
        let told = own.and_then(used);
        told.or_else(|| inner.manner.as_mut().and_then(used))
            .or_else(|| inner.chaos.as_mut().map(drawn))
            .unwrap_or(Mode::Success)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A manner's mode, while it holds.
fn used(manner: &mut Manner) -> Option<Mode> {
    manner.times = manner.times.checked_sub(1)?;
    Some(manner.mode)
}

fn drawn((rng, chaos): &mut (Rng, Chaos)) -> Mode {
    let at = rng.u32(0..100);
    match () {
        () if at < chaos.fail => Mode::Fail,
        () if at < chaos.fail + chaos.error => Mode::Error,
        () if at < chaos.fail + chaos.error + chaos.hang => Mode::Hang,
        () => Mode::Success,
    }
}

/// Yuan with at most two decimals, in fen.
pub(super) fn fen(yuan: &str) -> Option<i64> {
    let (whole, decimals) = yuan.trim().split_once('.').unwrap_or((yuan.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 5
        || decimals.len() > 2
        || !digits(whole)
        || !digits(decimals)
    {
        return None;
    }
    let fen: i64 = format!("{whole}{decimals:0<2}").parse().ok()?;
    (1..=10_000_000).contains(&fen).then_some(fen)
}

/// A time of the day in Beijing, `HH:MM:SS`.
pub(super) fn clock(at_ms: i64) -> String {
    let seconds = (at_ms + 8 * 3_600_000).rem_euclid(DAY_MS) / 1000;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_in_yuan() {
        assert_eq!(fen("123.45"), Some(12_345));
        assert_eq!(fen("1"), Some(100));
        assert_eq!(fen("0.1"), Some(10));
        for bad in ["", "0", "-1", "1.234", "1e3", "abc", "1000000"] {
            assert_eq!(fen(bad), None, "{bad}");
        }
    }

    #[test]
    fn keys_have_sixteen_characters_and_differ() {
        let orders = Orders::default();
        let (one, other) = (
            orders.open(1, 1_464_659_622_189),
            orders.open(1, 1_464_659_622_189),
        );
        assert_eq!(one, "D1-1464659622189");
        assert_ne!(one, other);
    }

    #[test]
    fn one_receiver_can_hang_while_the_others_do_not() {
        let orders = Orders::default();
        let hang = r#"{"mode":"hang","receiver":7}"#;
        orders.behave(serde_json::from_str(hang).unwrap());
        assert_eq!(orders.manner(Some(7)), Mode::Hang);
        assert_eq!(orders.manner(Some(8)), Mode::Success);
        assert_eq!(orders.manner(None), Mode::Success);
        let calm = r#"{"seed":1,"fail":0,"error":0,"hang":0}"#;
        orders.behave_at_random(serde_json::from_str(calm).unwrap());
        assert_eq!(orders.manner(Some(7)), Mode::Success);
    }
}
