//! What operators do at the console: each act by who may do it, with a reason, and
//! recorded before it is done (docs/console.md, Acts).

use crate::{Checkout, Confirmed, Failure};
use payment::by_two::Meant;
use payment::channel::Channel;
use payment::domain::{Domain, DomainError};
use payment::lang::Lang;
use payment::money::{Money, two_decimals};
use payment::operators::{Deed, Operator};
use payment::ports::{AccountName, AttemptRow, Resend, StoreError};
use payment::refund::{Refund, Way};
use payment::story::Source;
use std::fmt;

/// Letters of a reason, as its field counts them.
const TEXT_MAX: usize = 200;
/// Bytes of a number, and of a refund's key.
const WORD_MAX: usize = 64;
/// Bytes of what is recorded.
const RECORD_MAX: usize = 4_000;

/// Of two who look after the same money, the second one is told.
const LOOKED_AFTER: NotDone = NotDone::Unfit(
    "已经有人处理过了，或没有这笔钱",
    "Somebody has looked after it already, or there is no such money",
);

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
    /// Money of a paid order is given back, or asked for where it takes two.
    Refund {
        /// Our order number.
        order_sn: String,
        /// Fen or cents of the request.
        minor: i64,
        /// The same key again is the same refund.
        key: String,
        /// What he knew of the order.
        meant: Meant,
    },
    /// Money that came after its request was closed pays it after all.
    Honour {
        /// Our order number.
        order_sn: String,
    },
    /// The order's request is closed, as its business system's own call does.
    Close {
        /// Our order number.
        order_sn: String,
    },
    /// An order ends that somebody saw unpaid at the channel's console.
    Unpaid {
        /// Our order number.
        order_sn: String,
    },
    /// The money of a refund is back, by another way or as the channel's console shows it.
    ByHand {
        /// Our order number.
        order_sn: String,
        /// Our number of the refund.
        refund_no: String,
        /// Which way it went back.
        way: Way,
        /// The same sum went back since, and this one beside.
        again: bool,
    },
    /// Somebody has looked after money that went back without a refund of ours, or that came
    /// and is not its order's.
    LookedAfter {
        /// Our order number.
        order_sn: String,
        /// The refund's number; the order's where nobody says how much went back, or where
        /// what came differs.
        number: String,
    },
    /// What another one asked for is given back.
    Grant {
        /// The number of what was asked for.
        request_no: String,
        /// Who grants it has just proved himself.
        confirmed: Confirmed,
    },
    /// What was asked for is not given back.
    Refuse {
        /// The number of what was asked for.
        request_no: String,
    },
    /// A business system is made.
    Add {
        /// With its first secret.
        domain: Box<Domain>,
        /// What it is given, in one line that is recorded.
        what: String,
    },
    /// A business system is given other settings.
    Set {
        /// As it was read.
        was: Box<Domain>,
        /// As it is to be.
        domain: Box<Domain>,
        /// What of it changes, in one line that is recorded.
        what: String,
    },
    /// A business system is given another secret; the one before holds a while.
    Rotate {
        /// As it was read.
        was: Box<Domain>,
        /// As it is to be.
        domain: Box<Domain>,
        /// Until when the one before holds, in one line that is recorded.
        what: String,
    },
    /// Every secret of a business system but its newest ends now.
    EndOlder {
        /// As it was read.
        was: Box<Domain>,
        /// As it is to be.
        domain: Box<Domain>,
    },
    /// A channel account of the database takes new payments again, or none.
    Enable {
        /// Its channel.
        channel: Channel,
        /// Its name.
        name: String,
        /// Whether it took them as it was read.
        was: bool,
        /// Whether it takes them.
        enabled: bool,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Another operator must grant it.
    Asked,
}

impl Errand {
    /// What it is.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Requery { .. } => Deed::Requery,
            Self::Resend { .. } => Deed::Resend,
            Self::Refund { .. } => Deed::Refund,
            Self::Close { .. } => Deed::Close,
            Self::Honour { .. }
            | Self::Unpaid { .. }
            | Self::ByHand { .. }
            | Self::LookedAfter { .. } => Deed::Settle,
            Self::Grant { .. } | Self::Refuse { .. } => Deed::Judge,
            Self::Add { .. }
            | Self::Set { .. }
            | Self::Rotate { .. }
            | Self::EndOlder { .. }
            | Self::Enable { .. } => Deed::Manage,
        }
    }

    /// What others wrote of it.
    fn words(&self) -> Vec<&str> {
        match self {
            Self::Requery { order_sn }
            | Self::Resend { order_sn }
            | Self::Honour { order_sn }
            | Self::Close { order_sn }
            | Self::Unpaid { order_sn } => vec![order_sn],
            Self::Refund { order_sn, key, .. } => vec![order_sn, key],
            Self::ByHand {
                order_sn,
                refund_no,
                ..
            } => vec![order_sn, refund_no],
            // The refund's number is as its channel writes it.
            Self::LookedAfter { order_sn, .. } => vec![order_sn],
            Self::Grant { request_no, .. } | Self::Refuse { request_no } => vec![request_no],
            Self::Add { domain, .. }
            | Self::Set { domain, .. }
            | Self::Rotate { domain, .. }
            | Self::EndOlder { domain, .. } => vec![&domain.code],
            Self::Enable { .. } => vec![],
        }
    }

    /// What is recorded of it. Of an order its story tells the reason, from where it can be
    /// taken away; of the rest nothing else does.
    fn recorded(&self, reason: &str) -> String {
        match self.deed() {
            Deed::Manage => format!("{self} --reason {reason:?}"),
            // Who grants gives none: the one that was asked for has it.
            _ if reason.is_empty() => self.to_string(),
            _ => format!("{self} --reason …"),
        }
    }

    /// Whether it is done without a reason: the one that was asked for has one.
    fn needs_reason(&self) -> bool {
        !matches!(self, Self::Grant { .. })
    }
}

/// What is recorded of it: of an order and of an account as the same command of `tongfu`
/// reads, of a business system what it is given.
impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requery { order_sn } => write!(f, "order requery {order_sn}"),
            Self::Resend { order_sn } => write!(f, "callback resend {order_sn}"),
            Self::Refund {
                order_sn,
                minor,
                key,
                meant,
            } => {
                let again = if meant.again { " --again" } else { "" };
                write!(
                    f,
                    "order refund {order_sn} --money {minor} --key {key}{again}"
                )
            }
            Self::Honour { order_sn } => write!(f, "order honour {order_sn}"),
            Self::Close { order_sn } => write!(f, "order close {order_sn}"),
            Self::Unpaid { order_sn } => write!(f, "order unpaid {order_sn}"),
            Self::ByHand {
                order_sn,
                refund_no,
                way,
                again,
            } => {
                let (way, again) = (way.word(), if *again { " --again" } else { "" });
                write!(
                    f,
                    "order refund {order_sn} --by-hand {refund_no} --way {way}{again}"
                )
            }
            Self::LookedAfter { order_sn, number } if order_sn == number => {
                write!(f, "order looked-after {order_sn}")
            }
            Self::LookedAfter { order_sn, number } => {
                write!(f, "order looked-after {order_sn} --refund {number:?}")
            }
            Self::Grant { request_no, .. } => write!(f, "order grant {request_no}"),
            Self::Refuse { request_no } => write!(f, "order refuse {request_no}"),
            Self::Add { domain, what } => write!(f, "business add {} {what}", domain.code),
            Self::Set { domain, what, .. } => write!(f, "business set {} {what}", domain.code),
            Self::Rotate { domain, what, .. } => {
                write!(f, "business rotate {} {what}", domain.code)
            }
            Self::EndOlder { domain, .. } => write!(f, "business end-older {}", domain.code),
            Self::Enable {
                channel,
                name,
                enabled,
                ..
            } => {
                let word = if *enabled { "enable" } else { "disable" };
                write!(f, "channel {word} {}/{name}", channel.code())
            }
        }
    }
}

/// Why an act was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotDone {
    /// The operator's role may not do it.
    #[error("the role {} may not do this", .0.role.word())]
    NotAllowed(Operator),
    /// A reason is empty.
    #[error("A reason is needed: say why, in one line of at most {TEXT_MAX} letters")]
    NoReason,
    /// A reason is too long: how many letters it has.
    #[error("The reason is too long: it has {0} letters, and may have {TEXT_MAX}")]
    LongReason(usize),
    /// A reason has several lines, or what no line holds.
    #[error("The reason must be one line, without line breaks or tabs")]
    LinesOfReason,
    /// There is no such order, or it has nothing of the kind.
    #[error("there is no such order, or nothing to do for it")]
    Nothing,
    /// Who asks for a refund can't grant it.
    #[error("who asks for a refund can't grant it")]
    OwnRequest,
    /// A business system of this code is there already.
    #[error(
        "{0} is there already: nothing was made. Where this form was sent twice it is made: a \
         secret that you did not see is rotated once more"
    )]
    Taken(String),
    /// Somebody else changed the business system or the account.
    #[error(
        "{0} was changed since this page was opened, and nothing was done: by somebody else, or \
         by this very form sent twice. See how it is now; where it was to rotate, and you saw no \
         secret, rotate once more"
    )]
    Changed(String),
    /// More changes at once than can be recorded.
    #[error("so many changes at once can't be recorded: make them one by one")]
    TooMuch,
    /// What a business system would break.
    #[error("{0}")]
    Breaks(DomainError),
    /// A close that its channels have not confirmed, and why.
    #[error(
        "It is not closed yet: its channel has not said that it takes no money any more. No \
         other payment of it can begin; close it again in a moment."
    )]
    NotClosed(Failure),
    /// A refund of more than is left of its order: what is left.
    #[error("More than is left to give back: {} is left", written(*.0))]
    MoreThanLeft(Money),
    /// A refund that was begun before under the same key, and goes to its channel no more.
    #[error(
        "This refund was begun before and is {}: nothing is sent again. Open the order anew for \
         another one", .0.word()
    )]
    Ended(Refund),
    /// The order is not as it would have to be: in both languages.
    #[error("{1}")]
    Unfit(&'static str, &'static str),
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
            Self::NoReason => format!("请写原因：一行，最多 {TEXT_MAX} 个字"),
            Self::LongReason(letters) => {
                format!("原因太长：写了 {letters} 个字，最多 {TEXT_MAX} 个")
            }
            Self::LinesOfReason => "原因只能是一行，不能有换行和制表符".to_owned(),
            Self::Nothing => "没有这个订单，或没有可做的".to_owned(),
            Self::OwnRequest => "自己要的退款不能自己同意".to_owned(),
            Self::Taken(code) => format!(
                "已经有 {code}：没有新建（同一张表单发了两次的话，已经建好：没看到的密钥，再换一次）"
            ),
            Self::Changed(code) => format!(
                "{code} 在你打开这一页之后改过，没有执行：可能是别人，也可能是同一张表单发了两次。\
                         请看现在的样子（换密钥没看到新的，就再换一次）"
            ),
            Self::TooMuch => "一次改得太多，记不下：请分几次改".to_owned(),
            Self::Breaks(rule) => rule.text(lang).to_owned(),
            Self::NotClosed(differs @ Failure::Differs) => return differs.text(lang),
            Self::NotClosed(_) => "还没有关闭：渠道还没确认收不到钱。不能再开始新的支付；\
                                   过一会儿再关一次。"
                .to_owned(),
            Self::MoreThanLeft(left) => format!("退得太多：还可退 {}", written(*left)),
            Self::Ended(state) => format!(
                "这笔退款先前已登记，现在是 {}：不会再发往渠道。要另退一笔，请重新打开订单",
                state.word()
            ),
            Self::Unfit(zh, _) => (*zh).to_owned(),
            // It is no payer, and no business system, who reads this.
            Self::Failed(Failure::AlreadyPaid) => lang
                .choose(
                    "已经付了：按已付结算，没有关闭，也没有结束",
                    "It is paid: that was settled, and nothing was closed or ended",
                )
                .to_owned(),
            Self::Failed(Failure::ChannelUnavailable(cause)) => match lang {
                Lang::Zh => format!("渠道没有给出结果：{cause}"),
                Lang::En => format!("Its channel gave no result: {cause}"),
            },
            Self::Failed(Failure::Internal(_)) => lang
                .choose(
                    "系统出了问题，没有执行完：原因在日志里",
                    "The system is in trouble, and it was not done to its end: the log says why",
                )
                .to_owned(),
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
        match error {
            StoreError::Exists(code) => Self::Taken(code),
            StoreError::Changed(code) => Self::Changed(code),
            error => Self::Failed(error.into()),
        }
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
    ) -> Result<Outcome, NotDone> {
        if !operator.role.may(errand.deed()) {
            return Err(NotDone::NotAllowed(operator.clone()));
        }
        if errand.needs_reason() {
            check_reason(reason)?;
        }
        // No rule that came later keeps a stolen secret alive: only what is set is judged.
        if let Errand::Add { domain, .. } | Errand::Set { domain, .. } = errand {
            domain.check().map_err(NotDone::Breaks)?;
        }
        // What is recorded is recorded for ever: no more than the words that it has.
        if !errand.words().into_iter().all(is_word) {
            return Err(NotDone::Nothing);
        }
        if let Errand::Enable { channel, name, .. } = errand {
            let names = self.parts.store.account_names().await?;
            if !names
                .iter()
                .any(|one| (one.channel, &one.name) == (*channel, name))
            {
                return Err(NotDone::Nothing);
            }
        }
        let store = &self.parts.store;
        if let Errand::LookedAfter { order_sn, number } = errand
            && !self
                .to_look_after(order_sn)
                .await
                .map_err(NotDone::Failed)?
                .contains(number)
        {
            return Err(LOOKED_AFTER);
        }
        let what = errand.recorded(reason);
        if what.len() > RECORD_MAX || what.chars().any(char::is_control) {
            return Err(NotDone::TooMuch);
        }
        let recorded = store.record_act(&operator.name, &what, self.now_ms());
        let seq = recorded.await?.seq;
        let done = self.done(&operator.name, errand, reason).await;
        if let Err(NotDone::Failed(failure) | NotDone::NotClosed(failure)) = &done {
            tracing::warn!(operator.name, act = %errand, cause = %failure,
                "what an operator wanted was not done");
        }
        if done.is_err() {
            let failed = format!("{seq} failed");
            let failed = store.record_act(&operator.name, &failed, self.now_ms());
            failed.await?;
        }
        done
    }

    async fn done(&self, by: &str, errand: &Errand, reason: &str) -> Result<Outcome, NotDone> {
        let failed = NotDone::Failed;
        match errand {
            Errand::Requery { order_sn } => {
                let order = self.noted(by, errand, order_sn, reason).await?;
                self.requery(&order).await.map_err(failed)?;
            }
            Errand::Resend { order_sn } => {
                self.noted(by, errand, order_sn, reason).await?;
                let which = Resend::Order(order_sn.clone());
                if self.resend(&which).await.map_err(failed)? == 0 {
                    return Err(NotDone::Nothing);
                }
            }
            Errand::Refund {
                order_sn,
                minor,
                key,
                meant,
            } => {
                let why = (reason, *meant);
                return match self.give_back(by, order_sn, (*minor, key), why).await {
                    Ok(None) => Ok(Outcome::Asked),
                    Ok(Some(Refund::New | Refund::Sent)) => Ok(Outcome::Done),
                    Ok(Some(ended)) => Err(NotDone::Ended(ended)),
                    Err(failure) => Err(self.not_given_back(order_sn, failure).await),
                };
            }
            Errand::Honour { order_sn } => {
                self.noted(by, errand, order_sn, reason).await?;
                self.honour(order_sn).await.map_err(not_honoured)?;
            }
            Errand::Close { order_sn } => {
                let order = self.noted(by, errand, order_sn, reason).await?;
                if let Err(failure) = self.close_order(&order).await {
                    return Err(match self.is_closing(&order, &failure).await? {
                        true => NotDone::NotClosed(failure),
                        false => failed(failure),
                    });
                }
            }
            Errand::Unpaid { order_sn } => {
                self.noted(by, errand, order_sn, reason).await?;
                self.end_unpaid(order_sn).await.map_err(failed)?;
            }
            Errand::ByHand {
                order_sn,
                refund_no,
                way,
                again,
            } => {
                let refunds = self.parts.store.refunds(order_sn).await?;
                if refunds.iter().all(|refund| refund.refund_no != *refund_no) {
                    return Err(NotDone::Nothing);
                }
                self.noted(by, errand, order_sn, reason).await?;
                let ended = self.refund_by_hand(order_sn, refund_no, *way, *again).await;
                ended.map_err(not_by_hand)?;
            }
            Errand::LookedAfter { order_sn, number } => {
                let detail = format!("{by}: {errand}: {reason}");
                let looked = self.looked_after(order_sn, number, &detail).await;
                if !looked.map_err(failed)? {
                    return Err(LOOKED_AFTER);
                }
            }
            Errand::Grant {
                request_no,
                confirmed,
            } => {
                // The database refuses it too.
                let asked = self.parts.store.refund_request(request_no).await?;
                let itself = asked.as_ref().is_some_and(|request| request.asked_by == by);
                if itself || confirmed.operator().name != by {
                    return Err(NotDone::OwnRequest);
                }
                if let Err(failure) = self.grant_refund(by, request_no).await {
                    let order_sn = asked.map(|request| request.order_sn).unwrap_or_default();
                    return Err(self.not_given_back(&order_sn, failure).await);
                }
            }
            Errand::Refuse { request_no } => {
                let store = &self.parts.store;
                let refused = store.refuse_refund(request_no, by, reason, self.now_ms());
                if !refused.await? {
                    return Err(failed(Failure::NotAsked));
                }
            }
            Errand::Add { domain, .. } => self.parts.store.add_domain(domain).await?,
            Errand::Set { was, domain, .. }
            | Errand::Rotate { was, domain, .. }
            | Errand::EndOlder { was, domain } => {
                self.parts.store.set_domain(was, domain).await?;
            }
            Errand::Enable {
                channel,
                name,
                was,
                enabled,
            } => {
                let was = AccountName {
                    channel: *channel,
                    name: name.clone(),
                    enabled: *was,
                };
                if !self.parts.store.enable_account(&was, *enabled).await? {
                    return Err(NotDone::Changed(name.clone()));
                }
            }
        }
        Ok(Outcome::Done)
    }

    /// Gives back so much of an order under a key, where it is meant (again), or asks for it
    /// where it takes two.
    async fn give_back(
        &self,
        by: &str,
        order_sn: &str,
        (minor, key): (i64, &str),
        why: (&str, Meant),
    ) -> Result<Option<Refund>, Failure> {
        let alone = self.refund_order(by, order_sn, minor, Some(key), why);
        match alone.await {
            Err(Failure::NeedsTwo) => {
                let asked = self.ask_refund(by, order_sn, minor, key, why).await?;
                match asked.waits(self.now_ms()) {
                    true => Ok(None),
                    false => Err(Failure::NotAsked),
                }
            }
            alone => alone.map(|row| Some(row.state)),
        }
    }

    /// Why a refund was not begun; what is left in the order's currency.
    async fn not_given_back(&self, order_sn: &str, failure: Failure) -> NotDone {
        let left = match failure {
            Failure::TooMuch(left) => left,
            Failure::RefundKeyReused => {
                return NotDone::Unfit(
                    "这个 key 是另一笔退款的（金额或订单不同）：换一个；在控制台请重新打开订单再退",
                    "This key is another refund's, of another sum or order: take another one; at \
                     the console open the order anew",
                );
            }
            failure => return NotDone::Failed(failure),
        };
        let order = match self.parts.store.attempt(order_sn).await {
            Ok(order) => order,
            Err(error) => return error.into(),
        };
        let left = order.and_then(|order| Money::from_minor(left, order.money.currency()));
        left.map_or(NotDone::Nothing, NotDone::MoreThanLeft)
    }

    /// Writes what an operator does into its order's story, with why; gives the order.
    async fn noted(
        &self,
        by: &str,
        errand: &Errand,
        order_sn: &str,
        reason: &str,
    ) -> Result<AttemptRow, NotDone> {
        let store = &self.parts.store;
        let order = store.attempt(order_sn).await?;
        let order = order.ok_or(NotDone::Nothing)?;
        let detail = format!("{by}: {errand}: {reason}");
        let act = self.act(Source::Operator);
        store.note_operator(order_sn, &detail, act).await?;
        Ok(order)
    }
}

/// Why late money did not pay its request.
fn not_honoured(failure: Failure) -> NotDone {
    match failure {
        Failure::NotPaid => NotDone::Unfit(
            "这不是关闭之后才到的钱，或已经认了账：没有执行",
            "This is no money that came after a close, or it pays already: nothing was done",
        ),
        Failure::InProgress => NotDone::Unfit(
            "它正在退回，或已退回：不能再认账",
            "Its money is on its way back, or back: it can't pay any more",
        ),
        failure => NotDone::Failed(failure),
    }
}

/// Why a refund was not ended by hand.
fn not_by_hand(failure: Failure) -> NotDone {
    match failure {
        Failure::InProgress => NotDone::Unfit(
            "这笔退款已经了结，或它的渠道还会了结它：没有记",
            "This refund has ended, or its channel may still end it: nothing was noted",
        ),
        failure => NotDone::Failed(failure),
    }
}

/// Whether a text is a word as numbers and codes are, and no longer than they get.
pub(crate) fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// A sum as operators' forms ask for it, with its currency's code.
fn written(sum: Money) -> String {
    format!("{} {}", sum.currency().code(), two_decimals(sum.minor()))
}

/// Judges a reason that is kept: one line, and no more letters than a form takes.
///
/// # Errors
/// [`NotDone`] with what is wrong with it.
pub fn check_reason(text: &str) -> Result<(), NotDone> {
    let letters = text.chars().count();
    match () {
        () if text.trim().is_empty() => Err(NotDone::NoReason),
        () if letters > TEXT_MAX => Err(NotDone::LongReason(letters)),
        () if text.chars().any(char::is_control) => Err(NotDone::LinesOfReason),
        () => Ok(()),
    }
}
