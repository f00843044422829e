//! The typed configuration: the default file, a file of the operator's, and
//! the environment, in this order. The only place that reads the environment.

mod keys;

use crate::alarms::form::{self, Form};
use crate::limits::{Network, Rate, Rates};
use crate::listen::Times;
use crate::log::Format;
use crate::zone::Zone;
use anyhow::{Context, Result, anyhow, bail};
use payment::address::Address;
use payment::by_two::AloneMost;
use payment::forecore::fen_of_yuan;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::{Table, Value};

const DEFAULT: &str = include_str!("config.default.toml");

/// A shorter lease ends while its work may still go on: a call to a receiver takes
/// up to 10 s.
const LEASE_MIN_MS: i64 = 1_000;
/// And the longest, ms: what a dead instance held waits so long.
const LEASE_MAX_MS: i64 = 3_600_000;
/// The longest delay between two tries of a callback, ms: a week.
const DELAY_MAX_MS: i64 = 604_800_000;
/// The characters of a notice to payers.
const NOTICE_MAX: usize = 200;
/// Where it is not set, the operator's port is so far above ours.
const OPERATOR_OFFSET: u16 = 3;

/// The program's configuration; `config.default.toml` says what each means.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: String,
    pub(crate) database_url: String,
    pub(crate) database_connections: u32,
    pub(crate) state_dir: PathBuf,
    secrets_key: String,
    secrets_key_file: PathBuf,
    secrets_sealed: bool,
    pub(crate) retention_days: u32,
    acts_head_file: PathBuf,
    pub(crate) acts_head_url: String,
    pub(crate) alarm_url: String,
    #[serde(deserialize_with = "form::if_set")]
    pub(crate) alarm_form: Option<Form>,
    pub(crate) alarm_secret: String,
    pub(crate) alarm_quiet_s: u32,
    pub(crate) console_url: String,
    pub(crate) accounts: PathBuf,
    pub(crate) marks: PathBuf,
    pub(crate) page_notice: String,
    pub(crate) page_notice_en: String,
    pub(crate) docs: bool,
    pub(crate) usd_cny_rate: String,
    pub(crate) cad_cny_rate: String,
    pub(crate) payment_rates: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) rates: String,
    pub(crate) rates_age_max_days: u32,
    pub(crate) callback_delays_ms: Vec<i64>,
    pub(crate) callback_alarm_s: u32,
    pub(crate) channel_lost_orders: u32,
    pub(crate) refund_alone: String,
    pub(crate) refund_alone_a_day: String,
    pub(crate) lease_ms: i64,
    pub(crate) instances: u32,
    pub(crate) log: String,
    pub(crate) zone: Zone,
    pub(crate) log_format: Format,
    pub(crate) traces_url: String,
    pub(crate) operator_listen: String,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) connections: u32,
    pub(crate) connections_peer: u32,
    pub(crate) connection_requests: u32,
    pub(crate) unfinished_mb: u32,
    pub(crate) header_ms: u64,
    pub(crate) body_ms: u64,
    pub(crate) idle_ms: u64,
    pub(crate) streams: u32,
    pub(crate) streams_peer: u32,
    pub(crate) streams_request: u32,
    pub(crate) peer_per_second: u32,
    pub(crate) peer_burst: u32,
    pub(crate) business_per_second: u32,
    pub(crate) business_burst: u32,
    pub(crate) request_per_second: u32,
    pub(crate) request_burst: u32,
    pub(crate) forged_per_second: u32,
    pub(crate) forged_burst: u32,
    pub(crate) junk_per_second: u32,
    pub(crate) junk_burst: u32,
}

impl Config {
    /// Reads the configuration, with the operator's file where one is named.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let file = file.map(|path| {
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
        });
        Self::merge(file.transpose()?.as_deref(), |name| {
            std::env::var(name).ok()
        })
    }

    /// The default configuration with this file's settings.
    #[cfg(test)]
    pub(crate) fn of(file: &str) -> Self {
        Self::merge(Some(file), |_| None).unwrap()
    }

    /// Where the books are for a command, over how many connections, and the keys of their
    /// secrets.
    pub(crate) fn database(&self) -> Result<store::Address> {
        self.sealed_database(false).map(store::Address::patient)
    }

    fn sealed_database(&self, dev: bool) -> Result<store::Address> {
        let address = store::Address::from(&self.database_url).sealed_by(self.keys(dev)?);
        let address = match self.secrets_sealed {
            true => address.sealed_only(),
            false => address,
        };
        Ok(match self.database_connections {
            0 => address,
            connections => address.over(connections),
        })
    }

    /// The same for an instance, with its mark.
    pub(crate) fn marked_database(&self, dev: bool) -> Result<store::Address> {
        // A folder that was named is made; what stands beside a file of SQLite stands
        // where that is, or nowhere.
        if !self.state_dir.as_os_str().is_empty() {
            let _ = std::fs::create_dir_all(&self.state_dir);
        }
        let address = self.sealed_database(dev)?;
        Ok(match self.mark(dev) {
            Some(file) => address.marked_in(file),
            None => address,
        })
    }

    /// The file that keeps how far the books have come: one for each instance.
    pub(crate) fn mark(&self, dev: bool) -> Option<PathBuf> {
        const NAME: &str = "tongfu.mark";
        if !self.state_dir.as_os_str().is_empty() {
            return Some(self.state_dir.join(NAME));
        }
        if dev {
            return None;
        }
        if self.database_url.starts_with("sqlite:") {
            return self.beside_sqlite("mark");
        }
        // One folder, or several with colons between: the first is ours.
        let folders = std::env::var("STATE_DIRECTORY").ok()?;
        Some(Path::new(folders.split(':').next().unwrap_or_default()).join(NAME))
    }

    /// The file of SQLite with this at its end, or itself; none where there is no file.
    fn beside_sqlite(&self, end: &str) -> Option<PathBuf> {
        if !self.database_url.starts_with("sqlite:") {
            return None;
        }
        let mut file = store::sqlite_file(&self.database_url)?.into_os_string();
        if !end.is_empty() {
            file.push(format!(".{end}"));
        }
        Some(PathBuf::from(file))
    }

    /// The file that the head of the operators' acts is written to, where one is named.
    pub(crate) fn acts_head_file(&self) -> Option<PathBuf> {
        let file = self.acts_head_file.clone();
        (!file.as_os_str().is_empty()).then_some(file)
    }

    /// What operators may give back alone; none: all that was paid.
    pub(crate) fn refund_alone(&self) -> Result<Option<AloneMost>> {
        let sum = |name: &str, text: &str| {
            let none = (text == "0").then_some(0);
            let sum = none.or_else(|| fen_of_yuan(text));
            sum.with_context(|| format!("{name} takes a sum such as 500.00"))
        };
        match (self.refund_alone.as_str(), self.refund_alone_a_day.as_str()) {
            ("", "") => Ok(None),
            ("", _) => bail!("refund_alone_a_day needs refund_alone"),
            (order, day) => {
                let an_order = sum("refund_alone", order)?;
                let a_day = match day {
                    "" => an_order,
                    day => sum("refund_alone_a_day", day)?,
                };
                Ok(Some(AloneMost { an_order, a_day }))
            }
        }
    }

    /// Where the operator's listener was set to be.
    pub(crate) fn operator_address(&self) -> Result<Option<SocketAddr>> {
        if self.operator_listen.is_empty() {
            return Ok(None);
        }
        let address = self.operator_listen.parse();
        let address = address.context("operator_listen takes an address such as 127.0.0.1:3003")?;
        Ok(Some(address))
    }

    /// Where it is else: beside ours.
    pub(crate) fn operator_default(&self) -> Option<SocketAddr> {
        let port = self.listen.port().checked_add(OPERATOR_OFFSET)?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// How fast each may ask.
    pub(crate) fn request_rates(&self) -> Rates {
        let rate = |per_second, burst| Rate { per_second, burst };
        Rates {
            peer: rate(self.peer_per_second, self.peer_burst),
            business: rate(self.business_per_second, self.business_burst),
            request: rate(self.request_per_second, self.request_burst),
            forged: rate(self.forged_per_second, self.forged_burst),
            junk: rate(self.junk_per_second, self.junk_burst),
        }
    }

    /// How long a caller may take.
    pub(crate) fn times(&self) -> Times {
        Times {
            header: Duration::from_millis(self.header_ms),
            body: Duration::from_millis(self.body_ms),
            idle: Duration::from_millis(self.idle_ms),
            requests: self.connection_requests,
        }
    }

    fn merge(file: Option<&str>, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut table: Table = DEFAULT.parse().context("the default configuration")?;
        if let Some(file) = file {
            let own = file.parse().map_err(|error| without_line(file, &error));
            let own: Table = own.context("the configuration file")?;
            table.extend(own);
        }
        for (key, value) in &mut table {
            let name = format!("TONGFU_{}", key.to_uppercase());
            if let Some(text) = env(&name) {
                *value = typed(value, &text).with_context(|| format!("reading {name}"))?;
            }
        }
        let config = table.try_into();
        let mut config: Self = config.map_err(|error| without_value(&error))?;
        if config.public_url.is_empty() {
            if config.listen.port() == 0 {
                bail!("listen has port 0, any that is free: say public_url");
            }
            config.public_url = format!("http://{}", config.listen);
        }
        if let Err(rule) = Address::callback(&config.public_url) {
            bail!("public_url must be {rule}");
        }
        if config.public_url.ends_with('/') {
            bail!("public_url must have no slash at its end");
        }
        if !(LEASE_MIN_MS..=LEASE_MAX_MS).contains(&config.lease_ms) {
            bail!("lease_ms must be from {LEASE_MIN_MS} to {LEASE_MAX_MS}");
        }
        let fits = |delay_ms: &i64| (0..=DELAY_MAX_MS).contains(delay_ms);
        if config.callback_delays_ms.is_empty() || !config.callback_delays_ms.iter().all(fits) {
            bail!("callback_delays_ms must hold one delay or more, each from 0 to {DELAY_MAX_MS}");
        }
        config.refund_alone()?;
        for (name, words) in [
            ("page_notice", &config.page_notice),
            ("page_notice_en", &config.page_notice_en),
        ] {
            if words.chars().count() > NOTICE_MAX || words.contains(char::is_control) {
                bail!("{name} must be one line of at most {NOTICE_MAX} characters");
            }
        }
        Ok(config)
    }
}

/// The secret of a business system whose developer listens to its callbacks.
pub(crate) fn domain_secret() -> Option<String> {
    let secret = std::env::var("TONGFU_DOMAIN_SECRET").ok();
    secret.filter(|secret| !secret.is_empty())
}

/// Names of the environment that are no settings and no slips: what is read besides, and what
/// the sample clients read (clients/README.md).
const OTHER_NAMES: [&str; 7] = [
    "TONGFU_CONFIG",
    "TONGFU_DOMAIN",
    "TONGFU_DOMAIN_SECRET",
    "TONGFU_KEY",
    "TONGFU_PARTNER",
    "TONGFU_SECRET",
    "TONGFU_URL",
];
/// What Kubernetes calls the ports of a service.
const OF_SERVICES: [&str; 2] = ["TONGFU_PORT", "TONGFU_SERVICE_"];

/// Names of the environment that begin as settings' do and are none: a slip, which nobody
/// would see.
pub(crate) fn unknown_names() -> Vec<String> {
    let settings: Table = DEFAULT.parse().unwrap_or_default();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| is_unknown(&settings, name)).collect()
}

fn is_unknown(settings: &Table, name: &str) -> bool {
    let is_setting = |key: &str| settings.keys().any(|one| one.to_uppercase() == key);
    let is_other = OTHER_NAMES.contains(&name) || OF_SERVICES.iter().any(|of| name.starts_with(of));
    name.strip_prefix("TONGFU_")
        .is_some_and(|key| !is_setting(key) && !is_other)
}

/// Where a file is no TOML, and why; the line itself may hold a secret.
pub(crate) fn without_line(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    // A span may begin behind the last of its line.
    let line = before.unwrap_or_default().matches('\n').count() + 1;
    anyhow!("line {line}: {}", error.message())
}

/// Which setting is of another kind, and what it should be; its value may be a secret.
fn without_value(error: &toml::de::Error) -> anyhow::Error {
    let (message, told) = (error.message(), error.to_string());
    let named = |line: &str| Some(line.strip_prefix("in `")?.strip_suffix('`')?.to_owned());
    let name = told.lines().find_map(named);
    let name = name.map_or_else(String::new, |name| format!(" {name}:"));
    let kind = message.strip_prefix("invalid type: ");
    match kind.and_then(|kind| kind.rsplit_once("expected")) {
        Some((_, expected)) => anyhow!("the configuration:{name} expected{expected}"),
        None => anyhow!("the configuration:{name} {message}"),
    }
}

/// The system's user: by the name that the system has for who runs this, and, behind
/// sudo, who that is.
pub(crate) fn system_user() -> String {
    let uid = std::fs::metadata("/proc/self").map_or(0, |known| known.uid());
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    });
    let name = name.unwrap_or_else(|| format!("uid {uid}"));
    match std::env::var("SUDO_USER") {
        Ok(who) if uid == 0 => format!("{who} as {name}"),
        _ => name,
    }
}

/// An environment variable's text as the kind of value that it stands for.
fn typed(default: &Value, text: &str) -> Result<Value> {
    match default {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        _ => {
            let table = format!("value = {text}").parse::<Table>().ok();
            let value = table.and_then(|mut table| table.remove("value"));
            let value = value.filter(|value| value.same_type(default));
            value.with_context(|| format!("it must be {}", form(default)))
        }
    }
}

/// How a value of this kind is written.
fn form(of: &Value) -> &'static str {
    match of {
        Value::String(_) | Value::Datetime(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list such as [1, 2] or [\"a\", \"b\"]",
        Value::Table(_) => "a table such as {USD = \"7.1\"}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_complete() {
        let config = Config::merge(None, |_| None).unwrap();
        assert_eq!(config.public_url, "http://127.0.0.1:3000");
        assert_eq!(config.callback_delays_ms.len(), 14);
        // Thursday's rates hold until the bank's next, on the Tuesday after Easter.
        assert!(config.rates_age_max_days * 24 > 5 * 24 + 16);
    }

    #[test]
    fn the_environment_overrides_the_file_and_the_file_the_default() {
        let env = |name: &str| match name {
            "TONGFU_LISTEN" => Some("127.0.0.1:4000".to_owned()),
            "TONGFU_CALLBACK_DELAYS_MS" => Some("[0, 5]".to_owned()),
            "TONGFU_PAYMENT_RATES" => Some("{USD = {ALIPAYH5 = \"7.3\"}}".to_owned()),
            _ => None,
        };
        let file = "listen = \"127.0.0.1:1\"\nlog = \"debug\"";
        let config = Config::merge(Some(file), env).unwrap();
        assert_eq!(config.listen.port(), 4000);
        assert_eq!(config.log, "debug");
        assert_eq!(config.callback_delays_ms, [0, 5]);
        assert_eq!(config.payment_rates["USD"]["ALIPAYH5"], "7.3");
    }

    #[test]
    fn what_operators_give_back_alone_is_a_sum() {
        let alone = |file: &str| Config::of(file).refund_alone().unwrap();
        assert_eq!(alone(""), None);
        let most = |an_order, a_day| Some(AloneMost { an_order, a_day });
        assert_eq!(alone("refund_alone = \"500.00\""), most(50_000, 50_000));
        assert_eq!(
            alone("refund_alone = \"0\"\nrefund_alone_a_day = \"0.01\""),
            most(0, 1)
        );
        for wrong in [
            "refund_alone = \"1e3\"",
            "refund_alone = \"-1\"",
            "refund_alone_a_day = \"1\"",
        ] {
            assert!(Config::merge(Some(wrong), |_| None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_nat_of_many_payers_is_no_flood() {
        let rates = Config::of("").request_rates();
        assert!(rates.peer.per_second >= 50 && rates.peer.burst >= 1_000);
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let file = "trusted_proxies = [\"10.0.0.0/8\", \"::1\"]";
        assert_eq!(Config::of(file).trusted_proxies.len(), 2);
        let wrong = Config::merge(Some("trusted_proxies = [\"proxy\"]"), |_| None);
        let cause = wrong.err().map(|error| format!("{error:#}"));
        assert!(cause.is_some_and(|cause| cause.contains("proxy is neither")));
    }

    #[test]
    fn settings_that_can_not_be_meant_are_refused() {
        for (wrong, what) in [
            ("public_url = \"httpx\"", "public_url"),
            ("public_url = \"https://\"", "public_url"),
            ("public_url = \"https://pay.cn/?x\"", "public_url"),
            ("public_url = \"https://pay.cn/\"", "slash"),
            ("lease_ms = 1", "lease_ms"),
            ("lease_ms = 9223372036854775807", "lease_ms"),
            ("callback_delays_ms = []", "callback_delays_ms"),
            ("callback_delays_ms = [0, -1]", "callback_delays_ms"),
            ("page_notice_en = \"two\\nlines\"", "page_notice_en"),
            (
                "callback_delays_ms = [9223372036854775807]",
                "callback_delays_ms",
            ),
        ] {
            let refused = Config::merge(Some(wrong), |_| None).err();
            let cause = refused.map(|error| format!("{error:#}"));
            assert!(cause.is_some_and(|cause| cause.contains(what)), "{wrong}");
        }
    }

    #[test]
    fn a_line_that_is_no_toml_is_not_shown() {
        let wrong = "log = \"info\"\nsecrets_key = 1f2e3d4c5b";
        let refused = Config::merge(Some(wrong), |_| None).err().unwrap();
        let text = format!("{refused:#}");
        assert!(
            text.contains("line 2") && !text.contains("1f2e3d"),
            "{text}"
        );
    }

    #[test]
    fn a_slip_in_the_environment_is_told() {
        let settings: Table = DEFAULT.parse().unwrap();
        for known in [
            "TONGFU_LISTEN",
            "TONGFU_CONFIG",
            "TONGFU_PORT_3000_TCP",
            "PATH",
            "XTONGFU_A",
        ] {
            assert!(!is_unknown(&settings, known), "{known}");
        }
        for slip in ["TONGFU_DATABASE_ULR", "TONGFU_listen", "TONGFU_"] {
            assert!(is_unknown(&settings, slip), "{slip}");
        }
        for (name, text, form) in [
            ("TONGFU_INSTANCES", "two", "a whole number"),
            ("TONGFU_INSTANCES", "\"2\"", "a whole number"),
            ("TONGFU_DOCS", "yes", "true or false"),
            ("TONGFU_CALLBACK_DELAYS_MS", "0, 5", "a list such as"),
        ] {
            let env = |asked: &str| (asked == name).then(|| text.to_owned());
            let refused = Config::merge(None, env).err().unwrap();
            let told = format!("{refused:#}");
            let begins = format!("reading {name}: it must be {form}");
            assert!(told.starts_with(&begins) && !told.contains(text), "{told}");
        }
    }

    #[test]
    fn a_setting_of_another_kind_is_not_shown() {
        for wrong in [
            "alarm_secret = 48151623",
            "database_url = 48151623",
            "secrets_key = [48151623]",
        ] {
            let refused = Config::merge(Some(wrong), |_| None).err().unwrap();
            let text = format!("{refused:#}");
            let name = wrong.split(' ').next().unwrap();
            assert!(text.contains(name) && !text.contains("48151623"), "{text}");
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(Config::merge(Some("listen = 1"), |_| None).is_err());
    }
}
