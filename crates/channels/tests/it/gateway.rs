//! One contract for both modes of a WeChat account.

use crate::world::{World, assert_unknown, now_ms, order, refund_of};
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::obj::Obj;
use payment::ports::{ChannelError, Doubt, Gateway, OrderState, RefundOrder, RefundState};
use std::sync::Arc;

#[tokio::test]
async fn an_order_is_made_queried_and_paid() {
    let world = World::start().await;
    assert_eq!(world.of(Channel::Wechat).len(), 2);
    for gateway in &world.of(Channel::Wechat) {
        let order = order();
        let number = &order.order.number;
        assert_eq!(gateway.query(&order.order).await, Ok(OrderState::NotFound));
        let created = gateway.create(&order).await.unwrap();
        let Obj::Code(code) = created.obj else {
            panic!("no code")
        };
        assert!(code.starts_with("weixin://wxpay/bizpayurl?pr="), "{code}");
        assert!(gateway.create(&order).await.is_ok(), "the same order again");
        assert_eq!(gateway.query(&order.order).await, Ok(OrderState::Pending));
        let before_ms = now_ms() / 1000 * 1000;
        world.act("pay", number).await;
        let Ok(OrderState::Paid(report)) = gateway.query(&order.order).await else {
            panic!("not paid")
        };
        assert_eq!(
            (report.money, &report.channel_order_no),
            (order.order.money, number)
        );
        assert_eq!(report.merchant, gateway.merchant());
        assert!(!report.trade_no.is_empty());
        assert!(report.paid_ms.unwrap() >= before_ms);
        assert!(matches!(
            gateway.close(&order.order).await,
            Err(ChannelError::Refused { .. })
        ));
    }
}

#[tokio::test]
async fn an_order_is_declined_expires_or_is_closed() {
    let world = World::start().await;
    for gateway in &world.of(Channel::Wechat) {
        for (act, state) in [
            ("decline", OrderState::Declined),
            ("expire", OrderState::Closed),
        ] {
            let order = order();
            gateway.create(&order).await.unwrap();
            world.act(act, &order.order.number).await;
            assert_eq!(gateway.query(&order.order).await, Ok(state));
        }
        let order = order();
        gateway.create(&order).await.unwrap();
        assert_eq!(gateway.close(&order.order).await, Ok(()));
        assert_eq!(gateway.query(&order.order).await, Ok(OrderState::Closed));
        let again = gateway.create(&order).await;
        assert!(matches!(again, Err(ChannelError::Refused { code, .. }) if code == "ORDER_CLOSED"));
    }
}

#[tokio::test]
async fn other_fields_under_a_used_number_are_refused() {
    let world = World::start().await;
    let mut order = order();
    world.gateways[0].create(&order).await.unwrap();
    order.goods = "别的".to_owned();
    let refused = world.gateways[0].create(&order).await;
    assert!(
        matches!(refused, Err(ChannelError::Refused { code, .. }) if code == "OUT_TRADE_NO_USED")
    );
}

#[tokio::test]
async fn what_does_not_verify_is_unknown_and_never_refused() {
    let world = World::start().await;
    let faults = [
        ("bad_signature", Doubt::Signature),
        ("old_timestamp", Doubt::Signature),
        ("unknown_serial", Doubt::Signature),
        ("unsigned_502", Doubt::Undecided),
        ("corrupt", Doubt::Signature),
        ("error", Doubt::Undecided),
        ("rate_limit", Doubt::Undecided),
        ("drop", Doubt::Signature),
        ("signtest", Doubt::Signature),
    ];
    for gateway in &world.of(Channel::Wechat) {
        for (kind, doubt) in faults {
            let order = order();
            world.fault("create", kind).await;
            let created = gateway.create(&order).await;
            let told = matches!(&created, Err(ChannelError::Unknown(why)) if why.doubt == doubt);
            assert!(told, "create {kind}: {created:?}");
            world.fault("query", kind).await;
            let queried = gateway.query(&order.order).await;
            assert_unknown(&format!("query {kind}"), &queried);
            world.fault("close", kind).await;
            let closed = gateway.close(&order.order).await;
            // A corrupt 204 has no byte to change.
            let unknown = matches!(closed, Err(ChannelError::Unknown(_)));
            assert!(unknown || kind == "corrupt", "close {kind}: {closed:?}");
        }
    }
}

#[tokio::test]
async fn our_own_wrong_key_says_nothing_of_an_order() {
    let world = World::start().await;
    let own = std::fs::read(world.folder().join("alipay/app_key.pem")).unwrap();
    std::fs::write(world.folder().join("other_key.pem"), own).unwrap();
    let gateways = world.changed(Channel::Wechat, |account| {
        account.insert("private_key".to_owned(), "other_key.pem".into());
    });
    for gateway in &gateways {
        let order = order();
        assert_unknown("create", &gateway.create(&order).await);
        assert_unknown("query", &gateway.query(&order.order).await);
        // A refund that was sent before the key was changed may have moved its money.
        let refund = crate::world::refund_of(&order.order, "R1", 1);
        assert_unknown("refund", &gateway.refund(&refund).await);
    }
}

#[tokio::test]
async fn goods_that_are_too_long_are_shortened() {
    let world = World::start().await;
    let mut order = order();
    order.goods = "耳机".repeat(500);
    assert!(world.gateways[0].create(&order).await.is_ok());
}

/// WeChat says so of paid orders at times, and gives back what is asked for again.
#[tokio::test]
async fn that_a_paid_order_is_not_found_refuses_no_refund() {
    let world = World::start().await;
    for gateway in &world.of(Channel::Wechat) {
        let refund = refund_of(&order().order, "R", 100);
        assert_unknown("not found", &gateway.refund(&refund).await);
    }
}

/// WeChat, and a refund of an order that is paid there.
async fn refund_at_wechat(world: &World) -> (Arc<dyn Gateway>, RefundOrder) {
    let gateway = world.of(Channel::Wechat).remove(0);
    let new = order();
    gateway.create(&new).await.unwrap();
    world.act("pay", &new.order.number).await;
    (gateway, refund_of(&new.order, "R", 100))
}

/// A right is given again, and the same number is sent again.
#[tokio::test]
async fn a_missing_right_ends_no_refund_at_wechat() {
    let world = World::start().await;
    let (gateway, refund) = refund_at_wechat(&world).await;
    world.fault("refund", "no_auth").await;
    assert_unknown("no right", &gateway.refund(&refund).await);
    let again = gateway.refund(&refund).await.unwrap();
    assert!(!matches!(again.state, RefundState::Failed(_)), "{again:?}");
}

/// WeChat refused, and gave the money back all the same: so its number is asked about.
#[tokio::test]
async fn a_refusal_of_a_refund_that_wechat_made_is_no_refusal() {
    let world = World::start().await;
    let (gateway, refund) = refund_at_wechat(&world).await;
    world.fault("refund", "disowned").await;
    let made = gateway.refund(&refund).await.unwrap();
    assert!(
        matches!(made.state, RefundState::Done | RefundState::Pending),
        "{made:?}"
    );
    // Under the same number another sum: of what went back a person has to see.
    let mut other = refund.clone();
    other.money = Money::from_minor(99, Currency::Cny).unwrap();
    for held in [
        gateway.refund(&other).await,
        gateway.query_refund(&other).await,
    ] {
        let held = held.unwrap();
        assert!(matches!(held.state, RefundState::Held(_)), "{held:?}");
    }
    let too_much = refund_of(&refund.order, "S", 1_000_000);
    let refused = gateway.refund(&too_much).await;
    assert!(
        matches!(refused, Err(ChannelError::Refused { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn refunds_of_one_order_are_a_minute_apart_unless_it_is_said_otherwise() {
    let world = World::start().await;
    for (set, gap_ms) in [(None, 60_000), (Some(0), 0), (Some(90), 90_000)] {
        let change = |account: &mut toml::Table| {
            account.remove("refund_gap_s");
            if let Some(set) = set {
                account.insert("refund_gap_s".to_owned(), toml::Value::Integer(set));
            }
        };
        for gateway in world.changed(Channel::Wechat, change) {
            assert_eq!(gateway.refund_gap_ms(), gap_ms);
        }
        let gap_ms = if set.is_none() { 5_000 } else { gap_ms };
        for gateway in world.changed(Channel::Alipay, change) {
            assert_eq!(gateway.refund_gap_ms(), gap_ms);
        }
    }
}
