//! What the operator tells every payer above the picker (docs/page.md, The operator's
//! notice).

use payment::lang::Lang;
use std::sync::{Arc, PoisonError, RwLock};

/// The words, in Chinese and in English; shared by all who hold a copy.
#[derive(Clone, Default)]
pub(crate) struct Notice(Arc<RwLock<(String, String)>>);

impl Notice {
    /// Puts others in their place.
    pub(crate) fn set(&self, zh: &str, en: &str) {
        let words = (zh.to_owned(), en.to_owned());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// The words in this language, else in the other one; none where there are none.
    pub(crate) fn of(&self, lang: Lang) -> Option<String> {
        let words = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (zh, en) = (words.0.as_str(), words.1.as_str());
        let (own, other) = match lang {
            Lang::Zh => (zh, en),
            Lang::En => (en, zh),
        };
        let mut said = [own, other].into_iter().filter(|words| !words.is_empty());
        said.next().map(str::to_owned)
    }
}
