//! A business system's receiver is tried out before payers come (docs/integrate.md,
//! Before you go live).

use crate::callback::is_taken;
use crate::{Checkout, Failure, numbers};
use payment::domain::Domain;
use payment::money::Money;
use payment::ports::{AttemptRow, CallbackAnswer};
use payment::status::PayStatus;
use payment::story::Source;

/// What the receiver is tried out with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// A callback that is signed by a secret that is not the business system's.
    WrongSign,
    /// One with another sum than the order's, rightly signed.
    WrongSum,
    /// The first of two right ones that are sent at the same moment.
    First,
    /// The second of them.
    Second,
    /// The same once more, alone.
    Again,
}

/// What became of one trial.
#[derive(Clone, Debug)]
pub struct Tried {
    /// With what.
    pub trial: Trial,
    /// What the receiver answered.
    pub answer: CallbackAnswer,
    /// Whether that takes the callback.
    pub taken: bool,
}

/// Why a receiver is not tried out.
#[derive(Debug, thiserror::Error)]
pub enum NoTrial {
    /// Nothing was begun under the requestKey.
    #[error("no payer's page of this order was ever opened: open its signed address first")]
    Unknown,
    /// Money came for the order.
    #[error("money has come for this order: take one that nobody pays")]
    Paid,
    /// A channel has not confirmed that it is closed.
    #[error("a channel has not confirmed yet that the order is closed: again in a minute")]
    Open,
    /// Its receiver was told of it before, by golive or that it was closed.
    #[error("the receiver was told of this order before: make another one")]
    Used,
    /// Our own trouble, or the order's door has none.
    #[error("{0}")]
    Failed(#[from] Failure),
}

impl Tried {
    fn new(trial: Trial, (answer, taken): (CallbackAnswer, bool)) -> Self {
        Self {
            trial,
            answer,
            taken,
        }
    }
}

/// Whether somebody looked at what was sent: a redirect, or an address where nothing is,
/// refuses nothing.
fn is_looked_at(answer: &CallbackAnswer) -> bool {
    let nobody =
        |status: u16| (300..400).contains(&status) || matches!(status, 404 | 405 | 410 | 502..=504);
    answer.status.is_some_and(|status| !nobody(status))
}

/// Which of the trials went as they should, in their order. What is wrong must be looked at
/// and refused. Of two at once one may be refused: it would come again.
#[must_use]
pub fn right(tried: &[Tried]) -> Vec<bool> {
    let one_of_two = tried
        .iter()
        .any(|one| matches!(one.trial, Trial::First | Trial::Second) && one.taken);
    let is_right = |one: &Tried| match one.trial {
        Trial::WrongSign | Trial::WrongSum => !one.taken && is_looked_at(&one.answer),
        Trial::First | Trial::Second => one_of_two && is_looked_at(&one.answer),
        Trial::Again => one.taken,
    };
    tried.iter().map(is_right).collect()
}

impl Checkout {
    /// The order that a receiver may be tried out with: the last one of its request.
    ///
    /// # Errors
    /// [`NoTrial`] where there is none, or money came for it.
    pub async fn golive_order(&self, domain: &Domain, key: &str) -> Result<AttemptRow, NoTrial> {
        let attempts = self.parts.store.attempts(&domain.code, key).await;
        let attempts = attempts.map_err(Failure::from)?;
        let has_money = |attempt: &AttemptRow| {
            attempt.request_status.was_paid()
                || attempt.status.has_money()
                || attempt.mismatch.is_some()
        };
        if attempts.iter().any(has_money) {
            return Err(NoTrial::Paid);
        }
        let last = attempts.into_iter().last().ok_or(NoTrial::Unknown)?;
        let told = self.parts.store.callbacks(&last.order_sn).await;
        match told.map_err(Failure::from)?.is_empty() {
            true => Ok(last),
            false => Err(NoTrial::Used),
        }
    }

    /// Tries out a receiver with an order that its developer made for this. The order is
    /// closed first, so that nobody can pay for what the receiver may then deliver, and its
    /// story says what was done; it is not told as FAILUREPAY, which would only confuse its
    /// receiver. What is wrong goes first: a receiver that has taken the order would not
    /// look at it any more.
    ///
    /// # Errors
    /// [`NoTrial`]; nothing was sent then.
    pub async fn golive(&self, domain: &Domain, key: &str) -> Result<Vec<Tried>, NoTrial> {
        self.golive_order(domain, key).await?;
        match self.close_silently(domain, key).await {
            Ok(()) => {}
            Err(Failure::AlreadyPaid) => return Err(NoTrial::Paid),
            Err(Failure::InProgress) => return Err(NoTrial::Open),
            Err(failure) => return Err(failure.into()),
        }
        let order = self.golive_order(domain, key).await?;
        let act = self.act(Source::Operator);
        let noted = self.parts.store.note_golive(&order.order_sn, act).await;
        if !noted.map_err(Failure::from)? {
            return Err(NoTrial::Used);
        }
        Ok(self.tried(domain, &order).await?)
    }

    async fn tried(&self, domain: &Domain, order: &AttemptRow) -> Result<Vec<Tried>, Failure> {
        let mut stranger = domain.clone();
        let token = numbers::token().map_err(|error| Failure::Internal(error.to_string()))?;
        stranger.rotate(&format!("nobody-{token}"), 0);
        let other_sum = AttemptRow {
            money: another_sum(order.money),
            ..order.clone()
        };
        let wrong_sign = self.try_out(&stranger, order).await?;
        let wrong_sum = self.try_out(domain, &other_sum).await?;
        let (first, second) =
            tokio::join!(self.try_out(domain, order), self.try_out(domain, order));
        let again = self.try_out(domain, order).await?;
        Ok(vec![
            Tried::new(Trial::WrongSign, wrong_sign),
            Tried::new(Trial::WrongSum, wrong_sum),
            Tried::new(Trial::First, first?),
            Tried::new(Trial::Second, second?),
            Tried::new(Trial::Again, again),
        ])
    }

    /// Sends what would tell that the order is paid, at the time when it was begun: so
    /// all of them have the same values, as tries of one callback have.
    async fn try_out(
        &self,
        domain: &Domain,
        order: &AttemptRow,
    ) -> Result<(CallbackAnswer, bool), Failure> {
        let told = self
            .news(domain, order, PayStatus::SuccessPay, order.created_ms)
            .await?;
        let told = told.ok_or_else(|| Failure::Internal("a door is silent".to_owned()))?;
        let callback = told.callback(0);
        let door = self.door(domain)?;
        let answer = self
            .send(domain, &callback.url, callback.body.as_deref())
            .await?;
        let taken = is_taken(door.as_ref(), &answer);
        Ok((answer, taken))
    }
}

/// A sum that the order does not have: the least.
fn another_sum(money: Money) -> Money {
    let minor = if money.minor() == 1 { 2 } else { 1 };
    Money::from_minor(minor, money.currency()).unwrap_or(money)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(trial: Trial, status: Option<u16>, taken: bool) -> Tried {
        let answer = CallbackAnswer {
            status,
            location: None,
            text: String::new(),
            duration_ms: 1,
        };
        Tried::new(trial, (answer, taken))
    }

    #[test]
    fn what_is_wrong_is_refused_by_an_answer_and_one_of_two_may_be() {
        for (status, taken, is_right) in [
            (Some(200), true, false),
            (Some(200), false, true),
            (Some(403), false, true),
            (Some(302), false, false),
            (Some(404), false, false),
            (None, false, false),
        ] {
            let wrong = [tried(Trial::WrongSum, status, taken)];
            assert_eq!(right(&wrong), [is_right], "{status:?}");
        }
        let two = |first, second| {
            right(&[
                tried(Trial::First, Some(200), first),
                tried(Trial::Second, Some(500), second),
            ])
        };
        assert_eq!(two(true, false), [true, true]);
        assert_eq!(two(false, false), [false, false]);
        let again = [tried(Trial::Again, Some(500), false)];
        assert_eq!(right(&again), [false]);
    }
}
