//! Business systems are read before anything is proved. However many strangers ask at
//! once, those reads take few of the database's connections, and those about one
//! business system are one read.

use payment::domain::Domain;
use payment::ports::StoreError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// Reads at once: half of a PostgreSQL's connections, so that one far away still answers
/// for many business systems; and nobody else waits behind more of them.
const AT_ONCE: usize = 8;
/// Nobody waits longer for his turn.
const PATIENCE: Duration = Duration::from_secs(5);

type Found = Result<Option<Domain>, StoreError>;
/// One read, for all who asked before it began.
type Round = Arc<OnceCell<Found>>;

/// The reads that are to come.
pub(crate) struct DomainReads {
    turns: Semaphore,
    /// By code, those that did not begin yet: who asks later gets no older answer.
    rounds: Mutex<HashMap<String, Round>>,
}

/// Somebody's place in a round.
struct Seat<'a> {
    reads: &'a DomainReads,
    code: &'a str,
    round: Round,
}

impl Default for DomainReads {
    fn default() -> Self {
        Self::of(AT_ONCE)
    }
}

impl DomainReads {
    fn of(at_once: usize) -> Self {
        Self {
            turns: Semaphore::new(at_once),
            rounds: Mutex::default(),
        }
    }

    /// The business system with this code, as `read` finds it after now.
    ///
    /// # Errors
    /// [`StoreError`] when the database is in trouble, or too many ask.
    pub(crate) async fn one(&self, code: &str, read: impl Future<Output = Found>) -> Found {
        let seat = self.sit_down(code);
        let begin = || async {
            let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
            seat.begins();
            match turn {
                Ok(Ok(_turn)) => read.await,
                _ => Err(StoreError::Unavailable("too many ask".to_owned())),
            }
        };
        seat.round.get_or_init(begin).await.clone()
    }

    fn sit_down<'a>(&'a self, code: &'a str) -> Seat<'a> {
        let mut rounds = self.lock();
        let round = rounds.entry(code.to_owned()).or_default();
        Seat {
            reads: self,
            code,
            round: Arc::clone(round),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Round>> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat<'_> {
    /// From now on who asks sits in the next round.
    fn begins(&self) {
        let mut rounds = self.reads.lock();
        let ours = |round: &Round| Arc::ptr_eq(round, &self.round);
        if rounds.get(self.code).is_some_and(ours) {
            rounds.remove(self.code);
        }
    }
}

/// A round that everybody left before it began is forgotten.
impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut rounds = self.reads.lock();
        let last = |round: &Round| {
            // The list's and this seat's: nobody can take another one meanwhile.
            Arc::ptr_eq(round, &self.round) && Arc::strong_count(round) == 2
        };
        if rounds.get(self.code).is_some_and(last) {
            rounds.remove(self.code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::watch;
    use tokio::task::JoinHandle;

    /// A slow database: what it holds, how often it was read, and whether it answers.
    struct Slow {
        reads: DomainReads,
        now: watch::Sender<bool>,
        begun: AtomicUsize,
    }

    impl Slow {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                reads: DomainReads::of(2),
                now: watch::Sender::new(false),
                begun: AtomicUsize::new(0),
            })
        }

        fn ask(self: &Arc<Self>, code: &str) -> JoinHandle<Found> {
            let (this, code) = (Arc::clone(self), code.to_owned());
            tokio::spawn(async move {
                let read = async {
                    this.begun.fetch_add(1, Ordering::Relaxed);
                    let _ = this.now.subscribe().wait_for(|now| *now).await;
                    Ok(None)
                };
                this.reads.one(&code, read).await
            })
        }

        fn begun(&self) -> usize {
            self.begun.load(Ordering::Relaxed)
        }
    }

    async fn settled() {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn those_about_one_business_system_are_one_read_that_begins_after_they_asked() {
        let slow = Slow::new();
        let first = slow.ask("a");
        settled().await;
        let early = [slow.ask("b"), slow.ask("c")];
        settled().await;
        assert_eq!(slow.begun(), 2);
        let late: Vec<_> = (0..100).map(|_| slow.ask("a")).collect();
        settled().await;
        // Two reads are under way; nobody who came later is answered by them.
        assert_eq!(slow.begun(), 2);
        slow.now.send_replace(true);
        for asked in late.into_iter().chain(early).chain([first]) {
            assert_eq!(asked.await.unwrap(), Ok(None));
        }
        // Theirs was one.
        assert_eq!(slow.begun(), 4);
        assert!(slow.reads.lock().is_empty());
    }

    #[tokio::test]
    async fn who_hangs_up_takes_nobody_with_him_and_leaves_nothing_behind() {
        let slow = Slow::new();
        let busy = [slow.ask("x"), slow.ask("y")];
        settled().await;
        let (first, second, third) = (slow.ask("a"), slow.ask("a"), slow.ask("b"));
        settled().await;
        first.abort();
        third.abort();
        settled().await;
        assert_eq!(slow.reads.lock().len(), 1);
        slow.now.send_replace(true);
        assert_eq!(second.await.unwrap(), Ok(None));
        for asked in busy {
            assert_eq!(asked.await.unwrap(), Ok(None));
        }
        assert!(slow.reads.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_for_his_turn() {
        let slow = Slow::new();
        let busy = [slow.ask("x"), slow.ask("y")];
        settled().await;
        let waits = slow.ask("a").await.unwrap();
        assert!(
            matches!(waits, Err(StoreError::Unavailable(_))),
            "{waits:?}"
        );
        drop(busy);
    }
}
