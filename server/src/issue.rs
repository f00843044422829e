//! Business systems are made, and issued their secrets: the first ones, and those that
//! follow. The command line and the console do it alike.

use crate::clock::now_ms;
use crate::settings::{ApayArgs, EpayArgs, RuleArgs, SettingArgs, duration_s, key_rule};
use anyhow::{Context, Result, bail};
use doors::{apay, epay};
use payment::domain::{Domain, DomainError, DomainSettings, PartnerSettings, Secret};
use payment::ports::{Store, StoreError};

/// Bytes of a made secret: 160 bits.
const SECRET_BYTES: usize = 20;
/// The first pid.
const FIRST_PID: u32 = 1000;
/// The longest time that an old secret holds beside a new one, s: who got hold of it signs
/// as long.
const OVERLAP_MAX_S: i64 = 90 * 86_400;
/// Bytes of what an operator calls one.
const NAME_MAX: usize = 200;
const KEY_LENGTH: usize = 32;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A business system of the platform's own interface.
///
/// # Errors
/// Where its code is taken by a development, or it breaks a rule of docs/signing.md.
pub(crate) fn domain(
    code: &str,
    rule: RuleArgs,
    settings: SettingArgs,
    secret: &str,
) -> Result<Domain> {
    if code == "test" || code == "demo" {
        bail!(DomainError::new(
            &format!("{code} 是开发用的业务系统：换一个 domainCode"),
            &format!("`{code}` is a development domain: choose another code"),
        ));
    }
    let mut all = DomainSettings::default();
    settings.apply(&mut all);
    let secrets = vec![Secret::new(1, secret, None)];
    Ok(Domain::new(code, key_rule(rule)?, all, secrets)?)
}

/// A partner, who speaks Apay's interface.
///
/// # Errors
/// Where its id is taken by a development, or it breaks a rule.
pub(crate) fn partner(id: &str, settings: ApayArgs, key: &str) -> Result<Domain> {
    if id == "p001" {
        bail!(DomainError::new(
            "p001 是开发用的合作方：换一个 partnerId",
            "`p001` is a development partner: choose another id",
        ));
    }
    let mut partner = apay::partner(id, DomainSettings::default(), key, false)?;
    settings.apply(&mut partner);
    partner.check()?;
    Ok(partner)
}

/// A business system that speaks epay.
///
/// # Errors
/// Where its pid is development's, or it breaks a rule.
pub(crate) fn epay(pid: u32, name: &str, settings: EpayArgs, key: &str) -> Result<Domain> {
    if pid == epay::DEVELOPMENT_PID {
        bail!(DomainError::new(
            &format!("{pid} 是开发用的 pid"),
            &format!("{pid} is a development's pid"),
        ));
    }
    if name.trim().is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
        bail!(DomainError::new(
            &format!("名字要写一行，最多 {NAME_MAX} 字节"),
            &format!("a name is one line of at most {NAME_MAX} bytes"),
        ));
    }
    let mut domain = epay::partner(pid, DomainSettings::default(), key, false)?;
    settings.apply(&mut domain);
    if let Some(partner) = &mut domain.settings.partner {
        name.clone_into(&mut partner.name);
    }
    domain.check()?;
    Ok(domain)
}

/// The partners of a door, with what only they have.
pub(crate) fn of_door(
    domains: Vec<Domain>,
    door: &str,
) -> impl Iterator<Item = (PartnerSettings, Domain)> {
    domains.into_iter().filter_map(move |domain| {
        let partner = domain.settings.partner.clone();
        let partner = partner.filter(|partner| partner.door == door);
        partner.map(|partner| (partner, domain))
    })
}

/// The next pid that nobody has; none: there is none left.
///
/// # Errors
/// What the database says.
pub(crate) async fn next_pid(store: &dyn Store) -> Result<Option<u32>, StoreError> {
    let before = Domain::partner_code(epay::NAME, "");
    let codes = store.domain_codes(&before).await?;
    let pids = codes.iter().filter_map(|code| code.strip_prefix(&before));
    let last = pids.filter_map(|pid| pid.parse().ok()).max();
    Ok(pid_after(last.unwrap_or(FIRST_PID - 1)))
}

/// The pid after another one, unless that is the last.
pub(crate) fn pid_after(pid: u32) -> Option<u32> {
    match pid.checked_add(1)? {
        epay::DEVELOPMENT_PID => Some(epay::DEVELOPMENT_PID + 1),
        next => Some(next),
    }
}

/// How long an old secret may hold beside a new one, s.
///
/// # Errors
/// Where that is no time, or a longer one than [`OVERLAP_MAX_S`].
pub(crate) fn overlap_s(text: &str) -> Result<i64, String> {
    let overlap_s = duration_s(text).ok();
    let overlap_s = overlap_s.filter(|overlap_s| *overlap_s <= OVERLAP_MAX_S);
    overlap_s.ok_or_else(|| {
        let days = OVERLAP_MAX_S / 86_400;
        format!(
            "an overlap such as 30m, 12h, 7d, of at most {days}d: as long as an old secret \
             holds, whoever has it can sign"
        )
    })
}

/// The same business system with the newest of its secrets alone; none: no other one holds.
pub(crate) fn older_ended(was: &Domain) -> Option<Domain> {
    let now_ms = now_ms();
    let mut domain = was.clone();
    domain.end_older(now_ms);
    was.has_older(now_ms).then_some(domain)
}

/// The same business system with another secret, which it gives; the one before holds for so
/// many seconds more, and those before it no longer than they did.
///
/// # Errors
/// Where that is too long, or the secret could not be made.
pub(crate) fn rotated(was: &Domain, overlap_s: i64) -> Result<(Domain, String)> {
    let secret = first(was.door())?;
    let mut domain = was.clone();
    let end_ms = overlap_s.checked_mul(1000);
    let end_ms = end_ms.and_then(|ms| now_ms().checked_add(ms));
    domain.rotate(&secret, end_ms.context("the overlap is too long")?);
    Ok((domain, secret))
}

/// A new secret of the form that a door's business systems expect.
///
/// # Errors
/// Where no random numbers are to be had.
pub(crate) fn first(door: &str) -> Result<String> {
    match door {
        epay::NAME => make_key(),
        _ => make_secret(),
    }
}

/// What is pasted into the business system, each with its name there.
pub(crate) fn pasted(
    public_url: &str,
    domain: &Domain,
    secret: &str,
) -> Vec<(&'static str, String)> {
    let secret = secret.to_owned();
    let id = domain.settings.partner.as_ref();
    let id = id.map_or(&domain.code, |partner| &partner.id).clone();
    match domain.door() {
        epay::NAME => vec![
            ("gateway", format!("{public_url}/epay/")),
            ("pid", id),
            ("key", secret),
        ],
        apay::NAME => vec![("partnerId", id), ("key", secret)],
        _ => vec![("domainCode", id), ("domainSecret", secret)],
    }
}

/// A letter, and hex: it begins with a letter and can't hold a key prefix, which
/// begins with a capital.
pub(crate) fn make_secret() -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("s{}", hex::encode(bytes)))
}

/// Each of the 32 characters with the same chance.
fn make_key() -> Result<String> {
    let mut key = String::with_capacity(KEY_LENGTH);
    while key.len() < KEY_LENGTH {
        let mut bytes = [0; KEY_LENGTH];
        getrandom::fill(&mut bytes)?;
        let drawn = bytes.iter().map(|byte| usize::from(byte & 63));
        let drawn = drawn.filter_map(|at| BASE62.get(at).copied().map(char::from));
        key.extend(drawn.take(KEY_LENGTH - key.len()));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_secret_holds_for_90_days_at_most() {
        assert_eq!(overlap_s("90d"), Ok(OVERLAP_MAX_S));
        for text in ["91d", "36500d", "for ever", "0s", ""] {
            let refused = overlap_s(text).unwrap_err();
            assert!(refused.contains("at most 90d"), "{refused}");
        }
    }

    #[test]
    fn a_rule_that_came_later_stops_no_rotation() {
        let test = Domain::test();
        let mut settings = test.settings.clone();
        settings.attempts_an_hour = 0;
        let secrets = test.secrets().to_vec();
        let old = Domain::from_stored("test", test.rule.clone(), settings, secrets, false);
        assert!(old.check().is_err());
        let (rotated, secret) = rotated(&old, 60).unwrap();
        assert_eq!(rotated.secrets()[0].expose(), secret);
    }

    #[test]
    fn a_key_has_32_characters_of_base62_and_no_two_are_alike() {
        let keys = [make_key().unwrap(), make_key().unwrap()];
        for key in &keys {
            assert_eq!(key.len(), KEY_LENGTH);
            assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn no_pid_is_developments() {
        assert_eq!(pid_after(FIRST_PID - 1), Some(1000));
        assert_eq!(pid_after(1000), Some(1002));
        assert_eq!(pid_after(u32::MAX), None);
    }

    #[test]
    fn made_secrets_begin_with_a_letter_and_differ() {
        let (one, other) = (make_secret().unwrap(), make_secret().unwrap());
        assert!(one.starts_with('s') && one.len() == 41);
        assert_ne!(one, other);
    }
}
