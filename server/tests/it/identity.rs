//! Who the payer is, and who is paid: what an address may tell of either.

use crate::forecore::run;
use crate::harness::{Database, World};
use crate::pay::errcode;
use crate::strangers::{Phone, escaped, header, rows};
use serde_json::json;

async fn world() -> (World, String) {
    let world = World::start(Database::Sqlite).await.unwrap();
    let own = format!(
        "{}/mpay.html?{}",
        world.platform,
        world.signed_query().await
    );
    (world, own)
}

/// The way from a page to WeChat and back to it.
async fn trip(phone: &mut Phone, page: &str, platform: &str) -> String {
    let (status, begin) = phone.go(page).await;
    assert_eq!(status, 303, "{page}");
    let (_, wechat) = phone.go(&format!("{platform}{begin}")).await;
    let (_, back) = phone.go(&wechat).await;
    let (status, arrived) = phone.go(&back).await;
    assert_eq!(status, 303, "{back}");
    arrived
}

/// WeChat gives no openid now: the payer may wait for it, or pick another channel.
#[tokio::test]
async fn who_is_given_no_openid_picks_another_channel() {
    let (world, own) = world().await;
    let mut payer = Phone::new();
    let (_, begin) = payer.go(&own).await;
    let (_, wechat) = payer.go(&format!("{}{begin}", world.platform)).await;
    let (_, back) = payer.go(&wechat).await;
    // It is asked once more by itself.
    let away = json!({ "on": "oauth", "kind": "error", "times": 2 });
    world.control(&world.gateway, "fault", away).await;
    let answer = payer.ask(&back).await;
    assert_eq!(answer.status(), 400);
    let shown = answer.text().await.unwrap();
    assert!(shown.contains("10012"), "{shown}");
    let (before, _) = shown.split_once("pick=none").unwrap();
    let (_, path) = before.rsplit_once("href=\"").unwrap();
    let picker = format!("{}pick=none", path.replace("&amp;", "&"));
    let shown = payer.ask(&picker).await.text().await.unwrap();
    assert!(shown.contains("value=\"Paypal\""), "{shown}");
    // Who picks WeChat all the same is on his way to an openid, and comes back to pay by it.
    assert!(!shown.contains("<main data-openid"), "{shown}");
    assert!(shown.contains("%26pick%3DWechat\""), "{shown}");
    // It was a moment: the same address goes on.
    let (status, _) = payer.go(&back).await;
    assert_eq!(status, 303);
}

/// WeChat's sheet said that it is paid, and WeChat does not know yet: nobody is told to pay
/// without a word of that.
#[tokio::test]
async fn who_comes_back_from_the_sheet_is_told_that_a_payment_may_be_on_its_way() {
    let (world, own) = world().await;
    let mut payer = Phone::new();
    let arrived = trip(&mut payer, &own, &world.platform).await;
    let shown = payer.ask(&arrived).await.text().await.unwrap();
    assert!(!shown.contains("暂未收到付款"), "{shown}");
    let (_, rest) = shown.split_once("/pay/return/").unwrap();
    let back = format!("{}/pay/return/{}", world.platform, &rest[..32]);
    let (status, stay) = payer.go(&back).await;
    assert_eq!(status, 303);
    let stay = format!("{}{stay}", world.platform);
    let shown = payer.ask(&stay).await.text().await.unwrap();
    assert!(shown.contains("暂未收到付款"), "{shown}");
}

#[tokio::test]
async fn an_address_that_is_shared_tells_nobody_s_openid() {
    let (world, own) = world().await;
    let mut payer = Phone::new();
    let arrived = trip(&mut payer, &own, &world.platform).await;
    assert!(!arrived.contains("openid="), "{arrived}");
    let shown = payer.ask(&arrived).await.text().await.unwrap();
    assert!(shown.contains("data-bridge="), "{shown}");
    // Who opens an older address, which bears an openid, loses it and is asked himself.
    let old = format!("{own}&openid=oSomebodyElse00000000000000001");
    let mut other = Phone::new();
    assert_eq!(
        other.go(&old).await,
        (303, own[world.platform.len()..].to_owned())
    );
    let (_, begin) = other.go(&own).await;
    assert!(begin.starts_with("/pay/api/h5/openid?"), "{begin}");
    // Another's page, which the domain lists, gets it as the document says.
    let (done, told) = run(
        &world,
        &[
            "domain",
            "set",
            "demo",
            "--return",
            "127.0.0.1",
            "m.shop.cn",
        ],
    );
    assert!(done, "{told}");
    let begin = format!(
        "{}/pay/api/h5/openid?domainCode=demo&backUrl={}",
        world.platform,
        escaped("https://m.shop.cn/#/?a=1")
    );
    let (_, wechat) = payer.go(&begin).await;
    let (_, back) = payer.go(&wechat).await;
    let (_, arrived) = payer.go(&back).await;
    assert!(
        arrived.starts_with("https://m.shop.cn/#/?a=1&openid=o"),
        "{arrived}"
    );
}

#[tokio::test]
async fn an_attempt_whose_address_is_shared_offers_nobody_another_s_order() {
    let (world, own) = world().await;
    let mut payer = Phone::new();
    let arrived = trip(&mut payer, &own, &world.platform).await;
    let shown = payer.ask(&arrived).await.text().await.unwrap();
    assert!(shown.contains("data-bridge="), "{shown}");
    let (_, token) = shown.split_once("/pay/attempt/").unwrap();
    let end = token.find(|sign: char| !sign.is_ascii_alphanumeric());
    let attempt = format!("{}/pay/attempt/{}", world.platform, &token[..end.unwrap()]);
    let stay = format!("{attempt}/stay");
    for page in [&attempt, &stay] {
        let shown = payer.ask(page).await.text().await.unwrap();
        assert!(shown.contains("data-bridge="), "{page}: {shown}");
    }
    // Another payer begins his own, first on his way to WeChat.
    let mut other = Phone::new();
    for page in [&attempt, &stay] {
        let (status, start) = other.go(page).await;
        assert_eq!(status, 303, "{page}");
        assert!(
            start.starts_with("/mpay.html?") && start.ends_with("&pick=Wechat"),
            "{start}"
        );
    }
    let again = world.client.post(format!("{attempt}/again"));
    let again = again.header("User-Agent", "iPhone Mobile MicroMessenger/8.0");
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), 303);
    assert!(header(&again, "location").ends_with("&pick=Wechat"));
}

#[tokio::test]
async fn a_browser_that_keeps_nothing_is_offered_a_window_of_its_own() {
    let (world, own) = world().await;
    let mut payer = Phone::new();
    let arrived = trip(&mut payer, &own, &world.platform).await;
    payer
        .cookies
        .retain(|cookie| !cookie.starts_with("tongfu_openid"));
    let shown = payer.ask(&arrived).await.text().await.unwrap();
    assert!(shown.contains("请在完整窗口中打开本页"), "{shown}");
    assert!(
        shown.contains("target=\"_top\" href=\"/mpay.html?domainCode=demo"),
        "{shown}"
    );
    assert!(
        !shown.contains("lap=") && shown.contains("¥123.45"),
        "{shown}"
    );
    // One who is given the address later begins a trip of his own.
    let (page, _) = arrived.split_once("&lap=").unwrap();
    for lap in ["1", "x", "9999999999999"] {
        let (status, begin) = Phone::new().go(&format!("{page}&lap={lap}")).await;
        assert_eq!(status, 303, "{lap}");
        assert!(
            begin.starts_with("/pay/api/h5/openid?") && !begin.contains("lap"),
            "{begin}"
        );
    }
    // Where not even the mark of the trip is kept, it ends before WeChat is asked.
    let (_, begin) = Phone::new().go(&own).await;
    let (_, wechat) = Phone::new().go(&format!("{}{begin}", world.platform)).await;
    let (_, back) = Phone::new().go(&wechat).await;
    let answer = Phone::new().ask(&back).await;
    assert_eq!(answer.status(), 400);
    let shown = answer.text().await.unwrap();
    assert!(
        shown.contains("target=\"_top\"") && shown.contains("domainCode=demo"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_code_for_wechat_holds_a_short_address_once_the_payer_has_picked() {
    let (world, own) = world().await;
    let query = own.split_once('?').unwrap().1;
    let phone = async |path: &str| {
        let request = world.client.get(format!("{}{path}", world.platform));
        let answer = request.header("User-Agent", "iPhone Mobile").send().await;
        answer.unwrap().text().await.unwrap()
    };
    let side = |html: &str| -> usize {
        let code = html.split_once("class=\"qr").unwrap().1;
        let side = code.split_once("viewBox=\"0 0 ").unwrap().1;
        side.split_once(' ').unwrap().0.parse().unwrap()
    };
    let picked = format!("/mpay.html?{query}&pick=Wechat");
    let long = side(&phone(&picked).await);
    assert_eq!(rows(&world).await, 0, "looking at a page writes nothing");
    let start = world
        .client
        .post(format!("{}/mpay/start?{query}", world.platform));
    let start = start
        .header("User-Agent", "iPhone Mobile")
        .body("channel=Wechat");
    assert_eq!(start.send().await.unwrap().status(), 303);
    assert_eq!(rows(&world).await, 1);
    let short = side(&phone(&picked).await);
    assert!(short <= 45 && short < long, "{short} of {long}");
    let mut database = <sqlx::SqliteConnection as sqlx::Connection>::connect(&world.database_url)
        .await
        .unwrap();
    let token: String = sqlx::query_scalar("select token from trip_address")
        .fetch_one(&mut database)
        .await
        .unwrap();
    let (status, page) = Phone::new()
        .go(&format!("{}/pay/to/{token}", world.platform))
        .await;
    assert_eq!((status, page), (303, own.clone()));
    for none in ["x".to_owned(), "0".repeat(32), "0".repeat(9_000)] {
        assert_eq!(world.get(&format!("/pay/to/{none}")).await.status(), 404);
    }
}

#[tokio::test]
async fn every_state_of_the_page_says_who_is_paid() {
    let (mut world, own) = world().await;
    let folder = world.folder.join("marks");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("shop.png"), "picture").unwrap();
    let folder = folder.to_str().unwrap().to_owned();
    world
        .restart_platform_with(&[("TONGFU_MARKS", &folder)])
        .await;
    let set = [
        "domain",
        "set",
        "demo",
        "--payee",
        "星空耳机店",
        "--payee-en",
        "Stars & Sound",
    ];
    let help = [
        "--help-line",
        "客服 400-000-0000",
        "--help-line-en",
        "",
        "--picture",
        "shop",
    ];
    let (done, told) = run(&world, &[&set[..], &help[..]].concat());
    assert!(done, "{told}");
    let query = own.split_once('?').unwrap().1;
    let named = async |path: &str| {
        let html = world.text(path).await;
        for part in ["星空耳机店", "客服 400-000-0000", "src=\"/marks/shop\""] {
            assert!(html.contains(part), "{path}, {part}: {html}");
        }
        html
    };
    named(&format!("/pay.html?{query}")).await;
    named(&format!("/pay.html?{query}&pick=Wechat")).await;
    let english = world.text(&format!("/pay.html?{query}&lang=en")).await;
    assert!(
        english.contains("Stars &amp; Sound") && english.contains("客服 400"),
        "{english}"
    );
    let number = serde_json::json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", number).await;
    crate::harness::eventually("paid", async || {
        let poll = world
            .text(&format!("/pay/api/pc/wechatQuery?{query}"))
            .await;
        (crate::pay::errcode(&poll) == "0").then_some(())
    })
    .await;
    let paid = named(&format!("/pay.html?{query}")).await;
    assert!(
        paid.contains("<dt>收款方</dt><dd>星空耳机店</dd>"),
        "{paid}"
    );
    assert_eq!(
        world.get("/marks/shop").await.headers()["content-type"],
        "image/png"
    );
    // Who signed nothing speaks in nobody's name.
    let forged = query.replace("money=12345", "money=1");
    let html = world.text(&format!("/pay.html?{forged}")).await;
    assert!(!html.contains("星空耳机店"), "{html}");
    for bad in [
        ["--payee", "a\nb"],
        ["--picture", "../accounts"],
        ["--help-line", " x"],
    ] {
        let (done, told) = run(&world, &[&["domain", "set", "demo"][..], &bad[..]].concat());
        assert!(!done && told.contains("must be"), "{bad:?}: {told}");
    }
}

#[tokio::test]
async fn our_own_page_starts_a_payment_by_the_server_function() {
    let (world, own) = world().await;
    let query = own.split_once('?').unwrap().1;
    let call = format!("{}/pay/api/h5/pay?{query}", world.platform);
    // Without a cookie nobody knows the payer, whatever the address says.
    let stranger = format!("{call}&openid=oSomebodyElse00000000000000001");
    let answer = Phone::new().start(&stranger, "Wechat").await;
    assert!(answer.headers().get("tongfu-page").is_none());
    assert_eq!(errcode(&answer.text().await.unwrap()), "10010");

    let mut payer = Phone::new();
    trip(&mut payer, &own, &world.platform).await;
    let answer = payer.start(&call, "Wechat").await;
    let page = header(&answer, "tongfu-page");
    let told = answer.text().await.unwrap();
    assert!(
        told.contains("\"errcode\":\"0\"") && told.contains("\"obj\":null"),
        "{told}"
    );
    let shown = payer.ask(&format!("{}{page}", world.platform)).await;
    let shown = shown.text().await.unwrap();
    assert!(
        shown.contains("data-bridge=") && shown.contains("data-now=\"1\""),
        "{shown}"
    );
    // Once more it is the same attempt.
    let again = payer.start(&call, "Wechat").await;
    assert_eq!(header(&again, "tongfu-page"), page);

    // The pick is remembered on this device.
    let answer = payer.start(&call, "ChinapayOld").await;
    assert_eq!(errcode(&answer.text().await.unwrap()), "0");
    let picker = payer.ask(&format!("{own}&pick=none")).await;
    let picker = picker.text().await.unwrap();
    assert!(picker.contains("value=\"ChinapayOld\" checked"), "{picker}");

    // A business system's call means what it always did.
    let plain = world.post(&format!("/pay/api/h5/pay?{query}"), "{}").await;
    assert_eq!(errcode(&plain), "10001");
    for pick in ["", "Bitcoin", "Wechat, Alipay"] {
        let answer = payer.start(&call, pick).await;
        assert_eq!(errcode(&answer.text().await.unwrap()), "10001", "{pick}");
    }
}
