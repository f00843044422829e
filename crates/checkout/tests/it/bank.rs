//! A channel that keeps a book of its own: what was truly paid and given back
//! there, whatever it answered.

use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::obj::Obj;
use payment::ports::{
    ChannelError, ChannelOrder, Created, Doubt, Gateway, GivenBack, Kind, MoneyBack, NewOrder,
    Notify, NotifyAnswer, OrderState, PaidReport, QueryRate, RawNotify, RefundOrder, RefundReport,
    RefundState, Terms,
};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify as Bell;

/// How the channel behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It does what it is asked, and says so.
    Well,
    /// Nothing reaches it.
    Silent,
    /// It does what it is asked, and its answer is lost.
    Deaf,
    /// It makes no orders, closes none that it has, and gives nothing back.
    Refuses,
    /// Order calls arrive later, and refunds take their time.
    Slow,
}

/// Where an order stands in the channel's own book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// The order call is still on its way.
    Coming,
    /// It can be paid.
    Open,
    /// The payer approved, and no money has moved.
    Approved,
    /// One try to pay failed; the payer may try again.
    Declined,
    Closed,
    Paid,
}

/// An order in the channel's own book.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) number: String,
    pub(crate) money: Money,
    pub(crate) at: At,
    /// Whether a payer was ever led to it.
    pub(crate) led: bool,
    /// By our number: the sum, and how the refund stands.
    pub(crate) refunds: Vec<(String, i64, RefundState)>,
}

impl Order {
    /// What truly went back, minor units.
    pub(crate) fn given_back(&self) -> i64 {
        let done = |(_, sum, state): &(String, i64, RefundState)| match state {
            RefundState::Done => *sum,
            _ => 0,
        };
        self.refunds.iter().map(done).sum()
    }
}

pub(crate) struct Book {
    pub(crate) mood: Mood,
    /// The next call is done, and never answered.
    pub(crate) hangs: bool,
    /// Whether a number that it does not know can be closed, for ever.
    pub(crate) closes_unknown: bool,
    pub(crate) orders: Vec<Order>,
}

impl Book {
    pub(crate) fn order(&mut self, number: &str) -> Option<&mut Order> {
        self.orders.iter_mut().find(|order| order.number == number)
    }
}

/// WeChat in CNY, which closes orders; or PayPal in USD, which wants captures.
pub(crate) struct Bank {
    channel: Channel,
    terms: Terms,
    book: Mutex<Book>,
    /// Rings when a call hangs.
    pub(crate) bell: Arc<Bell>,
}

type Told<T> = Result<T, ChannelError>;

fn unknown<T>() -> Told<T> {
    Err(ChannelError::unknown(Doubt::Network, "no answer"))
}

fn refused<T>(code: &str) -> Told<T> {
    Err(ChannelError::Refused {
        code: code.to_owned(),
        message: String::new(),
    })
}

impl Bank {
    pub(crate) fn new(channel: Channel, currency: Currency, bell: &Arc<Bell>) -> Arc<Self> {
        Arc::new(Self {
            channel,
            terms: Terms {
                enabled: true,
                domains: Vec::new(),
                currency,
                smallest: 1,
                largest: 1_000_000,
                queries: QueryRate::default(),
            },
            book: Mutex::new(Book {
                mood: Mood::Well,
                hangs: false,
                closes_unknown: true,
                orders: Vec::new(),
            }),
            bell: Arc::clone(bell),
        })
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    fn captures(&self) -> bool {
        self.channel == Channel::Paypal
    }

    /// A payer pays or approves this order, where that can be.
    pub(crate) fn is_paid_by_payer(&self, number: &str) {
        let captures = self.captures();
        let mut book = self.book();
        let order = book.order(number).unwrap();
        if captures && order.led && matches!(order.at, At::Open | At::Declined) {
            order.at = At::Approved;
        } else if !captures && matches!(order.at, At::Open | At::Declined) {
            order.at = At::Paid;
        }
    }

    /// The channel's true word about an order, if it is paid.
    pub(crate) fn report(&self, order: &Order) -> PaidReport {
        PaidReport {
            merchant: self.merchant(),
            channel_order_no: order.number.clone(),
            trade_no: format!("t{}", order.number),
            money: order.money,
            paid_ms: None,
            given_back: GivenBack::Nothing,
        }
    }

    fn state(&self, order: &Order) -> OrderState {
        match order.at {
            At::Coming => OrderState::NotFound,
            At::Open => OrderState::Pending,
            At::Approved => OrderState::Approved,
            At::Declined => OrderState::Declined,
            At::Closed => OrderState::Closed,
            At::Paid => OrderState::Paid(self.report(order)),
        }
    }

    /// One call: `act` is done, except where nothing reaches the channel; then its
    /// answer comes, is lost, or is waited for in vain.
    async fn call<T>(&self, act: impl FnOnce(&Self, &mut Book, Mood) -> Told<T> + Send) -> Told<T> {
        let (told, mood, hangs) = {
            let mut book = self.book();
            let (mood, hangs) = (book.mood, std::mem::take(&mut book.hangs));
            let told = match mood {
                Mood::Silent => unknown(),
                _ => act(self, &mut book, mood),
            };
            (told, mood, hangs)
        };
        if hangs {
            self.bell.notify_one();
            std::future::pending::<()>().await;
        }
        if mood == Mood::Deaf { unknown() } else { told }
    }

    fn make(&self, book: &mut Book, new: &ChannelOrder, mood: Mood) -> Told<Created> {
        if mood == Mood::Refuses {
            return refused("NO");
        }
        if book.order(&new.number).is_none() {
            book.orders.push(Order {
                number: new.number.clone(),
                money: new.money,
                at: At::Coming,
                led: false,
                refunds: Vec::new(),
            });
        }
        let order = book.order(&new.number).unwrap();
        if mood == Mood::Slow {
            return unknown();
        }
        match order.at {
            At::Coming => order.at = At::Open,
            At::Closed => return refused("CLOSED"),
            At::Paid => return refused("PAID"),
            At::Open | At::Approved | At::Declined => {}
        }
        order.led |= mood != Mood::Deaf;
        Ok(Created {
            obj: Obj::Code("weixin://x".to_owned()),
            reference: self.captures().then(|| new.number.clone()),
            changed: None,
        })
    }

    fn end(&self, book: &mut Book, ended: &ChannelOrder, mood: Mood) -> Told<()> {
        let known = book.order(&ended.number);
        let known = known.is_some_and(|order| order.at != At::Coming);
        if !known && !book.closes_unknown {
            return refused("NO SUCH ORDER");
        }
        if mood == Mood::Refuses && known {
            return refused("NO");
        }
        // What is not captured takes no money: there is nothing to close.
        if self.captures() {
            return Ok(());
        }
        if book.order(&ended.number).is_none() {
            book.orders.push(Order {
                number: ended.number.clone(),
                money: ended.money,
                at: At::Closed,
                led: false,
                refunds: Vec::new(),
            });
        }
        let order = book.order(&ended.number).unwrap();
        if order.at == At::Paid {
            return refused("PAID");
        }
        order.at = At::Closed;
        Ok(())
    }

    fn give_back(&self, book: &mut Book, refund: &RefundOrder, mood: Mood) -> Told<RefundState> {
        let Some(order) = book.order(&refund.order.number) else {
            return refused("NO SUCH ORDER");
        };
        if let Some((_, sum, state)) = order.refunds.iter().find(|r| r.0 == refund.refund_no) {
            assert_eq!(*sum, refund.money.minor(), "a refund with another sum");
            return Ok(state.clone());
        }
        if mood == Mood::Refuses {
            return refused("NO");
        }
        assert_eq!(order.at, At::Paid, "a refund of what was not paid");
        let state = match mood {
            Mood::Slow => RefundState::Pending,
            _ => RefundState::Done,
        };
        let made = (
            refund.refund_no.clone(),
            refund.money.minor(),
            state.clone(),
        );
        order.refunds.push(made);
        Ok(state)
    }
}

fn report(state: RefundState) -> RefundReport {
    RefundReport {
        state,
        reference: None,
    }
}

#[async_trait::async_trait]
impl Gateway for Bank {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn account(&self) -> &str {
        "bank"
    }

    fn merchant(&self) -> String {
        "m".to_owned()
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn offers(&self, kind: Kind) -> bool {
        match self.channel {
            Channel::Wechat => kind == Kind::Native,
            _ => kind == Kind::Page,
        }
    }

    fn lingers(&self) -> bool {
        self.captures()
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }

    async fn create(&self, new: &NewOrder) -> Told<Created> {
        self.call(|bank, book, mood| bank.make(book, &new.order, mood))
            .await
    }

    async fn query(&self, asked: &ChannelOrder) -> Told<OrderState> {
        self.call(|bank, book, _| {
            let order = book.order(&asked.number);
            Ok(order.map_or(OrderState::NotFound, |order| bank.state(order)))
        })
        .await
    }

    async fn capture(&self, asked: &ChannelOrder) -> Told<OrderState> {
        self.call(|bank, book, mood| {
            let Some(order) = book.order(&asked.number) else {
                return Ok(OrderState::NotFound);
            };
            if order.at == At::Approved {
                order.at = match mood {
                    Mood::Refuses => At::Declined,
                    _ => At::Paid,
                };
            }
            Ok(bank.state(order))
        })
        .await
    }

    async fn close(&self, ended: &ChannelOrder) -> Told<()> {
        self.call(|bank, book, mood| bank.end(book, ended, mood))
            .await
    }

    async fn refund(&self, refund: &RefundOrder) -> Told<RefundReport> {
        self.call(|bank, book, mood| bank.give_back(book, refund, mood).map(report))
            .await
    }

    async fn query_refund(&self, refund: &RefundOrder) -> Told<RefundReport> {
        self.call(|_, book, mood| {
            let order = book.order(&refund.order.number);
            let mut refunds = order.into_iter().flat_map(|order| &mut order.refunds);
            let Some((_, _, state)) = refunds.find(|r| r.0 == refund.refund_no) else {
                return Ok(report(RefundState::NotFound));
            };
            if mood != Mood::Slow {
                *state = RefundState::Done;
            }
            Ok(report(state.clone()))
        })
        .await
    }

    /// `paid NUMBER MINOR CURRENCY MERCHANT`, `changed NUMBER` or `refund NUMBER`.
    async fn read_notify(&self, notify: &RawNotify) -> Told<Notify> {
        let text = String::from_utf8_lossy(&notify.body);
        let words: Vec<&str> = text.split(' ').collect();
        Ok(match words[..] {
            ["paid", number, minor, currency, merchant] => Notify::Paid(PaidReport {
                merchant: merchant.to_owned(),
                channel_order_no: number.to_owned(),
                trade_no: format!("t{number}"),
                money: Money::from_minor(
                    minor.parse().unwrap(),
                    Currency::parse(currency).unwrap(),
                )
                .unwrap(),
                paid_ms: None,
                given_back: GivenBack::Nothing,
            }),
            ["changed", number] => Notify::Changed {
                channel_order_no: number.to_owned(),
            },
            ["refund", number] => Notify::Refund {
                refund_no: number.to_owned(),
                report: report(RefundState::Done),
                back: MoneyBack::default(),
            },
            _ => return unknown(),
        })
    }

    fn notify_answer(&self, received: bool) -> NotifyAnswer {
        NotifyAnswer {
            status: if received { 200 } else { 500 },
            content_type: "text/plain",
            body: "".into(),
        }
    }
}
