//! Random histories of two requests: payers, channels, clock, worker rounds, the
//! business system and crashes. What the channels' own books say is compared with
//! ours after each act, and once more when all is well again.

use crate::bank::{At, Bank, Book, Mood, Order};
use crate::scene::{START_MS, by_hmac, new_database, open, signed};
use checkout::{Checkout, Failure, Place, Poll, Start};
use payment::channel::Channel;
use payment::money::Currency;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, Call, CallbackAnswer, Gateway, RawNotify, Receiver, Store};
use payment::refund::{Cause, Refund};
use payment::sign::Purpose;
use payment::status::PayStatus;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify as Bell;

const KEYS: [&str; 2] = ["k0", "k1"];
const CHANNELS: [Channel; 2] = [Channel::Wechat, Channel::Paypal];
/// Where a payer can do something.
const PAYABLE: [At; 2] = [At::Open, At::Declined];
/// A call that makes an order gets this long before another makes it anew, s.
const CREATING_S: i64 = 10;
/// What was begun must come to its end within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// From the end of a history until nothing can happen any more, s.
const AFTERMATH_S: [i64; 11] = [0, 61, 61, 901, 61, 61, 3_601, 3_601, 7_201, 28_801, 43_201];

#[derive(Clone, Debug)]
enum Act {
    /// A payer picks a channel; the goods' name may differ.
    Pay(usize, usize, bool),
    Poll(usize),
    /// At an order in a channel's book.
    Payer(usize, usize),
    Declines(usize, usize),
    Closes(usize, usize),
    Arrives(usize, usize),
    /// So often.
    Notifies(usize, usize, Word, usize),
    Mood(usize, Mood),
    /// The next call is done and never answered: the program is killed there.
    Hangs(usize),
    ShopTakes(bool),
    Clock(i64),
    CloseAsked(usize),
    RefundAsked(usize, usize, i64),
    Requery(usize, usize),
    Queries,
    Callbacks,
    Refunds,
    Crash,
}

/// What a notify says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// The truth, where there is one to tell.
    Paid,
    Refunded,
    Changed,
    /// Not the truth.
    OtherSum,
    OtherCurrency,
    OtherMerchant,
    OtherOrder,
}

/// The business system's side of callbacks.
#[derive(Default)]
struct Shop {
    refuses: AtomicBool,
    /// Each address that was called, and how often it was taken.
    called: Mutex<HashMap<String, u32>>,
}

#[async_trait::async_trait]
impl Receiver for Shop {
    async fn call(&self, call: &Call<'_>) -> CallbackAnswer {
        let takes = !self.refuses.load(Ordering::Relaxed);
        *self
            .called
            .lock()
            .unwrap()
            .entry(call.url.to_owned())
            .or_default() += u32::from(takes);
        CallbackAnswer {
            status: Some(if takes { 200 } else { 500 }),
            location: None,
            text: if takes { "success" } else { "" }.to_owned(),
            duration_ms: 1,
        }
    }
}

/// The program from its start to its end.
struct Life {
    runtime: Runtime,
    checkout: Arc<Checkout>,
    store: Arc<dyn Store>,
    /// Tasks that live as long as the store.
    resting: usize,
}

struct World {
    database: String,
    now_ms: Arc<AtomicI64>,
    bell: Arc<Bell>,
    banks: [Arc<Bank>; 2],
    shop: Arc<Shop>,
    life: Option<Life>,
    /// Attempts, requests and captures as they were seen last.
    seen: HashMap<String, Attempt>,
    statuses: HashMap<&'static str, PayStatus>,
    captured: HashSet<String>,
    /// Requests that were said to be closed.
    closed: Vec<&'static str>,
    crashed: bool,
}

impl World {
    fn new() -> Self {
        let bell = Arc::new(Bell::new());
        let bank = |channel, currency| Bank::new(channel, currency, &bell);
        let mut world = Self {
            database: new_database(),
            now_ms: Arc::new(AtomicI64::new(START_MS)),
            banks: [
                bank(Channel::Wechat, Currency::Cny),
                bank(Channel::Paypal, Currency::Usd),
            ],
            bell,
            shop: Arc::default(),
            life: None,
            seen: HashMap::new(),
            statuses: HashMap::new(),
            captured: HashSet::new(),
            closed: Vec::new(),
            crashed: false,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let gateways = self.banks.iter().cloned();
        let gateways = gateways.map(|bank| bank as Arc<dyn Gateway>).collect();
        let shop = Arc::clone(&self.shop);
        let (checkout, store) =
            runtime.block_on(open(&self.database, gateways, shop, &self.now_ms));
        let resting = runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            alive()
        });
        self.life = Some(Life {
            runtime,
            checkout,
            store,
            resting,
        });
    }

    /// Whatever was under way ends here, and the program begins anew.
    fn crash(&mut self) {
        self.crashed = true;
        let Life {
            runtime,
            checkout,
            store,
            ..
        } = self.life.take().unwrap();
        runtime.shutdown_background();
        drop((checkout, store));
        self.begin();
    }

    /// Does something and waits for what it began; nothing where a channel hangs:
    /// then the program is killed.
    fn run<T, F: Future<Output = T>>(
        &mut self,
        work: impl FnOnce(Arc<Checkout>) -> F,
    ) -> Option<T> {
        let life = self.life.as_ref().unwrap();
        let work = work(Arc::clone(&life.checkout));
        let bell = Arc::clone(&self.bell);
        let done = life.runtime.block_on(async {
            tokio::select! {
                biased;
                () = bell.notified() => None,
                done = async {
                    let done = work.await;
                    quiet(life.resting).await;
                    done
                } => Some(done),
            }
        });
        for bank in &self.banks {
            bank.book().hangs = false;
        }
        if done.is_none() {
            self.crash();
        }
        done
    }

    /// Asks the store; no channel is spoken to.
    fn read<T, F: Future<Output = T>>(&self, read: impl FnOnce(Arc<dyn Store>) -> F) -> T {
        let life = self.life.as_ref().unwrap();
        life.runtime.block_on(read(Arc::clone(&life.store)))
    }

    fn attempts(&self, key: &str) -> Vec<AttemptRow> {
        self.read(|store| async move { store.attempts("test", key).await.unwrap() })
    }

    fn after_s(&self, seconds: i64) {
        self.now_ms.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }

    /// One of the orders in a channel's book that stand so, or of all.
    fn pick(&self, bank: usize, index: usize, wanted: &[At]) -> Option<Order> {
        let orders = &self.banks[bank].book().orders;
        let fitting: Vec<&Order> = orders.iter().filter(|o| wanted.contains(&o.at)).collect();
        match (fitting.is_empty(), orders.is_empty()) {
            (false, _) => Some(fitting[index % fitting.len()].clone()),
            (true, false) => Some(orders[index % orders.len()].clone()),
            (true, true) => None,
        }
    }

    /// At the channel an order goes from one of these states to another.
    fn moves(&self, bank: usize, index: usize, from: &[At], to: At) {
        let picked = self.pick(bank, index, from);
        if let Some(order) = picked.filter(|order| from.contains(&order.at)) {
            self.banks[bank].book().order(&order.number).unwrap().at = to;
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Pay(key, channel, renamed) => self.pay(KEYS[*key], CHANNELS[*channel], *renamed),
            Act::Poll(key) => self.poll(KEYS[*key]),
            Act::Payer(bank, index) => {
                if let Some(order) = self.pick(*bank, *index, &PAYABLE) {
                    self.banks[*bank].is_paid_by_payer(&order.number);
                }
            }
            Act::Declines(bank, index) => {
                self.moves(*bank, *index, &[At::Open, At::Approved], At::Declined);
            }
            Act::Closes(bank, index) => self.moves(*bank, *index, &PAYABLE, At::Closed),
            Act::Arrives(bank, index) => self.moves(*bank, *index, &[At::Coming], At::Open),
            Act::Notifies(bank, index, word, times) => {
                let wanted: &[At] = match word {
                    Word::Paid | Word::Refunded => &[At::Paid],
                    _ => &[],
                };
                if let Some(order) = self.pick(*bank, *index, wanted) {
                    self.notify(*bank, &order, *word, *times);
                }
            }
            Act::Mood(bank, mood) => self.banks[*bank].book().mood = *mood,
            Act::Hangs(bank) => self.banks[*bank].book().hangs = true,
            Act::ShopTakes(takes) => self.shop.refuses.store(!takes, Ordering::Relaxed),
            Act::Clock(seconds) => self.after_s(*seconds),
            Act::CloseAsked(key) => self.close(KEYS[*key]),
            Act::RefundAsked(key, refund, fen) => self.refund(KEYS[*key], *refund, *fen),
            Act::Requery(key, index) => {
                let attempts = self.attempts(KEYS[*key]);
                if !attempts.is_empty() {
                    let attempt = attempts[index % attempts.len()].clone();
                    self.run(|checkout| async move { checkout.requery(&attempt).await.is_ok() });
                }
            }
            Act::Queries => self.queries(),
            Act::Callbacks => self.callbacks(),
            Act::Refunds => self.refunds(),
            Act::Crash => self.crash(),
        }
    }

    fn queries(&mut self) {
        self.run(|checkout| async move { checkout.run_due_queries().await.unwrap() });
    }

    fn callbacks(&mut self) {
        self.run(|checkout| async move { checkout.run_due_callbacks().await.unwrap() });
    }

    fn refunds(&mut self) {
        self.run(|checkout| async move { checkout.run_due_refunds().await.unwrap() });
    }

    fn pay(&mut self, key: &str, channel: Channel, renamed: bool) {
        // Two calls at once would wait for each other by the hand-moved clock.
        if self
            .attempts(key)
            .iter()
            .any(|a| a.status == Attempt::Creating)
        {
            self.after_s(CREATING_S);
        }
        let pairs = request(key, renamed);
        let paid = self.run(|checkout| async move {
            let (domain, request) = checkout.verified(&pairs).await.unwrap();
            let place = Place::pc();
            checkout
                .pay(&domain, &request, Start { channel, place })
                .await
        });
        match paid {
            Some(Ok(attempt)) => assert!(attempt.obj.is_some() && attempt.status.is_open()),
            Some(Err(Failure::Closed | Failure::AlreadyPaid | Failure::ChannelUnavailable(_)))
            | None => {}
            // Nobody pays anew beside money that does not fit.
            Some(Err(Failure::InProgress)) => {
                assert!(self.attempts(key).iter().any(AttemptRow::differs));
            }
            Some(Err(failure)) => panic!("{failure}"),
        }
    }

    fn poll(&mut self, key: &str) {
        let pairs = request(key, false);
        let poll = self.run(|checkout| async move { checkout.poll(&pairs).await });
        let status = self.attempts(key).last().map(|row| row.request_status);
        match poll {
            Some(Poll::Paid) => assert!(status.is_some_and(PayStatus::was_paid)),
            Some(Poll::Failed(failure)) => {
                // It may have been closed before any payer came.
                assert_eq!(failure, Failure::Closed);
                assert!(status.is_none_or(|status| status == PayStatus::Closed));
            }
            Some(Poll::Waiting | Poll::Open(_) | Poll::Ended) | None => {}
        }
    }

    fn close(&mut self, key: &'static str) {
        let pairs = by_hmac(Purpose::Close, &[("requestKey", key)]);
        let closed = self.run(|checkout| async move { checkout.close_asked(&pairs).await });
        let attempts = self.attempts(key);
        match closed {
            Some(Ok(())) => {
                self.closed.push(key);
                for attempt in attempts.iter().filter(|a| a.channel == Channel::Wechat) {
                    let at = self.book_entry(attempt).map(|order| order.at);
                    assert_ne!(at, Some(At::Open), "closed, and a payer could still pay");
                }
            }
            Some(Err(Failure::AlreadyPaid)) => assert!(attempts[0].request_status.was_paid()),
            Some(Err(Failure::InProgress)) | None => {}
            Some(Err(failure)) => panic!("{failure}"),
        }
    }

    fn refund(&mut self, key: &str, refund: usize, fen: i64) {
        let (refund_key, fen) = (format!("r{refund}"), fen.to_string());
        let pairs = by_hmac(
            Purpose::Refund,
            &[
                ("requestKey", key),
                ("refundKey", &refund_key),
                ("refundMoney", &fen),
            ],
        );
        let begun = self.run(|checkout| async move { checkout.refund_asked(&pairs).await });
        let paid = self.attempts(key).iter().any(|a| a.status == Attempt::Paid);
        match begun {
            Some(Ok(info)) => {
                assert!(paid, "a refund of what was not paid");
                assert_eq!(
                    (info.request_key, info.refund_key),
                    (key.to_owned(), refund_key)
                );
                assert_eq!(info.refund_money.to_string(), fen);
            }
            Some(Err(Failure::NotPaid)) => assert!(!paid),
            Some(Err(Failure::Refused(_) | Failure::TooMuch(_) | Failure::RefundKeyReused))
            | None => {}
            Some(Err(failure)) => panic!("{failure}"),
        }
    }

    fn notify(&mut self, bank: usize, order: &Order, word: Word, times: usize) {
        let (number, sum) = (order.number.as_str(), order.money.minor());
        let currency = order.money.currency();
        let other = Currency::ALL
            .into_iter()
            .find(|other| *other != currency)
            .unwrap();
        let done = order.refunds.first().filter(|_| order.given_back() > 0);
        let told = match word {
            Word::Paid if order.at == At::Paid => format!("paid {number} {sum} {currency} m"),
            Word::Refunded if done.is_some() => format!("refund {}", done.unwrap().0),
            Word::Paid | Word::Refunded => return,
            Word::Changed => format!("changed {number}"),
            Word::OtherSum => format!("paid {number} {} {currency} m", sum - 1),
            Word::OtherCurrency => format!("paid {number} {sum} {other} m"),
            Word::OtherMerchant => format!("paid {number} {sum} {currency} n"),
            Word::OtherOrder => format!("paid 1{number} {sum} {currency} m"),
        };
        let lies = !matches!(word, Word::Paid | Word::Refunded | Word::Changed);
        let before = KEYS.map(|key| self.attempts(key));
        for _ in 0..times {
            let raw = RawNotify {
                headers: Vec::new(),
                body: told.clone().into_bytes(),
                received_ms: self.now_ms.load(Ordering::Relaxed),
            };
            let channel = CHANNELS[bank];
            let taken = self
                .run(|checkout| async move { checkout.take_notify(channel, "bank", raw).await });
            assert!(
                taken.is_none_or(|taken| taken.is_some_and(|taken| taken.answer.status == 200))
            );
        }
        if lies {
            let status = |rows: Vec<AttemptRow>| {
                rows.into_iter().map(|row| (row.status, row.request_status))
            };
            let statuses =
                |all: [Vec<AttemptRow>; 2]| all.map(|rows| status(rows).collect::<Vec<_>>());
            let after = KEYS.map(|key| self.attempts(key));
            assert_eq!(
                statuses(before),
                statuses(after),
                "{word:?} changed something"
            );
        }
    }

    fn closes_unknown(&self) -> bool {
        self.banks[0].book().closes_unknown
    }

    /// The channel's own word about an attempt.
    fn book_entry(&self, attempt: &AttemptRow) -> Option<Order> {
        let bank = CHANNELS.iter().position(|c| *c == attempt.channel).unwrap();
        let mut book = self.banks[bank].book();
        book.order(&attempt.channel_order_no).cloned()
    }

    /// What holds after every act.
    fn check(&mut self) {
        for key in KEYS {
            let attempts = self.attempts(key);
            let winners = attempts
                .iter()
                .filter(|a| a.status == Attempt::Paid)
                .count();
            assert!(winners <= 1, "{winners} attempts pay {key}");
            for attempt in &attempts {
                assert_eq!(attempt.request_status.was_paid(), winners == 1);
                self.check_attempt(attempt);
                self.check_captured(key, attempt);
            }
            let now_ms = self.now_ms.load(Ordering::Relaxed);
            let payable = attempts
                .iter()
                .filter(|row| row.status.is_open() && row.expires_ms > now_ms);
            assert!(payable.count() <= 1, "two attempts of {key} can be paid");
            if let Some(attempt) = attempts.first() {
                self.statuses.insert(key, attempt.request_status);
            }
            if self.closed.contains(&key) {
                let open = |row: &AttemptRow| row.request_status != PayStatus::Closed;
                assert!(!attempts.iter().any(open), "{key} was closed");
            }
            let called = self.called(key);
            assert!(called.len() <= winners, "{called:?}");
        }
        for bank in &self.banks {
            self.check_given_back(&bank.book());
        }
    }

    fn check_attempt(&mut self, attempt: &AttemptRow) {
        let status = attempt.status;
        let was = self.seen.insert(attempt.order_sn.clone(), status);
        if let Some(was) = was {
            assert!(rank(status) >= rank(was), "{was:?} went back to {status:?}");
            assert!(
                !was.has_money() || was == status,
                "{was:?} became {status:?}"
            );
        }
        if status.has_money() {
            let order = self.book_entry(attempt).unwrap();
            assert_eq!((order.at, order.money), (At::Paid, attempt.channel_money));
        }
        let closes = attempt.channel == Channel::Wechat && self.closes_unknown();
        if closes && status == Attempt::Closed {
            let at = self.book_entry(attempt).map(|order| order.at);
            assert_eq!(at, Some(At::Closed), "closed, and not at its channel");
        }
        let number = attempt.order_sn.clone();
        let refunds = self.read(|store| async move { store.refunds(&number).await.unwrap() });
        let kept = || refunds.iter().filter(|refund| refund.state.counts());
        let sum: i64 = kept().map(|refund| refund.money.minor()).sum();
        assert!(sum <= attempt.money.minor(), "{sum} of it goes back");
        let sum: i64 = kept().map(|refund| refund.channel_money.minor()).sum();
        assert!(
            sum <= attempt.channel_money.minor(),
            "{sum} of it goes back"
        );
        let cause = match status {
            Attempt::Duplicate => Cause::Duplicate,
            Attempt::PaidAfterClose => Cause::AfterClose,
            Attempt::Paid => return assert!(refunds.iter().all(|r| r.cause == Cause::Business)),
            _ => return assert!(refunds.is_empty(), "a refund of what was not paid"),
        };
        assert_eq!(refunds.len(), 1, "{status:?}");
        let whole = (refunds[0].money, refunds[0].channel_money);
        assert_eq!(refunds[0].cause, cause);
        assert_eq!(whole, (attempt.money, attempt.channel_money));
    }

    /// Money that the payer only approved is taken while the request can be paid.
    fn check_captured(&mut self, key: &str, attempt: &AttemptRow) {
        let at = self.book_entry(attempt).map(|order| order.at);
        if attempt.channel != Channel::Paypal || at != Some(At::Paid) {
            return;
        }
        if self.captured.insert(attempt.order_sn.clone()) {
            let before = self.statuses.get(key);
            assert_eq!(
                before,
                Some(&PayStatus::NotPay),
                "captured beside its request"
            );
        }
    }

    /// Nothing goes back at a channel that we did not write down before.
    fn check_given_back(&self, book: &Book) {
        for order in &book.orders {
            assert!(order.given_back() <= order.money.minor(), "{order:?}");
            for (number, sum, _) in &order.refunds {
                let row = self.read(|store| async move { store.refund(number).await.unwrap() });
                assert_eq!(row.map(|row| row.channel_money.minor()), Some(*sum));
            }
        }
    }

    /// The SUCCESSPAY callbacks of a request: each address, and how often it was taken.
    fn called(&self, key: &str) -> Vec<(String, u32)> {
        let called = self.shop.called.lock().unwrap();
        let of_key = called.iter().filter(|(url, _)| {
            let pairs = Pairs::from_query(url.split_once('?').unwrap().1).unwrap();
            assert_eq!(pairs.get("payStatus"), Some("SUCCESSPAY"));
            pairs.get("requestKey") == Some(key)
        });
        of_key.map(|(url, taken)| (url.clone(), *taken)).collect()
    }

    /// Everybody is well again, and the rounds go on until nothing can happen.
    fn recover(&mut self) {
        for bank in &self.banks {
            bank.book().mood = Mood::Well;
            bank.book().hangs = false;
        }
        self.shop.refuses.store(false, Ordering::Relaxed);
        for seconds in AFTERMATH_S {
            self.after_s(seconds);
            self.queries();
            self.refunds();
            self.callbacks();
        }
    }

    /// What holds in the end.
    fn check_end(&mut self) {
        self.check();
        let mut known = Vec::new();
        for key in KEYS {
            let attempts = self.attempts(key);
            for attempt in &attempts {
                assert!(!attempt.status.is_open(), "{:?} has no end", attempt.status);
                if attempt.status.has_money() {
                    known.push(attempt.channel_order_no.clone());
                }
                self.check_refunds_end(attempt);
            }
            let called = self.called(key);
            let paid = attempts.iter().find(|one| one.status == Attempt::Paid);
            if let Some(paid) = paid {
                let entry = self.book_entry(paid);
                let back = entry.map_or(0, |order| order.given_back());
                // Nobody is told of what went back before he took the callback.
                let went_back = back >= paid.channel_money.minor();
                assert!(called.len() <= 1, "{called:?}");
                let taken = called.first().map_or(0, |(_, taken)| *taken);
                assert!(
                    taken == 1 || taken > 1 && self.crashed || taken == 0 && went_back,
                    "taken {taken} times"
                );
            }
        }
        for bank in &self.banks {
            for order in bank.book().orders.iter().filter(|o| o.at == At::Paid) {
                assert!(
                    known.contains(&order.number),
                    "paid, and not in our book: {order:?}"
                );
            }
        }
    }

    fn check_refunds_end(&self, attempt: &AttemptRow) {
        let number = attempt.order_sn.clone();
        let refunds = self.read(|store| async move { store.refunds(&number).await.unwrap() });
        let sum = |wanted| {
            let found = refunds.iter().filter(|refund| refund.state == wanted);
            found
                .map(|refund| refund.channel_money.minor())
                .sum::<i64>()
        };
        let given_back = self
            .book_entry(attempt)
            .map_or(0, |order| order.given_back());
        assert_eq!(sum(Refund::Done), given_back);
        assert!(
            !refunds.iter().any(|refund| refund.state.is_open()),
            "{refunds:?}"
        );
    }
}

impl Drop for World {
    /// There are many worlds: none leaves its database behind.
    fn drop(&mut self) {
        if let Some(life) = self.life.take() {
            life.runtime.shutdown_background();
        }
        let file = self.database.trim_start_matches("sqlite:");
        if let Some(folder) = Path::new(file).parent() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// How many tasks there are.
fn alive() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

/// Waits until all tasks are at their end but those that live with the store.
async fn quiet(resting: usize) {
    let began = Instant::now();
    while alive() > resting {
        assert!(began.elapsed() < PATIENCE, "something never ends");
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
}

fn rank(attempt: Attempt) -> u8 {
    match attempt {
        Attempt::Creating => 0,
        Attempt::Open | Attempt::Held => 1,
        Attempt::Declined => 2,
        Attempt::Closed => 3,
        Attempt::Paid | Attempt::Duplicate | Attempt::PaidAfterClose => 4,
    }
}

fn request(key: &str, renamed: bool) -> Pairs {
    if renamed {
        signed(&[("requestKey", key), ("infoEn", "Goods")])
    } else {
        signed(&[("requestKey", key)])
    }
}

fn act() -> impl Strategy<Value = Act> {
    // More happens to the first.
    let key = || select(vec![0, 0, 0, 1_usize]);
    let bank = || 0..CHANNELS.len();
    let index = || any::<u16>().prop_map(usize::from);
    let moods = [
        Mood::Well,
        Mood::Silent,
        Mood::Deaf,
        Mood::Refuses,
        Mood::Slow,
    ];
    let truths = [Word::Paid, Word::Refunded, Word::Changed];
    let lies = [
        Word::OtherSum,
        Word::OtherCurrency,
        Word::OtherMerchant,
        Word::OtherOrder,
    ];
    let word = prop_oneof![3 => select(truths.to_vec()), 1 => select(lies.to_vec())];
    let seconds = select(vec![1, 3, 3, 6, 6, 6, 6, 21, 21, 61, 61, 901, 3_601]);
    prop_oneof![
        8 => (key(), bank(), any::<bool>()).prop_map(|(k, b, r)| Act::Pay(k, b, r)),
        2 => key().prop_map(Act::Poll),
        10 => (bank(), index()).prop_map(|(b, i)| Act::Payer(b, i)),
        3 => (bank(), index()).prop_map(|(b, i)| Act::Declines(b, i)),
        1 => (bank(), index()).prop_map(|(b, i)| Act::Closes(b, i)),
        2 => (bank(), index()).prop_map(|(b, i)| Act::Arrives(b, i)),
        4 => (bank(), index(), word, 1..3_usize).prop_map(|(b, i, w, n)| Act::Notifies(b, i, w, n)),
        3 => (bank(), select(moods.to_vec())).prop_map(|(b, m)| Act::Mood(b, m)),
        1 => bank().prop_map(Act::Hangs),
        1 => any::<bool>().prop_map(Act::ShopTakes),
        4 => seconds.prop_map(Act::Clock),
        2 => key().prop_map(Act::CloseAsked),
        4 => (key(), 0..3_usize, select(vec![30, 50, 100])).prop_map(|(k, r, f)| Act::RefundAsked(k, r, f)),
        1 => (key(), index()).prop_map(|(k, i)| Act::Requery(k, i)),
        4 => Just(Act::Queries),
        2 => Just(Act::Callbacks),
        2 => Just(Act::Refunds),
        1 => Just(Act::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_history_loses_or_doubles_money(acts in vec(act(), 1..48)) {
        let mut world = play(&acts, |_| ());
        world.recover();
        world.check_end();
    }
}

/// Plays one history to its end.
fn play(acts: &[Act], bank: impl FnOnce(&mut Book)) -> World {
    let mut world = World::new();
    bank(&mut world.banks[0].book());
    for act in acts {
        world.act(act);
        world.check();
    }
    world
}

#[test]
fn an_order_that_arrives_after_its_end_is_found() {
    let acts = [
        Act::Mood(0, Mood::Slow),
        Act::Pay(0, 0, false),
        Act::Mood(0, Mood::Well),
        // The other channel's attempt ends this one at once.
        Act::Pay(0, 1, false),
        Act::Queries,
        Act::Arrives(0, 0),
        Act::Payer(0, 0),
    ];
    let mut world = play(&acts, |book| book.closes_unknown = false);
    world.recover();
    world.check_end();
}

/// A request whose only order was declined, and closed; its payer tries once more.
const LATE: [Act; 6] = [
    Act::Pay(0, 0, false),
    Act::Declines(0, 0),
    Act::Clock(6),
    Act::Queries,
    Act::CloseAsked(0),
    Act::Payer(0, 0),
];

#[test]
fn a_declined_order_can_not_be_paid_after_its_request_is_closed() {
    let world = play(&LATE, |_| ());
    let at = world.banks[0].book().orders[0].at;
    assert_ne!(at, At::Paid, "close said that it was done");
}
