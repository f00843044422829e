//! The seed's payStatus words.

use std::fmt;

/// `payStatus` in callback and queryInfo (docs/protocol.md, The payment request).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayStatus {
    /// 未支付: not paid.
    NotPay,
    /// 支付成功: paid.
    SuccessPay,
    /// 支付失败: payment failed.
    FailurePay,
    /// 未退款: a refund is asked for and not yet sent.
    NotRefund,
    /// 等待退款: a refund is on its way.
    WaitRefund,
    /// 退款成功: refunded.
    SuccessRefund,
    /// 退款失败: the refund failed.
    FailureRefund,
    /// 已关闭: closed.
    Closed,
}

impl PayStatus {
    /// Every status, in the seed's order.
    pub const ALL: [Self; 8] = [
        Self::NotPay,
        Self::SuccessPay,
        Self::FailurePay,
        Self::NotRefund,
        Self::WaitRefund,
        Self::SuccessRefund,
        Self::FailureRefund,
        Self::Closed,
    ];

    /// The seed's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotPay => "NOTPAY",
            Self::SuccessPay => "SUCCESSPAY",
            Self::FailurePay => "FAILUREPAY",
            Self::NotRefund => "NOTREFUND",
            Self::WaitRefund => "WAITREFUND",
            Self::SuccessRefund => "SUCCESSREFUND",
            Self::FailureRefund => "FAILUREREFUND",
            Self::Closed => "CLOSED",
        }
    }

    /// Reads the seed's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether a payment was made, a refund later included.
    #[must_use]
    pub fn was_paid(self) -> bool {
        matches!(
            self,
            Self::SuccessPay
                | Self::NotRefund
                | Self::WaitRefund
                | Self::SuccessRefund
                | Self::FailureRefund
        )
    }
}

impl fmt::Display for PayStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
