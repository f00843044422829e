//! The European Central Bank's daily reference rates: read, kept while they are
//! fresh, and crossed (docs/reference/rates.md).

use crate::http::{self, is_guarded};
use crate::{Clock, text};
use payment::money::Currency;
use payment::ports::{Doubt, Unknown};
use payment::rate::{NoRate, Rate};
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use reqwest::Client;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

const ENVELOPE: Namespace<'_> = Namespace("http://www.gesmes.org/xml/2002-08-01");
const RATES: Namespace<'_> = Namespace("http://www.ecb.int/vocabulary/2002-08-01/eurofxref");
/// Figures are kept in hundred-millionths.
const DECIMALS: usize = 8;
/// A figure that moves by more than this part is not believed.
const JUMP_PARTS: i128 = 10;
const DAY_MS: i64 = 86_400_000;

/// Why there are no rates, or no newer ones.
#[derive(Debug, thiserror::Error)]
pub enum RatesError {
    /// Neither https nor a file.
    #[error("rates come from a file or by https")]
    Source,
    /// The file can't be read.
    #[error("the file can't be read: {0}")]
    File(#[from] std::io::Error),
    /// The address did not answer.
    #[error("no answer: {0}")]
    Fetch(#[from] Unknown),
    /// Not the document that the bank publishes.
    #[error("not the bank's document: {0}")]
    Form(String),
    /// No XML.
    #[error("not the bank's document: {0}")]
    Xml(#[from] quick_xml::Error),
    /// Its day is before that of the rates at hand.
    #[error("the rates of {0} are older than those at hand")]
    Older(String),
    /// Its day is still to come: it would hold until then.
    #[error("the rates are of a day to come, {0}")]
    Future(String),
    /// A figure moved by more than a tenth.
    #[error("CNY per {code} went from {was} to {is}: not believed; restart to take it")]
    Jump {
        /// The currency.
        code: &'static str,
        /// At hand.
        was: Rate,
        /// In the document.
        is: Rate,
    },
}

/// One day's figures: units of each currency per euro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `yyyy-MM-dd`.
    pub day: String,
    day_ms: i64,
    per_euro: BTreeMap<String, i128>,
}

impl Reference {
    /// Reads the bank's XML; of a history the newest day, which comes first.
    ///
    /// # Errors
    /// [`RatesError::Form`], [`RatesError::Xml`].
    pub fn parse(xml: &str) -> Result<Self, RatesError> {
        let form = |why: &str| RatesError::Form(why.to_owned());
        let mut reader = NsReader::from_str(xml);
        let mut days = Vec::new();
        let mut per_euro = BTreeMap::new();
        let mut is_root = true;
        loop {
            let (namespace, event) = reader.read_resolved_event()?;
            let element = match &event {
                Event::Start(element) | Event::Empty(element) => element,
                Event::DocType(_) => return Err(form("a DOCTYPE")),
                Event::Eof => break,
                _ => continue,
            };
            let name = element.local_name();
            if is_root {
                let root = name.as_ref() == "Envelope" && within(&namespace, ENVELOPE);
                is_root = false;
                if !root {
                    return Err(form("another root"));
                }
            }
            if name.as_ref() != "Cube" || !within(&namespace, RATES) {
                continue;
            }
            if let Some(day) = attribute(element, "time")? {
                days.push(day);
            }
            if days.len() > 1 {
                break;
            }
            let pair = (attribute(element, "currency")?, attribute(element, "rate")?);
            if let (Some(currency), Some(rate)) = pair {
                let rate = figure(&rate).ok_or_else(|| form("a rate is no figure"))?;
                if per_euro.insert(currency, rate).is_some() {
                    return Err(form("a currency comes twice"));
                }
            }
        }
        let day = days.into_iter().next().ok_or_else(|| form("no day"))?;
        let day_ms = text::rfc3339_ms(&format!("{day}T00:00:00Z"));
        if !["USD", "CNY"]
            .iter()
            .all(|code| per_euro.contains_key(*code))
        {
            return Err(form("USD or CNY is missing"));
        }
        Ok(Self {
            day_ms: day_ms.ok_or_else(|| form("no day"))?,
            day,
            per_euro,
        })
    }

    /// Units of `to` per unit of `from`, half up to the millionth.
    #[must_use]
    pub fn cross(&self, from: &str, to: &str) -> Option<Rate> {
        let (from, to) = (self.per_euro.get(from)?, self.per_euro.get(to)?);
        let millionths = (2 * to * 1_000_000 + from) / (2 * from);
        Rate::from_millionths(i64::try_from(millionths).ok()?)
    }
}

fn within(namespace: &ResolveResult<'_>, wanted: Namespace<'_>) -> bool {
    matches!(namespace, ResolveResult::Bound(bound) if *bound == wanted)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, RatesError> {
    let found = element
        .try_get_attribute(name)
        .map_err(quick_xml::Error::from)?;
    // Days, codes and figures: nothing is escaped in them.
    Ok(found.map(|found| found.value.into_owned()))
}

/// Hundred-millionths of a decimal text; more than zero.
fn figure(text: &str) -> Option<i128> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && whole.len() <= 9 && decimals.len() <= DECIMALS;
    if !fits || !digits(whole) || !digits(decimals) {
        return None;
    }
    let figure = format!("{whole}{decimals:0<DECIMALS$}").parse().ok()?;
    (figure > 0).then_some(figure)
}

/// Where rates come from.
enum Source {
    File(PathBuf),
    Address(String),
}

/// The last good rates of a source, as long as they are not too old.
pub struct RateTable {
    source: Source,
    age_max_days: u32,
    client: Client,
    clock: Clock,
    kept: RwLock<Option<Reference>>,
}

impl RateTable {
    /// `source`: an https address or a file; `age_max_days`: days after which
    /// rates are refused, counted from the beginning of their day.
    ///
    /// # Errors
    /// [`RatesError::Source`] for an address that nothing vouches for.
    pub fn new(
        source: &str,
        age_max_days: u32,
        client: Client,
        clock: Clock,
    ) -> Result<Self, RatesError> {
        let source = match source.contains("://") {
            true if is_guarded(source) => Source::Address(source.to_owned()),
            true => return Err(RatesError::Source),
            false => Source::File(source.into()),
        };
        Ok(Self {
            source,
            age_max_days,
            client,
            clock,
            kept: RwLock::default(),
        })
    }

    /// Takes the source's rates; where they can't be had or believed, the last
    /// good ones stay. Gives what holds now.
    ///
    /// # Errors
    /// [`RatesError`].
    pub async fn refresh(&self) -> Result<Reference, RatesError> {
        let xml = match &self.source {
            Source::File(path) => std::fs::read_to_string(path)?,
            Source::Address(address) => self.fetch(address).await?,
        };
        let new = Reference::parse(&xml)?;
        // The bank's day may have begun before ours.
        if new.day_ms > (self.clock)() + DAY_MS {
            return Err(RatesError::Future(new.day));
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = kept.as_ref() {
            if new.day_ms < old.day_ms {
                return Err(RatesError::Older(new.day));
            }
            believe(old, &new)?;
        }
        *kept = Some(new.clone());
        Ok(new)
    }

    async fn fetch(&self, address: &str) -> Result<String, RatesError> {
        let (status, body) = http::answer(self.client.get(address)).await?;
        if !status.is_success() {
            let what = format!("HTTP {status}");
            return Err(Unknown::new(Doubt::Undecided, what).into());
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// CNY per unit of a currency, while the rates are not too old.
    ///
    /// # Errors
    /// [`NoRate`] with why there is none.
    pub fn cny_per(&self, currency: Currency) -> Result<Rate, NoRate> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref().ok_or(NoRate::Unread)?;
        check_age((self.clock)() - kept.day_ms, self.age_max_days)?;
        kept.cross(currency.code(), "CNY").ok_or(NoRate::NotGiven)
    }
}

/// Refuses a rate that is older than so many days.
pub(crate) fn check_age(age_ms: i64, age_max_days: u32) -> Result<(), NoRate> {
    if age_ms <= i64::from(age_max_days) * DAY_MS {
        Ok(())
    } else {
        Err(NoRate::TooOld(age_max_days))
    }
}

fn believe(old: &Reference, new: &Reference) -> Result<(), RatesError> {
    for currency in Currency::ALL {
        let code = currency.code();
        if let (Some(was), Some(is)) = (old.cross(code, "CNY"), new.cross(code, "CNY"))
            && jumps(was, is)
        {
            return Err(RatesError::Jump { code, was, is });
        }
    }
    Ok(())
}

/// Whether a rate moved by more than is believed.
pub(crate) fn jumps(was: Rate, is: Rate) -> bool {
    let [before, after] = [was, is].map(|rate| i128::from(rate.millionths()));
    (after - before).abs() * JUMP_PARTS > before
}
