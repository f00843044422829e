//! The platform's own rates, as partners ask for them and as payments are converted
//! by them (docs/forecore.md).

use crate::harness::{Database, World, eventually};
use crate::partner::{By, KEY, call, signed};
use crate::pay::{body_of, errcode};
use serde_json::{Value, json};

const PAYMENTS: [&str; 3] = ["WECHATPAYH5", "ALIPAYH5", "UNIONPAYH5"];

async fn ask(world: &World, currency: &str, payment: &str) -> Value {
    let fields = [
        ("partnerId", "p001"),
        ("currency", currency),
        ("payment", payment),
    ];
    call(world, "exchangeRate", By::Get, &signed(&fields, KEY)).await
}

/// Orders ten dollars; gives the answer to the wish to pay by this channel.
async fn pays(world: &World, number: &str, channel: &str) -> String {
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", number),
        ("money", "10.00"),
        ("currency", "USD"),
        ("cb_url", "http://127.0.0.1:9/cb"),
    ];
    let ordered = call(world, "order", By::Get, &signed(&order, KEY)).await;
    let (_, values) = ordered["url"].as_str().unwrap().split_once('?').unwrap();
    world
        .post("/pay/api/pc/pay", &body_of(values, channel))
        .await
}

#[tokio::test]
async fn a_figure_for_one_payment_is_told_and_converts_that_one_alone() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let by_payment = "{USD = {ALIPAYH5 = \"7.3\"}, CAD = {UNIONPAYH5 = \"5.25\"}}";
    let settings = [
        ("TONGFU_USD_CNY_RATE", "7.2"),
        ("TONGFU_PAYMENT_RATES", by_payment),
    ];
    world.restart_platform_with(&settings).await;
    let mut told = Vec::new();
    for (currency, payment) in PAYMENTS
        .map(|payment| ("USD", payment))
        .into_iter()
        .chain(PAYMENTS.map(|payment| ("CAD", payment)))
    {
        let answer = ask(&world, currency, payment).await;
        assert_eq!(answer["result"], "ok", "{answer}");
        told.push(answer["exchange_rate"].clone());
    }
    assert_eq!(json!(told), json!([7.2, 7.3, 7.2, 5.2, 5.2, 5.25]));
    for (channel, fen) in [("Wechat", 7_200), ("Alipay", 7_300)] {
        assert_eq!(errcode(&pays(&world, channel, channel).await), "0");
        let listed = crate::forecore::run(&world, &["order", "list", "--json"]).1;
        let made: Value = serde_json::from_str(listed.trim().lines().last().unwrap()).unwrap();
        assert_eq!(
            (&made["channel"], &made["channelMoney"]),
            (&json!(channel), &json!(fen))
        );
    }
}

#[tokio::test]
async fn an_upstreams_rate_is_told_and_converts() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let settings = [("TONGFU_RATES", "apay:sandbox-apay")];
    world.restart_platform_with(&settings).await;
    eventually("all are read", async || {
        let last = ask(&world, "CAD", "ALIPAYH5").await;
        (last["exchange_rate"] == 5.1).then_some(())
    })
    .await;
    assert_eq!(
        ask(&world, "USD", "WECHATPAYH5").await,
        json!({"result": "ok", "exchange_rate": 7.012})
    );
    // It has none for this payment, and says so; nor is anything converted by it.
    let none = ask(&world, "USD", "UNIONPAYH5").await;
    let err = none["err"].as_str().unwrap();
    assert!(
        err.contains("has none for this currency and payment"),
        "{err}"
    );
    assert!(err.contains("order in CNY"), "{err}");
    assert_eq!(errcode(&pays(&world, "w", "Wechat").await), "0");
    assert_eq!(world.book().await[0]["amount"], 7_012);
    assert_eq!(errcode(&pays(&world, "u", "ChinapayOld").await), "10006");
}

#[tokio::test]
async fn a_rate_that_is_too_old_is_refused_with_its_reason() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let file = world.folder.join("old.xml");
    let old = "<gesmes:Envelope xmlns:gesmes='http://www.gesmes.org/xml/2002-08-01' \
         xmlns='http://www.ecb.int/vocabulary/2002-08-01/eurofxref'><Cube>\
         <Cube time='2020-01-02'><Cube currency='USD' rate='1.0'/>\
         <Cube currency='CNY' rate='7.0'/></Cube></Cube></gesmes:Envelope>";
    std::fs::write(&file, old).unwrap();
    let settings = [
        ("TONGFU_RATES", file.to_str().unwrap()),
        ("TONGFU_RATES_AGE_MAX_DAYS", "7"),
        ("TONGFU_CAD_CNY_RATE", "5.3"),
    ];
    world.restart_platform_with(&settings).await;
    let err = eventually("it is read, and too old", async || {
        let answer = ask(&world, "USD", "ALIPAYH5").await;
        let err = answer["err"].as_str().unwrap().to_owned();
        err.contains("more than 7 days old").then_some(err)
    })
    .await;
    assert!(err.contains("order in CNY"), "{err}");
    // A figure that is configured does not age.
    assert_eq!(ask(&world, "CAD", "ALIPAYH5").await["exchange_rate"], 5.3);
    assert_eq!(errcode(&pays(&world, "w", "Wechat").await), "10006");
}
