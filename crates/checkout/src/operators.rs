//! Operators sign in to the console (docs/console.md, Signing in).

use crate::desk::is_word;
use crate::{Clock, token};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use payment::operators::{Known, Operator, Proof, Role, Session};
use payment::ports::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

/// A session that is not seen for so long has ended, ms.
const IDLE_MS: i64 = 30 * 60_000;
/// None goes on longer, ms.
const SESSION_MS: i64 = 12 * 3_600_000;
/// That it was seen is written so often at most, ms.
const SEEN_EVERY_MS: i64 = 60_000;
/// Failures before the next try is put off, and for how long at most, ms: whoever knows a
/// name can put its operator off too.
const FREE_TRIES: i64 = 3;
const LONGEST_WAIT_MS: i64 = 30_000;
/// So many failed tries in a row are recorded one by one.
const EACH_RECORDED: i64 = 20;
/// At the longest wait as many come in an hour.
const AN_HOURS_TRIES: i64 = 120;
/// Passwords have at least so many characters, and no text that is given is longer.
const PASSWORD_MIN: usize = 12;
const TEXT_MAX: usize = 256;
/// Who is told that it was wrong is told so after this time: by how long it took, he would
/// learn which names there are.
const WRONG_TAKES: Duration = Duration::from_millis(500);
/// How many codes stand for a lost device.
const RECOVERY_CODES: usize = 8;
/// Bytes of a key of one-time passwords.
const TOTP_BYTES: usize = 20;

/// The operator of a development, whose password everybody knows: no other instance
/// serves a database that holds it.
pub const DEVELOPMENT_OPERATOR: &str = "dev";
const DEVELOPMENT_PASSWORD: &str = "tongfu-development";

/// Why an operator was not signed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedIn {
    /// The name, the password or the code is wrong, or it failed too often lately; which
    /// one is not told.
    #[error("the name, the password or the code is wrong, or it failed too often lately")]
    Wrong,
    /// Our own trouble; the cause is for the log.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<StoreError> for NotSignedIn {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// What an operator is given once: nobody can read it later.
pub struct Given {
    /// What is kept of it.
    pub proof: Proof,
    /// The address that an app for one-time passwords takes; none: a password alone.
    pub totp: Option<Zeroizing<String>>,
    /// Codes that each stand once for such a password.
    pub recovery: Vec<Zeroizing<String>>,
}

/// An operator who has just proved himself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed(Operator);

impl Confirmed {
    /// Who.
    #[must_use]
    pub fn operator(&self) -> &Operator {
        &self.0
    }
}

/// The door of the console.
pub struct Operators {
    store: Arc<dyn Store>,
    clock: Clock,
    /// Whether development's operator is let in.
    development: bool,
    /// Passwords are tried one after the other: each costs 19 MiB, and a throttle that
    /// several pass at once is none.
    trial: Semaphore,
    /// What a name that nobody has is tried against, so that it takes as long.
    nobody: OnceCell<String>,
}

impl Operators {
    /// The door of the console over this store; development's operator is let in where
    /// this is a development.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Clock, development: bool) -> Self {
        Self {
            store,
            clock,
            development,
            trial: Semaphore::new(1),
            nobody: OnceCell::new(),
        }
    }

    /// Signs an operator in: his password and, where he has a key for them, a one-time
    /// password or a recovery code. Gives the id of his session, which is kept nowhere;
    /// `from` is recorded with the act.
    ///
    /// # Errors
    /// [`NotSignedIn`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        code: &str,
        from: &str,
    ) -> Result<String, NotSignedIn> {
        let what = format!("sign-in from {from}");
        let known = self.proved(name, Some(password), code, &what).await?;
        let now_ms = (self.clock)();
        let id = [token(), token()]
            .into_iter()
            .collect::<Result<String, _>>();
        let id = id.map_err(|error| NotSignedIn::Internal(error.to_string()))?;
        let since_ms = now_ms - IDLE_MS;
        let digest = digest(&id);
        self.store.record_act(name, &what, now_ms).await?;
        let begin = self.store.begin_session(&digest, &known, now_ms, since_ms);
        // He may have been given another password meanwhile.
        if begin.await? {
            Ok(id)
        } else {
            Err(NotSignedIn::Wrong)
        }
    }

    /// An operator proves himself, beside a session or at a shell: by a code, or by his
    /// password where he has no key of codes. Where he does not, that is recorded with what
    /// he was about to do, `deed` to this `number`.
    ///
    /// # Errors
    /// [`NotSignedIn`].
    pub async fn confirm(
        &self,
        name: &str,
        said: &str,
        (deed, number): (&str, &str),
        from: &str,
    ) -> Result<Confirmed, NotSignedIn> {
        // What is recorded is recorded for ever.
        let of = match is_word(number) {
            true => format!("{deed} {number}"),
            false => deed.to_owned(),
        };
        let what = format!("one-time password for {of} from {from}");
        let known = self.proved(name, None, said, &what).await?;
        if known.failed > 0 {
            self.store.operator_proved(name).await?;
        }
        Ok(Confirmed(known.operator))
    }

    /// The operator of this name, by what he says: his password and a code. Without a
    /// password the code stands alone, and is the password of who has no key of codes.
    /// `what` is recorded as failed where it is the wrong one.
    async fn proved(
        &self,
        name: &str,
        password: Option<&str>,
        code: &str,
        what: &str,
    ) -> Result<Known, NotSignedIn> {
        let begun = Instant::now();
        let judged = self.judged(name, password, code, what).await;
        if matches!(judged, Err(NotSignedIn::Wrong)) {
            tokio::time::sleep_until(begun + WRONG_TAKES).await;
        }
        judged
    }

    /// The same, in the time that it takes.
    async fn judged(
        &self,
        name: &str,
        password: Option<&str>,
        code: &str,
        what: &str,
    ) -> Result<Known, NotSignedIn> {
        if [name, password.unwrap_or_default(), code]
            .iter()
            .any(|text| text.len() > TEXT_MAX)
        {
            return Err(NotSignedIn::Wrong);
        }
        let internal = |error: &dyn std::fmt::Display| NotSignedIn::Internal(error.to_string());
        let _trial = self
            .trial
            .acquire()
            .await
            .map_err(|error| internal(&error))?;
        let now_ms = (self.clock)();
        let is_name = self.may_come(name) && !name.chars().any(char::is_control);
        let known = match is_name {
            true => self.store.known_operator(name).await?,
            false => None,
        };
        let has_codes = known.as_ref().is_some_and(|one| one.proof.totp.is_some());
        let matches = match password {
            None if has_codes => true,
            said => self.is_password_of(&known, said.unwrap_or(code)).await?,
        };
        // What is put off costs and says the same, and puts nothing off. What a clock that
        // was ahead put off for longer than anything is, is not.
        let is_put_off =
            |known: &Known| (1..=LONGEST_WAIT_MS).contains(&(known.next_try_ms - now_ms));
        let Some(known) = known.filter(|known| !is_put_off(known)) else {
            return Err(NotSignedIn::Wrong);
        };
        if !matches || !known.operator.enabled || !self.is_code(&known, code, now_ms).await? {
            let times = known.failed + 1;
            let next_try_ms = now_ms + wait_ms(times);
            self.store.operator_failed(name, next_try_ms).await?;
            if let Some(failed) = failed_act(what, times) {
                self.store.record_act(name, &failed, now_ms).await?;
            }
            return Err(NotSignedIn::Wrong);
        }
        Ok(known)
    }

    /// Whether it is the password of this one; of nobody it is none, and that takes as
    /// long.
    async fn is_password_of(&self, known: &Option<Known>, said: &str) -> Result<bool, NotSignedIn> {
        let hash = match known {
            Some(known) => known.proof.password.to_string(),
            None => self.hash_of_nobody().await?,
        };
        let said = Zeroizing::new(said.to_owned());
        let matches = tokio::task::spawn_blocking(move || is_password(&said, &hash)).await;
        matches.map_err(|error| NotSignedIn::Internal(error.to_string()))
    }

    /// Whose session it is, while it goes on.
    ///
    /// # Errors
    /// [`StoreError`] when the database is in trouble.
    pub async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        if id.is_empty() || id.len() > TEXT_MAX {
            return Ok(None);
        }
        let (digest, now_ms) = (digest(id), (self.clock)());
        let session = self.store.session(&digest).await?;
        let Some(session) = session.filter(|one| self.may_come(&one.operator.name)) else {
            return Ok(None);
        };
        if now_ms - session.seen_ms > IDLE_MS || now_ms - session.created_ms > SESSION_MS {
            self.store.end_session(&digest).await?;
            return Ok(None);
        }
        if now_ms - session.seen_ms > SEEN_EVERY_MS {
            self.store.see_session(&digest, now_ms).await?;
        }
        Ok(Some(session))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError`] when the database is in trouble.
    pub async fn sign_out(&self, id: &str) -> Result<(), StoreError> {
        self.store.end_session(&digest(id)).await
    }

    /// Everybody knows the password of development's operator, who may have been left in
    /// any database.
    fn may_come(&self, name: &str) -> bool {
        self.development || name != DEVELOPMENT_OPERATOR
    }

    /// Whether it is a one-time password that was not used before, or a recovery code
    /// that then is none any more.
    async fn is_code(&self, known: &Known, code: &str, now_ms: i64) -> Result<bool, NotSignedIn> {
        let Some(key) = &known.proof.totp else {
            return Ok(true);
        };
        let name = &known.operator.name;
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        let internal = |error: String| NotSignedIn::Internal(error);
        let totp = totp(name, key).map_err(internal)?;
        let seconds = u64::try_from(now_ms / 1000).unwrap_or_default();
        if let Some(step) = totp.check(&code, seconds) {
            let step = i64::try_from(step).unwrap_or_default();
            return Ok(self.store.take_totp_step(name, step).await?);
        }
        let code = digest(&code.to_ascii_lowercase());
        Ok(self.store.take_recovery(name, &code).await?)
    }

    async fn hash_of_nobody(&self) -> Result<String, NotSignedIn> {
        let hash = self.nobody.get_or_try_init(|| async {
            let password = token().map_err(|error| error.to_string())?;
            let made = tokio::task::spawn_blocking(move || hashed(&password)).await;
            made.map_err(|error| error.to_string())?
        });
        hash.await.cloned().map_err(NotSignedIn::Internal)
    }
}

/// The operator of a development, and what proves it; then its password.
///
/// # Errors
/// Where nothing could be made.
pub fn development(now_ms: i64) -> Result<(Operator, Given, &'static str), String> {
    let operator = Operator {
        name: DEVELOPMENT_OPERATOR.to_owned(),
        role: Role::Admin,
        enabled: true,
        created_ms: now_ms,
    };
    let given = given(DEVELOPMENT_OPERATOR, DEVELOPMENT_PASSWORD, false)?;
    Ok((operator, given, DEVELOPMENT_PASSWORD))
}

/// The token of a session's forms: who knows it knows the session's id.
#[must_use]
pub fn form_token(id: &str) -> String {
    digest(&format!("form {id}"))
}

/// What an operator proves himself by: this password and, with `second`, one-time
/// passwords.
///
/// # Errors
/// Why the password is none, or nothing could be made.
pub fn given(name: &str, password: &str, second: bool) -> Result<Given, String> {
    let length = password.chars().count();
    if length < PASSWORD_MIN || password.len() > TEXT_MAX {
        return Err(format!(
            "a password has {PASSWORD_MIN} characters or more, and at most {TEXT_MAX} bytes"
        ));
    }
    let mut given = Given {
        proof: Proof {
            password: hashed(password)?.into(),
            totp: None,
            recovery: Vec::new(),
        },
        totp: None,
        recovery: Vec::new(),
    };
    if !second {
        return Ok(given);
    }
    let mut bytes = Zeroizing::new([0; TOTP_BYTES]);
    getrandom::fill(&mut *bytes).map_err(|error| error.to_string())?;
    let key = Zeroizing::new(Secret::from(&bytes[..]).to_base32());
    let address = totp(name, &key)?
        .to_url()
        .map_err(|error| error.to_string())?;
    given.totp = Some(address.into());
    given.proof.totp = Some(key);
    for _ in 0..RECOVERY_CODES {
        let code = token().map_err(|error| error.to_string())?;
        // 80 bits, in groups that a person copies.
        let groups = [&code[..5], &code[5..10], &code[10..15], &code[15..20]];
        given.proof.recovery.push(digest(&groups.concat()));
        given.recovery.push(groups.join("-").into());
    }
    Ok(given)
}

fn totp(name: &str, key: &str) -> Result<Totp, String> {
    let secret = Secret::try_from_base32(key).map_err(|error| error.to_string())?;
    let totp = Builder::new()
        .with_secret(secret)
        .with_account_name(name.to_owned())
        .with_issuer(Some("Tongfu".to_owned()));
    totp.build().map_err(|error| error.to_string())
}

fn hashed(password: &str) -> Result<String, String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

fn is_password(password: &str, hash: &str) -> bool {
    let hash = PasswordHash::new(hash);
    hash.is_ok_and(|hash| {
        let verified = Argon2::default().verify_password(password.as_bytes(), &hash);
        verified.is_ok()
    })
}

/// What is recorded of the so manieth try in a row that failed, if anything: acts are kept for
/// ever, and who goes on for days is told of once an hour.
fn failed_act(what: &str, times: i64) -> Option<String> {
    match times {
        ..=EACH_RECORDED => Some(format!("{what} failed")),
        _ if times % AN_HOURS_TRIES == 0 => Some(format!("{what} failed, {times} in a row")),
        _ => None,
    }
}

/// How long the next try is put off, ms.
fn wait_ms(failed: i64) -> i64 {
    let doubled = u32::try_from(failed - FREE_TRIES).ok();
    let wait = doubled.map(|times| 2_i64.saturating_pow(times).saturating_mul(1_000));
    wait.unwrap_or_default().min(LONGEST_WAIT_MS)
}

fn digest(text: &str) -> String {
    payment::story::digest(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_put_off_ever_longer() {
        let waits = [1, 2, 3, 4, 5, 13, 99].map(wait_ms);
        assert_eq!(waits, [0, 0, 1_000, 2_000, 4_000, 30_000, 30_000]);
    }

    #[test]
    fn who_fails_for_days_is_recorded_once_an_hour() {
        let recorded = (1..=1_000).filter_map(|times| failed_act("sign-in from a", times));
        let recorded: Vec<_> = recorded.collect();
        assert_eq!(recorded.len(), 28);
        assert_eq!(recorded[19], "sign-in from a failed");
        assert_eq!(recorded[20], "sign-in from a failed, 120 in a row");
    }

    #[test]
    fn what_is_given_proves_and_is_not_kept() {
        let given = given("li", "a long password", true).unwrap();
        assert!(is_password("a long password", &given.proof.password));
        assert!(!is_password("a long passwort", &given.proof.password));
        assert!(
            given
                .proof
                .password
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        assert!(
            given
                .totp
                .unwrap()
                .starts_with("otpauth://totp/Tongfu:li?secret=")
        );
        assert_eq!(given.recovery.len(), 8);
        for (code, kept) in given.recovery.iter().zip(&given.proof.recovery) {
            assert_eq!(digest(&code.replace('-', "")), *kept);
        }
        assert!(super::given("li", "too short", false).is_err());
    }
}
