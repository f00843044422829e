//! Why a request is refused: one variant for each cause, its errcode, and a
//! text that says what to do. Never a secret, never a value.

use crate::errcode::ErrCode;
use crate::lang::Lang;
use crate::printable::printable;
use crate::rule::Rule;
use crate::slip::{self, Slip, Slips};
use std::fmt;

/// What a parameter must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    en: String,
    zh: String,
}

impl fmt::Display for Form {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.en)
    }
}

/// Words that are the same in both languages.
impl From<&str> for Form {
    fn from(words: &str) -> Self {
        (words, words).into()
    }
}

/// English, then Chinese.
impl<T: Into<String>> From<(T, T)> for Form {
    fn from((en, zh): (T, T)) -> Self {
        let (en, zh) = (en.into(), zh.into());
        Self { en, zh }
    }
}

/// Why a signed request is refused (docs/signing.md).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A required parameter is absent or empty.
    #[error("{0} is missing")]
    Missing(String),
    /// A parameter, or the body, is not of its form.
    #[error("{name} must be {form}")]
    Malformed {
        /// Its name.
        name: String,
        /// What it must be.
        form: Form,
    },
    /// A known name comes twice.
    #[error("{0} comes twice")]
    Repeated(String),
    /// No such domain.
    #[error("unknown domainCode")]
    UnknownDomain,
    /// The sign does not hold in any form.
    #[error("{} are signed: {names}{}", names.split(", ").count(), causes(slips, Lang::En))]
    BadSign {
        /// The parameters that are not empty and that it covers; none where the interface
        /// has no names.
        names: String,
        /// What was done otherwise, where that may be told and is known.
        slips: Slips,
    },
    /// The sign would hold only with a parameter that is not part of the interface.
    #[error("the sign covers {0}, which is not a parameter of this interface")]
    OnlyWithUnknown(String),
    /// The sum or the currency is not taken.
    #[error("{0} is refused: over the domain's largest sum, or not its currency")]
    Amount(String),
    /// An address that the domain may not name.
    #[error("{0} names an address that is not allowed")]
    AddressRefused(String),
    /// The sign holds, and the request breaks a rule that keeps it to one meaning.
    #[error("{}", .0.text(Lang::En))]
    Rule(Rule),
    /// Only HMAC is taken here.
    #[error("signType=HMAC-SHA256 is required")]
    HmacRequired,
}

impl Refusal {
    /// A sign that does not hold, of an interface without names.
    #[must_use]
    pub fn bad_sign(slips: Slips) -> Self {
        let names = String::new();
        Self::BadSign { names, slips }
    }

    /// A missing parameter.
    #[must_use]
    pub fn missing(name: &str) -> Self {
        Self::Missing(name.to_owned())
    }

    /// A parameter that is not of its form; `form` says which that is, in English and
    /// in Chinese where the two differ.
    #[must_use]
    pub fn malformed(name: &str, form: impl Into<Form>) -> Self {
        Self::Malformed {
            name: short(name),
            form: form.into(),
        }
    }

    /// A name that comes twice.
    #[must_use]
    pub fn repeated(name: &str) -> Self {
        Self::Repeated(short(name))
    }

    /// A sign that covers a parameter which is not of the interface.
    #[must_use]
    pub fn signed_stranger(name: &str) -> Self {
        Self::OnlyWithUnknown(short(name))
    }

    /// The errcode that tells it.
    #[must_use]
    pub fn code(&self) -> ErrCode {
        match self {
            Self::Missing(_) => ErrCode::Missing,
            Self::Malformed { .. } | Self::Repeated(_) => ErrCode::Malformed,
            Self::UnknownDomain => ErrCode::UnknownDomain,
            Self::BadSign { .. } | Self::OnlyWithUnknown(_) => ErrCode::BadSign,
            Self::Amount(_) => ErrCode::Amount,
            Self::AddressRefused(_) => ErrCode::AddressRefused,
            Self::Rule(_) => ErrCode::Ambiguous,
            Self::HmacRequired => ErrCode::HmacRequired,
        }
    }

    /// What the caller reads: the general text of the code, and the particular cause.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let general = self.code().message(lang);
        match self {
            Self::UnknownDomain | Self::HmacRequired => general.to_owned(),
            Self::BadSign { names, .. } if names.is_empty() => general.to_owned(),
            Self::Rule(rule) if *rule != Rule::Swapped => rule.text(lang),
            _ if lang == Lang::En => format!("{general} ({self})"),
            Self::Missing(name) | Self::Amount(name) | Self::AddressRefused(name) => {
                format!("{general}（{name}）")
            }
            Self::Malformed { name, form } => format!("{general}（{name}：{}）", form.zh),
            Self::Repeated(name) => format!("{general}（{name}重复）"),
            Self::BadSign { names, slips } => {
                let (count, names) = (names.split(", ").count(), names.replace(", ", "、"));
                let causes = causes(slips, lang);
                format!("{general}（参与签名的有{count}个：{names}{causes}）")
            }
            Self::OnlyWithUnknown(name) => format!("{general}（签名包含了非接口参数{name}）"),
            Self::Rule(rule) => format!("{general}（{}）", rule.text(lang)),
        }
    }
}

/// What was done otherwise, behind what was signed; nothing where that is not known.
fn causes(slips: &[Slip], lang: Lang) -> String {
    match (slips, lang) {
        ([], _) => String::new(),
        (_, Lang::Zh) => format!("；看来{}", slip::told(slips, lang)),
        (_, Lang::En) => format!("; it seems that {}", slip::told(slips, lang)),
    }
}

/// A name from outside, cut so that it can't flood a log or a page.
fn short(name: &str) -> String {
    let cut: String = name.chars().take(32).collect();
    printable(&cut)
}
