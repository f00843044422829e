//! Development's delivery to who listens: a callback waits here for a listener of its
//! business system, and his receiver's answer is the answer to it. Where nobody listens it
//! goes to its own address.

use super::Parcel;
use channels::receiver::HttpReceiver;
use payment::ports::{Call, CallbackAnswer, Receiver};
use payment::relay::GIVEN_MAX;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

/// Who asked no longer ago listens still.
const LISTENS: Duration = Duration::from_secs(60);
/// A listener's receiver has 10 s, and what lies between a little more.
const ANSWER_LIMIT: Duration = Duration::from_secs(12);

/// The line to who listens.
#[derive(Default)]
pub(crate) struct Line {
    ends: Mutex<HashMap<String, End>>,
    next: AtomicI64,
}

/// A business system's end of it.
#[derive(Default)]
struct End {
    /// Calls that wait now.
    ears: usize,
    /// When somebody asked the last time; none once he broke off.
    heard: Option<Instant>,
    waiting: VecDeque<Parcel>,
    unanswered: HashMap<i64, oneshot::Sender<CallbackAnswer>>,
    bell: Arc<Notify>,
}

impl End {
    fn is_listened_to(&self) -> bool {
        self.ears > 0 || self.heard.is_some_and(|heard| heard.elapsed() < LISTENS)
    }
}

/// Somebody who waits. Where he breaks off nobody listens, unless another one does.
struct Ear<'a> {
    line: &'a Line,
    code: &'a str,
    bell: Arc<Notify>,
    is_answered: bool,
}

impl Drop for Ear<'_> {
    fn drop(&mut self) {
        if let Some(end) = self.line.lock().get_mut(self.code) {
            end.ears -= 1;
            end.heard = self.is_answered.then(Instant::now);
        }
    }
}

impl Line {
    /// What comes for a business system, once there is something; nothing when it is over.
    pub(crate) async fn wait(&self, code: &str, over: impl Future<Output = ()>) -> Vec<Parcel> {
        let mut ear = self.listen(code);
        tokio::pin!(over);
        loop {
            let parcels = self.take(code);
            if !parcels.is_empty() {
                ear.is_answered = true;
                return parcels;
            }
            tokio::select! {
                () = ear.bell.notified() => {}
                () = &mut over => {
                    ear.is_answered = true;
                    return parcels;
                }
            }
        }
    }

    /// A receiver's answer; whether somebody waits for it.
    pub(crate) fn answer(&self, code: &str, number: i64, answer: CallbackAnswer) -> bool {
        let mut ends = self.lock();
        let waits = ends
            .get_mut(code)
            .and_then(|end| end.unanswered.remove(&number));
        drop(ends);
        waits.is_some_and(|waits| waits.send(answer).is_ok())
    }

    fn listen<'a>(&'a self, code: &'a str) -> Ear<'a> {
        let mut ends = self.lock();
        let end = ends.entry(code.to_owned()).or_default();
        end.ears += 1;
        let bell = Arc::clone(&end.bell);
        Ear {
            line: self,
            code,
            bell,
            is_answered: false,
        }
    }

    fn take(&self, code: &str) -> Vec<Parcel> {
        let mut ends = self.lock();
        let Some(end) = ends.get_mut(code) else {
            return Vec::new();
        };
        let count = end.waiting.len().min(GIVEN_MAX);
        end.waiting.drain(..count).collect()
    }

    /// Hands a call to who listens; none where nobody does.
    fn hand_over(&self, call: &Call<'_>) -> Option<(i64, oneshot::Receiver<CallbackAnswer>)> {
        let mut ends = self.lock();
        let end = ends
            .get_mut(call.domain_code)
            .filter(|end| end.is_listened_to())?;
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let (answers, answer) = oneshot::channel();
        end.unanswered.insert(number, answers);
        end.waiting.push_back(Parcel {
            number,
            url: call.url.to_owned(),
            body: call.body.map(|(_, body)| body.to_owned()),
        });
        end.bell.notify_one();
        Some((number, answer))
    }

    /// Gives a call up; whether somebody had fetched it.
    fn forget(&self, code: &str, number: i64) -> bool {
        let mut ends = self.lock();
        let Some(end) = ends.get_mut(code) else {
            return false;
        };
        end.unanswered.remove(&number);
        let before = end.waiting.len();
        end.waiting.retain(|parcel| parcel.number != number);
        end.waiting.len() == before
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, End>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way out to business systems, with a line to who listens in their place.
pub(crate) struct Relayed {
    pub(crate) http: HttpReceiver,
    pub(crate) line: Arc<Line>,
}

#[async_trait::async_trait]
impl Receiver for Relayed {
    async fn call(&self, call: &Call<'_>) -> CallbackAnswer {
        let Some((number, answer)) = self.line.hand_over(call) else {
            return self.http.call(call).await;
        };
        let began = Instant::now();
        let answer = timeout(ANSWER_LIMIT, answer).await;
        let fetched = self.line.forget(call.domain_code, number);
        let text = match fetched {
            true => "tongfu listen has it and gave no answer in time",
            false => "tongfu listen was there a moment ago, and nobody fetched it",
        };
        let answer = answer.ok().and_then(Result::ok);
        let answer = answer.unwrap_or_else(|| CallbackAnswer {
            status: None,
            location: None,
            text: text.to_owned(),
            duration_ms: 0,
        });
        let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        CallbackAnswer {
            duration_ms,
            ..answer
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call<'static> {
        Call {
            domain_code: "shop",
            url: "http://shop.cn/cb?sign=x",
            body: None,
            private_hosts: &[],
            loopback: false,
        }
    }

    fn success() -> CallbackAnswer {
        CallbackAnswer {
            status: Some(200),
            location: None,
            text: "success".to_owned(),
            duration_ms: 0,
        }
    }

    #[tokio::test]
    async fn a_call_is_answered_by_who_listens() {
        let line = Line::default();
        assert!(line.hand_over(&call()).is_none(), "nobody listens");
        let waits = line.wait("shop", std::future::pending());
        let calls = async {
            tokio::task::yield_now().await;
            line.hand_over(&call()).unwrap()
        };
        let (parcels, (number, answer)) = tokio::join!(waits, calls);
        assert_eq!((parcels.len(), parcels[0].number), (1, number));
        assert_eq!(parcels[0].url, call().url);
        assert!(!line.answer("other", number, success()));
        assert!(line.answer("shop", number, success()));
        assert!(!line.answer("shop", number, success()), "once");
        assert_eq!(answer.await, Ok(success()));
        assert!(line.hand_over(&call()).is_some(), "he comes back");
    }

    #[tokio::test]
    async fn who_breaks_off_listens_no_longer() {
        let line = Line::default();
        line.wait("shop", std::future::ready(())).await;
        assert!(line.hand_over(&call()).is_some(), "he was answered");
        line.lock().clear();
        let broken = timeout(
            Duration::from_millis(1),
            line.wait("shop", std::future::pending()),
        );
        assert!(broken.await.is_err());
        assert!(line.hand_over(&call()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_no_answer_and_is_forgotten() {
        let (line, clock) = (Arc::new(Line::default()), Arc::new(|| 0));
        let http = HttpReceiver::new(clock).unwrap();
        line.wait("shop", std::future::ready(())).await;
        let relayed = Relayed {
            http,
            line: Arc::clone(&line),
        };
        let answer = relayed.call(&call()).await;
        assert_eq!(answer.status, None, "{answer:?}");
        assert!(answer.text.contains("nobody fetched it"), "{answer:?}");
        assert!(line.take("shop").is_empty(), "nobody is given it any more");
        tokio::time::advance(LISTENS).await;
        assert!(line.hand_over(&call()).is_none());
    }
}
