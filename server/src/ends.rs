//! How many days are left of certificates and secrets, for the metrics; `doctor` names
//! which.

use crate::accounts;
use crate::config::Config;
use crate::serve::now_ms;
use crate::worker::rested;
use anyhow::Result;
use channels::health::certificate_ends;
use metrics::gauge;
use payment::ports::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Days until the first certificate of a channel account ends.
pub(crate) const CERTIFICATE_DAYS: &str = "tongfu_certificate_days";
/// Days until the next secret of a business system ends, since another has taken its place.
pub(crate) const SECRET_DAYS: &str = "tongfu_secret_days";

const LOOK_EACH: Duration = Duration::from_secs(3_600);
const DAY_MS: f64 = 86_400_000.0;
/// What is told where none ends: ten years.
const NEVER_DAYS: f64 = 3_650.0;

/// Looks at once, and each hour.
pub(crate) async fn tell(
    config: Config,
    store: Arc<dyn Store>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut pause = Duration::ZERO;
    while rested(&mut stopped, pause).await {
        if let Err(error) = look(&config, &*store).await {
            let cause = format!("{error:#}");
            tracing::warn!(cause, "it is not looked which certificates and secrets end");
        }
        pause = LOOK_EACH;
    }
}

async fn look(config: &Config, store: &dyn Store) -> Result<()> {
    let now_ms = now_ms();
    let certificates = certificate_ends(&accounts::all(config, store).await?);
    let certificates = certificates.iter().map(|end| end.not_after_ms);
    gauge!(CERTIFICATE_DAYS).set(days_left(certificates, now_ms));
    let domains = store.domains().await?;
    let secrets = domains.iter().flat_map(|domain| domain.secrets());
    // One that has ended is nobody's concern any more.
    let ends = secrets.filter_map(|secret| secret.not_after_ms);
    let ends = ends.filter(|end_ms| *end_ms > now_ms);
    gauge!(SECRET_DAYS).set(days_left(ends, now_ms));
    Ok(())
}

/// Days until the first of these ends; below zero where it has ended.
fn days_left(ends_ms: impl Iterator<Item = i64>, now_ms: i64) -> f64 {
    let first = ends_ms.min();
    first.map_or(NEVER_DAYS, |end_ms| (end_ms - now_ms) as f64 / DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_end_is_told() {
        let day = 86_400_000;
        let left = |ends: &[i64]| days_left(ends.iter().copied(), 10 * day);
        assert!((left(&[40 * day, 17 * day]) - 7.0).abs() < 1e-9);
        assert!(left(&[9 * day]) < 0.0);
        assert!((left(&[]) - NEVER_DAYS).abs() < 1e-9);
    }
}
