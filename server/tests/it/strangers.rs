//! What strangers cost us before they proved anything, and who is charged.

use crate::harness::{Database, World, eventually, tongfu, value_of};
use crate::pay::errcode;
use reqwest::{Client, Method, Response};
use std::net::IpAddr;
use std::process::Command;

async fn world() -> World {
    World::start(Database::Sqlite).await.unwrap()
}

/// A client whose connections come from an address of its own.
fn from(address: [u8; 4]) -> Client {
    let builder = Client::builder().no_proxy();
    let builder = builder.redirect(reqwest::redirect::Policy::none());
    builder
        .local_address(IpAddr::from(address))
        .build()
        .unwrap()
}

pub(crate) fn header(answer: &Response, name: &str) -> String {
    let value = answer.headers().get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn wide_bodies_are_refused_with_the_number_that_is_taken() {
    let world = world().await;
    let names: Vec<_> = (0..5_000).map(|count| format!("a{count}=1")).collect();
    let form = names.join("&");
    let json = format!("{{\"{}}}", form.replace('=', "\":").replace('&', ",\""));
    let post = async |path: &str, kind: &str, body: &str| {
        let request = world.client.post(format!("{}{path}", world.platform));
        let request = request.header("Content-Type", kind).body(body.to_owned());
        request.send().await.unwrap().text().await.unwrap()
    };
    let kind = "application/x-www-form-urlencoded";
    let answer = post("/forecore/order", kind, &form).await;
    assert!(answer.contains("fields must be at most 64"), "{answer}");
    let answer = post("/forecore/order", "application/json", &json).await;
    assert!(answer.contains("fields must be at most 64"), "{answer}");
    let answer = post("/pay/api/pc/pay", "application/json", &json).await;
    assert!(
        errcode(&answer) == "10002" && answer.contains("64"),
        "{answer}"
    );
    let answer = world.text(&format!("/pay.html?{form}")).await;
    assert!(answer.contains("10002"), "{answer}");
}

#[tokio::test]
async fn a_page_without_its_business_system_says_what_is_missing_and_a_form_is_a_query() {
    let world = world().await;
    for query in ["money=1&sign=x", "domaincode=test&Money=1&SIGN=x"] {
        let answer = world.get(&format!("/pay.html?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        assert!(answer.text().await.unwrap().contains("10001"), "{query}");
    }
    // The parameters may stand in the fragment.
    for path in ["/pay.html", "/mpay.html?from=singlemessage"] {
        assert_eq!(world.get(path).await.status(), 200, "{path}");
    }
    let query = world.signed_query().await;
    let request = world
        .client
        .post(format!("{}/pay.html?lang=en", world.platform));
    let kind = "application/x-www-form-urlencoded";
    let request = request.header("Content-Type", kind).body(query.clone());
    let answer = request.send().await.unwrap();
    let address = header(&answer, "location");
    assert_eq!(answer.status(), 303);
    assert!(address.starts_with("/pay.html?lang=en&"), "{address}");
    let page = world.text(&address).await;
    assert!(page.contains("name=\"channel\""), "{page}");
}

#[tokio::test]
async fn what_is_posted_to_a_page_and_is_no_form_in_utf_8_is_named() {
    let world = world().await;
    let query = world.signed_query().await;
    let post = async |kind: &str, body: Vec<u8>| {
        let request = world.client.post(format!("{}/pay.html", world.platform));
        let request = request.header("Content-Type", kind).body(body);
        let answer = request.send().await.unwrap();
        let (status, address) = (answer.status().as_u16(), header(&answer, "location"));
        (status, address, answer.text().await.unwrap())
    };
    let form = "application/x-www-form-urlencoded";
    let marked = format!("\u{feff}{query}").into_bytes();
    let (status, address, _) = post(form, marked).await;
    assert_eq!((status, &address[..20]), (303, "/pay.html?domainCode"));
    // 耳机 in GBK.
    let gbk = b"domainCode=demo&info=\xb6\xfa\xbb\xfa".to_vec();
    let (status, _, page) = post(form, gbk).await;
    assert!(status == 400 && page.contains("GBK"), "{page}");
    let json = br#"{"domainCode":"demo","money":"12345"}"#.to_vec();
    let (status, _, page) = post("application/json", json).await;
    assert!(status == 400 && page.contains("Content-Type"), "{page}");
}

#[tokio::test]
async fn who_only_previews_an_address_makes_no_order() {
    let world = world().await;
    let query = world.signed_query().await;
    let url = format!("{}/pay.html?{query}&payTypeCode=Wechat", world.platform);
    let get = || world.client.get(&url);
    for preview in [
        world.client.request(Method::HEAD, &url),
        get().header("Sec-Purpose", "prefetch;prerender"),
        get().header("Purpose", "prefetch"),
        get().header("User-Agent", "WhatsApp/2.23.20.0 A"),
        get().header("User-Agent", "facebookexternalhit/1.1"),
    ] {
        assert_eq!(preview.send().await.unwrap().status(), 200);
    }
    assert_eq!(world.book().await.len(), 0);
    assert_eq!(get().send().await.unwrap().status(), 200);
    assert_eq!(world.book().await.len(), 1);
}

#[tokio::test]
async fn the_figures_are_for_the_operator_alone() {
    let world = world().await;
    assert_eq!(world.get("/metrics").await.status(), 404);
    assert!(world.metrics().await.contains("tongfu_database_up 1"));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(world.get(path).await.status(), 200);
        let own = world.client.get(format!("{}{path}", world.operator));
        assert_eq!(own.send().await.unwrap().status(), 200);
    }
}

/// Who balances load believes it: strangers who ask as well take nobody out of rotation.
#[tokio::test]
async fn everybody_who_asks_at_once_hears_that_we_are_ready() {
    let world = world().await;
    for _ in 0..3 {
        let asked = (0..200).map(|_| {
            let asked = world.client.get(format!("{}/readyz", world.platform));
            tokio::spawn(async move { asked.send().await.unwrap().status() })
        });
        let asked: Vec<_> = asked.collect();
        for one in asked {
            assert_eq!(one.await.unwrap(), 200);
        }
    }
}

#[tokio::test]
async fn a_peer_who_asks_too_often_waits_and_others_do_not() {
    let mut world = world().await;
    let limits = [("TONGFU_PEER_PER_SECOND", "1"), ("TONGFU_PEER_BURST", "5")];
    world.restart_platform_with(&limits).await;
    let (flood, other) = (from([127, 0, 0, 2]), from([127, 0, 0, 3]));
    let get = async |client: &Client, path: &str| {
        let sent = client.get(format!("{}{path}", world.platform)).send();
        sent.await.unwrap()
    };
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(get(&flood, "/pay.html").await.status().as_u16());
    }
    assert_eq!(answers[..5], [200; 5]);
    assert!(answers.contains(&429), "{answers:?}");
    let mut refused = Vec::new();
    for (path, part) in [
        ("/pay/api/pc/wechatQuery", "\"errcode\":\"30000\""),
        ("/pay/api/private/pay/query", "\"errcode\":\"10013\""),
        ("/forecore/queryOrder", "\"errcode\":\"10013\""),
        ("/pay.html", "10013"),
    ] {
        let answer = loop {
            let answer = get(&flood, path).await;
            if !header(&answer, "retry-after").is_empty() {
                break answer;
            }
        };
        refused.push(header(&answer, "retry-after"));
        let text = answer.text().await.unwrap();
        assert!(text.contains(part), "{path}: {text}");
    }
    assert_eq!(refused, ["1"; 4]);
    assert_eq!(get(&flood, "/healthz").await.status(), 200);
    assert_eq!(get(&other, "/pay.html").await.status(), 200);
}

#[tokio::test]
async fn behind_a_listed_proxy_each_payer_is_a_peer_and_a_stranger_is_named() {
    let mut world = world().await;
    let limits = [
        ("TONGFU_PEER_PER_SECOND", "1"),
        ("TONGFU_PEER_BURST", "2"),
        ("TONGFU_TRUSTED_PROXIES", "[\"127.0.0.8/29\"]"),
    ];
    world.restart_platform_with(&limits).await;
    let (proxy, stranger) = (from([127, 0, 0, 9]), from([127, 0, 0, 17]));
    let get = async |client: &Client, payer: &str| {
        let request = client.get(format!("{}/pay.html", world.platform));
        let sent = request.header("X-Forwarded-For", payer).send();
        sent.await.unwrap().status().as_u16()
    };
    for payer in 1..=20 {
        assert_eq!(get(&proxy, &format!("198.51.100.{payer}")).await, 200);
    }
    let mut strangers = Vec::new();
    for payer in 21..=40 {
        strangers.push(get(&stranger, &format!("198.51.100.{payer}")).await);
    }
    assert!(strangers.contains(&429), "{strangers:?}");
    let told = "tongfu_unlisted_proxy{peer=\"127.0.0.17\"} 1";
    assert!(world.metrics().await.contains(told));
    let operator = world.operator.trim_start_matches("http://");
    let mut doctor = tongfu(&world.database_url);
    doctor.arg("doctor").env("TONGFU_OPERATOR_LISTEN", operator);
    let text = String::from_utf8(doctor.output().unwrap().stdout).unwrap();
    assert!(text.contains("127.0.0.17 sends X-Forwarded-For"), "{text}");
    assert!(!text.contains("127.0.0.9 sends"), "{text}");
}

#[tokio::test]
async fn what_was_signed_for_one_request_is_charged_to_it() {
    let mut world = world().await;
    let limits = [
        ("TONGFU_REQUEST_PER_SECOND", "1"),
        ("TONGFU_REQUEST_BURST", "3"),
    ];
    world.restart_platform_with(&limits).await;
    let query = world.signed_query().await;
    let path = format!("/pay/api/pc/wechatQuery?{query}");
    let mut waits = Vec::new();
    for _ in 0..20 {
        let answer = world.get(&path).await;
        waits.push(header(&answer, "retry-after"));
        assert_eq!(errcode(&answer.text().await.unwrap()), "30000");
    }
    assert_eq!(waits[..3], [""; 3]);
    assert!(waits.contains(&"1".to_owned()), "{waits:?}");
    // A wrong sign takes nothing of it, and another request has its own.
    let other = world.signed_query().await;
    let wrong = format!(
        "/pay/api/pc/wechatQuery?{}",
        other.replace("sign=", "sign=0")
    );
    for _ in 0..10 {
        assert_eq!(errcode(&world.text(&wrong).await), "10004");
    }
    let answer = world.get(&format!("/pay/api/pc/wechatQuery?{other}")).await;
    assert_eq!(header(&answer, "retry-after"), "");
}

#[tokio::test]
async fn notifies_that_do_not_verify_are_charged_and_unknown_accounts_are_not_read() {
    let mut world = world().await;
    let limits = [
        ("TONGFU_FORGED_PER_SECOND", "1"),
        ("TONGFU_FORGED_BURST", "3"),
    ];
    world.restart_platform_with(&limits).await;
    let client = from([127, 0, 0, 2]);
    let post = async |path: &str| {
        let request = client.post(format!("{}{path}", world.platform));
        request.body("a=1").send().await.unwrap().status().as_u16()
    };
    assert_eq!(post("/notify/Wechat/nobody").await, 404);
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(post("/notify/Alipay/sandbox").await);
    }
    assert!(answers.contains(&429), "{answers:?}");
    // Whoever is not to blame is heard.
    let query = world.signed_query().await;
    let page = world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    assert!(page.contains("<svg"), "{page}");
    let number = serde_json::json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", number).await;
    let key = value_of(&query, "requestKey");
    eventually("the callback", async || {
        (!world.callbacks(&key).await.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_request_has_few_streams_and_the_others_poll() {
    let mut world = world().await;
    let limits = [("TONGFU_STREAMS_REQUEST", "2")];
    world.restart_platform_with(&limits).await;
    let query = world.signed_query().await;
    let open = async |query: &str| world.get(&format!("/pay/events?{query}")).await;
    let mut held = Vec::new();
    for status in [200, 200, 204] {
        let stream = open(&query).await;
        assert_eq!(stream.status(), status);
        held.push(stream);
    }
    assert_eq!(open(&world.signed_query().await).await.status(), 200);
}

/// A payer's browser inside WeChat, which keeps cookies.
pub(crate) struct Phone {
    client: Client,
    pub(crate) cookies: Vec<String>,
}

impl Phone {
    pub(crate) fn new() -> Self {
        Self {
            client: from([127, 0, 0, 5]),
            cookies: Vec::new(),
        }
    }

    /// Goes to an address; gives the status and where it leads.
    pub(crate) async fn go(&mut self, url: &str) -> (u16, String) {
        let answer = self.ask(url).await;
        (answer.status().as_u16(), header(&answer, "location"))
    }

    /// Goes to an address, and keeps its cookies.
    pub(crate) async fn ask(&mut self, url: &str) -> reqwest::Response {
        self.send(self.client.get(url)).await
    }

    /// Starts a payment by a channel as a page of ours does.
    pub(crate) async fn start(&mut self, url: &str, pick: &str) -> reqwest::Response {
        let request = self.client.post(url).header("tongfu-pick", pick);
        self.send(request.body("{}")).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let request = request.header("User-Agent", "MicroMessenger");
        let request = request.header("Cookie", self.cookies.join("; "));
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let name = pair.split('=').next().unwrap().to_owned();
            self.cookies.retain(|kept| !kept.starts_with(&name));
            self.cookies.push(pair.to_owned());
        }
        answer
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// How many rows trips have written.
pub(crate) async fn rows(world: &World) -> i64 {
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&world.database_url)
        .await
        .unwrap();
    let count = "select (select count(*) from trip_state) + (select count(*) from trip_address) \
        + (select count(*) from openid_trip)";
    sqlx::query_scalar(count)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_trip_to_wechat_writes_nothing_before_it_comes_back() {
    let world = world().await;
    let (mut phone, own) = (Phone::new(), format!("{}/mpay.html#/?a=1", world.platform));
    let begin = format!(
        "{}/pay/api/h5/openid?domainCode=demo&backUrl={}",
        world.platform,
        escaped(&own)
    );
    let mut wechat = String::new();
    for _ in 0..20 {
        let (status, location) = phone.go(&begin).await;
        assert_eq!(status, 303);
        wechat = location;
    }
    assert_eq!(rows(&world).await, 0);
    let (_, back) = phone.go(&wechat).await;
    let (status, arrived) = phone.go(&back).await;
    assert_eq!(status, 303);
    assert!(arrived.starts_with(&format!("{own}&lap=")), "{arrived}");
    assert_eq!(rows(&world).await, 1);
    // The same again goes on by the cookie.
    let (status, arrived) = phone.go(&back).await;
    assert_eq!(status, 303);
    assert!(arrived.starts_with(&format!("{own}&lap=")), "{arrived}");
    // Without it the trip begins anew, once.
    phone
        .cookies
        .retain(|cookie| !cookie.starts_with("tongfu_openid"));
    let (_, anew) = phone.go(&back).await;
    assert!(anew.contains("/connect/oauth2/authorize"), "{anew}");
    let state = anew
        .split_once("&state=")
        .unwrap()
        .1
        .split('#')
        .next()
        .unwrap();
    let before = back.split_once("&code=").unwrap().0;
    let junk = format!("{before}&code=junk&state={state}");
    assert_eq!(phone.go(&junk).await.0, 400);
    // Another browser has no part in it, and of junk nothing is written.
    assert_eq!(Phone::new().go(&back).await.0, 400);
    assert_eq!(rows(&world).await, 1);
}

#[tokio::test]
async fn a_long_address_is_kept_once_its_sign_holds_and_others_are_refused() {
    let world = world().await;
    let mut phone = Phone::new();
    let begin = |back_url: &str| {
        format!(
            "{}/pay/api/h5/openid?domainCode=demo&backUrl={}",
            world.platform,
            escaped(back_url)
        )
    };
    let (query, tail) = (world.signed_query().await, "x".repeat(2_500));
    let own = format!("{}/mpay.html?{query}&from={tail}", world.platform);
    for refused in [
        own.replace("sign=", "sign=0"),
        format!("{}/mpay.html?a={tail}", world.platform),
        format!("{}/pay/attempt/x?{query}&from={tail}", world.platform),
    ] {
        assert_eq!(phone.go(&begin(&refused)).await.0, 400);
    }
    assert_eq!(rows(&world).await, 0);
    for _ in 0..5 {
        assert_eq!(phone.go(&begin(&own)).await.0, 303);
    }
    // One a request, whatever is put beside what was signed.
    for more in 0..3 {
        let other = format!("{own}&more={more}");
        assert_eq!(phone.go(&begin(&other)).await.0, 303);
    }
    assert_eq!(rows(&world).await, 1);
    let (_, wechat) = phone.go(&begin(&own)).await;
    assert!(wechat.len() < 2_048, "{}", wechat.len());
    let (_, back) = phone.go(&wechat).await;
    let (_, arrived) = phone.go(&back).await;
    assert!(arrived.starts_with(&format!("{own}&lap=")), "{arrived}");
}

#[tokio::test]
async fn a_peer_who_sends_junk_codes_is_not_asked_about_for_a_while() {
    let mut world = world().await;
    let limits = [("TONGFU_JUNK_PER_SECOND", "1"), ("TONGFU_JUNK_BURST", "2")];
    world.restart_platform_with(&limits).await;
    let begin = format!(
        "{}/pay/api/h5/openid?domainCode=demo&backUrl={}",
        world.platform,
        escaped(&format!("{}/mpay.html", world.platform))
    );
    let mut phone = Phone::new();
    let mut answers = Vec::new();
    for _ in 0..20 {
        let (_, wechat) = phone.go(&begin).await;
        let (_, back) = phone.go(&wechat).await;
        let (before, after) = back.split_once("&code=").unwrap();
        let (_, state) = after.split_once("&state=").unwrap();
        let junk = format!("{before}&code=junk&state={state}");
        answers.push(phone.go(&junk).await.0);
    }
    assert!(answers.contains(&429), "{answers:?}");
    assert_eq!(rows(&world).await, 0);
}

#[tokio::test]
async fn with_few_descriptors_its_health_is_told_while_all_places_are_taken() {
    let mut world = world().await;
    world.programs.pop().unwrap().kill();
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 300; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_tongfu"))
        .env("TONGFU_DATABASE_URL", &world.database_url);
    let platform = world.start_platform_by(few);
    world.programs.push(platform);
    world.answers(&format!("{}/readyz", world.platform)).await;
    let address = world.platform.trim_start_matches("http://").to_owned();
    let mut held = Vec::new();
    for _ in 0..400 {
        held.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    // A client of its own: it keeps no connection from before.
    let other = from([127, 0, 0, 6]);
    let get = async |path: &str| {
        let sent = other.get(format!("{}{path}", world.platform)).send();
        sent.await.map(|answer| answer.status().as_u16())
    };
    eventually("its health", async || {
        (get("/healthz").await.ok()? == 200).then_some(())
    })
    .await;
    drop(held);
    eventually("a page", async || {
        (get("/pay.html").await.ok()? == 200).then_some(())
    })
    .await;
}
