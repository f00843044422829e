//! The order machine: which state follows which event, for the attempt and for
//! the payment request that it belongs to (docs/reference/orders.md).
//! Only these functions decide; the store writes with the old state in the
//! condition.

use crate::domain::LateMoney;
use crate::status::PayStatus;

/// Where one attempt (one order at one channel) stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// Written down; the channel was or will be asked, its answer is not known.
    Creating,
    /// The channel took the order; the payer can pay.
    Open,
    /// The channel refused the order or the payer's money; another attempt may follow.
    Declined,
    /// Closed unpaid.
    Closed,
    /// The channel holds the payer's money and checks it: it may still come, or go
    /// back. No other attempt is made meanwhile.
    Held,
    /// Paid, and it paid the request.
    Paid,
    /// Paid after another attempt had paid the request: to be refunded.
    Duplicate,
    /// Paid after the request itself was closed: the domain's policy decides.
    PaidAfterClose,
}

/// What can happen to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The channel took the order.
    Accepted,
    /// The channel says that this order failed; nothing was paid.
    Declined,
    /// The channel says that the order is closed and unpaid, or never knew it.
    Closed,
    /// The channel says that it holds the payer's money and checks it.
    Held,
    /// The channel says, verified, that the order is paid.
    Paid,
}

/// What an event makes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Nothing changes; the event was known or is overtaken.
    Stay,
    /// The attempt goes on to this state.
    Go(Attempt),
}

/// An event that contradicts what is on record; it changes nothing and is alarmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event:?} contradicts the attempt's state {state:?}")]
pub struct Contradiction {
    /// The state on record.
    pub state: Attempt,
    /// The event that came.
    pub event: Event,
}

impl Attempt {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Creating,
        Self::Open,
        Self::Declined,
        Self::Closed,
        Self::Held,
        Self::Paid,
        Self::Duplicate,
        Self::PaidAfterClose,
    ];

    /// What `event` makes of this attempt while its request is in state `request`.
    ///
    /// States only go forward: money that was received stays received, and a
    /// closed attempt never opens again, though late money still counts (rule 7).
    ///
    /// # Errors
    /// [`Contradiction`] when a channel calls an attempt unpaid that it called paid.
    pub fn on(self, event: Event, request: PayStatus) -> Result<Step, Contradiction> {
        if self.has_money() {
            return match event {
                Event::Paid | Event::Accepted | Event::Held => Ok(Step::Stay),
                Event::Declined | Event::Closed => Err(Contradiction { state: self, event }),
            };
        }
        Ok(match (event, self) {
            (Event::Paid, _) => Step::Go(Self::for_money(request)),
            (Event::Accepted, Self::Creating) => Step::Go(Self::Open),
            (Event::Held, Self::Creating | Self::Open | Self::Declined | Self::Closed) => {
                Step::Go(Self::Held)
            }
            (Event::Declined, Self::Creating | Self::Open | Self::Held) => Step::Go(Self::Declined),
            (Event::Closed, Self::Creating | Self::Open | Self::Declined | Self::Held) => {
                Step::Go(Self::Closed)
            }
            _ => Step::Stay,
        })
    }

    /// Whether money came in on this attempt.
    #[must_use]
    pub fn has_money(self) -> bool {
        matches!(self, Self::Paid | Self::Duplicate | Self::PaidAfterClose)
    }

    /// Whether its end is not known: a payer may still pay it, or has.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Creating | Self::Open | Self::Held)
    }

    /// The word under which the store keeps the state.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Open => "NOTPAY",
            Self::Declined => "FAILUREPAY",
            Self::Closed => "CLOSED",
            Self::Held => "HELD",
            Self::Paid => "SUCCESSPAY",
            Self::Duplicate => "DUPLICATE",
            Self::PaidAfterClose => "PAIDAFTERCLOSE",
        }
    }

    /// Reads the store's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Rule 3: the first money pays the request, later money is a duplicate.
    fn for_money(request: PayStatus) -> Self {
        match request {
            PayStatus::NotPay | PayStatus::FailurePay => Self::Paid,
            PayStatus::Closed => Self::PaidAfterClose,
            _ => Self::Duplicate,
        }
    }
}

/// The request's state as late money meets it: a domain that honours money for a
/// closed request lets it pay (docs/reference/orders.md, One winner).
#[must_use]
pub fn seen_by_money(request: PayStatus, late: LateMoney) -> PayStatus {
    match (request, late) {
        (PayStatus::Closed, LateMoney::Honour) => PayStatus::NotPay,
        _ => request,
    }
}

/// What the request becomes when one of its attempts turned to `attempt`;
/// `None` where it stays as it is.
#[must_use]
pub fn request_after(request: PayStatus, attempt: Attempt) -> Option<PayStatus> {
    let unpaid = matches!(request, PayStatus::NotPay | PayStatus::FailurePay);
    (unpaid && attempt == Attempt::Paid).then_some(PayStatus::SuccessPay)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 5] = [
        Event::Accepted,
        Event::Declined,
        Event::Closed,
        Event::Held,
        Event::Paid,
    ];

    /// One line a state: what Accepted, Declined, Closed, Held and Paid make of it
    /// (`=` stays, `!` contradicts).
    fn table(request: PayStatus) -> Vec<String> {
        let cell = |state: Attempt, event| match state.on(event, request) {
            Ok(Step::Stay) => "=".to_owned(),
            Ok(Step::Go(next)) => format!("{next:?}"),
            Err(_) => "!".to_owned(),
        };
        Attempt::ALL
            .iter()
            .map(|&state| {
                let row: Vec<_> = EVENTS.iter().map(|&event| cell(state, event)).collect();
                format!("{state:?}: {}", row.join(" "))
            })
            .collect()
    }

    #[test]
    fn every_state_and_event_of_an_unpaid_request() {
        let expected = [
            "Creating: Open Declined Closed Held Paid",
            "Open: = Declined Closed Held Paid",
            "Declined: = = Closed Held Paid",
            "Closed: = = = Held Paid",
            "Held: = Declined Closed = Paid",
            "Paid: = ! ! = =",
            "Duplicate: = ! ! = =",
            "PaidAfterClose: = ! ! = =",
        ];
        assert_eq!(table(PayStatus::NotPay), expected);
        assert_eq!(table(PayStatus::FailurePay), expected);
    }

    #[test]
    fn money_for_a_paid_request_is_a_duplicate() {
        for request in PayStatus::ALL
            .into_iter()
            .filter(|status| status.was_paid())
        {
            let table = table(request);
            assert_eq!(
                table[0], "Creating: Open Declined Closed Held Duplicate",
                "{request}"
            );
            assert_eq!(
                table[1], "Open: = Declined Closed Held Duplicate",
                "{request}"
            );
            assert_eq!(table[2], "Declined: = = Closed Held Duplicate", "{request}");
            assert_eq!(table[3], "Closed: = = = Held Duplicate", "{request}");
            assert_eq!(table[4], "Held: = Declined Closed = Duplicate", "{request}");
            assert_eq!(table[5], "Paid: = ! ! = =", "{request}");
        }
    }

    #[test]
    fn money_for_a_closed_request_is_a_state_of_its_own() {
        let table = table(PayStatus::Closed);
        assert_eq!(table[1], "Open: = Declined Closed Held PaidAfterClose");
        assert_eq!(table[3], "Closed: = = = Held PaidAfterClose");
    }

    #[test]
    fn only_the_winning_attempt_pays_the_request() {
        for request in PayStatus::ALL {
            for attempt in Attempt::ALL {
                let after = request_after(request, attempt);
                let wins = attempt == Attempt::Paid
                    && matches!(request, PayStatus::NotPay | PayStatus::FailurePay);
                assert_eq!(after, wins.then_some(PayStatus::SuccessPay));
            }
        }
    }

    #[test]
    fn only_an_honouring_domain_lets_a_closed_request_be_paid() {
        for request in PayStatus::ALL {
            assert_eq!(seen_by_money(request, LateMoney::Refund), request);
            let honoured = seen_by_money(request, LateMoney::Honour);
            let opened = request == PayStatus::Closed;
            assert_eq!(
                honoured == PayStatus::NotPay,
                opened || request == PayStatus::NotPay
            );
        }
    }

    #[test]
    fn every_word_of_the_store_reads_back() {
        for state in Attempt::ALL {
            assert_eq!(Attempt::parse(state.word()), Some(state));
        }
    }
}
