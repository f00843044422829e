//! Notifies: genuine ones are read, and nothing else is believed.

use crate::world::{World, order, refund_of};
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::ports::{ChannelError, Doubt, GivenBack, Notify, OrderState, RefundState};

#[tokio::test]
async fn a_genuine_notify_is_read_in_both_modes() {
    let world = World::start().await;
    for gateway in &world.of(Channel::Wechat) {
        let order = order();
        gateway.create(&order).await.unwrap();
        world.act("pay", &order.order.number).await;
        let letter = world.letter().await;
        let Ok(Notify::Paid(report)) = gateway.read_notify(&letter).await else {
            panic!("unread")
        };
        assert_eq!(report.channel_order_no, order.order.number);
        assert_eq!(report.money, order.order.money);
        assert_eq!(report.merchant, gateway.merchant());
    }
}

#[tokio::test]
async fn a_changed_stale_or_strange_notify_is_not_believed() {
    let world = World::start().await;
    let (ours, other) = (&world.gateways[0], &world.gateways[1]);
    let order = order();
    ours.create(&order).await.unwrap();
    world.act("pay", &order.order.number).await;
    let genuine = world.letter().await;

    let mut changed = genuine.clone();
    *changed.body.last_mut().unwrap() = b' ';
    assert!(ours.read_notify(&changed).await.is_err(), "a changed byte");
    for late_ms in [302_000, -302_000] {
        let mut stale = genuine.clone();
        stale.received_ms += late_ms;
        assert!(ours.read_notify(&stale).await.is_err(), "{late_ms} ms away");
    }
    for (header, value) in [
        ("wechatpay-serial", "PUB_KEY_ID_1"),
        ("wechatpay-nonce", "x"),
        ("wechatpay-timestamp", "abc"),
        ("wechatpay-timestamp", "-9223372036854775808"),
        ("wechatpay-signature", "WECHATPAY/SIGNTEST/abcd"),
    ] {
        let mut strange = genuine.clone();
        for (name, old) in &mut strange.headers {
            if name == header {
                value.clone_into(old);
            }
        }
        assert!(ours.read_notify(&strange).await.is_err(), "{header}");
        strange.headers.retain(|(name, _)| name != header);
        assert!(ours.read_notify(&strange).await.is_err(), "no {header}");
    }
    assert!(
        other.read_notify(&genuine).await.is_err(),
        "for another account"
    );
    assert!(ours.read_notify(&genuine).await.is_ok());
}

/// It is WeChat's own: who sent it is no forger, and it is to come again.
#[tokio::test]
async fn a_notify_that_our_key_does_not_open_is_genuine_all_the_same() {
    let world = World::start().await;
    let order = order();
    world.gateways[0].create(&order).await.unwrap();
    world.act("pay", &order.order.number).await;
    let letter = world.letter().await;
    let other = |account: &mut toml::Table| {
        account.insert("api_v3_key".to_owned(), "x".repeat(32).into());
    };
    let gateway = world.changed(Channel::Wechat, other).remove(0);
    let doubt = |read| match read {
        Err(ChannelError::Unknown(unknown)) => unknown.doubt,
        read => panic!("{read:?}"),
    };
    assert_eq!(doubt(gateway.read_notify(&letter).await), Doubt::Sealed);
    let mut forged = letter;
    *forged.body.last_mut().unwrap() = b' ';
    assert_eq!(doubt(gateway.read_notify(&forged).await), Doubt::Signature);
}

#[tokio::test]
async fn a_refund_is_no_payment_and_a_wrong_sum_is_shown() {
    let world = World::start().await;
    let gateway = &world.gateways[0];
    let order = order();
    gateway.create(&order).await.unwrap();
    world.fault("notify", "wrong_amount").await;
    world.act("pay", &order.order.number).await;
    let letter = world.letter().await;
    let Ok(Notify::Paid(report)) = gateway.read_notify(&letter).await else {
        panic!("unread")
    };
    assert_eq!(report.money, Money::from_minor(1, Currency::Cny).unwrap());
    let strange = crate::world::order();
    gateway.create(&strange).await.unwrap();
    world.fault("notify", "strange_currency").await;
    world.act("pay", &strange.order.number).await;
    let read = gateway.read_notify(&world.letter().await).await;
    assert!(matches!(read, Ok(Notify::Odd(_))), "{read:?}");
    // What is given back at the platform is told to nobody; what we give back is.
    world.act("refund", &strange.order.number).await;
    let ours = refund_of(&order.order, "R", 45);
    gateway.refund(&ours).await.unwrap();
    let read = gateway.read_notify(&world.letter().await).await;
    let Ok(Notify::Refund {
        report, refund_no, ..
    }) = read
    else {
        panic!("{read:?}")
    };
    assert_eq!(
        (report.state, refund_no),
        (RefundState::Done, ours.refund_no)
    );
    // Asked about, the order was paid, and shows that some went back.
    let Ok(OrderState::Paid(paid)) = gateway.query(&order.order).await else {
        panic!("not paid")
    };
    assert_eq!(paid.given_back, GivenBack::Untold);
}
