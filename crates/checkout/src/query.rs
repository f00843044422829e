//! Whether a request was paid, for the business system [seed 000, 查询接口].

use crate::{Checkout, Failure};
use payment::envelope::PaymentInfo;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::AttemptRow;
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
        Ok(self.paid_attempt(pairs).await?.map(info))
    }

    async fn paid_attempt(&self, pairs: &Pairs) -> Result<Option<AttemptRow>, Failure> {
        let domain = self.domain(pairs).await?;
        let request = verify::verify_query(&domain, pairs, self.now_ms())?;
        self.take_toll(&domain, Some(&request.request_key))?;
        let attempts = self
            .parts
            .store
            .attempts(&domain.code, &request.request_key)
            .await?;
        Ok(attempts
            .into_iter()
            .find(|attempt| attempt.status == Attempt::Paid))
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
    }
}
