//! The adapter for gateways of Apay's family against the sandbox.

use crate::world::{World, assert_unknown, form, order, refund_of};
use channels::Clock;
use channels::registry::{Accounts, gateways};
use payment::channel::Channel;
use payment::domain::Secret;
use payment::fields::Fields;
use payment::forecore::{md5_sign, verifies};
use payment::money::{Currency, Money};
use payment::obj::Obj;
use payment::ports::{
    ChannelError, ChannelOrder, Created, Gateway, Kind, NewOrder, Notify, OrderState, RawNotify,
    RefundReport, RefundState,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn adapter(world: &World) -> Arc<dyn Gateway> {
    world.via_apay(|_| {})
}

/// An order at the gateway, with the gateway's name for it.
async fn made(gateway: &Arc<dyn Gateway>) -> (ChannelOrder, String) {
    let mut new = order();
    let created = gateway.create(&new).await.unwrap();
    new.order.reference = created.reference;
    match created.obj {
        Obj::Code(code) => (new.order, code),
        other => panic!("no code: {other:?}"),
    }
}

/// An order that its payer paid; its notify is put aside.
async fn paid(world: &World, gateway: &Arc<dyn Gateway>) -> ChannelOrder {
    let (order, _) = made(gateway).await;
    world.act("pay", &order.number).await;
    world.letter().await;
    order
}

#[tokio::test]
async fn calls_go_out_as_json_where_the_account_says_so() {
    let world = World::start().await;
    let json = |account: &mut toml::Table| {
        account.insert("body".to_owned(), "json".into());
    };
    let gateway = world.via_apay(json);
    let order = paid(&world, &gateway).await;
    let asked = gateway.query(&order).await;
    assert!(matches!(asked, Ok(OrderState::Paid(_))), "{asked:?}");
    let gateway = world.via_apay(|account| {
        json(account);
        account.insert("base".to_owned(), world.target.clone().into());
    });
    assert_unknown("no answer", &gateway.query(&order).await);
    let call = world.letter().await;
    assert_eq!(call.header("content-type"), Some("application/json"));
    let fields = Fields::from_json(&call.body).unwrap();
    assert_eq!(fields.get("outOrderId"), Some(order.number.as_str()));
    assert!(verifies(&fields, &key(&world)));
}

/// A call as a partner would make it by himself.
async fn call(world: &World, path: &str, fields: &[(&str, &str)]) -> String {
    let account = world.apay_account();
    let partner = account["partner_id"].as_str().unwrap();
    let fields = || fields.iter().copied().chain([("partnerId", partner)]);
    let sign = md5_sign(fields(), &key(world));
    let pairs: Vec<_> = fields()
        .chain([("sign", sign.as_str())])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let address = format!("{}/apay/forecore/{path}", world.base());
    world.send_form(&address, &pairs).await
}

fn key(world: &World) -> Secret {
    Secret::new(1, world.apay_account()["key"].as_str().unwrap(), None)
}

fn notify(body: &str) -> RawNotify {
    RawNotify {
        headers: vec![],
        body: body.as_bytes().to_vec(),
        received_ms: 0,
    }
}

#[tokio::test]
async fn a_code_leads_to_the_gateways_page_and_is_paid() {
    let world = World::start().await;
    let gateway = adapter(&world);
    assert_eq!(gateway.channel(), Channel::Wechat);
    let unmade = order();
    assert_eq!(gateway.query(&unmade.order).await, Ok(OrderState::NotFound));
    let (order, code) = made(&gateway).await;
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Pending));
    let page = world.page(&code).await;
    assert!(page.contains("CNY 123.45"), "{page}");
    let id = order.reference.clone().unwrap();
    let button = |act: &str| [("order", id.as_str()), ("act", act)].map(owned).to_vec();
    let act = format!("{}/apay/act", world.base());
    let page = world.send_form(&act, &button("cancel")).await;
    assert!(page.contains("支付已取消"), "{page}");
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Pending));
    world.send_form(&act, &button("pay")).await;
    let Ok(OrderState::Paid(report)) = gateway.query(&order).await else {
        panic!("not paid")
    };
    assert_eq!(
        (report.money, &report.channel_order_no),
        (order.money, &order.number)
    );
    assert_eq!((report.merchant, report.trade_no), (gateway.merchant(), id));
    assert!(!world.page(&code).await.contains("支付</button>"));
    assert!(gateway.lingers());
    assert_eq!(gateway.close(&order).await, Err(ChannelError::NotOffered));
    let book = world
        .page(&format!("{}/control/orders", world.base()))
        .await;
    assert!(book.contains(r#""channel":"Apay""#), "{book}");
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// So the rules say an order here once (docs/reference/apay.md, Orders).
#[tokio::test]
async fn an_order_said_again_is_a_second_one() {
    let world = World::start().await;
    let gateway = adapter(&world);
    assert!(!gateway.repeats_orders());
    let new = order();
    let first = gateway.create(&new).await.unwrap();
    let second = gateway.create(&new).await.unwrap();
    assert_ne!(first.reference, second.reference);
    let asked = async |made: &Created| {
        let order = ChannelOrder {
            reference: made.reference.clone(),
            ..new.order.clone()
        };
        gateway.query(&order).await
    };
    assert_eq!(asked(&first).await, Ok(OrderState::Pending));
    let other = asked(&second).await;
    assert!(matches!(other, Err(ChannelError::Unknown(_))), "{other:?}");
}

#[tokio::test]
async fn an_account_serves_its_channels_kinds_and_its_currency() {
    let world = World::start().await;
    for (channel, currency, kinds) in [
        ("Wechat", "CNY", vec![Kind::Native, Kind::Mweb, Kind::Wap]),
        ("Wechat", "USD", vec![Kind::Native, Kind::Wap]),
        ("Alipay", "CNY", vec![Kind::Page, Kind::Wap]),
        ("ChinapayOld", "USD", vec![Kind::Page, Kind::Wap]),
    ] {
        let gateway = world.via_apay(|account| {
            account.insert("channel".to_owned(), channel.into());
            account.insert("currency".to_owned(), currency.into());
        });
        assert_eq!(gateway.channel().code(), channel);
        let all = [Kind::Native, Kind::Jsapi, Kind::Mweb, Kind::Page, Kind::Wap];
        let offered: Vec<_> = all
            .into_iter()
            .filter(|kind| gateway.offers(*kind))
            .collect();
        assert_eq!(offered, kinds, "{channel} {currency}");
        let currency = Currency::parse(currency).unwrap();
        for kind in kinds {
            let mut new = NewOrder { kind, ..order() };
            new.order.money = Money::from_minor(1_427, currency).unwrap();
            if kind == Kind::Native {
                assert!(matches!(
                    gateway.create(&new).await.unwrap().obj,
                    Obj::Code(_)
                ));
            } else {
                let form = form(&gateway, &new).await;
                let address = format!("{}?{}={}", form.action, form.fields[0].0, form.fields[0].1);
                let in_wechat = channel == "Wechat" && currency == Currency::Usd;
                let shown = if in_wechat {
                    "请使用微信浏览器打开"
                } else {
                    "14.27"
                };
                assert!(world.page(&address).await.contains(shown));
            }
        }
        let mut other = order();
        let currency = if currency == Currency::Cny {
            Currency::Usd
        } else {
            Currency::Cny
        };
        other.order.money = Money::from_minor(1, currency).unwrap();
        other.kind = offered[0];
        assert_eq!(gateway.create(&other).await, Err(ChannelError::NotOffered));
    }
}

#[tokio::test]
async fn dollars_at_wechat_open_in_its_own_browser() {
    let world = World::start().await;
    let gateway = world.via_apay(|account| {
        account.insert("currency".to_owned(), "USD".into());
    });
    let mut new = order();
    new.order.money = Money::from_minor(1_427, Currency::Usd).unwrap();
    let Obj::Code(code) = gateway.create(&new).await.unwrap().obj else {
        panic!("no code")
    };
    assert!(world.page(&code).await.contains("请使用微信浏览器打开"));
}

#[tokio::test]
async fn an_order_answer_that_is_forged_or_lost_is_unknown() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in [
        "bad_signature",
        "old_timestamp",
        "unknown_serial",
        "unsigned_502",
        "corrupt",
        "error",
        "rate_limit",
        "drop",
        "lost",
        "busy",
    ] {
        let new = order();
        world.fault("create", kind).await;
        assert_unknown(kind, &gateway.create(&new).await);
        assert!(gateway.create(&new).await.is_ok(), "again after {kind}");
    }
}

#[tokio::test]
async fn a_sum_that_is_changed_too_much_leads_nobody_to_it() {
    let world = World::start().await;
    let gateway = adapter(&world);
    world.fault("create", "wrong_amount").await;
    let refused = gateway.create(&order()).await;
    let Err(ChannelError::Refused { code, message }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(code, "changed_sum");
    assert!(message.contains("0.01 CNY for ¥123.45"), "{message}");
}

#[tokio::test]
async fn a_sum_that_is_changed_a_little_is_told_and_paid() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let create = async |fen: i64| {
        let fault = serde_json::json!({"on": "create", "kind": "wrong_amount", "amount": fen});
        world.control("fault", fault).await;
        let mut new = order();
        let created = gateway.create(&new).await;
        new.order.reference = created
            .as_ref()
            .ok()
            .and_then(|made| made.reference.clone());
        (new.order, created)
    };
    // A twentieth of 123.45 is 6.17.
    for fen in [11_728, 12_344, 12_962] {
        let (mut order, created) = create(fen).await;
        let changed = Money::from_minor(fen, Currency::Cny);
        assert_eq!(created.unwrap().changed, changed);
        world.act("pay", &order.number).await;
        world.letter().await;
        let changed = changed.unwrap();
        order.money = changed;
        match gateway.query(&order).await {
            Ok(OrderState::Paid(report)) => assert_eq!(report.money, changed),
            other => panic!("{other:?}"),
        }
        let whole = gateway.refund(&refund_of(&order, "R", fen)).await;
        assert_eq!(whole.unwrap().state, RefundState::Done);
    }
    let (_, same) = create(12_345).await;
    assert_eq!(same.unwrap().changed, None);
    for fen in [11_727, 12_963] {
        let (_, refused) = create(fen).await;
        assert!(
            refused.is_err_and(|error| error.is_refusal("changed_sum")),
            "{fen}"
        );
    }
}

#[tokio::test]
async fn a_late_answer_is_unknown_and_the_query_settles_it() {
    let world = World::start().await;
    let gateway = world.via_apay(|account| {
        account.insert("limit_s".to_owned(), 1.into());
    });
    let late = |on: &'static str| {
        let fault = serde_json::json!({"on": on, "kind": "delay", "ms": 1_500});
        world.control("fault", fault)
    };
    let new = order();
    late("create").await;
    assert_unknown("create", &gateway.create(&new).await);
    assert_eq!(gateway.query(&new.order).await, Ok(OrderState::Pending));
    let order = paid(&world, &gateway).await;
    late("query").await;
    assert_unknown("query", &gateway.query(&order).await);
    let refund = refund_of(&order, "R", order.money.minor());
    late("refund").await;
    // Sent again it would be a second one.
    assert!(is_held(&gateway.refund(&refund).await.unwrap()));
    assert!(is_held(&gateway.query_refund(&refund).await.unwrap()));
}

#[tokio::test]
async fn a_query_that_does_not_fit_its_order_is_not_believed() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    for kind in [
        "unsigned_502",
        "corrupt",
        "error",
        "rate_limit",
        "drop",
        "old_timestamp",
        "strange_currency",
    ] {
        world.fault("query", kind).await;
        assert_unknown(kind, &gateway.query(&order).await);
    }
    // Other money is told as such: whoever settles compares, and keeps the mismatch.
    for (kind, money) in [
        ("wrong_amount", Money::from_minor(1, Currency::Cny)),
        ("wrong_currency", Money::from_minor(12_345, Currency::Usd)),
    ] {
        world.fault("query", kind).await;
        match gateway.query(&order).await {
            Ok(OrderState::Paid(report)) => assert_eq!(Some(report.money), money),
            other => panic!("{kind}: {other:?}"),
        }
    }
    let other = ChannelOrder {
        reference: Some("A1".to_owned()),
        ..order.clone()
    };
    assert_unknown("another order of theirs", &gateway.query(&other).await);
    assert!(matches!(
        gateway.query(&order).await,
        Ok(OrderState::Paid(_))
    ));
}

#[tokio::test]
async fn a_closed_order_is_closed_and_a_foreign_key_tells_nothing() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let (order, _) = made(&gateway).await;
    let stranger = world.via_apay(|account| {
        account.insert("key".to_owned(), "secretsecret".into());
    });
    let refused = stranger.query(&order).await;
    assert_unknown("wrong sign", &refused);
    assert!(format!("{refused:?}").contains("wrong sign"));
    let refused = format!("{:?}", stranger.create(&crate::world::order()).await);
    assert!(refused.contains("wrong sign") && !refused.contains("secretsecret"));
    world.act("expire", &order.number).await;
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Closed));
}

#[tokio::test]
async fn parts_are_refunded_up_to_the_sum() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    let too_much = gateway.refund(&refund_of(&order, "R0", 12_346)).await;
    // By its words alone it may have been made.
    assert!(is_held(&too_much.unwrap()));
    for (number, minor) in [("R1", 2_345), ("R2", 10_000)] {
        let done = gateway.refund(&refund_of(&order, number, minor)).await;
        assert_eq!(done.unwrap().state, RefundState::Done, "{number}");
    }
    let third = gateway.refund(&refund_of(&order, "R3", 1)).await;
    assert!(is_held(&third.unwrap()));
    let (unpaid, _) = made(&gateway).await;
    for order in [unpaid, crate::world::order().order] {
        let refused = gateway.refund(&refund_of(&order, "R3", 1)).await;
        assert!(
            matches!(refused, Err(ChannelError::Refused { .. })),
            "{refused:?}"
        );
    }
    let other = paid(&world, &gateway).await;
    world.fault("refund", "refund_fails").await;
    let failed = gateway.refund(&refund_of(&other, "R4", 1)).await.unwrap();
    assert!(matches!(
        failed.state,
        RefundState::Failed(_) | RefundState::Pending
    ));
}

/// A gateway that numbers refunds itself, as the original does, whose order's status
/// turns to refund after these ms, or never.
async fn original(world: &World, status: serde_json::Value) {
    let forget = serde_json::json!({"type": "WECHATPAYH5", "status": status});
    world.control("forget", forget).await;
}

fn is_held(report: &RefundReport) -> bool {
    matches!(report.state, RefundState::Held(_))
}

#[tokio::test]
async fn an_answer_is_about_this_refund_whatever_numbers_it_bears() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for status in ["never".into(), 0.into(), 60_000.into()] {
        original(&world, status).await;
        let order = paid(&world, &gateway).await;
        let mut refund = refund_of(&order, "R", 12_345);
        let done = gateway.refund(&refund).await.unwrap();
        assert_eq!(done.state, RefundState::Done);
        let pending = serde_json::json!({"on": "refund", "kind": "pending", "ms": 60_000});
        world.control("fault", pending).await;
        let other = paid(&world, &gateway).await;
        refund = refund_of(&other, "R", 12_345);
        let taken = gateway.refund(&refund).await.unwrap();
        assert_eq!(taken.state, RefundState::Pending);
        refund.reference.clone_from(&taken.reference);
        // Whatever its order's status says: that tells of no single refund.
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(gateway.query_refund(&refund).await.unwrap(), taken);
    }
}

#[tokio::test]
async fn an_unanswered_refund_is_held_and_never_sent_again() {
    let world = World::start().await;
    let gateway = adapter(&world);
    original(&world, "never".into()).await;
    for kind in [
        "drop",
        "error",
        "unsigned_502",
        "corrupt",
        "rate_limit",
        "lost",
        "busy",
        "caught",
    ] {
        let order = paid(&world, &gateway).await;
        let part = refund_of(&order, "R", 100);
        world.fault("refund", kind).await;
        let sent = gateway.refund(&part).await.unwrap();
        assert!(is_held(&sent), "{kind}: {sent:?}");
        // An instance that died before the answer came asks.
        let asked = gateway.query_refund(&part).await.unwrap();
        assert!(is_held(&asked), "{kind}: {asked:?}");
        let book = world
            .page(&format!("{}/control/orders", world.base()))
            .await;
        let mut book: Vec<serde_json::Value> = serde_json::from_str(&book).unwrap();
        book.retain(|found| found["channelOrderNo"] == order.number.as_str());
        let made = book[0]["refunds"].as_array().unwrap().len();
        assert!(made <= 1, "{kind}: {made} refunds of one");
    }
}

#[tokio::test]
async fn a_gateway_that_renames_is_not_asked_by_sending_again() {
    let world = World::start().await;
    let gateway = world.via_apay(|account| {
        account.insert("refunds_by_number".to_owned(), true.into());
    });
    original(&world, "never".into()).await;
    let order = paid(&world, &gateway).await;
    let pending = serde_json::json!({"on": "refund", "kind": "pending", "ms": 60_000});
    world.control("fault", pending).await;
    let sent = gateway.refund(&refund_of(&order, "R", 100)).await.unwrap();
    assert!(is_held(&sent), "{sent:?}");
}

#[tokio::test]
async fn a_gateway_that_knows_refunds_by_our_number_is_asked_by_it() {
    let world = World::start().await;
    let gateway = world.via_apay(|account| {
        account.insert("refunds_by_number".to_owned(), true.into());
    });
    let order = paid(&world, &gateway).await;
    let first = gateway.refund(&refund_of(&order, "R1", 1)).await.unwrap();
    assert_eq!(first.state, RefundState::Done);
    let mut part = refund_of(&order, "R2", 100);
    world.fault("refund", "drop").await;
    assert_unknown("lost", &gateway.refund(&part).await);
    let asked = gateway.query_refund(&part).await.unwrap();
    assert_eq!(asked.state, RefundState::NotFound, "to be sent again");
    let done = gateway.refund(&part).await.unwrap();
    part.reference.clone_from(&done.reference);
    assert_eq!(gateway.query_refund(&part).await.unwrap(), done);
    let refused = gateway.refund(&refund_of(&order, "R3", 12_245)).await;
    assert!(
        matches!(refused, Err(ChannelError::Refused { .. })),
        "{refused:?}"
    );
    let rest = gateway
        .refund(&refund_of(&order, "R4", 12_244))
        .await
        .unwrap();
    assert_eq!(rest.state, RefundState::Done, "each was given back once");
}

#[tokio::test]
async fn notifies_are_read_as_form_and_as_json() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for json in [false, true] {
        let (order, _) = made(&gateway).await;
        if json {
            world.fault("notify", "json").await;
        }
        world.act("pay", &order.number).await;
        let letter = world.letter().await;
        let body = String::from_utf8(letter.body.clone()).unwrap();
        assert_eq!(body.starts_with('{'), json, "{body}");
        assert!(body.contains("providerOrderId"), "{body}");
        let changed = Notify::Changed {
            channel_order_no: order.number.clone(),
        };
        assert_eq!(gateway.read_notify(&letter).await, Ok(changed));
        // Any change breaks the sign.
        for (old, new) in [
            ("123.45", "0.01"),
            ("CNY", "USD"),
            ("providerOrderId", "provider"),
        ] {
            let forged = body.replacen(old, new, 1);
            assert_ne!(forged, body);
            assert_unknown(new, &gateway.read_notify(&notify(&forged)).await);
        }
    }
    let taken = gateway.notify_answer(true);
    assert_eq!(
        (taken.status, taken.content_type),
        (200, "application/json")
    );
    assert_eq!(taken.body, r#"{"result":"success"}"#);
    assert!(gateway.notify_answer(false).body.starts_with(r#"{"err":"#));
}

#[tokio::test]
async fn a_spoiled_notify_is_refused_or_odd() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in ["bad_signature", "corrupt"] {
        let (order, _) = made(&gateway).await;
        world.fault("notify", kind).await;
        world.act("pay", &order.number).await;
        assert_unknown(kind, &gateway.read_notify(&world.letter().await).await);
    }
    for kind in ["wrong_currency", "strange_currency"] {
        let (order, _) = made(&gateway).await;
        world.fault("notify", kind).await;
        world.act("pay", &order.number).await;
        let read = gateway.read_notify(&world.letter().await).await;
        assert!(matches!(read, Ok(Notify::Odd(_))), "{kind}: {read:?}");
    }
    for body in ["", "{}", "a=1", "sign=", "\u{1}", "{\"sign\":{}}"] {
        assert_unknown(body, &gateway.read_notify(&notify(body)).await);
    }
    assert_unknown(
        "bytes",
        &gateway
            .read_notify(&RawNotify {
                body: vec![0xff],
                ..notify("")
            })
            .await,
    );
}

#[tokio::test]
async fn the_seeds_sign_is_taken_in_a_notify() {
    let world = World::start().await;
    let gateway = world.via_apay(|account| {
        account.insert("key".to_owned(), "123456".into());
        account.insert("currency".to_owned(), "USD".into());
    });
    let fields = "outOrderId=abc123&money=1.00&partnerId=p001&type=WECHATPAYH5&currency=USD";
    let read = |sign: &str| notify(&format!("{fields}&sign={sign}"));
    let seed = "a90a66d09bde8a32725c9efde082fae1";
    assert_eq!(
        gateway.read_notify(&read(seed)).await,
        Ok(Notify::Changed {
            channel_order_no: "abc123".to_owned()
        })
    );
    assert_unknown(
        "another sign",
        &gateway.read_notify(&read(&seed.replace('9', "8"))).await,
    );
}

#[tokio::test]
async fn cb_urls_own_fields_come_back_signed_until_they_are_taken() {
    let world = World::start().await;
    let cb_url = format!("{}/cb?shop=%E8%80%B3&empty=", world.target);
    let fields = [
        ("outOrderId", "own-1"),
        ("money", "1"),
        ("currency", "CNY"),
        ("cb_url", &cb_url),
        ("return_url", "https://shop.example/back"),
        ("userId", "u1"),
        ("unknown", ""),
    ];
    let answer = call(&world, "order", &fields).await;
    assert!(answer.contains(r#""result":"ok""#), "{answer}");
    world.act("pay", "own-1").await;
    let letter = world.letter().await;
    let body = String::from_utf8(letter.body.clone()).unwrap();
    assert!(
        body.contains("empty=&") && body.contains("shop=%E8%80%B3"),
        "{body}"
    );
    assert!(body.contains("money=1&"), "{body}");
    let read = adapter(&world).read_notify(&letter).await;
    assert!(matches!(read, Ok(Notify::Changed { .. })), "{read:?}");
}

#[tokio::test]
async fn the_gateway_names_what_is_wrong_with_a_call() {
    let world = World::start().await;
    let order = |money: &'static str| {
        [
            ("outOrderId", "bad-1"),
            ("money", money),
            ("currency", "CNY"),
            ("cb_url", "http://a.example/"),
            ("return_url", "http://a.example/"),
            ("userId", "u"),
        ]
    };
    for money in ["-1", "0", "1.234", "x"] {
        let answer = call(&world, "order", &order(money)).await;
        assert!(answer.contains(r#""err":"money"#), "{answer}");
    }
    let address = format!("{}/apay/forecore/order", world.base());
    for (query, err) in [
        ("", "no sign"),
        ("?sign=1", "no partnerId"),
        ("?sign=1&partnerId=x", "no such partner"),
    ] {
        let answer = world.page(&format!("{address}{query}")).await;
        assert_eq!(answer, format!(r#"{{"err":"{err}","result":"error"}}"#));
    }
    for (currency, rate) in [("USD", "7.012"), ("CAD", "5.1")] {
        let fields = [("currency", currency), ("payment", "WECHATPAYH5")];
        let answer = call(&world, "exchangeRate", &fields).await;
        assert!(
            answer.contains(&format!(r#""exchange_rate":{rate}"#)),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_call_is_taken_as_query_and_as_json_too() {
    let world = World::start().await;
    let (order, _) = made(&adapter(&world)).await;
    let account = world.apay_account();
    let fields = [
        ("outOrderId", order.number.as_str()),
        ("partnerId", account["partner_id"].as_str().unwrap()),
        ("empty", ""),
    ];
    let sign = md5_sign(fields.into_iter(), &key(&world));
    let signed = || fields.into_iter().chain([("sign", sign.as_str())]);
    let pairs: Vec<_> = signed()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let address = format!("{}/apay/forecore/queryOrder", world.base());
    let by_query = world.page(&format!("{address}?{}", pairs.join("&"))).await;
    let json: serde_json::Map<_, _> = signed()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let request = channels::client().unwrap().post(&address);
    let request = request.header("Content-Type", "application/json");
    let json = serde_json::Value::Object(json).to_string();
    let by_json = request.body(json).send().await.unwrap().text().await;
    assert_eq!(by_query, by_json.unwrap());
    assert!(by_query.contains(r#""received":-1,"#), "{by_query}");
}

#[test]
fn an_account_that_can_not_be_trusted_is_not_opened() {
    let refused = |change: &dyn Fn(&mut toml::Table)| {
        let text = "[[account]]\nchannel = \"Alipay\"\nvia = \"apay\"\nname = \"a\"\n\
                    base = \"https://apay.example\"\npartner_id = \"p001\"\nkey = \"hush123\"\n";
        let mut accounts: Accounts = toml::from_str(text).unwrap();
        change(&mut accounts.account[0]);
        let clock: Clock = Arc::new(|| 0);
        let opened = gateways(
            accounts.beside(Path::new(".")),
            "https://pay.example",
            &clock,
        );
        opened
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(refused(&|_| {}), "");
    let set = |name: &str, value: toml::Value| {
        refused(&|account| {
            account.insert(name.to_owned(), value.clone());
        })
    };
    for (name, value, what) in [
        ("base", "http://apay.example".into(), "base must be https"),
        ("channel", "Paypal".into(), "apay leads to no Paypal"),
        ("via", "bpay".into(), "unknown via bpay"),
        ("partner_id", "".into(), "partner_id is empty"),
        ("key", "".into(), "key must be text"),
        ("key", toml::Value::Integer(123_456), "key must be text"),
        ("secret", "x".into(), "unknown field `secret`"),
        ("limit_s", toml::Value::Integer(31), "from 1 to 30"),
        ("currency", "CAD".into(), "currency is CNY or USD"),
        ("base", "https://".into(), "base must be"),
        ("base", "https://apay.example/?x".into(), "base must be"),
        ("smallest", 0.into(), "smallest is at least 1"),
        ("largest", 0.into(), "largest from it to"),
        ("largest", 1_000_000_000.into(), "largest from it to"),
    ] {
        let told = set(name, value);
        assert!(told.contains(what), "{name}: {told}");
        assert!(
            !told.contains("hush123") && !told.contains("123456"),
            "{told}"
        );
    }
}
