//! `tongfu domain add|set|list|show|rotate|end-older`.

use crate::clock::now_ms;
use crate::config::Config;
use crate::issue;
use crate::serve::open;
use crate::settings::{LegacyArgs, RuleArgs, SettingArgs, uncalled};
use crate::zone;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use payment::domain::{Domain, KeyRule, PLATFORM, Recut};
use payment::ports::{OtherReadings, Store};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
        /// How long the old secret still holds: 30m, 12h, 7d, at most 90d.
        #[arg(long, default_value = "7d", value_parser = issue::overlap_s)]
        overlap: i64,
    },
    /// Ends all older secrets now: the newest alone holds.
    EndOlder {
        /// The domainCode.
        code: String,
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
            return Ok((issue::first(PLATFORM)?, Told::Once));
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
    // Some editors begin a file with a mark that nobody sees.
    let secret = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let secret = secret.trim_end_matches(['\r', '\n']);
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

/// What a list and `show` say of a relay that has not ended.
pub(super) fn relayed(domain: &Domain) -> String {
    let until_ms = domain.settings.relay_until_ms;
    let until_ms = until_ms.filter(|until_ms| now_ms() < *until_ms);
    until_ms.map_or_else(String::new, |until_ms| {
        format!("; relayed until {}", zone::time(until_ms))
    })
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
            let domains = store.domains("", i64::MAX).await?.into_iter();
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
            show(&store, &find(&store, &code).await?).await?;
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
        Command::EndOlder { code } => end_older(&store, &find(&store, &code).await?).await,
    }
}

async fn add(
    store: &Arc<dyn Store>,
    code: &str,
    rule: RuleArgs,
    secret: &SecretArgs,
    settings: SettingArgs,
) -> Result<()> {
    let (secret, told) = secret.take()?;
    let domain = issue::domain(code, rule, settings, &secret)?;
    store.add_domain(&domain).await?;
    warn_of_private_callbacks(&domain);
    println!("domainCode   {code}");
    tell_secret("domainSecret", &secret, told);
    if matches!(domain.rule, KeyRule::Legacy(_)) {
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
    for address in uncalled(domain) {
        println!(
            "WARNING: {} is a private address: requests that name it are refused with 10014, \
             unless `--private-callback-host {}` lists it",
            address.as_str(),
            address.host()
        );
    }
}

async fn find(store: &Arc<dyn Store>, code: &str) -> Result<Domain> {
    store
        .domain(code)
        .await?
        .with_context(|| format!("no domain `{code}`"))
}

async fn rotate(store: &Arc<dyn Store>, code: &str, overlap_s: i64) -> Result<()> {
    let was = find(store, code).await?;
    let (domain, secret) = issue::rotated(&was, overlap_s)?;
    store.set_domain(&was, &domain).await?;
    println!("domainSecret {secret}");
    println!("The secret is shown this once. {}", held(overlap_s));
    Ok(())
}

/// How long the secrets before a new one hold.
pub(super) fn held(overlap_s: i64) -> String {
    format!("The one before holds for {overlap_s} s more; none before it holds longer than it did.")
}

/// Ends every secret but the newest.
pub(super) async fn end_older(store: &Arc<dyn Store>, was: &Domain) -> Result<()> {
    let Some(domain) = issue::older_ended(was) else {
        bail!(
            "no older secret of {} holds: nothing is to be ended",
            was.code
        );
    };
    store.set_domain(was, &domain).await?;
    println!("Its older secrets have ended; the newest one holds.");
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

pub(super) async fn show(store: &Arc<dyn Store>, domain: &Domain) -> Result<()> {
    println!("{}: {}{}", domain.code, kind(domain), relayed(domain));
    println!("{}", serde_json::to_string_pretty(&domain.rule)?);
    println!("{}", serde_json::to_string_pretty(&domain.settings)?);
    let now_ms = now_ms();
    let uses = store.secret_uses(&domain.code).await?;
    // With one alone there is nothing to tell apart.
    let is_rotated = domain.live_secrets(now_ms).count() > 1;
    for secret in domain.secrets() {
        let end = match secret.not_after_ms {
            None => "in use".to_owned(),
            Some(end_ms) => format!("ends at {}", zone::time(end_ms)),
        };
        let used = uses.iter().find(|one| one.generation == secret.generation);
        let used = match used {
            _ if !is_rotated => String::new(),
            Some(used) => format!(", last signed by at {}", zone::time(used.at_ms)),
            None => ", not signed by since there are several".to_owned(),
        };
        println!("secret {}: {end}{used}", secret.generation);
    }
    Ok(())
}
