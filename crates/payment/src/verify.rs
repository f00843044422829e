//! From raw pairs to a request whose sign holds and has one meaning (docs/signing.md).

mod forms;
mod legacy;
mod recut;
mod strict;

pub use forms::{Explanation, explain};
pub use legacy::check_with as check_legacy_with;
pub use recut::{RecutRules, recut_rule};
pub use strict::{StrictRules, check_with};

use crate::address::{Address, is_public};
use crate::channel::Channel;
use crate::domain::{Domain, KeyRule};
use crate::lang::Lang;
use crate::money::{Currency, Money};
use crate::pairs::Pairs;
use crate::refusal::Refusal;
use crate::request::{
    CloseRequest, HMAC_NAMES, PAGE_ADDRESS_NAMES, PayRequest, QueryRequest, RefundRequest,
    SEED_NAMES, UNSIGNED_NAMES, broken_address, check_shape,
};
use crate::rule::Rule;
use crate::sign::Purpose;
use forms::matching;
use std::net::IpAddr;
use std::ops::Deref;

/// The known pairs of a request that are not empty.
type Known<'a> = Vec<(&'a str, &'a str)>;

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

/// The values that the sign covers, and the sign, as a query string that
/// verifies again; in the seed's order, so that equal values give equal text.
#[must_use]
pub fn signed_query<T>(request: &Verified<T>) -> String {
    request.signed.to_query()
}

/// The domainCode that pairs name.
///
/// # Errors
/// When it is missing or malformed.
pub fn domain_code(pairs: &Pairs) -> Result<&str, Refusal> {
    let code = required(pairs, "domainCode")?;
    if code.len() > 64 || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::malformed(
            "domainCode",
            "1 to 64 printable ASCII characters, no blank",
        ));
    }
    Ok(code)
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
        "domainCode",
        "requestKey",
        "money",
        "currencyType",
        "bgUrl",
        "sign",
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
    let signed = proof.kept(&known);
    let content = pay_request(&known)?;
    Ok(Verified {
        content,
        signed,
        generation: proof.generation,
        other_key,
        recut,
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
        &["domainCode", "requestKey", "sign"],
        Purpose::Query,
    )?;
    let proof = matching(domain, pairs, &known, Purpose::Query, now_ms)?;
    if let (false, KeyRule::Strict(strict)) = (is_hmac(pairs), &domain.rule) {
        strict::check_key(strict, value(&known, "requestKey"))?;
    }
    let content = QueryRequest {
        domain_code: value(&known, "domainCode").to_owned(),
        request_key: value(&known, "requestKey").to_owned(),
    };
    let signed = proof.kept(&known);
    Ok(Verified {
        content,
        signed,
        generation: proof.generation,
        other_key: false,
        recut: None,
    })
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
        "domainCode",
        "requestKey",
        "refundKey",
        "refundMoney",
        "sign",
    ];
    let (known, proof) = hmac_only(domain, pairs, &names, Purpose::Refund, now_ms)?;
    let refund_money = value(&known, "refundMoney").parse();
    let content = RefundRequest {
        domain_code: value(&known, "domainCode").to_owned(),
        request_key: value(&known, "requestKey").to_owned(),
        refund_key: value(&known, "refundKey").to_owned(),
        refund_money: refund_money.map_err(|_| Refusal::malformed("refundMoney", "whole fen"))?,
    };
    let signed = proof.kept(&known);
    Ok(Verified {
        content,
        signed,
        generation: proof.generation,
        other_key: false,
        recut: None,
    })
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
    let names = ["domainCode", "requestKey", "sign"];
    let (known, proof) = hmac_only(domain, pairs, &names, Purpose::Close, now_ms)?;
    let content = CloseRequest {
        domain_code: value(&known, "domainCode").to_owned(),
        request_key: value(&known, "requestKey").to_owned(),
    };
    let signed = proof.kept(&known);
    Ok(Verified {
        content,
        signed,
        generation: proof.generation,
        other_key: false,
        recut: None,
    })
}

fn hmac_only<'a>(
    domain: &Domain,
    pairs: &'a Pairs,
    names: &[&str],
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
    let mut given = pairs.iter().filter(|(name, _)| *name == "signType");
    match given.all(|(_, value)| value.is_empty() || value == "HMAC-SHA256") {
        true => Ok(()),
        false => Err(Refusal::malformed("signType", "HMAC-SHA256, or left out")),
    }
}

/// Whether a text is an openid, and not what a script writes that has none.
fn is_openid(text: &str) -> bool {
    !matches!(text.trim(), "" | "undefined" | "null")
}

/// Whether the request says that its sign is an HMAC.
fn is_hmac(pairs: &Pairs) -> bool {
    pairs.iter().any(|pair| pair == ("signType", "HMAC-SHA256"))
}

/// Whether a name is part of the interface for this kind of sign and call.
fn is_known(name: &str, hmac: bool, purpose: Purpose) -> bool {
    let refund = name != "signType" && purpose != Purpose::Refund;
    SEED_NAMES.contains(&name)
        || UNSIGNED_NAMES.contains(&name)
        || (hmac && HMAC_NAMES.contains(&name) && !refund)
}

/// The known pairs that are not empty, each once, the required ones there, all
/// of their shapes, in the seed's order.
fn known<'a>(
    domain: &Domain,
    pairs: &'a Pairs,
    required_names: &[&str],
    purpose: Purpose,
) -> Result<Known<'a>, Refusal> {
    check_sign_type(pairs)?;
    let hmac = is_hmac(pairs);
    if domain.settings.hmac_required && !hmac {
        return Err(Refusal::HmacRequired);
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (name, value) in pairs
        .iter()
        .filter(|(name, _)| is_known(name, hmac, purpose))
    {
        if seen.iter().any(|(other, _)| *other == name) {
            return Err(Refusal::Repeated(name.to_owned()));
        }
        seen.push((name, value));
    }
    for name in required_names {
        required(pairs, name)?;
    }
    seen.retain(|(name, value)| !value.is_empty() && (*name != "openid" || is_openid(value)));
    for (name, value) in &seen {
        check_shape(domain, name, value)?;
    }
    seen.sort_by_key(|(name, _)| {
        SEED_NAMES
            .iter()
            .position(|seed| seed == name)
            .unwrap_or(99)
    });
    Ok(seen)
}

fn required<'a>(pairs: &'a Pairs, name: &str) -> Result<&'a str, Refusal> {
    pairs
        .get(name)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Refusal::missing(name))
}

fn value<'a>(known: &[(&'a str, &'a str)], name: &str) -> &'a str {
    known
        .iter()
        .find(|(key, _)| *key == name)
        .map_or("", |(_, value)| value)
}

/// Where this request may send payers and us (docs/signing.md, Shapes that every request keeps).
fn check_addresses(domain: &Domain, known: &[(&str, &str)]) -> Result<(), Refusal> {
    let settings = &domain.settings;
    let refuse = |name: &str| Err(Refusal::AddressRefused(name.to_owned()));
    let bg_url =
        Address::callback(value(known, "bgUrl")).map_err(|rule| broken_address("bgUrl", rule))?;
    if !may_call(domain, &bg_url) {
        return refuse("bgUrl");
    }
    let strict = matches!(domain.rule, KeyRule::Strict(_));
    let listed = is_listed(&bg_url, &settings.callbacks);
    let development = domain.development && bg_url.ip().is_some();
    if (strict || !settings.callbacks.is_empty()) && !listed && !development {
        return refuse("bgUrl");
    }
    for name in PAGE_ADDRESS_NAMES {
        let text = value(known, name);
        if text.is_empty() || settings.return_hosts.is_empty() {
            continue;
        }
        let page = Address::page(text, !strict).map_err(|rule| broken_address(name, rule))?;
        if !settings.return_hosts.iter().any(|host| host == page.host()) {
            return refuse(name);
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

fn pay_request(known: &[(&str, &str)]) -> Result<PayRequest, Refusal> {
    let text = |name: &str| value(known, name).to_owned();
    let some = |name: &str| Some(text(name)).filter(|value| !value.is_empty());
    // Their shapes were looked at, by which only legacy domains send bare hosts.
    let address = |name: &str| {
        let read = some(name).and_then(|value| Address::page(&value, true).ok());
        read.map(|address| address.as_str().to_owned())
    };
    let currency = Currency::parse(value(known, "currencyType"));
    let minor = value(known, "money").parse().ok();
    let money = minor
        .zip(currency)
        .and_then(|(minor, currency)| Money::from_minor(minor, currency));
    Ok(PayRequest {
        domain_code: text("domainCode"),
        request_key: text("requestKey"),
        money: money.ok_or_else(|| Refusal::Amount("money".to_owned()))?,
        rate: some("rate"),
        info: text("info"),
        info_en: text("infoEn"),
        pay_type: Channel::parse(value(known, "payTypeCode")),
        request_channel: text("requestChannel"),
        page_url: address("pageUrl"),
        bg_url: text("bgUrl"),
        dialog_ok_url: address("dialogOkUrl"),
        dialog_fail_url: address("dialogFailUrl"),
        openid: some("openid"),
        lang: some("lang").and_then(|lang| Lang::parse(&lang)),
    })
}
