//! What partners ask for (docs/forecore.md). Each order is a payment request of the
//! partner's, paid on our own page like any other.

use super::answer::{self, ListedRefund, OrderInfo, Ordered, PartnerRefund};
use super::{Failure, NAME, OrderCall};
use crate::partner::{REFUND_NO_MAX, paid, refund_named, unnamed_key};
use checkout::{Checkout, Failure as Trouble};
use payment::clinic::examine_forecore;
use payment::domain::{Domain, Secret};
use payment::fields::Fields;
use payment::forecore::{PayType, Proved, fen_of_yuan, md5_sign, proved};
use payment::money::Currency;
use payment::partner::PartnerOrder;
use payment::ports::{AttemptRow, RefundRow};
use payment::rate::Rate;
use payment::refund::Refund;
use payment::refusal::Refusal;
use payment::story::digest;
use serde_json::{Map, Value};

/// Keys of refunds without a number, of before they went by a digest.
const UNNAMED_BEFORE: &str = "day:";
/// Refunds of before this rule: the same order and sum was the same for a day, ms.
const SAME_REFUND_MS: i64 = 86_400_000;
/// What an order and its notification hold and a refund does not: the sign does not say
/// what a call asks for.
const NOT_OF_A_REFUND: [&str; 2] = ["cb_url", "providerOrderId"];

/// `/forecore/order`: the same content again is the same order.
///
/// # Errors
/// [`Failure`] with what the partner can do.
pub async fn order(checkout: &Checkout, fields: &Fields) -> Result<Ordered, Failure> {
    let (domain, key, Proved { fields, .. }) = partner(checkout, fields).await?;
    let OrderCall {
        order,
        pay_type,
        time_ms,
    } = OrderCall::read(&fields)?;
    check_time(&domain, time_ms, checkout.now_ms())?;
    let kept = checkout.keep_order(&domain, order).await;
    let kept = kept.map_err(|failure| match failure {
        Trouble::KeyReused => Failure::OrderReused,
        other => other.into(),
    })?;
    // Partners show it as a code.
    let channel = pay_type.map(PayType::channel);
    let url = checkout
        .order_address(&domain, &key, &kept, channel)
        .await?;
    let signed = [
        ("orderId", kept.order_id.as_str()),
        ("outOrderId", &kept.order.out_order_id),
        ("url", &url),
    ];
    let sign = md5_sign(signed.into_iter(), &key);
    Ok(Ordered {
        out_order_id: kept.order.out_order_id,
        order_id: kept.order_id,
        url,
        sign,
    })
}

/// `/forecore/queryOrder`.
///
/// # Errors
/// [`Failure`] with what the partner can do.
pub async fn query_order(checkout: &Checkout, fields: &Fields) -> Result<OrderInfo, Failure> {
    let (domain, _, Proved { fields, .. }) = partner(checkout, fields).await?;
    let (order, attempts) = ordered(checkout, &domain, &fields).await?;
    let Some(paid) = paid(&attempts) else {
        return Ok(OrderInfo {
            order,
            received: None,
            status: answer::unpaid_word(&attempts),
            refunds: Vec::new(),
        });
    };
    let status = match answer::refund_of(paid) {
        Some(word) => word,
        None => answer::paid_word(checkout.told(&paid.order_sn).await?),
    };
    let refunds = checkout.refunds_of(&paid.order_sn).await?;
    Ok(OrderInfo {
        order,
        received: Some(paid.money.minor()),
        status,
        refunds: refunds.iter().map(ListedRefund::of).collect(),
    })
}

/// `/forecore/refund`: the same `out_refund_no` again is the same refund; without one, a
/// call of which the same text was signed is.
///
/// # Errors
/// [`Failure`] with what the partner can do.
pub async fn refund(checkout: &Checkout, sent: &Fields) -> Result<PartnerRefund, Failure> {
    let (domain, _, Proved { fields, text }) = partner(checkout, sent).await?;
    fields.required("outOrderId")?;
    for name in NOT_OF_A_REFUND {
        if fields.get(name).is_some() {
            return Err(Refusal::malformed(name, "left out: no refund has it").into());
        }
    }
    let money = fields.required("money")?;
    let form = "yuan, more than zero, at most two decimals";
    let fen = fen_of_yuan(money).ok_or_else(|| Refusal::malformed("money", form))?;
    let named = fields.given("out_refund_no");
    if named.is_some_and(|named| named.len() > REFUND_NO_MAX) {
        return Err(Refusal::malformed("out_refund_no", "at most 64 bytes").into());
    }
    let (order, attempts) = ordered(checkout, &domain, &fields).await?;
    let paid = paid(&attempts).ok_or(Failure::NotPaid)?;
    let refund = match named {
        Some(named) => refund_named(checkout, paid, named, fen).await,
        None => {
            let refunds = checkout.refunds_of(&paid.order_sn).await?;
            let key = unnamed_key(&digest(text.as_bytes()));
            let before = key_of_before(&refunds, sent, &order, fen, checkout.now_ms());
            let key = before.unwrap_or(key);
            checkout.refund_keyed(paid, key, fen).await
        }
    };
    let refund = refund.map_err(|failure| match failure {
        Trouble::RefundKeyReused => Failure::RefundReused,
        Trouble::TooMuch(left) => Failure::TooMuch(left),
        other => other.into(),
    })?;
    if refund.state == Refund::Parked {
        return Err(Failure::Parked);
    }
    Ok(PartnerRefund {
        status: answer::refund_word(refund.state),
        out_refund_no: named.unwrap_or(&refund.refund_no).to_owned(),
        trans_no: refund.refund_no,
        out_order_id: order.order.out_order_id,
    })
}

/// `/forecore/exchangeRate`: what the platform itself converts by when this payment is
/// made, CNY per unit of the currency.
///
/// # Errors
/// [`Failure`] with what the partner can do.
pub async fn rate(checkout: &Checkout, fields: &Fields) -> Result<Map<String, Value>, Failure> {
    let (_, _, Proved { fields, .. }) = partner(checkout, fields).await?;
    let currency = fields.required("currency")?;
    let foreign = |currency: &Currency| *currency != Currency::Cny;
    let currency = Currency::parse(currency)
        .filter(foreign)
        .ok_or_else(|| Refusal::malformed("currency", "CAD or USD"))?;
    let payment = PayType::read("payment", fields.required("payment")?)?;
    let rate = checkout.rate(currency, payment.channel());
    rate.map(|rate: Rate| answer::rate_json(rate))
        .map_err(Failure::NoRate)
}

/// The partner whose sign holds over these fields, the key that it holds by, and what it
/// proves.
async fn partner(
    checkout: &Checkout,
    fields: &Fields,
) -> Result<(Domain, Secret, Proved), Failure> {
    if fields.given("sign").is_none() {
        return Err(Failure::NoSign);
    }
    let id = fields.given("partnerId").ok_or(Failure::NoPartner)?;
    let code = Domain::partner_code(NAME, id);
    let number = fields.given("outOrderId");
    let proves = |key: &Secret| proved(fields, key);
    let examine = |key: &Secret| examine_forecore(fields, key);
    let partner = checkout.proved(&code, number, proves, examine).await;
    partner.map_err(|failure| match failure {
        Trouble::Refused(Refusal::UnknownDomain) => Failure::UnknownPartner,
        Trouble::Refused(Refusal::BadSign { slips, .. }) => Failure::WrongSign(slips),
        other => other.into(),
    })
}

/// The order that these fields name, with its attempts.
async fn ordered(
    checkout: &Checkout,
    domain: &Domain,
    fields: &Fields,
) -> Result<(PartnerOrder, Vec<AttemptRow>), Failure> {
    let number = fields.required("outOrderId")?;
    let ordered = checkout.ordered(domain, number).await?;
    ordered.ok_or(Failure::UnknownOrder)
}

fn check_time(domain: &Domain, time_ms: Option<i64>, now_ms: i64) -> Result<(), Failure> {
    let partner = domain.settings.partner.as_ref();
    let window_s = partner.and_then(|partner| partner.time_window_s);
    match (window_s, time_ms) {
        (Some(window_s), Some(time_ms))
            if now_ms.abs_diff(time_ms) > window_s.unsigned_abs() * 1000 =>
        {
            Err(Failure::Time)
        }
        _ => Ok(()),
    }
}

/// The key of a refund that names no number and was made before such went by the text that
/// is signed.
fn key_of_before(
    refunds: &[RefundRow],
    fields: &Fields,
    order: &PartnerOrder,
    fen: i64,
    now_ms: i64,
) -> Option<String> {
    // At first the same order and sum within a day was the same refund, then a call with
    // the same fields.
    let by_day = format!("{UNNAMED_BEFORE}{}:{fen}:", order.order_id);
    let since_ms = now_ms - SAME_REFUND_MS;
    let by_fields = [fields.clone(), fields.clone().without_empties()];
    let by_fields = by_fields.map(|fields| unnamed_key(&fields.digest()));
    refunds.iter().find_map(|row| {
        let old = row.refund_key.clone()?;
        let same_day = old.starts_with(&by_day) && row.created_ms > since_ms;
        (same_day || by_fields.contains(&old)).then_some(old)
    })
}
