//! The Alipay adapter against genuine answers that the sandbox does not give.

use crate::world::{World, assert_unknown, order, refund_of};
use axum::Router;
use axum::extract::{RawQuery, State};
use channels::rsa::SigningKey;
use payment::channel::Channel;
use payment::ports::{Gateway, GivenBack, OrderState, RefundState};
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A gateway whose every answer holds this node, signed by its own key.
struct Canned {
    node: Arc<Mutex<Value>>,
    gateway: Arc<dyn Gateway>,
}

type Said = (Arc<SigningKey>, Arc<Mutex<Value>>);

/// The node, under the name of the method that was called.
async fn said(State((key, node)): State<Said>, RawQuery(query): RawQuery) -> String {
    let query = query.unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let method = pairs.find(|(name, _)| *name == "method").unwrap().1;
    let node = node.lock().unwrap().to_string();
    let sign = key.sign(node.as_bytes()).unwrap();
    let name = method.replace('.', "_");
    format!(r#"{{"{name}_response":{node},"sign":"{sign}"}}"#)
}

impl Canned {
    async fn start(world: &World) -> Self {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let key = SigningKey::from_text(pair.serialize_pem().as_bytes()).unwrap();
        let (key, node) = (Arc::new(key), Arc::new(Mutex::new(Value::Null)));
        let router = Router::new()
            .fallback(said)
            .with_state((key, Arc::clone(&node)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/gateway.do", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let public = world.folder().join("canned-public.pem");
        std::fs::write(&public, pair.public_key_pem()).unwrap();
        let changed = world.changed(Channel::Alipay, |account| {
            if account.contains_key("alipay_public_key") {
                account.insert("gateway".into(), base.clone().into());
                account.insert("alipay_public_key".into(), "canned-public.pem".into());
            }
        });
        Self {
            node,
            gateway: Arc::clone(&changed[0]),
        }
    }

    /// How the order stands where its trade has this state and was paid then.
    async fn state(&self, trade_status: &str, send_pay_date: &Value) -> OrderState {
        let order = order().order;
        *self.node.lock().unwrap() = json!({
            "code": "10000", "msg": "Success",
            "out_trade_no": order.number, "trade_no": "2026112822001400000000000001",
            "trade_status": trade_status, "total_amount": "123.45",
            "send_pay_date": send_pay_date,
        });
        self.gateway.query(&order).await.unwrap()
    }
}

#[tokio::test]
async fn a_closed_trade_without_a_time_of_payment_was_not_paid() {
    let world = World::start().await;
    let canned = Canned::start(&world).await;
    for none in [Value::Null, json!("")] {
        assert_eq!(
            canned.state("TRADE_CLOSED", &none).await,
            OrderState::Closed
        );
    }
    let paid = canned
        .state("TRADE_CLOSED", &json!("2026-11-28 09:47:50"))
        .await;
    let OrderState::Paid(report) = paid else {
        panic!("it was paid and given back")
    };
    assert!(matches!(report.given_back, GivenBack::Parts(_)));
}

#[tokio::test]
async fn a_system_error_is_unknown_however_it_is_spelt() {
    let world = World::start().await;
    let canned = Canned::start(&world).await;
    let refund = refund_of(&order().order, "R1", 100);
    for sub_code in [
        "ACQ.SYSTEM_ERROR",
        "aop.ACQ.SYSTEM_ERROR",
        "AQC.SYSTEM_ERROR",
    ] {
        *canned.node.lock().unwrap() = json!({
            "code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "系统异常",
        });
        assert_unknown(sub_code, &canned.gateway.refund(&refund).await);
        assert_unknown(sub_code, &canned.gateway.close(&refund.order).await);
    }
}

#[tokio::test]
async fn a_refusal_that_passes_or_is_not_of_the_refund_does_not_end_it() {
    let world = World::start().await;
    let canned = Canned::start(&world).await;
    let refund = refund_of(&order().order, "R1", 100);
    for (code, sub_code) in [
        ("40004", "ACQ.REFUND_CHARGE_ERROR"),
        ("40004", "ACQ.TRADE_SETTLE_ERROR"),
        ("40004", "ACQ.REFUND_ACCOUNT_NOT_EXIST"),
        ("40006", "isv.insufficient-isv-permissions"),
        ("20001", "aop.invalid-app-auth-token"),
        ("40003", ""),
    ] {
        *canned.node.lock().unwrap() = json!({"code": code, "sub_code": sub_code});
        assert_unknown(sub_code, &canned.gateway.refund(&refund).await);
    }
    // Money went back otherwise: how much, a person has to see.
    for sub_code in ["ACQ.TRADE_HAS_CLOSE", "ACQ.DISCORDANT_REPEAT_REQUEST"] {
        *canned.node.lock().unwrap() = json!({"code": "40004", "sub_code": sub_code});
        let held = canned.gateway.refund(&refund).await.unwrap();
        assert!(matches!(held.state, RefundState::Held(_)), "{held:?}");
    }
    *canned.node.lock().unwrap() = json!({"code": "40004", "sub_code": "ACQ.TRADE_HAS_FINISHED"});
    let refused = canned.gateway.refund(&refund).await.unwrap_err();
    assert!(refused.is_refusal("ACQ.TRADE_HAS_FINISHED"), "{refused:?}");
}
