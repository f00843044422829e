//! Business systems at the console: looked at, made, set and rotated (docs/console.md,
//! Business systems).

use crate::console::{Browser, DEVELOPMENT, operator};
use crate::forecore::run;
use crate::harness::{Database, World, eventually};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// What epay's side answers to a question of this pid with this key.
async fn code(world: &World, pid: &str, key: &str) -> i64 {
    let body = json!({ "pid": pid, "key": key }).to_string();
    let answer = world.post("/epay/api.php?act=query", &body);
    let answer: Value = serde_json::from_str(&answer.await).unwrap();
    answer["code"].as_i64().unwrap()
}

/// What stands in a page beside this name of what is pasted.
fn pasted(page: &str, name: &str) -> String {
    let after = page.split(&format!("<td>{name}</td><td><code>")).nth(1);
    after.unwrap().split('<').next().unwrap().to_owned()
}

async fn one_is_made_rotated_set_and_stopped(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let token = dev.hidden("/", "token").await;
    let list = dev.page("/businesses").await;
    let pid = list.split("name=\"code\" value=\"").nth(1).unwrap();
    let pid = pid.split('"').next().unwrap().to_owned();
    assert_eq!(pid, "1002", "development's is 1001");
    let token = ("token", token.as_str());
    let why = ("reason", "a <b>new</b> shop");

    // Made once, however often the form is sent; its key is shown once, and to nobody else.
    let make = [token, why, ("code", &pid), ("name", "Panel <1>")];
    let answer = dev.post("/businesses/epay", &make).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let made = answer.text().await.unwrap();
    let first = pasted(&made, "key");
    assert_eq!((first.len(), pasted(&made, "pid")), (32, pid.clone()));
    assert!(pasted(&made, "gateway").ends_with("/epay/"), "{made}");
    let last = u32::MAX.to_string();
    let of_no_page = [token, why, ("code", &last), ("name", "Another")];
    let refused = dev.post("/businesses/epay", &of_no_page).await;
    assert_eq!(
        refused.status(),
        StatusCode::CONFLICT,
        "the pid is ours to choose"
    );
    let typed = refused.text().await.unwrap();
    assert!(
        typed.contains("value=\"Another\"") && !typed.contains(&last),
        "{typed}"
    );
    let again = dev.post("/businesses/epay", &make).await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert!(!again.text().await.unwrap().contains(&first));
    assert_eq!(code(&world, &pid, &first).await, 1);
    let path = "/business/epay.1002";
    let page = dev.page(path).await;
    assert!(
        !page.contains(&first) && page.contains("Panel &lt;1&gt;"),
        "{page}"
    );

    // Rotated once, however often; both keys hold.
    let seen = dev.hidden(path, "mark").await;
    let rotate = [token, why, ("mark", &seen), ("overlap", "12h")];
    let endless = [token, why, ("mark", &seen), ("overlap", "for ever")];
    let answer = dev.post(&format!("{path}/rotate"), &endless).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let typed = answer.text().await.unwrap();
    assert!(
        typed.contains("value=\"for ever\"") && typed.contains("value=\"a &lt;b"),
        "{typed}"
    );
    assert!(
        typed.contains("“旧密钥还有效多久”里的“for ever”不行：要写数字和单位"),
        "{typed}"
    );
    let reasonless = [token, rotate[2], rotate[3]];
    let answer = dev.post(&format!("{path}/rotate"), &reasonless).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let answer = dev.post(&format!("{path}/rotate"), &rotate).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let second = pasted(&answer.text().await.unwrap(), "key");
    let again = dev.post(&format!("{path}/rotate"), &rotate).await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    let again = again.text().await.unwrap();
    assert!(
        again.contains("改过，没有执行") && !again.contains(&second),
        "{again}"
    );
    eventually("both keys hold", async || {
        let holds = code(&world, &pid, &second).await;
        (holds == 1).then_some(())
    })
    .await;
    assert_eq!(code(&world, &pid, &first).await, 1);
    let page = dev.page(&format!("{path}?lang=en")).await;
    assert_eq!(page.matches("holds until").count(), 1, "{page}");

    // Set as it was shown: what changes is shown before, and is refused where another one
    // changed it meanwhile.
    let seen = dev.hidden(path, "mark").await;
    let wished = [token, ("mark", &seen), ("callback", "no address")];
    let answer = dev.post(&format!("{path}/change"), &wished).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let typed = answer.text().await.unwrap();
    assert!(
        typed.contains("name=\"callback\" value=\"no address\""),
        "{typed}"
    );
    assert!(typed.contains("回调地址的前缀“no”不行"), "{typed}");
    for (lang, told) in [
        (
            "zh-CN",
            "“24 小时内最多退（分，0 不限）”里的“abc”不行：要写整数",
        ),
        ("en", "“abc” is not taken. It takes a whole number of fen"),
    ] {
        let wished = [token, ("mark", &seen), ("refunds-a-day", "abc")];
        let path = format!("{path}/change?lang={lang}");
        let page = dev.post(&path, &wished).await.text().await.unwrap();
        assert!(page.contains(told), "{page}");
    }
    let wished = [token, ("mark", &seen), ("callback", "https://10.0.0.7/")];
    let answer = dev.post(&format!("{path}/change"), &wished).await;
    let planned = answer.text().await.unwrap();
    assert!(planned.contains("10.0.0.7 是内网地址"), "{planned}");
    let wished = [token, ("mark", &seen), ("help-line", "\"><script>")];
    let answer = dev.post(&format!("{path}/change"), &wished).await;
    let planned = answer.text().await.unwrap();
    assert!(
        planned.contains("&lt;script") && !planned.contains("<script>"),
        "{planned}"
    );
    let wished = [
        token,
        ("mark", &seen),
        ("callback", "https://panel.example/"),
        ("refunds-a-day", "500"),
        ("refund-code", "1"),
    ];
    let answer = dev.post(&format!("{path}/change?lang=en"), &wished).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let planned = answer.text().await.unwrap();
    for shown in [
        "Nothing is changed yet",
        "name=\"callback\" value=\"https://panel.example/\"",
        "name=\"refunds-a-day\" value=\"500\"",
    ] {
        assert!(planned.contains(shown), "{shown} in {planned}");
    }
    assert!(!planned.contains("refund-code"), "it stays: {planned}");
    let (_, told) = run(&world, &["epay", "show", &pid]);
    assert!(!told.contains("panel.example"), "{told}");
    let many: Vec<_> = (0..200)
        .map(|n| format!("https://panel{n}.example/notify/"))
        .collect();
    let many = many.join(" ");
    assert!(
        many.len() > 6_000,
        "as a form it is longer than others may be"
    );
    let long = [token, ("mark", &seen), ("callback", &many)];
    let answer = dev.post(&format!("{path}/change"), &long).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let (well, told) = run(&world, &["epay", "set", &pid, "--refunds-frozen", "true"]);
    assert!(well, "{told}");
    let set = [wished[0], wished[1], wished[2], wished[3], why];
    let answer = dev.post(&format!("{path}/set"), &set).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let seen = dev.hidden(path, "mark").await;
    let set = [set[0], ("mark", &seen), set[2], set[3], why];
    let unsaid = [set[0], set[1], set[2], set[3]];
    let answer = dev.post(&format!("{path}/set"), &unsaid).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let planned = answer.text().await.unwrap();
    assert!(
        planned.contains("请写原因") && planned.contains("就这样改"),
        "{planned}"
    );
    let answer = dev.post(&format!("{path}/set"), &set).await;
    let is = dev.hidden(path, "mark").await;
    let after = crate::console::location(&answer).to_owned();
    assert_eq!(after, format!("{path}?done={is}"));
    assert!(dev.page(&after).await.contains("已改。"));
    let before = dev.page(&format!("{path}?done={seen}")).await;
    assert!(!before.contains("已改。"), "it is not so: {before}");
    let (_, told) = run(&world, &["epay", "show", &pid]);
    for kept in [
        "panel.example",
        "\"refundsFrozen\": true",
        "\"refundsADay\": 500",
        "secret 2",
    ] {
        assert!(told.contains(kept), "{kept} in {told}");
    }

    // Stopped, without a restart.
    let seen = dev.hidden(path, "mark").await;
    let stop = [token, ("mark", &seen), ("disabled", "true"), why];
    let answer = dev.post(&format!("{path}/set"), &stop).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let unknown = code(&world, "4242", &second).await;
    assert_ne!(unknown, 1);
    eventually("its calls are refused as an unknown one's", async || {
        (code(&world, &pid, &second).await == unknown).then_some(())
    })
    .await;
    let list = dev.page("/businesses").await;
    assert!(list.contains("已停用 · 退款冻结"), "{list}");
    assert!(!list.contains("编码从"), "there is one page: {list}");
    for (from, shows) in [("epay.1002", true), ("epay.1003", false)] {
        let list = dev.page(&format!("/businesses?from={from}")).await;
        let has = list.contains("/business/epay.1002");
        assert_eq!((has, list.contains("/business/test")), (shows, true));
        assert!(!list.contains("/business/demo"), "{list}");
        assert!(list.contains("编码从"), "{list}");
    }

    // What was done stands there, and no key anywhere.
    let (_, acts) = run(&world, &["act", "list", "--about", "epay.1002"]);
    for done in [
        "dev business add epay.1002 name: \"Panel <1>\"; callback: \"\" --reason \"a <b>new</b> shop\"",
        "dev business rotate epay.1002 old-until: \"20",
        "dev business set epay.1002 refunds-a-day: \"0\" -> \"500\"; callback: \
         +\"https://panel.example/\" --reason",
        "dev business set epay.1002 disabled: \"false\" -> \"true\"",
    ] {
        assert!(acts.contains(done), "{done} in {acts}");
    }
    let log = std::fs::read_to_string(world.log()).unwrap();
    for key in [&first, &second] {
        assert!(!log.contains(key) && !acts.contains(key));
    }
}

#[tokio::test]
async fn one_is_made_rotated_set_and_stopped_on_sqlite() {
    one_is_made_rotated_set_and_stopped(Database::Sqlite).await;
}

#[tokio::test]
async fn one_is_made_rotated_set_and_stopped_on_postgres() {
    one_is_made_rotated_set_and_stopped(Database::Postgres).await;
}

/// What a command prints behind these letters.
fn printed(text: &str, before: &str) -> String {
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix(before));
    found.unwrap().trim().to_owned()
}

async fn older_secrets_end_at_once(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let tell = |args: &[&str]| {
        let (well, text) = run(&world, args);
        assert!(well, "{args:?}: {text}");
        text
    };
    let first = printed(&tell(&["epay", "add", "panel"]), "key ");
    let (path, act) = ("/business/epay.1002", "/business/epay.1002/end-older");
    assert!(!dev.page(path).await.contains(act), "there is none");
    let (well, text) = run(&world, &["epay", "end-older", "1002"]);
    assert!(!well && text.contains("no older secret"), "{text}");

    // The second rotation shortens what the first one left, and nothing is lengthened.
    let rotate = |overlap| {
        printed(
            &tell(&["epay", "rotate", "1002", "--overlap", overlap]),
            "key ",
        )
    };
    let (second, third) = (rotate("1h"), rotate("7d"));
    let page = dev.page(&format!("{path}?lang=en")).await;
    assert_eq!(page.matches("holds until").count(), 2, "{page}");
    let ends: Vec<_> = page
        .split("holds until ")
        .skip(1)
        .map(|text| &text[..16])
        .collect();
    assert!(
        ends[0] > ends[1],
        "the newer of them holds longer: {ends:?}"
    );
    for key in [&first, &second, &third] {
        eventually("all of them hold", async || {
            (code(&world, "1002", key).await == 1).then_some(())
        })
        .await;
    }
    eventually("an older one was seen", async || {
        let page = dev.page(path).await;
        (page.contains(act) && page.contains("最近一次看到旧密钥签名")).then_some(())
    })
    .await;

    // One act leaves the newest.
    let token = dev.hidden("/", "token").await;
    let seen = dev.hidden(path, "mark").await;
    let end = [
        ("token", token.as_str()),
        ("mark", &seen),
        ("reason", "it moved"),
    ];
    let answer = dev.post(act, &end[..2]).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT, "it needs a reason");
    let answer = dev.post(act, &end).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let page = dev.page(crate::console::location(&answer)).await;
    assert!(page.contains("已改。") && !page.contains(act), "{page}");
    let again = dev.post(act, &end).await;
    assert_eq!(again.status(), StatusCode::CONFLICT, "it was another one");
    for key in [&first, &second] {
        eventually("an older one is refused", async || {
            (code(&world, "1002", key).await == -3).then_some(())
        })
        .await;
    }
    assert_eq!(code(&world, "1002", &third).await, 1);

    // The command line does the same, of every kind.
    rotate("7d");
    tell(&["epay", "end-older", "1002"]);
    tell(&["partner", "rotate", "p001"]);
    tell(&["partner", "end-older", "p001"]);
    tell(&["domain", "rotate", "demo"]);
    tell(&["domain", "end-older", "demo"]);
    let acts = tell(&["act", "list"]);
    for done in [
        "dev business end-older epay.1002 --reason \"it moved\"",
        "epay end-older 1002",
        "partner end-older p001",
        "domain end-older demo",
    ] {
        assert!(acts.contains(done), "{done} in {acts}");
    }
    let told = tell(&["domain", "show", "demo"]);
    assert!(!told.contains("signed by"), "one alone holds: {told}");
    let (well, text) = run(&world, &["domain", "rotate", "demo", "--overlap", "91d"]);
    assert!(!well && text.contains("at most 90d"), "{text}");
}

#[tokio::test]
async fn older_secrets_end_at_once_on_sqlite() {
    older_secrets_end_at_once(Database::Sqlite).await;
}

#[tokio::test]
async fn older_secrets_end_at_once_on_postgres() {
    older_secrets_end_at_once(Database::Postgres).await;
}

#[tokio::test]
async fn who_is_no_admin_looks_and_changes_nothing() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let seen = dev.hidden("/business/demo", "mark").await;
    for role in ["viewer", "support", "cashier"] {
        let browser = operator(&world, role).await;
        let token = browser.hidden("/", "token").await;
        for path in ["/businesses", "/business/demo", "/business/apay.p001"] {
            let page = browser.page(path).await;
            assert!(page.contains("demo") || page.contains("p001"), "{page}");
            assert!(!page.contains("demo-secret") && !page.contains("123456"));
            assert!(!page.contains("name=\"reason\""), "{role}: {page}");
        }
        let form = [
            ("token", token.as_str()),
            ("mark", &seen),
            ("reason", "why"),
            ("overlap", "7d"),
            ("disabled", "true"),
            ("code", "own"),
            ("name", "own"),
            ("key-prefix", "M7-"),
            ("key-length", "16"),
            ("currency", "CNY"),
            ("callback", "https://a.example/"),
        ];
        for path in [
            "/business/demo/change",
            "/business/demo/set",
            "/business/demo/rotate",
            "/business/demo/end-older",
            "/businesses/platform",
            "/businesses/apay",
            "/businesses/epay",
        ] {
            let answer = browser.post(path, &form).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{role} {path}");
        }
    }
    assert_eq!(dev.hidden("/business/demo", "mark").await, seen);
    let (_, acts) = run(&world, &["act", "list", "--about", "business "]);
    assert_eq!(acts, "");
    let nobody = dev.get("/business/nobody").await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);

    // An admin makes the other two kinds; not from elsewhere, and none that breaks a rule.
    let token = dev.hidden("/", "token").await;
    let platform = |token: &'static str, length: &'static str| {
        [
            ("token", token),
            ("reason", "why"),
            ("code", "shop"),
            ("key-prefix", "M7-"),
            ("key-length", length),
            ("currency", "CNY"),
            ("request-channel", "''"),
            ("rate-decimals", "6"),
            ("callback", "https://a.example/ https://b.example/"),
        ]
    };
    let token: &'static str = token.leak();
    for (form, status) in [
        (platform("0", "16"), StatusCode::FORBIDDEN),
        (platform(token, "many"), StatusCode::CONFLICT),
        (platform(token, "2"), StatusCode::CONFLICT),
        (platform(token, "16"), StatusCode::OK),
    ] {
        let answer = dev.post("/businesses/platform", &form).await;
        assert_eq!(answer.status(), status, "{form:?}");
        if status == StatusCode::OK {
            let page = answer.text().await.unwrap();
            assert_eq!(pasted(&page, "domainCode"), "shop");
            assert!(pasted(&page, "domainSecret").starts_with('s'));
        }
    }
    let partner = [("token", token), ("reason", "why"), ("code", "p7")];
    let answer = dev.post("/businesses/apay", &partner).await;
    assert_eq!(pasted(&answer.text().await.unwrap(), "partnerId"), "p7");
    let nowhere = dev.post("/businesses/none", &partner).await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    let (_, told) = run(&world, &["domain", "show", "shop"]);
    for kept in [
        "https://b.example/",
        "\"requestChannel\": \"\"",
        "\"rateDecimals\": 6",
    ] {
        assert!(told.contains(kept), "{kept} in {told}");
    }
}
