//! What a setting of a business system breaks.

use crate::lang::Lang;

/// A domain's settings contradict docs/signing.md.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{en}")]
pub struct DomainError {
    pub(crate) zh: String,
    pub(crate) en: String,
}

impl DomainError {
    /// One that says so, in Chinese and in English.
    #[must_use]
    pub fn new(zh: &str, en: &str) -> Self {
        Self {
            zh: zh.to_owned(),
            en: en.to_owned(),
        }
    }

    /// What is said to who reads this language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        lang.choose(&self.zh, &self.en)
    }
}
