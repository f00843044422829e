//! What a reading of the accounts file changed, told without any value: settings hold keys.

use channels::registry::Account;
use payment::printable::printable;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::Value;

/// Bytes of what is told of one reading.
const TOLD_MAX: usize = 2_000;
/// Told beside its other settings: an account without it is enabled.
const ENABLED: &str = "enabled";

/// An account of the file as it was read, without its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The channel's code, a slash and the name.
    place: String,
    enabled: bool,
    /// Of each other setting, with the file that it names.
    digests: BTreeMap<String, [u8; 32]>,
}

impl Written {
    /// What is kept of an account.
    pub(super) fn new(account: &Account) -> Self {
        let word = |key: &str| account.table.get(key).and_then(Value::as_str);
        let [channel, name] = ["channel", "name"].map(|key| word(key).unwrap_or_default());
        let others = account.table.iter().filter(|(key, _)| *key != ENABLED);
        let digests = others.map(|(key, value)| (key.clone(), digest(account, value)));
        Self {
            place: format!("{channel}/{name}"),
            enabled: account.table.get(ENABLED).and_then(Value::as_bool) != Some(false),
            digests: digests.collect(),
        }
    }

    /// What is another now; none: nothing.
    fn change(&self, now: &Self) -> Option<String> {
        let keys: BTreeSet<_> = self.digests.keys().chain(now.digests.keys()).collect();
        let changed = keys
            .into_iter()
            .filter(|key| self.digests.get(*key) != now.digests.get(*key));
        let changed: Vec<&str> = changed.map(String::as_str).collect();
        let mut told = Vec::new();
        if self.enabled != now.enabled {
            told.push(if now.enabled { "enabled" } else { "disabled" }.to_owned());
        }
        if !changed.is_empty() {
            told.push(format!("changed ({})", changed.join(" ")));
        }
        (!told.is_empty()).then(|| format!("{} {}", self.place, told.join(" and ")))
    }
}

fn digest(account: &Account, value: &Value) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(format!("{value:?}"));
    files(account, value, &mut hash);
    hash.finalize().into()
}

/// Whatever texts name files: a key that was put in the place of another has its name.
fn files(account: &Account, value: &Value, hash: &mut Sha256) {
    match value {
        Value::String(name) => {
            if let Ok(bytes) = account.files.read(Path::new(name)) {
                hash.update(Sha256::digest(bytes.as_slice()));
            }
        }
        Value::Array(values) => values.iter().for_each(|value| files(account, value, hash)),
        Value::Table(table) => table.values().for_each(|value| files(account, value, hash)),
        _ => {}
    }
}

/// What these became, in words; none where they are the same.
pub(crate) fn told(before: &[Written], now: &[Written]) -> Option<String> {
    let of = |all: &'_ [Written], place: &str| all.iter().position(|one| one.place == place);
    let gone = before.iter().filter(|was| of(now, &was.place).is_none());
    let mut changes: Vec<_> = gone.map(|was| format!("{} removed", was.place)).collect();
    let mut places = Vec::new();
    for one in now {
        let Some(place) = of(before, &one.place) else {
            let off = if one.enabled { "" } else { ", disabled" };
            changes.push(format!("{} added{off}", one.place));
            continue;
        };
        places.push(place);
        changes.extend(before[place].change(one));
    }
    if !places.is_sorted() {
        changes.push("the order of preference changed".to_owned());
    }
    if changes.is_empty() {
        return None;
    }
    let (mut text, all) = (String::new(), changes.len());
    for (count, change) in changes.iter().enumerate() {
        if text.len() + change.len() > TOLD_MAX {
            text.push_str(&format!("; and {} more", all - count));
            break;
        }
        if count > 0 {
            text.push_str("; ");
        }
        text.push_str(change);
    }
    Some(printable(&format!("accounts file read anew: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use channels::registry::Accounts;

    fn read(folder: &Path, text: &str) -> Vec<Written> {
        let accounts: Accounts = toml::from_str(text).unwrap();
        accounts.beside(folder).iter().map(Written::new).collect()
    }

    const TWO: &str = "[[account]]\nchannel = \"Wechat\"\nname = \"a\"\nmchid = \"17\"\n\
        private_key = \"key.pem\"\n[[account]]\nchannel = \"Paypal\"\nname = \"b\"\n";

    #[test]
    fn changes_are_told_by_names_alone() {
        let folder = std::env::temp_dir().join(format!("tongfu-written-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("key.pem"), "one").unwrap();
        let two = read(&folder, TWO);
        let now = |text: &str| {
            let told = told(&two, &read(&folder, text));
            told.map(|told| told.replace("accounts file read anew: ", ""))
        };
        assert_eq!(now(TWO), None);
        assert_eq!(now(&format!("{TWO}enabled = true")), None);
        let off = format!("{TWO}enabled = false");
        assert_eq!(now(&off).unwrap(), "Paypal/b disabled");
        let other = TWO.replace("17", "18") + "largest = 5";
        assert_eq!(
            now(&other).unwrap(),
            "Wechat/a changed (mchid); Paypal/b changed (largest)"
        );
        let renamed = TWO.replace("\"b\"", "\"c\"") + "enabled = false";
        assert_eq!(
            now(&renamed).unwrap(),
            "Paypal/b removed; Paypal/c added, disabled"
        );
        let (first, second) = TWO.split_at(TWO.rfind("[[").unwrap());
        assert_eq!(
            now(&format!("{second}{first}")).unwrap(),
            "the order of preference changed"
        );
        assert_eq!(now("").unwrap(), "Wechat/a removed; Paypal/b removed");
        std::fs::write(folder.join("key.pem"), "two").unwrap();
        assert_eq!(now(TWO).unwrap(), "Wechat/a changed (private_key)");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn of_many_changes_the_first_are_told() {
        let one = |number: usize| Written {
            place: format!("Wechat/{number}"),
            enabled: true,
            digests: BTreeMap::new(),
        };
        let all: Vec<_> = (0..1_000).map(one).collect();
        let told = told(&[], &all).unwrap();
        assert!(
            told.len() < TOLD_MAX + 100 && told.ends_with(" more"),
            "{told}"
        );
    }
}
