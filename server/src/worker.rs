//! Loops around the use cases' steps: due callbacks, queries and refunds.

use checkout::{Checkout, Failure};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Between two rounds that found nothing to do.
const IDLE: Duration = Duration::from_millis(250);
/// After a round that the database failed.
const TROUBLE: Duration = Duration::from_secs(2);

/// Starts the loops; they end when `stopped` turns true.
pub(crate) fn start(
    checkout: &Arc<Checkout>,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let [callbacks, queries, refunds] = [(); 3].map(|()| Arc::clone(checkout));
    vec![
        tokio::spawn(rounds("callbacks", stopped.clone(), move || {
            let checkout = Arc::clone(&callbacks);
            async move { checkout.run_due_callbacks().await }
        })),
        tokio::spawn(rounds("queries", stopped.clone(), move || {
            let checkout = Arc::clone(&queries);
            async move { checkout.run_due_queries().await }
        })),
        tokio::spawn(rounds("refunds", stopped.clone(), move || {
            let checkout = Arc::clone(&refunds);
            async move { checkout.run_due_refunds().await }
        })),
    ]
}

async fn rounds<F>(name: &'static str, mut stopped: watch::Receiver<bool>, step: impl Fn() -> F)
where
    F: Future<Output = Result<usize, Failure>>,
{
    while !*stopped.borrow() {
        let pause = match step().await {
            Ok(0) => IDLE,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(worker = name, cause = %error, "round failed; it is repeated");
                TROUBLE
            }
        };
        let _ = tokio::time::timeout(pause, stopped.changed()).await;
    }
}
