//! What pages watch, in memory: a poll of it asks no database. What is kept here is
//! never older than the changes that this instance has heard of; where it has heard
//! nothing for a moment, nothing of it is told (docs/reliability.md, Memory).

use payment::channel::Channel;
use payment::domain::Domain;
use payment::money::Money;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, CHANGES_KEPT, Change};
use payment::status::PayStatus;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::mem;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests that are kept at most; more are asked of the database.
const REQUESTS_MAX: usize = 50_000;
/// Business systems that are kept at most.
const BUSINESSES_MAX: usize = 10_000;
/// Signed questions about one request: a page asks one, in one language.
const QUESTIONS_MAX: usize = 4;
/// A page asks every two seconds; who asked no more for so long is forgotten.
const IDLE: Duration = Duration::from_secs(30);
/// Between two questions of a page that has nothing else to tell: two to five seconds,
/// and what a network adds or takes.
const REGULAR: RangeInclusive<Duration> = Duration::from_millis(1_500)..=Duration::from_secs(10);
/// Whatever was heard, what is kept is verified and read anew after this time.
const READ_EACH: Duration = Duration::from_secs(30);
/// Half of [`READ_EACH`] for a business system, and half for what was verified by it: the two
/// follow each other.
const VERIFY_EACH: Duration = Duration::from_secs(15);
/// Changes are heard every tenth of a second; who heard none for longer may be wrong.
const DEAF: Duration = Duration::from_secs(1);

/// Where a request stands, as far as a poll tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The newest attempt, or the one whose channel has the payer's money, held or of another
    /// sum; none: nobody began to pay.
    pub(crate) newest: Option<Newest>,
    /// Whether its key is closed, where nobody began.
    pub(crate) closed: bool,
}

/// What a poll tells of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) order_sn: String,
    pub(crate) channel: Channel,
    pub(crate) account: String,
    pub(crate) money: Money,
    pub(crate) status: Attempt,
    pub(crate) request_status: PayStatus,
    pub(crate) expires_ms: i64,
    /// What came does not fit it: nothing is to be paid any more.
    pub(crate) differs: bool,
}

impl Newest {
    pub(crate) fn of(row: &AttemptRow) -> Self {
        Self {
            order_sn: row.order_sn.clone(),
            channel: row.channel,
            account: row.account.clone(),
            money: row.money,
            status: row.status,
            request_status: row.request_status,
            expires_ms: row.expires_ms,
            differs: row.differs(),
        }
    }
}

/// How many changes were heard before something was read: what is read then may lack
/// every later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// Whether a question comes out of its turn: from a page that woke, came back or is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Woke(pub(crate) bool);

/// What is known of a question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recalled {
    /// Its sign holds, and its request stands so.
    Standing(Money, Known),
    /// Its sign holds.
    Signed(Money),
    /// Nothing.
    Nothing,
}

#[derive(Default)]
pub(crate) struct Memory(Mutex<Kept>);

/// By business system and requestKey.
type Requests = HashMap<String, HashMap<String, Request>>;

#[derive(Default)]
struct Kept {
    requests: Requests,
    count: usize,
    /// Changes that were heard.
    heard: u64,
    /// When those were last asked for that were told; ms since 1970 beside it, since a
    /// machine that slept does not count that time.
    heard_at: Option<(Instant, i64)>,
    /// When each business system that ever changed last did.
    changed: HashMap<String, Moment>,
    /// Business systems whose pages ask.
    businesses: HashMap<String, Business>,
    /// When everything was last forgotten.
    forgotten: Moment,
}

/// A business system as it was read.
#[derive(Clone)]
pub(crate) struct Business {
    pub(crate) domain: Arc<Domain>,
    /// Before it was read.
    before: Moment,
    read_at: Instant,
}

impl Business {
    /// As it was read now; `before` that.
    pub(crate) fn read(domain: Domain, before: Moment) -> Self {
        Self {
            domain: Arc::new(domain),
            before,
            read_at: Instant::now(),
        }
    }
}

struct Request {
    questions: Vec<Question>,
    known: Option<(Known, Instant)>,
    changed: Moment,
    asked_at: Instant,
}

/// A question whose sign held.
struct Question {
    digest: Fingerprint,
    money: Money,
    /// Before its business system was read.
    verified: Moment,
    verified_at: Instant,
    /// When the secret ends that it was signed with, ms since 1970.
    until_ms: Option<i64>,
}

/// Names and values of a question, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(pairs: &Pairs) -> Self {
        let mut hash = Sha256::new();
        for (name, value) in pairs.iter() {
            for text in [name, value] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
        }
        Self(hash.finalize().into())
    }
}

/// A question that was verified, to be kept.
pub(crate) struct Verified<'a> {
    pub(crate) digest: Fingerprint,
    pub(crate) domain_code: &'a str,
    pub(crate) request_key: &'a str,
    pub(crate) money: Money,
    pub(crate) until_ms: Option<i64>,
}

impl Memory {
    /// A business system, where it is known.
    pub(crate) fn business(&self, code: &str) -> Option<Business> {
        let now = Instant::now();
        let kept = self.lock();
        let business = kept.businesses.get(code).filter(|business| {
            kept.hears(now)
                && business.before >= kept.last_change(code)
                && now.saturating_duration_since(business.read_at) < VERIFY_EACH
        });
        business.cloned()
    }

    /// Keeps a business system.
    pub(crate) fn keep_business(&self, business: &Business) {
        let mut kept = self.lock();
        if kept.businesses.len() < BUSINESSES_MAX {
            let code = business.domain.code.clone();
            kept.businesses.insert(code, business.clone());
        }
    }

    /// This moment: what is read from now on lacks no change that was heard before.
    pub(crate) fn moment(&self) -> Moment {
        Moment(self.lock().heard)
    }

    /// What is known of a question, and whether a page asks it that woke, came back or is
    /// new: the others ask every two to five seconds. Charges and tells nothing.
    pub(crate) fn recall(
        &self,
        domain_code: &str,
        request_key: &str,
        digest: Fingerprint,
        now_ms: i64,
    ) -> (Recalled, Woke) {
        let now = Instant::now();
        let mut kept = self.lock();
        let kept = &mut *kept;
        if !kept.hears(now) {
            return (Recalled::Nothing, Woke(true));
        }
        let changed = kept.last_change(domain_code);
        let Some(request) = kept
            .requests
            .get_mut(domain_code)
            .and_then(|requests| requests.get_mut(request_key))
        else {
            return (Recalled::Nothing, Woke(true));
        };
        let woke = Woke(!REGULAR.contains(&now.saturating_duration_since(request.asked_at)));
        let holds = |question: &&Question| {
            question.digest == digest
                && question.verified >= changed
                && question.until_ms.is_none_or(|end_ms| now_ms < end_ms)
                && now.duration_since(question.verified_at) < VERIFY_EACH
        };
        let Some(question) = request.questions.iter().find(holds) else {
            return (Recalled::Nothing, woke);
        };
        // What anybody may send moves nothing.
        request.asked_at = now;
        let recalled = match &request.known {
            Some((known, read_at)) if now.duration_since(*read_at) < READ_EACH => {
                Recalled::Standing(question.money, known.clone())
            }
            _ => Recalled::Signed(question.money),
        };
        (recalled, woke)
    }

    /// Keeps a question whose sign held by this business system.
    pub(crate) fn keep_question(&self, verified: &Verified<'_>, by: &Business) {
        let &Verified {
            digest,
            domain_code,
            request_key,
            money,
            until_ms,
        } = verified;
        let now = Instant::now();
        let mut kept = self.lock();
        let Some(request) = kept.request(domain_code, request_key, now) else {
            return;
        };
        request.asked_at = now;
        let questions = &mut request.questions;
        questions.retain(|question| question.digest != digest);
        if questions.len() >= QUESTIONS_MAX {
            questions.remove(0);
        }
        questions.push(Question {
            digest,
            money,
            verified: by.before,
            verified_at: now,
            until_ms,
        });
    }

    /// Keeps where a request stands that is asked about; `before` it was read.
    pub(crate) fn keep(&self, domain_code: &str, request_key: &str, known: Known, before: Moment) {
        let mut kept = self.lock();
        let requests = kept.requests.get_mut(domain_code);
        let request = requests.and_then(|requests| requests.get_mut(request_key));
        // What was heard meanwhile may not be in what was read.
        if let Some(request) = request.filter(|request| request.changed <= before) {
            request.known = Some((known, Instant::now()));
        }
    }

    /// The requests that pages ask about and that were read so long ago, by business system
    /// and requestKey.
    pub(crate) fn aged(&self, age: Duration) -> Vec<(String, String)> {
        let now = Instant::now();
        let is_aged = |request: &Request| {
            let read_at = request.known.as_ref().map(|(_, read_at)| *read_at);
            read_at.is_some_and(|read_at| now.saturating_duration_since(read_at) >= age)
                && REGULAR.end() >= &now.saturating_duration_since(request.asked_at)
        };
        let kept = self.lock();
        let mut aged = Vec::new();
        for (code, requests) in &kept.requests {
            let found = requests.iter().filter(|(_, request)| is_aged(request));
            aged.extend(found.map(|(key, _)| (code.clone(), key.clone())));
        }
        aged
    }

    /// A request changed.
    pub(crate) fn changed(&self, domain_code: &str, request_key: &str) {
        self.lock().changed(domain_code, request_key);
    }

    /// Takes changes that were asked for at `asked_at`, `now_ms` since 1970.
    pub(crate) fn hear(&self, changes: &[Change], asked_at: Instant, now_ms: i64) {
        let mut kept = self.lock();
        let before = kept.heard_at.replace((asked_at, now_ms));
        let is_late = before.is_none_or(|(before_at, before_ms)| {
            let passed_ms = now_ms.saturating_sub(before_ms).max(0).unsigned_abs();
            let passed = asked_at.duration_since(before_at);
            // Changes are forgotten too: some may have been before they were asked for.
            passed.max(Duration::from_millis(passed_ms)) > CHANGES_KEPT / 2
        });
        let mut forgotten = Vec::new();
        if is_late {
            forgotten.push(kept.forget_all());
        }
        for change in changes {
            match change {
                Change::Request {
                    domain_code,
                    request_key,
                } => kept.changed(domain_code, request_key),
                Change::Business(code) => {
                    let moment = kept.next();
                    kept.changed.insert(code.clone(), moment);
                    kept.businesses.remove(code);
                }
                Change::All => forgotten.push(kept.forget_all()),
            }
        }
        // What was much is freed while polls are answered.
        drop(kept);
        drop(forgotten);
    }

    /// Forgets requests that nobody asks about any more.
    pub(crate) fn forget_idle(&self) {
        let now = Instant::now();
        let mut kept = self.lock();
        let mut idle = Vec::new();
        for requests in kept.requests.values_mut() {
            let is_idle = |request: &Request| now.duration_since(request.asked_at) >= IDLE;
            idle.extend(requests.extract_if(|_, request| is_idle(request)));
        }
        kept.requests.retain(|_, requests| !requests.is_empty());
        kept.count = kept.requests.values().map(HashMap::len).sum();
        let is_young = |business: &Business| now.duration_since(business.read_at) < VERIFY_EACH;
        kept.businesses.retain(|_, business| is_young(business));
        drop(kept);
        drop(idle);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether every change is heard within a moment.
    fn hears(&self, now: Instant) -> bool {
        let since = |heard_at| now.saturating_duration_since(heard_at);
        self.heard_at
            .is_some_and(|(heard_at, _)| since(heard_at) < DEAF)
    }

    /// When a business system last changed, or everything was forgotten.
    fn last_change(&self, code: &str) -> Moment {
        let changed = self.changed.get(code).copied().unwrap_or_default();
        changed.max(self.forgotten)
    }

    fn next(&mut self) -> Moment {
        self.heard += 1;
        Moment(self.heard)
    }

    fn changed(&mut self, domain_code: &str, request_key: &str) {
        let moment = self.next();
        let requests = self.requests.get_mut(domain_code);
        if let Some(request) = requests.and_then(|requests| requests.get_mut(request_key)) {
            request.known = None;
            request.changed = moment;
        }
    }

    /// Forgets everything; gives it, to be freed.
    fn forget_all(&mut self) -> Requests {
        self.forgotten = self.next();
        self.count = 0;
        mem::take(&mut self.requests)
    }

    /// The place of a request, while there is one.
    fn request(
        &mut self,
        domain_code: &str,
        request_key: &str,
        now: Instant,
    ) -> Option<&mut Request> {
        let changed = Moment(self.heard);
        let requests = self.requests.entry(domain_code.to_owned()).or_default();
        if !requests.contains_key(request_key) {
            if self.count >= REQUESTS_MAX {
                return None;
            }
            self.count += 1;
        }
        let request = requests.entry(request_key.to_owned());
        Some(request.or_insert_with(|| Request {
            questions: Vec::new(),
            known: None,
            changed,
            asked_at: now,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment::money::Currency;

    const NOW_MS: i64 = 1_000;

    fn pairs(key: &str) -> Pairs {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Pairs::from_stored(vec![pair("domainCode", "demo"), pair("requestKey", key)])
    }

    fn money() -> Money {
        Money::from_minor(100, Currency::Cny).unwrap()
    }

    fn waiting() -> Known {
        Known {
            newest: None,
            closed: false,
        }
    }

    /// Keeps a question by a business system that was read after this moment.
    fn keep_question(
        memory: &Memory,
        pairs: &Pairs,
        key: &str,
        until_ms: Option<i64>,
        before: Moment,
    ) {
        let verified = Verified {
            digest: Fingerprint::of(pairs),
            domain_code: "demo",
            request_key: key,
            money: money(),
            until_ms,
        };
        memory.keep_question(&verified, &read(before));
    }

    /// Keeps a question and where its request stands, as a poll does.
    fn keep(memory: &Memory, key: &str, until_ms: Option<i64>) {
        keep_question(memory, &pairs(key), key, until_ms, memory.moment());
        let before = memory.moment();
        memory.keep("demo", key, waiting(), before);
    }

    fn read(before: Moment) -> Business {
        Business::read(Domain::demo(), before)
    }

    fn recall(memory: &Memory, key: &str, now_ms: i64) -> Recalled {
        let pairs = pairs(key);
        memory
            .recall("demo", key, Fingerprint::of(&pairs), now_ms)
            .0
    }

    fn hearing() -> Memory {
        let memory = Memory::default();
        memory.hear(&[], Instant::now(), NOW_MS);
        memory
    }

    fn request(key: &str) -> Change {
        Change::Request {
            domain_code: "demo".to_owned(),
            request_key: key.to_owned(),
        }
    }

    #[test]
    fn what_was_verified_and_read_is_recalled_and_nothing_else() {
        let memory = hearing();
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
        keep(&memory, "1", None);
        let known = Recalled::Standing(money(), waiting());
        assert_eq!(recall(&memory, "1", NOW_MS), known);
        assert_eq!(recall(&memory, "2", NOW_MS), Recalled::Nothing);
        let mut other = pairs("1");
        other = other.chain(Pairs::from_stored(vec![("x".to_owned(), "1".to_owned())]));
        assert_eq!(
            memory
                .recall("demo", "1", Fingerprint::of(&other), NOW_MS)
                .0,
            Recalled::Nothing
        );
    }

    #[test]
    fn a_change_is_read_anew_and_the_sign_is_not() {
        let memory = hearing();
        keep(&memory, "1", None);
        memory.hear(&[request("1")], Instant::now(), NOW_MS);
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Signed(money()));
    }

    #[test]
    fn what_was_read_before_a_change_was_heard_is_not_kept() {
        let memory = hearing();
        keep(&memory, "1", None);
        let before = memory.moment();
        memory.hear(&[request("1")], Instant::now(), NOW_MS);
        memory.keep("demo", "1", waiting(), before);
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Signed(money()));
        // Nor where its place was forgotten and made anew meanwhile.
        let before = memory.moment();
        memory.hear(&[Change::All], Instant::now(), NOW_MS);
        keep(&memory, "1", None);
        memory.changed("demo", "1");
        memory.keep("demo", "1", waiting(), before);
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Signed(money()));
    }

    #[test]
    fn a_business_system_that_changed_is_verified_anew() {
        let memory = hearing();
        keep(&memory, "1", None);
        memory.hear(
            &[Change::Business("other".to_owned())],
            Instant::now(),
            NOW_MS,
        );
        assert_ne!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
        memory.hear(
            &[Change::Business("demo".to_owned())],
            Instant::now(),
            NOW_MS,
        );
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
        keep(&memory, "1", None);
        assert_ne!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
    }

    #[test]
    fn a_business_system_is_read_anew_once_it_changed() {
        let memory = hearing();
        assert!(memory.business("demo").is_none());
        let before = memory.moment();
        memory.keep_business(&read(before));
        assert!(memory.business("demo").is_some());
        let changed = Change::Business("demo".to_owned());
        memory.hear(&[changed], Instant::now(), NOW_MS);
        assert!(memory.business("demo").is_none());
        // Nor is one kept that was read before.
        memory.keep_business(&read(before));
        assert!(memory.business("demo").is_none());
        memory.keep_business(&read(memory.moment()));
        assert!(memory.business("demo").is_some());
        memory.hear(&[Change::All], Instant::now(), NOW_MS);
        assert!(memory.business("demo").is_none());
    }

    #[test]
    fn a_secret_that_ends_ends_what_it_signed() {
        let memory = hearing();
        keep(&memory, "1", Some(NOW_MS + 1));
        assert_ne!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
        assert_eq!(recall(&memory, "1", NOW_MS + 1), Recalled::Nothing);
    }

    #[test]
    fn a_page_that_asks_out_of_its_turn_woke() {
        let memory = hearing();
        keep(&memory, "1", None);
        let asked_before = |ago: Duration| {
            let mut kept = memory.lock();
            let request = kept.requests.get_mut("demo").unwrap().get_mut("1").unwrap();
            request.asked_at = Instant::now().checked_sub(ago).unwrap();
            drop(kept);
            let pairs = pairs("1");
            memory
                .recall("demo", "1", Fingerprint::of(&pairs), NOW_MS)
                .1
        };
        assert_eq!(asked_before(Duration::from_secs(2)), Woke(false));
        assert_eq!(asked_before(Duration::from_secs(5)), Woke(false));
        assert_eq!(asked_before(Duration::from_millis(500)), Woke(true));
        assert_eq!(asked_before(Duration::from_secs(15)), Woke(true));
    }

    #[test]
    fn who_hears_nothing_tells_nothing() {
        let memory = Memory::default();
        let long_ago = Instant::now().checked_sub(2 * DEAF).unwrap();
        memory.hear(&[], long_ago, NOW_MS);
        keep(&memory, "1", None);
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
        memory.hear(&[], Instant::now(), NOW_MS);
        assert_ne!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
    }

    #[test]
    fn what_was_kept_before_anything_was_heard_is_forgotten() {
        let memory = Memory::default();
        keep(&memory, "1", None);
        memory.hear(&[], Instant::now(), NOW_MS);
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
    }

    #[test]
    fn a_machine_that_slept_forgets_everything() {
        let memory = hearing();
        keep(&memory, "1", None);
        memory.hear(&[], Instant::now(), NOW_MS + 301_000);
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
    }

    #[test]
    fn a_question_that_is_verified_while_all_is_forgotten_is_not_kept() {
        let memory = hearing();
        let before = memory.moment();
        memory.hear(&[Change::All], Instant::now(), NOW_MS);
        keep_question(&memory, &pairs("1"), "1", None, before);
        assert_eq!(recall(&memory, "1", NOW_MS), Recalled::Nothing);
    }

    #[test]
    fn many_requests_and_questions_take_bounded_memory() {
        let memory = hearing();
        for key in 0..REQUESTS_MAX + 100 {
            keep(&memory, &key.to_string(), None);
        }
        assert_eq!(memory.lock().count, REQUESTS_MAX);
        for number in 0..100 {
            let more = vec![("x".to_owned(), number.to_string())];
            let pairs = pairs("1").chain(Pairs::from_stored(more));
            keep_question(&memory, &pairs, "1", None, memory.moment());
        }
        assert_eq!(
            memory.lock().requests["demo"]["1"].questions.len(),
            QUESTIONS_MAX
        );
    }
}
