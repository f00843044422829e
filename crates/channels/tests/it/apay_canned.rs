//! The same adapter against answers that no sound gateway gives.

use crate::world::{assert_unknown, order, refund_of};
use axum::Router;
use axum::extract::State;
use channels::Clock;
use channels::registry::{Accounts, gateways};
use payment::domain::Secret;
use payment::forecore::md5_sign;
use payment::money::{Currency, Money};
use payment::obj::Obj;
use payment::ports::{ChannelError, Gateway, GivenBack, NewOrder, OrderState, RefundState};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const KEY: &str = "0123456789abcdef";

/// A gateway that answers everything with what it is told to.
struct Canned {
    answer: Arc<Mutex<String>>,
    gateway: Arc<dyn Gateway>,
}

impl Canned {
    async fn start() -> Self {
        let answer = Arc::new(Mutex::new(String::new()));
        let told = |State(answer): State<Arc<Mutex<String>>>| async move {
            answer.lock().unwrap().clone()
        };
        let router = Router::new().fallback(told).with_state(Arc::clone(&answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let accounts = format!(
            "[[account]]\nchannel = \"Wechat\"\nvia = \"apay\"\nname = \"canned\"\n\
             base = \"{base}\"\npartner_id = \"p001\"\nkey = \"{KEY}\"\n"
        );
        let accounts: Accounts = toml::from_str(&accounts).unwrap();
        let clock: Clock = Arc::new(|| 0);
        let mut opened = gateways(
            accounts.beside(Path::new(".")),
            "https://pay.example",
            &clock,
        )
        .unwrap();
        Self {
            answer,
            gateway: opened.remove(0),
        }
    }

    fn says(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    /// An order's answer of these fields, signed.
    fn says_signed(&self, fields: &[(&str, &str)]) {
        let sign = md5_sign(fields.iter().copied(), &Secret::new(1, KEY, None));
        let signed = [("result", "ok"), ("sign", &sign)];
        let members: serde_json::Map<_, _> = fields
            .iter()
            .copied()
            .chain(signed)
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        self.says(&serde_json::Value::Object(members).to_string());
    }
}

fn named(number: &str) -> NewOrder {
    let mut new = order();
    number.clone_into(&mut new.order.number);
    new.order.reference = Some("A1".to_owned());
    new
}

#[tokio::test]
async fn every_status_is_read_and_no_contradiction_is_believed() {
    let canned = Canned::start().await;
    let order = named("7").order;
    let state = async |money: &str, received: &str, status: &str| {
        canned.says(&format!(
            r#"{{"result":"ok","outOrderId":"7","_id":"A1","money":{money},
            "received":{received},"currency":"CNY","status":"{status}","odd":[true]}}"#
        ));
        canned.gateway.query(&order).await
    };
    for status in ["prepare", "forward", "待支付", "进入收银台"] {
        assert_eq!(state("123.45", "-1", status).await, Ok(OrderState::Pending));
        assert_unknown(status, &state("123.45", "123.45", status).await);
    }
    assert_eq!(state("123.45", "-1", "作废").await, Ok(OrderState::Closed));
    assert_unknown("closed", &state("123.45", "123.45", "作废").await);
    for status in [
        "已支付",
        "通知商户",
        "通知失败",
        "complete",
        "PAID",
        "COMPLETED",
        "refunding",
        "refund",
        "refundclosed",
    ] {
        let paid = |state: &Result<OrderState, ChannelError>| match state {
            Ok(OrderState::Paid(report)) => Some((report.money.minor(), report.trade_no.clone())),
            _ => None,
        };
        let fits = state("123.45", "\"123.450\"", status).await;
        assert_unknown("three decimals", &fits);
        let fits = state("\"123.45\"", "123.45", status).await;
        assert_eq!(paid(&fits), Some((12_345, "A1".to_owned())), "{status}");
        let Ok(OrderState::Paid(report)) = &fits else {
            panic!("{fits:?}")
        };
        let shows_refund = matches!(status, "refunding" | "refund");
        assert_eq!(
            report.given_back == GivenBack::Untold,
            shows_refund,
            "{status}"
        );
        let less = state("123.45", "123.4", status).await;
        assert_eq!(paid(&less), Some((12_340, "A1".to_owned())), "{status}");
        for (money, received) in [("1", "123.45"), ("123.45", "-1"), ("123.45", "null")] {
            assert_unknown(status, &state(money, received, status).await);
        }
    }
    assert_unknown("a new word", &state("123.45", "123.45", "paid").await);
}

#[tokio::test]
async fn a_gateway_that_changed_the_sum_may_name_either() {
    let canned = Canned::start().await;
    let mut order = named("7").order;
    order.asked = payment::money::Money::from_minor(12_300, order.money.currency());
    for (money, believed) in [("123.45", true), ("123.00", true), ("124.00", false)] {
        canned.says(&format!(
            r#"{{"result":"ok","outOrderId":"7","_id":"A1","money":{money},
            "received":123.45,"currency":"CNY","status":"complete"}}"#
        ));
        let state = canned.gateway.query(&order).await;
        assert_eq!(
            matches!(&state, Ok(OrderState::Paid(report)) if report.money == order.money),
            believed,
            "{money}: {state:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_about_something_else_is_not_believed() {
    let canned = Canned::start().await;
    let order = named("7").order;
    for answer in [
        r#"{"result":"ok","outOrderId":"8","orderId":"A1","status":"待支付"}"#,
        r#"{"result":"ok","outOrderId":"7","orderId":"A2","status":"待支付"}"#,
        r#"{"result":"ok","orderId":"A1","status":"待支付"}"#,
        r#"{"result":"error","err":"no such order"}"#,
        "{}",
        "null",
        "",
    ] {
        canned.says(answer);
        assert_unknown(answer, &canned.gateway.query(&order).await);
    }
    let refund = refund_of(&order, "R", 1);
    for answer in [
        r#"{"trans_no":"T1","trans_status":"DONE"}"#,
        r#"{"trans_no":"T1"}"#,
    ] {
        canned.says(answer);
        let sent = canned.gateway.refund(&refund).await.unwrap();
        assert!(matches!(sent.state, RefundState::Held(_)), "{answer}");
    }
    canned.says(r#"{"result":"ok","trans_status":"REFUNDING"}"#);
    let taken = canned.gateway.refund(&refund).await.unwrap();
    assert_eq!(taken.state, RefundState::Pending);
    assert!(taken.reference.is_some(), "that it was taken is kept");
}

/// Another Tongfu says by its errcode that it was in trouble, or that a person looks:
/// the call may have had its effect.
#[tokio::test]
async fn what_another_tongfu_does_not_know_is_no_refusal() {
    let canned = Canned::start().await;
    let new = named("7");
    let refund = refund_of(&new.order, "R", 1);
    for errcode in ["\"10099\"", "10099", "\"10017\""] {
        canned.says(&format!(
            r#"{{"result":"error","err":"busy","errcode":{errcode}}}"#
        ));
        let sent = canned.gateway.refund(&refund).await.unwrap();
        assert!(matches!(sent.state, RefundState::Held(_)), "{errcode}");
        assert_unknown(errcode, &canned.gateway.create(&new).await);
        let mut unnamed = new.order.clone();
        unnamed.reference = None;
        assert_unknown(errcode, &canned.gateway.query(&unnamed).await);
    }
    canned.says(r#"{"result":"error","err":"no","errcode":"10006"}"#);
    let refused = canned.gateway.create(&new).await;
    assert!(refused.is_err_and(|error| error.is_refusal("err")));
}

#[tokio::test]
async fn an_order_answer_must_be_signed_flat_and_lead_somewhere_safe() {
    let canned = Canned::start().await;
    let new = named("7");
    let url = ("url", "https://apay.example/pay?order=1&x=%E8%80%B3");
    let whole = [("outOrderId", "7"), ("orderId", "A1"), url];
    canned.says_signed(&whole);
    let created = canned.gateway.create(&new).await.unwrap();
    assert_eq!(created.obj, Obj::Code(url.1.to_owned()));
    assert_eq!(created.reference.as_deref(), Some("A1"));
    for money in ["123.45", "123.450"] {
        canned.says_signed(&[&whole[..], &[("money", money), ("currency", "CNY")]].concat());
        let made = canned.gateway.create(&new).await;
        assert_eq!(made.is_ok(), money == "123.45", "{made:?}");
    }
    for (name, value) in [
        ("money", "129.63"),
        ("money", "117.27"),
        ("money", "0"),
        ("money", "-123.45"),
        ("money", ""),
        ("currency", "USD"),
    ] {
        canned.says_signed(&[&whole[..], &[(name, value)]].concat());
        let refused = canned.gateway.create(&new).await;
        let changed = refused.is_err_and(|error| error.is_refusal("changed_sum"));
        assert!(changed, "{name}={value}");
    }
    let long = format!("https://apay.example/{}", "x".repeat(1_024));
    for (name, value) in [
        ("outOrderId", "8"),
        ("orderId", ""),
        ("url", ""),
        ("url", "http://apay.example/"),
        ("url", "javascript:alert(1)"),
        ("url", &long),
    ] {
        let changed = whole.map(|(old, kept)| (old, if old == name { value } else { kept }));
        canned.says_signed(&changed);
        assert_unknown(value, &canned.gateway.create(&new).await);
    }
    for answer in [
        r#"{"result":"ok","outOrderId":"7","orderId":"A1","url":"https://apay.example/"}"#,
        r#"{"result":"ok","outOrderId":"7","sign":["x"]}"#,
    ] {
        canned.says(answer);
        assert_unknown(answer, &canned.gateway.create(&new).await);
    }
    let mut nothing = named("7");
    nothing.order.money = Money::from_minor(0, Currency::Cny).unwrap();
    let refused = canned.gateway.create(&nothing).await;
    assert_eq!(refused, Err(ChannelError::NotOffered));
}

#[tokio::test]
async fn what_a_gateway_repeats_of_the_key_is_not_told() {
    let canned = Canned::start().await;
    canned.says(&format!(r#"{{"err":"expected md5({KEY}currency=CNY)"}}"#));
    let new = named("7");
    let told = format!("{:?}", canned.gateway.create(&new).await);
    assert!(
        told.contains("expected md5(***currency") && !told.contains(KEY),
        "{told}"
    );
    let told = format!("{:?}", canned.gateway.query(&new.order).await);
    assert!(told.contains("***") && !told.contains(KEY), "{told}");
}
