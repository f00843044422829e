//! Loops around the use cases' steps: due callbacks, queries, refunds and notifies.

use checkout::{Checkout, Failure};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Between two rounds that found nothing to do.
const IDLE: Duration = Duration::from_millis(250);
/// After a round that the database failed.
const TROUBLE: Duration = Duration::from_secs(2);

type Stopped = watch::Receiver<bool>;

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
    ]
}

fn spawn<F>(
    name: &'static str,
    checkout: &Arc<Checkout>,
    stopped: &Stopped,
    step: impl Fn(Arc<Checkout>) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<usize, Failure>> + Send + 'static,
{
    let (checkout, stopped) = (Arc::clone(checkout), stopped.clone());
    tokio::spawn(async move { rounds(name, &checkout, stopped, step).await })
}

async fn rounds<F>(
    name: &'static str,
    checkout: &Arc<Checkout>,
    mut stopped: Stopped,
    step: impl Fn(Arc<Checkout>) -> F,
) where
    F: Future<Output = Result<usize, Failure>> + Send + 'static,
{
    while !*stopped.borrow() {
        let pause = match survived(step(Arc::clone(checkout))).await {
            Ok(0) => IDLE,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(worker = name, cause = %error, "round failed; it is repeated");
                TROUBLE
            }
        };
        tokio::select! {
            _ = stopped.changed() => {}
            () = checkout.callback_written(), if name == "callbacks" => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// A round that panics is a round that failed: the next one comes.
async fn survived(
    round: impl Future<Output = Result<usize, Failure>> + Send + 'static,
) -> Result<usize, Failure> {
    let done = tokio::spawn(round).await;
    done.unwrap_or_else(|broken| Err(Failure::Internal(broken.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_round_that_panics_is_a_round_that_failed() {
        let broken = survived(async { panic!("out of order") }).await;
        let told = broken.unwrap_err().to_string();
        assert!(told.contains("out of order"), "{told}");
        assert_eq!(survived(async { Ok(3) }).await.unwrap(), 3);
    }
}
