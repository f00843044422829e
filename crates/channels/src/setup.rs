//! One account of the accounts file: what every account has, and the keys beside it.

use crate::Clock;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payment::address::Address;
use payment::channel::Channel;
use payment::forecore::LARGEST_MINOR;
use payment::money::Currency;
use payment::ports::{QueryRate, Terms};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::{Table, Value};
use zeroize::Zeroizing;

/// The largest sum of an account that names none, minor units.
const LARGEST: i64 = 10_000_000_000;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// What every account has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    channel: String,
    /// The system that stands between us and the channel; none: the channel itself.
    via: Option<String>,
    name: String,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    domains: Vec<String>,
    currency: Option<String>,
    smallest: Option<i64>,
    largest: Option<i64>,
    queries_per_second: Option<u32>,
    queries_burst: Option<u32>,
}

const COMMON: [&str; 10] = [
    "channel",
    "via",
    "name",
    "enabled",
    "domains",
    "currency",
    "smallest",
    "largest",
    "queries_per_second",
    "queries_burst",
];

fn yes() -> bool {
    true
}

/// Why an account can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key file can't be read.
    #[error("account {account}: {} can't be read", shown(.path))]
    File {
        /// The account's name.
        account: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A key or setting is not of its form.
    #[error("account {account}: {what}")]
    Invalid {
        /// The account's name.
        account: String,
        /// What is wrong with it.
        what: String,
    },
    /// The HTTP client can't be made.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A file's name; what is too long for one may be a key that stands in its place.
fn shown(path: &Path) -> String {
    const NAME_MAX: usize = 100;
    match path.to_str() {
        Some(name) if name.len() <= NAME_MAX && !name.contains('\n') => name.to_owned(),
        _ => "the file that a setting names".to_owned(),
    }
}

/// An account as it is written, with its files.
#[derive(Clone)]
pub struct Account {
    /// What every account has, and what its channel needs.
    pub table: Table,
    /// The files that it names.
    pub files: Files,
}

/// Where the files are that an account names.
#[derive(Clone)]
pub enum Files {
    /// In this folder.
    In(PathBuf),
    /// Here, by their names.
    Kept(HashMap<String, Zeroizing<Vec<u8>>>),
}

impl Files {
    /// What a file holds.
    ///
    /// # Errors
    /// When there is none, or it can't be read.
    pub fn read(&self, path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::In(folder) => std::fs::read(folder.join(path)).map(Zeroizing::new),
            Self::Kept(files) => {
                let kept = path.to_str().and_then(|name| files.get(name));
                kept.cloned().ok_or_else(|| ErrorKind::NotFound.into())
            }
        }
    }
}

/// An account as a text, with its files in it: to be kept encrypted.
#[derive(Serialize, Deserialize)]
struct Packed {
    account: Table,
    /// In base64.
    files: BTreeMap<String, String>,
}

impl Account {
    /// The account with all files that it names, as [`Account::unpack`] reads it.
    ///
    /// # Errors
    /// When it can't be written as a text.
    pub fn pack(&self) -> serde_json::Result<Zeroizing<String>> {
        let mut files = BTreeMap::new();
        for name in self.texts() {
            if let Ok(bytes) = self.files.read(Path::new(name)) {
                files.insert(name.to_owned(), STANDARD.encode(bytes.as_slice()));
            }
        }
        let account = self.table.clone();
        serde_json::to_string(&Packed { account, files }).map(Zeroizing::new)
    }

    /// Reads what [`Account::pack`] wrote; `None` where it is something else.
    #[must_use]
    pub fn unpack(text: &str) -> Option<Self> {
        let Packed { account, files } = serde_json::from_str(text).ok()?;
        let file = |(name, text): (String, String)| {
            let bytes = STANDARD.decode(text).ok()?;
            Some((name, Zeroizing::new(bytes)))
        };
        Some(Self {
            table: account,
            files: Files::Kept(files.into_iter().map(file).collect::<Option<_>>()?),
        })
    }

    /// All texts among its settings: names of files are among them.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.table
            .values()
            .for_each(|value| texts(value, &mut found));
        found
    }
}

fn texts<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, into)),
        Value::Table(table) => table.values().for_each(|value| texts(value, into)),
        _ => {}
    }
}

/// An account under construction: its name and terms, its files, and what its calls go
/// through.
pub(crate) struct Setup {
    /// The channel that payers see.
    pub(crate) channel: Channel,
    pub(crate) name: String,
    pub(crate) terms: Terms,
    /// Our own address as payers and channels reach it, without a slash at its end.
    pub(crate) public_url: String,
    /// Where notifies are to be sent.
    pub(crate) notify_url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) clock: Clock,
    /// The system that stands between us and the channel; none: the channel itself.
    pub(crate) via: Option<String>,
    table: Table,
    files: Files,
}

impl Setup {
    /// What only this channel's accounts have.
    pub(crate) fn own<T: DeserializeOwned>(&mut self) -> Result<T, ConfigError> {
        let table = std::mem::take(&mut self.table);
        table
            .try_into()
            .map_err(|error: toml::de::Error| self.invalid(without_value(error.message())))
    }

    /// One of its files, less the byte order mark that some editors begin it with.
    pub(crate) fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        let read = self.files.read(path).map_err(|cause| ConfigError::File {
            account: self.name.clone(),
            path: path.to_owned(),
            cause,
        })?;
        Ok(match read.strip_prefix(BOM) {
            Some(rest) => Zeroizing::new(rest.to_vec()),
            None => read,
        })
    }

    /// The time between two refunds of one order, ms, from its setting.
    pub(crate) fn refund_gap_ms(&self, refund_gap_s: i64) -> Result<i64, ConfigError> {
        match refund_gap_s {
            0..=3_600 => Ok(refund_gap_s * 1_000),
            _ => Err(self.invalid("refund_gap_s is from 0 to 3600")),
        }
    }

    /// Refuses an address that can't be called.
    pub(crate) fn check_address(&self, setting: &str, text: &str) -> Result<(), ConfigError> {
        let told = |rule| self.invalid(format!("{setting} must be {rule}"));
        Address::callback(text).map(drop).map_err(told)
    }

    pub(crate) fn invalid(&self, what: impl ToString) -> ConfigError {
        ConfigError::Invalid {
            account: self.name.clone(),
            what: what.to_string(),
        }
    }
}

/// What is wrong with a setting, without its value, which may be a secret.
fn without_value(message: &str) -> String {
    let wrong = message.starts_with("invalid");
    match message.split_once("expected").filter(|_| wrong) {
        Some((_, expected)) => format!("a setting is of another kind: expected{expected}"),
        None => message.to_owned(),
    }
}

/// The number of an order that nobody makes: asked about, an account is tried.
pub(crate) const NO_ORDER: &str = "0000000000000000";

/// Reads what every account has.
pub(crate) fn setup(
    account: Account,
    public_url: &str,
    client: &reqwest::Client,
    clock: &Clock,
) -> Result<Setup, ConfigError> {
    let Account { mut table, files } = account;
    let name = table.get("name").and_then(|name| name.as_str());
    let name = name.unwrap_or("without a name").to_owned();
    let invalid = |what: String| ConfigError::Invalid {
        account: name.clone(),
        what,
    };
    let common: Table = COMMON
        .into_iter()
        .filter_map(|key| table.remove_entry(key))
        .collect();
    let common: Common = common
        .try_into()
        .map_err(|error: toml::de::Error| invalid(error.message().to_owned()))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if common.name.is_empty() || !common.name.bytes().all(plain) {
        return Err(invalid("name takes letters, digits, - and _".to_owned()));
    }
    let channel = Channel::parse(&common.channel)
        .ok_or_else(|| invalid(format!("unknown channel {}", common.channel)))?;
    let currency = match (&common.currency, channel) {
        (Some(code), _) => {
            Currency::parse(code).ok_or_else(|| invalid(format!("unknown currency {code}")))?
        }
        (None, Channel::Paypal) => Currency::Usd,
        (None, _) => Currency::Cny,
    };
    // Apay's wire carries no more.
    let most = common.via.as_ref().map_or(LARGEST, |_| LARGEST_MINOR);
    let (smallest, largest) = (common.smallest.unwrap_or(1), common.largest.unwrap_or(most));
    if smallest < 1 || largest < smallest || largest > most {
        return Err(invalid(format!(
            "smallest is at least 1, and largest from it to {most}"
        )));
    }
    let usual = QueryRate::default();
    let per_second = common.queries_per_second.unwrap_or(usual.per_second);
    let queries = QueryRate {
        per_second,
        burst: common.queries_burst.unwrap_or(2 * per_second),
    };
    let terms = Terms {
        enabled: common.enabled,
        domains: common.domains,
        currency,
        smallest,
        largest,
        queries,
    };
    let notify_url = format!("{public_url}/notify/{}/{}", channel.code(), common.name);
    Ok(Setup {
        channel,
        name: common.name,
        terms,
        public_url: public_url.to_owned(),
        notify_url,
        client: client.clone(),
        clock: Arc::clone(clock),
        via: common.via,
        table,
        files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        #[serde(rename = "key")]
        _key: String,
    }

    #[test]
    fn a_wrong_setting_is_told_without_its_value() {
        let told = |text: &str| {
            let table: Table = text.parse().unwrap();
            let read: Result<Own, toml::de::Error> = table.try_into();
            without_value(read.unwrap_err().message())
        };
        let wrong = told("key = 48151623");
        assert!(
            !wrong.contains("48151623") && wrong.contains("string"),
            "{wrong}"
        );
        assert!(told("key = \"k\"\nkye = 1").contains("kye"));
        assert!(told("").contains("key"));
    }
}
