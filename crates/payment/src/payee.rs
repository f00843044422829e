//! Who is paid, as payers read it on every page of a business system.

use crate::domain_error::DomainError;
use crate::lang::Lang;
use crate::printable::{is_plain, printable};
use serde::{Deserialize, Serialize};

/// A name and a line of help are no longer than this, in characters.
const NAME_MAX: usize = 64;
const HELP_MAX: usize = 120;
const PICTURE_MAX: usize = 64;

/// Names, pictures and help of a business system; what is empty is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Payee {
    /// Its name in Chinese.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// Where a payer finds help, in Chinese.
    pub help: String,
    /// Where a payer finds help, in English.
    pub help_en: String,
    /// A picture of the operator's folder, by its file's name without the ending.
    pub picture: String,
}

impl Payee {
    /// Its name in this language, or in the other where there is none.
    #[must_use]
    pub fn name(&self, lang: Lang) -> &str {
        in_language(&self.name, &self.name_en, lang)
    }

    /// The line of help, in the same way.
    #[must_use]
    pub fn help(&self, lang: Lang) -> &str {
        in_language(&self.help, &self.help_en, lang)
    }

    /// Whether the page can show it.
    ///
    /// # Errors
    /// [`DomainError`] with the rule that is broken.
    pub fn check(&self) -> Result<(), DomainError> {
        let texts = [
            ("payee", "收款方（中文）", &self.name, NAME_MAX),
            ("payee-en", "收款方（英文）", &self.name_en, NAME_MAX),
            ("help-line", "客服（中文）", &self.help, HELP_MAX),
            ("help-line-en", "客服（英文）", &self.help_en, HELP_MAX),
        ];
        for (name, name_zh, text, most) in texts {
            let shown = printable(text);
            if shown != *text || text.trim() != text || text.chars().count() > most {
                return Err(DomainError::new(
                    &format!("{name_zh}“{shown}”不行：一行，最多 {most} 个字，前后没有空格"),
                    &format!(
                        "{name} `{shown}`: it must be one line of at most {most} characters, \
                         without blanks around it"
                    ),
                ));
            }
        }
        if is_picture(&self.picture) || self.picture.is_empty() {
            return Ok(());
        }
        let shown = printable(&self.picture);
        Err(DomainError::new(
            &format!("图片“{shown}”不行：写文件名，不带扩展名，只有字母、数字、_ 和 -"),
            &format!(
                "picture `{shown}`: it must be a file's name without its ending: letters, \
                 digits, _ and -"
            ),
        ))
    }
}

/// Whether a picture of the operator's folder can have this name.
#[must_use]
pub fn is_picture(name: &str) -> bool {
    (1..=PICTURE_MAX).contains(&name.len()) && is_plain(name)
}

/// `text` or `english`; the other one where it is empty.
#[must_use]
pub fn in_language<'a>(text: &'a str, english: &'a str, lang: Lang) -> &'a str {
    let (first, second) = match lang {
        Lang::Zh => (text, english),
        Lang::En => (english, text),
    };
    if first.is_empty() { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payee_is_named_in_the_payer_s_language_or_in_the_one_there_is() {
        let payee = Payee {
            name: "统付商店".into(),
            name_en: "Tongfu Shop".into(),
            help: "客服 400-000-0000".into(),
            ..Payee::default()
        };
        assert_eq!(payee.name(Lang::Zh), "统付商店");
        assert_eq!(payee.name(Lang::En), "Tongfu Shop");
        assert_eq!(payee.help(Lang::En), "客服 400-000-0000");
        assert_eq!(payee.check(), Ok(()));
    }

    #[test]
    fn what_a_page_can_not_show_is_refused_when_it_is_set() {
        let broken = [
            Payee {
                name: "a\nb".into(),
                ..Payee::default()
            },
            Payee {
                name_en: "x".repeat(NAME_MAX + 1),
                ..Payee::default()
            },
            Payee {
                help: "\u{202e}help".into(),
                ..Payee::default()
            },
            Payee {
                help_en: " help".into(),
                ..Payee::default()
            },
            Payee {
                picture: "../key".into(),
                ..Payee::default()
            },
            Payee {
                picture: "shop.png".into(),
                ..Payee::default()
            },
        ];
        for payee in broken {
            assert!(payee.check().is_err(), "{payee:?}");
        }
    }
}
