//! The use cases: start a payment, poll, take a notify, settle, call back,
//! query. They speak to the outside only through `payment::ports`, and name no
//! vendor, no table and no HTTP type.

mod account;
mod alarm;
mod bells;
mod breaker;
mod browser;
mod budget;
mod by_hand;
mod callback;
mod close;
mod counted;
mod desk;
mod domain_reads;
mod export;
mod failure;
pub mod figures;
mod flights;
mod golive;
mod hold;
mod lanes;
mod lately;
pub mod links;
mod memory;
mod notify;
mod numbers;
mod openid;
mod operators;
mod partner;
mod patience;
mod pay;
mod pay_types;
mod poll;
mod query;
mod refund;
mod relay;
mod reminders;
mod secret_uses;
mod settle;
mod short_address;
mod taken_back;
mod timer;
mod watch;

pub use account::{AWAY as CHANNEL_AWAY, CALLS as CHANNEL_CALLS, Standing as AccountStanding};
pub use alarm::{ALARMS, alarms_raised};
pub use bells::Bell;
pub use browser::{Browser, is_held_in_hands, is_previewer};
pub use budget::PUT_OFF;
pub use callback::{Schedule, is_taken};
pub use counted::{
    ANSWERS, ATTEMPTS, CALLBACKS, CLOCK, Counters, HASTENED, answered, count_from_zero,
};
pub use desk::{Errand, NotDone, Outcome, check_reason};
pub use failure::Failure;
pub use golive::{NoTrial, Trial, Tried, right};
pub use lanes::Lane;
pub use lately::{Calls, MINUTES};
pub use notify::Taken;
pub use numbers::token;
pub use openid::{Arrival, LAP, OPENID_PATH, Traveller};
pub use operators::{
    Confirmed, DEVELOPMENT_OPERATOR, Given, NotSignedIn, Operators, development, form_token, given,
};
pub use pay::Start;
pub use pay_types::{Place, Scene};
pub use poll::{Poll, Requested, Standing, Watched};
pub use watch::{ALARM_AGAIN_MAX_MS, LateTimers};

use crate::reminders::Reminders;
use account::Account;
use bells::Bells;
use budget::Budget;
use domain_reads::DomainReads;
use flights::{Flights, WATCHED_QUERY_GAP_MS};
use lanes::Lanes;
use links::ATTEMPT;
use memory::Memory;
use numbers::Numbers;
use payment::by_two::AloneMost;
use payment::channel::Channel;
use payment::domain::{Domain, PLATFORM};
use payment::money::Currency;
use payment::obj::{Form, Method, Obj};
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, Door, Gateway, Receiver, Store, StoreError};
use payment::rate::{NoRate, Rate};
use payment::refusal::Refusal;
use payment::request::PayRequest;
use payment::story::{Act, Source};
use payment::verify::{self, Verified};
use secret_uses::SecretUses;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use tokio::sync::{Notify, OnceCell};
use tokio_util::task::TaskTracker;
use tracing::Span;

/// Gives the time, ms since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Gives the platform's own rate, CNY per unit of a currency when paid by a channel;
/// else why it has none.
pub type Rates = Arc<dyn Fn(Currency, Channel) -> Result<Rate, NoRate> + Send + Sync>;

/// Charges a business system, and its payment request where one is named, for a call
/// whose sign held; else gives after how many seconds it may come again.
pub type Toll = Arc<dyn Fn(&str, Option<&str>) -> Result<(), u64> + Send + Sync>;

/// What the use cases need from outside.
pub struct Parts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The channel accounts, in the order in which they are preferred;
    /// [`Checkout::replace_gateways`] puts others in their place.
    pub gateways: Vec<Arc<dyn Gateway>>,
    /// The ways in of business systems.
    pub doors: Vec<Arc<dyn Door>>,
    /// The way out to business systems.
    pub receiver: Arc<dyn Receiver>,
    /// The time.
    pub clock: Clock,
    /// When callbacks are tried again.
    pub schedule: Schedule,
    /// Who takes a due query, callback, refund or notify has it to himself for this
    /// long, ms; if he dies, another one takes it then.
    pub lease_ms: i64,
    /// The platform's own rates.
    pub rates: Rates,
    /// What calls are charged by.
    pub toll: Toll,
    /// How many instances ask the same channel accounts.
    pub instances: u32,
    /// A callback that is not taken for so long raises an alarm, ms.
    pub untaken_ms: i64,
    /// An account leaves the picker after so many orders in a row without an answer; 0:
    /// none does.
    pub lost_orders: u32,
    /// What operators may give back alone; none: all that was paid.
    pub refund_alone: Option<AloneMost>,
    /// Our own address as payers reach it, without a slash at its end.
    pub public_url: String,
}

/// The use cases over one set of ports. Cheap to share: keep it in an [`Arc`].
pub struct Checkout {
    parts: Parts,
    /// The channel accounts that hold now.
    gateways: RwLock<Arc<[Arc<Account>]>>,
    numbers: Numbers,
    flights: Flights,
    /// Orders whose first call seems lost and that are made once more.
    making: Flights,
    budget: Budget,
    bells: Bells,
    memory: Memory,
    lanes: Lanes,
    domain_reads: DomainReads,
    tasks: TaskTracker,
    callback_written: Notify,
    trip_key: OnceCell<Vec<u8>>,
    told: Reminders,
    hasty: Reminders,
    too_far: AtomicI64,
    secret_uses: SecretUses,
}

impl Checkout {
    /// The use cases over these ports.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(mut parts: Parts) -> Result<Arc<Self>, getrandom::Error> {
        let gateways = std::mem::take(&mut parts.gateways);
        let budget = Budget::new(parts.instances);
        let account = |gateway| Account::new(gateway, parts.lost_orders);
        let gateways = gateways.into_iter().map(account).collect();
        Ok(Arc::new(Self {
            parts,
            gateways: RwLock::new(gateways),
            numbers: Numbers::new()?,
            flights: Flights::apart(WATCHED_QUERY_GAP_MS),
            making: Flights::apart(pay::CREATING_MS),
            budget,
            bells: Bells::default(),
            memory: Memory::default(),
            lanes: Lanes::default(),
            domain_reads: DomainReads::default(),
            tasks: TaskTracker::new(),
            callback_written: Notify::new(),
            trip_key: OnceCell::new(),
            told: Reminders::default(),
            hasty: Reminders::default(),
            too_far: AtomicI64::new(0),
            secret_uses: SecretUses::default(),
        }))
    }

    /// Whether the database answers and can be written to.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.parts.store.ready().await
    }

    /// What a page that is not ours needs to go on with an attempt. Where the channel
    /// changed the sum, a form leads its payer to our own page first, which says so.
    #[must_use]
    pub fn obj_for_others(&self, attempt: &AttemptRow) -> Option<Obj> {
        let obj = attempt.obj.clone()?;
        let says_nothing = attempt.asked_money.is_some() && matches!(obj, Obj::Form(_));
        Some(if says_nothing {
            let action = format!("{}{ATTEMPT}{}", self.parts.public_url, attempt.token);
            Obj::Form(Form {
                method: Method::Get,
                action,
                fields: Vec::new(),
            })
        } else {
            obj
        })
    }

    /// What rings when this instance changes a request: paid, closed, or an attempt
    /// of it ended.
    #[must_use]
    pub fn bell(&self, domain_code: &str, request_key: &str) -> Bell {
        self.bells.hear(domain_code, request_key)
    }

    /// This instance changed a request: pages that wait for it ask now, and are told
    /// what is so now.
    fn request_changed(&self, domain_code: &str, request_key: &str) {
        self.memory.changed(domain_code, request_key);
        self.bells.ring(domain_code, request_key);
    }

    /// Hears what others changed since the last time. What pages watch is told from
    /// memory only while this is done at least each second.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn hear_changes(&self) -> Result<(), Failure> {
        let (asked_at, now_ms) = (Instant::now(), self.now_ms());
        let changes = self.parts.store.changes().await?;
        self.memory.hear(&changes, asked_at, now_ms);
        Ok(())
    }

    /// Forgets what nobody watches any more, and changes that everybody has heard.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn forget_what_is_old(&self) -> Result<(), Failure> {
        self.memory.forget_idle();
        Ok(self.parts.store.forget_changes().await?)
    }

    /// Now, ms since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.parts.clock)()
    }

    /// An act of this moment.
    fn act(&self, by: Source) -> Act {
        Act {
            at_ms: self.now_ms(),
            by,
        }
    }

    /// Until when a worker has what it takes now, ms since 1970.
    fn lease_end_ms(&self, now_ms: i64) -> i64 {
        now_ms + self.parts.lease_ms
    }

    /// Waits for what is under way beside the calls that are answered: notifies
    /// that are worked on, callbacks that were sent.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The business system that the pairs name.
    ///
    /// # Errors
    /// [`Failure`] when none is named or known, or the database is in trouble.
    pub async fn domain(&self, pairs: &Pairs) -> Result<Domain, Failure> {
        let code = verify::domain_code(pairs)?;
        let domain = self.unproved_domain(code).await?;
        domain.ok_or(Failure::Refused(Refusal::UnknownDomain))
    }

    /// The business system with this code.
    ///
    /// # Errors
    /// [`Failure`] when it is unknown, or the database is in trouble.
    pub async fn domain_named(&self, code: &str) -> Result<Domain, Failure> {
        let domain = self.parts.store.domain(code).await?;
        domain.ok_or(Failure::Refused(Refusal::UnknownDomain))
    }

    /// The business system that somebody names who has proved nothing yet.
    async fn unproved_domain(&self, code: &str) -> Result<Option<Domain>, StoreError> {
        let domain = self.read_domain(code).await?;
        Ok(domain.filter(|domain| !domain.settings.disabled))
    }

    /// The business system with this code, where it is a development's.
    ///
    /// # Errors
    /// [`Failure::Internal`].
    pub async fn development(&self, code: &str) -> Result<Option<Domain>, Failure> {
        let domain = self.unproved_domain(code).await?;
        Ok(domain.filter(|domain| domain.development))
    }

    /// The same, disabled or not.
    async fn read_domain(&self, code: &str) -> Result<Option<Domain>, StoreError> {
        let read = self.parts.store.domain(code);
        self.domain_reads.one(code, read).await
    }

    /// Charges for a call whose sign held, and names its business system in the log.
    fn take_toll(&self, domain_code: &str, request_key: Option<&str>) -> Result<(), Failure> {
        Span::current().record("domain.code", domain_code);
        let charged = (self.parts.toll)(domain_code, request_key);
        charged.map_err(|wait_s| Failure::TooMany { wait_s })
    }

    /// A payment request whose sign holds and has one meaning (docs/signing.md).
    ///
    /// # Errors
    /// [`Failure`] with the rule that it breaks.
    pub async fn verified(&self, pairs: &Pairs) -> Result<(Domain, Verified<PayRequest>), Failure> {
        let domain = self.domain(pairs).await?;
        let request = self.verified_by(&domain, pairs).await?;
        Ok((domain, request))
    }

    /// The same, by the business system that the pairs name.
    async fn verified_by(
        &self,
        domain: &Domain,
        pairs: &Pairs,
    ) -> Result<Verified<PayRequest>, Failure> {
        let request = verify::verify_pay(domain, pairs, self.now_ms())?;
        self.take_toll(&domain.code, Some(&request.request_key))?;
        // A partner's pages have addresses that we signed ourselves.
        if domain.door() == PLATFORM {
            self.see_secret_used(domain, request.generation());
        }
        self.check_ordered(domain, &request).await?;
        Ok(request)
    }

    /// From now on these are the channel accounts, in the order in which they are
    /// preferred; what is under way ends with the ones that it began with.
    pub fn replace_gateways(&self, gateways: Vec<Arc<dyn Gateway>>) {
        let mut held = self
            .gateways
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // What is known of one that stays is not forgotten.
        let account = |gateway| match held.iter().find(|one| one.is(&gateway)) {
            Some(known) => Arc::clone(known),
            None => Account::new(gateway, self.parts.lost_orders),
        };
        let now: Arc<[_]> = gateways.into_iter().map(account).collect();
        for gone in held.iter() {
            gone.show(gone.is_away() && now.iter().any(|one| Arc::ptr_eq(one, gone)));
        }
        *held = now;
    }

    /// The channel accounts that hold now.
    fn gateways(&self) -> Arc<[Arc<Account>]> {
        let gateways = self.gateways.read();
        Arc::clone(&gateways.unwrap_or_else(PoisonError::into_inner))
    }

    /// The account at a channel that an order was made with.
    fn gateway(&self, channel: Channel, account: &str) -> Option<Arc<dyn Gateway>> {
        let gateways = self.gateways();
        let fits =
            |gateway: &&Arc<Account>| gateway.channel() == channel && gateway.account() == account;
        let found = gateways.iter().find(fits).cloned();
        found.map(|gateway| gateway as Arc<dyn Gateway>)
    }
}
