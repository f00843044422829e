//! A paid payer may be held for a moment, so that the business system's own page
//! already knows of his payment when he comes to it (an option of the domain).

use crate::{Checkout, Failure};
use payment::ports::CallbackState;
use payment::status::PayStatus;
use std::time::Duration;

/// Nobody is held longer after the payment is settled, ms.
const HOLD_MS: i64 = 3_000;
/// How often it is looked whether the callback was acknowledged.
const LOOK_EACH: Duration = Duration::from_millis(100);

impl Checkout {
    /// Whether the payer of a paid request is to be held: his business system wants
    /// it, and has not acknowledged the callback that was written a moment ago.
    /// Trouble holds nobody.
    pub async fn holds(&self, domain_code: &str, request_key: &str) -> bool {
        match self.unacknowledged(domain_code, request_key).await {
            Ok(held) => held,
            Err(failure) => {
                tracing::warn!(cause = %failure, "nobody is held");
                false
            }
        }
    }

    /// Waits as long as the payer is to be held.
    pub async fn held(&self, domain_code: &str, request_key: &str) {
        let most = Duration::from_millis(HOLD_MS.unsigned_abs());
        let _ = tokio::time::timeout(most, async {
            while self.holds(domain_code, request_key).await {
                tokio::time::sleep(LOOK_EACH).await;
            }
        })
        .await;
    }

    async fn unacknowledged(&self, domain_code: &str, request_key: &str) -> Result<bool, Failure> {
        let wants = match self.memory.business(domain_code) {
            Some(business) => business.domain.settings.hold_for_callback,
            None => {
                let domain = self.domain_named(domain_code).await?;
                domain.settings.hold_for_callback
            }
        };
        if !wants {
            return Ok(false);
        }
        let store = &self.parts.store;
        for attempt in store.attempts(domain_code, request_key).await? {
            if attempt.request_status != PayStatus::SuccessPay {
                return Ok(false);
            }
            let callbacks = store.callbacks(&attempt.order_sn).await?;
            let now_ms = self.now_ms();
            // Either way: clocks differ, and one may have been set back.
            let is_young = |written_ms: i64| (now_ms - written_ms).abs() < HOLD_MS;
            if callbacks.iter().any(|callback| {
                callback.state == CallbackState::Waiting && is_young(callback.created_ms)
            }) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
