//! What stands around the page: the stream, the hold, frames, language, pictures.

use crate::forecore::run;
use crate::harness::{Database, World, eventually};
use crate::pay::errcode;
use reqwest::header::HeaderMap;
use serde_json::json;

async fn headers(world: &World, path: &str) -> HeaderMap {
    world.get(path).await.headers().clone()
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.to_str().unwrap());
    value.unwrap_or_default().to_owned()
}

async fn a_waiting_page_is_told_to_ask(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let query = world.signed_query().await;
    world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    let mut stream = world.get(&format!("/pay/events?{query}")).await;
    assert_eq!(stream.status(), 200);
    assert_eq!(
        header(stream.headers(), "content-type"),
        "text/event-stream"
    );
    let first = stream.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"retry: 5000\n"), "{first:?}");
    let number = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", number).await;
    let mut heard = String::new();
    while !heard.contains("data: changed") {
        let chunk = stream.chunk().await.unwrap().unwrap();
        heard.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let answer = world
        .text(&format!("/pay/api/pc/wechatQuery?{query}"))
        .await;
    assert_eq!(errcode(&answer), "0");
}

#[tokio::test]
async fn a_waiting_page_is_told_to_ask_on_sqlite() {
    a_waiting_page_is_told_to_ask(Database::Sqlite).await;
}

#[tokio::test]
async fn a_waiting_page_is_told_to_ask_on_postgres() {
    a_waiting_page_is_told_to_ask(Database::Postgres).await;
}

#[tokio::test]
async fn a_stream_needs_a_genuine_request_and_ends_with_the_program() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let forged = query.replace("money=12345", "money=1");
    let answer = world.get(&format!("/pay/events?{forged}")).await;
    assert_eq!(answer.status(), 204);
    let mut stream = world.get(&format!("/pay/events?{query}")).await;
    let gone = tokio::task::spawn_blocking({
        let program = world.programs.pop().unwrap();
        move || program.terminate()
    });
    while let Ok(Some(_)) = stream.chunk().await {}
    assert!(
        gone.await.unwrap(),
        "the program ends though a page listens"
    );
}

#[tokio::test]
async fn a_paid_page_is_told_to_hold_where_the_domain_wants_it() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (done, told) = run(
        &world,
        &["domain", "set", "demo", "--hold-for-callback", "true"],
    );
    assert!(done, "{told}");
    let deaf = json!({"mode": "fail", "times": 1000});
    world.control(&world.shop, "answer", deaf).await;
    let query = world.signed_query().await;
    world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    let number = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", number).await;
    let poll = format!("/pay/api/pc/wechatQuery?{query}");
    eventually("the payer is held", async || {
        let held = header(&headers(&world, &poll).await, "tongfu-hold");
        (held == "1").then_some(())
    })
    .await;
    // Nobody is held for ever.
    eventually("the payer may go", async || {
        let answer = world.get(&poll).await;
        let held = answer.headers().contains_key("tongfu-hold");
        (!held && errcode(&answer.text().await.unwrap()) == "0").then_some(())
    })
    .await;
}

#[tokio::test]
async fn frames_are_allowed_to_the_page_addresses_or_to_the_domains_list() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let page = format!("/pay.html?{}", world.signed_query().await);
    let ancestors = async || {
        let policy = header(&headers(&world, &page).await, "content-security-policy");
        policy.split_once("frame-ancestors ").unwrap().1.to_owned()
    };
    assert_eq!(ancestors().await, format!("'self' {}", world.shop));
    let list = ["domain", "set", "demo", "--frame-origin"];
    let (done, told) = run(&world, &[&list[..], &["https://till.example"]].concat());
    assert!(done, "{told}");
    assert_eq!(ancestors().await, "'self' https://till.example");
    for bad in [
        "https://till.example/path",
        "till.example",
        "https://a;b",
        "*",
    ] {
        let (done, told) = run(&world, &[&list[..], &[bad]].concat());
        assert!(!done && told.contains("origin"), "{bad}: {told}");
    }
    // What a form of a genuine request comes to is shown where the page was.
    let start = page.replace("/pay.html", "/pay/start");
    let request = world.client.post(format!("{}{start}", world.platform));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let busy = json!({"on": "create", "kind": "busy", "times": 9});
    world.control(&world.gateway, "fault", busy).await;
    let answer = request.body("channel=Wechat").send().await.unwrap();
    assert_eq!(answer.status(), 409);
    let policy = header(answer.headers(), "content-security-policy");
    assert!(policy.ends_with("'self' https://till.example"), "{policy}");
    let html = answer.text().await.unwrap();
    assert!(html.contains("¥123.45") && !html.contains("href=\"/pay/start"));
    // Parameters in the fragment are not known yet: any frame may hold what reads them.
    let policy = header(
        &headers(&world, "/pay.html").await,
        "content-security-policy",
    );
    assert!(policy.ends_with("frame-ancestors 'self' *"), "{policy}");
    // What nobody signed is shown in no frame but our own.
    let forged = page.replace("money=12345", "money=1");
    let policy = header(&headers(&world, &forged).await, "content-security-policy");
    assert!(policy.ends_with("frame-ancestors 'self'"), "{policy}");
}

#[tokio::test]
async fn a_chosen_language_is_kept() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let page = format!("/pay.html?{}", world.signed_query().await);
    let shown = async |path: &str, name: &'static str, value: &str| {
        let request = world.client.get(format!("{}{path}", world.platform));
        let answer = request.header(name, value).send().await.unwrap();
        let kept = header(answer.headers(), "set-cookie");
        (answer.text().await.unwrap(), kept)
    };
    let english = "lang=\"en\"><head>";
    let (html, kept) = shown(&page, "accept-language", "en-US,en;q=0.9").await;
    assert!(html.contains(english) && html.contains("Bluetooth headphones"));
    assert_eq!(kept, "", "a browser's wish is no choice");
    let (html, kept) = shown(&format!("{page}&lang=en"), "accept-language", "zh-CN").await;
    assert!(html.contains(english));
    assert!(kept.starts_with("tongfu_lang=en; "), "{kept}");
    assert!(kept.contains("; Path=/; "), "{kept}");
    let (_, kept) = shown(&format!("{page}&lang=en"), "accept-language", "en").await;
    assert_eq!(
        kept, "",
        "an address that says what the browser wishes chooses nothing"
    );
    let (html, _) = shown(&page, "cookie", "tongfu_lang=en").await;
    assert!(html.contains(english));
    let (html, _) = shown(&page, "cookie", "tongfu_lang=xx").await;
    assert!(html.contains("lang=\"zh-CN\"><head>"));
}

/// In a frame of another site no cookie of ours is sent: the addresses keep the language.
#[tokio::test]
async fn a_language_is_kept_without_cookies() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let page = format!("/pay.html?{}&lang=en", world.signed_query().await);
    let asked = async |request: reqwest::RequestBuilder| {
        let answer = request.header("accept-language", "zh-CN").send().await;
        let answer = answer.unwrap();
        (header(answer.headers(), "location"), answer.text().await)
    };
    let get = |path: &str| world.client.get(format!("{}{path}", world.platform));
    let post = |path: &str| world.client.post(format!("{}{path}", world.platform));
    let start = page.replace("/pay.html", "/pay/start");
    let picked = post(&start).header("content-type", "application/x-www-form-urlencoded");
    let picked = picked.body("channel=Wechat");
    let (attempt, _) = asked(picked).await;
    let token = attempt.strip_suffix("?lang=en").unwrap();
    let token = token.strip_prefix("/pay/attempt/").unwrap();
    let (_, html) = asked(get(&attempt)).await;
    let html = html.unwrap();
    assert!(html.contains("lang=\"en\"><head>"), "{html}");
    let come_back = format!("/pay/return/{token}?lang=en");
    for address in [
        format!("href=\"{come_back}\""),
        format!("url=/pay/attempt/{token}?lang=en"),
        "pick=none&amp;lang=en".to_owned(),
    ] {
        assert!(html.contains(&address), "{address}: {html}");
    }
    let (stay, _) = asked(get(&come_back)).await;
    assert_eq!(stay, format!("/pay/attempt/{token}/stay?lang=en"));
}

/// A channel's form brings the payer back without his cookies: what his browser prefers then
/// is not taken for a choice, which the page after it would keep in place of his.
#[tokio::test]
async fn a_channels_form_changes_no_language() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let shown = world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    let (_, rest) = shown.split_once("/pay/return/").unwrap();
    let token = &rest[..32];
    let back = format!("{}/pay/return/{token}", world.platform);
    let form = world.client.post(back).header("accept-language", "en");
    let stay = header(form.send().await.unwrap().headers(), "location");
    assert_eq!(stay, format!("/pay/attempt/{token}/stay"));
}

#[tokio::test]
async fn an_operators_picture_stands_in_place_of_our_drawing() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let folder = world.folder.join("marks");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("Alipay.svg"), "<svg/>").unwrap();
    let folder = folder.to_str().unwrap().to_owned();
    world
        .restart_platform_with(&[("TONGFU_MARKS", &folder)])
        .await;
    let html = world
        .text(&format!("/pay.html?{}", world.signed_query().await))
        .await;
    assert!(html.contains("src=\"/marks/Alipay\"") && html.contains("class=\"mark Wechat\""));
    let picture = world.get("/marks/Alipay").await;
    assert_eq!(header(picture.headers(), "content-type"), "image/svg+xml");
    assert_eq!(picture.text().await.unwrap(), "<svg/>");
    for none in [
        "/marks/Wechat",
        "/marks/..%2Faccounts.toml",
        "/marks/Alipay.svg",
    ] {
        assert_eq!(world.get(none).await.status(), 404, "{none}");
    }
}

#[tokio::test]
async fn a_page_in_passing_trouble_offers_itself_again() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let busy = json!({"on": "create", "kind": "busy", "times": 9});
    world.control(&world.gateway, "fault", busy).await;
    let page = format!("/pay.html?{}&pick=Wechat", world.signed_query().await);
    let answer = world.get(&page).await;
    assert_eq!(answer.status(), 409);
    let html = answer.text().await.unwrap();
    assert!(html.contains("¥123.45"), "{html}");
    assert!(
        html.contains(&page.replace('&', "&amp;")),
        "the page itself"
    );
    let again = format!("href=\"{}\"", page.replace('&', "&amp;"));
    assert!(html.contains(&again), "{html}");
}

#[tokio::test]
async fn icons_and_robots_txt_are_there() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for (path, kind) in [
        ("/favicon.ico", "image/x-icon"),
        ("/icon.svg", "image/svg+xml"),
        ("/apple-touch-icon.png", "image/png"),
        ("/robots.txt", "text/plain; charset=utf-8"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], kind);
        assert!(!answer.bytes().await.unwrap().is_empty());
    }
    assert!(world.text("/robots.txt").await.contains("Disallow: /"));
}

#[tokio::test]
async fn a_key_that_was_used_with_another_sum_is_told_before_anybody_picks() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    let decoded = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let url = reqwest::Url::parse(&format!("http://a/?v={value}")).ok()?;
        let value = url.query_pairs().next()?.1.into_owned();
        Some((name.to_owned(), value))
    };
    let pairs = query.split('&').filter_map(decoded);
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| name != "sign").collect();
    for (name, value) in &mut pairs {
        if name == "money" {
            *value = "54321".to_owned();
        }
    }
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let other = crate::sign::signed(&pairs, "demo-secret");
    let told = async |when: &str| {
        let answer = world.get(&format!("/pay.html?{other}")).await;
        assert_eq!(answer.status(), 400, "{when}");
        let html = answer.text().await.unwrap();
        assert!(
            html.contains("10007") && !html.contains("<form"),
            "{when}: {html}"
        );
    };
    told("while it is open").await;
    let number = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", number).await;
    eventually("paid", async || {
        let poll = world
            .text(&format!("/pay/api/pc/wechatQuery?{query}"))
            .await;
        (errcode(&poll) == "0").then_some(())
    })
    .await;
    told("once it is paid").await;
}

#[tokio::test]
async fn the_operators_notice_stands_above_the_picker_as_text() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let address = |more: &str| format!("/pay.html?{query}{more}");
    let plain = world.text(&address("")).await;
    assert!(!plain.contains("aside"), "no byte where there is none");
    let settings = [
        ("TONGFU_PAGE_NOTICE", "<今晚> & \"维护\""),
        ("TONGFU_PAGE_NOTICE_EN", "Alipay rests tonight"),
    ];
    world.restart_platform_with(&settings).await;
    let zh = world.text(&address("")).await;
    let notice = "<aside>&lt;今晚&gt; &amp; \"维护\"</aside>";
    let at = |part: &str| zh.find(part).unwrap_or_else(|| panic!("{part}: {zh}"));
    assert!(at(notice) < at("<main"));
    let en = world.text(&address("&lang=en")).await;
    assert!(en.contains("<aside>Alipay rests tonight</aside>"), "{en}");
    let code = world.text(&address("&pick=Wechat")).await;
    assert!(!code.contains("aside"), "who has picked is left alone");

    world.restart_platform_with(&settings[1..]).await;
    let zh = world.text(&address("")).await;
    assert!(zh.contains("<aside>Alipay rests tonight</aside>"), "{zh}");
}
