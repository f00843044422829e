//! A forger, with code of his own: from genuine requests of a strict domain he
//! takes the text that was signed, cuts it in every way, and gives the pieces to
//! any parameter. He must find nothing; and with one rule left out he must find
//! a forgery, or he would be no good (docs/signing.md).

mod cut;
mod genuine;
mod legacy;

use crate::signer::{sign, under};
use cut::{Reading, readings};
use genuine::{Genuine, Random, Taste};
use payment::address::Address;
use payment::domain::{Domain, DomainSettings, KeyRule, Secret, Strict};
use payment::money::Currency;
use payment::param::Param;
use payment::request::check_shape;
use payment::verify::{StrictRules, check_with, verify_pay};

const SECRET: &str = "s3f9a1c07";
/// The values in which two readings may not differ.
const FIVE: [&str; 5] = [
    "requestKey",
    "money",
    "currencyType",
    "rate",
    "requestChannel",
];
/// Genuine requests that the forger works on.
const REQUESTS: usize = 1_000;
const REQUESTS_PER_TRIAL: usize = 2_000;

/// What the forger is up against: the product, or the product less one rule.
pub(crate) struct Guard {
    pub(crate) domain: Domain,
    pub(crate) strict: Strict,
    rules: StrictRules,
    /// Whether the product itself judges; else its parts, less one rule.
    production: bool,
    digits_only_key: bool,
    loose_addresses: bool,
    pub(crate) strange_name: bool,
}

impl Guard {
    fn with_prefix(prefix: &str) -> Self {
        let strict = Strict {
            prefix: prefix.to_owned(),
            length: 16,
            request_channel: "1".to_owned(),
            currency: Currency::Cny,
            rate_decimals: 4,
        };
        let callbacks = vec!["http://shop.cn".to_owned()];
        let settings = DomainSettings {
            callbacks,
            ..DomainSettings::default()
        };
        let secrets = vec![Secret::new(1, SECRET, None)];
        let rule = KeyRule::Strict(strict.clone());
        Self {
            domain: Domain::from_stored("shop", rule, settings, secrets, false),
            strict,
            rules: StrictRules::ALL,
            production: true,
            digits_only_key: false,
            loose_addresses: false,
            strange_name: false,
        }
    }

    fn less(change: impl FnOnce(&mut StrictRules)) -> Self {
        let mut guard = Self {
            production: false,
            ..Self::with_prefix("D1-")
        };
        change(&mut guard.rules);
        guard
    }

    /// Whether a single value could stand at a parameter.
    pub(crate) fn fits(&self, name: &str, text: &str) -> bool {
        match name {
            "strange" => self.strange_name,
            "domainCode" => text == self.domain.code,
            "requestKey" if self.digits_only_key => is_digits_key(text),
            "requestKey" => text.len() == 16 && text.starts_with(&self.strict.prefix),
            "requestChannel" => text == "1",
            "pageUrl" | "dialogOkUrl" if self.loose_addresses && is_loose(text) => true,
            _ => check_shape(&self.domain, param(name), text).is_ok(),
        }
    }

    /// Whether the request is taken.
    fn accepts(&self, pairs: &[(&'static str, String)]) -> bool {
        let known: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (*n, v.as_str())).collect();
        if self.production {
            let values: Vec<&str> = known.iter().map(|(_, value)| *value).collect();
            let plain = under(&known, &sign(&values, SECRET));
            return verify_pay(&self.domain, &plain, 0).is_ok();
        }
        let has = |name: &str| known.iter().any(|(other, _)| *other == name);
        let complete = ["domainCode", "requestKey", "money", "currencyType", "bgUrl"];
        let mut sorted: Vec<String> = known.iter().map(|(_, value)| (*value).to_owned()).collect();
        sorted.sort_by_key(|value| value.encode_utf16().collect::<Vec<_>>());
        complete.into_iter().all(has)
            && known.iter().all(|(name, text)| self.fits(name, text))
            && check_with(self.rules, &self.strict, &params(&known), &sorted).is_ok()
    }
}

/// The parameter of a name that the interface knows.
fn param(name: &str) -> Param {
    Param::parse(name).unwrap()
}

/// These values by their parameters.
fn params<'a>(values: &[(&str, &'a str)]) -> Vec<(Param, &'a str)> {
    let known = values.iter().filter(|(name, _)| *name != "strange");
    known.map(|(name, value)| (param(name), *value)).collect()
}

fn is_digits_key(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An address that a careless reader takes.
fn is_loose(text: &str) -> bool {
    Address::parse(&text.trim_start().replacen("HTTP://", "http://", 1)).is_ok()
}

/// Two requests under one sign that differ in one of the five values.
struct Forgery {
    genuine: Genuine,
    forged: Reading,
}

/// Lets the forger work on so many genuine requests of this taste.
fn forge(guard: &Guard, taste: &Taste, requests: usize) -> (usize, Option<Forgery>) {
    let mut random = Random::from_environment();
    let mut taken = 0;
    for _ in 0..requests {
        let genuine = Genuine::random(&mut random, guard, taste);
        if !guard.accepts(&genuine.pairs) {
            continue;
        }
        taken += 1;
        let differs = |reading: &Reading| {
            FIVE.iter()
                .any(|name| genuine.get(name) != reading.get(name))
        };
        let (below, above) = genuine.signed_text(SECRET);
        let fits = |name: &str, text: &str| guard.fits(name, text);
        let text = (below.as_str(), above.as_str());
        let mut found = readings(&fits, &differs, text, SECRET, &mut random).into_iter();
        if let Some(forged) = found.find(|reading| guard.accepts(&reading.pairs)) {
            return (taken, Some(Forgery { genuine, forged }));
        }
    }
    (taken, None)
}

fn finds_nothing(guard: &Guard, taste: &Taste) {
    let (taken, forgery) = forge(guard, taste, REQUESTS);
    assert!(
        taken > REQUESTS / 20,
        "only {taken} genuine requests were taken: the test is blind"
    );
    if let Some(Forgery { genuine, forged }) = forgery {
        panic!(
            "one sign, two meanings:\n{:?}\n{:?}",
            genuine.pairs, forged.pairs
        );
    }
}

/// With the rule left out a forgery is found, and with all rules none.
fn is_needed(guard: &Guard, taste: &Taste) {
    let (taken, forgery) = forge(guard, taste, REQUESTS_PER_TRIAL);
    let Some(Forgery { genuine, forged }) = forgery else {
        panic!("nothing found in {taken} requests: this forger can't find what he should");
    };
    let joined = |pairs: &[(&'static str, String)]| {
        let mut values: Vec<&str> = pairs.iter().map(|(_, value)| value.as_str()).collect();
        values.push(SECRET);
        values.sort_by_key(|value| value.encode_utf16().collect::<Vec<_>>());
        values.concat()
    };
    assert!(genuine.encoded || forged.encoded || joined(&genuine.pairs) == joined(&forged.pairs));
    // The rule refuses most of what this taste makes; of the rest nothing is forged.
    let prefix = if prefix_is_sound(guard) {
        &guard.strict.prefix
    } else {
        "M7-"
    };
    let (_, forgery) = forge(&Guard::with_prefix(prefix), taste, REQUESTS);
    assert!(forgery.is_none(), "forged with every rule on");
}

fn prefix_is_sound(guard: &Guard) -> bool {
    !guard.strict.prefix.starts_with("M7")
}

#[test]
fn a_strict_domain_can_not_be_forged() {
    for prefix in ["D1-", "M7-", "A0", "Z9_"] {
        finds_nothing(&Guard::with_prefix(prefix), &Taste::default());
    }
}

#[test]
fn no_accepted_text_holds_a_whole_success_status() {
    let guard = Guard::with_prefix("D1-");
    let taste = Taste {
        info: &["RSUCCES", "SUCCES", "x"],
        info_en: &["SPAY", "SUCCESSPAY", "y"],
        ..Taste::default()
    };
    let holds = |guard: &Guard| {
        let mut random = Random::from_environment();
        (0..REQUESTS_PER_TRIAL).any(|_| {
            let genuine = Genuine::random(&mut random, guard, &taste);
            let (below, above) = genuine.signed_text(SECRET);
            guard.accepts(&genuine.pairs)
                && (below.contains("SUCCESSPAY") || above.contains("SUCCESSPAY"))
        })
    };
    assert!(!holds(&guard));
    assert!(
        holds(&Guard::less(|rules| rules.no_status_word = false)),
        "the test is blind"
    );
}

#[test]
fn trial_info_may_begin_with_a_digit() {
    let guard = Guard::less(|rules| rules.info_begins_with_letter = false);
    is_needed(
        &guard,
        &Taste {
            info: &["23 shirts", "7 mugs", "Mug"],
            ..Taste::default()
        },
    );
}

#[test]
fn trial_prefix_in_info() {
    let guard = Guard::less(|rules| rules.prefix_stands_in_key_alone = false);
    let info = &[
        "MugD1-zzzzzzzzzzzzz",
        "D1-zzzzzzzzzzzzz",
        "xD1-0000000000009",
    ];
    is_needed(
        &guard,
        &Taste {
            info,
            info_en: info,
            ..Taste::default()
        },
    );
}

#[test]
fn trial_digits_only_key() {
    let mut guard = Guard::less(|rules| rules.key_has_prefix_and_length = false);
    guard.digits_only_key = true;
    is_needed(
        &guard,
        &Taste {
            digits_only_key: true,
            ..Taste::default()
        },
    );
}

#[test]
fn trial_prefix_with_a_second_letter() {
    for (prefix, start) in [("M7M", "7M"), ("M7-M", "7-M")] {
        let guard = Guard::with_prefix(prefix);
        is_needed(
            &guard,
            &Taste {
                key_start: start,
                info: &["Go", "AB", "Lx"],
                info_en: &["Nabcdef", "zabcdefg", "xyzabc"],
                ..Taste::default()
            },
        );
    }
}

#[test]
fn trial_rate_with_any_decimals() {
    let guard = Guard::less(|rules| rules.rate_has_fixed_decimals = false);
    is_needed(
        &guard,
        &Taste {
            rates: &["1.5", "6.8", "16.8", "1.25"],
            ..Taste::default()
        },
    );
}

#[test]
fn trial_request_channel_may_be_missing() {
    let guard = Guard::less(|rules| rules.request_channel_is_always_there = false);
    is_needed(
        &guard,
        &Taste {
            channels: &["1", ""],
            ..Taste::default()
        },
    );
}

#[test]
fn trial_two_currencies() {
    let guard = Guard::less(|rules| rules.one_currency = false);
    is_needed(
        &guard,
        &Taste {
            currencies: &["CNY", "USD"],
            info: &["B", "Ax", "B12"],
            info_en: &["USDgoods", "USDx"],
            ..Taste::default()
        },
    );
}

#[test]
fn trial_an_address_with_a_leading_blank_or_in_capitals() {
    let loose = |prefix| Guard {
        production: false,
        loose_addresses: true,
        ..Guard::with_prefix(prefix)
    };
    is_needed(
        &loose("D1-"),
        &Taste {
            pages: &[" http://a.cn/", " http://a.cn/1"],
            ..Taste::default()
        },
    );
    is_needed(
        &loose("Z9-"),
        &Taste {
            pages: &["HTTP://a.cn/"],
            dialogs: &["http://b.cn/Z9-zzzzzzzzzzzzz"],
            ..Taste::default()
        },
    );
}

#[test]
fn trial_a_strange_name_is_counted() {
    let mut guard = Guard {
        production: false,
        ..Guard::with_prefix("D1-")
    };
    guard.strange_name = true;
    is_needed(
        &guard,
        &Taste {
            strange: &["5", "99", "x1"],
            ..Taste::default()
        },
    );
}
