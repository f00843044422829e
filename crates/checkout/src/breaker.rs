//! When an account leaves the picker and comes back (docs/reliability.md, A channel that
//! fails): by what payers' orders meet, and by a question that changes nothing.

use payment::ports::{ChannelError, Doubt};
use std::time::{Duration, Instant};

/// So many orders refused in a row, or queries without an answer, and it is asked whether
/// it is well: what a payer or business system can bring about does not judge it.
const SUSPECT: u32 = 5;
/// While it is away it is asked again after this, and after twice as long each time that
/// it is not well.
const AGAIN_MIN: Duration = Duration::from_secs(2);
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer to believe, which was no refusal.
    Done,
    /// Refused for certain.
    Refused,
    /// No answer, or none to believe.
    Lost,
    /// Nothing was asked.
    Unasked,
}

impl Outcome {
    pub(crate) fn of<T>(answer: &Result<T, ChannelError>) -> Self {
        match answer {
            Ok(_) => Self::Done,
            Err(ChannelError::Refused { .. }) => Self::Refused,
            Err(ChannelError::NotOffered) => Self::Unasked,
            Err(ChannelError::Unknown(unknown)) if unknown.doubt == Doubt::Unasked => Self::Unasked,
            Err(ChannelError::Unknown(_)) => Self::Lost,
        }
    }

    /// The word that the metrics have for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Unasked => "unasked",
        }
    }
}

/// What an account did just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Left,
    CameBack,
}

/// How an account stands.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// So many orders in a row without an answer to believe, and it is away; 0: never.
    limit: u32,
    /// In a row, each order once.
    lost_orders: u32,
    lost_last: Option<String>,
    refused_orders: u32,
    lost_queries: u32,
    /// It was away for so long at last, and has made no order since: the next one that is
    /// lost sends it away for twice as long.
    on_trial: Option<Duration>,
    away: Option<Away>,
    /// When it left or came back last: what was begun before says nothing of it since.
    turned: Option<Instant>,
}

#[derive(Debug)]
struct Away {
    ask_at: Instant,
    pause: Duration,
}

impl Away {
    fn of(pause: Duration, now: Instant) -> Self {
        let pause = pause.min(AGAIN_MAX);
        let ask_at = now + pause;
        Self { ask_at, pause }
    }
}

impl Breaker {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(crate) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// New orders in a row, each once, without an answer to believe.
    pub(crate) fn lost_orders(&self) -> u32 {
        self.lost_orders
    }

    /// Whether it is to be asked now whether it is well.
    pub(crate) fn is_to_be_asked(&self, now: Instant) -> bool {
        match &self.away {
            Some(away) => away.ask_at <= now,
            None if self.limit == 0 => false,
            None => self.refused_orders >= SUSPECT || self.lost_queries >= SUSPECT,
        }
    }

    /// A new order was made with it, or was to be, by a call that began then.
    pub(crate) fn ordered(
        &mut self,
        outcome: Outcome,
        order_no: &str,
        begun: Instant,
        now: Instant,
    ) -> Option<Turn> {
        if self.limit == 0 || self.turned.is_some_and(|turned| begun < turned) {
            return None;
        }
        match outcome {
            Outcome::Done => {
                let was_away = self.is_away();
                *self = Self {
                    limit: self.limit,
                    lost_queries: self.lost_queries,
                    turned: was_away.then_some(now).or(self.turned),
                    ..Self::default()
                };
                was_away.then_some(Turn::CameBack)
            }
            Outcome::Refused => {
                (self.lost_orders, self.refused_orders) = (0, self.refused_orders + 1);
                None
            }
            Outcome::Lost => {
                // One payer who tries again and again is one.
                if self.lost_last.as_deref() == Some(order_no) {
                    return None;
                }
                self.lost_last = Some(order_no.to_owned());
                self.lost_orders += 1;
                let leaves = self.on_trial.is_some() || self.lost_orders >= self.limit;
                (leaves && !self.is_away()).then(|| self.leave(now))
            }
            Outcome::Unasked => None,
        }
    }

    /// It was asked how an order stands.
    pub(crate) fn queried(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Done | Outcome::Refused => self.lost_queries = 0,
            Outcome::Lost => self.lost_queries += 1,
            Outcome::Unasked => {}
        }
    }

    /// It was asked whether it is well.
    pub(crate) fn asked(&mut self, is_well: bool, now: Instant) -> Option<Turn> {
        (self.refused_orders, self.lost_queries) = (0, 0);
        match (self.away.take(), is_well) {
            (None, true) => None,
            (None, false) => Some(self.leave(now)),
            (Some(away), true) => {
                (self.lost_orders, self.on_trial) = (0, Some(away.pause));
                self.turned = Some(now);
                Some(Turn::CameBack)
            }
            (Some(away), false) => {
                self.away = Some(Away::of(away.pause * 2, now));
                None
            }
        }
    }

    fn leave(&mut self, now: Instant) -> Turn {
        let pause = self.on_trial.take().map_or(AGAIN_MIN, |last| last * 2);
        self.away = Some(Away::of(pause, now));
        self.turned = Some(now);
        Turn::Left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Done, Lost, Refused, Unasked};

    const LOST: u32 = 3;

    /// An order of its own each time, by a call that begins and ends now.
    fn order(breaker: &mut Breaker, outcome: Outcome, now: Instant) -> Option<Turn> {
        let order_no = format!("{:?}", breaker.lost_last);
        breaker.ordered(outcome, &order_no, now, now)
    }

    #[test]
    fn orders_that_are_lost_send_it_away_and_one_that_is_made_brings_it_back() {
        let (mut breaker, now) = (Breaker::new(LOST), Instant::now());
        for outcome in [Lost, Lost, Done, Lost, Unasked, Lost] {
            assert_eq!(order(&mut breaker, outcome, now), None);
        }
        assert_eq!(order(&mut breaker, Lost, now), Some(Turn::Left));
        assert_eq!(order(&mut breaker, Lost, now), None, "it is told once");
        assert!(breaker.is_away());
        assert_eq!(order(&mut breaker, Done, now), Some(Turn::CameBack));
        assert!(!breaker.is_away());
    }

    #[test]
    fn who_is_refused_much_sends_nobody_away_that_is_well() {
        let (mut breaker, now) = (Breaker::new(LOST), Instant::now());
        for _ in 0..100 {
            assert_eq!(order(&mut breaker, Refused, now), None);
        }
        assert!(breaker.is_to_be_asked(now));
        assert_eq!(breaker.asked(true, now), None);
        assert!(!breaker.is_to_be_asked(now) && !breaker.is_away());
        for _ in 0..SUSPECT {
            order(&mut breaker, Refused, now);
        }
        assert_eq!(breaker.asked(false, now), Some(Turn::Left));
    }

    #[test]
    fn queries_without_answers_let_it_be_asked() {
        let (mut breaker, now) = (Breaker::new(LOST), Instant::now());
        for outcome in [Lost, Lost, Lost, Lost, Done, Lost, Lost, Lost, Lost] {
            breaker.queried(outcome);
        }
        assert!(!breaker.is_to_be_asked(now));
        breaker.queried(Lost);
        assert!(breaker.is_to_be_asked(now));
    }

    #[test]
    fn while_it_is_away_it_is_asked_less_and_less_often() {
        let (mut breaker, mut now) = (Breaker::new(LOST), Instant::now());
        for _ in 0..LOST {
            order(&mut breaker, Lost, now);
        }
        for seconds in [2, 4, 8, 16, 32, 60, 60] {
            assert!(!breaker.is_to_be_asked(now));
            now += Duration::from_secs(seconds);
            assert!(breaker.is_to_be_asked(now), "{seconds}");
            assert_eq!(breaker.asked(false, now), None);
        }
        assert_eq!(breaker.asked(true, now), Some(Turn::CameBack));
    }

    #[test]
    fn who_came_back_leaves_at_the_first_order_that_is_lost() {
        let (mut breaker, now) = (Breaker::new(LOST), Instant::now());
        for _ in 0..LOST {
            order(&mut breaker, Lost, now);
        }
        breaker.asked(true, now);
        assert_eq!(order(&mut breaker, Lost, now), Some(Turn::Left));
        assert!(!breaker.is_to_be_asked(now + AGAIN_MIN), "for longer");
        assert!(breaker.is_to_be_asked(now + AGAIN_MIN * 2));
        breaker.asked(true, now);
        order(&mut breaker, Done, now);
        assert_eq!(
            order(&mut breaker, Lost, now),
            None,
            "it has made one since"
        );
    }

    #[test]
    fn one_order_that_is_tried_again_counts_once() {
        let (mut breaker, now) = (Breaker::new(LOST), Instant::now());
        for _ in 0..10 {
            assert_eq!(breaker.ordered(Lost, "1", now, now), None);
        }
        assert_eq!(breaker.lost_orders, 1);
    }

    #[test]
    fn what_began_before_it_came_back_sends_it_nowhere() {
        let (mut breaker, begun) = (Breaker::new(LOST), Instant::now());
        let now = begun + Duration::from_secs(5);
        for number in ["1", "2", "3"] {
            breaker.ordered(Lost, number, begun, now);
        }
        breaker.asked(true, now);
        assert_eq!(breaker.ordered(Lost, "4", begun, now), None);
        assert!(!breaker.is_away());
        assert_eq!(breaker.ordered(Lost, "5", now, now), Some(Turn::Left));
        assert_eq!(
            breaker.ordered(Done, "6", begun, now),
            None,
            "an old success"
        );
        assert!(breaker.is_away());
    }

    #[test]
    fn where_no_limit_is_set_none_leaves() {
        let (mut breaker, now) = (Breaker::new(0), Instant::now());
        for _ in 0..100 {
            assert_eq!(order(&mut breaker, Lost, now), None);
            breaker.queried(Lost);
        }
        assert!(!breaker.is_away() && !breaker.is_to_be_asked(now));
    }
}
