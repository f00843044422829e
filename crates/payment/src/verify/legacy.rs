//! Legacy domains: a request is refused where its whole values, given to other
//! parameters, make another payment under the same sign (docs/signing.md).

use super::forms::Proof;
use super::recut::{RecutRules, recut_rule};
use super::value;
use crate::domain::{Domain, Legacy, Recut};
use crate::param::Param;
use crate::refusal::Refusal;
use crate::request::check_shape;
use crate::rule::Rule;

/// Parameters that whole values could be given to; domainCode and payTypeCode
/// are not among them, since their values fit nowhere else and nothing else there.
const PLACES: [Param; 12] = [
    Param::Money,
    Param::CurrencyType,
    Param::RequestKey,
    Param::BgUrl,
    Param::Rate,
    Param::RequestChannel,
    Param::Info,
    Param::InfoEn,
    Param::PageUrl,
    Param::DialogOkUrl,
    Param::DialogFailUrl,
    Param::PayTypeCodeIn,
];
/// These can't be left empty.
const REQUIRED: usize = 4;

/// Judges a request whose sign holds; gives whether another requestKey fits too, and
/// the rule against recutting that it breaks where that is only logged.
pub(super) fn check(
    domain: &Domain,
    legacy: &Legacy,
    known: &[(Param, &str)],
    proof: &Proof,
) -> Result<(bool, Option<Rule>), Refusal> {
    let signed = proof.signed(known);
    let signed: Vec<(Param, &str)> = signed.iter().map(|(n, text)| (*n, &**text)).collect();
    check_with(RecutRules::ALL, domain, legacy, known, &signed)
}

/// The judgement itself; `signed` are the signed values as they were signed, without
/// the secret.
///
/// # Errors
/// [`Refusal::Rule`] with the rule that is broken.
#[doc(hidden)]
pub fn check_with(
    rules: RecutRules,
    domain: &Domain,
    legacy: &Legacy,
    known: &[(Param, &str)],
    signed: &[(Param, &str)],
) -> Result<(bool, Option<Rule>), Refusal> {
    let channels = &legacy.request_channels;
    if !channels
        .iter()
        .any(|listed| listed == value(known, Param::RequestChannel))
    {
        return Err(Refusal::Rule(Rule::RequestChannel(channels.clone())));
    }
    let search = Search::new(domain, channels, known, signed);
    if search.finds(|reading| reading.key_is_ours() && !reading.sum_is_ours()) {
        return Err(Refusal::Rule(Rule::Swapped));
    }
    let recut = recut_rule(rules, domain, legacy, signed);
    match (recut, legacy.recut) {
        (Some(rule), Recut::Refuse) => Err(Refusal::Rule(rule)),
        (recut, _) => Ok((search.finds(|reading| !reading.key_is_ours()), recut)),
    }
}

/// The values that could change places, and which place each fits.
struct Search<'a> {
    values: Vec<&'a str>,
    /// For each place, in the order of [`PLACES`], whether each value fits.
    fits: Vec<Vec<bool>>,
    /// The request's own money, currencyType, requestKey and rate.
    ours: [&'a str; 4],
}

/// A reading: the value of each of the first places, as far as chosen.
struct Reading<'s, 'a> {
    search: &'s Search<'a>,
    money: &'a str,
    currency: &'a str,
    key: &'a str,
    rate: &'a str,
}

impl Reading<'_, '_> {
    fn key_is_ours(&self) -> bool {
        self.key == self.search.ours[2]
    }

    fn sum_is_ours(&self) -> bool {
        let [money, currency, _, rate] = self.search.ours;
        (self.money, self.currency, self.rate) == (money, currency, rate)
    }
}

impl<'a> Search<'a> {
    fn new(
        domain: &Domain,
        request_channels: &[String],
        known: &[(Param, &'a str)],
        signed: &[(Param, &str)],
    ) -> Self {
        let is_signed = |param: Param| signed.iter().any(|(other, _)| *other == param);
        let moves = known
            .iter()
            .filter(|(param, _)| *param != Param::DomainCode && is_signed(*param));
        let values: Vec<&str> = moves.map(|(_, value)| *value).collect();
        let fit = |place: Param, text: &str| match place {
            Param::RequestChannel => request_channels.iter().any(|listed| listed == text),
            _ => check_shape(domain, place, text).is_ok(),
        };
        let places = PLACES
            .iter()
            .copied()
            .chain(is_signed(Param::PayTypeCode).then_some(Param::PayTypeCode));
        let fits = places.map(|place| values.iter().map(|text| fit(place, text)).collect());
        let ours = [
            Param::Money,
            Param::CurrencyType,
            Param::RequestKey,
            Param::Rate,
        ]
        .map(|param| value(known, param));
        Self {
            fits: fits.collect(),
            values,
            ours,
        }
    }

    /// Whether some complete reading satisfies `wanted`.
    fn finds(&self, wanted: impl Fn(&Reading<'_, 'a>) -> bool) -> bool {
        let candidates =
            |place: usize| (0..self.values.len()).filter(move |index| self.fits[place][*index]);
        for money in candidates(0) {
            for currency in candidates(1) {
                for key in candidates(2) {
                    for rate in candidates(4).map(Some).chain([None]) {
                        let chosen = [Some(money), Some(currency), Some(key), rate];
                        if !distinct(&chosen) {
                            continue;
                        }
                        let reading = Reading {
                            search: self,
                            money: self.values[money],
                            currency: self.values[currency],
                            key: self.values[key],
                            rate: rate.map_or("", |index| self.values[index]),
                        };
                        if wanted(&reading) && self.rest_fits(&chosen) {
                            return true;
                        }
                    }
                }
            }
        }
        false
    }

    /// Whether every value that is not chosen yet has a place of its own, and
    /// bgUrl gets one: a matching, by augmenting paths.
    fn rest_fits(&self, chosen: &[Option<usize>; 4]) -> bool {
        let rest: Vec<usize> = (0..self.values.len())
            .filter(|index| !chosen.contains(&Some(*index)))
            .collect();
        let places: Vec<usize> = (REQUIRED - 1..self.fits.len())
            .filter(|place| *place != 4)
            .collect();
        rest.iter().any(|for_bg_url| {
            if !self.fits[3][*for_bg_url] {
                return false;
            }
            let mut taken: Vec<Option<usize>> = vec![None; self.fits.len()];
            taken[3] = Some(*for_bg_url);
            rest.iter()
                .filter(|index| *index != for_bg_url)
                .all(|index| {
                    let mut tried = vec![false; self.fits.len()];
                    tried[3] = true;
                    self.place(*index, &places, &mut taken, &mut tried)
                })
        })
    }

    fn place(
        &self,
        index: usize,
        places: &[usize],
        taken: &mut [Option<usize>],
        tried: &mut [bool],
    ) -> bool {
        for place in places {
            if tried[*place] || !self.fits[*place][index] {
                continue;
            }
            tried[*place] = true;
            let free = match taken[*place] {
                None => true,
                Some(other) => self.place(other, places, taken, tried),
            };
            if free {
                taken[*place] = Some(index);
                return true;
            }
        }
        false
    }
}

fn distinct(chosen: &[Option<usize>; 4]) -> bool {
    let some: Vec<usize> = chosen.iter().flatten().copied().collect();
    some.iter()
        .enumerate()
        .all(|(position, index)| !some[..position].contains(index))
}
