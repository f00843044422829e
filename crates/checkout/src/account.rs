//! A channel account whose calls are watched: how long they take, what they come to, and
//! whether new payers are led to it.

use crate::Checkout;
use crate::alarm::{Alarm, raise};
use crate::breaker::{Breaker, Outcome, Turn};
use crate::lately::{Calls, Lately};
use payment::channel::Channel;
use payment::ports::{
    ChannelError, ChannelOrder, Created, Gateway, Kind, NewOrder, Notify, NotifyAnswer, Oauth,
    OrderState, RawNotify, RefundOrder, RefundReport, Terms,
};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long calls take, seconds, and what they come to.
pub const CALLS: &str = "tongfu_channel_call_seconds";
/// 1 while an account is not offered.
pub const AWAY: &str = "tongfu_channel_away";

/// Who does not say in this time that he is well is not.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// An account, and how it stands.
pub(crate) struct Account {
    gateway: Arc<dyn Gateway>,
    breaker: Mutex<Breaker>,
    lately: Mutex<Lately>,
}

/// How an account stands, as this instance sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its channel.
    pub channel: Channel,
    /// Its name.
    pub account: String,
    /// Whether it takes new payments, as it is set up.
    pub enabled: bool,
    /// It fails, and is not offered until it is well.
    pub is_away: bool,
    /// New orders in a row without an answer to believe.
    pub lost_orders: u32,
    /// Its calls of the last [`crate::MINUTES`] minutes.
    pub calls: Calls,
}

impl Account {
    /// It is away after so many orders in a row that are lost; never after none.
    pub(crate) fn new(gateway: Arc<dyn Gateway>, lost_orders: u32) -> Arc<Self> {
        let account = Self {
            gateway,
            breaker: Mutex::new(Breaker::new(lost_orders)),
            lately: Mutex::new(Lately::new(Instant::now())),
        };
        account.show(false);
        Arc::new(account)
    }

    /// Whether it is this account, and was not opened anew.
    pub(crate) fn is(&self, gateway: &Arc<dyn Gateway>) -> bool {
        Arc::ptr_eq(&self.gateway, gateway)
    }

    pub(crate) fn is_away(&self) -> bool {
        self.breaker().is_away()
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> Standing {
        let calls = self.lately().sum(Instant::now());
        let breaker = self.breaker();
        Standing {
            channel: self.channel(),
            account: self.account().to_owned(),
            enabled: self.terms().enabled,
            is_away: breaker.is_away(),
            lost_orders: breaker.lost_orders(),
            calls,
        }
    }

    /// Shows whether it is away.
    pub(crate) fn show(&self, is_away: bool) {
        let gauge = metrics::gauge!(AWAY, "channel" => self.channel().code(),
            "account" => self.account().to_owned());
        gauge.set(f64::from(u8::from(is_away)));
    }

    /// Makes a call, and notes how it went.
    async fn call<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, ChannelError>>,
    ) -> Result<T, ChannelError> {
        let begun = Instant::now();
        let answer = call.await;
        let outcome = Outcome::of(&answer);
        let seconds = metrics::histogram!(CALLS, "channel" => self.channel().code(),
            "account" => self.account().to_owned(), "call" => name, "outcome" => outcome.word());
        let took = begun.elapsed();
        seconds.record(took);
        self.lately().add(outcome, took, Instant::now());
        answer
    }

    /// It left, or came back.
    fn turned(&self, turn: Option<Turn>) {
        let (channel, account) = (self.channel().code(), self.account());
        match turn {
            None => return,
            Some(Turn::Left) => raise!(
                Alarm::Channel,
                channel,
                account,
                "a channel account does not answer, and is not offered until it does"
            ),
            Some(Turn::CameBack) => {
                tracing::warn!(channel, account, "a channel account is offered again");
            }
        }
        self.show(turn == Some(Turn::Left));
    }

    /// Asks it whether it is well.
    async fn look_after(&self) {
        let asked = tokio::time::timeout(CHECK_LIMIT, self.gateway.check());
        let is_well = matches!(asked.await, Ok(Ok(())));
        let turn = self.breaker().asked(is_well, Instant::now());
        self.turned(turn);
    }
}

impl Checkout {
    /// How each channel account stands, as this instance sees it.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        let gateways = self.gateways();
        gateways.iter().map(|one| one.standing()).collect()
    }

    /// How many channel accounts are not offered, since they don't answer.
    #[must_use]
    pub fn accounts_away(&self) -> usize {
        let gateways = self.gateways();
        gateways.iter().filter(|one| one.is_away()).count()
    }

    /// Asks accounts that failed whether they are well again; returns when each has
    /// answered, or not in time.
    pub async fn look_after_channels(&self) {
        let now = Instant::now();
        let mut asked = JoinSet::new();
        for gateway in self.gateways().iter() {
            if gateway.breaker().is_to_be_asked(now) {
                let gateway = Arc::clone(gateway);
                asked.spawn(async move { gateway.look_after().await });
            }
        }
        asked.join_all().await;
    }
}

// What it does not pass on would be the trait's own answer, in place of the account's.
#[deny(clippy::missing_trait_methods)]
#[async_trait::async_trait]
impl Gateway for Account {
    fn channel(&self) -> Channel {
        self.gateway.channel()
    }

    fn account(&self) -> &str {
        self.gateway.account()
    }

    fn address(&self) -> &str {
        self.gateway.address()
    }

    fn merchant(&self) -> String {
        self.gateway.merchant()
    }

    fn terms(&self) -> &Terms {
        self.gateway.terms()
    }

    fn offers(&self, kind: Kind) -> bool {
        self.gateway.offers(kind)
    }

    fn order_no(&self, order_sn: &str) -> String {
        self.gateway.order_no(order_sn)
    }

    fn lingers(&self) -> bool {
        self.gateway.lingers()
    }

    fn answers_for_refunds(&self) -> bool {
        self.gateway.answers_for_refunds()
    }

    fn refunds_in_turn(&self) -> bool {
        self.gateway.refunds_in_turn()
    }

    fn refund_gap_ms(&self) -> i64 {
        self.gateway.refund_gap_ms()
    }

    fn makes_orders_alone(&self) -> bool {
        self.gateway.makes_orders_alone()
    }

    fn repeats_orders(&self) -> bool {
        self.gateway.repeats_orders()
    }

    fn fresh_since_ms(&self, now_ms: i64) -> i64 {
        self.gateway.fresh_since_ms(now_ms)
    }

    async fn check(&self) -> Result<(), String> {
        self.gateway.check().await
    }

    fn oauth(&self) -> Option<&dyn Oauth> {
        self.gateway.oauth()
    }

    async fn create(&self, order: &NewOrder) -> Result<Created, ChannelError> {
        if self.gateway.makes_orders_alone() {
            return self.gateway.create(order).await;
        }
        let begun = Instant::now();
        let answer = self.call("create", self.gateway.create(order)).await;
        let (outcome, now) = (Outcome::of(&answer), Instant::now());
        let turn = self
            .breaker()
            .ordered(outcome, &order.order.number, begun, now);
        self.turned(turn);
        answer
    }

    async fn query(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let answer = self.call("query", self.gateway.query(order)).await;
        self.breaker().queried(Outcome::of(&answer));
        answer
    }

    async fn capture(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        self.call("capture", self.gateway.capture(order)).await
    }

    async fn close(&self, order: &ChannelOrder) -> Result<(), ChannelError> {
        self.call("close", self.gateway.close(order)).await
    }

    async fn refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        self.call("refund", self.gateway.refund(refund)).await
    }

    async fn query_refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let asked = self.gateway.query_refund(refund);
        self.call("query_refund", asked).await
    }

    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError> {
        self.gateway.read_notify(notify).await
    }

    fn signed<'a>(&self, notify: &'a RawNotify) -> Cow<'a, [u8]> {
        self.gateway.signed(notify)
    }

    fn notify_answer(&self, received: bool) -> NotifyAnswer {
        self.gateway.notify_answer(received)
    }
}
