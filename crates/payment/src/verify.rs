//! From raw pairs to a request whose sign holds and has one meaning (docs/signing.md).

mod forms;
mod legacy;
mod recut;
mod strict;

pub use forms::{Explained, Explanation, examine, explain};
pub use legacy::check_with as check_legacy_with;
pub use recut::{RecutRules, recut_rule};
pub use strict::{StrictRules, check_with};

use crate::address::{Address, is_public};
use crate::channel::Channel;
use crate::domain::{Domain, KeyRule};
use crate::lang::Lang;
use crate::money::{Currency, Money};
use crate::pairs::Pairs;
use crate::param::Param;
use crate::refusal::Refusal;
use crate::request::{
    CloseRequest, PayRequest, QueryRequest, RefundRequest, broken_address, check_shape, form_of,
};
use crate::rule::Rule;
use crate::sign::Purpose;
use crate::signed::Signed;
use forms::matching;
use std::net::IpAddr;
use std::ops::Deref;

/// The known pairs of a request that are not empty.
type Known<'a> = Vec<(Param, &'a str)>;

/// Something that was signed by its business system and has one meaning. Only
/// the functions of this module make one.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    content: T,
    signed: Pairs,
    generation: i64,
    other_key: bool,
    recut: Option<Rule>,
}

impl<T> Verified<T> {
    fn new(content: T, proof: &forms::Proof, known: &[(Param, &str)]) -> Self {
        Self {
            content,
            signed: proof.kept(known),
            generation: proof.generation,
            other_key: false,
            recut: None,
        }
    }

    /// The values that the sign covers, and the sign; in the seed's order, so that
    /// equal values are equal text.
    #[must_use]
    pub fn signed(&self) -> Signed {
        self.signed.clone().into()
    }

    /// The generation of the secret that it was signed with.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// Whether, on a legacy domain, the same sign fits another requestKey too:
    /// to be logged and shown to the operator.
    #[must_use]
    pub fn fits_another_key(&self) -> bool {
        self.other_key
    }

    /// The rule, on a legacy domain that only logs it, without which the same sign
    /// fits another sum too: to be logged, counted and alarmed.
    #[must_use]
    pub fn could_be_recut(&self) -> Option<&Rule> {
        self.recut.as_ref()
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

/// The domainCode that pairs name.
///
/// # Errors
/// When it is missing or malformed.
pub fn domain_code(pairs: &Pairs) -> Result<&str, Refusal> {
    let code = required(pairs, Param::DomainCode)?;
    if code.len() > 64 || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::malformed(
            Param::DomainCode.name(),
            form_of(Param::DomainCode),
        ));
    }
    Ok(code)
}

/// That none of these names comes twice, of a call that no sign covers.
///
/// # Errors
/// [`Refusal::Repeated`].
pub fn each_once(pairs: &Pairs, names: &[&str]) -> Result<(), Refusal> {
    for name in names {
        if pairs.iter().filter(|(other, _)| other == name).count() > 1 {
            return Err(Refusal::repeated(name));
        }
    }
    Ok(())
}

/// A payment request: for the pages, pay and wechatQuery.
///
/// # Errors
/// The first rule of docs/signing.md that it breaks.
pub fn verify_pay(
    domain: &Domain,
    pairs: &Pairs,
    now_ms: i64,
) -> Result<Verified<PayRequest>, Refusal> {
    let names = [
        Param::DomainCode,
        Param::RequestKey,
        Param::Money,
        Param::CurrencyType,
        Param::BgUrl,
        Param::Sign,
    ];
    let known = known(domain, pairs, &names, Purpose::Pay)?;
    check_addresses(domain, &known)?;
    let proof = matching(domain, pairs, &known, Purpose::Pay, now_ms)?;
    let (mut other_key, mut recut) = (false, None);
    if !is_hmac(pairs) {
        match &domain.rule {
            KeyRule::Strict(strict) => strict::check(strict, &known, &proof)?,
            KeyRule::Legacy(legacy) => {
                (other_key, recut) = legacy::check(domain, legacy, &known, &proof)?;
            }
        }
    }
    Ok(Verified {
        other_key,
        recut,
        ..Verified::new(pay_request(&known)?, &proof, &known)
    })
}

/// A question: for query and queryInfo.
///
/// # Errors
/// The first rule that it breaks.
pub fn verify_query(
    domain: &Domain,
    pairs: &Pairs,
    now_ms: i64,
) -> Result<Verified<QueryRequest>, Refusal> {
    let known = known(
        domain,
        pairs,
        &[Param::DomainCode, Param::RequestKey, Param::Sign],
        Purpose::Query,
    )?;
    let proof = matching(domain, pairs, &known, Purpose::Query, now_ms)?;
    if let (false, KeyRule::Strict(strict)) = (is_hmac(pairs), &domain.rule) {
        strict::check_key(strict, value(&known, Param::RequestKey))?;
    }
    let content = QueryRequest {
        domain_code: value(&known, Param::DomainCode).to_owned(),
        request_key: value(&known, Param::RequestKey).to_owned(),
    };
    Ok(Verified::new(content, &proof, &known))
}

/// A refund: HMAC only.
///
/// # Errors
/// The first rule that it breaks.
pub fn verify_refund(
    domain: &Domain,
    pairs: &Pairs,
    now_ms: i64,
) -> Result<Verified<RefundRequest>, Refusal> {
    let names = [
        Param::DomainCode,
        Param::RequestKey,
        Param::RefundKey,
        Param::RefundMoney,
        Param::Sign,
    ];
    let (known, proof) = hmac_only(domain, pairs, &names, Purpose::Refund, now_ms)?;
    let refund_money = value(&known, Param::RefundMoney).parse();
    let content = RefundRequest {
        domain_code: value(&known, Param::DomainCode).to_owned(),
        request_key: value(&known, Param::RequestKey).to_owned(),
        refund_key: value(&known, Param::RefundKey).to_owned(),
        refund_money: refund_money
            .map_err(|_| Refusal::malformed(Param::RefundMoney.name(), ("whole fen", "整数分")))?,
    };
    Ok(Verified::new(content, &proof, &known))
}

/// A close: HMAC only.
///
/// # Errors
/// The first rule that it breaks.
pub fn verify_close(
    domain: &Domain,
    pairs: &Pairs,
    now_ms: i64,
) -> Result<Verified<CloseRequest>, Refusal> {
    let names = [Param::DomainCode, Param::RequestKey, Param::Sign];
    let (known, proof) = hmac_only(domain, pairs, &names, Purpose::Close, now_ms)?;
    let content = CloseRequest {
        domain_code: value(&known, Param::DomainCode).to_owned(),
        request_key: value(&known, Param::RequestKey).to_owned(),
    };
    Ok(Verified::new(content, &proof, &known))
}

fn hmac_only<'a>(
    domain: &Domain,
    pairs: &'a Pairs,
    names: &[Param],
    purpose: Purpose,
    now_ms: i64,
) -> Result<(Known<'a>, forms::Proof), Refusal> {
    check_sign_type(pairs)?;
    if !is_hmac(pairs) {
        return Err(Refusal::HmacRequired);
    }
    let known = known(domain, pairs, names, purpose)?;
    let proof = matching(domain, pairs, &known, purpose, now_ms)?;
    Ok((known, proof))
}

/// signType is exactly its one word, or empty.
fn check_sign_type(pairs: &Pairs) -> Result<(), Refusal> {
    let mut given = pairs
        .iter()
        .filter(|(name, _)| *name == Param::SignType.name());
    if given.all(|(_, value)| value.is_empty() || value == "HMAC-SHA256") {
        Ok(())
    } else {
        Err(Refusal::malformed(
            Param::SignType.name(),
            ("HMAC-SHA256, or left out", "HMAC-SHA256，或不填"),
        ))
    }
}

/// What a program writes that has no openid, in the languages that pages and apps are
/// written in.
const NO_OPENID: [&str; 8] = [
    "",
    "undefined",
    "null",
    "none",
    "nil",
    "(null)",
    "<null>",
    "nan",
];

/// Whether a text is an openid, and not what is written where there is none.
fn is_openid(text: &str) -> bool {
    let text = text.trim();
    !NO_OPENID.iter().any(|none| text.eq_ignore_ascii_case(none))
}

/// Whether the request says that its sign is an HMAC.
fn is_hmac(pairs: &Pairs) -> bool {
    pairs
        .iter()
        .any(|pair| pair == (Param::SignType.name(), "HMAC-SHA256"))
}

/// The parameter of this name, where it is part of the interface for this kind of sign
/// and call.
fn known_param(name: &str, hmac: bool, purpose: Purpose) -> Option<Param> {
    Param::parse(name).filter(|param| match param {
        Param::SignType => hmac,
        Param::RefundKey | Param::RefundMoney => hmac && purpose == Purpose::Refund,
        _ => true,
    })
}

/// The known pairs that are not empty, each once, the required ones there, all
/// of their shapes, in the seed's order.
fn known<'a>(
    domain: &Domain,
    pairs: &'a Pairs,
    needed: &[Param],
    purpose: Purpose,
) -> Result<Known<'a>, Refusal> {
    check_sign_type(pairs)?;
    let hmac = is_hmac(pairs);
    if domain.settings.hmac_required && !hmac {
        return Err(Refusal::HmacRequired);
    }
    let mut seen: Known<'a> = Vec::new();
    for (name, value) in pairs.iter() {
        let Some(param) = known_param(name, hmac, purpose) else {
            continue;
        };
        if seen.iter().any(|(other, _)| *other == param) {
            return Err(Refusal::Repeated(name.to_owned()));
        }
        seen.push((param, value));
    }
    for param in needed {
        required(pairs, *param)?;
    }
    seen.retain(|(param, value)| {
        !value.is_empty() && (*param != Param::Openid || is_openid(value))
    });
    for (param, value) in &seen {
        check_shape(domain, *param, value)?;
    }
    // What comes after the seed's fifteen keeps its order.
    seen.sort_by_key(|(param, _)| (*param).min(Param::SignType));
    Ok(seen)
}

fn required(pairs: &Pairs, param: Param) -> Result<&str, Refusal> {
    pairs
        .get(param.name())
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Refusal::missing(param.name()))
}

fn value<'a>(known: &[(Param, &'a str)], param: Param) -> &'a str {
    known
        .iter()
        .find(|(key, _)| *key == param)
        .map_or("", |(_, value)| value)
}

/// Where this request may send payers and us (docs/signing.md, Shapes that every request keeps).
fn check_addresses(domain: &Domain, known: &[(Param, &str)]) -> Result<(), Refusal> {
    let settings = &domain.settings;
    let refuse = |param: Param| Err(Refusal::AddressRefused(param.name().to_owned()));
    let bg_url = Address::callback(value(known, Param::BgUrl))
        .map_err(|rule| broken_address(Param::BgUrl.name(), rule))?;
    if !may_call(domain, &bg_url) {
        return refuse(Param::BgUrl);
    }
    let strict = matches!(domain.rule, KeyRule::Strict(_));
    let listed = is_listed(&bg_url, &settings.callbacks);
    let development = domain.development && bg_url.ip().is_some();
    if (strict || !settings.callbacks.is_empty()) && !listed && !development {
        return refuse(Param::BgUrl);
    }
    for param in Param::PAGE_ADDRESSES {
        let text = value(known, param);
        if text.is_empty() || settings.return_hosts.is_empty() {
            continue;
        }
        let page =
            Address::page(text, !strict).map_err(|rule| broken_address(param.name(), rule))?;
        if !settings.return_hosts.iter().any(|host| host == page.host()) {
            return refuse(param);
        }
    }
    Ok(())
}

/// Whether a callback may go there, as far as the address itself tells.
#[must_use]
pub fn may_call(domain: &Domain, address: &Address) -> bool {
    let loopback = |ip: IpAddr| domain.development && ip.is_loopback();
    let mut private = domain.settings.private_callback_hosts.iter();
    address.ip().is_none_or(|ip| is_public(ip) || loopback(ip))
        || private.any(|listed| listed == address.host())
}

/// Whether an address lies under one of these prefixes.
#[must_use]
pub fn is_listed(address: &Address, prefixes: &[String]) -> bool {
    let mut prefixes = prefixes.iter().filter_map(|text| Address::parse(text).ok());
    prefixes.any(|prefix| address.lies_under(&prefix))
}

fn pay_request(known: &[(Param, &str)]) -> Result<PayRequest, Refusal> {
    let text = |param: Param| value(known, param).to_owned();
    let some = |param: Param| Some(text(param)).filter(|value| !value.is_empty());
    // Their shapes were looked at, by which only legacy domains send bare hosts.
    let address = |param: Param| {
        let read = some(param).and_then(|value| Address::page(&value, true).ok());
        read.map(|address| address.as_str().to_owned())
    };
    let currency = Currency::parse(value(known, Param::CurrencyType));
    let minor = value(known, Param::Money).parse().ok();
    let money = minor
        .zip(currency)
        .and_then(|(minor, currency)| Money::from_minor(minor, currency));
    Ok(PayRequest {
        domain_code: text(Param::DomainCode),
        request_key: text(Param::RequestKey),
        money: money.ok_or_else(|| Refusal::Amount(Param::Money.name().to_owned()))?,
        rate: some(Param::Rate),
        info: text(Param::Info),
        info_en: text(Param::InfoEn),
        pay_type: Channel::parse(value(known, Param::PayTypeCode)),
        request_channel: text(Param::RequestChannel),
        page_url: address(Param::PageUrl),
        bg_url: text(Param::BgUrl),
        dialog_ok_url: address(Param::DialogOkUrl),
        dialog_fail_url: address(Param::DialogFailUrl),
        openid: some(Param::Openid),
        lang: some(Param::Lang).and_then(|lang| Lang::parse(&lang)),
    })
}
