//! Whether a request was paid, for the business system [docs/protocol.md].

use crate::{Checkout, Failure};
use payment::domain::Domain;
use payment::envelope::{PaymentInfo, RefundDetail};
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, RefundRow};
use payment::refund::given_back;
use payment::verify;

impl Checkout {
    /// `query`: whether a payment was made, a refund later included.
    ///
    /// # Errors
    /// [`Failure`] when the question is refused or the database is in trouble.
    pub async fn query(&self, pairs: &Pairs) -> Result<bool, Failure> {
        Ok(self.paid_attempt(pairs).await?.is_some())
    }

    /// `queryInfo`: the payment, or nothing while none was made.
    ///
    /// # Errors
    /// As [`Checkout::query`].
    pub async fn query_info(&self, pairs: &Pairs) -> Result<Option<PaymentInfo>, Failure> {
        let Some((domain, attempt)) = self.paid_attempt(pairs).await? else {
            return Ok(None);
        };
        let order_sn = attempt.order_sn.clone();
        let mut info = info(attempt);
        if domain.settings.refund_details {
            let refunds = self.parts.store.refunds(&order_sn).await?;
            info.refunded_money = Some(given_back(&refunds));
            info.refunds = Some(refunds.iter().map(detail).collect());
        }
        Ok(Some(info))
    }

    async fn paid_attempt(&self, pairs: &Pairs) -> Result<Option<(Domain, AttemptRow)>, Failure> {
        let domain = self.domain(pairs).await?;
        let request = verify::verify_query(&domain, pairs, self.now_ms())?;
        self.take_toll(&domain.code, Some(&request.request_key))?;
        self.see_secret_used(&domain, request.generation());
        let paid = self
            .paid_attempt_of(&domain.code, &request.request_key)
            .await?;
        Ok(paid.map(|attempt| (domain, attempt)))
    }
}

fn info(attempt: AttemptRow) -> PaymentInfo {
    PaymentInfo {
        currency_type: attempt.money.currency().code().to_owned(),
        pay_type_code: attempt.channel.code().to_owned(),
        domain_code: attempt.domain_code,
        money: attempt.money.minor(),
        request_key: attempt.request_key,
        pay_time: attempt.paid_ms.unwrap_or(attempt.created_ms),
        order_sn: attempt.order_sn,
        pay_status: attempt.request_status.word().to_owned(),
        pay_type_name: attempt.channel.name().to_owned(),
        refunded_money: None,
        refunds: None,
    }
}

fn detail(row: &RefundRow) -> RefundDetail {
    RefundDetail {
        refund_key: row.shown_key().to_owned(),
        refund_money: row.money.minor(),
        pay_status: row.state.status().word().to_owned(),
    }
}
