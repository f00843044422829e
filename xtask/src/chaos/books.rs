//! The three books, as their keepers show them.

use super::plan::{PARTNER, SECOND};
use crate::wire::Wire;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The account behind which refunds have numbers of their own (stage.rs).
const FORGETFUL: (&str, &str) = ("Alipay", "sandbox-apay");

/// A refund that the sandbox executed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrueRefund {
    pub(crate) out_refund_no: String,
    pub(crate) amount: i64,
    /// What PayPal's merchant calls it; there the number above is the request's.
    #[serde(default)]
    pub(crate) custom_id: Value,
}

impl TrueRefund {
    /// Our number, where the gateway keeps it beside its own.
    fn beside(&self) -> Option<&str> {
        self.custom_id
            .as_str()
            .or(self.custom_id["number"].as_str())
    }

    pub(crate) fn is(&self, ours: &OurRefund) -> bool {
        self.out_refund_no == ours.refund_no || self.beside() == Some(&ours.refund_no)
    }
}

/// An order of the sandbox's book: what truly happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrueOrder {
    pub(crate) channel: String,
    pub(crate) account: String,
    pub(crate) channel_order_no: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) state: String,
    pub(crate) times_paid: u32,
    pub(crate) refunds: Vec<TrueRefund>,
    #[serde(default)]
    pub(crate) more: Value,
}

impl TrueOrder {
    pub(crate) fn is_paid(&self) -> bool {
        self.times_paid > 0
    }

    /// Whether the channel took this refund of ours, and it came to nothing there.
    pub(crate) fn has_failed(&self, refund: &OurRefund) -> bool {
        let number = refund.refund_no.as_str();
        let over = matches!(self.stuck_state(number), Some("CLOSED" | "8"));
        over || self.more["closed"].get(number).is_some()
    }

    /// How a refund stands that was taken and has moved no money.
    fn stuck_state(&self, number: &str) -> Option<&str> {
        self.more["stuck"][number]["state"].as_str()
    }

    /// Whether the second platform has parked this refund of the first's: it is asked
    /// for again and again, until a person ends it there.
    pub(crate) fn has_parked(&self, refund: &OurRefund) -> bool {
        self.account == SECOND && self.stuck_state(&refund.refund_no) == Some("ABNORMAL")
    }

    /// The refunds that wait for a person at the channel.
    pub(crate) fn abnormal(&self) -> impl Iterator<Item = &str> {
        let stuck = self.more["stuck"].as_object();
        let numbers = stuck.into_iter().flat_map(|stuck| stuck.keys());
        numbers
            .map(String::as_str)
            .filter(|number| self.stuck_state(number) == Some("ABNORMAL"))
    }

    /// Whether the channel has the payer's money, and holds it back.
    pub(crate) fn is_held(&self) -> bool {
        self.state == "PENDING"
    }

    /// Whether this refund of ours was made.
    pub(crate) fn executed(&self, refund: &OurRefund) -> bool {
        self.refunds.iter().any(|one| one.is(refund))
    }

    /// Where it lies: an account's name is the sandbox's own, whatever channel it
    /// stands behind.
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.account, self.number())
    }

    /// Whether it came through another checkout, which stands behind a channel.
    pub(crate) fn is_upstreams(&self) -> bool {
        self.channel == "Apay"
    }

    /// The merchant's number: PayPal makes its own, and keeps the merchant's beside.
    pub(crate) fn number(&self) -> &str {
        let beside = self.more["custom_id"].as_str();
        beside.unwrap_or(&self.channel_order_no)
    }
}

/// A refund of our book.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OurRefund {
    pub(crate) refund_no: String,
    pub(crate) refund_key: Option<String>,
    pub(crate) money: i64,
    pub(crate) channel_money: i64,
    pub(crate) state: String,
    pub(crate) cause: String,
}

impl OurRefund {
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.state.as_str(), "NOTREFUND" | "WAITREFUND")
    }
}

/// A callback of our outbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OurCallback {
    pub(crate) state: String,
    pub(crate) created_ms: i64,
    pub(crate) first_try_ms: Option<i64>,
}

/// How many callbacks there are, and how many of them left within a second.
pub(crate) fn prompt_ones(ours: &[OurOrder]) -> (usize, usize) {
    let callbacks: Vec<_> = ours.iter().flat_map(|order| &order.callbacks).collect();
    let prompt = |callback: &&&OurCallback| {
        callback
            .first_try_ms
            .is_some_and(|at_ms| at_ms - callback.created_ms <= 1_000)
    };
    (callbacks.len(), callbacks.iter().filter(prompt).count())
}

/// An order of our book: one attempt of a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OurOrder {
    pub(crate) order_sn: String,
    pub(crate) domain_code: String,
    pub(crate) request_key: String,
    /// A partner's own number of the request.
    pub(crate) out_order_id: Option<String>,
    pub(crate) money: i64,
    pub(crate) request_status: String,
    pub(crate) status: String,
    pub(crate) channel: String,
    pub(crate) account: String,
    pub(crate) channel_order_no: String,
    pub(crate) channel_money: i64,
    pub(crate) channel_currency: String,
    pub(crate) refunds: Vec<OurRefund>,
    pub(crate) callbacks: Vec<OurCallback>,
}

impl OurOrder {
    /// Where the sandbox has it.
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.account, &self.channel_order_no)
    }

    pub(crate) fn has_money(&self) -> bool {
        matches!(
            self.status.as_str(),
            "SUCCESSPAY" | "DUPLICATE" | "PAIDAFTERCLOSE"
        )
    }

    /// ChinaPay can't be asked about a refund, and an upstream that numbers refunds
    /// itself says no more than that it is on its way: what became of it is told by one
    /// notify, or never.
    pub(crate) fn is_told_of_refunds(&self) -> bool {
        self.channel == "ChinapayOld" || (self.channel.as_str(), self.account.as_str()) == FORGETFUL
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "CREATING" | "NOTPAY") || self.is_held()
    }

    /// Whether its channel checks the payer's money.
    pub(crate) fn is_held(&self) -> bool {
        self.status == "HELD"
    }
}

/// A callback that the shop got: the first document's, or a partner's notification.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Called {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) verified: bool,
}

impl Called {
    fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The first of these that it has: the two documents have names of their own.
    fn either(&self, first: &str, partners: &str) -> &str {
        self.value(if self.is_partners() { partners } else { first })
    }

    pub(crate) fn is_partners(&self) -> bool {
        self.values.contains_key("outOrderId")
    }

    pub(crate) fn domain(&self) -> &str {
        if self.is_partners() {
            PARTNER.0
        } else {
            self.value("domainCode")
        }
    }

    pub(crate) fn key(&self) -> &str {
        self.either("requestKey", "orderId")
    }

    pub(crate) fn order_sn(&self) -> &str {
        self.either("orderSn", "providerOrderId")
    }

    /// The partner's own number; others have none.
    pub(crate) fn out_order_id(&self) -> &str {
        self.value("outOrderId")
    }

    pub(crate) fn fen(&self) -> Option<i64> {
        if self.is_partners() {
            fen_of_yuan(self.value("money"))
        } else {
            self.value("money").parse().ok()
        }
    }

    /// A partner is told of nothing else.
    pub(crate) fn says_paid(&self) -> bool {
        self.is_partners() || self.value("payStatus") == "SUCCESSPAY"
    }
}

/// Fen of `12.34`, `12.3` or `12`.
pub(crate) fn fen_of_yuan(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let fits = decimals.len() <= 2;
    fits.then(|| format!("{whole}{decimals:0<2}").parse().ok())?
}

/// The sandbox's book.
pub(crate) fn of_sandbox(wire: &Wire, sandbox: &str) -> Result<Vec<TrueOrder>> {
    let answer = wire.get(&format!("{sandbox}/control/orders"))?;
    serde_json::from_str(&answer.body).context("reading the sandbox's book")
}

/// The shop's book.
pub(crate) fn of_shop(wire: &Wire, shop: &str) -> Result<Vec<Called>> {
    let answer = wire.get(&format!("{shop}/control/callbacks"))?;
    serde_json::from_str(&answer.body).context("reading the shop's book")
}

/// Our book, from the lines of `tongfu order list --json`.
pub(crate) fn ours(lines: &str) -> Result<Vec<OurOrder>> {
    lines
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).with_context(|| format!("reading {line}")))
        .collect()
}
