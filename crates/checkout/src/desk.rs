//! What operators do at the console: each act by who may do it, with a reason, and
//! recorded before it is done (docs/console.md, Acts).

use crate::{Checkout, Failure};
use payment::lang::Lang;
use payment::operators::{Deed, Operator};
use payment::ports::{Resend, StoreError};
use std::fmt;

/// Bytes of a reason.
const TEXT_MAX: usize = 200;
/// Bytes of a number, and of a refund's key.
const WORD_MAX: usize = 64;

/// What an operator has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// The channel is asked now how an order stands, which settles by its answer.
    Requery {
        /// Our order number.
        order_sn: String,
    },
    /// The order's callback goes out again.
    Resend {
        /// Our order number.
        order_sn: String,
    },
    /// Money of a paid order is given back.
    Refund {
        /// Our order number.
        order_sn: String,
        /// Fen or cents of the request.
        minor: i64,
        /// The same key again is the same refund.
        key: String,
    },
}

impl Errand {
    /// What it is.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Requery { .. } => Deed::Requery,
            Self::Resend { .. } => Deed::Resend,
            Self::Refund { .. } => Deed::Refund,
        }
    }
}

impl Errand {
    /// What others wrote of it.
    fn words(&self) -> Vec<&str> {
        match self {
            Self::Requery { order_sn } | Self::Resend { order_sn } => vec![order_sn],
            Self::Refund { order_sn, key, .. } => vec![order_sn, key],
        }
    }
}

/// As the same command of `tongfu` reads.
impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requery { order_sn } => write!(f, "order requery {order_sn}"),
            Self::Resend { order_sn } => write!(f, "callback resend {order_sn}"),
            Self::Refund {
                order_sn,
                minor,
                key,
            } => write!(f, "order refund {order_sn} --money {minor} --key {key}"),
        }
    }
}

/// Why an act was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotDone {
    /// The operator's role may not do it.
    #[error("the role {} may not do this", .0.role.word())]
    NotAllowed(Operator),
    /// A reason is empty, too long or of several lines.
    #[error("a reason of one line, at most {TEXT_MAX} bytes, is needed")]
    NoReason,
    /// There is no such order, or it has nothing of the kind.
    #[error("there is no such order, or nothing to do for it")]
    Nothing,
    /// What the use case says.
    #[error("{0}")]
    Failed(Failure),
}

impl NotDone {
    /// What is said to the operator.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let zh = match self {
            Self::NotAllowed(operator) => format!("{} 角色不能做这件事", operator.role.word()),
            Self::NoReason => format!("请写原因：一行，最多 {TEXT_MAX} 字节"),
            Self::Nothing => "没有这个订单，或没有可做的".to_owned(),
            Self::Failed(failure) => failure.text(lang),
        };
        match (lang, self) {
            (Lang::Zh, _) | (_, Self::Failed(_)) => zh,
            (Lang::En, _) => self.to_string(),
        }
    }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Checkout {
    /// Does what an operator asks for.
    ///
    /// # Errors
    /// [`NotDone`]; where the act could not be recorded it is not done.
    pub async fn run_errand(
        &self,
        operator: &Operator,
        errand: &Errand,
        reason: &str,
    ) -> Result<(), NotDone> {
        if !operator.role.may(errand.deed()) {
            return Err(NotDone::NotAllowed(operator.clone()));
        }
        if !is_line(reason) {
            return Err(NotDone::NoReason);
        }
        // What is recorded is recorded for ever: no more than the words that it has.
        if !errand.words().into_iter().all(is_word) {
            return Err(NotDone::Nothing);
        }
        let store = &self.parts.store;
        let what = format!("{errand} --reason …");
        let recorded = store.record_act(&operator.name, &what, self.now_ms());
        let seq = recorded.await?.seq;
        let done = self.done(errand, reason).await;
        if done.is_err() {
            let failed = format!("{seq} failed");
            let failed = store.record_act(&operator.name, &failed, self.now_ms());
            failed.await?;
        }
        done
    }

    async fn done(&self, errand: &Errand, reason: &str) -> Result<(), NotDone> {
        match errand {
            Errand::Requery { order_sn } => {
                let order = self.parts.store.attempt(order_sn).await?;
                let order = order.ok_or(NotDone::Nothing)?;
                let asked = self.requery(&order).await;
                asked.map(|_| ()).map_err(NotDone::Failed)
            }
            Errand::Resend { order_sn } => {
                let which = Resend::Order(order_sn.clone());
                match self.resend(&which).await.map_err(NotDone::Failed)? {
                    0 => Err(NotDone::Nothing),
                    _ => Ok(()),
                }
            }
            Errand::Refund {
                order_sn,
                minor,
                key,
            } => {
                let refund = self.refund_order(order_sn, *minor, Some(key), reason);
                refund.await.map(|_| ()).map_err(NotDone::Failed)
            }
        }
    }
}

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control)
}
