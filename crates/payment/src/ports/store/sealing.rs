//! Secrets encrypted at rest (docs/secrets.md), and who is at work with which keys.

use super::Answer;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// A new secret for each business system, by its code.
pub type NewSecrets = HashMap<String, Zeroizing<String>>;

/// Somebody at work on the database, heard of within the last half minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Which one: a name that no other has.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// The keys that it has.
    pub keys: Vec<String>,
    /// How long ago it was heard of, ms, by the database's clock.
    pub quiet_ms: i64,
}

/// How secrets are kept. Keys are known by their ids, which tell nothing of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealState {
    /// The key that writes; none where no program with a key has been here.
    pub writes: Option<String>,
    /// Since when no clear text is kept beside, ms since 1970.
    pub sealed_ms: Option<i64>,
    /// The keys that this program has; the first is the one to change to.
    pub ours: Vec<String>,
    /// How many secrets each key keeps; those that stand in clear alone are under none.
    pub kept: Vec<(Option<String>, i64)>,
    /// Who is at work.
    pub instances: Vec<Instance>,
}

impl SealState {
    /// Why clear text can't be taken away now.
    #[must_use]
    pub fn keeps_from_seal(&self) -> Option<String> {
        match &self.writes {
            _ if self.ours.is_empty() => Some(NO_KEY.to_owned()),
            None => Some(NEVER.to_owned()),
            Some(_) if self.sealed_ms.is_some() => Some("it is sealed already".to_owned()),
            Some(key) => self.without(key),
        }
    }

    /// Why an instance can't be at work with the keys that it has.
    #[must_use]
    pub fn keeps_from_work(&self) -> Option<String> {
        let key = self.writes.as_ref().filter(|_| self.sealed_ms.is_some())?;
        let lacks = !self.ours.contains(key);
        lacks.then(|| format!("the secrets are kept by the key {key}, which is not given"))
    }

    /// Why our first key can't be the one that writes now.
    #[must_use]
    pub fn keeps_from_rotation(&self) -> Option<String> {
        match (self.ours.first(), &self.writes) {
            (None, _) => Some(NO_KEY.to_owned()),
            (_, None) => Some(NEVER.to_owned()),
            (Some(key), _) => self.without(key),
        }
    }

    /// Why secrets can't be given up, and others made in their place.
    #[must_use]
    pub fn keeps_from_replacement(&self) -> Option<String> {
        match (self.ours.first(), &self.writes) {
            (None, _) => Some(NO_KEY.to_owned()),
            (_, None) => Some(NEVER.to_owned()),
            (_, Some(key)) if self.ours.contains(key) => {
                Some(format!("the key {key} is given: nothing is lost"))
            }
            (Some(key), _) => self.without(key),
        }
    }

    /// Who lacks a key.
    fn without(&self, key: &str) -> Option<String> {
        let lacks = |one: &&Instance| !one.keys.iter().any(|had| had == key);
        let lacking = self.instances.iter().filter(lacks);
        let names: Vec<&str> = lacking.map(|one| one.name.as_str()).collect();
        let text = || {
            let names = names.join(", ");
            format!("{names}: at work without the key {key}; give it, and restart")
        };
        (!names.is_empty()).then(text)
    }
}

/// One was given to us, and to nobody at work.
const NEVER: &str = "no key was ever given to a server: run `tongfu migrate` with it first";
/// Nobody gave one.
const NO_KEY: &str = "no key is given: see secrets_key_file";

/// Secrets at rest.
#[async_trait::async_trait]
pub trait Sealing: Send + Sync {
    /// Says that an instance is at work, with which version; good for half a minute.
    async fn announce(&self, name: &str, version: &str) -> Answer<()>;
    /// Says that it no longer is.
    async fn take_leave(&self, name: &str) -> Answer<()>;
    /// Who is at work.
    async fn at_work(&self) -> Answer<Vec<Instance>>;
    /// How secrets are kept.
    async fn sealing(&self) -> Answer<SealState>;
    /// Encrypts what stands in clear alone, takes all clear text away, and keeps older
    /// programs from the database; gives how many secrets there are, or what keeps from it.
    async fn seal_secrets(&self) -> Answer<Result<u64, String>>;
    /// Takes what was overwritten out of the database's files too; needs them for itself
    /// for a while.
    async fn erase_clear_text(&self) -> Answer<()>;
    /// Lets our first key write from now on, and wraps by it what other keys wrap; gives
    /// how many secrets that were, or what keeps from it.
    async fn rotate_key(&self) -> Answer<Result<u64, String>>;
    /// Puts other secrets in the place of those that no key opens any more, kept by our
    /// first key; gives of how many business systems, or what keeps from it. Before the
    /// seal none is lost, and they are kept by our key.
    async fn replace_secrets(&self, made: &NewSecrets) -> Answer<Result<u64, String>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> SealState {
        let one = |name: &str, keys: &[&str]| Instance {
            name: name.to_owned(),
            version: "1".to_owned(),
            keys: keys.iter().copied().map(str::to_owned).collect(),
            quiet_ms: 0,
        };
        SealState {
            writes: Some("k1".to_owned()),
            ours: vec!["k2".to_owned(), "k1".to_owned()],
            instances: vec![one("a", &["k2", "k1"]), one("b", &["k1"])],
            ..SealState::default()
        }
    }

    #[test]
    fn nothing_is_sealed_that_somebody_at_work_could_not_read() {
        let mut state = state();
        assert_eq!(state.keeps_from_seal(), None);
        state.instances[1].keys.clear();
        let why = state.keeps_from_seal().unwrap();
        assert!(why.starts_with("b: at work without the key k1"), "{why}");
        state.instances.clear();
        assert_eq!(state.keeps_from_seal(), None);
        state.sealed_ms = Some(1);
        assert!(state.keeps_from_seal().is_some(), "twice");
        let none = SealState::default().keeps_from_seal();
        assert!(none.is_some_and(|why| why.contains("secrets_key_file")));
    }

    #[test]
    fn a_key_writes_once_everybody_has_it() {
        let mut state = state();
        let why = state.keeps_from_rotation().unwrap();
        assert!(why.starts_with("b: at work without the key k2"), "{why}");
        state.instances[1].keys.push("k2".to_owned());
        assert_eq!(state.keeps_from_rotation(), None);
    }
}
