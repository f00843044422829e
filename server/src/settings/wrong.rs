//! What is wrong with a form about a business system, in the page's language and by the
//! names that its fields have there.

use clap::error::{ContextKind, ContextValue};
use payment::domain::DomainError;
use payment::lang::Lang;

/// What is wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A field, by its name at the command line, says what it does not take.
    Field(String, String),
    /// Fields say nothing, and must.
    Missing(Vec<String>),
    /// What is said breaks a rule of business systems.
    Rule(DomainError),
    /// Everything is so already.
    Nothing,
    /// Anything else, in words.
    Other(String),
}

impl Wrong {
    /// What the command line's words say wrong.
    pub(crate) fn of_words(error: &clap::Error) -> Self {
        let said = match error.get(ContextKind::InvalidValue) {
            Some(ContextValue::String(said)) => said.clone(),
            _ => String::new(),
        };
        match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(name)) if is_named(name) => Self::Field(plain(name), said),
            Some(ContextValue::Strings(names)) if names.iter().all(|name| is_named(name)) => {
                Self::Missing(names.iter().map(|name| plain(name)).collect())
            }
            _ => Self::Other(first_line(error)),
        }
    }

    /// Why a business system was not made.
    pub(crate) fn of_making(error: &anyhow::Error) -> Self {
        match error.downcast_ref::<DomainError>() {
            Some(rule) => Self::Rule(rule.clone()),
            None => Self::Other(error.to_string()),
        }
    }

    /// In words.
    pub(crate) fn told(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Field(name, said), Lang::Zh) => {
                let field = console::label(lang, name);
                let what = match said.as_str() {
                    "" => format!("“{field}”不能空着"),
                    said => format!("“{field}”里的“{said}”不行"),
                };
                format!("{what}：{}。", takes(lang, name))
            }
            (Self::Field(name, said), Lang::En) => {
                let field = console::label(lang, name);
                let what = match said.as_str() {
                    "" => "it can't be empty".to_owned(),
                    said => format!("“{said}” is not taken"),
                };
                format!("{field}: {what}. It takes {}.", takes(lang, name))
            }
            (Self::Missing(names), _) => {
                let fields = names.iter().map(|name| console::label(lang, name));
                let fields: Vec<_> = fields.collect();
                match lang {
                    Lang::Zh => format!("还要写：{}。", fields.join("、")),
                    Lang::En => format!("Still to be written: {}.", fields.join(", ")),
                }
            }
            (Self::Rule(rule), _) => rule.text(lang).to_owned(),
            (Self::Nothing, Lang::Zh) => "没有变化：每项设置已经是这样。".to_owned(),
            (Self::Nothing, Lang::En) => "nothing changes: every setting is so already".to_owned(),
            (Self::Other(text), _) => text.clone(),
        }
    }
}

/// `key-length` of `--key-length <KEY_LENGTH>`.
fn plain(argument: &str) -> String {
    let name = argument.split([' ', '=']).next().unwrap_or_default();
    name.trim_start_matches('-').to_owned()
}

/// Whether a page has a field for it.
fn is_named(argument: &str) -> bool {
    !console::label(Lang::En, &plain(argument)).is_empty()
}

/// The others tell of a help that is not there.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// What may stand in a field.
fn takes(lang: Lang, name: &str) -> &'static str {
    let (zh, en) = match name {
        "largest-sum" => (
            "要写整数，单位是分，从 1 到 999999999",
            "a whole number of fen (cents), from 1 to 999999999",
        ),
        "refunds-a-day" => (
            "要写整数，单位是分，0 是不限",
            "a whole number of fen (cents); 0 is without limit",
        ),
        "attempts-an-hour" => ("要写整数，至少 1", "a whole number from 1"),
        "key-length" => ("要写整数，最多 64", "a whole number up to 64"),
        "rate-decimals" => (
            "要写整数，从 1 到 6；旧式业务系统不再收汇率写 none",
            "a whole number from 1 to 6; or none, where a legacy one is to take no rate any more",
        ),
        "attempt-life" => (
            "要写数字和单位，例如 90s、15m，最多 2h：微信的码有效两小时",
            "a number with its unit, such as 90s, 15m, of at most 2h: WeChat's codes are valid \
             for two hours",
        ),
        "deadline" => (
            "要写数字和单位，例如 90s、30m、12h、7d，最多 36500d；不限写 none",
            "a number with its unit, such as 90s, 30m, 12h, 7d, of at most 36500d; or none",
        ),
        "overlap" => (
            "要写数字和单位，例如 30m、12h、7d，最多 90d：旧密钥有效多久，拿到它的人就能签多久",
            "a number with its unit, such as 30m, 12h, 7d, of at most 90d: as long as an old \
             secret holds, whoever has it can sign",
        ),
        "time-window" => (
            "要写数字和单位，例如 90s、30m、12h、7d，最多 36500d；不看时间写 any",
            "a number with its unit, such as 90s, 30m, 12h, 7d, of at most 36500d; or any",
        ),
        "relay-until" => (
            "要写数字和单位，例如 90m、12h，最多 7d；写 now 即结束",
            "a number with its unit, such as 90m, 12h, of at most 7d; or now, which ends it",
        ),
        "currency" => ("要写 CNY 或 USD", "CNY or USD"),
        "refund-code" => ("要写 1 或 0", "1 or 0"),
        "late-money" => ("要写 refund 或 honour", "refund or honour"),
        "recut" => ("要写 refuse 或 log", "refuse or log"),
        "callback" | "return" | "private-callback-host" | "frame-origin" => (
            "要写一个或几个，空格分隔",
            "one or several, with blanks between",
        ),
        "payee" | "payee-en" | "help-line" | "help-line-en" | "picture" | "request-channel" => {
            ("要写一行", "one line")
        }
        _ => ("要写 true 或 false", "true or false"),
    };
    lang.choose(zh, en)
}
