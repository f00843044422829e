//! The Alipay adapter against the sandbox, and every Alipay vector that concerns
//! payments.

use crate::world::{World, assert_unknown, form, now_ms, order, refund_of, vectors};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use channels::alipay::{answer_node, certificate_sn, notify_text, request_text, root_sn};
use channels::rsa::VerifyingKey;
use payment::channel::Channel;
use payment::ports::{
    BackSum, ChannelError, Gateway, GivenBack, Kind, NewOrder, Notify, OrderState, RefundState,
};
use serde_json::Value;
use std::sync::Arc;

fn adapter(world: &World) -> Arc<dyn Gateway> {
    world.of(Channel::Alipay).remove(0)
}

/// The account in certificate mode.
fn certified(world: &World) -> Arc<dyn Gateway> {
    world.of(Channel::Alipay).remove(1)
}

fn page_order(kind: Kind) -> NewOrder {
    NewOrder { kind, ..order() }
}

#[tokio::test]
async fn a_form_leads_to_the_cashier_and_is_paid() {
    let world = World::start().await;
    for (gateway, kind) in [
        (adapter(&world), Kind::Page),
        (adapter(&world), Kind::Wap),
        (certified(&world), Kind::Page),
    ] {
        let new = page_order(kind);
        let form = form(&gateway, &new).await;
        assert_eq!(gateway.query(&new.order).await, Ok(OrderState::NotFound));
        let cashier = world.opened(&form).await;
        assert!(
            cashier.contains("¥123.45") && cashier.contains("蓝牙耳机"),
            "{cashier}"
        );
        assert_eq!(gateway.query(&new.order).await, Ok(OrderState::Pending));
        let before_ms = now_ms() / 1000 * 1000;
        world.act("pay", &new.order.number).await;
        let Ok(OrderState::Paid(report)) = gateway.query(&new.order).await else {
            panic!("not paid")
        };
        assert_eq!(
            (report.money, &report.channel_order_no),
            (new.order.money, &new.order.number)
        );
        assert_eq!(report.merchant, gateway.merchant());
        assert!(report.paid_ms.unwrap() >= before_ms);
        assert!(matches!(
            gateway.close(&new.order).await,
            Err(ChannelError::Refused { .. })
        ));
    }
}

#[tokio::test]
async fn an_order_is_closed_once_and_for_all() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let new = page_order(Kind::Page);
    let form = form(&gateway, &new).await;
    let unknown = gateway.close(&new.order).await;
    assert!(
        matches!(unknown, Err(ChannelError::Refused { code, .. }) if code == "ACQ.TRADE_NOT_EXIST")
    );
    world.opened(&form).await;
    assert_eq!(gateway.close(&new.order).await, Ok(()));
    assert_eq!(gateway.query(&new.order).await, Ok(OrderState::Closed));
    assert!(world.opened(&form).await.contains("ACQ.TRADE_HAS_CLOSE"));
}

#[tokio::test]
async fn a_changed_form_opens_no_cashier() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let mut form = form(&gateway, &page_order(Kind::Page)).await;
    form.fields[0].1 = form.fields[0].1.replace("123.45", "0.01");
    let page = world.opened(&form).await;
    assert!(page.contains("isv.invalid-signature"), "{page}");
}

#[tokio::test]
async fn refunds_are_partial_repeatable_and_asked_about() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let new = page_order(Kind::Page);
    world.opened(&form(&gateway, &new).await).await;
    world.act("pay", &new.order.number).await;
    let refund = refund_of(&new.order, "R1", 2_345);
    let asked = gateway.query_refund(&refund).await.unwrap();
    assert_eq!(asked.state, RefundState::NotFound);
    assert_eq!(
        gateway.refund(&refund).await.unwrap().state,
        RefundState::Done
    );
    // The same number again is no second refund: fund_change says N.
    assert_eq!(
        gateway.refund(&refund).await.unwrap().state,
        RefundState::Pending
    );
    assert_eq!(
        gateway.query_refund(&refund).await.unwrap().state,
        RefundState::Done
    );
    // Under its number another sum went back: a person sees which.
    let of_another_sum = refund_of(&new.order, "R1", 1);
    for other in [
        gateway.refund(&of_another_sum).await,
        gateway.query_refund(&of_another_sum).await,
    ] {
        assert!(
            matches!(other.unwrap().state, RefundState::Held(_)),
            "another sum"
        );
    }
    let rest = gateway.refund(&refund_of(&new.order, "R2", 10_000)).await;
    assert_eq!(rest.unwrap().state, RefundState::Done);
    // All went back, whoever gave it: a person sees that.
    let more = gateway.refund(&refund_of(&new.order, "R3", 1)).await;
    assert!(
        matches!(&more.as_ref().unwrap().state, RefundState::Held(why) if why.contains("CLOSE")),
        "{more:?}"
    );
    // Wholly given back reads TRADE_CLOSED, and was paid all the same.
    let Ok(OrderState::Paid(paid)) = gateway.query(&new.order).await else {
        panic!("not paid")
    };
    let GivenBack::Parts(parts) = &paid.given_back else {
        panic!("{paid:?}")
    };
    assert_eq!(parts[0].sum, BackSum::InAll(new.order.money));
}

#[tokio::test]
async fn what_does_not_verify_is_unknown_and_never_refused() {
    let world = World::start().await;
    for gateway in world.of(Channel::Alipay) {
        let new = page_order(Kind::Page);
        world.opened(&form(&gateway, &new).await).await;
        none_is_believed(&world, &gateway, &new).await;
    }
}

async fn none_is_believed(world: &World, gateway: &Arc<dyn Gateway>, new: &NewOrder) {
    for kind in [
        "bad_signature",
        "old_timestamp",
        "unknown_serial",
        "unsigned_502",
        "corrupt",
        "error",
        "rate_limit",
        "drop",
    ] {
        world.fault("query", kind).await;
        let queried = gateway.query(&new.order).await;
        assert_unknown(&format!("query {kind}"), &queried);
        world.fault("close", kind).await;
        let closed = gateway.close(&new.order).await;
        assert_unknown(&format!("close {kind}"), &closed);
        world.fault("refund", kind).await;
        let refunded = gateway.refund(&refund_of(&new.order, "R1", 1)).await;
        assert_unknown(&format!("refund {kind}"), &refunded);
    }
}

#[tokio::test]
async fn a_genuine_notify_is_read_and_no_other() {
    let world = World::start().await;
    for gateway in world.of(Channel::Alipay) {
        only_genuine_ones_are_read(&world, &gateway).await;
    }
}

async fn only_genuine_ones_are_read(world: &World, gateway: &Arc<dyn Gateway>) {
    let new = page_order(Kind::Page);
    world.opened(&form(gateway, &new).await).await;
    world.act("pay", &new.order.number).await;
    let letter = world.letter().await;
    let Ok(Notify::Paid(report)) = gateway.read_notify(&letter).await else {
        panic!("unread")
    };
    assert_eq!(
        (report.money, report.merchant.clone()),
        (new.order.money, gateway.merchant())
    );
    assert!(report.paid_ms.is_some());
    let mut changed = letter.clone();
    let text = String::from_utf8(changed.body.clone()).unwrap();
    changed.body = text
        .replace("total_amount=123.45", "total_amount=0.01")
        .into_bytes();
    assert!(gateway.read_notify(&changed).await.is_err());
    // What is not signed makes it no other notify.
    let text = String::from_utf8(letter.body.clone()).unwrap();
    let mut turned: Vec<_> = text.split('&').collect();
    turned.reverse();
    for unsigned in [
        turned.join("&"),
        format!("{text}&x=&y="),
        text.replace("version=1", "version=%31"),
    ] {
        assert_ne!(unsigned, text);
        let mut other = letter.clone();
        other.body = unsigned.into_bytes();
        assert_eq!(gateway.signed(&other), gateway.signed(&letter));
        let read = gateway.read_notify(&other).await;
        assert_eq!(read, Ok(Notify::Paid(report.clone())));
    }
    let mut twice = letter.clone();
    twice.body.extend_from_slice(b"&total_amount=0.01");
    assert!(gateway.read_notify(&twice).await.is_err());
    for kind in ["bad_signature", "corrupt", "unknown_serial", "signtest"] {
        let new = page_order(Kind::Page);
        world.opened(&form(gateway, &new).await).await;
        world.fault("notify", kind).await;
        world.act("pay", &new.order.number).await;
        let letter = world.letter().await;
        assert!(gateway.read_notify(&letter).await.is_err(), "{kind}");
    }
}

#[tokio::test]
async fn a_lie_under_a_good_signature_is_shown_to_the_settlement() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in ["wrong_amount", "wrong_merchant", "wrong_app"] {
        let new = page_order(Kind::Page);
        world.opened(&form(&gateway, &new).await).await;
        world.fault("notify", kind).await;
        world.act("pay", &new.order.number).await;
        let Ok(Notify::Paid(report)) = gateway.read_notify(&world.letter().await).await else {
            panic!("unread")
        };
        let fits = report.money == new.order.money && report.merchant == gateway.merchant();
        assert!(!fits, "{kind}: {report:?}");
    }
}

#[tokio::test]
async fn a_refund_of_another_merchant_is_none_of_ours() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in ["wrong_merchant", "wrong_app"] {
        let new = page_order(Kind::Page);
        world.opened(&form(&gateway, &new).await).await;
        world.act("pay", &new.order.number).await;
        world.letter().await;
        world.fault("notify", kind).await;
        let refund = refund_of(&new.order, "R", 100);
        gateway.refund(&refund).await.unwrap();
        let read = gateway.read_notify(&world.letter().await).await;
        assert!(matches!(read, Ok(Notify::Odd(_))), "{kind}: {read:?}");
    }
}

#[tokio::test]
async fn a_key_file_that_begins_with_a_byte_order_mark_is_read() {
    let world = World::start().await;
    let with_mark = |name: &str| {
        let text = std::fs::read(world.folder().join(name)).unwrap();
        let marked = [b"\xef\xbb\xbf", text.as_slice()].concat();
        let file = world.folder().join("marked").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, marked).unwrap();
    };
    let changed = world.changed(Channel::Alipay, |account| {
        for setting in ["private_key", "alipay_public_key"] {
            let Some(name) = account.get(setting).and_then(|name| name.as_str()) else {
                continue;
            };
            let name = name.to_owned();
            with_mark(&name);
            account.insert(setting.to_owned(), format!("marked/{name}").into());
        }
    });
    let form = form(&changed[0], &page_order(Kind::Page)).await;
    assert!(world.opened(&form).await.contains("¥123.45"));
}

fn cases(name: &str) -> Vec<Value> {
    let file = vectors(&format!("alipay/{name}"));
    file.map_or_else(Vec::new, |file| file["cases"].as_array().unwrap().clone())
}

#[test]
fn the_signatures_of_others_verify_and_tampered_ones_do_not() {
    for case in cases("signatures.json") {
        let id = case["id"].as_str().unwrap();
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let key = VerifyingKey::from_text(text("public_key_b64").as_bytes()).unwrap();
        let (signed, sign) = match text("op") {
            "alipay_notify" => {
                let pairs: Vec<(String, String)> = case["params"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                    .collect();
                let sign = case["params"]["sign"].as_str().unwrap().to_owned();
                let keeps = case["drop_sign_type"] == false;
                let signed = if keeps {
                    request_text(&pairs)
                } else {
                    notify_text(&pairs)
                };
                (signed, sign)
            }
            "alipay_sync" => {
                let node = answer_node(text("raw"), text("node")).unwrap();
                (node.text, node.sign.unwrap())
            }
            _ => (text("data").to_owned(), text("signature_b64").to_owned()),
        };
        let holds = key.verifies(signed.as_bytes(), &sign);
        assert_eq!(holds, case["valid"].as_bool().unwrap(), "{id}");
        // A byte more, a blank in the signature, and half of it never hold.
        assert!(
            !key.verifies(format!("{signed} ").as_bytes(), &sign),
            "{id}"
        );
        let half = STANDARD.encode(&STANDARD.decode(&sign).unwrap()[..128]);
        for spoiled in [sign.replacen('a', " a", 1), half] {
            assert!(
                spoiled == sign || !key.verifies(signed.as_bytes(), &spoiled),
                "{id}"
            );
        }
    }
}

#[test]
fn the_exact_characters_of_an_answer_are_found() {
    for case in cases("response_extraction.json") {
        let (raw, node) = (
            case["raw"].as_str().unwrap(),
            case["node"].as_str().unwrap(),
        );
        let found = answer_node(raw, node).unwrap().text;
        assert_eq!(found, case["expected"].as_str().unwrap(), "{}", case["id"]);
    }
}

#[test]
fn certificates_are_named_as_alipay_names_them() {
    for case in cases("cert_sn.json") {
        let pem = case["pem"].as_str().unwrap().as_bytes();
        let number = if case["root"].as_bool().unwrap() {
            root_sn(pem)
        } else {
            certificate_sn(pem)
        };
        assert_eq!(
            number.unwrap(),
            case["sn"].as_str().unwrap(),
            "{}",
            case["id"]
        );
    }
    assert!(certificate_sn(b"no certificate").is_err());
    assert!(root_sn(b"no certificate").is_err());
}
