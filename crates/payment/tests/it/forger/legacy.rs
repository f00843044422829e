//! The forger at a legacy domain: he keeps the requestKey, and looks for another
//! sum, rate, currency or requestChannel under the same sign. With one rule left out
//! he must find one, from the examples and by himself; with all of them none.

use super::cut::{Reading, readings};
use super::genuine::{Genuine, Random};
use super::{param, params};
use crate::signer::{sign, under};
use payment::domain::{Domain, DomainSettings, KeyRule, Legacy, Recut, Secret};
use payment::param::Param;
use payment::request::check_shape;
use payment::sign::java_url_encode;
use payment::verify::{RecutRules, check_legacy_with, verify_pay};

const SECRET: &str = "s3f9a1c07";
const REQUESTS: usize = 1_500;
const KEPT: [&str; 4] = ["money", "currencyType", "rate", "requestChannel"];

type Values = Vec<(&'static str, &'static str)>;

/// What stands against the forger: the rules, and the domain that they guard.
struct Guard {
    domain: Domain,
    legacy: Legacy,
    rules: RecutRules,
    /// Whether the product itself judges; else its parts, less one rule.
    production: bool,
}

impl Guard {
    fn of(channels: &[&str], rate_decimals: Option<u8>) -> Self {
        let legacy = Legacy {
            request_channels: channels.iter().map(|text| (*text).to_owned()).collect(),
            recut: Recut::Refuse,
            rate_decimals,
        };
        let rule = KeyRule::Legacy(legacy.clone());
        let secrets = vec![Secret::new(1, SECRET, None)];
        let settings = DomainSettings::default();
        Self {
            domain: Domain::from_stored("shop", rule, settings, secrets, false),
            legacy,
            rules: RecutRules::ALL,
            production: true,
        }
    }

    fn less(mut self, change: impl FnOnce(&mut RecutRules)) -> Self {
        change(&mut self.rules);
        self.production = false;
        self
    }

    fn fits(&self, key: &str, name: &str, text: &str) -> bool {
        match name {
            "strange" => false,
            "domainCode" => text == self.domain.code,
            "requestKey" => text == key,
            "requestChannel" => self.legacy.request_channels.iter().any(|one| one == text),
            _ => check_shape(&self.domain, param(name), text).is_ok(),
        }
    }

    fn accepts(&self, pairs: &[(&'static str, String)], encoded: bool) -> bool {
        let known: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let signed: Vec<(&str, String)> = known
            .iter()
            .map(|(name, value)| {
                let encode = encoded && Param::ADDRESSES.contains(&param(name));
                let text = if encode {
                    java_url_encode(value)
                } else {
                    (*value).to_owned()
                };
                (*name, text)
            })
            .collect();
        let signed: Vec<(&str, &str)> = signed.iter().map(|(n, v)| (*n, v.as_str())).collect();
        if self.production {
            let values: Vec<&str> = signed.iter().map(|(_, value)| *value).collect();
            return verify_pay(&self.domain, &under(&known, &sign(&values, SECRET)), 0).is_ok();
        }
        let has = |name: &str| known.iter().any(|(other, _)| *other == name);
        let key = known.iter().find(|(name, _)| *name == "requestKey");
        ["domainCode", "requestKey", "money", "currencyType", "bgUrl"]
            .into_iter()
            .all(has)
            && known
                .iter()
                .all(|(name, text)| self.fits(key.map_or("", |(_, key)| key), name, text))
            && check_legacy_with(
                self.rules,
                &self.domain,
                &self.legacy,
                &params(&known),
                &params(&signed),
            )
            .is_ok()
    }

    /// Another accepted reading of a genuine request that is itself accepted.
    fn forgery(&self, genuine: &Genuine, random: &mut Random) -> Option<Reading> {
        if !self.accepts(&genuine.pairs, genuine.encoded) {
            return None;
        }
        let (below, above) = genuine.signed_text(SECRET);
        let fits = |name: &str, text: &str| self.fits(genuine.get("requestKey"), name, text);
        let wanted = |reading: &Reading| {
            KEPT.iter()
                .any(|name| genuine.get(name) != reading.get(name))
        };
        let found = readings(&fits, &wanted, (&below, &above), SECRET, random);
        found
            .into_iter()
            .find(|reading| self.accepts(&reading.pairs, reading.encoded))
    }

    /// Lets the forger work by himself; gives how many requests were accepted.
    fn search(&self, taste: &Taste) -> (usize, Option<(Genuine, Reading)>) {
        let mut random = Random::from_environment();
        let mut taken = 0;
        for _ in 0..REQUESTS {
            let genuine = taste.request(&mut random);
            taken += usize::from(self.accepts(&genuine.pairs, genuine.encoded));
            if let Some(forged) = self.forgery(&genuine, &mut random) {
                return (taken, Some((genuine, forged)));
            }
        }
        (taken, None)
    }
}

/// What requests are made of.
struct Taste {
    channels: &'static [&'static str],
    rates: &'static [&'static str],
    goods: &'static [&'static str],
    pages: &'static [&'static str],
    keys: &'static [&'static str],
}

const TASTE: Taste = Taste {
    channels: &["1"],
    rates: &["", "6.8000", "1.1000", "7.1234"],
    goods: &[
        "", "", "5", "2024 ", "(", "#a", "1", "12", "6.8000", "B", "CNY", "USD", "x", "耳机",
        "Apple", "9", "0", " ", "1.1000", "K1", "://",
    ],
    pages: &[
        "",
        "",
        "http://a.cn/5",
        "http://b.cn/K1",
        "360.cn",
        "1a.cn",
        "-b.cn:8",
        "w.cn/x?1",
        "B.cn",
        "USD.cn",
        "6.8000a.cn",
        "http://a.cn/CNY1",
    ],
    keys: &[
        "1",
        "5",
        "9",
        "12",
        "121",
        "131",
        "11",
        "1111",
        "99",
        "12121",
        "5a",
        "K1",
        "0",
        "(1",
        "55",
        "1464659622189",
        "6.8000",
        "CNY",
        "-",
        "2",
        "21",
    ],
};

impl Taste {
    fn request(&self, random: &mut Random) -> Genuine {
        let length = 1 + random.below(4);
        let money = format!(
            "{}{}",
            random.pick(&["1", "5", "9", "12", "2"]),
            random.text(&["0", "1", "2", "5", "6"], length)
        );
        let goods = |random: &mut Random| match random.below(3) {
            0 => random.pick(&["", "Bag", "耳机", "x1"]).to_owned(),
            1 => random.pick(self.goods).to_owned(),
            _ => random.text(self.goods, 2),
        };
        let (info, info_en) = (goods(random), goods(random));
        let page = |random: &mut Random| match random.below(2) {
            0 => String::new(),
            _ => random.pick(self.pages).to_owned(),
        };
        let mut pairs = vec![
            ("domainCode", "shop".to_owned()),
            ("requestChannel", random.pick(self.channels).to_owned()),
            ("money", money[..money.len().min(1 + length)].to_owned()),
            ("requestKey", random.pick(self.keys).to_owned()),
            (
                "currencyType",
                random.pick(&["CNY", "CNY", "USD"]).to_owned(),
            ),
            ("rate", random.pick(self.rates).to_owned()),
            ("bgUrl", "http://s.cn/cb".to_owned()),
            ("info", info),
            ("infoEn", info_en),
            ("pageUrl", page(random)),
            ("dialogOkUrl", page(random)),
            ("payTypeCode", random.pick(&["", "", "Wechat"]).to_owned()),
        ];
        pairs.retain(|(_, value)| !value.is_empty());
        Genuine {
            pairs,
            encoded: random.below(4) == 0,
        }
    }
}

fn request(changes: &[(&'static str, &'static str)]) -> Genuine {
    let base = [
        ("domainCode", "shop"),
        ("requestChannel", "1"),
        ("money", "12345"),
        ("info", "Bluetooth headphones"),
        ("requestKey", "K-7"),
        ("currencyType", "CNY"),
        ("bgUrl", "http://s.cn/cb"),
    ];
    let mut pairs: Values = base.to_vec();
    for (name, value) in changes {
        pairs.retain(|(other, _)| other != name);
        pairs.push((name, value));
    }
    pairs.retain(|(_, value)| !value.is_empty());
    Genuine {
        pairs: pairs.into_iter().map(|(n, v)| (n, v.to_owned())).collect(),
        encoded: false,
    }
}

/// With the rule left out the example is forged; with it, no reading is accepted
/// beside one that is.
fn needs(
    guard: &dyn Fn() -> Guard,
    change: fn(&mut RecutRules),
    changes: &[(&'static str, &'static str)],
) {
    let genuine = request(changes);
    let mut random = Random::from_environment();
    let less = guard().less(change);
    assert!(less.accepts(&genuine.pairs, false), "{:?}", genuine.pairs);
    let forged = less.forgery(&genuine, &mut random);
    let forged = forged.unwrap_or_else(|| panic!("not forged: {:?}", genuine.pairs));
    let whole = guard();
    assert!(
        !(whole.accepts(&genuine.pairs, false) && whole.accepts(&forged.pairs, forged.encoded)),
        "{:?}\n{:?}",
        genuine.pairs,
        forged.pairs
    );
}

fn finds_by_himself(guard: Guard, taste: &Taste) {
    let (taken, forgery) = guard.search(taste);
    assert!(forgery.is_some(), "nothing found in {taken} requests");
}

#[test]
fn a_legacy_domain_has_no_second_sum() {
    for (channel, decimals) in [("1", Some(4)), ("", Some(4)), ("1", None), ("app", Some(1))] {
        let guard = Guard::of(&[channel], decimals);
        let channels: &'static [&'static str] = match channel {
            "1" => &["1"],
            "" => &[""],
            _ => &["app"],
        };
        let rates: &'static [&'static str] = match decimals {
            Some(4) => TASTE.rates,
            Some(_) => &["", "6.8", "1.1", "7.1"],
            None => &[""],
        };
        let taste = Taste {
            channels,
            rates,
            ..TASTE
        };
        let (taken, forgery) = guard.search(&taste);
        assert!(
            taken > REQUESTS / 20,
            "only {taken} requests were taken: the test is blind"
        );
        if let Some((genuine, forged)) = forgery {
            panic!(
                "one sign, two sums:\n{:?}\n{:?}",
                genuine.pairs, forged.pairs
            );
        }
    }
}

#[test]
fn trial_two_channels() {
    let guard = || Guard::of(&["", "1"], Some(4));
    let off: fn(&mut RecutRules) = |rules| rules.one_request_channel = false;
    needs(&guard, off, &[("requestChannel", "")]);
    needs(&guard, off, &[("requestChannel", "1"), ("money", "2345")]);
    finds_by_himself(
        guard().less(off),
        &Taste {
            channels: &["", "1"],
            ..TASTE
        },
    );
}

#[test]
fn trial_rate_with_any_decimals() {
    let guard = || Guard::of(&["1"], Some(4));
    let off: fn(&mut RecutRules) = |rules| rules.rate_has_fixed_decimals = false;
    needs(&guard, off, &[("money", "12341"), ("rate", "6.8")]);
    needs(&guard, off, &[("money", "79"), ("rate", "6.8")]);
    finds_by_himself(
        guard().less(off),
        &Taste {
            rates: &["6.8", "16.8", "1.1"],
            ..TASTE
        },
    );
}

#[test]
fn trial_goods_that_begin_with_a_digit() {
    let guard = || Guard::of(&["1"], None);
    let off: fn(&mut RecutRules) = |rules| rules.low_goods_stand_apart = false;
    needs(&guard, off, &[]);
    for goods in ["5Bluetooth headphones", "(VIP) card", "1Bag"] {
        needs(&guard, off, &[("info", goods)]);
    }
    finds_by_himself(
        guard().less(off),
        &Taste {
            rates: &[""],
            ..TASTE
        },
    );
}

#[test]
fn trial_a_bare_host_that_begins_with_a_digit() {
    let guard = || Guard::of(&["1"], None);
    let off: fn(&mut RecutRules) = |rules| rules.low_hosts_stand_apart = false;
    needs(&guard, off, &[("money", "12"), ("pageUrl", "360.cn")]);
    finds_by_himself(
        guard().less(off),
        &Taste {
            goods: &["x"],
            rates: &[""],
            ..TASTE
        },
    );
}

#[test]
fn trial_a_key_that_stands_in_two_places() {
    let guard = || Guard::of(&["1"], None);
    let off: fn(&mut RecutRules) = |rules| rules.key_has_one_place = false;
    needs(&guard, off, &[("money", "12"), ("requestKey", "121")]);
    needs(
        &guard,
        off,
        &[("money", "1"), ("requestKey", "5"), ("info", "5Bag")],
    );
    finds_by_himself(
        guard().less(off),
        &Taste {
            rates: &[""],
            ..TASTE
        },
    );
}

#[test]
fn trial_the_word_of_the_other_currency() {
    let guard = || Guard::of(&["1"], None);
    let off: fn(&mut RecutRules) = |rules| rules.one_currency_word = false;
    needs(&guard, off, &[("infoEn", "B"), ("info", "USDgoods")]);
    finds_by_himself(
        guard().less(off),
        &Taste {
            rates: &[""],
            ..TASTE
        },
    );
}

#[test]
fn what_stands_apart_from_money_stays_accepted() {
    let guard = Guard::of(&["1"], Some(4));
    for changes in [
        &[
            ("info", "2024 Marathon"),
            ("requestKey", "1464659622189"),
            ("pageUrl", "http://a.cn/?k=1464659622189"),
        ][..],
        &[
            ("info", "96577886"),
            ("requestKey", "324"),
            ("money", "2"),
            ("requestChannel", "1"),
        ],
        &[("pageUrl", "360.cn"), ("requestKey", "324")],
        &[("rate", "6.8000"), ("requestKey", "324")],
        &[("requestKey", "12"), ("money", "1200")],
        &[("info", "1464659622189"), ("requestKey", "1464659622189")],
        &[("info", "Convert CNY"), ("pageUrl", "www.10020.cn")],
    ] {
        let genuine = request(changes);
        assert!(guard.accepts(&genuine.pairs, false), "{changes:?}");
        assert!(
            guard
                .forgery(&genuine, &mut Random::from_environment())
                .is_none()
        );
    }
}
