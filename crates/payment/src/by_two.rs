//! Refunds that one operator asks for and another grants (docs/console.md, Refunds by two).

use crate::money::Money;
use crate::ports::RefundRow;

/// So long another operator may grant what one asked for, ms.
pub const ASKED_MS: i64 = 24 * 3_600_000;

/// What operators may give back alone, minor units of the request's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AloneMost {
    /// Of one order, whoever gives it back.
    pub an_order: i64,
    /// Of all orders in one currency, by one operator within 24 hours.
    pub a_day: i64,
}

/// Which operators stand behind a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hands {
    /// One alone.
    Alone {
        /// Its name.
        operator: String,
        /// What may be given back so; none: all that was paid.
        most: Option<AloneMost>,
        /// What he knew of the order.
        meant: Meant,
    },
    /// Two.
    Granted {
        /// The number of what the first one asked for.
        request_no: String,
        /// The name of the second one.
        granted_by: String,
    },
}

/// What an operator knew of an order when he asked for a refund.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meant {
    /// The same sum went back before, and is meant once more.
    pub again: bool,
    /// What was left as he saw it, minor units; none: he was shown nothing.
    pub left: Option<i64>,
}

/// Why a refund may be none that an operator means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMeant {
    /// The same sum of the order went back, whoever gave it, or waits for another operator.
    SameSum,
    /// Less is left than he was shown.
    LessLeft,
    /// Money of the order went back since it was asked for.
    WentBack,
    /// More than waits for nobody: so much does, minor units.
    TooMuch(i64),
}

/// Judges whether an operator means a refund of so much that has not begun: of his order,
/// what went back of it, what waits for another operator ([`waiting_sums`]), and what is
/// left. To be asked where none of these can change.
///
/// # Errors
/// [`NotMeant`] with what speaks against it.
pub fn is_meant(
    meant: Meant,
    minor: i64,
    refunds: &[RefundRow],
    waiting: &[i64],
    left: i64,
) -> Result<(), NotMeant> {
    let counting = refunds.iter().filter(|one| one.state.counts());
    let given = counting.map(|one| one.money.minor());
    if !meant.again && given.chain(waiting.iter().copied()).any(|sum| sum == minor) {
        return Err(NotMeant::SameSum);
    }
    if meant.left.is_some_and(|shown| left < shown) {
        return Err(NotMeant::LessLeft);
    }
    let free = (left - waiting.iter().sum::<i64>()).max(0);
    match minor > free {
        true => Err(NotMeant::TooMuch(free)),
        false => Ok(()),
    }
}

/// Where a refund request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Another operator may grant it.
    Asked,
    /// It was granted, and is a refund.
    Granted,
    /// It was refused, or taken back.
    Refused,
}

impl Judged {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Asked, Self::Granted, Self::Refused];

    /// The word under which the store keeps it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "ASKED",
            Self::Granted => "GRANTED",
            Self::Refused => "REFUSED",
        }
    }

    /// Reads the store's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A refund that an operator asks for, which another one must grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// Its number.
    pub request_no: String,
    /// The order that was paid.
    pub order_sn: String,
    /// The key of the refund that it may become.
    pub refund_key: String,
    /// The sum in the request's currency.
    pub money: Money,
    /// Why, for the order's story.
    pub reason: String,
    /// Who asked.
    pub asked_by: String,
    /// When, ms since 1970.
    pub asked_ms: i64,
    /// From then on nobody can grant it, ms since 1970.
    pub expires_ms: i64,
    /// Where it stands.
    pub state: Judged,
    /// Who granted or refused it.
    pub judged_by: Option<String>,
}

impl RefundRequest {
    /// Whether another operator may grant it now.
    #[must_use]
    pub fn waits(&self, now_ms: i64) -> bool {
        self.state == Judged::Asked && now_ms < self.expires_ms
    }
}

/// The sums that wait for another operator, minor units: of what was asked for and is no
/// refund yet. One that was asked for may begin under its key without being granted, where
/// by then it may be given back alone.
#[must_use]
pub fn waiting_sums(requests: &[RefundRequest], refunds: &[RefundRow], now_ms: i64) -> Vec<i64> {
    let is_begun = |one: &RefundRequest| {
        let mut keys = refunds
            .iter()
            .filter_map(|refund| refund.refund_key.as_ref());
        keys.any(|key| *key == one.refund_key)
    };
    let waiting = requests.iter().filter(|one| one.waits(now_ms));
    let waiting = waiting.filter(|one| !is_begun(one));
    waiting.map(|one| one.money.minor()).collect()
}

/// Whether money of the order went back since this was asked for, which nobody was asked to
/// grant: who asked may have meant that. `requests` and `refunds` are the order's.
#[must_use]
pub fn went_back_since(
    asked: &RefundRequest,
    requests: &[RefundRequest],
    refunds: &[RefundRow],
) -> bool {
    let is_granted = |one: &RefundRow| {
        let mut keys = requests.iter().map(|request| &request.refund_key);
        keys.any(|key| Some(key) == one.refund_key.as_ref())
    };
    let mut since = refunds.iter().filter(|one| one.created_ms > asked.asked_ms);
    since.any(|one| one.state.counts() && !is_granted(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn what_was_asked_waits_until_it_is_judged_or_too_old() {
        let asked = RefundRequest {
            request_no: "Q1".to_owned(),
            order_sn: "1".to_owned(),
            refund_key: "k".to_owned(),
            money: Money::from_minor(1, Currency::Cny).unwrap(),
            reason: String::new(),
            asked_by: "li".to_owned(),
            asked_ms: 0,
            expires_ms: ASKED_MS,
            state: Judged::Asked,
            judged_by: None,
        };
        assert!(asked.waits(ASKED_MS - 1) && !asked.waits(ASKED_MS));
        for state in Judged::ALL {
            let judged = RefundRequest {
                state,
                ..asked.clone()
            };
            assert_eq!(judged.waits(0), state == Judged::Asked);
            assert_eq!(Judged::parse(state.word()), Some(state));
        }
    }
}
