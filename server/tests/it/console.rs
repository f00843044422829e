//! The operator's console, as a browser without script sees it (docs/console.md).

use crate::forecore::run;
use crate::harness::{Database, World, eventually};
use crate::refund::paid_order;
use reqwest::header::{COOKIE, HOST, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Response, StatusCode};
use sqlx::{Connection, Executor, SqliteConnection};

pub(crate) const DEVELOPMENT: [(&str, &str); 2] =
    [("name", "dev"), ("password", "tongfu-development")];

/// A browser at the console.
pub(crate) struct Browser<'a> {
    world: &'a World,
    cookie: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            world,
            cookie: String::new(),
        }
    }

    /// One that has signed in.
    pub(crate) async fn signed_in(world: &'a World, said: &[(&str, &str)]) -> Self {
        let mut browser = Self::new(world);
        let answer = browser.post("/sign-in", said).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        for word in [
            "__Host-",
            "; Path=/;",
            "Secure",
            "HttpOnly",
            "SameSite=Strict",
        ] {
            assert!(cookie.contains(word), "{word} in {cookie}");
        }
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
        browser
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = self
            .world
            .client
            .get(format!("{}{path}", self.world.operator));
        request.header(COOKIE, &self.cookie).send().await.unwrap()
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        answer.text().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.post_as(path, form, HeaderMap::new()).await
    }

    async fn post_as(&self, path: &str, form: &[(&str, &str)], headers: HeaderMap) -> Response {
        let body = form
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::partner::escaped(value)))
            .collect::<Vec<_>>()
            .join("&");
        let request = self
            .world
            .client
            .post(format!("{}{path}", self.world.operator));
        let request = request
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header(COOKIE, &self.cookie)
            .headers(headers);
        request.body(body).send().await.unwrap()
    }

    /// What a hidden field of a page holds.
    pub(crate) async fn hidden(&self, path: &str, name: &str) -> String {
        let page = self.page(path).await;
        let field = page.split(&format!("name=\"{name}\"")).nth(1).unwrap();
        let value = field.split("value=\"").nth(1).unwrap();
        value.split('"').next().unwrap().to_owned()
    }
}

pub(crate) fn location(answer: &Response) -> &str {
    answer.headers()[LOCATION].to_str().unwrap()
}

async fn an_order_is_found_told_and_given_back(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let stranger = Browser::new(&world);
    let answer = stranger.get("/orders?state=NOTPAY").await;
    assert_eq!(
        location(&answer),
        "/sign-in?next=%2Forders%3Fstate%3DNOTPAY"
    );
    let (_, channel_number) = paid_order(&world).await;
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let board = dev.page("/").await;
    assert!(
        board.contains("有风险的钱") && board.contains("dev · admin"),
        "{board}"
    );
    let board = dev.page("/?lang=en").await;
    assert!(
        board.contains("<p class=\"good\">None: no money waits for a person."),
        "{board}"
    );
    assert!(
        board.contains("?channel=Wechat&amp;currency=CNY&amp;state=SUCCESSPAY&amp;paid=1"),
        "{board}"
    );
    // On a phone no column has a head.
    assert!(board.contains("data-name=\"Of it given back\""), "{board}");
    let found = dev.get(&format!("/find?number={channel_number}")).await;
    let path = location(&found).to_owned();
    let order_sn = path.strip_prefix("/order/").unwrap();
    // As it is read out, in groups; nowhere else a blank is passed over. As it is copied, with
    // what nobody sees; as it is typed where letters are wide.
    let (begin, end) = order_sn.split_at(8);
    let wide = order_sn.bytes().map(|byte| u32::from(byte) + 0xfee0);
    let wide: String = wide.filter_map(char::from_u32).collect();
    for typed in [
        format!("{begin}+{end}"),
        format!("+{begin}%E3%80%80{end}+"),
        format!("%E2%80%8B{begin}%EF%BB%BF{end}"),
        crate::partner::escaped(&wide),
    ] {
        let found = dev.get(&format!("/find?number={typed}")).await;
        assert_eq!(location(&found), path, "{typed}");
    }
    for none in ["none", "%E3%80%80", "a+b"] {
        let answer = dev.get(&format!("/find?number={none}&lang=en")).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{none}");
        let told = answer.text().await.unwrap();
        assert!(
            told.contains("trade numbers") && told.contains("href=\"/orders\">All orders"),
            "{told}"
        );
    }
    let list = dev.page("/orders?paid=1&channel=Wechat").await;
    assert!(
        list.contains(order_sn) && list.contains("1 个订单"),
        "{list}"
    );
    // After an order that there is not, it begins anew, and says so.
    for list in ["orders", "refunds"] {
        for odd in ["nothing", "%00", "z"] {
            let page = dev.page(&format!("/{list}?before={odd}")).await;
            assert!(page.contains("：全部。"), "{list} {odd}: {page}");
        }
    }
    let nowhere = dev.get("/nothing?lang=en").await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    let nowhere = nowhere.text().await.unwrap();
    assert!(
        nowhere.contains("no such page") && nowhere.contains("href=\"/\">To the first"),
        "{nowhere}"
    );
    let nowhere = stranger.get("/nothing").await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    assert_eq!(nowhere.text().await.unwrap(), "");
    let none = dev.page("/orders?business=none").await;
    assert!(!none.contains(order_sn), "{none}");
    // The field is named as on the page, with what it takes.
    for (wrong, zh, en) in [
        (
            "orders?min=1e3",
            "“金额从”里的“1e3”",
            "Sum from: “1e3” can't",
        ),
        ("orders.csv?max=0", "“金额到”里的“0”", "from 0.01 to"),
        ("orders?state=LOST", "从列表里选", "State: “LOST”"),
        ("refunds?since=x", "“从”里的“x”", "such as 2026-11-28"),
        (
            "orders?since=2026-11-29&until=2026-11-28",
            "“从”晚于“到”",
            "From is after To",
        ),
        (
            "acts?since=2026-11-29&until=2026-11-28",
            "“从”晚于“到”",
            "From is after To",
        ),
    ] {
        for (lang, told) in [("zh-CN", zh), ("en", en)] {
            let answer = dev.get(&format!("/{wrong}&lang={lang}")).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
            let page = answer.text().await.unwrap();
            assert!(page.contains(told), "{wrong}: {page}");
        }
    }
    let one = dev.page("/orders?paid=1&channel=Wechat&lang=en").await;
    assert!(one.contains("1 order is shown: all there are."), "{one}");
    eventually("its callback is told", async || {
        let page = dev.page(&path).await;
        page.contains("回调已收下").then_some(())
    })
    .await;
    // Who reads Chinese is told in Chinese, and the addresses keep their codes.
    let page = dev.page(&path).await;
    for said in ["开始付款", "付款人", "已付款（SUCCESSPAY）", "微信支付"] {
        assert!(page.contains(said), "{said} in {page}");
    }
    let list = dev.page("/orders?channel=Wechat").await;
    assert!(
        list.contains("value=\"Wechat\" selected") && list.contains(">微信支付<"),
        "{list}"
    );
    let order = dev.page(&format!("{path}?lang=en")).await;
    assert!(
        order.contains("entries is whole") && order.contains(&channel_number),
        "{order}"
    );
    // What became of a callback comes after it was sent, and nothing makes a payment of what
    // is paid.
    let (sent, taken) = (
        order.find("callback sent").unwrap(),
        order.find("callback delivered").unwrap(),
    );
    assert!(sent < taken, "{order}");
    assert!(!order.contains("becomes SUCCESSPAY"), "{order}");

    // Given back once, however often the form is sent.
    let token = dev.hidden(&path, "token").await;
    let key = dev.hidden(&path, "key").await;
    let refund = [
        ("token", token.as_str()),
        ("key", &key),
        ("yuan", "0.30"),
        ("reason", "he <b>asked</b>"),
    ];
    let act = format!("{path}/refund");
    for _ in 0..2 {
        let answer = dev.post(&act, &refund).await;
        assert_eq!(location(&answer), format!("{path}?done=refund"));
    }
    let order = eventually("the refund is done", async || {
        let page = dev.page(&format!("{path}?done=refund")).await;
        page.contains("SUCCESSREFUND").then_some(page)
    })
    .await;
    assert!(order.contains("he &lt;b&gt;asked"), "{order}");
    let left = dev.hidden(&path, "yuan").await;
    let (_, shown) = run(&world, &["order", "show", order_sn]);
    assert_eq!(shown.matches("refund begun").count(), 1, "{shown}");
    let much = [
        refund[0],
        refund[1],
        ("yuan", "9999"),
        refund[3],
        ("key", "other"),
    ];
    let much = dev.post(&act, &[much[0], much[4], much[2], much[3]]).await;
    assert_eq!(much.status(), StatusCode::CONFLICT);
    // Whether it began may not be known: it stays the same refund.
    let again = much.text().await.unwrap();
    assert!(
        again.contains("value=\"other\"") && again.contains("value=\"9999\""),
        "{again}"
    );
    let typed = again.matches("name=\"reason\"").count();
    assert!(typed > 1, "each act asks for its reason: {again}");
    assert_eq!(again.matches("value=\"he ").count(), 1, "{again}");
    assert_eq!(
        dev.hidden(&path, "yuan").await,
        left,
        "nothing was given back"
    );
    for (name, status) in [("requery", 303), ("resend", 303), ("vanish", 404)] {
        let answer = dev
            .post(&format!("{path}/{name}"), &[refund[0], refund[3]])
            .await;
        assert_eq!(answer.status().as_u16(), status, "{name}");
    }
    // Who comes back to the page has another key: the same sum wants to be meant.
    assert!(again.contains("name=\"again\""), "{again}");
    let back = [refund[0], ("key", "later"), refund[2], refund[3]];
    let same = dev.post(&act, &back).await;
    assert_eq!(same.status(), StatusCode::CONFLICT);
    let same = same.text().await.unwrap();
    assert!(same.contains("同样的金额"), "{same}");
    // Its other language is that of the order's page.
    let other = format!("href=\"{path}?lang=en\"");
    assert!(same.contains(&other), "{same}");
    assert_eq!(dev.hidden(&path, "yuan").await, left);
    // Nor from elsewhere, without the token, or with another's.
    let foreign = HeaderMap::from_iter([(ORIGIN, "http://evil.example".parse().unwrap())]);
    let answer = dev.post_as(&act, &refund, foreign).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let answer = dev
        .post(&act, &[("token", "0"), refund[1], refund[2], refund[3]])
        .await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    // Another session was shown this form, or none: it is not said to come from elsewhere, and
    // its page is near.
    let stale = answer.text().await.unwrap();
    assert!(
        stale.contains("不是这次登录打开的") && stale.contains(&format!("href=\"{path}\"")),
        "{stale}"
    );
    let (_, acts) = run(&world, &["act", "list"]);
    let refunds = format!("dev order refund {order_sn} --money 30");
    assert_eq!(acts.matches(&refunds).count(), 3, "{acts}");
    let acts = dev.page("/acts").await;
    assert!(
        acts.contains("order requery") && !acts.contains('…'),
        "{acts}"
    );
    let signed_out = dev.post("/sign-out", &[refund[0]]).await;
    assert_eq!(location(&signed_out), "/sign-in");
    assert_eq!(location(&dev.get("/").await), "/sign-in?next=%2F");
    // What another tab still sends does nothing, says so and leads back to its page.
    let late = dev.post(&act, &refund).await;
    let sign_in = location(&late).to_owned();
    assert_eq!(
        sign_in,
        format!("/sign-in?next=%2Forder%2F{order_sn}&undone=1")
    );
    for (lang, told) in [("zh-CN", "没有执行"), ("en", "nothing was done")] {
        let page = dev.get(&format!("{sign_in}&lang={lang}")).await;
        let page = page.text().await.unwrap();
        let next = format!("value=\"{path}\"");
        assert!(page.contains(told) && page.contains(&next), "{page}");
    }
    let late = dev.post("/sign-out", &[refund[0]]).await;
    assert_eq!(location(&late), "/sign-in");
    // A session's id is told to nobody.
    let id = dev.cookie.split('=').nth(1).unwrap();
    let log = std::fs::read_to_string(world.log()).unwrap();
    assert!(!log.contains(id) && !log.contains(DEVELOPMENT[1].1));
}

#[tokio::test]
async fn an_order_is_found_told_and_given_back_on_sqlite() {
    an_order_is_found_told_and_given_back(Database::Sqlite).await;
}

#[tokio::test]
async fn an_order_is_found_told_and_given_back_on_postgres() {
    an_order_is_found_told_and_given_back(Database::Postgres).await;
}

/// An operator that was added by command: its password, and codes that stand once each for
/// a one-time password.
pub(crate) fn added(world: &World, name: &str, role: &str) -> (String, Vec<String>) {
    let (added, told) = run(world, &["operator", "add", name, "--role", role]);
    assert!(added, "{told}");
    let begins = |word| told.lines().filter_map(move |line| line.strip_prefix(word));
    let password = begins("password  ").next().unwrap().to_owned();
    (password, begins("    ").map(str::to_owned).collect())
}

/// One that has signed in.
pub(crate) async fn operator<'a>(world: &'a World, role: &str) -> Browser<'a> {
    let (password, codes) = added(world, role, role);
    let said = [("name", role), ("password", &password), ("code", &codes[0])];
    Browser::signed_in(world, &said).await
}

#[tokio::test]
async fn each_role_does_what_it_may() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (_, channel_number) = paid_order(&world).await;
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let found = dev.get(&format!("/find?number={channel_number}")).await;
    let path = location(&found);
    for (role, may) in [
        ("viewer", [false, false, false]),
        ("support", [true, true, false]),
        ("cashier", [true, true, true]),
        ("admin", [true, true, true]),
    ] {
        let browser = operator(&world, role).await;
        let page = browser.page(path).await;
        let open = page.matches("name=\"reason\"").count();
        assert_eq!(
            open,
            may.iter().filter(|may| **may).count(),
            "{role}: {page}"
        );
        let token = browser.hidden("/", "token").await;
        for (act, may) in ["requery", "resend", "refund"].into_iter().zip(may) {
            let form = [
                ("token", token.as_str()),
                ("reason", "why"),
                ("yuan", "0.01"),
                ("key", role),
                ("again", "1"),
            ];
            let answer = browser.post(&format!("{path}/{act}"), &form).await;
            let expected = if may { 303 } else { 403 };
            assert_eq!(answer.status().as_u16(), expected, "{role} {act}");
        }
        // It is paid in time, nothing went back by hand, nothing waits.
        for (act, else_) in [
            ("close", 409),
            ("honour", 409),
            ("unpaid", 409),
            ("by-hand", 404),
            ("refuse", 404),
        ] {
            let form = [
                ("token", token.as_str()),
                ("reason", "why"),
                ("way", "another"),
            ];
            let answer = browser.post(&format!("{path}/{act}"), &form).await;
            let expected = if may[2] { else_ } else { 403 };
            assert_eq!(answer.status().as_u16(), expected, "{role} {act}");
            if expected == 409 && act == "honour" {
                let told = answer.text().await.unwrap();
                assert!(told.contains("这不是关闭之后才到的钱"), "{told}");
            }
        }
    }
    // A page from before all these refunds gives nothing more back unseen.
    let token = dev.hidden("/", "token").await;
    let stale = [
        ("token", token.as_str()),
        ("reason", "why"),
        ("yuan", "0.03"),
        ("key", "stale"),
        ("left", "1000000"),
    ];
    let answer = dev.post(&format!("{path}/refund"), &stale).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let told = answer.text().await.unwrap();
    assert!(told.contains("你打开这个订单之后"), "{told}");
    let (_, told) = run(&world, &["operator", "set", "admin", "--enabled", "false"]);
    assert!(told.is_empty(), "{told}");
    let (_, listed) = run(&world, &["operator", "list"]);
    assert!(
        listed.contains("admin admin since") && listed.contains("disabled"),
        "{listed}"
    );
}

#[tokio::test]
async fn who_can_be_read_or_tries_too_often_is_not_signed_in() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let browser = Browser::new(&world);
    let page = browser.page("/sign-in?next=/orders&lang=en").await;
    assert!(
        page.contains("Sign in") && page.contains("value=\"/orders\""),
        "{page}"
    );
    let elsewhere = HeaderMap::from_iter([(HOST, "pay.example".parse().unwrap())]);
    let answer = browser.post_as("/sign-in", &DEVELOPMENT, elsewhere).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.headers().get(SET_COOKIE).is_none());
    assert!(answer.text().await.unwrap().contains("https"));
    for _ in 0..3 {
        let wrong = [DEVELOPMENT[0], ("password", "no")];
        let answer = browser.post("/sign-in", &wrong).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let page = answer.text().await.unwrap();
        assert!(page.contains("value=\"dev\""), "the name stays: {page}");
        assert!(!page.contains("value=\"no\""), "{page}");
    }
    let answer = browser.post("/sign-in", &DEVELOPMENT).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.text().await.unwrap().contains("半分钟后再试"));
    let (_, acts) = run(&world, &["act", "list"]);
    assert_eq!(
        acts.matches("sign-in from 127.0.0.1 failed").count(),
        3,
        "{acts}"
    );
}

#[tokio::test]
async fn who_did_what_is_listed_found_and_taken_away() {
    let world = World::start(Database::Sqlite).await.unwrap();
    // As a phone writes it.
    let name = ("name", "\u{ff44}ev ");
    let dev = Browser::signed_in(&world, &[name, DEVELOPMENT[1]]).await;
    for number in 100..160 {
        let sum = format!("9900{number}");
        let set = [
            "domain",
            "set",
            "demo",
            "--largest-sum",
            &sum,
            "--as",
            "=li<b>",
        ];
        let (set, told) = run(&world, &set);
        assert!(set, "{told}");
    }
    let page = dev.page("/acts?lang=en").await;
    assert!(
        page.contains("9900159") && !page.contains("9900100"),
        "{page}"
    );
    assert!(
        page.contains("=li&lt;b&gt; (") && !page.contains("=li<b>"),
        "{page}"
    );
    let next = page.split("rel=\"next\"").next().unwrap();
    let next = next.rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let older = dev.page(&next).await;
    assert!(
        older.contains("9900100") && !older.contains("9900159"),
        "{older}"
    );
    let one = dev.page("/acts?about=sum+9900107").await;
    assert_eq!(one.matches("domain set demo").count(), 1, "{one}");
    for odd in ["/acts?before=x", "/acts?before=-1", "/acts?about=%00"] {
        assert_eq!(dev.get(odd).await.status(), StatusCode::OK, "{odd}");
    }
    let long = format!("/acts?about={}", "x".repeat(201));
    assert_eq!(dev.get(&long).await.status(), StatusCode::BAD_REQUEST);
    let table = dev.get("/acts.csv?about=9900").await.text().await.unwrap();
    assert!(
        table.starts_with("\u{feff}seq,time,by,what,hash\r\n"),
        "{table}"
    );
    assert_eq!(table.matches("domain set demo").count(), 60);
    assert!(table.contains(",'=li<b> ("), "{table}");
    let (_, acts) = run(&world, &["act", "list"]);
    assert!(acts.contains("dev export /acts.csv?about=9900"), "{acts}");
}

#[tokio::test]
async fn acts_of_a_day_and_a_person_are_listed_and_taken_away() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    for number in 100..160 {
        let sum = format!("9900{number}");
        let by = if number % 2 == 0 { "li" } else { "lin" };
        let words = ["domain", "set", "demo", "--largest-sum", &sum, "--as", by];
        assert!(run(&world, &words).0);
    }
    // 23:59:59 of the day before, 00:00, and 23:59:59 of the day, in Beijing.
    let mut line = SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    let midnight_ms = 1_767_196_800_000_i64;
    for (sum, at_ms) in [
        (9_900_101, midnight_ms - 1_000),
        (9_900_102, midnight_ms),
        (9_900_103, midnight_ms + 86_399_000),
        (9_900_104, midnight_ms + 86_400_000),
    ] {
        let moved = format!(
            "update operator_act set at_ms = {at_ms} where what like '% --largest-sum {sum} %'"
        );
        assert_eq!(
            line.execute(sqlx::AssertSqlSafe(moved))
                .await
                .unwrap()
                .rows_affected(),
            1
        );
    }
    let day = "since=2026-01-01&until=2026-01-01";
    let page = dev.page(&format!("/acts?{day}")).await;
    assert_eq!(page.matches("--largest-sum").count(), 2, "{page}");
    assert!(page.contains("value=\"2026-01-01\""), "{page}");
    let (first, second) = (page.find("9900103").unwrap(), page.find("9900102").unwrap());
    assert!(first < second, "the newest first: {page}");
    let page = dev.page(&format!("/acts?{day}&by=li")).await;
    assert_eq!(page.matches("--largest-sum").count(), 1, "{page}");
    assert!(page.contains("9900102"), "{page}");

    // The table and the command tell the same.
    let table = dev.get(&format!("/acts.csv?{day}&by=li")).await;
    let table = table.text().await.unwrap();
    assert_eq!(table.lines().count(), 2, "{table}");
    let listed = ["act", "list", "--since", "2026-01-01", "--until"];
    let listed = [&listed[..], &["2026-01-02", "--by", "li"]].concat();
    let (_, told) = run(&world, &listed);
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("9900102"), "{told}");
    let (_, written) = run(&world, &[&listed[..], &["--csv"]].concat());
    assert_eq!(written, table);

    // The next page keeps what was asked for.
    let words = "until=2099-01-01&about=largest";
    let page = dev.page(&format!("/acts?{words}")).await;
    assert_eq!(page.matches("--largest-sum").count(), 50, "{page}");
    let next = page.split("rel=\"next\"").next().unwrap();
    let next = next.rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    assert!(
        next.starts_with(&format!("/acts?{words}&before=")),
        "{next}"
    );
    let page = dev.page(&next).await;
    assert_eq!(page.matches("--largest-sum").count(), 10, "{page}");
    for odd in ["/acts?since=x", "/acts.csv?until=2026-13-01"] {
        let answer = dev.get(odd).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{odd}");
    }
}

#[tokio::test]
async fn a_notify_is_shown_as_it_came_and_its_signature_checked() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (_, number) = paid_order(&world).await;
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let order = location(&dev.get(&format!("/find?number={number}")).await).to_owned();
    let path = eventually("its notify is in the story", async || {
        let page = dev.page(&order).await;
        let link = page.split("href=\"/notify/").nth(1)?;
        Some(format!("/notify/{}", link.split('"').next()?))
    })
    .await;
    let page = dev.page(&format!("{path}?lang=en")).await;
    assert!(
        page.contains("TRANSACTION.SUCCESS") && page.contains("check=1"),
        "{page}"
    );
    assert!(
        page.to_lowercase().contains("wechatpay-signature"),
        "{page}"
    );
    let page = dev.page(&format!("{path}?check=1&lang=en")).await;
    assert!(page.contains("The signature holds"), "{page}");
    let mut line = SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    let forged = "update notify set body = cast('<script>{}' as blob)";
    line.execute(forged).await.unwrap();
    let page = dev.page(&format!("{path}?check=1&lang=en")).await;
    assert!(
        page.contains("does not hold") && !page.contains("<script>"),
        "{page}"
    );
    for none in ["/notify/999", "/notify/x", "/notify/-1"] {
        assert_eq!(
            dev.get(none).await.status(),
            StatusCode::NOT_FOUND,
            "{none}"
        );
    }
}
