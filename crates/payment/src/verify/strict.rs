//! Strict domains: what has one meaning by construction (docs/signing.md, Strict
//! domains: one sign, one meaning, holds the argument).

use super::forms::Proof;
use super::value;
use crate::domain::Strict;
use crate::param::Param;
use crate::refusal::Refusal;
use crate::rule::Rule;
use crate::status::PayStatus;

/// The rules, each with a switch: all are on, except in the trials of the
/// forger test, which leave one out to see that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct StrictRules {
    pub info_begins_with_letter: bool,
    pub prefix_stands_in_key_alone: bool,
    pub key_has_prefix_and_length: bool,
    pub rate_has_fixed_decimals: bool,
    pub request_channel_is_always_there: bool,
    pub one_currency: bool,
    pub no_status_word: bool,
}

impl StrictRules {
    /// Every rule, as in production.
    pub const ALL: Self = Self {
        info_begins_with_letter: true,
        prefix_stands_in_key_alone: true,
        key_has_prefix_and_length: true,
        rate_has_fixed_decimals: true,
        request_channel_is_always_there: true,
        one_currency: true,
        no_status_word: true,
    };
}

/// Judges a request whose sign holds, by every rule.
pub(super) fn check(
    strict: &Strict,
    known: &[(Param, &str)],
    proof: &Proof,
) -> Result<(), Refusal> {
    check_with(StrictRules::ALL, strict, known, &proof.sorted)
}

/// requestKey: the prefix, the length, and `[A-Za-z0-9_-]`.
pub(super) fn check_key(strict: &Strict, key: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let fits = key.len() == strict.length
        && key
            .strip_prefix(&strict.prefix)
            .is_some_and(|rest| !rest.contains(&strict.prefix))
        && key.bytes().all(plain);
    if fits {
        Ok(())
    } else {
        refuse(Rule::Key {
            prefix: strict.prefix.clone(),
            length: strict.length,
        })
    }
}

/// The judgement itself; `sorted` are the signed values without the secret.
///
/// # Errors
/// [`Refusal::Rule`] with the rule that is broken.
#[doc(hidden)]
pub fn check_with(
    rules: StrictRules,
    strict: &Strict,
    known: &[(Param, &str)],
    sorted: &[String],
) -> Result<(), Refusal> {
    if rules.key_has_prefix_and_length {
        check_key(strict, value(known, Param::RequestKey))?;
    }
    let channel = value(known, Param::RequestChannel);
    let absent = !rules.request_channel_is_always_there && channel.is_empty();
    if channel != strict.request_channel && !absent {
        return refuse(Rule::RequestChannel(vec![strict.request_channel.clone()]));
    }
    if rules.one_currency && value(known, Param::CurrencyType) != strict.currency.code() {
        return refuse(Rule::Currency(strict.currency));
    }
    if rules.rate_has_fixed_decimals && !rate_fits(strict, value(known, Param::Rate)) {
        return refuse(Rule::Rate(strict.rate_decimals));
    }
    for param in Param::GOODS {
        check_goods(rules, strict, param.name(), value(known, param))?;
    }
    if !value(known, Param::PayTypeCodeIn).is_empty() {
        return refuse(Rule::PayTypeCodeIn);
    }
    if rules.no_status_word && sorted.concat().contains(PayStatus::SuccessPay.word()) {
        return refuse(Rule::StatusWord);
    }
    Ok(())
}

fn check_goods(
    rules: StrictRules,
    strict: &Strict,
    name: &str,
    goods: &str,
) -> Result<(), Refusal> {
    let letter = goods.is_empty() || goods.starts_with(char::is_alphabetic);
    if rules.info_begins_with_letter && !letter {
        return refuse(Rule::GoodsBegin(name.to_owned()));
    }
    if rules.prefix_stands_in_key_alone && goods.contains(&strict.prefix) {
        return refuse(Rule::GoodsHoldPrefix {
            name: name.to_owned(),
            prefix: strict.prefix.clone(),
        });
    }
    Ok(())
}

/// Absent, or one digit, a point and the fixed decimals.
fn rate_fits(strict: &Strict, rate: &str) -> bool {
    let decimals = usize::from(strict.rate_decimals);
    let form = |(whole, rest): (&str, &str)| whole.len() == 1 && rest.len() == decimals;
    rate.is_empty() || rate.split_once('.').is_some_and(form)
}

fn refuse(rule: Rule) -> Result<(), Refusal> {
    Err(Refusal::Rule(rule))
}
