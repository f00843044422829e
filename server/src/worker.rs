//! Loops around the use cases' steps: due callbacks, queries, refunds and notifies.

use crate::heads::Heads;
use crate::zone;
use checkout::{Checkout, Failure};
use payment::ports::Store;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};

/// Between two rounds that found nothing to do; and for so long a round is waited for
/// before the next one begins beside it.
const IDLE: Duration = Duration::from_millis(250);
/// How often what others changed is heard.
const HEAR_EACH: Duration = Duration::from_millis(100);
/// How often it is noted how far the books have come.
const MARK_EACH: Duration = Duration::from_millis(250);
/// Whether it is kept: 1, or 0.
pub(crate) const MARK_KEPT: &str = "tongfu_mark_kept";
/// How often we say that we are at work; it holds for six times as long, so that one try
/// that the database failed ends it for nobody.
const ANNOUNCE_EACH: Duration = Duration::from_secs(5);
/// How often what pages ask about is read anew, where it was read so long ago: before polls
/// have to.
const READ_AHEAD_EACH: Duration = Duration::from_secs(5);
const READ_AHEAD: Duration = Duration::from_secs(20);
/// How often what nobody watches any more is forgotten.
const FORGET_EACH: Duration = Duration::from_secs(20);
/// When old payloads are taken away: a while after the start, then once a day.
const PRUNE_FIRST: Duration = Duration::from_secs(600);
const PRUNE_EACH: Duration = Duration::from_secs(86_400);
/// How often it is looked for times that a wrong clock wrote, and for callbacks that
/// nobody takes.
const LOOK_EACH: Duration = Duration::from_secs(60);
/// How often it is looked whether it is to be written who signs by which secret.
const SECRETS_EACH: Duration = Duration::from_secs(2);
/// How often it is looked whether a channel account is to be asked if it is well.
const CHANNELS_EACH: Duration = Duration::from_secs(1);
/// How often hours that are over are summed, how soon more of them, and how soon again those
/// that could not be.
const HOURS_EACH: Duration = Duration::from_secs(60);
const HOURS_AGAIN: Duration = Duration::from_secs(5);
const HOURS_TROUBLE: Duration = Duration::from_secs(600);
/// After a round that the database failed.
const TROUBLE: Duration = Duration::from_secs(2);
/// Rounds of one kind that are under way at once: those that wait for a slow channel
/// hold up no other.
const BESIDE: usize = 8;

type Stopped = watch::Receiver<bool>;
type Done = Result<Result<usize, Failure>, JoinError>;

/// Starts the loops; they end when `stopped` turns true.
pub(crate) fn start(checkout: &Arc<Checkout>, stopped: &Stopped) -> Vec<JoinHandle<()>> {
    vec![
        spawn("callbacks", checkout, stopped, |checkout| async move {
            checkout.run_due_callbacks().await
        }),
        spawn("queries", checkout, stopped, |checkout| async move {
            checkout.run_due_queries().await
        }),
        spawn("refunds", checkout, stopped, |checkout| async move {
            checkout.run_due_refunds().await
        }),
        spawn("notifies", checkout, stopped, |checkout| async move {
            checkout.run_due_notifies().await
        }),
        tokio::spawn(hear(Arc::clone(checkout), stopped.clone())),
        tokio::spawn(read_ahead(Arc::clone(checkout), stopped.clone())),
        tokio::spawn(forget(Arc::clone(checkout), stopped.clone())),
        tokio::spawn(note_secrets(Arc::clone(checkout), stopped.clone())),
        tokio::spawn(sum_hours(Arc::clone(checkout), stopped.clone())),
        tokio::spawn(keep_mark(Arc::clone(checkout), stopped.clone())),
        tokio::spawn(look_after(Arc::clone(checkout), stopped.clone())),
        tokio::spawn(look_after_channels(Arc::clone(checkout), stopped.clone())),
    ]
}

/// Waits so long; `false` once told to stop.
pub(crate) async fn rested(stopped: &mut Stopped, pause: Duration) -> bool {
    if !*stopped.borrow() {
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    !*stopped.borrow()
}

/// Hears what others changed, as long as this instance answers.
async fn hear(checkout: Arc<Checkout>, mut stopped: Stopped) {
    let (mut is_told, mut pause) = (false, Duration::ZERO);
    while rested(&mut stopped, pause).await {
        pause = match checkout.hear_changes().await {
            Ok(()) => {
                is_told = false;
                HEAR_EACH
            }
            Err(cause) => {
                // It is tried several times a second: said once, until they are heard again.
                if !is_told {
                    tracing::warn!(%cause, "changes can't be heard; polls ask the database");
                }
                is_told = true;
                IDLE
            }
        };
    }
}

/// Reads anew what pages ask about, so that their polls need not wait for that.
async fn read_ahead(checkout: Arc<Checkout>, mut stopped: Stopped) {
    while rested(&mut stopped, READ_AHEAD_EACH).await {
        if let Err(cause) = checkout.read_ahead(READ_AHEAD).await {
            tracing::warn!(%cause, "what pages ask about is not read ahead");
        }
    }
}

/// Forgets what nobody needs any more, beside it: that may take its time.
async fn forget(checkout: Arc<Checkout>, mut stopped: Stopped) {
    while rested(&mut stopped, FORGET_EACH).await {
        if let Err(cause) = checkout.forget_what_is_old().await {
            tracing::warn!(%cause, "old changes stay for now");
        }
    }
}

/// Writes by which of their secrets business systems sign while several hold.
async fn note_secrets(checkout: Arc<Checkout>, mut stopped: Stopped) {
    while rested(&mut stopped, SECRETS_EACH).await {
        if let Err(cause) = checkout.write_secret_uses().await {
            tracing::warn!(%cause, "it is not noted who signs by which secret");
        }
    }
}

/// Sums hours that are over, for the figures, and then days.
async fn sum_hours(checkout: Arc<Checkout>, mut stopped: Stopped) {
    let (mut failed, mut pause) = (HashSet::new(), HOURS_AGAIN);
    while rested(&mut stopped, pause).await {
        pause = match checkout.sum_hours(&mut failed).await {
            Ok(true) => HOURS_AGAIN,
            Ok(false) if failed.is_empty() => match checkout.sum_days(zone::ahead_ms()).await {
                Ok(true) => HOURS_AGAIN,
                Ok(false) => HOURS_EACH,
                Err(cause) => {
                    tracing::warn!(%cause, "a day that is over is not summed for now");
                    HOURS_TROUBLE
                }
            },
            Ok(false) => {
                failed.clear();
                HOURS_TROUBLE
            }
            Err(cause) => {
                tracing::warn!(%cause, "hours that are over are not summed for now");
                HOURS_EACH
            }
        };
    }
}

/// Notes how far the books have come, and notices where they went back.
async fn keep_mark(checkout: Arc<Checkout>, mut stopped: Stopped) {
    let (mut told, mut pause) = (String::new(), Duration::ZERO);
    while rested(&mut stopped, pause).await {
        let (is_kept, cause) = match checkout.keep_mark().await {
            Ok(is_kept) => (is_kept, String::new()),
            Err(cause) => (false, cause.to_string()),
        };
        metrics::gauge!(MARK_KEPT).set(f64::from(u8::from(is_kept)));
        if cause != told && !cause.is_empty() {
            tracing::warn!(cause, "how far the books have come is not kept");
        }
        (told, pause) = (cause, MARK_EACH);
    }
    // What was written last.
    let _ = checkout.keep_mark().await;
}

/// Asks channel accounts that failed whether they are well again.
async fn look_after_channels(checkout: Arc<Checkout>, mut stopped: Stopped) {
    while rested(&mut stopped, CHANNELS_EACH).await {
        checkout.look_after_channels().await;
    }
}

/// Says that this instance is at work, and which keys it has.
pub(crate) async fn announce(store: Arc<dyn Store>, name: String, mut stopped: Stopped) {
    while rested(&mut stopped, ANNOUNCE_EACH).await {
        if let Err(cause) = store.announce(&name, env!("CARGO_PKG_VERSION")).await {
            tracing::warn!(%cause, "it is not announced that we are at work");
        }
    }
}

/// Sends out how far the acts of operators have come, when they have come further.
pub(crate) async fn tell_acts(store: Arc<dyn Store>, mut heads: Heads, mut stopped: Stopped) {
    let mut pause = Duration::ZERO;
    while rested(&mut stopped, pause).await {
        pause = LOOK_EACH;
        let sent = match store.last_act().await {
            Ok(None) => Ok(()),
            Ok(Some(act)) => heads.send(&act.head()).await,
            Err(cause) => Err(cause.into()),
        };
        if let Err(error) = sent {
            let cause = format!("{error:#}");
            tracing::warn!(cause, "the head of the operators' acts is not sent out");
        }
    }
}

/// Looks after what is not done in time; the first time at once, since nobody knows what
/// the clock was before.
async fn look_after(checkout: Arc<Checkout>, mut stopped: Stopped) {
    let mut pause = Duration::ZERO;
    while rested(&mut stopped, pause).await {
        if let Err(cause) = checkout.look_after().await {
            tracing::warn!(%cause, "what is late is not looked after for now");
        }
        pause = LOOK_EACH;
    }
}

/// Takes payloads away that are older than what the operator keeps, once a day.
pub(crate) async fn prune(checkout: Arc<Checkout>, retention: Duration, mut stopped: Stopped) {
    let older_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    let mut pause = PRUNE_FIRST;
    while rested(&mut stopped, pause).await {
        match checkout.prune(older_ms).await {
            Ok((orders, notifies)) => tracing::info!(orders, notifies, "pruned"),
            Err(cause) => tracing::warn!(%cause, "old payloads stay for now"),
        }
        pause = PRUNE_EACH;
    }
}

fn spawn<F>(
    name: &'static str,
    checkout: &Arc<Checkout>,
    stopped: &Stopped,
    step: impl Fn(Arc<Checkout>) -> F + Send + Sync + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<usize, Failure>> + Send + 'static,
{
    let (checkout, stopped) = (Arc::clone(checkout), stopped.clone());
    tokio::spawn(async move {
        let woken = || async {
            match name {
                "callbacks" => checkout.callbacks_to_send().await,
                _ => std::future::pending().await,
            }
        };
        rounds(name, stopped, || step(Arc::clone(&checkout)), woken).await;
    })
}

/// One round after the other; one that takes long goes on beside the next ones.
async fn rounds<F, W>(
    name: &'static str,
    mut stopped: Stopped,
    step: impl Fn() -> F,
    woken: impl Fn() -> W,
) where
    F: Future<Output = Result<usize, Failure>> + Send + 'static,
    W: Future<Output = ()>,
{
    let mut running = JoinSet::new();
    while !*stopped.borrow() {
        if running.len() < BESIDE {
            running.spawn(step());
        }
        let pause = tokio::select! {
            Some(done) = running.join_next() => pause_after(name, done),
            () = tokio::time::sleep(IDLE) => None,
        };
        let Some(pause) = pause else {
            continue;
        };
        tokio::select! {
            _ = stopped.changed() => {}
            () = woken() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    while running.join_next().await.is_some() {}
}

/// How long to wait after a round that is done. One that panicked is one that failed:
/// the next one comes.
fn pause_after(name: &'static str, done: Done) -> Option<Duration> {
    let cause = match done {
        Ok(Ok(0)) => return Some(IDLE),
        Ok(Ok(_)) => return None,
        Ok(Err(failure)) => failure.to_string(),
        Err(panicked) => panicked.to_string(),
    };
    tracing::warn!(worker = name, cause, "round failed; it is repeated");
    Some(TROUBLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Rounds that end with the third one; `step` is told which one it is.
    async fn three<F>(step: impl Fn(usize) -> F)
    where
        F: Future<Output = Result<usize, Failure>> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let begun = AtomicUsize::new(0);
        let counted = || {
            let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
            if number == 3 {
                stop.send(true).unwrap();
            }
            step(number)
        };
        rounds("test", stopped, counted, std::future::pending).await;
        assert_eq!(begun.into_inner(), 3);
    }

    #[tokio::test]
    async fn a_round_that_panics_is_followed_by_others() {
        three(|number| async move {
            assert!(number > 1, "out of order");
            Ok(0)
        })
        .await;
    }

    #[tokio::test]
    async fn a_round_that_waits_for_a_slow_channel_holds_up_no_other() {
        let open = Arc::new(tokio::sync::Semaphore::new(0));
        three(|number| {
            let open = Arc::clone(&open);
            async move {
                match number {
                    // The first one waits for the third.
                    1 => open.acquire().await.map(drop).unwrap(),
                    3 => open.add_permits(1),
                    _ => {}
                }
                Ok(0)
            }
        })
        .await;
    }
}
