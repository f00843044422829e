//! The ChinaPay adapter against the sandbox, and every ChinaPay vector.

use crate::world::{World, assert_unknown, form, now_ms, order, refund_of, vectors};
use axum::Router;
use channels::Clock;
use channels::chinapay::{KeyFileError, PrivateKey, PublicKey};
use payment::channel::Channel;
use payment::ports::{
    ChannelError, ChannelOrder, Gateway, Kind, NewOrder, Notify, OrderState, RefundState,
};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// The sandbox refuses two equal questions within 3 s, and the adapter knows.
const GAP: Duration = Duration::from_millis(3_100);

fn adapter(world: &World) -> Arc<dyn Gateway> {
    world.of(Channel::ChinapayOld).remove(0)
}

fn fresh(gateway: &Arc<dyn Gateway>) -> NewOrder {
    let mut new = order();
    new.kind = Kind::Page;
    new.order.number = gateway.order_no(&new.order.number);
    new
}

/// An order that its payer paid; its notify is put aside.
async fn paid(world: &World, gateway: &Arc<dyn Gateway>) -> ChannelOrder {
    let new = fresh(gateway);
    world.opened(&form(gateway, &new).await).await;
    world.act("pay", &new.order.number).await;
    world.letter().await;
    new.order
}

#[tokio::test]
async fn a_form_leads_to_the_bank_page_and_is_paid() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in [Kind::Page, Kind::Wap] {
        let new = NewOrder {
            kind,
            ..fresh(&gateway)
        };
        assert_eq!(new.order.number.len(), 16);
        let form = form(&gateway, &new).await;
        assert_eq!(gateway.query(&new.order).await, Ok(OrderState::NotFound));
        let page = world.opened(&form).await;
        assert!(page.contains("¥123.45"), "{page}");
        assert_eq!(world.opened(&form).await, page, "opened once more");
        world.act("pay", &new.order.number).await;
        // Asked again too soon, the last answer stands.
        assert_eq!(gateway.query(&new.order).await, Ok(OrderState::NotFound));
        tokio::time::sleep(GAP).await;
        let Ok(OrderState::Paid(report)) = gateway.query(&new.order).await else {
            panic!("not paid")
        };
        assert_eq!(
            (report.money, &report.channel_order_no),
            (new.order.money, &new.order.number)
        );
        assert_eq!(report.merchant, gateway.merchant());
        let page = world.opened(&form).await;
        assert!(page.contains("205"), "paid once: {page}");
    }
    assert_eq!(
        gateway.close(&fresh(&gateway).order).await,
        Err(ChannelError::NotOffered)
    );
}

#[tokio::test]
async fn a_clock_that_was_set_back_stops_no_question() {
    let world = World::start().await;
    let ahead_ms = Arc::new(AtomicI64::new(7_200_000));
    let read = Arc::clone(&ahead_ms);
    let clock: Clock = Arc::new(move || now_ms() + read.load(Ordering::Relaxed));
    let gateway = world.by_clock(Channel::ChinapayOld, &clock).remove(0);
    let new = fresh(&gateway);
    world.opened(&form(&gateway, &new).await).await;
    world.fault("query", "lost").await;
    assert_unknown("lost", &gateway.query(&new.order).await);
    world.act("pay", &new.order.number).await;
    ahead_ms.store(0, Ordering::Relaxed);
    tokio::time::sleep(GAP).await;
    let asked = gateway.query(&new.order).await;
    assert!(matches!(asked, Ok(OrderState::Paid(_))), "{asked:?}");
}

/// M12: the bank takes a form on the day that stands in it, and on no other.
#[tokio::test]
async fn a_form_of_the_last_second_is_given_until_midnight() {
    /// 2026-11-27 23:59:58 in Beijing.
    const LATE_MS: i64 = 1_795_795_198_000;
    let world = World::start().await;
    let gateway = adapter(&world);
    let mut new = fresh(&gateway);
    new.order.created_ms = LATE_MS;
    let form = form(&gateway, &new).await;
    let day = ("TransDate".to_owned(), "20261127".to_owned());
    assert!(form.fields.contains(&day), "{:?}", form.fields);
    let is_given = |now_ms: i64| LATE_MS >= gateway.fresh_since_ms(now_ms);
    assert!(is_given(LATE_MS + 1_999));
    assert!(!is_given(LATE_MS + 2_000));
}

#[tokio::test]
async fn that_nothing_is_known_counts_while_the_order_is_fresh() {
    let world = World::start().await;
    let minutes = |gateway: &Arc<dyn Gateway>, count: i64| {
        let mut old = fresh(gateway).order;
        old.created_ms -= count * 60_000;
        old
    };
    let gateway = adapter(&world);
    let asked = gateway.query(&minutes(&gateway, 29)).await;
    assert_eq!(asked, Ok(OrderState::NotFound));
    let asked = gateway.query(&minutes(&gateway, 31)).await;
    assert_unknown("half an hour later", &asked);
    let change = |account: &mut toml::Table| {
        account.insert("fresh_s".to_owned(), 60.into());
    };
    let gateway = world.changed(Channel::ChinapayOld, change).remove(0);
    let asked = gateway.query(&minutes(&gateway, 2)).await;
    assert_unknown("two minutes later", &asked);
}

#[tokio::test]
async fn versions_and_the_reply_are_the_merchants() {
    let world = World::start().await;
    let gateway = adapter(&world);
    assert_eq!(gateway.notify_answer(true).body, "OK");
    let target = format!("{}/asked", world.target);
    let change = |account: &mut toml::Table| {
        for (name, value) in [
            ("query_url", target.as_str()),
            ("refund_url", &target),
            ("query_version", "20070129"),
            ("refund_version", "20141120"),
            ("reply", "ChinaPayOK"),
        ] {
            account.insert(name.to_owned(), value.into());
        }
    };
    let gateway = world.changed(Channel::ChinapayOld, change).remove(0);
    let order = fresh(&gateway).order;
    assert_unknown("no answer", &gateway.query(&order).await);
    let query = String::from_utf8(world.letter().await.body).unwrap();
    assert!(query.contains("&Version=20070129&"), "{query}");
    let refund = gateway.refund(&refund_of(&order, "R", 1)).await;
    assert_unknown("no answer", &refund);
    let refund = String::from_utf8(world.letter().await.body).unwrap();
    assert!(refund.contains("&Version=20141120&"), "{refund}");
    assert_eq!(gateway.notify_answer(true).body, "ChinaPayOK");
    assert_ne!(gateway.notify_answer(false).body, "ChinaPayOK");
}

#[tokio::test]
async fn a_changed_form_opens_no_bank_page() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for (name, value, refused) in [
        ("TransAmt", "000000000001", "ChkValue"),
        ("TransAmt", "1", "TransAmt"),
        ("OrdId", "12", "OrdId"),
        ("TransDate", "20160615", "TransDate"),
        ("CuryId", "840", "CuryId"),
        ("Version", "20140728", "Version"),
        ("ChkValue", "00", "ChkValue"),
    ] {
        let mut form = form(&gateway, &fresh(&gateway)).await;
        for (field, old) in &mut form.fields {
            if field == name {
                value.clone_into(old);
            }
        }
        let page = world.opened(&form).await;
        assert!(
            page.contains(refused) && !page.contains("支付</button>"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn what_does_not_verify_is_unknown() {
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
    ] {
        let order = paid(&world, &gateway).await;
        world.fault("query", kind).await;
        let queried = gateway.query(&order).await;
        assert_unknown(&format!("query {kind}"), &queried);
        world.fault("refund", kind).await;
        let mut refund = refund_of(&order, "R", 100);
        let lost = gateway.refund(&refund).await;
        assert_unknown(&format!("refund {kind}"), &lost);
        refund.was_sent = true;
        let again = gateway.refund(&refund).await.unwrap();
        assert_eq!(again.state, RefundState::Pending, "refund {kind}");
    }
}

#[tokio::test]
async fn refunds_are_partial_and_told_by_notify() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    let mut refund = refund_of(&order, "R1", 2_345);
    let asked = gateway.query_refund(&refund).await.unwrap();
    assert_eq!(asked.state, RefundState::NotFound);
    let taken = gateway.refund(&refund).await.unwrap();
    assert_eq!(taken.state, RefundState::Pending);
    let Ok(Notify::Refund {
        refund_no, report, ..
    }) = gateway.read_notify(&world.letter().await).await
    else {
        panic!("unread")
    };
    assert_eq!(
        (refund_no, report.state),
        (refund.refund_no.clone(), RefundState::Done)
    );
    // The same number again is no second refund; one that was taken is waited for.
    refund.was_sent = true;
    assert_eq!(gateway.refund(&refund).await.unwrap(), taken);
    refund.reference.clone_from(&taken.reference);
    assert_eq!(gateway.query_refund(&refund).await.unwrap(), taken);
    let too_much = gateway.refund(&refund_of(&order, "R2", 10_001)).await;
    assert!(
        matches!(&too_much, Err(ChannelError::Refused { code, .. }) if code == "123"),
        "{too_much:?}"
    );
    let mut second = refund_of(&order, "R3", 9_999);
    // Of another one before it nobody knows here: ChinaPay does.
    let first = refund_of(&order, "R4", 1);
    assert_eq!(gateway.refund(&first).await.unwrap(), taken);
    world.letter().await;
    // A number that is new is not what ChinaPay says that it has.
    let set = |account: &mut toml::Table| {
        account.insert("refund_type".to_owned(), "0102".into());
    };
    let set = world.changed(Channel::ChinapayOld, set).remove(0);
    let held = set.refund(&second).await.unwrap();
    assert!(
        matches!(&held.state, RefundState::Held(why) if why.starts_with("205")),
        "{held:?}"
    );
    second.follows = true;
    world.fault("refund", "refund_fails").await;
    let failing = gateway.refund(&second).await;
    assert_eq!(failing.unwrap().state, RefundState::Pending);
    let read = gateway.read_notify(&world.letter().await).await;
    assert!(
        matches!(&read, Ok(Notify::Refund { report, .. }) if matches!(report.state, RefundState::Failed(_))),
        "{read:?}"
    );
}

/// ChinaPay knows the number of a refund for a day: later it would be another refund.
#[tokio::test]
async fn a_refund_that_was_not_answered_is_not_sent_on_another_day() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    let mut refund = refund_of(&order, "R", 100);
    refund.was_sent = true;
    refund.begun_ms -= 86_400_000;
    let asked = gateway.query_refund(&refund).await.unwrap();
    assert!(matches!(&asked.state, RefundState::Held(why) if why.contains("another day")));
    refund.reference = Some("accepted".to_owned());
    let asked = gateway.query_refund(&refund).await.unwrap();
    assert_eq!(asked.state, RefundState::Pending);
}

/// The account, asking at an address that always answers so.
async fn answered(world: &World, text: String) -> Arc<dyn Gateway> {
    let router = Router::new().fallback(move || async move { text });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let change = |account: &mut toml::Table| {
        for name in ["query_url", "refund_url"] {
            account.insert(name.to_owned(), address.clone().into());
        }
    };
    world.changed(Channel::ChinapayOld, change).remove(0)
}

/// ChinaPay's table of codes: 303 and 304 say that it could not make its answer, whatever
/// it did before.
#[tokio::test]
async fn only_what_is_wrong_with_a_call_refuses_a_refund() {
    let world = World::start().await;
    for (code, refuses) in [
        ("111", true),
        ("123", true),
        ("203", true),
        ("402", true),
        ("302", false),
        ("303", false),
        ("304", false),
        ("305", false),
        ("404", false),
        ("999", false),
        ("", false),
    ] {
        let gateway = answered(&world, format!("ResponseCode={code}&Message=x")).await;
        let refund = refund_of(&fresh(&gateway).order, "R", 1);
        let sent = gateway.refund(&refund).await;
        let refused = matches!(sent, Err(ChannelError::Refused { .. }));
        assert_eq!(refused, refuses, "{code}: {sent:?}");
    }
}

#[tokio::test]
async fn both_codes_of_an_unknown_order_say_that_it_is_not_there() {
    let world = World::start().await;
    for code in ["301", "307"] {
        let gateway = answered(&world, format!("ResponeseCode={code}&Message=x")).await;
        let asked = gateway.query(&fresh(&gateway).order).await;
        assert_eq!(asked, Ok(OrderState::NotFound), "{code}");
    }
}

#[tokio::test]
async fn a_genuine_notify_is_read_and_no_other() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let new = fresh(&gateway);
    world.opened(&form(&gateway, &new).await).await;
    world.act("pay", &new.order.number).await;
    let letter = world.letter().await;
    let Ok(Notify::Paid(report)) = gateway.read_notify(&letter).await else {
        panic!("unread")
    };
    assert_eq!(
        (report.money, report.merchant.clone()),
        (new.order.money, gateway.merchant())
    );
    let text = String::from_utf8(letter.body.clone()).unwrap();
    for changed in [
        text.replace("amount=000000012345", "amount=000000000001"),
        text.replace("status=1001", "status=1005"),
        format!("{text}&amount=000000000001"),
        text.replace("checkvalue=", "checkvalue=00"),
        text.split("&checkvalue").next().unwrap().to_owned(),
        String::new(),
    ] {
        let mut other = letter.clone();
        other.body = changed.into_bytes();
        let read = gateway.read_notify(&other).await;
        assert!(matches!(read, Err(ChannelError::Unknown(_))), "{read:?}");
    }
    // What is not signed is not acted on, and makes it no other notify.
    let mut turned: Vec<_> = text.split('&').collect();
    turned.reverse();
    let (_, sign) = text.split_once("checkvalue=").unwrap();
    for unsigned in [
        text.replace("GateId=8607", "GateId=0001"),
        format!("{text}&x=1"),
        turned.join("&"),
        text.replace("amount=0", "amount=%30"),
        text.replace(sign, &sign.to_lowercase()),
    ] {
        assert_ne!(unsigned, text);
        let mut other = letter.clone();
        other.body = unsigned.into_bytes();
        let read = gateway.read_notify(&other).await;
        assert_eq!(read, Ok(Notify::Paid(report.clone())));
        assert_eq!(gateway.signed(&other), gateway.signed(&letter));
    }
    for kind in ["bad_signature", "corrupt", "unknown_serial", "signtest"] {
        let new = fresh(&gateway);
        world.opened(&form(&gateway, &new).await).await;
        world.fault("notify", kind).await;
        world.act("pay", &new.order.number).await;
        let letter = world.letter().await;
        assert!(gateway.read_notify(&letter).await.is_err(), "{kind}");
    }
}

#[tokio::test]
async fn what_a_payer_holds_of_his_payment_is_no_refund() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let new = fresh(&gateway);
    world.opened(&form(&gateway, &new).await).await;
    world.act("pay", &new.order.number).await;
    let letter = world.letter().await;
    let text = String::from_utf8(letter.body.clone()).unwrap();
    let value = |name: &str| {
        let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).unwrap().1
    };
    // The page return has the same signature: its text is cut elsewhere.
    let signed = ["amount", "currencycode", "transdate", "transtype", "status"].map(value);
    let rest = signed.concat();
    let (sum, own) = rest.split_once('3').unwrap();
    let cuts = [
        format!("ProcessDate=&TransType=&OrderId={}", value("orderno")),
        format!("OrderId={}", value("orderno")),
        format!("ProcessDate={}&TransType=&OrderId=", value("orderno")),
    ];
    for cut in cuts {
        let mut forged = letter.clone();
        let (merchant, sign) = (value("merid"), value("checkvalue"));
        forged.body = format!(
            "MerID={merchant}&{cut}&RefundAmout={sum}&Status=3&Priv1={own}&CheckValue={sign}"
        )
        .into_bytes();
        let read = gateway.read_notify(&forged).await;
        assert!(matches!(read, Err(ChannelError::Unknown(_))), "{read:?}");
    }
    let mut other = letter.clone();
    let (day, kind) = (value("transdate"), value("transtype"));
    let whole = format!("transdate={day}");
    assert!(text.contains(&whole) && kind == "0001");
    let cut = text.replace(&whole, &format!("transdate={}", &day[..7]));
    let cut = cut.replace("transtype=", &format!("transtype={}", &day[7..]));
    other.body = cut.into_bytes();
    let read = gateway.read_notify(&other).await;
    assert!(matches!(read, Err(ChannelError::Unknown(_))), "{read:?}");
}

#[tokio::test]
async fn a_lie_under_a_good_signature_is_shown_to_the_settlement() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in ["wrong_amount", "wrong_currency", "wrong_merchant"] {
        let new = fresh(&gateway);
        world.opened(&form(&gateway, &new).await).await;
        world.fault("notify", kind).await;
        world.act("pay", &new.order.number).await;
        let Ok(Notify::Paid(report)) = gateway.read_notify(&world.letter().await).await else {
            panic!("unread")
        };
        let fits = report.money == new.order.money && report.merchant == gateway.merchant();
        assert!(!fits, "{kind}: {report:?}");
    }
    let new = fresh(&gateway);
    world.opened(&form(&gateway, &new).await).await;
    world.fault("notify", "strange_currency").await;
    world.act("pay", &new.order.number).await;
    let read = gateway.read_notify(&world.letter().await).await;
    assert!(matches!(read, Ok(Notify::Odd(_))), "{read:?}");
}

#[tokio::test]
async fn every_version_is_signed_and_numbered_as_it_wants() {
    let world = World::start().await;
    for (version, counter) in [("20040916", 1), ("20070129", 2), ("20141120", 3)] {
        let set = |account: &mut toml::Table| {
            account.insert("version".to_owned(), version.into());
        };
        let gateway = world.changed(Channel::ChinapayOld, set).remove(0);
        let mut new = fresh(&gateway);
        let number = gateway.order_no(&format!("2026112415390112345{counter}"));
        let merchant = &gateway.merchant()[10..];
        assert_eq!(
            number,
            match version {
                "20070129" => format!("112415390112345{counter}"),
                _ => format!("1539{merchant}012345{counter}"),
            }
        );
        new.order.number = number;
        let page = world.opened(&form(&gateway, &new).await).await;
        assert!(page.contains("¥123.45"), "{version}: {page}");
    }
}

/// The signature holds, and nothing near it does.
fn check_proof(key: &PublicKey, plain: &str, sign: &str) {
    assert!(key.verifies(plain, sign) && key.verifies(plain, &sign.to_lowercase()));
    assert!(!key.verifies(&format!("{plain} "), sign), "a byte more");
    assert!(
        !key.verifies(&plain.replacen('0', "1", 1), sign),
        "a changed digit"
    );
    let changed = sign.replacen(|c| c != '0', "0", 1);
    for bad in [&sign[2..], &sign[..254], "", &format!(" {sign}"), &changed] {
        assert!(!key.verifies(plain, bad), "{bad}");
    }
}

#[test]
fn every_published_value_is_made_and_proved() {
    let Some(file) = vectors("chinapay/own_keyfiles.json") else {
        return;
    };
    let text = |name: &str| file["files"][name].as_str().unwrap();
    let merchant = PrivateKey::from_text(text("MerPrK_808080000000001.key")).unwrap();
    assert_eq!(merchant.merchant.as_deref(), file["merid"].as_str());
    let gateway = PublicKey::from_text(text("PgPubk.key")).unwrap();
    let n = hex::decode(file["keys"]["merchant"]["n"].as_str().unwrap()).unwrap();
    let merchants_public = PublicKey::from_parts(&n, &[1, 0, 1]);
    for case in file["cases"].as_array().unwrap() {
        let (plain, sign) = (
            case["plain"].as_str().unwrap(),
            case["chkvalue"].as_str().unwrap(),
        );
        if case["signer"] == "merchant" {
            assert_eq!(merchant.sign(plain), sign, "{}", case["id"]);
            check_proof(&merchants_public, plain, sign);
            assert!(!gateway.verifies(plain, sign), "another's key");
        } else {
            check_proof(&gateway, plain, sign);
        }
    }
}

#[test]
fn chinapays_own_answers_verify() {
    let Some(file) = vectors("chinapay/live_responses.json") else {
        return;
    };
    let n = hex::decode(file["public_modulus_hex"].as_str().unwrap()).unwrap();
    let key = PublicKey::from_parts(&n, &[1, 0, 1]);
    for case in file["cases"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        check_proof(&key, &text(&case["plain"]), &text(&case["chkvalue"]));
        let names = [
            "merid",
            "orderno",
            "amount",
            "currencycode",
            "transdate",
            "transtype",
            "status",
        ];
        let joined: String = names
            .iter()
            .map(|name| text(&case["fields"][name]))
            .collect();
        assert_eq!(joined, text(&case["plain"]), "{}", case["id"]);
    }
}

#[test]
fn a_spoiled_key_file_is_refused() {
    let Some(file) = vectors("chinapay/own_keyfiles.json") else {
        return;
    };
    let good = file["files"]["MerPrK_808080000000001.key"]
        .as_str()
        .unwrap();
    // A digit of the modulus, and one of the wrapped prime.
    for at in [80, 80 + 3 * 256] {
        let start = good.find("prikeyS=").unwrap() + "prikeyS=".len() + at;
        let mut bad = good.to_owned();
        let digit = if &good[start..=start] == "1" {
            "2"
        } else {
            "1"
        };
        bad.replace_range(start..=start, digit);
        let read = PrivateKey::from_text(&bad).err();
        assert_eq!(read, Some(KeyFileError::Contradiction), "digit {at}");
    }
    let cut: String = good
        .lines()
        .map(|line| &line[..line.len().min(600)])
        .collect();
    for bad in ["", "prikeyS=zz", "prikeyS=00", &cut] {
        let read = PrivateKey::from_text(bad).err();
        assert_eq!(read, Some(KeyFileError::Field("prikeyS")));
        assert!(PublicKey::from_text(bad).is_err());
    }
}
