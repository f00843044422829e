//! `tongfu domain add|set|list|show|rotate`.

use super::payee::PayeeArgs;
use crate::config::Config;
use crate::serve::{now_ms, open};
use crate::zone;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use payment::address::Address;
use payment::domain::{Domain, DomainSettings, KeyRule, LateMoney, Legacy, Recut, Secret, Strict};
use payment::money::Currency;
use payment::ports::{OtherReadings, Store};
use payment::relay::LONGEST_MS;
use payment::verify::may_call;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest time of a setting: a hundred years, s.
const DURATION_S_MAX: i64 = 36_500 * 86_400;

/// Bytes of a made secret: 160 bits.
const SECRET_BYTES: usize = 20;
/// Characters of a secret from elsewhere, and fewer than can't be guessed.
const SECRET_MAX: usize = 128;
const SECRET_SHORT: usize = 16;
/// More is not read of standard input, bytes.
const SECRET_FILE_MAX: u64 = 4 << 10;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a domain and prints its secret, once.
    Add {
        /// The domainCode.
        code: String,
        #[command(flatten)]
        rule: RuleArgs,
        #[command(flatten)]
        secret: SecretArgs,
        #[command(flatten)]
        settings: Box<SettingArgs>,
    },
    /// Changes settings; those that are not named stay.
    Set {
        /// The domainCode.
        code: String,
        #[command(flatten)]
        legacy: LegacyArgs,
        #[command(flatten)]
        settings: Box<SettingArgs>,
    },
    /// Lists all domains.
    List,
    /// Shows one domain; never its secrets.
    Show {
        /// The domainCode.
        code: String,
    },
    /// Makes a new secret and prints it, once; the old one ends after the overlap.
    Rotate {
        /// The domainCode.
        code: String,
        /// How long the old secret still holds: 30m, 12h, 7d.
        #[arg(long, default_value = "7d", value_parser = duration_s)]
        overlap: i64,
    },
}

/// A secret from elsewhere.
#[derive(Args)]
pub(crate) struct SecretArgs {
    /// A file with a secret that is in use already, as one who moves here from another
    /// platform has it; `-` is standard input. Without it one is made
    #[arg(long, value_name = "FILE")]
    secret_from: Option<PathBuf>,
}

/// Whether a secret is shown: one that was given is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Once,
    Never,
}

impl SecretArgs {
    /// The secret that was given, else a new one.
    pub(super) fn take(&self) -> Result<(String, Told)> {
        let Some(file) = &self.secret_from else {
            return Ok((make_secret()?, Told::Once));
        };
        let secret = read_secret(file)?;
        if secret.len() < SECRET_SHORT {
            println!(
                "RISK: so short a secret can be guessed from one signed address: rotate it once \
                 the business system has moved."
            );
        }
        Ok((secret, Told::Never))
    }
}

/// The secret in a file; `-` is standard input.
pub(super) fn read_secret(file: &Path) -> Result<String> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin().take(SECRET_FILE_MAX))?
    } else {
        let opened = std::fs::File::open(file).with_context(|| file.display().to_string())?;
        std::io::read_to_string(opened.take(SECRET_FILE_MAX))?
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    let fits = (1..=SECRET_MAX).contains(&secret.len());
    if !fits || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("a secret is 1 to {SECRET_MAX} printable ASCII characters without a blank");
    }
    Ok(secret.to_owned())
}

/// Shows a secret that was made, under this name.
pub(super) fn tell_secret(name: &str, secret: &str, told: Told) {
    match told {
        Told::Once => {
            println!("{name} {secret}");
            println!("It is shown this once: keep it where the signing server finds it.");
        }
        Told::Never => println!("{name} as it was given"),
    }
}

/// What a domain fixes when it is made.
#[derive(Args)]
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
#[derive(Args)]
pub(crate) struct LegacyArgs {
    /// What becomes of a request of a legacy domain whose sign fits another sum too:
    /// refuse or log.
    #[arg(long, value_parser = recut)]
    recut: Option<Recut>,
    /// The values of a legacy domain's requestChannel; '' stands for an empty one.
    #[arg(long)]
    request_channel: Option<Vec<String>>,
    /// Decimals of a legacy domain's rate.
    #[arg(long)]
    rate_decimals: Option<u8>,
}

impl LegacyArgs {
    fn apply(self, rule: &mut KeyRule) -> Result<()> {
        let named =
            self.recut.is_some() || self.request_channel.is_some() || self.rate_decimals.is_some();
        match rule {
            KeyRule::Legacy(legacy) => {
                set(&mut legacy.recut, self.recut);
                set(&mut legacy.request_channels, self.request_channel);
                set(&mut legacy.rate_decimals, self.rate_decimals.map(Some));
            }
            KeyRule::Strict(_) if named => {
                bail!("--recut, --request-channel and --rate-decimals change legacy domains alone")
            }
            KeyRule::Strict(_) => {}
        }
        Ok(())
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// What stops a business system, or a partner.
#[derive(Args)]
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
#[derive(Args)]
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

/// What a list and `show` say of a relay that has not ended.
pub(super) fn relayed(domain: &Domain) -> String {
    let until_ms = domain.settings.relay_until_ms;
    let until_ms = until_ms.filter(|until_ms| now_ms() < *until_ms);
    until_ms.map_or_else(String::new, |until_ms| {
        format!("; relayed until {}", zone::time(until_ms))
    })
}

/// What an operator may change.
#[derive(Args)]
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
    /// How long an attempt lives: 90s, 15m.
    #[arg(long, value_parser = duration_s)]
    attempt_life: Option<i64>,
    /// How long after it was first seen a request can be paid: 2h, 1d. Unpaid, it
    /// is closed then.
    #[arg(long, value_parser = duration_s)]
    deadline: Option<i64>,
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
    fn apply(self, settings: &mut DomainSettings) {
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
        set(&mut settings.deadline_s, self.deadline.map(Some));
        set(&mut settings.frame_origins, self.frame_origin);
        set(&mut settings.hold_for_callback, self.hold_for_callback);
        set(&mut settings.late_money, self.late_money);
        self.payee.apply(&mut settings.payee);
    }
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    match command {
        Command::Add {
            code,
            rule,
            secret,
            settings,
        } => add(&store, &code, rule, &secret, *settings).await,
        Command::Set {
            code,
            legacy,
            settings,
        } => {
            let was = find(&store, &code).await?;
            let mut domain = was.clone();
            legacy.apply(&mut domain.rule)?;
            settings.apply(&mut domain.settings);
            domain.check()?;
            store.set_domain(&was, &domain).await?;
            warn_of_private_callbacks(&domain);
            println!("{code} is changed");
            Ok(())
        }
        Command::List => {
            let domains = store.domains().await?.into_iter();
            for domain in domains.filter(|domain| domain.settings.partner.is_none()) {
                let counted = store.other_readings(&domain.code).await?;
                let relayed = relayed(&domain);
                println!(
                    "{:<16} {}{}{relayed}",
                    domain.code,
                    kind(&domain),
                    told(counted)
                );
            }
            Ok(())
        }
        Command::Show { code } => {
            show(&find(&store, &code).await?)?;
            let counted = store.other_readings(&code).await?;
            println!(
                "requests whose sign fits another requestKey: {}",
                counted.other_key
            );
            println!(
                "requests whose sign could fit another sum: {}",
                counted.recut
            );
            Ok(())
        }
        Command::Rotate { code, overlap } => rotate(&store, &code, overlap).await,
    }
}

async fn add(
    store: &Arc<dyn Store>,
    code: &str,
    rule: RuleArgs,
    secret: &SecretArgs,
    settings: SettingArgs,
) -> Result<()> {
    if code == "test" || code == "demo" {
        bail!("`{code}` is a development domain: choose another code");
    }
    let (secret, told) = secret.take()?;
    let mut all = DomainSettings::default();
    settings.apply(&mut all);
    let legacy = rule.any_request_key;
    let rule = key_rule(rule)?;
    let domain = Domain::new(code, rule, all, vec![Secret::new(1, &secret, None)])?;
    store.add_domain(&domain).await?;
    warn_of_private_callbacks(&domain);
    println!("domainCode   {code}");
    tell_secret("domainSecret", &secret, told);
    if legacy {
        println!(
            "\nRISK: with --any-request-key one SHA-1 sign can be read in several ways. A request \
             that could have another sum is refused (with --recut log it is taken and counted, and \
             a payer who edits the address could pay that sum); that the sign fits another \
             requestKey can't be refused, so another order could be settled. Compare money in every \
             callback, confirm by queryInfo, and move to --key-prefix or to signType=HMAC-SHA256."
        );
    }
    Ok(())
}

/// Says which of the callback prefixes could not be called as it is.
fn warn_of_private_callbacks(domain: &Domain) {
    let read = domain.settings.callbacks.iter();
    let private = read
        .filter_map(|prefix| Address::parse(prefix).ok())
        .filter(|address| !may_call(domain, address));
    for address in private {
        println!(
            "WARNING: {} is a private address: requests that name it are refused with 10014, \
             unless `--private-callback-host {}` lists it",
            address.as_str(),
            address.host()
        );
    }
}

fn key_rule(rule: RuleArgs) -> Result<KeyRule> {
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

async fn find(store: &Arc<dyn Store>, code: &str) -> Result<Domain> {
    store
        .domain(code)
        .await?
        .with_context(|| format!("no domain `{code}`"))
}

async fn rotate(store: &Arc<dyn Store>, code: &str, overlap_s: i64) -> Result<()> {
    let was = find(store, code).await?;
    let mut domain = was.clone();
    let secret = make_secret()?;
    let end_ms = overlap_s
        .checked_mul(1000)
        .and_then(|ms| now_ms().checked_add(ms));
    domain.rotate(&secret, end_ms.context("the overlap is too long")?)?;
    store.set_domain(&was, &domain).await?;
    println!("domainSecret {secret}");
    println!("The secret is shown this once. The one before holds for {overlap_s} s more.");
    Ok(())
}

fn kind(domain: &Domain) -> String {
    match &domain.rule {
        KeyRule::Strict(strict) => format!("strict, keys {}… of {}", strict.prefix, strict.length),
        KeyRule::Legacy(legacy) => {
            let recut = match legacy.recut {
                Recut::Refuse => "refuse",
                Recut::Log => "log",
            };
            format!(
                "legacy, recut={recut}: one sign can be read in several ways; see `tongfu domain add --help`"
            )
        }
    }
}

/// What a list says of signs with several readings (docs/signing.md).
fn told(counted: OtherReadings) -> String {
    let part = |count: i64, what: &str| match count {
        0 => String::new(),
        count => format!("; {count} requests {what}"),
    };
    part(counted.other_key, "fit another requestKey")
        + &part(counted.recut, "could fit another sum")
}

pub(super) fn show(domain: &Domain) -> Result<()> {
    println!("{}: {}{}", domain.code, kind(domain), relayed(domain));
    println!("{}", serde_json::to_string_pretty(&domain.rule)?);
    println!("{}", serde_json::to_string_pretty(&domain.settings)?);
    for secret in domain.secrets() {
        match secret.not_after_ms {
            None => println!("secret {}: in use", secret.generation),
            Some(end_ms) => println!("secret {}: ends at {end_ms} ms", secret.generation),
        }
    }
    Ok(())
}

/// A letter, and hex: it begins with a letter and can't hold a key prefix, which
/// begins with a capital.
pub(super) fn make_secret() -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("s{}", hex::encode(bytes)))
}

pub(super) fn duration_s(text: &str) -> Result<i64, String> {
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

    #[test]
    fn made_secrets_begin_with_a_letter_and_differ() {
        let (one, other) = (make_secret().unwrap(), make_secret().unwrap());
        assert!(one.starts_with('s') && one.len() == 41);
        assert_ne!(one, other);
    }
}
