//! What callers ask for (docs/epay.md). Each order is a payment request, paid on our own
//! page like any other.

use super::fields::given;
use super::order::required;
use super::sign::{as_signed, joined};
use super::{Failure, NAME, OrderCall, answer, channel_of, one_meaning, verifies};
use crate::partner::{REFUND_NO_MAX, paid, refund_named, unnamed_key};
use checkout::{Checkout, Failure as Trouble};
use payment::beijing;
use payment::channel::Channel;
use payment::clinic::examine_epay;
use payment::domain::{Domain, Secret};
use payment::fields::Fields;
use payment::forecore::fen_of_yuan;
use payment::partner::PartnerOrder;
use payment::ports::{AttemptRow, RefundRow};
use payment::refund::Refund;
use payment::refusal::Refusal;
use payment::sign::equal;
use payment::slip::Slips;
use payment::status::PayStatus;
use payment::story::digest;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `orders` lists no more, and reaches no further back.
const LISTED_MAX: i64 = 50;
const OFFSET_MAX: i64 = 10_000;
const DAY_MS: i64 = 86_400_000;
/// What does not tell one refund from another: who asks, and how the order is named.
const NOT_OF_A_REFUND: [&str; 7] = [
    "act",
    "key",
    "money",
    "out_trade_no",
    "pid",
    "sign_type",
    "trade_no",
];

/// `submit.php`: where the payer's browser goes on. An order that is paid has a page too,
/// which says so and leads its payer back.
///
/// # Errors
/// [`Failure`] with what the caller can do.
pub async fn submit(checkout: &Checkout, fields: Fields) -> Result<String, Failure> {
    let call = signed(checkout, fields).await?;
    required(&call.fields, "return_url")?;
    Ok(order(checkout, &call).await?.page)
}

/// `mapi.php`.
///
/// # Errors
/// [`Failure`] with what the caller can do.
pub async fn mapi(checkout: &Arc<Checkout>, fields: Fields) -> Result<Map<String, Value>, Failure> {
    let call = signed(checkout, fields).await?;
    let Ordered {
        kept,
        page,
        is_paid,
    } = order(checkout, &call).await?;
    if is_paid {
        return Err(Failure::Paid(kept.order.out_order_id));
    }
    // Some clients show the code themselves, to payers at a desktop.
    let at_desktop = given(&call.fields, "device").is_none_or(|device| device == "pc");
    let by_wechat = given(&call.fields, "type").and_then(channel_of) == Some(Channel::Wechat);
    let code = match at_desktop && by_wechat {
        true => checkout.wallet_code(&page).await,
        false => None,
    };
    Ok(answer::ordered(&kept, &page, code))
}

/// `api.php`, by the act that the fields name.
///
/// # Errors
/// [`Failure`] with what the caller can do.
pub async fn api(
    checkout: &Arc<Checkout>,
    fields: Fields,
    posted: bool,
) -> Result<Map<String, Value>, Failure> {
    if fields.iter().next().is_none() {
        return Err(Failure::Nothing);
    }
    let act = given(&fields, "act").ok_or(Failure::NoAct)?.to_owned();
    let call = known(checkout, fields).await?;
    match act.as_str() {
        "order" => one(checkout, &call).await,
        "orders" => listed(checkout, &call).await,
        "query" => merchant(checkout, &call.domain).await,
        // What is paid goes to the operator's own accounts: nothing is settled here.
        "settle" => Ok(list("查询结算记录成功！", Vec::new())),
        "refund" if !posted => Err(Refusal::malformed("refund", "POST").into()),
        "refund" => refund(checkout, &call).await,
        _ => Err(Failure::NoAct),
    }
}

/// A call whose caller has proved himself.
struct Call {
    domain: Domain,
    /// What proved him.
    key: Secret,
    /// As they were signed, where a sign proved him.
    fields: Fields,
    /// He signed it: who heard the call can send it again.
    is_signed: bool,
}

/// A call with a sign that holds.
async fn signed(checkout: &Checkout, fields: Fields) -> Result<Call, Failure> {
    let md5 = given(&fields, "sign_type").is_none_or(|kind| kind.eq_ignore_ascii_case("MD5"));
    if !md5 {
        return Err(Failure::SignType);
    }
    let proved = proved(
        checkout,
        &fields,
        |key| verifies(&fields, key),
        |key| examine_epay(&fields, key),
    );
    let (domain, key) = proved.await.map_err(|failure| match failure {
        Failure::WrongSign(_) if given(&fields, "sign").is_none() => Failure::NoSign,
        other => other,
    })?;
    let fields = as_signed(fields, &key);
    one_meaning(&fields)?;
    Ok(Call {
        domain,
        key,
        fields,
        is_signed: true,
    })
}

/// A call with the key, or with a sign in its place.
async fn known(checkout: &Checkout, fields: Fields) -> Result<Call, Failure> {
    let Some(theirs) = given(&fields, "key") else {
        return signed(checkout, fields).await;
    };
    let by_key = proved(
        checkout,
        &fields,
        |key| equal(key.expose(), theirs),
        |_| None,
    );
    let (domain, key) = by_key.await.map_err(|failure| match failure {
        Failure::WrongSign(_) => Failure::WrongKey,
        other => other,
    })?;
    Ok(Call {
        domain,
        key,
        fields,
        is_signed: false,
    })
}

async fn proved(
    checkout: &Checkout,
    fields: &Fields,
    proves: impl Fn(&Secret) -> bool,
    examine: impl Fn(&Secret) -> Option<Slips>,
) -> Result<(Domain, Secret), Failure> {
    let pid = given(fields, "pid").ok_or(Failure::NoPid)?;
    let code = Domain::partner_code(NAME, pid);
    let number = given(fields, "out_trade_no");
    let proves = |key: &Secret| proves(key).then_some(());
    let (domain, key, ()) = checkout.proved(&code, number, proves, examine).await?;
    Ok((domain, key))
}

/// An order that was asked for.
struct Ordered {
    kept: PartnerOrder,
    /// Our page for its payer.
    page: String,
    is_paid: bool,
}

/// Keeps an order, or finds the same again.
async fn order(checkout: &Checkout, call: &Call) -> Result<Ordered, Failure> {
    let domain = &call.domain;
    let OrderCall { order, channel } = OrderCall::read(&call.fields)?;
    let number = order.out_order_id.clone();
    let kept = checkout.keep_order(domain, order).await;
    let attempts = match checkout.ordered(domain, &number).await? {
        Some((_, attempts)) => attempts,
        None => Vec::new(),
    };
    let is_paid = attempts.iter().any(|one| one.request_status.was_paid());
    let kept = kept.map_err(|failure| match failure {
        _ if is_paid => Failure::Paid(number),
        Trouble::Refused(Refusal::AddressRefused(_)) => {
            Refusal::AddressRefused("notify_url".to_owned()).into()
        }
        other => Failure::from(other),
    })?;
    if attempts
        .last()
        .is_some_and(|last| last.request_status == PayStatus::Closed)
    {
        return Err(Trouble::Closed.into());
    }
    let page = checkout.order_page(domain, &call.key, &kept, channel);
    Ok(Ordered {
        kept,
        page,
        is_paid,
    })
}

/// The order that these fields name, by our number or the caller's.
async fn named(
    checkout: &Checkout,
    Call { domain, fields, .. }: &Call,
) -> Result<(PartnerOrder, Vec<AttemptRow>), Failure> {
    let found = match (given(fields, "trade_no"), given(fields, "out_trade_no")) {
        (None, None) => return Err(Refusal::missing("out_trade_no").into()),
        (Some(ours), None) => checkout.ordered_as(domain, ours).await?,
        (ours, Some(theirs)) => {
            let found = checkout.ordered(domain, theirs).await?;
            found.filter(|(kept, _)| ours.is_none_or(|ours| ours == kept.order_id))
        }
    };
    found.ok_or(Failure::UnknownOrder)
}

async fn one(checkout: &Checkout, call: &Call) -> Result<Map<String, Value>, Failure> {
    let (kept, attempts) = named(checkout, call).await?;
    let mut answer = answer::object(json!({"code": 1, "msg": "succ"}));
    answer.extend(shown(checkout, &call.domain, &kept, &attempts).await?);
    let page = checkout.order_page(&call.domain, &call.key, &kept, None);
    answer.insert("payurl".to_owned(), page.into());
    Ok(answer)
}

async fn listed(
    checkout: &Checkout,
    Call { domain, fields, .. }: &Call,
) -> Result<Map<String, Value>, Failure> {
    if given(fields, "status").is_some() {
        return Err(Refusal::malformed(
            "status",
            (
                "left out: all orders are listed",
                "不要填，列出的是全部订单",
            ),
        )
        .into());
    }
    let number = |name: &str, else_: i64, max: i64| match given(fields, name) {
        None => Ok(else_),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| (0..=max).contains(number))
            .ok_or_else(|| {
                Refusal::malformed(name, (format!("0 to {max}"), format!("0 到 {max}")))
            }),
    };
    // More are asked for by clients of servers that give less too.
    let limit = number("limit", 20, i64::MAX)?.min(LISTED_MAX);
    let offset = number("offset", 0, OFFSET_MAX)?;
    let orders = checkout.ordered_last(domain, limit, offset).await?;
    let mut data = Vec::new();
    for (kept, attempts) in &orders {
        data.push(Value::Object(
            shown(checkout, domain, kept, attempts).await?,
        ));
    }
    Ok(list("查询订单记录成功！", data))
}

/// An order as it stands: the request's word is that of the refund that moved last, so that one
/// that failed may hide what went back before.
async fn shown(
    checkout: &Checkout,
    domain: &Domain,
    kept: &PartnerOrder,
    attempts: &[AttemptRow],
) -> Result<Map<String, Value>, Failure> {
    let paid = paid(attempts);
    let went_back = match paid {
        Some(paid) if paid.request_status == PayStatus::FailureRefund => {
            let refunds = checkout.refunds_of(&paid.order_sn).await?;
            refunds.iter().any(|row| row.state.counts())
        }
        _ => false,
    };
    Ok(answer::order(pid(domain), kept, attempts, paid, went_back))
}

fn list(msg: &str, data: Vec<Value>) -> Map<String, Value> {
    answer::object(json!({"code": 1, "msg": msg, "count": data.len(), "data": data}))
}

async fn merchant(checkout: &Checkout, domain: &Domain) -> Result<Map<String, Value>, Failure> {
    let today_ms = beijing::midnight_before(checkout.now_ms());
    let [all, since_yesterday, today] = [0, today_ms - DAY_MS, today_ms];
    let all = checkout.orders_since(domain, all).await?;
    let since_yesterday = checkout.orders_since(domain, since_yesterday).await?;
    let today = checkout.orders_since(domain, today).await?;
    Ok(answer::object(json!({
        "code": 1,
        "pid": pid(domain),
        "active": 1,
        "money": "0.00",
        "type": 1,
        "account": "",
        "username": "",
        "orders": all,
        "orders_today": today,
        "orders_lastday": since_yesterday - today,
    })))
}

async fn refund(checkout: &Arc<Checkout>, call: &Call) -> Result<Map<String, Value>, Failure> {
    let Call { domain, fields, .. } = call;
    let form = (
        "yuan, more than zero, at most two decimals",
        "元，大于零，最多两位小数",
    );
    let fen = fen_of_yuan(required(fields, "money")?);
    let fen = fen.ok_or_else(|| Refusal::malformed("money", form))?;
    let number = given(fields, "out_refund_no");
    if number.is_some_and(|number| number.len() > REFUND_NO_MAX) {
        return Err(
            Refusal::malformed("out_refund_no", ("at most 64 bytes", "最多 64 字节")).into(),
        );
    }
    let (kept, attempts) = named(checkout, call).await?;
    let paid = paid(&attempts).ok_or(Failure::NotPaid)?;
    let before = checkout.refunds_of(&paid.order_sn).await?;
    let refund = match number {
        Some(number) => refund_named(checkout, paid, number, fen).await,
        None => {
            let key = same_call_key(&before, call, &kept, fen);
            checkout.refund_keyed(paid, key, fen).await
        }
    };
    // A shop books code 1 as given back, and is told nothing more.
    let refund = checkout.refund_at_once(refund?).await?;
    match refund.state {
        Refund::Parked => return Err(Failure::Parked),
        Refund::Failed | Refund::Withdrawn => return Err(Failure::RefundRefused),
        Refund::New | Refund::Sent | Refund::Done => {}
    }
    let partner = domain.settings.partner.as_ref();
    let zero = partner.is_some_and(|partner| partner.refund_code_zero);
    let code = if zero { 0 } else { 1 };
    let mut answer = answer::refunded(code, pid(domain), &kept, &refund);
    let is_again = before.iter().any(|row| row.refund_no == refund.refund_no);
    if number.is_none() && is_again {
        answer.insert("msg".to_owned(), answer::again(refund.money.minor()).into());
    }
    Ok(answer)
}

/// The key of a refund that names no number: a call of the same sum for the same order
/// that says the same is the same refund for ever. Once its channel has refused that, who
/// sends the key can ask again; one who heard a signed call can't.
fn same_call_key(before: &[RefundRow], call: &Call, kept: &PartnerOrder, fen: i64) -> String {
    let others = call.fields.iter();
    let others = others.filter(|(name, _)| !NOT_OF_A_REFUND.contains(name));
    let text = format!("{}:{fen}:{}", kept.order_id, joined(others));
    let key = unnamed_key(&digest(text.as_bytes()));
    let refused = before.iter().filter(|row| {
        let alike = row.refund_key.as_deref().unwrap_or_default();
        alike.starts_with(&key) && matches!(row.state, Refund::Failed | Refund::Withdrawn)
    });
    match refused.count() {
        0 => key,
        _ if call.is_signed => key,
        count => format!("{key}:{count}"),
    }
}

fn pid(domain: &Domain) -> i64 {
    let partner = domain.settings.partner.as_ref();
    let pid = partner.and_then(|partner| partner.id.parse().ok());
    pid.unwrap_or_default()
}
