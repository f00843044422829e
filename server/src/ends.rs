//! How many days are left of certificates and secrets, for the metrics and the console;
//! `doctor` names which, too.

use crate::accounts;
use crate::clock::now_ms;
use crate::config::Config;
use crate::worker::rested;
use anyhow::Result;
use channels::health::certificate_ends;
use console::{End, Ending};
use metrics::gauge;
use payment::domain::Domain;
use payment::ports::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Days until the first certificate of a channel account ends.
pub(crate) const CERTIFICATE_DAYS: &str = "tongfu_certificate_days";
/// Days until the next secret of a business system ends, since another has taken its place.
pub(crate) const SECRET_DAYS: &str = "tongfu_secret_days";

const LOOK_EACH: Duration = Duration::from_secs(3_600);
/// A look that failed leaves the gauges out, or as they were.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
const DAY_MS: f64 = 86_400_000.0;
/// What ends within this time is told to people, ms.
pub(crate) const NEAR_MS: i64 = 30 * 86_400_000;
/// What is told where none ends: ten years.
const NEVER_DAYS: f64 = 3_650.0;

/// What a look saw.
pub(crate) struct Looked {
    /// When, ms since 1970.
    pub(crate) at_ms: i64,
    /// What ends, the first to end first.
    pub(crate) ends: Vec<End>,
}

/// The last look; none before the first.
pub(crate) type Ends = watch::Receiver<Option<Arc<Looked>>>;

/// Looks at once, each hour, and when the settings were read anew; soon again where that fails.
pub(crate) async fn tell(
    held: watch::Receiver<Config>,
    store: Arc<dyn Store>,
    looked: watch::Sender<Option<Arc<Looked>>>,
    stopped: watch::Receiver<bool>,
) {
    let look = || async {
        let config = held.borrow().clone();
        let seen = look(&config, &*store).await?;
        looked.send_replace(Some(Arc::new(seen)));
        Ok(())
    };
    keep_looking(stopped, held.clone(), look).await;
}

async fn keep_looking<L, T>(
    mut stopped: watch::Receiver<bool>,
    mut held: watch::Receiver<T>,
    mut look: impl FnMut() -> L,
) where
    L: Future<Output = Result<()>>,
{
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            goes_on = rested(&mut stopped, pause) => if !goes_on { return },
            Ok(()) = held.changed() => {}
        }
        pause = match look().await {
            Ok(()) => LOOK_EACH,
            Err(error) => {
                let cause = format!("{error:#}");
                tracing::warn!(cause, "it is not looked which certificates and secrets end");
                LOOK_AGAIN
            }
        };
    }
}

async fn look(config: &Config, store: &dyn Store) -> Result<Looked> {
    let at_ms = now_ms();
    let mut ends = Vec::new();
    for certificate in certificate_ends(&accounts::all(config, store).await?) {
        ends.push(End {
            what: Ending::Certificate(certificate.file),
            at_ms: certificate.not_after_ms,
        });
    }
    let first = ends.iter().map(|end| end.at_ms);
    gauge!(CERTIFICATE_DAYS).set(days_left(first, at_ms));
    let domains = store.domains("", i64::MAX).await?;
    let secrets = domains.iter().flat_map(|domain| secrets(domain, at_ms));
    let mut secrets: Vec<_> = secrets.collect();
    let first = secrets.iter().map(|end| end.at_ms);
    gauge!(SECRET_DAYS).set(days_left(first, at_ms));
    ends.append(&mut secrets);
    ends.sort_by_key(|end| end.at_ms);
    Ok(Looked { at_ms, ends })
}

/// The secrets of a business system that end: the newest one never does. One that has ended
/// is nobody's concern any more.
fn secrets(domain: &Domain, now_ms: i64) -> impl Iterator<Item = End> {
    let ends = domain.secrets().iter().filter_map(|one| one.not_after_ms);
    let ends = ends.filter(move |end_ms| *end_ms > now_ms);
    ends.map(|at_ms| End {
        what: Ending::Secret(domain.code.clone()),
        at_ms,
    })
}

/// Days until the first of these ends; below zero where it has ended.
fn days_left(ends_ms: impl Iterator<Item = i64>, now_ms: i64) -> f64 {
    let first = ends_ms.min();
    first.map_or(NEVER_DAYS, |end_ms| (end_ms - now_ms) as f64 / DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_looked_again_soon_after_a_failure_and_at_once_after_a_change() {
        let (stop, stopped) = watch::channel(false);
        let (settings, held) = watch::channel(());
        let start = tokio::time::Instant::now();
        let mut looks = Vec::new();
        keep_looking(stopped, held, || {
            looks.push(start.elapsed().as_secs());
            let looked = match looks.len() {
                1 => Err(anyhow::anyhow!("no database yet")),
                2 => {
                    settings.send_replace(());
                    Ok(())
                }
                3 => Ok(()),
                _ => {
                    stop.send_replace(true);
                    Ok(())
                }
            };
            std::future::ready(looked)
        })
        .await;
        // On the clock of the test, which nothing else moves.
        let again = LOOK_AGAIN.as_secs();
        assert_eq!(looks, [0, again, again, again + LOOK_EACH.as_secs()]);
    }

    #[test]
    fn an_older_secret_ends_and_the_newest_one_does_not() {
        let mut domain = Domain::demo();
        assert_eq!(secrets(&domain, 0).count(), 0);
        domain.rotate("another-secret", 5_000);
        let ends: Vec<_> = secrets(&domain, 0).map(|end| end.at_ms).collect();
        assert_eq!(ends, [5_000]);
        assert_eq!(secrets(&domain, 5_000).count(), 0, "it has ended");
    }

    #[test]
    fn the_first_to_end_is_told() {
        let day = 86_400_000;
        let left = |ends: &[i64]| days_left(ends.iter().copied(), 10 * day);
        assert!((left(&[40 * day, 17 * day]) - 7.0).abs() < 1e-9);
        assert!(left(&[9 * day]) < 0.0);
        assert!((left(&[]) - NEVER_DAYS).abs() < 1e-9);
    }
}
