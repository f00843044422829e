//! The rates that a gateway of this family gives its partners, kept while they are
//! fresh (docs/forecore.md; docs/reference/apay.md). Their answers are not signed: TLS
//! vouches for them, as for every question to such a gateway.

use super::Apay;
use crate::Clock;
use crate::ecb::{check_age, jumps};
use payment::channel::Channel;
use payment::forecore::PayType;
use payment::money::Currency;
use payment::ports::{ChannelError, Doubt};
use payment::rate::{NoRate, Rate};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The currencies that have a rate.
const CURRENCIES: [Currency; 2] = [Currency::Usd, Currency::Cad];

/// A rate, and when it was given, ms since 1970.
#[derive(Clone, Copy)]
struct Given {
    rate: Rate,
    at_ms: i64,
}

/// What an upstream gateway last gave for each currency and payment.
pub struct UpstreamRates {
    gateway: Apay,
    age_max_days: u32,
    clock: Clock,
    /// `None`: it was asked, and has no rate for that.
    kept: RwLock<HashMap<(Currency, PayType), Option<Given>>>,
}

impl UpstreamRates {
    /// `age_max_days`: days after which a rate is refused, counted from when it was
    /// given.
    pub(crate) fn new(gateway: Apay, age_max_days: u32, clock: Clock) -> Self {
        Self {
            gateway,
            age_max_days,
            clock,
            kept: RwLock::default(),
        }
    }

    /// Asks for each currency and payment; what can't be had or believed leaves the
    /// last good one as it is. Gives how many rates were had.
    ///
    /// # Errors
    /// The last [`ChannelError`] where no rate was had at all.
    pub async fn refresh(&self) -> Result<usize, ChannelError> {
        let (mut had, mut trouble) = (0, ChannelError::NotOffered);
        for currency in CURRENCIES {
            for pay_type in PayType::ALL {
                let asked = self.ask(currency, pay_type).await;
                match asked.and_then(|rate| self.keep((currency, pay_type), rate)) {
                    Ok(()) => had += 1,
                    Err(error) => {
                        self.note((currency, pay_type), &error);
                        trouble = error;
                    }
                }
            }
        }
        if had == 0 { Err(trouble) } else { Ok(had) }
    }

    /// CNY per unit of a currency when paid by a channel, while it is not too old.
    ///
    /// # Errors
    /// [`NoRate`] with why there is none.
    pub fn cny_per(&self, currency: Currency, channel: Channel) -> Result<Rate, NoRate> {
        let mut pay_types = PayType::ALL.into_iter();
        let pay_type = pay_types.find(|pay_type| pay_type.channel() == channel);
        let pair = (currency, pay_type.ok_or(NoRate::NotGiven)?);
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let given = kept.get(&pair).ok_or(NoRate::Unread)?;
        let given = given.ok_or(NoRate::NotGiven)?;
        check_age((self.clock)() - given.at_ms, self.age_max_days)?;
        Ok(given.rate)
    }

    async fn ask(&self, currency: Currency, pay_type: PayType) -> Result<Rate, ChannelError> {
        let fields = [("currency", currency.code()), ("payment", pay_type.word())];
        let (answer, _) = self.gateway.call("exchangeRate", &fields).await?;
        let rate = Rate::parse_rounded(&answer.text("exchange_rate"));
        rate.ok_or_else(|| ChannelError::unknown(Doubt::Nonsense, "exchange_rate is no rate"))
    }

    fn keep(&self, pair: (Currency, PayType), rate: Rate) -> Result<(), ChannelError> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(old)) = kept.get(&pair)
            && jumps(old.rate, rate)
        {
            let (currency, payment) = (pair.0, pair.1.word());
            let was = old.rate;
            return Err(ChannelError::unknown(
                Doubt::Nonsense,
                format!(
                    "CNY per {currency} by {payment} went from {was} to {rate}: not believed; \
                     restart to take it"
                ),
            ));
        }
        let at_ms = (self.clock)();
        kept.insert(pair, Some(Given { rate, at_ms }));
        Ok(())
    }

    /// A refusal is an answer: this gateway has no rate for that.
    fn note(&self, pair: (Currency, PayType), error: &ChannelError) {
        let (currency, payment) = (pair.0, pair.1.word());
        if matches!(error, ChannelError::Refused { .. }) {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            kept.entry(pair).or_insert(None);
            tracing::debug!(%currency, payment, cause = %error, "the upstream has no rate");
        } else {
            tracing::warn!(%currency, payment, cause = %error, "no newer rate of the upstream's");
        }
    }
}
