//! Why a use case did not do what was asked: one variant for each answer.

use payment::by_two::NotMeant;
use payment::errcode::ErrCode;
use payment::lang::Lang;
use payment::ports::StoreError;
use payment::refusal::Refusal;

/// Why a use case did not do what was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The request itself is refused.
    #[error("{}", .0.text(Lang::En))]
    Refused(Refusal),
    /// The requestKey was used with another sum or currency.
    #[error("requestKey was used with another sum")]
    KeyReused,
    /// The request is closed.
    #[error("the request is closed")]
    Closed,
    /// The request is paid.
    #[error("the request is paid already")]
    AlreadyPaid,
    /// No account of the domain offers this channel here.
    #[error("the channel is not offered")]
    UnsupportedChannel,
    /// WeChat is offered inside WeChat only, to a payer whose openid is known.
    #[error("openid is missing")]
    OpenidMissing,
    /// A channel has not said yet how an order stands.
    #[error("a channel has not confirmed yet")]
    InProgress,
    /// Nothing was paid under the requestKey.
    #[error("there is no payment to refund")]
    NotPaid,
    /// A refund of more than is left of the payment: what is left, fen (cents).
    #[error("more than is left to refund: {0}")]
    TooMuch(i64),
    /// A refund of so little that nothing of it comes in the currency of its channel.
    #[error("too little to refund")]
    TooLittle,
    /// The refundKey was used for another payment or sum.
    #[error("refundKey was used for another refund")]
    RefundKeyReused,
    /// Too many calls; the same one may come again then.
    #[error("too many calls; again in {wait_s} s")]
    TooMany {
        /// After so many seconds.
        wait_s: u64,
    },
    /// The operator has frozen such calls of this business system.
    #[error("frozen by the operator")]
    Frozen,
    /// The business system has given back what it may within a day.
    #[error("refunds of a day are used up")]
    RefundsADay,
    /// More than an operator may give back alone.
    #[error("more than one operator may give back alone")]
    NeedsTwo,
    /// An operator's refund of the same sum of the order is there, or waits.
    #[error("the same sum of the order was given back or asked for already")]
    SameSum,
    /// Money of the order went back since the operator looked at it.
    #[error("less is left of the order than was shown")]
    LessLeft,
    /// Money of the order went back since a refund was asked for, which another one grants.
    #[error("money of the order went back since it was asked for")]
    WentBack,
    /// Money came for the order that does not fit it, which settles nothing.
    #[error("what was paid does not fit the order")]
    Differs,
    /// A refund of the same sum went back since the one that failed.
    #[error("the same sum of the order went back since")]
    MadeAnew,
    /// A refund that does not wait to be granted, or no more.
    #[error("no such refund waits to be granted")]
    NotAsked,
    /// The channel refused the order or can't be reached; the cause is for the log.
    #[error("channel unavailable: {0}")]
    ChannelUnavailable(String),
    /// Our own trouble; the cause is for the log.
    #[error("internal: {0}")]
    Internal(String),
}

impl Failure {
    /// Whether it passes: the same call may succeed a moment later.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Internal(_)
                | Self::Frozen
                | Self::RefundsADay
                | Self::ChannelUnavailable(_)
                | Self::TooMany { .. }
        )
    }

    /// Whether it is a trouble of this instance's, which another may not have.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Internal(_))
    }

    /// The errcode that tells it.
    #[must_use]
    pub fn code(&self) -> ErrCode {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::KeyReused => ErrCode::KeyReused,
            Self::Closed => ErrCode::Closed,
            Self::AlreadyPaid => ErrCode::AlreadyPaid,
            Self::UnsupportedChannel => ErrCode::UnsupportedChannel,
            Self::OpenidMissing => ErrCode::OpenidMissing,
            Self::InProgress | Self::Differs => ErrCode::InProgress,
            Self::NotPaid => ErrCode::NotPaid,
            Self::TooMuch(_) | Self::TooLittle => ErrCode::Amount,
            Self::RefundKeyReused => ErrCode::RefundKeyReused,
            Self::TooMany { .. } => ErrCode::TooMany,
            Self::ChannelUnavailable(_) => ErrCode::ChannelUnavailable,
            Self::Frozen
            | Self::RefundsADay
            | Self::NeedsTwo
            | Self::SameSum
            | Self::LessLeft
            | Self::WentBack
            | Self::MadeAnew
            | Self::NotAsked
            | Self::Internal(_) => ErrCode::Internal,
        }
    }

    /// After how many seconds the same call may come again, where there were too many.
    #[must_use]
    pub fn wait_s(&self) -> Option<u64> {
        match self {
            Self::TooMany { wait_s } => Some(*wait_s),
            _ => None,
        }
    }

    /// What the caller reads; causes of our own stay out of it.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Refused(refusal) => refusal.text(lang),
            Self::TooMuch(left) => match lang {
                Lang::Zh => format!("退款金额超过可退金额，可退 {left} 分"),
                Lang::En => format!("More than is left to refund: {left} fen (cents) are left"),
            },
            Self::TooLittle => match lang {
                Lang::Zh => "退款金额太小：折算成支付渠道的币种不到一分".to_owned(),
                Lang::En => "Too little to refund: in the currency of its channel it is less \
                    than a cent (fen)"
                    .to_owned(),
            },
            Self::Frozen => match lang {
                Lang::Zh => "已被运营方暂停，请稍后重试".to_owned(),
                Lang::En => "Paused by the operator: try again later".to_owned(),
            },
            Self::RefundsADay => match lang {
                Lang::Zh => "24 小时内的退款额度已用完，请稍后重试或联系运营方".to_owned(),
                Lang::En => "What may be refunded within 24 hours is used up: try again later, \
                    or ask the operator"
                    .to_owned(),
            },
            Self::NeedsTwo => match lang {
                Lang::Zh => "超过一个人可以退的金额，须由另一个人同意".to_owned(),
                Lang::En => "More than one operator may give back alone: another one must grant it"
                    .to_owned(),
            },
            Self::SameSum => match lang {
                Lang::Zh => "这个订单已经退过，或正等着退，同样的金额：没有执行。\
                             确要再退一次，请勾选“再退一次”（命令行加 --again）"
                    .to_owned(),
                Lang::En => "The same sum of this order was given back, or asked for, already: \
                             nothing was done. Where it is meant once more, tick “Once more” (at the \
                             command line: --again)"
                    .to_owned(),
            },
            Self::LessLeft => match lang {
                Lang::Zh => "你打开这个订单之后，又有钱退了（业务系统、渠道或别人退的）：\
                             没有执行。请看清下面的退款，再决定"
                    .to_owned(),
                Lang::En => "Since you opened this order money of it went back, by its business \
                             system, its channel or somebody else: nothing was done. Look at the \
                             refunds below, and decide again"
                    .to_owned(),
            },
            Self::WentBack => match lang {
                Lang::Zh => "申请之后，这个订单又有钱退了（业务系统、渠道或别人退的）：没有执行。\
                             拒绝这个申请；还要退的，看清已退的再重新申请"
                    .to_owned(),
                Lang::En => "Since it was asked for, money of this order went back, by its \
                             business system, its channel or somebody else: nothing was done. \
                             Refuse it; what is still to go back is asked for anew"
                    .to_owned(),
            },
            Self::Differs => match lang {
                Lang::Zh => "渠道说付的钱与订单对不上，什么都没有结算。看清差在哪里：账户设置错了，\
                             改好后再查询；不该收的，到渠道后台退掉，在订单上记“已处理”，再来结束它"
                    .to_owned(),
                Lang::En => "What was paid does not fit the order, and nothing was settled. See \
                             what differs: where an account is set wrongly, mend that and ask \
                             again; else give it back at the channel's console, say that it has \
                             been looked after, and then end it"
                    .to_owned(),
            },
            Self::MadeAnew => match lang {
                Lang::Zh => "这笔之后，同样的金额又退过一次：那就是它的话，记“已处理”；\
                             确实另外又退了一次，请勾选“又退了一次”（命令行加 --again）"
                    .to_owned(),
                Lang::En => "Since this one the same sum went back: where that was in its \
                             place, say that it has been looked after; where it went back once \
                             more by another way, tick “Once more” (at the command line: --again)"
                    .to_owned(),
            },
            Self::NotAsked => match lang {
                Lang::Zh => "没有这个待同意的退款：已处理，或已过期".to_owned(),
                Lang::En => {
                    "No such refund waits to be granted: it is judged, or expired".to_owned()
                }
            },
            other => other.code().message(lang).to_owned(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotMeant> for Failure {
    fn from(why: NotMeant) -> Self {
        match why {
            NotMeant::SameSum => Self::SameSum,
            NotMeant::LessLeft => Self::LessLeft,
            NotMeant::WentBack => Self::WentBack,
            NotMeant::TooMuch(left) => Self::TooMuch(left),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}
