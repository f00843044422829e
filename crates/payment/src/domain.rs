//! A business system: its code, secrets, and what its requests may hold
//! (docs/signing.md).

pub use crate::domain_error::DomainError;

use crate::address::{Address, is_host, origin};
use crate::money::Currency;
use crate::payee::Payee;
use crate::printable::is_plain;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// A key's prefix, and a key in all, are no longer than this, in characters.
const PREFIX_MAX: usize = 8;
const KEY_MAX: usize = 64;
/// A domain's code has no more letters (docs/integrate.md).
const CODE_MAX: usize = 64;
/// How many decimals a rate may have.
const RATE_DECIMALS: RangeInclusive<u8> = 1..=6;
/// How far a partner's clock may be from ours, unless it is set, s: a day.
const PARTNER_TIME_WINDOW_S: i64 = 86_400;

/// An attempt lives no longer than what channels gave for it: WeChat's code_url and prepay_id
/// are good for two hours, s (docs/reference/wechat.md, Orders).
pub const ATTEMPT_LIFE_MAX_S: i64 = 7_200;

/// The word of the platform's own door.
pub const PLATFORM: &str = "platform";

/// A secret of a domain; generations follow each other as secrets are rotated. Its text
/// is wiped from memory where it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its generation: 1, 2, ….
    pub generation: i64,
    /// When it ends, ms since 1970; the newest has no end.
    pub not_after_ms: Option<i64>,
    text: Zeroizing<String>,
}

impl Secret {
    /// A secret of this generation that ends then.
    #[must_use]
    pub fn new(generation: i64, text: &str, not_after_ms: Option<i64>) -> Self {
        Self {
            generation,
            not_after_ms,
            text: Zeroizing::new(text.to_owned()),
        }
    }

    /// The secret itself: for signing and storing, and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_alive(&self, now_ms: i64) -> bool {
        self.not_after_ms.is_none_or(|end_ms| now_ms < end_ms)
    }

    /// It ends then at the latest.
    fn end(&mut self, at_ms: i64) {
        let end_ms = self.not_after_ms.unwrap_or(i64::MAX);
        self.not_after_ms = Some(end_ms.min(at_ms));
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, ***)", self.generation)
    }
}

/// How a domain's requests are kept to one meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyRule {
    /// One meaning by construction.
    Strict(Strict),
    /// Any requestKey; the risk that stays is the domain's.
    Legacy(Legacy),
}

/// What a legacy domain fixes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Legacy {
    /// The values that requestChannel may have; empty is one of them where listed.
    pub request_channels: Vec<String>,
    /// What becomes of a request whose values, cut elsewhere, make another sum.
    #[serde(default)]
    pub recut: Recut,
    /// Decimals of rate; none: no rate is taken where such requests are refused, and
    /// any where they are logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_decimals: Option<u8>,
}

/// What becomes of a request of a legacy domain that breaks a rule without which its
/// sign has several sums (docs/signing.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recut {
    /// It is refused: new domains.
    Refuse,
    /// It is taken, counted and alarmed: domains that existed before the rules did.
    #[default]
    Log,
}

/// What a strict domain fixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strict {
    /// Begins every requestKey, and stands nowhere else.
    pub prefix: String,
    /// Length of every requestKey in all, characters.
    pub length: usize,
    /// The one value of requestChannel, always there; or always empty.
    pub request_channel: String,
    /// The one currency.
    pub currency: Currency,
    /// Decimals of rate, where one is given.
    pub rate_decimals: u8,
}

/// What happens to money that comes for a closed request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LateMoney {
    /// It is refunded.
    #[default]
    Refund,
    /// It pays the request.
    Honour,
}

/// The settings of a domain that an operator may change; none is a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DomainSettings {
    /// The largest sum of a request, minor units.
    pub largest_sum: i64,
    /// bgUrl must lie under one of these; none: any (legacy only).
    pub callbacks: Vec<String>,
    /// Hosts of bgUrl that may be private addresses.
    pub private_callback_hosts: Vec<String>,
    /// Hosts that the three page addresses may name; none: any.
    pub return_hosts: Vec<String>,
    /// Whether only HMAC signs are taken.
    pub hmac_required: bool,
    /// Whether callbacks carry `sign2` too.
    pub sign2: bool,
    /// Whether a FAILUREPAY is called back.
    pub failurepay: bool,
    /// Whether the end of a refund is called back.
    pub refund_callbacks: bool,
    /// Whether refund callbacks and queryInfo tell each refund with its sum; needs
    /// `sign2`.
    pub refund_details: bool,
    /// How long an attempt lives, seconds.
    pub attempt_life_s: i64,
    /// How many attempts of one request may begin within an hour.
    pub attempts_an_hour: i64,
    /// How long a request can be paid, seconds; none: without end.
    pub deadline_s: Option<i64>,
    /// Origins that may show the page in a frame; none: those of the page addresses.
    pub frame_origins: Vec<String>,
    /// Whether a paid payer is held for up to 3 s until the callback of his payment
    /// is acknowledged.
    pub hold_for_callback: bool,
    /// What happens to late money.
    pub late_money: LateMoney,
    /// Whether all its calls are refused, as those of a system that there is not.
    #[serde(skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// Whether none of its payments begins.
    #[serde(skip_serializing_if = "is_false")]
    pub payments_frozen: bool,
    /// Whether no refund that it asks for begins.
    #[serde(skip_serializing_if = "is_false")]
    pub refunds_frozen: bool,
    /// What refunds that it asks for may give back within 24 hours, minor units of each
    /// currency; none: what was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunds_a_day: Option<i64>,
    /// Until when its developer's own machine is given copies of its callbacks, ms since
    /// 1970 (docs/protocol.md, The relay); none: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_until_ms: Option<i64>,
    /// Who is paid, as payers read it.
    pub payee: Payee,
    /// Present where the business system is a partner: it comes in by another door than
    /// the platform's, and its code is [`Domain::partner_code`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerSettings>,
}

fn is_false(set: &bool) -> bool {
    !set
}

/// What only a partner has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartnerSettings {
    /// The word of its door.
    #[serde(default = "first_door")]
    pub door: String,
    /// Its own id at that door.
    pub id: String,
    /// How far `time` may be from ours, seconds; none: it is not looked at.
    pub time_window_s: Option<i64>,
    /// What the operator calls it, where its id is a number of ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether a refund is answered with code 0, as epay's first server does, else 1.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refund_code_zero: bool,
}

/// The door of partners that were kept before there was another.
fn first_door() -> String {
    "apay".to_owned()
}

impl DomainSettings {
    /// What a page shows, calls or follows.
    fn check_page(&self) -> Result<(), DomainError> {
        self.payee.check()?;
        for prefix in &self.callbacks {
            let read = Address::callback(prefix).map_err(|rule| DomainError {
                zh: format!(
                    "回调地址的前缀“{prefix}”不行：要以 http:// 或 https:// 开头，只有主机和\
                         路径，不含 ? # @ \\"
                ),
                en: format!("callback `{prefix}`: it must be {rule}"),
            })?;
            // No address lies under one that leads back up.
            if !read.lies_under(&read) {
                return Err(DomainError {
                    zh: format!(
                        "回调地址的前缀“{prefix}”不行：路径里不能有 . 和 .. 这样的段，也不能有转义的斜杠"
                    ),
                    en: format!(
                        "callback `{prefix}`: its path must hold no segment . or .. and no \
                         escaped slash"
                    ),
                });
            }
        }
        for host in self.return_hosts.iter().chain(&self.private_callback_hosts) {
            if !is_host(host) {
                return Err(DomainError {
                    zh: format!("主机“{host}”不行：只写主机，小写，例如 shop.example"),
                    en: format!(
                        "host `{host}`: it must be a host alone, in small letters: shop.example"
                    ),
                });
            }
        }
        let is_origin = |text: &&String| origin(text).as_ref() == Some(*text);
        match self.frame_origins.iter().find(|text| !is_origin(text)) {
            None => Ok(()),
            Some(text) => Err(DomainError {
                zh: format!("来源“{text}”不行：只写协议、主机和端口，例如 https://shop.example"),
                en: format!(
                    "origin `{text}`: it must be scheme, host and port alone: https://shop.example"
                ),
            }),
        }
    }
}

impl Default for DomainSettings {
    fn default() -> Self {
        Self {
            largest_sum: 10_000_000,
            callbacks: Vec::new(),
            private_callback_hosts: Vec::new(),
            return_hosts: Vec::new(),
            hmac_required: false,
            sign2: false,
            failurepay: false,
            refund_callbacks: false,
            refund_details: false,
            attempt_life_s: 900,
            attempts_an_hour: 20,
            deadline_s: None,
            frame_origins: Vec::new(),
            hold_for_callback: false,
            late_money: LateMoney::Refund,
            disabled: false,
            payments_frozen: false,
            refunds_frozen: false,
            refunds_a_day: None,
            relay_until_ms: None,
            payee: Payee::default(),
            partner: None,
        }
    }
}

/// A business system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// `domainCode`.
    pub code: String,
    /// How its requests are kept to one meaning.
    pub rule: KeyRule,
    /// What an operator may change.
    pub settings: DomainSettings,
    /// A domain of the documents, whose secret everybody knows: it may have
    /// callbacks on loopback, and exists under `--dev` only.
    pub development: bool,
    secrets: Vec<Secret>,
}

impl Domain {
    /// A new domain; secrets in any order.
    ///
    /// # Errors
    /// [`DomainError`] when it breaks a rule that docs/signing.md puts on domains.
    pub fn new(
        code: &str,
        rule: KeyRule,
        settings: DomainSettings,
        secrets: Vec<Secret>,
    ) -> Result<Self, DomainError> {
        let domain = Self::from_stored(code, rule, settings, secrets, false);
        domain.check()?;
        Ok(domain)
    }

    /// A domain as the store keeps it; secrets in any order.
    #[must_use]
    pub fn from_stored(
        code: &str,
        rule: KeyRule,
        settings: DomainSettings,
        mut secrets: Vec<Secret>,
        development: bool,
    ) -> Self {
        secrets.sort_by_key(|secret| -secret.generation);
        Self {
            code: code.to_owned(),
            rule,
            settings,
            development,
            secrets,
        }
    }

    /// The domain of the seed's samples: code `test`, secret `test`, legacy.
    #[must_use]
    pub fn test() -> Self {
        Self {
            code: "test".to_owned(),
            rule: KeyRule::Legacy(Legacy {
                request_channels: vec![String::new(), "1".to_owned()],
                ..Legacy::default()
            }),
            settings: DomainSettings {
                largest_sum: 50_000_000,
                // The samples of the documents share a requestKey.
                attempts_an_hour: 200,
                ..DomainSettings::default()
            },
            development: true,
            secrets: vec![Secret::new(1, "test", None)],
        }
    }

    /// The demo shop's domain: code `demo`, secret `demo-secret`, strict.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            code: "demo".to_owned(),
            rule: KeyRule::Strict(Strict {
                prefix: "D1-".to_owned(),
                length: 16,
                request_channel: "1".to_owned(),
                currency: Currency::Cny,
                rate_decimals: 4,
            }),
            settings: DomainSettings {
                payee: Payee {
                    name: "统付演示商店".to_owned(),
                    name_en: "Tongfu Demo Shop".to_owned(),
                    ..Payee::default()
                },
                ..DomainSettings::default()
            },
            development: true,
            secrets: vec![Secret::new(1, "demo-secret", None)],
        }
    }

    /// The code under which a partner of a door is kept: no business system of the
    /// platform can have it.
    #[must_use]
    pub fn partner_code(door: &str, partner_id: &str) -> String {
        format!("{door}.{partner_id}")
    }

    /// The word of the door by which it comes in.
    #[must_use]
    pub fn door(&self) -> &str {
        let partner = self.settings.partner.as_ref();
        partner.map_or(PLATFORM, |partner| &partner.door)
    }

    /// A partner of a door. Its payers are sent to our page with an address that we sign
    /// ourselves, by HMAC alone.
    ///
    /// # Errors
    /// [`DomainError`] for an id that is no plain word.
    pub fn partner(
        door: &str,
        id: &str,
        settings: DomainSettings,
        key: &str,
        development: bool,
    ) -> Result<Self, DomainError> {
        if id.is_empty() || id.len() > 32 || !is_plain(id) {
            return refuse(
                "partnerId 要 1 到 32 个字母、数字、_ 和 -",
                "a partnerId has 1 to 32 letters, digits, _ and -",
            );
        }
        let partner = settings.partner.clone().unwrap_or(PartnerSettings {
            door: door.to_owned(),
            id: id.to_owned(),
            time_window_s: Some(PARTNER_TIME_WINDOW_S),
            name: String::new(),
            refund_code_zero: false,
        });
        Ok(Self {
            code: Self::partner_code(door, id),
            rule: KeyRule::Legacy(Legacy {
                request_channels: vec![String::new()],
                ..Legacy::default()
            }),
            settings: DomainSettings {
                largest_sum: 999_999_999,
                hmac_required: true,
                partner: Some(partner),
                ..settings
            },
            development,
            secrets: vec![Secret::new(1, key, None)],
        })
    }

    /// All secrets, the newest first.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// The secrets that a request may be signed with now, the newest first.
    pub fn live_secrets(&self, now_ms: i64) -> impl Iterator<Item = &Secret> {
        self.secrets
            .iter()
            .filter(move |secret| secret.is_alive(now_ms))
    }

    /// Whether its developer's own machine may be given its callbacks now; a development's
    /// always, since its secret is no secret and its server answers this machine alone.
    #[must_use]
    pub fn is_relayed(&self, now_ms: i64) -> bool {
        let until_ms = self.settings.relay_until_ms;
        !self.settings.disabled
            && (self.development || until_ms.is_some_and(|until_ms| now_ms < until_ms))
    }

    /// The secret that a callback is signed with: the one of its request, or the
    /// newest once that has ended.
    #[must_use]
    pub fn secret_for(&self, generation: i64, now_ms: i64) -> &Secret {
        let mut live = self.live_secrets(now_ms);
        live.find(|secret| secret.generation == generation)
            .unwrap_or(&self.secrets[0])
    }

    /// Adds a new secret; the ones before end at `old_until_ms` at the latest, and those that
    /// end sooner as they did. A secret that was made follows every rule of
    /// docs/signing.md; no setting is judged, for a rule that came later must not keep a
    /// stolen secret alive.
    pub fn rotate(&mut self, text: &str, old_until_ms: i64) {
        let generation = self.secrets[0].generation + 1;
        for secret in &mut self.secrets {
            secret.end(old_until_ms);
        }
        self.secrets.insert(0, Secret::new(generation, text, None));
    }

    /// Whether a secret holds besides the newest.
    #[must_use]
    pub fn has_older(&self, now_ms: i64) -> bool {
        self.secrets[1..]
            .iter()
            .any(|secret| secret.is_alive(now_ms))
    }

    /// Ends every secret but the newest now.
    pub fn end_older(&mut self, now_ms: i64) {
        for secret in &mut self.secrets[1..] {
            secret.end(now_ms);
        }
    }

    /// Every rule that docs/signing.md puts on a domain itself.
    ///
    /// # Errors
    /// [`DomainError`] with the rule that is broken.
    pub fn check(&self) -> Result<(), DomainError> {
        if self
            .secrets
            .first()
            .is_none_or(|newest| newest.expose().is_empty())
        {
            return refuse("业务系统要有密钥", "a domain needs a secret");
        }
        if self.code.len() > CODE_MAX {
            return refuse(
                "domainCode 最多 64 个字符",
                "a domain's code has at most 64 letters",
            );
        }
        if let Some(partner) = &self.settings.partner {
            let fits = self.code == Self::partner_code(&partner.door, &partner.id);
            return if fits {
                self.settings.check_page()
            } else {
                refuse(
                    "合作方的编码要合它的 id",
                    "a partner is kept under its own code",
                )
            };
        }
        if !self.code.starts_with(|c: char| c.is_ascii_lowercase()) || !is_plain(&self.code) {
            return refuse(
                "domainCode 要以小写字母开头，只有字母、数字、_ 和 -",
                "domainCode begins with a lower-case letter and has only letters, digits, _ and -",
            );
        }
        if !(1..=999_999_999).contains(&self.settings.largest_sum) {
            return refuse(
                "一笔最大（分）要从 1 到 999999999",
                "the largest sum is from 1 to 999999999",
            );
        }
        if self.settings.refund_details && !self.settings.sign2 {
            return refuse(
                "回调里列出每笔退款要同时开 sign2：旧的签名不包括它们",
                "refund details need sign2: the old sign does not cover them",
            );
        }
        if self.settings.attempts_an_hour < 1 {
            return refuse(
                "一个请求每小时至少可试 1 次",
                "a request may have at least one attempt an hour",
            );
        }
        self.settings.check_page()?;
        if self.settings.attempt_life_s < 1 {
            return refuse(
                "一次付款的有效时间至少 1 秒",
                "an attempt lives at least a second",
            );
        }
        match &self.rule {
            KeyRule::Strict(strict) => self.check_strict(strict),
            KeyRule::Legacy(legacy) => self.check_legacy(legacy),
        }
    }

    fn check_legacy(&self, legacy: &Legacy) -> Result<(), DomainError> {
        if legacy
            .rate_decimals
            .is_some_and(|decimals| !RATE_DECIMALS.contains(&decimals))
        {
            return refuse("汇率小数位要从 1 到 6", "rate has one to six decimals");
        }
        if legacy.recut == Recut::Log {
            return Ok(());
        }
        let [channel] = legacy.request_channels.as_slice() else {
            return refuse(
                "签名也合别的金额的请求要拒绝（refuse），requestChannel 就只能有一个值；有几个值要\
                 用 log",
                "recut=refuse needs one value of requestChannel; with several, recut=log",
            );
        };
        check_channel(channel)?;
        if !self
            .secrets
            .iter()
            .map(Secret::expose)
            .all(begins_with_letter)
        {
            return refuse("密钥要以字母开头", "a secret begins with a letter");
        }
        Ok(())
    }

    fn check_strict(&self, strict: &Strict) -> Result<(), DomainError> {
        if !is_prefix(&strict.prefix) {
            return refuse(
                "requestKey 的开头是一个大写字母、一个数字，再加最多六个 0-9 _ -，例如 M7-",
                "a key prefix is a capital letter, a digit, and up to six of 0-9 _ - (such as M7-)",
            );
        }
        if strict.length <= strict.prefix.len() || strict.length > KEY_MAX {
            return refuse(
                "requestKey 的长度要大于它的开头，最多 64",
                "a key is longer than its prefix and has at most 64 characters",
            );
        }
        let channel = &strict.request_channel;
        check_channel(channel)?;
        if !Currency::SEED.contains(&strict.currency) {
            return refuse("币种是 CNY 或 USD", "the currency is CNY or USD");
        }
        if !RATE_DECIMALS.contains(&strict.rate_decimals) {
            return refuse("汇率小数位要从 1 到 6", "rate has one to six decimals");
        }
        if !self.development && self.settings.callbacks.is_empty() {
            return refuse(
                "要写回调地址的前缀",
                "a strict domain needs a callback prefix",
            );
        }
        let secrets = self.secrets.iter().map(Secret::expose);
        if [self.code.as_str(), channel]
            .into_iter()
            .chain(secrets.clone())
            .any(|text| text.contains(&strict.prefix))
        {
            return refuse(
                "domainCode、密钥和 requestChannel 里不能有 requestKey 的开头",
                "domainCode, secret and requestChannel don't hold the key prefix",
            );
        }
        if !secrets.clone().all(begins_with_letter) {
            return refuse("密钥要以字母开头", "a secret begins with a letter");
        }
        Ok(())
    }
}

fn check_channel(channel: &str) -> Result<(), DomainError> {
    let fits = channel.is_empty() || channel == "1" || begins_with_letter(channel);
    if fits && !channel.contains(' ') {
        return Ok(());
    }
    refuse(
        "requestChannel 是 1、以字母开头的词，或空",
        "requestChannel is 1, a word that begins with a letter, or empty",
    )
}

fn refuse<T>(zh: &str, en: &str) -> Result<T, DomainError> {
    Err(DomainError::new(zh, en))
}

fn begins_with_letter(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// `[A-Z][0-9][0-9_-]*`, at most eight characters.
fn is_prefix(prefix: &str) -> bool {
    let bytes = prefix.as_bytes();
    bytes.len() <= PREFIX_MAX
        && bytes.first().is_some_and(u8::is_ascii_uppercase)
        && bytes.get(1).is_some_and(u8::is_ascii_digit)
        && bytes
            .iter()
            .skip(2)
            .all(|byte| byte.is_ascii_digit() || b"_-".contains(byte))
}

#[cfg(test)]
mod tests;
