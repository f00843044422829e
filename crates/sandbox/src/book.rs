//! What was truly ordered and paid at the gateway. Each change is appended to a
//! journal, and the journal is read back at the next start.

use crate::memory::{self, Memory};
use crate::refund::Refund;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

/// The channel whose order it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Wechat,
    Alipay,
    ChinapayOld,
    Paypal,
    Apay,
}

impl Channel {
    /// What payers call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Wechat => "微信支付",
            Self::Alipay => "支付宝",
            Self::ChinapayOld => "银联",
            Self::Paypal => "PayPal",
            Self::Apay => "四方支付",
        }
    }
}

/// Whose order, and its number there. Without an account: the first of that number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderRef<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) number: &'a str,
}

impl<'a> OrderRef<'a> {
    /// The order of this number of an account.
    pub(crate) fn of(account: &'a str, number: &'a str) -> Self {
        let account = Some(account);
        Self { account, number }
    }
}

impl<'a> From<&'a Order> for OrderRef<'a> {
    fn from(order: &'a Order) -> Self {
        Self::of(&order.account, &order.channel_order_no)
    }
}

/// How an order stands, in WeChat's words and some more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Stage {
    NotPay,
    /// The money was taken, and is held back.
    Pending,
    /// Money that was held back is not had.
    Denied,
    Success,
    /// Some of it went back.
    Refund,
    /// The channel took it back itself.
    Reversed,
    Closed,
    PayError,
}

/// An order at the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    #[serde(flatten)]
    pub(crate) memory: Memory,
    pub(crate) account: String,
    pub(crate) channel_order_no: String,
    pub(crate) trade_type: String,
    pub(crate) description: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) state: Stage,
    pub(crate) notify_url: String,
    pub(crate) attach: Option<String>,
    pub(crate) code_url: String,
    /// The order's fields as they were sent: the same number takes no others.
    pub(crate) fields: String,
    pub(crate) transaction_id: Option<String>,
    pub(crate) paid_ms: Option<i64>,
    pub(crate) times_paid: u32,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    pub(crate) refunds: Vec<Refund>,
}

impl Order {
    /// An unpaid order of which nothing more is known.
    pub(crate) fn fresh(memory: Memory, account: &str, number: &str, now_ms: i64) -> Self {
        Self {
            memory,
            account: account.to_owned(),
            channel_order_no: number.to_owned(),
            trade_type: String::new(),
            description: String::new(),
            amount: 0,
            currency: "CNY".to_owned(),
            state: Stage::NotPay,
            notify_url: String::new(),
            attach: None,
            code_url: String::new(),
            fields: String::new(),
            transaction_id: None,
            paid_ms: None,
            times_paid: 0,
            created_ms: now_ms,
            expires_ms: i64::MAX,
            refunds: Vec::new(),
        }
    }

    pub(crate) fn channel(&self) -> Channel {
        match self.memory {
            Memory::Wechat(_) => Channel::Wechat,
            Memory::Alipay(_) => Channel::Alipay,
            Memory::ChinapayOld(_) => Channel::ChinapayOld,
            Memory::Paypal(_) => Channel::Paypal,
            Memory::Apay(_) => Channel::Apay,
        }
    }

    pub(crate) fn wechat(&self) -> Option<&memory::Wechat> {
        match &self.memory {
            Memory::Wechat(own) => Some(own),
            _ => None,
        }
    }

    pub(crate) fn alipay(&self) -> Option<&memory::Alipay> {
        match &self.memory {
            Memory::Alipay(own) => Some(own),
            _ => None,
        }
    }

    pub(crate) fn chinapay(&self) -> Option<&memory::Chinapay> {
        match &self.memory {
            Memory::ChinapayOld(own) => Some(own),
            _ => None,
        }
    }

    pub(crate) fn paypal(&self) -> Option<&memory::Paypal> {
        match &self.memory {
            Memory::Paypal(own) => Some(own),
            _ => None,
        }
    }

    pub(crate) fn apay(&self) -> Option<&memory::Apay> {
        match &self.memory {
            Memory::Apay(own) => Some(own),
            _ => None,
        }
    }

    /// The state now: an unpaid order past its time reads CLOSED.
    pub(crate) fn state_at(&self, now_ms: i64) -> Stage {
        match self.state {
            Stage::NotPay if now_ms >= self.expires_ms => Stage::Closed,
            state => state,
        }
    }

    /// A refund that was taken and has moved no money.
    pub(crate) fn stuck(&self, number: &str) -> Option<Refund> {
        self.memory.stuck()?.get(number).cloned()
    }

    /// A refund of this number, however it stands.
    pub(crate) fn refund(&self, number: &str) -> Option<Refund> {
        let mut made = self.refunds.iter();
        let made = made.find(|refund| refund.out_refund_no == number);
        made.cloned().or_else(|| self.stuck(number))
    }

    /// All that were taken, however they stand.
    pub(crate) fn refunds_taken(&self) -> impl Iterator<Item = &Refund> {
        let stuck = self.memory.stuck().into_iter().flat_map(BTreeMap::values);
        self.refunds.iter().chain(stuck)
    }

    /// What was given back, minor units.
    pub(crate) fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// What can still be asked back, minor units: refunds that are not over count.
    pub(crate) fn refundable(&self) -> i64 {
        let stuck = self.memory.stuck().into_iter().flat_map(BTreeMap::values);
        let over = |refund: &&Refund| matches!(refund.state.as_deref(), Some("CLOSED" | "8"));
        let open = stuck.filter(|refund| !over(refund));
        self.amount - self.refunded() - open.map(|refund| refund.amount).sum::<i64>()
    }
}

/// All orders by account and number, and the journal.
pub(crate) struct Book {
    orders: BTreeMap<(String, String), Order>,
    journal: File,
}

impl Book {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut orders = BTreeMap::new();
        if path.exists() {
            for line in BufReader::new(File::open(path)?).lines() {
                // A line that was cut by a crash is the last one, and is lost.
                let Ok(order) = serde_json::from_str::<Order>(&line?) else {
                    continue;
                };
                orders.insert(key(&order.account, &order.channel_order_no), order);
            }
        }
        let journal = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self {
            orders,
            journal: journal.context("opening the book")?,
        })
    }

    pub(crate) fn get(&self, account: &str, number: &str) -> Option<&Order> {
        self.orders.get(&key(account, number))
    }

    /// The order that is meant.
    pub(crate) fn named(&self, which: OrderRef<'_>) -> Option<&Order> {
        match which.account {
            Some(account) => self.get(account, which.number),
            None => self.find(|order| order.channel_order_no == which.number),
        }
    }

    /// The first order that fits, whoever's it is.
    pub(crate) fn find(&self, wanted: impl Fn(&Order) -> bool) -> Option<&Order> {
        self.orders.values().find(|order| wanted(order))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// Keeps an order as it is now.
    pub(crate) fn put(&mut self, order: Order) {
        match serde_json::to_string(&order) {
            Ok(line) => {
                if let Err(error) = writeln!(self.journal, "{line}") {
                    tracing::error!(cause = %error, "the book's journal can't be written");
                }
            }
            Err(error) => tracing::error!(cause = %error, "an order can't be written"),
        }
        self.orders
            .insert(key(&order.account, &order.channel_order_no), order);
    }
}

fn key(account: &str, number: &str) -> (String, String) {
    (account.to_owned(), number.to_owned())
}
