//! Closing a request for its business system (design sections 2 and 4, rule 7).

use crate::{Checkout, Failure};
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::ClosedRequest;
use payment::verify;

impl Checkout {
    /// `private/pay/close`: by HMAC alone. Done when it returns: no payer can pay
    /// the request any more.
    ///
    /// # Errors
    /// [`Failure::AlreadyPaid`] when it is paid, [`Failure::InProgress`] while a
    /// channel has not said so: the same call is to be repeated.
    pub async fn close_asked(&self, pairs: &Pairs) -> Result<(), Failure> {
        let domain = self.domain(pairs).await?;
        let request = verify::verify_close(&domain, pairs, self.now_ms())?;
        let (code, key) = (&domain.code, &request.request_key);
        let store = &self.parts.store;
        // From the first call on no payer starts anew.
        if let Some(done) = answer(store.close_request(code, key).await?) {
            return done;
        }
        for attempt in store.attempts(code, key).await? {
            if matches!(attempt.status, Attempt::Creating | Attempt::Open) {
                self.expire(&attempt).await?;
            }
        }
        answer(store.close_request(code, key).await?).unwrap_or(Err(Failure::InProgress))
    }
}

fn answer(closed: ClosedRequest) -> Option<Result<(), Failure>> {
    match closed {
        ClosedRequest::Closed => Some(Ok(())),
        ClosedRequest::Paid => Some(Err(Failure::AlreadyPaid)),
        ClosedRequest::Open => None,
    }
}
