//! The settings of a business system as the fields of a form, each by the name that it has
//! at the command line, whose words are read of what was written into them.

use super::wrong::Wrong;
use super::{ApayArgs, EpayArgs, LegacyArgs, RuleArgs, SettingArgs};
use crate::issue;
use clap::Parser;
use console::{Change, Field, Shape};
use doors::{apay, epay};
use payment::domain::{Domain, DomainError, DomainSettings, KeyRule, LateMoney, PLATFORM, Recut};
use payment::story::digest;

/// A setting that a partner may also have none of.
const TIME_WINDOW: &str = "time-window";
const ANY_TIME: &str = "any";
/// How an empty text is written among others.
const EMPTY: &str = "''";

const YES_OR_NO: &[&str] = &["true", "false"];

/// What `tongfu domain set` reads.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Platform {
    #[command(flatten)]
    legacy: LegacyArgs,
    #[command(flatten)]
    settings: SettingArgs,
}

/// What `tongfu domain add` reads, but a secret that is in use already.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct New {
    #[command(flatten)]
    rule: RuleArgs,
    #[command(flatten)]
    settings: SettingArgs,
}

/// What `tongfu partner set` reads.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Apay {
    #[command(flatten)]
    settings: ApayArgs,
}

/// What `tongfu epay set` reads.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Epay {
    #[command(flatten)]
    settings: EpayArgs,
}

/// What a business system is known by as it was shown: another one was changed since.
pub(crate) fn mark(domain: &Domain) -> String {
    let secrets = domain.secrets().iter();
    let secrets: Vec<_> = secrets
        .map(|secret| (secret.generation, secret.not_after_ms))
        .collect();
    let shown = format!("{:?} {:?} {secrets:?}", domain.rule, domain.settings);
    digest(shown.as_bytes())
}

/// Every setting, as it is.
pub(crate) fn fields(domain: &Domain) -> Vec<Field> {
    let settings = &domain.settings;
    let mut fields = brakes(settings);
    match domain.door() {
        apay::NAME => {
            let window = settings.partner.as_ref().and_then(|one| one.time_window_s);
            let window = window.map_or(ANY_TIME.to_owned(), seconds);
            fields.push(text(TIME_WINDOW, window));
        }
        epay::NAME => {
            let zero = settings.partner.as_ref().map(|one| one.refund_code_zero);
            let code = if zero.unwrap_or_default() { "0" } else { "1" };
            fields.push(choice("refund-code", code, &["1", "0"]));
        }
        _ => fields.extend(platform(domain)),
    }
    fields.push(list("callback", &settings.callbacks));
    fields.push(list(
        "private-callback-host",
        &settings.private_callback_hosts,
    ));
    let payee = &settings.payee;
    for (name, value) in [
        ("payee", &payee.name),
        ("payee-en", &payee.name_en),
        ("help-line", &payee.help),
        ("help-line-en", &payee.help_en),
        ("picture", &payee.picture),
    ] {
        fields.push(text(name, value));
    }
    let until = settings.relay_until_ms.map(crate::zone::time);
    fields.push(Field {
        name: "relay-until",
        text: until.unwrap_or_default(),
        shape: Shape::Afresh,
    });
    fields
}

fn brakes(settings: &DomainSettings) -> Vec<Field> {
    vec![
        flag("disabled", settings.disabled),
        flag("payments-frozen", settings.payments_frozen),
        flag("refunds-frozen", settings.refunds_frozen),
        text("refunds-a-day", settings.refunds_a_day.unwrap_or_default()),
    ]
}

/// What only the platform's own interface has.
fn platform(domain: &Domain) -> Vec<Field> {
    let settings = &domain.settings;
    let late_money = match settings.late_money {
        LateMoney::Refund => "refund",
        LateMoney::Honour => "honour",
    };
    let mut fields = vec![
        text("largest-sum", settings.largest_sum),
        text("attempts-an-hour", settings.attempts_an_hour),
        text("attempt-life", seconds(settings.attempt_life_s)),
        text(
            "deadline",
            settings.deadline_s.map(seconds).unwrap_or_default(),
        ),
        choice("late-money", late_money, &["refund", "honour"]),
        flag("hmac-required", settings.hmac_required),
        flag("sign2", settings.sign2),
        flag("failurepay", settings.failurepay),
        flag("refund-callbacks", settings.refund_callbacks),
        flag("refund-details", settings.refund_details),
        flag("hold-for-callback", settings.hold_for_callback),
        list("return", &settings.return_hosts),
        list("frame-origin", &settings.frame_origins),
    ];
    if let KeyRule::Legacy(legacy) = &domain.rule {
        let recut = match legacy.recut {
            Recut::Refuse => "refuse",
            Recut::Log => "log",
        };
        let decimals = legacy.rate_decimals.map(|decimals| decimals.to_string());
        fields.push(choice("recut", recut, &["refuse", "log"]));
        fields.push(list("request-channel", &legacy.request_channels));
        fields.push(text("rate-decimals", decimals.unwrap_or_default()));
    }
    fields
}

fn seconds(seconds: i64) -> String {
    format!("{seconds}s")
}

fn text(name: &'static str, text: impl ToString) -> Field {
    Field {
        name,
        text: text.to_string(),
        shape: Shape::Text,
    }
}

fn choice(name: &'static str, chosen: &str, of: &'static [&'static str]) -> Field {
    Field {
        name,
        text: chosen.to_owned(),
        shape: Shape::Choice(of),
    }
}

fn flag(name: &'static str, set: bool) -> Field {
    choice(name, if set { "true" } else { "false" }, YES_OR_NO)
}

/// None of them holds a blank.
fn list(name: &'static str, texts: &[String]) -> Field {
    let shown = texts.iter().map(|text| match text.as_str() {
        "" => EMPTY,
        text => text,
    });
    Field {
        name,
        text: shown.collect::<Vec<_>>().join(" "),
        shape: Shape::List,
    }
}

/// The words of the command line that set a field so.
fn words(field: &Field, said: &str) -> Vec<String> {
    let name = field.name;
    match field.shape {
        Shape::List if said.is_empty() => vec![format!("--{name}")],
        Shape::List => said
            .split_whitespace()
            .map(|word| format!("--{name}={}", if word == EMPTY { "" } else { word }))
            .collect(),
        _ if (name, said) == (TIME_WINDOW, ANY_TIME) => vec!["--any-time".to_owned()],
        _ => vec![format!("--{name}={said}")],
    }
}

/// The business system with what a form says of its settings; what it leaves out, or says as
/// it is, stays. Then what changes.
///
/// # Errors
/// What the form says wrong.
pub(crate) fn changed(
    was: &Domain,
    said: &[(String, String)],
) -> Result<(Domain, Vec<Change>), Wrong> {
    let mut all = Vec::new();
    let mut asked = Vec::new();
    for field in fields(was) {
        let Some((_, said)) = said.iter().find(|(name, _)| name == field.name) else {
            continue;
        };
        let said = said.trim();
        let stays = match field.shape {
            Shape::Afresh => said.is_empty(),
            _ => said == field.text,
        };
        if !stays {
            all.extend(words(&field, said));
            asked.push((field, said.to_owned()));
        }
    }
    let mut domain = was.clone();
    apply(&mut domain, all)?;
    domain.check().map_err(Wrong::Rule)?;
    let now = fields(&domain);
    let change = |(field, said): (Field, String)| {
        let is = now.iter().find(|one| one.name == field.name)?;
        let is = match field.shape {
            // It counts from when it is done.
            Shape::Afresh => said.clone(),
            _ => is.text.clone(),
        };
        (is != field.text).then_some(Change {
            name: field.name,
            was: field.text,
            is,
            said,
            shape: field.shape,
        })
    };
    let changes: Vec<_> = asked.into_iter().filter_map(change).collect();
    match changes.is_empty() {
        true => Err(Wrong::Nothing),
        false => Ok((domain, changes)),
    }
}

/// What a form says by a name, without the blanks around it.
pub(crate) fn value<'a>(said: &'a [(String, String)], name: &str) -> &'a str {
    console::said(said, name).unwrap_or_default().trim()
}

/// What of a form about a business system of a door goes into it.
fn given(door: &str) -> Option<&'static [&'static str]> {
    match door {
        PLATFORM => Some(&[
            "key-prefix",
            "key-length",
            "currency",
            "request-channel",
            "rate-decimals",
            "callback",
        ]),
        apay::NAME => Some(&["callback"]),
        epay::NAME => Some(&["name", "callback"]),
        _ => None,
    }
}

/// What a form gives a business system of a door, as it is recorded.
pub(crate) fn recorded(door: &str, said: &[(String, String)]) -> String {
    let given = given(door).unwrap_or_default().iter();
    let given = given.map(|name| format!("{name}: {:?}", value(said, name)));
    given.collect::<Vec<_>>().join("; ")
}

/// A business system of a door as a form describes it, with its secret; none where there is
/// no such door. Its other settings are changed later. One that speaks epay gets this pid.
pub(crate) fn made(
    door: &str,
    said: &[(String, String)],
    pid: Option<u32>,
) -> Option<Result<(Domain, String), Wrong>> {
    let value = |name: &str| value(said, name);
    let words = || {
        let word = |name: &&str| match value(name) {
            // It has a default, or is said to be missing.
            "" => None,
            EMPTY => Some(format!("--{name}=")),
            said => Some(format!("--{name}={said}")),
        };
        let callbacks = value("callback").split_whitespace();
        let callbacks = callbacks.map(|callback| format!("--callback={callback}"));
        given(door)
            .unwrap_or_default()
            .iter()
            .filter(|name| !["name", "callback"].contains(*name))
            .filter_map(word)
            .chain(callbacks)
            .collect::<Vec<_>>()
    };
    let unmade = |error: anyhow::Error| Wrong::of_making(&error);
    let made = |make: &dyn Fn(&str) -> Result<Domain, Wrong>| {
        let secret = issue::first(door).map_err(unmade)?;
        Ok((make(&secret)?, secret))
    };
    let code = value("code");
    match door {
        PLATFORM => Some(made(&|secret| {
            let read = New::try_parse_from(words()).map_err(|error| Wrong::of_words(&error))?;
            issue::domain(code, read.rule, read.settings, secret).map_err(unmade)
        })),
        apay::NAME => Some(made(&|secret| {
            let read = Apay::try_parse_from(words()).map_err(|error| Wrong::of_words(&error))?;
            issue::partner(code, read.settings, secret).map_err(unmade)
        })),
        epay::NAME => Some(made(&|secret| {
            let read = Epay::try_parse_from(words()).map_err(|error| Wrong::of_words(&error))?;
            let pid = pid.ok_or_else(|| {
                let none = ("pid 用完了", "no pid is left: the last one is taken");
                Wrong::Rule(DomainError::new(none.0, none.1))
            })?;
            issue::epay(pid, value("name"), read.settings, secret).map_err(unmade)
        })),
        _ => None,
    }
}

fn apply(domain: &mut Domain, words: Vec<String>) -> Result<(), Wrong> {
    match domain.door() {
        apay::NAME => {
            let read = Apay::try_parse_from(words).map_err(|error| Wrong::of_words(&error))?;
            read.settings.apply(domain);
        }
        epay::NAME => {
            let read = Epay::try_parse_from(words).map_err(|error| Wrong::of_words(&error))?;
            read.settings.apply(domain);
        }
        _ => {
            let read = Platform::try_parse_from(words).map_err(|error| Wrong::of_words(&error))?;
            let legacy = read.legacy.apply(&mut domain.rule);
            legacy.map_err(|error| Wrong::of_making(&error))?;
            read.settings.apply(&mut domain.settings);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use payment::domain::{Legacy, Secret};
    use payment::lang::Lang;

    /// Each kind of business system with every setting that its command has.
    fn kinds() -> [(Domain, clap::Command); 3] {
        let legacy = Legacy {
            request_channels: vec![String::new()],
            recut: Recut::Log,
            rate_decimals: Some(4),
        };
        let secrets = vec![Secret::new(1, "s3cret", None)];
        let settings = DomainSettings::default();
        let platform = Domain::new("shop", KeyRule::Legacy(legacy), settings, secrets);
        [
            (platform.unwrap(), Platform::command()),
            (apay::p001().unwrap(), Apay::command()),
            (epay::p1001().unwrap(), Epay::command()),
        ]
    }

    #[test]
    fn every_setting_is_named_in_both_languages() {
        for (domain, _) in kinds() {
            for field in fields(&domain) {
                for lang in [Lang::Zh, Lang::En] {
                    let label = console::label(lang, field.name);
                    assert_ne!(label, "", "{} in {lang:?}", field.name);
                }
            }
        }
    }

    /// Another value of a field.
    fn other(field: &Field) -> String {
        let other = match field.name {
            "refunds-a-day" | "largest-sum" | "attempts-an-hour" => "777",
            "rate-decimals" => "2",
            "attempt-life" | "deadline" | "time-window" => "77s",
            "relay-until" => "90m",
            "callback" => "https://a.example/ https://b.example/",
            "frame-origin" => "https://a.example https://b.example",
            "return" | "private-callback-host" => "a.example b.example",
            "request-channel" => "app",
            name => match field.shape {
                Shape::Choice(of) => of.iter().find(|one| **one != field.text).unwrap(),
                _ => name,
            },
        };
        other.to_owned()
    }

    #[test]
    fn what_need_not_be_set_can_be_taken_away() {
        for (domain, _) in kinds() {
            let said = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
            for field in fields(&domain) {
                let name = field.name;
                if !matches!(name, "deadline" | "rate-decimals") {
                    continue;
                }
                let (set, _) = changed(&domain, &said(name, &other(&field))).unwrap();
                for none in ["", "none"] {
                    let (without, changes) = changed(&set, &said(name, none)).unwrap();
                    assert_eq!(changes[0].is, "", "{name}");
                    let now = fields(&without);
                    let now = now.iter().find(|field| field.name == name);
                    assert_eq!(now.unwrap().text, "", "{name}");
                }
            }
        }
    }

    #[test]
    fn every_setting_of_the_command_line_is_a_field_that_changes_it_alone() {
        for (domain, command) in kinds() {
            // Some only hold beside others.
            let domain = {
                let said = [("sign2".to_owned(), "true".to_owned())];
                let with = changed(&domain, &said);
                with.map_or(domain, |(domain, _)| domain)
            };
            let fields = fields(&domain);
            for argument in command.get_arguments() {
                let name = argument.get_long().unwrap();
                let is_there = fields.iter().any(|field| field.name == name);
                assert!(is_there || name == "any-time", "{name} of {}", domain.code);
            }
            for field in &fields {
                let said = other(field);
                let (is, changes) =
                    changed(&domain, &[(field.name.to_owned(), said.clone())]).unwrap();
                assert_ne!(is, domain, "{}", field.name);
                let [change] = changes.as_slice() else {
                    panic!("one change: {}", field.name)
                };
                assert_eq!(
                    (change.name, change.was.as_str()),
                    (field.name, &*field.text)
                );
                assert_eq!(change.is, said);
                assert_ne!(mark(&is), mark(&domain));
                // All the other fields are as they were.
                let others = super::fields(&is).into_iter();
                let others = others.filter(|one| one.name != field.name);
                for one in others {
                    let was = fields.iter().find(|was| was.name == one.name).unwrap();
                    assert_eq!(one.text, was.text, "{} by {}", one.name, field.name);
                }
            }
        }
    }

    #[test]
    fn of_a_list_what_comes_and_what_goes_is_recorded() {
        let [(shop, _), ..] = kinds();
        let said = |domain: &Domain, callbacks: &str| {
            let said = [("callback".to_owned(), callbacks.to_owned())];
            let (domain, changes) = changed(domain, &said).unwrap();
            (domain, changes[0].recorded())
        };
        let all: Vec<_> = (0..60)
            .map(|number| format!("https://{}.example/{number}", "shop".repeat(15)))
            .collect();
        let (with, _) = said(&shop, &all.join(" "));
        let other = format!("{} https://new.example/", all[1..].join(" "));
        let (is, recorded) = said(&with, &other);
        let gone = &all[0];
        let told = format!("callback: +\"https://new.example/\" -{gone:?}");
        assert_eq!(recorded, told);
        let turned: Vec<_> = other.split(' ').rev().collect();
        assert_eq!(said(&is, &turned.join(" ")).1, "callback: reordered");
    }

    #[test]
    fn what_is_wrong_is_told_and_what_is_so_already_changes_nothing() {
        let [(shop, _), (apay, _), _] = kinds();
        let said = |domain: &Domain, name: &str, said: &str| {
            let changed = changed(domain, &[(name.to_owned(), said.to_owned())]);
            changed.map(|(domain, _)| domain)
        };
        for (name, value, why) in [
            (
                "largest-sum",
                "many",
                "Largest sum, fen (cents): “many” is not taken. It takes a whole number",
            ),
            ("largest-sum", "", "it can't be empty"),
            ("largest-sum", "0", "the largest sum is from 1"),
            ("attempt-life", "--disabled=true", "such as 90s"),
            ("attempt-life", "7201s", "of at most 2h"),
            ("callback", "--disabled", "callback `--disabled`"),
            ("largest-sum", "10000000", "nothing changes"),
            ("no-such-setting", "1", "nothing changes"),
            ("relay-until", " ", "nothing changes"),
        ] {
            let refused = said(&shop, name, value).unwrap_err();
            let told = refused.told(Lang::En);
            assert!(told.contains(why), "{name}={value}: {told}");
            let told = refused.told(Lang::Zh);
            assert!(told.chars().any(|c| c > '一'), "{name}={value}: {told}");
        }
        let any = said(&apay, "time-window", "any").unwrap();
        assert_eq!(any.settings.partner.unwrap().time_window_s, None);
        let with = said(&apay, "callback", "https://a.example/").unwrap();
        let without = said(&with, "callback", "").unwrap();
        assert_eq!(without.settings.callbacks, apay.settings.callbacks);
    }

    #[test]
    fn what_a_new_one_lacks_or_says_wrong_is_told_in_the_pages_words() {
        let said = |door: &str, said: &[(&str, &str)]| {
            let said: Vec<_> = said
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            made(door, &said, Some(1002)).unwrap().unwrap_err()
        };
        let fields = [
            ("code", "9shop"),
            ("key-prefix", "M7-"),
            ("key-length", "16"),
            ("callback", "https://a.example/"),
        ];
        let without = said(PLATFORM, &fields[..2]).told(Lang::Zh);
        assert_eq!(without, "还要写：requestKey 的长度。");
        let code = said(PLATFORM, &fields);
        assert!(
            code.told(Lang::Zh)
                .starts_with("domainCode 要以小写字母开头")
        );
        assert!(code.told(Lang::En).starts_with("domainCode begins with"));
        let test = said(
            PLATFORM,
            &[("code", "test"), fields[1], fields[2], fields[3]],
        );
        assert!(test.told(Lang::Zh).contains("开发用"));
        let name = said(epay::NAME, &[("name", "")]).told(Lang::Zh);
        assert!(name.contains("名字"), "{name}");
        let id = said(apay::NAME, &[("code", "a b")]).told(Lang::Zh);
        assert!(id.starts_with("partnerId 要"), "{id}");
    }
}
