//! `tongfu doctor`: looks over the whole instance, and says what a person should
//! look at. It writes what it found sound, and changes nothing else.

mod stories;

use super::channel::check_accounts;
use crate::accounts;
use crate::alarms::Destination;
use crate::clock::{now_ms, system_clock};
use crate::config::Config;
use crate::ends::NEAR_MS;
use crate::limits::UNLISTED;
use crate::serve::{commanded, open};
use crate::settings::duration_s;
use crate::zone;
use anyhow::{Result, bail};
use channels::health::{certificate_ends, clock_ahead_ms};
use payment::acts::check_acts;
use payment::domain::{Domain, KeyRule, Legacy, Recut};
use payment::ports::{Gateway, Store};
use payment::printable::printable;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A clock that is further off is told, ms: at five minutes channels refuse us, and we them.
const AHEAD_MAX_MS: i64 = 60_000;
/// A running server tells its figures within this time.
const METRICS_WAIT: Duration = Duration::from_secs(2);

/// What was looked at, and what was found.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, finding: String) {
        println!("LOOK  {}", printable(&finding));
        self.0.push(finding);
    }
}

/// How much of the book is read.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Every story and state, not only what was written since the last sound check.
    #[arg(long, conflicts_with = "since")]
    all: bool,
    /// What was written in this time: 90m, 12h, 7d.
    #[arg(long, value_parser = duration_s)]
    since: Option<i64>,
}

pub(crate) async fn run(config: &Config, options: &Options) -> Result<()> {
    let mut findings = Findings::default();
    let store = open(config).await?;
    let accounts = accounts::all(config, &*store).await?;
    for end in certificate_ends(&accounts) {
        if end.not_after_ms < now_ms() + NEAR_MS {
            let day = zone::time(end.not_after_ms);
            findings.add(format!("the certificate in {} ends at {day}", end.file));
        }
    }
    let opened = accounts::opened(config, &*store).await?;
    let gateways = opened.gateways();
    for trouble in opened.troubles {
        findings.add(format!("a channel account of the database: {trouble}"));
    }
    if gateways.is_empty() {
        findings.add("no channel accounts are configured".to_owned());
    }
    println!("ok    configuration: {} channel accounts", gateways.len());
    match store.takes_writes().await {
        Ok(()) => println!("ok    the database takes writes"),
        Err(cause) => findings.add(format!("the database takes no writes: {cause}")),
    }
    books(config, store.as_ref(), &mut findings).await?;
    instances(config, store.as_ref()).await?;
    domains(store.as_ref(), &gateways, &mut findings).await?;
    clocks(&gateways, &mut findings).await;
    proxies(config, &mut findings).await;
    for finding in check_accounts(&gateways).await {
        findings.add(finding);
    }
    stories::look_over(store.as_ref(), options, &mut findings).await?;
    acts(config, store.as_ref(), &mut findings).await?;
    alarms(config, &mut findings);
    for risk in store.at_risk(now_ms()).await? {
        findings.add(format!(
            "{} {}: {}",
            risk.kind.word(),
            risk.order_sn,
            risk.detail
        ));
    }
    timers(config, &store, &mut findings).await?;
    orphans(store.as_ref(), &gateways, &mut findings).await?;
    match findings.0.len() {
        0 => println!("nothing to look at"),
        count => bail!("{count} things to look at"),
    }
    Ok(())
}

/// Whether the books hold what this instance has seen of them: it refuses others, and this
/// command reads them all the same.
async fn books(config: &Config, store: &dyn Store, findings: &mut Findings) -> Result<()> {
    let Some(file) = config.mark(false) else {
        println!(
            "note  whether the books have gone back is not seen from here: set state_dir, or see \
             `tongfu database show --mark FILE`"
        );
        return Ok(());
    };
    // Before the books are looked at: what is seen meanwhile is newer than what is found.
    let seen = store::kept_mark(&file);
    let now = store.mark().await?;
    match seen {
        Ok(seen) => {
            if let Some(why) = seen.and_then(|seen| seen.lost_at(&now)) {
                findings.add(format!(
                    "{why}: instances refuse them; see `tongfu database show`, and `tongfu database \
                     accept` once you know why"
                ));
            }
        }
        Err(error) => findings.add(format!("{}: {error}", file.display())),
    }
    Ok(())
}

/// Whether more instances are at work than share what channels grant.
async fn instances(config: &Config, store: &dyn Store) -> Result<()> {
    let (at_work, expected) = (store.at_work().await?.len(), config.instances);
    if usize::try_from(expected).is_ok_and(|expected| at_work > expected) {
        println!(
            "note  {at_work} instances are at work, and the setting instances is {expected}: \
             channels may be asked too often; where no upgrade is under way, set instances = \
             {at_work} on each, and restart"
        );
    }
    Ok(())
}

/// Whether what operators did stands as it was written.
async fn acts(config: &Config, store: &dyn Store, findings: &mut Findings) -> Result<()> {
    // Before the acts: what is sent out meanwhile is among those.
    let file = config.acts_head_file();
    let heads = file.map_or(Ok((Vec::new(), 0)), |file| super::act::kept_heads(&file));
    let (heads, odd) = heads.unwrap_or_else(|error| {
        findings.add(format!("the heads of the operators' acts: {error:#}"));
        (Vec::new(), 0)
    });
    if odd > 0 {
        findings.add(format!(
            "{odd} lines of acts_head_file are no heads: look at them, and take them out"
        ));
    }
    let acts = super::act::all(store).await?;
    match check_acts(&acts, &heads) {
        Ok(()) => println!("ok    {} acts of operators are whole", acts.len()),
        Err(broken) => findings.add(format!("the operators' acts: {broken}")),
    }
    Ok(())
}

/// Whether anybody is told of alarms, as this command was configured.
fn alarms(config: &Config, findings: &mut Findings) {
    let to = match Destination::new(config) {
        Ok(to) => to,
        Err(error) => return findings.add(format!("alarms by message: {error:#}")),
    };
    let Some(Destination { form, host, other }) = to else {
        println!(
            "note  nobody is told of alarms: alarm_url is not set; set it in the configuration \
             file, or TONGFU_ALARM_URL, and try it by `tongfu alarm test`"
        );
        return;
    };
    println!("ok    alarms go to {} as {}", printable(&host), form.word());
    if let Some(other) = other {
        let (form, other) = (form.word(), other.word());
        findings.add(format!(
            "alarm_form is {form}, and {host} takes {other}: set {other}, or leave it out; \
             `tongfu alarm test` says whether a message is taken"
        ));
    }
}

/// Who sends `X-Forwarded-For` and is not listed, as the running server tells.
async fn proxies(config: &Config, findings: &mut Findings) {
    let named = config.operator_address().ok().flatten();
    let Some(address) = named.or_else(|| config.operator_default()) else {
        return;
    };
    let read = tokio::time::timeout(METRICS_WAIT, metrics(address));
    // Where no server runs there is nothing to ask.
    let Ok(Ok(text)) = read.await else {
        return;
    };
    let before = format!("{UNLISTED}{{peer=\"");
    for line in text.lines() {
        let peer = line
            .strip_prefix(&before)
            .and_then(|rest| rest.split_once('"'));
        if let Some((peer, _)) = peer {
            findings.add(format!(
                "{peer} sends X-Forwarded-For and is not believed: if it is a proxy of yours, \
                 list it in trusted_proxies, or all payers behind it are one peer"
            ));
        }
    }
}

/// What the operator's listener tells.
async fn metrics(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

/// Secrets that end soon, domains whose signs can be read in several ways, and accounts
/// for domains that there are not.
async fn domains(
    store: &dyn Store,
    gateways: &[Arc<dyn Gateway>],
    findings: &mut Findings,
) -> Result<()> {
    let domains = store.domains("", i64::MAX).await?;
    for gateway in gateways {
        for named in &gateway.terms().domains {
            if domains.iter().all(|domain| domain.code != *named) {
                let (channel, account) = (gateway.channel().code(), gateway.account());
                findings.add(format!(
                    "the account {channel}/{account} serves {named}, and there is no such domain"
                ));
            }
        }
    }
    for domain in &domains {
        let secrets = domain.secrets();
        if secrets.iter().all(|secret| {
            secret
                .not_after_ms
                .is_some_and(|end| end < now_ms() + NEAR_MS)
        }) {
            findings.add(format!("all secrets of domain {} end soon", domain.code));
        }
        if let KeyRule::Legacy(legacy) = &domain.rule
            && !domain.settings.hmac_required
        {
            legacy_domain(store, domain, legacy, findings).await?;
        }
    }
    println!("ok    {} domains", domains.len());
    Ok(())
}

/// A domain whose signs can be read in several ways, and whether it took requests
/// whose sum could be another one.
async fn legacy_domain(
    store: &dyn Store,
    domain: &Domain,
    legacy: &Legacy,
    findings: &mut Findings,
) -> Result<()> {
    let code = &domain.code;
    if !domain.development {
        println!("note  domain {code} is a legacy one: one sign can be read in several ways");
    }
    let recut = store.other_readings(code).await?.recut;
    if recut > 0 && legacy.recut == Recut::Log {
        findings.add(format!(
            "domain {code} took {recut} requests whose sign could fit another sum (recut=log): \
             compare money, then `tongfu domain set {code} --recut refuse`, or HMAC"
        ));
    }
    Ok(())
}

async fn clocks(gateways: &[Arc<dyn Gateway>], findings: &mut Findings) {
    let mut addresses: Vec<_> = gateways.iter().map(|gateway| gateway.address()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    for address in addresses.into_iter().filter(|address| !address.is_empty()) {
        match clock_ahead_ms(address, &system_clock()).await {
            Ok(ahead_ms) if ahead_ms.abs() > AHEAD_MAX_MS => findings.add(format!(
                "our clock is {} s ahead of {address}",
                ahead_ms / 1000
            )),
            Ok(ahead_ms) => println!("ok    our clock is {ahead_ms} ms ahead of {address}"),
            Err(cause) => findings.add(format!("{address} does not answer: {cause}")),
        }
    }
}

/// What is not looked at when it should be, and clocks that are not the same.
async fn timers(config: &Config, store: &Arc<dyn Store>, findings: &mut Findings) -> Result<()> {
    let checkout = commanded(config, Arc::clone(store)).await?;
    let (too_far, ahead_ms) = checkout.too_far().await?;
    let overdue = checkout.late_timers().await?.overdue.ours();
    if overdue > 0 {
        findings.add(format!(
            "{overdue} orders, refunds or notifies are due for a minute or longer: is a server \
             running?"
        ));
    }
    if ahead_ms.abs() > AHEAD_MAX_MS {
        findings.add(format!(
            "our clock is {} s ahead of the database's",
            ahead_ms / 1000
        ));
    } else if too_far > 0 {
        findings.add(format!(
            "{too_far} orders, callbacks, refunds or notifies are due later than any schedule \
             says: a clock was ahead; a running server mends it"
        ));
    }
    Ok(())
}

/// Orders that wait for an account that is not configured any more.
async fn orphans(
    store: &dyn Store,
    gateways: &[Arc<dyn Gateway>],
    findings: &mut Findings,
) -> Result<()> {
    for (channel, account) in store.accounts_in_use().await? {
        let known = gateways
            .iter()
            .any(|gateway| gateway.channel() == channel && gateway.account() == account);
        if !known {
            let channel = channel.code();
            findings.add(format!(
                "orders wait for the account {channel}/{account}, which is not configured"
            ));
        }
    }
    Ok(())
}
