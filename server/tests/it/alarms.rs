//! Alarms by message, to the robots of the sandbox (docs/operating.md, Alarms by message).

use crate::harness::{Database, World, database_url, eventually, temp_folder, tongfu};
use crate::pay::{body_of, errcode};
use serde_json::{Value, json};

/// What the sandbox's robots are set up with.
const SECRET: &str = "SEC0123456789";

/// What the robots took.
async fn said(world: &World) -> Vec<Value> {
    world
        .json(&format!("{}/control/robots", world.gateway))
        .await
}

fn test(address: &str, form: &str, secret: &str) -> (bool, String) {
    let mut command = tongfu("sqlite::memory:");
    command
        .args(["alarm", "test"])
        .env("TONGFU_ALARM_URL", address)
        .env("TONGFU_ALARM_FORM", form)
        .env("TONGFU_ALARM_SECRET", secret);
    crate::operator::run(&mut command)
}

#[tokio::test]
async fn each_robot_takes_a_message_and_a_wrong_secret_is_told() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let gateway = &world.gateway;
    for (form, address) in [
        (
            "wecom",
            format!("{gateway}/cgi-bin/webhook/send?key=abc-token"),
        ),
        (
            "dingtalk",
            format!("{gateway}/robot/send?access_token=abc-token"),
        ),
        (
            "feishu",
            format!("{gateway}/open-apis/bot/v2/hook/abc-token"),
        ),
    ] {
        let (taken, told) = test(&address, form, SECRET);
        assert!(taken, "{form}: {told}");
        let last = said(&world).await.pop().unwrap();
        assert_eq!(last["robot"], form);
        assert!(last["text"].as_str().unwrap().contains("告警会发到这里"));
        let (taken, told) = test(&address, form, "SECwrong");
        assert_eq!(taken, form == "wecom", "{form}: {told}");
        // Another's robot.
        let other = if form == "feishu" { "wecom" } else { "feishu" };
        let (taken, told) = test(&address, other, SECRET);
        assert!(!taken && !told.contains("abc-token"), "{form}: {told}");
        // Nobody's form: the robot answers 200, and took nothing. A number by Feishu's name
        // may be anybody's, where the host is not Feishu's.
        for set in ["json", ""].into_iter().filter(|_| form != "feishu") {
            let before = said(&world).await.len();
            let (taken, told) = test(&address, set, SECRET);
            assert!(!taken && told.contains("code "), "{form}: {told}");
            assert!(!told.contains("abc-token"), "{form}: {told}");
            assert_eq!(said(&world).await.len(), before);
        }
    }
    let (taken, told) = test("http://127.0.0.1:9/x?key=abc-token", "json", "");
    assert!(!taken && !told.contains("abc-token"), "{told}");
    let (taken, told) = test("", "json", "");
    assert!(!taken && told.contains("alarm_url is not set"), "{told}");
}

#[tokio::test]
async fn the_doctor_says_where_alarms_go_and_no_token() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let doctor = |address: &str, form: &str| {
        let mut command = tongfu(&world.database_url);
        command
            .arg("doctor")
            .env("TONGFU_ACCOUNTS", world.accounts())
            .env("TONGFU_ALARM_URL", address)
            .env("TONGFU_ALARM_FORM", form);
        crate::operator::run(&mut command)
    };
    let feishu = "https://open.feishu.cn/open-apis/bot/v2/hook/abc-token";
    let (well, told) = doctor(feishu, "json");
    assert!(
        !well && told.contains("alarm_form is json, and open.feishu.cn takes feishu"),
        "{told}"
    );
    assert!(!told.contains("abc-token"), "{told}");
    let robot = "https://oapi.dingtalk.com/robot/send?access_token=abc-token";
    let (well, told) = doctor(robot, "");
    assert!(
        well && told.contains("alarms go to oapi.dingtalk.com as dingtalk"),
        "{told}"
    );
    assert!(!told.contains("abc-token"), "{told}");
    let (well, told) = doctor("", "");
    assert!(
        well && told.contains("nobody is told of alarms: alarm_url is not set"),
        "{told}"
    );
    let (well, told) = doctor("file:///abc-token", "");
    assert!(
        !well && told.contains("takes an http or https address"),
        "{told}"
    );
    assert!(!told.contains("abc-token"), "{told}");
}

/// Two instances see one callback that nobody takes: one message, though the first was
/// refused; another one when it is over.
async fn one_message_a_kind_until_it_is_over(database: Database) {
    let folder = temp_folder();
    let Some(url) = database_url(database, &folder).await else {
        return;
    };
    let delays = ("TONGFU_CALLBACK_DELAYS_MS", "[0]");
    let mut world = World::start_with(folder, url, &[delays]).await;
    let address = format!("{}/cgi-bin/webhook/send?key=k", world.gateway);
    let settings = [
        delays,
        ("TONGFU_ALARM_URL", &address),
        ("TONGFU_ALARM_FORM", "wecom"),
        ("TONGFU_ALARM_QUIET_S", "2"),
        ("TONGFU_CONSOLE_URL", "https://console.example/"),
    ];
    world.restart_platform_with(&settings).await;
    let mut other = Vec::new();
    if matches!(database, Database::Postgres) {
        let mut instance = world.blind_instance().await;
        instance.restart_platform_with(&settings).await;
        other.push(instance);
    }
    world
        .control(&world.shop, "answer", json!({"mode": "fail"}))
        .await;
    world
        .control(&world.gateway, "robots", json!({"refuse": 1}))
        .await;
    let query = world.signed_query().await;
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    let number = world.newest_order().await;
    let pay = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", pay).await;
    let of_callback = async || {
        let said = said(&world).await.into_iter();
        let texts = said.map(|one| one["text"].as_str().unwrap().to_owned());
        texts
            .filter(|text| text.contains(" callback"))
            .collect::<Vec<_>>()
    };
    let told = eventually("somebody is told", async || of_callback().await.pop()).await;
    assert!(
        told.contains("统付告警 callback：业务系统没收下回调") && told.contains("× 1"),
        "{told}"
    );
    let order_sn = told.lines().rev().nth(1).unwrap();
    let link = format!("https://console.example/order/{order_sn}");
    assert!(told.ends_with(&link), "{told}");
    world
        .control(&world.shop, "answer", json!({"mode": "success"}))
        .await;
    let resent = crate::forecore::run(&world, &["callback", "resend", order_sn]);
    assert!(resent.0, "{}", resent.1);
    let over = eventually("it is over", async || {
        of_callback().await.into_iter().nth(1)
    })
    .await;
    assert!(
        over.contains("已恢复") && over.contains("is over"),
        "{over}"
    );
    assert_eq!(of_callback().await.len(), 2);
}

#[tokio::test]
async fn one_message_a_kind_until_it_is_over_on_sqlite() {
    one_message_a_kind_until_it_is_over(Database::Sqlite).await;
}

#[tokio::test]
async fn one_message_a_kind_until_it_is_over_on_postgres() {
    one_message_a_kind_until_it_is_over(Database::Postgres).await;
}
