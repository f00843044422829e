//! Random histories of one request with several attempts, and of refunds, against
//! a model that keeps what was heard and derives the states from it.

use payment::domain::LateMoney;
use payment::order::{Attempt, Event, Step, request_after, seen_by_money};
use payment::refund::{Left, Refund, share};
use payment::status::PayStatus;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const ATTEMPTS: usize = 3;

/// Something that happens to the request or to one of its attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Hear(usize, Event),
    /// The business system closes the request.
    Close,
    /// A refund shows in the status of the paid request.
    Show(PayStatus),
}

/// The product's own functions, put together as the store does.
#[derive(Clone, Debug, PartialEq)]
struct Request {
    late: LateMoney,
    status: PayStatus,
    attempts: [Attempt; ATTEMPTS],
}

impl Request {
    fn new(late: LateMoney) -> Self {
        Self {
            late,
            status: PayStatus::NotPay,
            attempts: [Attempt::Creating; ATTEMPTS],
        }
    }

    fn take(&mut self, act: Act) {
        match act {
            Act::Hear(index, event) => self.hear(index, event),
            Act::Close => {
                let open = self.attempts.iter().any(|attempt| attempt.is_open());
                if !open && !self.status.was_paid() {
                    self.status = PayStatus::Closed;
                }
            }
            Act::Show(status) if self.status.was_paid() => self.status = status,
            Act::Show(_) => {}
        }
    }

    fn hear(&mut self, index: usize, event: Event) {
        let seen = match event {
            Event::Paid => seen_by_money(self.status, self.late),
            _ => self.status,
        };
        if let Ok(Step::Go(next)) = self.attempts[index].on(event, seen) {
            self.attempts[index] = next;
            if event == Event::Paid {
                self.status = request_after(seen, next).unwrap_or(self.status);
            }
        }
    }

    fn after(mut self, acts: &[Act]) -> Self {
        for act in acts {
            self.take(*act);
        }
        self
    }
}

/// What was heard so far: nothing is forgotten, so states follow from it.
#[derive(Default)]
struct Heard {
    /// The worst news about each attempt: 1 accepted, 2 declined, 3 closed.
    news: [u8; ATTEMPTS],
    /// Which attempts had money, in order, and whether the request was closed to
    /// it then.
    money: Vec<(usize, bool)>,
    closed: bool,
    shown: Option<PayStatus>,
}

impl Heard {
    fn take(&mut self, act: Act, late: LateMoney) {
        match act {
            Act::Hear(index, Event::Paid) => {
                let shut = self.closed && late == LateMoney::Refund;
                if !self.has_money(index) {
                    self.money.push((index, shut));
                }
            }
            Act::Hear(index, event) if !self.has_money(index) => {
                let rank = [Event::Accepted, Event::Declined, Event::Closed];
                let rank = rank.iter().position(|other| *other == event).unwrap() + 1;
                self.news[index] = self.news[index].max(u8::try_from(rank).unwrap());
            }
            Act::Hear(..) => {}
            Act::Close => {
                let ended = |index: &usize| self.news[*index] >= 2 || self.has_money(*index);
                self.closed |= self.winner().is_none() && (0..ATTEMPTS).all(|i| ended(&i));
            }
            Act::Show(status) => {
                if self.winner().is_some() {
                    self.shown = Some(status);
                }
            }
        }
    }

    fn has_money(&self, index: usize) -> bool {
        self.money.iter().any(|(other, _)| *other == index)
    }

    /// The first money that did not meet a closed door.
    fn winner(&self) -> Option<usize> {
        let won = self.money.iter().find(|(_, shut)| !shut);
        won.map(|(index, _)| *index)
    }

    fn attempt(&self, index: usize) -> Attempt {
        let money = self.money.iter().find(|(other, _)| *other == index);
        match (money, self.news[index]) {
            (Some(_), _) if self.winner() == Some(index) => Attempt::Paid,
            (Some((_, true)), _) => Attempt::PaidAfterClose,
            (Some((_, false)), _) => Attempt::Duplicate,
            (None, 0) => Attempt::Creating,
            (None, 1) => Attempt::Open,
            (None, 2) => Attempt::Declined,
            (None, _) => Attempt::Closed,
        }
    }

    fn status(&self) -> PayStatus {
        match (self.winner(), self.closed) {
            (Some(_), _) => self.shown.unwrap_or(PayStatus::SuccessPay),
            (None, true) => PayStatus::Closed,
            (None, false) => PayStatus::NotPay,
        }
    }
}

/// How far an attempt has come; money is furthest, and stays of its kind.
fn rank(attempt: Attempt) -> u8 {
    match attempt {
        Attempt::Creating => 0,
        // Held money, which this model does not know, may come or go back.
        Attempt::Open | Attempt::Held => 1,
        Attempt::Declined => 2,
        Attempt::Closed => 3,
        Attempt::Paid | Attempt::Duplicate | Attempt::PaidAfterClose => 4,
    }
}

/// Whether the order of two acts says nothing.
fn commute(one: Act, other: Act) -> bool {
    match (one, other) {
        (Act::Hear(a, Event::Paid), Act::Hear(b, Event::Paid)) => a == b,
        (Act::Hear(..), Act::Hear(..)) => true,
        (Act::Show(_), Act::Hear(_, event)) | (Act::Hear(_, event), Act::Show(_)) => {
            event != Event::Paid
        }
        (Act::Close, Act::Hear(_, event)) | (Act::Hear(_, event), Act::Close) => {
            event == Event::Accepted
        }
        (Act::Close, _) | (_, Act::Close) => true,
        (Act::Show(_), Act::Show(_)) => one == other,
    }
}

fn act() -> impl Strategy<Value = Act> {
    let events = [Event::Accepted, Event::Declined, Event::Closed, Event::Paid];
    let paid: Vec<_> = PayStatus::ALL
        .into_iter()
        .filter(|s| s.was_paid())
        .collect();
    prop_oneof![
        8 => (0..ATTEMPTS, select(events.to_vec())).prop_map(|(i, event)| Act::Hear(i, event)),
        2 => Just(Act::Close),
        1 => select(paid).prop_map(Act::Show),
    ]
}

fn late() -> impl Strategy<Value = LateMoney> {
    select(vec![LateMoney::Refund, LateMoney::Honour])
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// What a channel can say of a refund; that it is withdrawn is the operator's word.
fn heard_of_channels() -> Vec<Refund> {
    let mut states = Refund::ALL.to_vec();
    states.retain(|state| *state != Refund::Withdrawn);
    states
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_request_is_paid_once_and_its_states_follow_from_what_was_heard(
        late in late(),
        acts in vec(act(), 1..24),
    ) {
        let (mut request, mut heard) = (Request::new(late), Heard::default());
        for act in acts {
            let before = request.clone();
            request.take(act);
            heard.take(act, late);
            for index in 0..ATTEMPTS {
                let (was, is) = (before.attempts[index], request.attempts[index]);
                prop_assert_eq!(is, heard.attempt(index), "attempt {} after {:?}", index, act);
                prop_assert!(rank(is) >= rank(was), "{:?} went back to {:?}", was, is);
                prop_assert!(!was.has_money() || is == was, "money of {:?} became {:?}", was, is);
            }
            let paid = request.attempts.iter().filter(|a| **a == Attempt::Paid).count();
            prop_assert!(paid <= 1, "{} winners", paid);
            prop_assert_eq!(request.status.was_paid(), paid == 1);
            prop_assert_eq!(request.status, heard.status());
        }
    }

    #[test]
    fn acts_that_commute_come_to_one_end(
        late in late(),
        before in vec(act(), 0..12),
        (one, other) in (act(), act()).prop_filter("their order tells", |(a, b)| commute(*a, *b)),
        after in vec(act(), 0..4),
    ) {
        let begun = Request::new(late).after(&before);
        let forth = begun.clone().after(&[one, other]).after(&after);
        let back = begun.after(&[other, one]).after(&after);
        prop_assert_eq!(forth, back);
    }

    #[test]
    fn a_refund_goes_forward_to_the_best_that_was_heard(
        words in vec(select(heard_of_channels()), 0..12),
    ) {
        let rank = |state| match state {
            Refund::New => 0,
            Refund::Sent => 1,
            Refund::Failed | Refund::Parked | Refund::Withdrawn => 2,
            Refund::Done => 3,
        };
        let mut state = Refund::New;
        for (count, word) in words.iter().enumerate() {
            let next = state.forward(*word);
            prop_assert!(rank(next) >= rank(state), "{:?} went back to {:?}", state, next);
            state = next;
            let heard = &words[..=count];
            let ended = heard.iter().rfind(|word| rank(**word) == 2);
            let expected = if heard.contains(&Refund::Done) {
                Refund::Done
            } else if let Some(ended) = ended {
                *ended
            } else if heard.contains(&Refund::Sent) {
                Refund::Sent
            } else {
                Refund::New
            };
            prop_assert_eq!(state, expected);
        }
    }

    #[test]
    fn parts_never_exceed_the_whole_and_make_it_in_the_end(
        paid in 1_i64..=999_999_999,
        channel_paid in 1_i64..=20_000_000_000,
        amounts in vec(0_i64..=400, 1..12),
        rest in any::<bool>(),
    ) {
        let mut left = Left { money: paid, channel: channel_paid };
        // Of amounts from nothing to more than all, in 256ths.
        let amounts = amounts.into_iter().map(|part| (paid * part / 256).max(part % 3));
        for amount in amounts {
            let part = share(paid, channel_paid, left, amount);
            prop_assert_eq!(part.is_some(), (1..=left.money).contains(&amount));
            let Some(part) = part else { continue };
            prop_assert!((0..=left.channel).contains(&part), "{} of {:?}", part, left);
            left = Left { money: left.money - amount, channel: left.channel - part };
            prop_assert_eq!(left.money == 0 && left.channel != 0, false, "{:?}", left);
        }
        if rest && left.money > 0 {
            prop_assert_eq!(share(paid, channel_paid, left, left.money), Some(left.channel));
        }
    }
}
