//! What may be set of business systems, partners and epay systems, as words: the command
//! line reads them, and the console's form (docs/console.md, Business systems).

pub(crate) mod form;
pub(crate) mod wrong;

use crate::clock::now_ms;
use anyhow::{Context, Result, bail};
use clap::Args;
use payment::address::Address;
use payment::domain::{
    ATTEMPT_LIFE_MAX_S, Domain, DomainSettings, KeyRule, LateMoney, Legacy, Recut, Strict,
};
use payment::money::Currency;
use payment::payee::Payee;
use payment::relay::LONGEST_MS;
use payment::verify::may_call;

/// The longest time of a setting: a hundred years, s.
const DURATION_S_MAX: i64 = 36_500 * 86_400;

/// What a domain fixes when it is made.
#[derive(Clone, Args)]
pub(crate) struct RuleArgs {
    /// Begins every requestKey: a capital letter, a digit, then 0-9 _ - (M7-).
    #[arg(long, required_unless_present = "any_request_key")]
    key_prefix: Option<String>,
    /// Length of every requestKey in all.
    #[arg(long, required_unless_present = "any_request_key")]
    key_length: Option<usize>,
    /// Takes any requestKey: the sign of such a domain can be read in several
    /// ways, and what of that can't be refused is the domain's risk.
    #[arg(long, conflicts_with_all = ["key_prefix", "key_length"])]
    any_request_key: bool,
    /// The domain's currency.
    #[arg(long, default_value = "CNY", value_parser = currency)]
    currency: Currency,
    /// The value of requestChannel; with --any-request-key it may be repeated,
    /// and '' stands for an empty one.
    #[arg(long, default_value = "1")]
    request_channel: Vec<String>,
    /// Decimals of rate: 4 unless set; with --any-request-key no rate is taken unless
    /// they are set.
    #[arg(long)]
    rate_decimals: Option<u8>,
    /// With --any-request-key, what becomes of a request whose sign fits another sum
    /// too: refuse or log. Refuse takes one --request-channel.
    #[arg(long, value_parser = recut, requires = "any_request_key")]
    recut: Option<Recut>,
}

/// What a legacy domain fixes and an operator may change.
#[derive(Clone, Args)]
pub(crate) struct LegacyArgs {
    /// What becomes of a request of a legacy domain whose sign fits another sum too:
    /// refuse or log.
    #[arg(long, value_parser = recut)]
    recut: Option<Recut>,
    /// The values of a legacy domain's requestChannel; '' stands for an empty one.
    #[arg(long)]
    request_channel: Option<Vec<String>>,
    /// Decimals of a legacy domain's rate; none: no rate is taken.
    #[arg(long, value_parser = or_none(decimals))]
    rate_decimals: Option<OrNone<u8>>,
}

impl LegacyArgs {
    pub(crate) fn apply(self, rule: &mut KeyRule) -> Result<()> {
        let named =
            self.recut.is_some() || self.request_channel.is_some() || self.rate_decimals.is_some();
        match rule {
            KeyRule::Legacy(legacy) => {
                set(&mut legacy.recut, self.recut);
                set(&mut legacy.request_channels, self.request_channel);
                let decimals = self.rate_decimals.map(|OrNone(decimals)| decimals);
                set(&mut legacy.rate_decimals, decimals);
            }
            KeyRule::Strict(_) if named => {
                bail!("--recut, --request-channel and --rate-decimals change legacy domains alone")
            }
            KeyRule::Strict(_) => {}
        }
        Ok(())
    }
}

/// A setting that can be taken away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OrNone<T>(Option<T>);

/// Reads `none`, or an emptied field, as no value.
fn or_none<T>(
    read: impl Fn(&str) -> Result<T, String> + Clone,
) -> impl Fn(&str) -> Result<OrNone<T>, String> + Clone {
    move |text| match text {
        "" | "none" => Ok(OrNone(None)),
        text => read(text).map(|value| OrNone(Some(value))),
    }
}

fn decimals(text: &str) -> Result<u8, String> {
    text.parse()
        .map_err(|_| "a whole number from 1 to 6".to_owned())
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// What stops a business system, or a partner.
#[derive(Clone, Args)]
pub(crate) struct BrakeArgs {
    /// Whether all its calls are refused, as those of a system that there is not: a
    /// stolen secret. Orders that began go on, and are told of.
    #[arg(long)]
    disabled: Option<bool>,
    /// Whether none of its payments begins.
    #[arg(long)]
    payments_frozen: Option<bool>,
    /// Whether no refund that it asks for begins.
    #[arg(long)]
    refunds_frozen: Option<bool>,
    /// What refunds that it asks for may give back within 24 hours, in fen (cents); 0:
    /// all that was paid.
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
    refunds_a_day: Option<i64>,
}

impl BrakeArgs {
    pub(crate) fn apply(self, settings: &mut DomainSettings) {
        set(&mut settings.disabled, self.disabled);
        set(&mut settings.payments_frozen, self.payments_frozen);
        set(&mut settings.refunds_frozen, self.refunds_frozen);
        let a_day = self.refunds_a_day.map(|fen| (fen > 0).then_some(fen));
        set(&mut settings.refunds_a_day, a_day);
    }
}

/// Whose developer may listen to its callbacks.
#[derive(Clone, Args)]
pub(crate) struct RelayArgs {
    /// For how long from now its developer's own machine is given copies of its callbacks
    /// (`tongfu listen`): 90m, 12h, at most 7d; now: no longer.
    #[arg(long, value_parser = relay_end)]
    relay_until: Option<RelayEnd>,
}

/// When a relay ends, ms since 1970; none: it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RelayEnd(Option<i64>);

impl RelayArgs {
    pub(crate) fn apply(self, settings: &mut DomainSettings) {
        let end_ms = self.relay_until.map(|RelayEnd(end_ms)| end_ms);
        set(&mut settings.relay_until_ms, end_ms);
    }
}

/// What an operator may change.
#[derive(Clone, Args)]
pub(crate) struct SettingArgs {
    /// Addresses that bgUrl lies under.
    #[arg(long, num_args = 1..)]
    callback: Option<Vec<String>>,
    /// Hosts that the page addresses may name.
    #[arg(long = "return", num_args = 0..)]
    return_hosts: Option<Vec<String>>,
    /// Hosts of bgUrl that may be private addresses.
    #[arg(long, num_args = 0..)]
    private_callback_host: Option<Vec<String>>,
    /// The largest sum of a request, in fen (cents).
    #[arg(long)]
    largest_sum: Option<i64>,
    #[command(flatten)]
    brakes: BrakeArgs,
    #[command(flatten)]
    relay: RelayArgs,
    /// Whether only HMAC-SHA256 signs are taken.
    #[arg(long)]
    hmac_required: Option<bool>,
    /// Whether callbacks carry sign2 too.
    #[arg(long)]
    sign2: Option<bool>,
    /// Whether FAILUREPAY is called back when a request is closed unpaid.
    #[arg(long)]
    failurepay: Option<bool>,
    /// Whether the end of a refund is called back: SUCCESSREFUND, FAILUREREFUND.
    #[arg(long)]
    refund_callbacks: Option<bool>,
    /// Whether refund callbacks and queryInfo tell each refund with its sum; needs
    /// --sign2. A receiver that signs whatever arrives must not have it.
    #[arg(long)]
    refund_details: Option<bool>,
    /// How many attempts of one request may begin within an hour.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    attempts_an_hour: Option<i64>,
    /// How long an attempt lives: 90s, 15m; at most 2h, as long as WeChat's codes do.
    #[arg(long, value_parser = attempt_life_s)]
    attempt_life: Option<i64>,
    /// How long after it was first seen a request can be paid: 2h, 1d. Unpaid, it
    /// is closed then. none: as long as it is not closed.
    #[arg(long, value_parser = or_none(duration_s))]
    deadline: Option<OrNone<i64>>,
    /// Origins that may show the page in a frame: https://shop.example. Without,
    /// those of a request's own page addresses may.
    #[arg(long, num_args = 0..)]
    frame_origin: Option<Vec<String>>,
    /// Whether a paid payer is held for up to 3 s until the callback is acknowledged.
    #[arg(long)]
    hold_for_callback: Option<bool>,
    /// What happens to money that comes for a closed request: refund or honour.
    #[arg(long, value_parser = late_money)]
    late_money: Option<LateMoney>,
    #[command(flatten)]
    payee: PayeeArgs,
}

impl SettingArgs {
    pub(crate) fn apply(self, settings: &mut DomainSettings) {
        set(&mut settings.callbacks, self.callback);
        set(&mut settings.return_hosts, self.return_hosts);
        set(
            &mut settings.private_callback_hosts,
            self.private_callback_host,
        );
        set(&mut settings.largest_sum, self.largest_sum);
        self.brakes.apply(settings);
        self.relay.apply(settings);
        set(&mut settings.hmac_required, self.hmac_required);
        set(&mut settings.sign2, self.sign2);
        set(&mut settings.failurepay, self.failurepay);
        set(&mut settings.refund_callbacks, self.refund_callbacks);
        set(&mut settings.refund_details, self.refund_details);
        set(&mut settings.attempts_an_hour, self.attempts_an_hour);
        set(&mut settings.attempt_life_s, self.attempt_life);
        let deadline_s = self.deadline.map(|OrNone(deadline_s)| deadline_s);
        set(&mut settings.deadline_s, deadline_s);
        set(&mut settings.frame_origins, self.frame_origin);
        set(&mut settings.hold_for_callback, self.hold_for_callback);
        set(&mut settings.late_money, self.late_money);
        self.payee.apply(&mut settings.payee);
    }
}

/// What may be set and changed of a partner, whichever its door.
#[derive(Clone, Args)]
pub(crate) struct CommonArgs {
    /// Addresses that callbacks lie under; none: any.
    #[arg(long, num_args = 0..)]
    callback: Option<Vec<String>>,
    /// Hosts of callbacks that may be private addresses.
    #[arg(long, num_args = 0..)]
    private_callback_host: Option<Vec<String>>,
    #[command(flatten)]
    brakes: BrakeArgs,
    #[command(flatten)]
    relay: RelayArgs,
    #[command(flatten)]
    payee: PayeeArgs,
}

impl CommonArgs {
    pub(crate) fn apply(self, settings: &mut DomainSettings) {
        self.payee.apply(&mut settings.payee);
        self.brakes.apply(settings);
        self.relay.apply(settings);
        if let Some(callbacks) = self.callback {
            settings.callbacks = callbacks;
        }
        if let Some(hosts) = self.private_callback_host {
            settings.private_callback_hosts = hosts;
        }
    }
}

/// What may be set and changed of Apay's.
#[derive(Clone, Args)]
pub(crate) struct ApayArgs {
    /// How far `time` may be from our clock: 5m, 1d.
    #[arg(long, value_parser = duration_s, conflicts_with = "any_time")]
    time_window: Option<i64>,
    /// Does not look at `time`, for old partners.
    #[arg(long)]
    any_time: bool,
    #[command(flatten)]
    common: CommonArgs,
}

impl ApayArgs {
    pub(crate) fn apply(self, domain: &mut Domain) {
        let settings = &mut domain.settings;
        self.common.apply(settings);
        if let Some(partner) = &mut settings.partner
            && (self.time_window.is_some() || self.any_time)
        {
            partner.time_window_s = self.time_window;
        }
    }
}

/// What may be set and changed.
#[derive(Clone, Args)]
pub(crate) struct EpayArgs {
    /// Which code says that a refund was taken: 1, or 0 for old clients.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=1))]
    refund_code: Option<u8>,
    #[command(flatten)]
    common: CommonArgs,
}

impl EpayArgs {
    pub(crate) fn apply(self, domain: &mut Domain) {
        self.common.apply(&mut domain.settings);
        if let (Some(code), Some(partner)) = (self.refund_code, &mut domain.settings.partner) {
            partner.refund_code_zero = code == 0;
        }
    }
}

/// What payers read of the business system; an empty text takes it away.
#[derive(Clone, Args)]
pub(crate) struct PayeeArgs {
    /// Who is paid, in Chinese.
    #[arg(long)]
    payee: Option<String>,
    /// Who is paid, in English.
    #[arg(long)]
    payee_en: Option<String>,
    /// Where a payer finds help, in Chinese: 客服电话 400-000-0000.
    #[arg(long)]
    help_line: Option<String>,
    /// The same in English.
    #[arg(long)]
    help_line_en: Option<String>,
    /// A picture in the folder `marks`, by its file's name without the ending.
    #[arg(long)]
    picture: Option<String>,
}

impl PayeeArgs {
    pub(crate) fn apply(self, payee: &mut Payee) {
        let places = [
            (&mut payee.name, self.payee),
            (&mut payee.name_en, self.payee_en),
            (&mut payee.help, self.help_line),
            (&mut payee.help_en, self.help_line_en),
            (&mut payee.picture, self.picture),
        ];
        for (place, text) in places {
            if let Some(text) = text {
                *place = text;
            }
        }
    }
}

/// The callback prefixes that are private addresses, which are not called as it is.
pub(crate) fn uncalled(domain: &Domain) -> Vec<Address> {
    let read = domain.settings.callbacks.iter();
    let read = read.filter_map(|prefix| Address::parse(prefix).ok());
    read.filter(|address| !may_call(domain, address)).collect()
}

pub(crate) fn key_rule(rule: RuleArgs) -> Result<KeyRule> {
    if rule.any_request_key {
        return Ok(KeyRule::Legacy(Legacy {
            request_channels: rule.request_channel,
            recut: rule.recut.unwrap_or(Recut::Refuse),
            rate_decimals: rule.rate_decimals,
        }));
    }
    let [request_channel] = rule.request_channel.as_slice() else {
        bail!("a strict domain has one --request-channel");
    };
    Ok(KeyRule::Strict(Strict {
        prefix: rule.key_prefix.context("--key-prefix is missing")?,
        length: rule.key_length.context("--key-length is missing")?,
        request_channel: request_channel.clone(),
        currency: rule.currency,
        rate_decimals: rule.rate_decimals.unwrap_or(4),
    }))
}

pub(crate) fn duration_s(text: &str) -> Result<i64, String> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let read = |(unit, seconds): (&str, i64)| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        let seconds = number.checked_mul(seconds)?;
        (1..=DURATION_S_MAX).contains(&seconds).then_some(seconds)
    };
    units
        .into_iter()
        .find_map(read)
        .ok_or_else(|| "a time such as 90s, 30m, 12h, 7d, of at most 36500d".to_owned())
}

fn attempt_life_s(text: &str) -> Result<i64, String> {
    let life_s = duration_s(text).ok();
    let life_s = life_s.filter(|life_s| *life_s <= ATTEMPT_LIFE_MAX_S);
    life_s.ok_or_else(|| "a time such as 90s, 15m, of at most 2h".to_owned())
}

fn relay_end(text: &str) -> Result<RelayEnd, String> {
    if text == "now" {
        return Ok(RelayEnd(None));
    }
    let ms = duration_s(text).map(|seconds| seconds * 1000).ok();
    let ms = ms.filter(|ms| *ms <= LONGEST_MS);
    ms.map(|ms| RelayEnd(Some(now_ms() + ms)))
        .ok_or_else(|| "a time such as 90m, 12h, of at most 7d; or now, which ends it".to_owned())
}

fn recut(text: &str) -> Result<Recut, String> {
    match text {
        "refuse" => Ok(Recut::Refuse),
        "log" => Ok(Recut::Log),
        _ => Err("refuse or log".to_owned()),
    }
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).ok_or_else(|| "CNY or USD".to_owned())
}

fn late_money(text: &str) -> Result<LateMoney, String> {
    match text {
        "refund" => Ok(LateMoney::Refund),
        "honour" => Ok(LateMoney::Honour),
        _ => Err("refund or honour".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration_s("90s"), Ok(90));
        assert_eq!(duration_s("7d"), Ok(604_800));
        assert!(duration_s("7").is_err());
        assert!(duration_s("-1s").is_err());
        assert_eq!(duration_s("36500d"), Ok(DURATION_S_MAX));
        assert!(duration_s("106751991167d").is_err());
    }

    #[test]
    fn a_relay_ends_within_seven_days() {
        assert_eq!(relay_end("now"), Ok(RelayEnd(None)));
        let RelayEnd(end_ms) = relay_end("7d").unwrap();
        assert!(end_ms.unwrap() > now_ms());
        for wrong in ["8d", "0s", "-1h", "7", "never", ""] {
            assert!(relay_end(wrong).is_err(), "{wrong}");
        }
    }
}
