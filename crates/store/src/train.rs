//! The commit train. On SQLite one connection writes, and each commit waits for the disk;
//! so those who come while one is under way travel together, and are committed together,
//! by one sync (docs/performance.md, The commit train).
//!
//! Everybody does his work in his turn, and then waits for his turn again: whose second
//! turn comes first commits for all who have boarded until then. Who is alone commits at
//! once, and nobody waits for a clock.

use crate::dialect::SQLITE;
use crate::line::{Pool, Tx};
use crate::renewal::Renewal;
use payment::ports::{Answer, StoreError};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Mutex, MutexGuard, watch};

/// No more travel together: the last one's commit leaves at once.
const SEATS: u32 = 64;

/// The one that writes.
pub(crate) struct Train {
    writes: Pool,
    renewal: Renewal,
    engine: Mutex<Engine>,
}

/// The connection, and who travels over it now.
#[derive(Default)]
struct Engine {
    connection: Option<(Tx, Instant)>,
    trip: Option<Trip>,
    trips: u64,
}

/// Hears what became of a trip.
type Arrived = watch::Receiver<Option<Answer<()>>>;

/// A transaction.
struct Trip {
    number: u64,
    passengers: u32,
    /// Somebody is at work. Found by the next one, he was left in the middle.
    at_work: bool,
    /// What became of it.
    arrived: watch::Sender<Option<Answer<()>>>,
}

/// A passenger's wish that his trip ends, should he not be there to see to it.
struct Ticket {
    train: Arc<Train>,
    number: u64,
    used: bool,
}

impl Train {
    pub(crate) fn new(writes: Pool, renewal: Renewal) -> Arc<Self> {
        Arc::new(Self {
            writes,
            renewal,
            engine: Mutex::default(),
        })
    }

    /// Does a piece of work that awaits nothing but its own statements, and answers once
    /// it is on disk; where its answer is an error, or one that `kept` does not want,
    /// nothing of it is. Others may be on the way with it: what it read of theirs is on
    /// disk too when it answers.
    pub(crate) async fn ride<T>(
        self: &Arc<Self>,
        kept: fn(&T) -> bool,
        work: impl AsyncFnOnce(&mut Tx) -> Answer<T>,
    ) -> Answer<T> {
        let mut engine = self.engine.lock().await;
        let (number, arrived) = self.board(&mut engine).await?;
        let mut ticket = Ticket {
            train: Arc::clone(self),
            number,
            used: false,
        };
        let answer = match engine.carry(kept, work).await {
            Err(broken) => {
                self.derail(&mut engine, broken.clone());
                Err(broken)
            }
            // Who was alone, and leaves nothing, leaves no trip.
            Ok(Carried::Nothing(answer)) => {
                engine.trip = None;
                answer
            }
            Ok(Carried::On(answer)) => {
                if engine.is_full() {
                    self.arrive(&mut engine).await?;
                } else {
                    drop(engine);
                    self.come_to_the_end(number, arrived).await?;
                }
                answer
            }
        };
        ticket.used = true;
        answer
    }

    /// Waits for the end of a trip, or brings it about.
    async fn come_to_the_end(&self, number: u64, arrived: Arrived) -> Answer<()> {
        let mut engine = tokio::select! {
            biased;
            end = end(arrived.clone()) => return end,
            engine = self.engine.lock() => engine,
        };
        let goes_on = |trip: &Trip| trip.number == number;
        if engine.trip.as_ref().is_some_and(goes_on) {
            return self.arrive(&mut engine).await;
        }
        drop(engine);
        end(arrived).await
    }

    /// A place on the trip that is under way, or on a new one.
    async fn board(&self, engine: &mut MutexGuard<'_, Engine>) -> Answer<(u64, Arrived)> {
        if engine.trip.as_ref().is_some_and(|trip| trip.at_work) {
            self.derail(engine, left());
        }
        if engine.trip.is_none() {
            if let Err(error) = self.begin(engine).await {
                self.derail(engine, error.clone());
                return Err(error);
            }
            engine.trips += 1;
            engine.trip = Some(Trip {
                number: engine.trips,
                passengers: 0,
                at_work: false,
                arrived: watch::Sender::new(None),
            });
        }
        let trip = engine.trip.as_mut().ok_or_else(gone)?;
        trip.passengers += 1;
        Ok((trip.number, trip.arrived.subscribe()))
    }

    async fn begin(&self, engine: &mut Engine) -> Answer<()> {
        let still_good = |(_, made): &(Tx, Instant)| !self.renewal.is_old(made.elapsed());
        let (mut tx, made) = match engine.connection.take().filter(still_good) {
            Some(known) => known,
            None => {
                let made = Instant::now();
                (Tx::alone(self.writes.own_line().await?), made)
            }
        };
        // Who is cut off here leaves no connection of which nobody knows what it heard.
        tx.say(SQLITE.begin).await?;
        engine.connection = Some((tx, made));
        Ok(())
    }

    /// Commits for all who travel.
    async fn arrive(&self, engine: &mut Engine) -> Answer<()> {
        if let Some(trip) = &mut engine.trip {
            trip.at_work = true;
        }
        match engine.say("commit").await {
            Ok(()) => {
                if let Some(trip) = engine.trip.take() {
                    trip.arrived.send_replace(Some(Ok(())));
                }
                Ok(())
            }
            Err(error) => {
                self.derail(engine, error.clone());
                Err(error)
            }
        }
    }

    /// What became of the trip is not known, to anybody on it; its connection is not
    /// trusted again.
    fn derail(&self, engine: &mut Engine, cause: StoreError) {
        if let Some(trip) = engine.trip.take() {
            trip.arrived.send_replace(Some(Err(cause)));
        }
        engine.connection = None;
        self.renewal.renew();
    }
}

/// Who was carried.
enum Carried<T> {
    /// His trip goes on, with what he did or without it.
    On(Answer<T>),
    /// He was the first, and what he did is undone: there is no trip.
    Nothing(Answer<T>),
}

impl Engine {
    /// Does the work of who has boarded last.
    ///
    /// # Errors
    /// Where the trip is broken.
    async fn carry<T>(
        &mut self,
        kept: fn(&T) -> bool,
        work: impl AsyncFnOnce(&mut Tx) -> Answer<T>,
    ) -> Answer<Carried<T>> {
        let is_first = self.at_work(true)? == 1;
        // The first one needs no savepoint: nobody else is there to be kept.
        if !is_first {
            self.say("savepoint seat").await?;
        }
        let (tx, _) = self.connection.as_mut().ok_or_else(gone)?;
        let answer = work(tx).await;
        let is_kept = answer.as_ref().is_ok_and(kept);
        let said = match (is_first, is_kept) {
            (true, true) => Ok(()),
            (true, false) => self.say("rollback").await,
            (false, true) => self.say("release seat").await,
            (false, false) => self.say("rollback to seat; release seat").await,
        };
        if let Err(broken) = said {
            // A full disk ends the whole transaction, and his own error says so.
            return Err(answer.err().unwrap_or(broken));
        }
        self.at_work(false)?;
        Ok(if is_first && !is_kept {
            Carried::Nothing(answer)
        } else {
            Carried::On(answer)
        })
    }

    /// Marks that somebody is at work, or not; gives how many travel.
    fn at_work(&mut self, at_work: bool) -> Answer<u32> {
        let trip = self.trip.as_mut().ok_or_else(gone)?;
        trip.at_work = at_work;
        Ok(trip.passengers)
    }

    fn is_full(&self) -> bool {
        self.trip
            .as_ref()
            .is_some_and(|trip| trip.passengers >= SEATS)
    }

    async fn say(&mut self, statement: &'static str) -> Answer<()> {
        let (tx, _) = self.connection.as_mut().ok_or_else(gone)?;
        tx.say(statement).await
    }
}

/// Who goes away before the end leaves it to somebody who has the time.
impl Drop for Ticket {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        let (train, number) = (Arc::clone(&self.train), self.number);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let mut engine = train.engine.lock().await;
            let Some(trip) = engine.trip.as_ref().filter(|trip| trip.number == number) else {
                return;
            };
            if trip.at_work {
                train.derail(&mut engine, left());
            } else if let Err(error) = train.arrive(&mut engine).await {
                tracing::warn!(cause = %error, "a commit that nobody waited for failed");
            }
        });
    }
}

/// What a trip came to, once it has.
async fn end(mut arrived: Arrived) -> Answer<()> {
    match arrived.wait_for(Option::is_some).await {
        Ok(end) => end.clone().unwrap_or_else(|| Err(gone())),
        Err(_) => Err(gone()),
    }
}

fn left() -> StoreError {
    StoreError::Unavailable("a write was left in the middle".to_owned())
}

fn gone() -> StoreError {
    StoreError::Unavailable("the write is gone".to_owned())
}

#[cfg(test)]
mod tests;
