//! Legacy domains: values cut elsewhere. Under one sign and with its requestKey a
//! request must have no second reading in money, rate, currencyType or
//! requestChannel (docs/signing.md holds the argument).
//!
//! "Low" is what begins with a digit or with a character before the digits: in
//! sorted order it stands before everything else. Money and rate are low, and so is
//! requestChannel where it is `1`; of the rest only goods, bare hosts and the
//! requestKey can be.

use super::value;
use crate::domain::{Domain, Legacy, Recut};
use crate::money::Currency;
use crate::param::Param;
use crate::request::check_shape;
use crate::rule::Rule;

/// Money and rate have no more characters than this, each.
const NUMBER_MAX: usize = 9;

/// The rules, each with a switch: all are on, except in the trials of the
/// forger test, which leave one out to see that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct RecutRules {
    pub one_request_channel: bool,
    pub rate_has_fixed_decimals: bool,
    pub low_goods_stand_apart: bool,
    pub low_hosts_stand_apart: bool,
    pub key_has_one_place: bool,
    pub one_currency_word: bool,
}

impl RecutRules {
    /// Every rule, as in production.
    pub const ALL: Self = Self {
        one_request_channel: true,
        rate_has_fixed_decimals: true,
        low_goods_stand_apart: true,
        low_hosts_stand_apart: true,
        key_has_one_place: true,
        one_currency_word: true,
    };
}

/// The rule that the request breaks; `signed` are its values as they were signed,
/// by name, without the secret.
#[must_use]
#[doc(hidden)]
pub fn recut_rule(
    rules: RecutRules,
    domain: &Domain,
    legacy: &Legacy,
    signed: &[(Param, &str)],
) -> Option<Rule> {
    let mut texts: Vec<&str> = signed.iter().map(|(_, text)| *text).collect();
    crate::sign::sort_utf16(&mut texts);
    let joined = texts.concat();
    let request = Request {
        rules,
        domain,
        legacy,
        signed,
        joined: &joined,
    };
    request.broken_rule()
}

/// A request whose readings are looked at.
struct Request<'a> {
    rules: RecutRules,
    domain: &'a Domain,
    legacy: &'a Legacy,
    signed: &'a [(Param, &'a str)],
    joined: &'a str,
}

/// The values in which two readings may not differ, but currencyType.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums<'t> {
    channel: &'t str,
    money: &'t str,
    rate: &'t str,
}

impl Request<'_> {
    fn broken_rule(&self) -> Option<Rule> {
        if self.rules.rate_has_fixed_decimals && !self.rate_fits(self.get(Param::Rate)) {
            return Some(match self.legacy.rate_decimals {
                Some(decimals) => Rule::Rate(decimals),
                None => Rule::NoRate,
            });
        }
        if let Some(other) = self.other_currency()
            && self.rules.one_currency_word
        {
            return Some(Rule::OtherCurrency(other));
        }
        let moves = || (self.is_rigid() && self.has_other_sums()).then_some(Rule::DigitsMove);
        self.elastic_rule().or_else(moves)
    }

    /// Whether everything low on the side of money and rate is of a fixed form.
    fn is_rigid(&self) -> bool {
        let texts = Param::GOODS.into_iter().chain(Param::PAGE_ADDRESSES);
        texts
            .map(|param| self.get(param))
            .all(|text| !is_low(text) || self.stands_apart(text))
    }

    fn get(&self, param: Param) -> &str {
        value(self.signed, param)
    }

    /// The word of the other currency, where the signed text holds it.
    fn other_currency(&self) -> Option<Currency> {
        let ours = self.get(Param::CurrencyType);
        Currency::SEED
            .into_iter()
            .find(|other| other.code() != ours && self.joined.contains(other.code()))
    }

    /// What money could be cut into: low goods and low bare hosts. The requestKey
    /// has to stand between them and money and rate.
    fn elastic_rule(&self) -> Option<Rule> {
        let goods = Param::GOODS.map(|param| (param, self.rules.low_goods_stand_apart));
        let hosts = Param::PAGE_ADDRESSES.map(|param| (param, self.rules.low_hosts_stand_apart));
        let mut all = goods.into_iter().chain(hosts);
        all.find_map(|(param, apart)| {
            let text = self.get(param);
            let broken = apart && is_low(text) && !self.stands_apart(text);
            broken.then(|| Rule::Cut(param.name().to_owned()))
        })
    }

    /// Whether the requestKey stands between a low text and both money and rate.
    fn stands_apart(&self, text: &str) -> bool {
        let key = self.get(Param::RequestKey);
        let after = text >= key;
        let apart = |number: &str| number.is_empty() || (number > key) != after;
        apart(self.get(Param::Money)) && apart(self.get(Param::Rate))
    }

    /// Whether a text could be the rate of a request of this domain.
    fn rate_fits(&self, text: &str) -> bool {
        let form = text.split_once('.');
        let fixed = |decimals: u8| {
            form.is_some_and(|(whole, rest)| {
                whole.len() == 1 && rest.len() == usize::from(decimals)
            })
        };
        text.is_empty()
            || match self.fixed_decimals() {
                Some(decimals) => fixed(decimals),
                None => self.rates_are_free(),
            }
    }

    fn fixed_decimals(&self) -> Option<u8> {
        let decimals = self.legacy.rate_decimals;
        decimals.filter(|_| self.rules.rate_has_fixed_decimals)
    }

    /// Domains that existed take rates of any form.
    fn rates_are_free(&self) -> bool {
        self.legacy.recut == Recut::Log || !self.rules.rate_has_fixed_decimals
    }

    /// Whether the low values can be read as other sums: at each place of the text
    /// where the requestKey stands, before a currency.
    fn has_other_sums(&self) -> bool {
        let ours = Sums {
            channel: self.get(Param::RequestChannel),
            money: self.get(Param::Money),
            rate: self.get(Param::Rate),
        };
        let only_ours = [ours.channel.to_owned()];
        let channels = if self.rules.one_request_channel {
            &self.legacy.request_channels
        } else {
            only_ours.as_slice()
        };
        self.places().into_iter().any(|place| {
            let mut readings = channels
                .iter()
                .flat_map(|channel| self.sums(place, channel));
            readings.any(|sums| sums != ours)
        })
    }

    /// Where the requestKey may stand: begin and end. One that is not low stands
    /// behind all that matters: nowhere.
    fn places(&self) -> Vec<(usize, usize)> {
        let key = self.get(Param::RequestKey);
        if !is_low(key) {
            return vec![(0, 0)];
        }
        if !self.rules.key_has_one_place {
            return self.own_place(key);
        }
        let words = Currency::SEED.iter();
        let currency = words.filter_map(|currency| self.joined.rfind(currency.code()));
        let head = currency.max().unwrap_or(self.joined.len());
        let places = (0..head.saturating_sub(key.len() - 1)).map(|at| (at, at + key.len()));
        let bytes = self.joined.as_bytes();
        places
            .filter(|(from, to)| &bytes[*from..*to] == key.as_bytes())
            .collect()
    }

    /// Where the request's own reading has the key.
    fn own_place(&self, key: &str) -> Vec<(usize, usize)> {
        let before = self.signed.iter().filter(|(_, text)| *text < key);
        let from = before.map(|(_, text)| text.len()).sum();
        vec![(from, from + key.len())]
    }

    /// The sums that can be read with the key at this place.
    fn sums<'t>(&'t self, (from, to): (usize, usize), channel: &'t str) -> Vec<Sums<'t>> {
        let (before, key, after) = (
            &self.joined[..from],
            &self.joined[from..to],
            &self.joined[to..],
        );
        let none = Sums {
            channel,
            ..Sums::default()
        };
        let low_channel = Some(channel).filter(|channel| is_low(channel));
        let channel_before = low_channel.filter(|channel| *channel <= key);
        let channel_after = low_channel.filter(|channel| *channel > key);
        let run = after.bytes().take_while(|byte| is_numeric(*byte)).count();
        let (run, rest) = after.split_at(run);
        let afters = |begun: Sums<'t>| {
            let mut found = Vec::new();
            if !is_low(rest) {
                self.read(run, key, begun, channel_after, &mut found);
            }
            found
        };
        let mut befores = Vec::new();
        self.read(before, "", none, channel_before, &mut befores);
        let mut found: Vec<Sums<'t>> = Vec::new();
        for begun in befores {
            let whole = afters(begun);
            // Goods or hosts may follow the key, in sorted order.
            if whole.is_empty() && !begun.money.is_empty() && after >= key {
                found.push(begun);
            }
            found.extend(whole);
        }
        if self.can_be_other_text(before, channel_before) {
            found.extend(afters(none));
        }
        found.retain(|sums| !sums.money.is_empty());
        found
    }

    /// Whether what stands before the key can be goods or hosts.
    fn can_be_other_text(&self, before: &str, channel: Option<&str>) -> bool {
        let rest = before
            .strip_prefix(channel.unwrap_or_default())
            .unwrap_or(before);
        let other = before.bytes().any(|byte| !is_numeric(byte));
        other || (!rest.is_empty() && check_shape(self.domain, Param::Money, rest).is_err())
    }

    /// Reads a text as money, rate and requestChannel in sorted order, with nothing
    /// left; `last` is the value before it.
    fn read<'t>(
        &self,
        text: &'t str,
        last: &str,
        begun: Sums<'t>,
        channel: Option<&str>,
        found: &mut Vec<Sums<'t>>,
    ) {
        if text.is_empty() {
            if channel.is_none() {
                found.push(begun);
            }
            return;
        }
        if text.len() > 2 * NUMBER_MAX + channel.map_or(0, str::len) || !text.is_ascii() {
            return;
        }
        for end in 1..=text.len() {
            let (piece, rest) = text.split_at(end);
            if piece < last {
                continue;
            }
            if begun.money.is_empty() && check_shape(self.domain, Param::Money, piece).is_ok() {
                let money = Sums {
                    money: piece,
                    ..begun
                };
                self.read(rest, piece, money, channel, found);
            }
            if begun.rate.is_empty() && self.is_rate(piece) {
                let rate = Sums {
                    rate: piece,
                    ..begun
                };
                self.read(rest, piece, rate, channel, found);
            }
            if channel == Some(piece) {
                self.read(rest, piece, begun, None, found);
            }
        }
    }

    fn is_rate(&self, text: &str) -> bool {
        let fixed = self.rules.rate_has_fixed_decimals;
        let form = check_shape(self.domain, Param::Rate, text).is_ok() && self.rate_fits(text);
        form && (fixed || text == self.get(Param::Rate))
    }
}

/// Whether a text begins with a digit or with what is sorted before digits.
fn is_low(text: &str) -> bool {
    text.starts_with(|first: char| first <= '9')
}

fn is_numeric(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}
