//! One platform as the upstream of another: the payer pays at the first, and the
//! money settles through both.

use crate::channels::{called_back, sent, submitted};
use crate::forecore::run;
use crate::harness::{Database, World, a_while, eventually, value_of};
use crate::partner::{By, KEY, Receiver, call, fields_of, signed};
use crate::pay::{body_of, errcode};
use crate::sign::hmac_body;
use crate::trouble::{CUT, WHOLE, behind_a_wire};
use serde_json::{Value, json};

/// What the first platform is called at the second.
const PARTNER: &str = "first";

/// Two platforms: the first one's only way to a channel leads through the second,
/// which has the gateway's accounts.
struct Chain {
    first: World,
    second: World,
}

impl Chain {
    async fn start(database: Database) -> Option<Self> {
        Self::before(World::start(database).await?, database, "CNY").await
    }

    /// The first on this database, before a second that is there and charges it in
    /// this currency.
    async fn before(second: World, database: Database, currency: &str) -> Option<Self> {
        let add = ["partner", "add", PARTNER];
        let (made, told) = run(
            &second,
            &[&add[..], &["--private-callback-host", "127.0.0.1"]].concat(),
        );
        assert!(made, "{told}");
        let key = told.lines().find_map(|line| line.strip_prefix("key "));
        let key = key.unwrap().trim();
        let account = |channel: &str| {
            format!(
                "[[account]]\nchannel = \"{channel}\"\nvia = \"apay\"\nname = \"upstream\"\n\
                 base = \"{}\"\npartner_id = \"{PARTNER}\"\nkey = \"{key}\"\n\
                 currency = \"{currency}\"\nrefunds_by_number = true\n\n",
                second.platform
            )
        };
        let accounts = ["Wechat", "Alipay"].map(account).concat();
        let first = second.beside(database, &accounts).await?;
        let notifies = format!("{}/notify/", first.platform);
        let (set, told) = run(
            &second,
            &["partner", "set", PARTNER, "--callback", &notifies],
        );
        assert!(set, "{told}");
        Some(Self { first, second })
    }

    /// The one order that each of both has, as its operator sees it; its story is whole.
    fn orders(&self) -> [Value; 2] {
        [&self.first, &self.second].map(|world| {
            let (_, listed) = run(world, &["order", "list", "--json"]);
            let order: Value = serde_json::from_str(listed.trim()).unwrap();
            let (_, shown) = run(
                world,
                &["order", "show", order["orderSn"].as_str().unwrap()],
            );
            assert!(
                shown.contains("is whole") && !shown.contains("BROKEN"),
                "{shown}"
            );
            order
        })
    }

    /// Both are paid with this sum, once, and whoever is to know was told at once.
    async fn is_settled(&self, domains: [&str; 2], fen: i64) {
        let [first, second] = eventually("both callbacks are taken", async || {
            let orders = self.orders();
            let told = |order: &Value| order["callbacks"][0]["state"] == "DELIVERED";
            orders.iter().all(told).then_some(orders)
        })
        .await;
        for (order, domain) in [(&first, domains[0]), (&second, domains[1])] {
            assert_eq!(order["status"], "SUCCESSPAY", "{order}");
            assert_eq!(order["requestStatus"], "SUCCESSPAY");
            assert_eq!(order["domainCode"], domain);
            assert_eq!(
                (&order["money"], &order["currency"]),
                (&json!(fen), &json!("CNY"))
            );
            assert_eq!(order["channelMoney"], fen);
            let callbacks = order["callbacks"].as_array().unwrap();
            assert_eq!((callbacks.len(), &callbacks[0]["tries"]), (1, &json!(1)));
        }
        // The number by which the first knows its order is the second's.
        assert_eq!(first["tradeNo"], second["requestKey"]);
        let book = self.second.book().await;
        assert_eq!(book.len(), 1);
        assert_eq!(
            (&book[0]["amount"], &book[0]["timesPaid"]),
            (&json!(fen), &json!(1))
        );
        assert_eq!(book[0]["channelOrderNo"], second["channelOrderNo"]);
    }

    /// A desktop's code holds the second one's page; it is scanned in WeChat, and paid.
    async fn scanned(&self, code: &str) {
        let sheet = self.sheet(code).await;
        self.pays_in(sheet).await;
    }

    /// What WeChat's sheet is opened with on the second one's page.
    async fn sheet(&self, code: &str) -> Value {
        let Self { second, .. } = self;
        let values = code.strip_prefix(&format!("{}/mpay.html?", second.platform));
        let mut body: Value = serde_json::from_str(&body_of(values.unwrap(), "Wechat")).unwrap();
        body["openid"] = json!("oSandboxPayer0000000000000001");
        let answer = second.post("/pay/api/h5/pay", &body.to_string()).await;
        assert_eq!(errcode(&answer), "0", "{answer}");
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        answer["obj"].take()
    }

    async fn pays_in(&self, sheet: Value) {
        let Self { first, .. } = self;
        let request = first.client.post(format!("{}/wallet/jsapi", first.gateway));
        let request = request.header("Content-Type", "application/json");
        let paid = request.body(sheet.to_string()).send().await.unwrap();
        assert!(paid.text().await.unwrap().contains(":ok"));
    }

    /// These refunds, and no others, are done at both and at the gateway.
    async fn is_refunded(&self, fen: &[i64]) {
        for order in self.orders() {
            let refunds = order["refunds"].as_array().unwrap();
            let money: Vec<_> = refunds.iter().map(|one| one["money"].as_i64()).collect();
            assert_eq!(money, fen.iter().copied().map(Some).collect::<Vec<_>>());
            assert!(refunds.iter().all(|one| one["state"] == "SUCCESSREFUND"));
            assert_eq!(order["requestStatus"], "SUCCESSREFUND");
        }
        let given = self.second.book().await[0]["refunds"].clone();
        let given = given.as_array().unwrap().iter();
        let given: Vec<_> = given.map(|one| one["amount"].as_i64().unwrap()).collect();
        assert_eq!(given, fen);
    }
}

/// The first form of a page.
fn form_of(page: &str) -> &str {
    let start = page.find("<form").unwrap_or_else(|| panic!("{page}"));
    page[start..].split_once("</form>").unwrap().0
}

fn location(answer: &reqwest::Response) -> String {
    let location = answer.headers().get("location");
    let location = location.unwrap_or_else(|| panic!("{answer:?}"));
    location.to_str().unwrap().to_owned()
}

async fn a_business_system_is_paid_through_both(database: Database) {
    let Some(chain) = Chain::start(database).await else {
        return;
    };
    let Chain { first, second } = &chain;
    let query = first.signed_query().await;
    let key = value_of(&query, "requestKey");
    let started = first
        .post("/pay/api/pc/pay", &body_of(&query, "Alipay"))
        .await;
    assert_eq!(errcode(&started), "0", "{started}");
    let started: Value = serde_json::from_str(&started).unwrap();
    // From the first one's form to the second one's page, from there to the cashier.
    let page = sent(first, form_of(started["obj"].as_str().unwrap())).await;
    assert!(page.contains("¥123.45"), "{page}");
    let cashier = sent(second, form_of(&page)).await;
    assert!(cashier.contains("¥123.45"), "{cashier}");
    let act = format!("action=\"{}/alipay/act\"", first.gateway);
    let button = form_of(&cashier).replace("action=\"/alipay/act\"", &act);
    // And the same way back, to the business system's page.
    let mut back = location(&submitted(first, &button, "act=pay").await);
    for passed in [&second.platform, &first.platform] {
        assert!(back.starts_with(&format!("{passed}/pay/return/")), "{back}");
        // Who is faster than the next question about his order waits on a page.
        back = eventually("the way on", async || {
            let on = location(&first.client.get(&back).send().await.unwrap());
            (!on.starts_with("/pay/attempt/")).then_some(on)
        })
        .await;
    }
    assert_eq!(back, format!("{}/return?order={key}", first.shop));

    let callbacks = called_back(first, &key).await;
    let values = &callbacks[0]["values"];
    assert_eq!(callbacks[0]["verified"], true);
    assert_eq!(
        (&values["money"], &values["payTypeCode"]),
        (&json!("12345"), &json!("Alipay"))
    );
    chain.is_settled(["demo", "apay.first"], 12_345).await;

    for (refund_key, fen) in [("R1", "5000"), ("R2", "7345")] {
        let pairs = [
            ("domainCode", "demo"),
            ("requestKey", &key),
            ("refundKey", refund_key),
            ("refundMoney", fen),
        ];
        let body = hmac_body("refund", &pairs, "demo-secret");
        eventually("the refund is done", async || {
            let answer = first.post("/pay/api/private/pay/refund", &body).await;
            answer.contains("SUCCESSREFUND").then_some(())
        })
        .await;
    }
    chain.is_refunded(&[5_000, 7_345]).await;
    a_while().await;
    assert_eq!(first.callbacks(&key).await.len(), 1);
}

#[tokio::test]
async fn a_business_system_is_paid_through_both_on_sqlite() {
    a_business_system_is_paid_through_both(Database::Sqlite).await;
}

#[tokio::test]
async fn a_business_system_is_paid_through_both_on_postgres() {
    a_business_system_is_paid_through_both(Database::Postgres).await;
}

async fn a_partner_is_paid_through_both(database: Database) {
    let Some(chain) = Chain::start(database).await else {
        return;
    };
    let Chain { first, .. } = &chain;
    let receiver = Receiver::start().await;
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "1.50"),
        ("currency", "CNY"),
        ("type", "WECHATPAYH5"),
        ("cb_url", receiver.url.as_str()),
        ("return_url", "https://partner.example/done"),
    ];
    let ordered = call(first, "order", By::Form, &signed(&order, KEY)).await;
    let (_, values) = ordered["url"].as_str().unwrap().split_once('?').unwrap();
    let started = first
        .post("/pay/api/pc/pay", &body_of(values, "Wechat"))
        .await;
    assert_eq!(errcode(&started), "0", "{started}");
    let started: Value = serde_json::from_str(&started).unwrap();
    chain.scanned(started["obj"].as_str().unwrap()).await;

    chain.is_settled(["apay.p001", "apay.first"], 150).await;
    let question = signed(&[("partnerId", "p001"), ("outOrderId", "o1")], KEY);
    let info = call(first, "queryOrder", By::Get, &question).await;
    assert_eq!(
        (&info["status"], &info["received"]),
        (&json!("complete"), &json!(1.5))
    );
    let got = receiver.got();
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!(fields_of(&got[0])["money"], "1.5");

    let refund = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "0.5"),
        ("out_refund_no", "r1"),
    ];
    let refund = signed(&refund, KEY);
    eventually("the refund is done", async || {
        let answer = call(first, "refund", By::Json, &refund).await;
        (answer["trans_status"] == "SUCCESS").then_some(())
    })
    .await;
    chain.is_refunded(&[50]).await;
    a_while().await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn a_partner_is_paid_through_both_on_sqlite() {
    a_partner_is_paid_through_both(Database::Sqlite).await;
}

#[tokio::test]
async fn a_partner_is_paid_through_both_on_postgres() {
    a_partner_is_paid_through_both(Database::Postgres).await;
}

// The wire needs a thread while a command of the operator is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_the_second_refuses_no_refund_of_the_first() {
    let Some((second, wire)) = behind_a_wire().await else {
        return;
    };
    let chain = Chain::before(second, Database::Sqlite, "CNY")
        .await
        .unwrap();
    let Chain { first, .. } = &chain;
    let query = first.signed_query().await;
    let started = first
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    let started: Value = serde_json::from_str(&started).unwrap();
    chain.scanned(started["obj"].as_str().unwrap()).await;
    chain.is_settled(["demo", "apay.first"], 12_345).await;

    wire.turn(CUT);
    let key = value_of(&query, "requestKey");
    let pairs = [
        ("domainCode", "demo"),
        ("requestKey", &key),
        ("refundKey", "R1"),
        ("refundMoney", "45"),
    ];
    let body = hmac_body("refund", &pairs, "demo-secret");
    let asked = first.post("/pay/api/private/pay/refund", &body).await;
    assert_eq!(errcode(&asked), "0", "{asked}");
    // It was sent, and what came back was trouble: nobody knows how it stands.
    eventually("the second's answer is noted", async || {
        let (_, listed) = run(first, &["order", "list", "--json"]);
        let order: Value = serde_json::from_str(listed.trim()).unwrap();
        let (_, shown) = run(
            first,
            &["order", "show", order["orderSn"].as_str().unwrap()],
        );
        shown.contains("try again in a moment").then_some(())
    })
    .await;
    wire.turn(WHOLE);
    eventually("the refund is done", async || {
        let answer = first.post("/pay/api/private/pay/refund", &body).await;
        assert!(!answer.contains("FAILUREREFUND"), "{answer}");
        answer.contains("SUCCESSREFUND").then_some(())
    })
    .await;
    chain.is_refunded(&[45]).await;
}

/// Which of both is dead while the payer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dead {
    First,
    Second,
}

async fn who_was_dead_learns_of_the_payment(database: Database, dead: Dead) {
    let Some(mut chain) = Chain::start(database).await else {
        return;
    };
    let query = chain.first.signed_query().await;
    let key = value_of(&query, "requestKey");
    let started = chain
        .first
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    let started: Value = serde_json::from_str(&started).unwrap();
    let sheet = chain.sheet(started["obj"].as_str().unwrap()).await;
    let victim = match dead {
        Dead::First => &mut chain.first,
        Dead::Second => &mut chain.second,
    };
    victim.programs.pop().unwrap().kill();
    chain.pays_in(sheet).await;
    if dead == Dead::First {
        // Nothing will tell the first any more: it has to ask.
        eventually("the second gives its notification up", async || {
            let [_, order] = chain.orders();
            (order["callbacks"][0]["state"] == "PARKED").then_some(())
        })
        .await;
    }
    let victim = match dead {
        Dead::First => &mut chain.first,
        Dead::Second => &mut chain.second,
    };
    let program = victim.start_platform();
    victim.programs.push(program);
    called_back(&chain.first, &key).await;
    for order in chain.orders() {
        assert_eq!(order["requestStatus"], "SUCCESSPAY", "{order}");
    }
    assert_eq!(chain.second.book().await[0]["timesPaid"], 1);
    a_while().await;
    assert_eq!(chain.first.callbacks(&key).await.len(), 1);
}

#[tokio::test]
async fn who_was_dead_learns_of_the_payment_on_sqlite() {
    for dead in [Dead::First, Dead::Second] {
        who_was_dead_learns_of_the_payment(Database::Sqlite, dead).await;
    }
}

#[tokio::test]
async fn who_was_dead_learns_of_the_payment_on_postgres() {
    for dead in [Dead::First, Dead::Second] {
        who_was_dead_learns_of_the_payment(Database::Postgres, dead).await;
    }
}

#[tokio::test]
async fn dollars_pass_through_both_and_are_charged_in_yuan() {
    let second = World::start(Database::Sqlite).await.unwrap();
    let chain = Chain::before(second, Database::Sqlite, "USD").await;
    let chain = chain.unwrap();
    let Chain { first, .. } = &chain;
    let receiver = Receiver::start().await;
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "10"),
        ("currency", "USD"),
        ("type", "WECHATPAYH5"),
        ("cb_url", receiver.url.as_str()),
    ];
    let ordered = call(first, "order", By::Get, &signed(&order, KEY)).await;
    let (_, values) = ordered["url"].as_str().unwrap().split_once('?').unwrap();
    let started = first
        .post("/pay/api/pc/pay", &body_of(values, "Wechat"))
        .await;
    let started: Value = serde_json::from_str(&started).unwrap();
    chain.scanned(started["obj"].as_str().unwrap()).await;
    eventually("the partner is told", async || {
        (!receiver.got().is_empty()).then_some(())
    })
    .await;
    let told = fields_of(&receiver.got()[0]);
    assert_eq!((&*told["money"], &*told["currency"]), ("10", "USD"));
    let refund = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "2.5"),
        ("out_refund_no", "r1"),
    ];
    let refund = signed(&refund, KEY);
    eventually("the refund is done", async || {
        let answer = call(first, "refund", By::Get, &refund).await;
        (answer["trans_status"] == "SUCCESS").then_some(())
    })
    .await;
    let charged = |order: &Value| {
        let money = ["money", "currency", "channelMoney", "channelCurrency"];
        money.map(|name| order[name].clone())
    };
    let [a, b] = chain.orders();
    assert_eq!(
        charged(&a),
        [json!(1_000), json!("USD"), json!(1_000), json!("USD")]
    );
    assert_eq!(
        charged(&b),
        [json!(1_000), json!("USD"), json!(7_100), json!("CNY")]
    );
    let paid = &chain.second.book().await[0];
    assert_eq!(paid["amount"], 7_100);
    assert_eq!(paid["refunds"][0]["amount"], 1_775);
}
