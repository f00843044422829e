//! Refunds that one operator asks for and another grants (docs/console.md, Refunds by two).

use crate::console::{Browser, added, location};
use crate::harness::{Database, World, database_url, eventually, temp_folder, tongfu};
use crate::refund::{given_back, paid_order};
use reqwest::StatusCode;
use std::io::Write;
use std::process::Stdio;

/// What one may give back alone here.
const ALONE: (&str, &str) = ("TONGFU_REFUND_ALONE", "1.00");

async fn world(database: Database) -> Option<World> {
    let folder = temp_folder();
    let url = database_url(database, &folder).await?;
    Some(World::start_with(folder, url, &[ALONE]).await)
}

/// A command, with what is typed.
pub(crate) fn typed(world: &World, arguments: &[&str], said: &str) -> (bool, String) {
    let mut command = tongfu(&world.database_url);
    let mut child = command
        .args(arguments)
        .env(ALONE.0, ALONE.1)
        .env("TONGFU_ACCOUNTS", world.accounts())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{said}").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

async fn signed_in<'a>(world: &'a World, name: &str) -> (Browser<'a>, Vec<String>) {
    signed_in_as(world, name, "cashier").await
}

/// A new operator of this role, and the codes that are left.
pub(crate) async fn signed_in_as<'a>(
    world: &'a World,
    name: &str,
    role: &str,
) -> (Browser<'a>, Vec<String>) {
    let (password, mut codes) = added(world, name, role);
    let code = codes.remove(0);
    let said = [("name", name), ("password", &password), ("code", &code)];
    (Browser::signed_in(world, &said).await, codes)
}

async fn one_asks_and_another_grants(database: Database) {
    let Some(world) = world(database).await else {
        return;
    };
    let (_, number) = paid_order(&world).await;
    let (li, mut lis_codes) = signed_in(&world, "li").await;
    let (an, mut ans_codes) = signed_in(&world, "an").await;
    let path = location(&li.get(&format!("/find?number={number}")).await).to_owned();
    let page = li.page(&format!("{path}?lang=en")).await;
    assert!(page.contains("Alone at most 1.00 of an order"), "{page}");

    let token = li.hidden(&path, "token").await;
    let key = li.hidden(&path, "key").await;
    let refund = [
        ("token", token.as_str()),
        ("key", &key),
        ("yuan", "1.01"),
        ("reason", "it <b>broke</b>"),
    ];
    let asked = li.post(&format!("{path}/refund"), &refund).await;
    assert_eq!(location(&asked), format!("{path}?done=asked"));
    let board = an.page("/?lang=en").await;
    assert!(
        board.contains("li asks for a refund of ¥1.01")
            && board.contains("must grant")
            && board.contains("<td class=\"number\">¥1.01</td>")
            && board.contains("#acts\""),
        "{board}"
    );
    let page = li.page(&format!("{path}?lang=en")).await;
    assert!(
        page.contains("can&#x27;t grant it") || page.contains("can't grant it"),
        "{page}"
    );
    assert!(page.contains("it &lt;b&gt;broke"), "{page}");

    let request = an.hidden(&path, "request").await;
    let grant = async |who: &Browser<'_>, code: &str| {
        let token = who.hidden(&path, "token").await;
        let form = [
            ("token", token.as_str()),
            ("request", &request),
            ("code", code),
        ];
        who.post(&format!("{path}/grant"), &form).await
    };
    let own = grant(&li, &lis_codes.remove(0)).await;
    assert_eq!(own.status(), StatusCode::CONFLICT);
    let wrong = grant(&an, "000000").await;
    assert_eq!(wrong.status(), StatusCode::CONFLICT);
    assert_eq!(given_back(&world, &number).await, 0);
    let granted = grant(&an, &ans_codes.remove(0)).await;
    assert_eq!(location(&granted), format!("{path}?done=grant"));
    eventually("the money is back", async || {
        (given_back(&world, &number).await == 101).then_some(())
    })
    .await;
    // Nothing waits any more: who did it is told, and no one-time password is spent.
    let twice = grant(&an, &ans_codes[0]).await;
    assert_eq!(twice.status(), StatusCode::CONFLICT);
    let twice = twice.text().await.unwrap();
    assert!(twice.contains("已由 an 同意"), "{twice}");
    let page = an.page(&path).await;
    assert!(
        page.contains("by li granted by an: it &lt;b&gt;broke"),
        "{page}"
    );

    // The same at the command line.
    let order_sn = path.strip_prefix("/order/").unwrap();
    let refund = ["order", "refund", order_sn, "--yuan", "0.60"];
    let (alone, told) = typed(&world, &refund, "");
    assert!(alone, "{told}");
    let (again, told) = typed(&world, &refund, "");
    assert!(
        !again && told.contains("tick “Once more”") && told.contains("--again"),
        "{told}"
    );
    let refund = [&refund[..], &["--again"]].concat();
    let (alone, told) = typed(&world, &refund, "");
    assert!(!alone && told.contains("--operator NAME"), "{told}");
    let by_li = [&refund[..], &["--operator", "li", "--reason", "why"]].concat();
    let (wrong, told) = typed(&world, &by_li, "123456");
    assert!(
        !wrong && told.contains("one-time password is wrong"),
        "{told}"
    );
    let (asked, told) = typed(&world, &by_li, &lis_codes.remove(0));
    assert!(asked && told.contains("must grant it"), "{told}");
    let (_, listed) = typed(&world, &["order", "list", "--at-risk"], "");
    let line = listed
        .lines()
        .find(|line| line.starts_with("asked"))
        .unwrap();
    let request = line.rsplit(' ').next().unwrap();
    let grant = |name| ["order", "grant", request, "--operator", name];
    let (own, told) = typed(&world, &grant("li"), &lis_codes.remove(0));
    assert!(
        !own && told.contains("who asks for a refund can't grant it"),
        "{told}"
    );
    let (granted, told) = typed(&world, &grant("an"), &ans_codes.remove(0));
    assert!(granted, "{told}");
    eventually("that money is back too", async || {
        (given_back(&world, &number).await == 221).then_some(())
    })
    .await;
    let (asked, told) = typed(&world, &by_li, &lis_codes.remove(0));
    assert!(asked, "{told}");
    let (_, listed) = typed(&world, &["order", "list", "--at-risk"], "");
    let line = listed
        .lines()
        .find(|line| line.starts_with("asked"))
        .unwrap();
    let request = line.rsplit(' ').next().unwrap();
    let refuse = [
        "order",
        "refuse",
        request,
        "--operator",
        "an",
        "--reason",
        "no",
    ];
    let (refused, told) = typed(&world, &refuse, &ans_codes.remove(0));
    assert!(refused, "{told}");
    let (_, listed) = typed(&world, &["order", "list", "--at-risk"], "");
    assert!(!listed.contains("asked"), "{listed}");
    let (_, acts) = typed(&world, &["act", "list"], "");
    assert!(
        acts.contains("an order grant Q") && acts.contains("an order refuse Q"),
        "{acts}"
    );
    let mut grants = acts.lines().filter(|line| line.contains("order grant Q"));
    assert!(
        grants.all(|line| !line.contains("--reason")),
        "none was given: {acts}"
    );
    acts_are_found_by_their_order(&world, &an, order_sn).await;
}

/// What grants and refuses names no order, and is found by it all the same.
async fn acts_are_found_by_their_order(world: &World, an: &Browser<'_>, order_sn: &str) {
    let (_, acts) = typed(world, &["act", "list", "--about", order_sn], "");
    let count = |word: &str| acts.matches(word).count();
    // Once, and once at the command line.
    assert_eq!(count("an order grant Q"), 2, "{acts}");
    assert_eq!(count("an order refuse Q"), 1, "{acts}");
    assert!(count(" failed") >= 2, "of its acts too: {acts}");
    assert!(!acts.contains("sign-in from"), "{acts}");
    let by_an = ["act", "list", "--about", order_sn, "--by", "an"];
    let (_, acts) = typed(world, &by_an, "");
    assert!(acts.contains("order grant Q"), "{acts}");
    assert!(!acts.contains(" li "), "{acts}");
    let page = async |by: &str| {
        let page = an.page(&format!("/acts?about={order_sn}&by={by}")).await;
        page.replace("<!>", "")
    };
    let (by_an, by_li) = (page("an").await, page("li").await);
    let linked = format!("order grant <a href=\"/order/{order_sn}\">Q");
    assert!(by_an.matches(&linked).count() >= 3, "{by_an}");
    let linked = format!("order refund <a href=\"/order/{order_sn}\">{order_sn}</a>");
    assert!(by_li.contains(&linked), "{by_li}");
}

#[tokio::test]
async fn one_asks_and_another_grants_on_sqlite() {
    one_asks_and_another_grants(Database::Sqlite).await;
}

#[tokio::test]
async fn one_asks_and_another_grants_on_postgres() {
    one_asks_and_another_grants(Database::Postgres).await;
}

/// A code that is wrong is told of under the name of who typed it, with what he was about to
/// do, and is throttled as a sign-in is.
#[tokio::test]
async fn a_wrong_code_of_who_grants_is_recorded_and_puts_the_next_one_off() {
    let world = world(Database::Sqlite).await.unwrap();
    let (_, number) = paid_order(&world).await;
    let (li, _) = signed_in(&world, "li").await;
    let (an, mut codes) = signed_in(&world, "an").await;
    let path = location(&li.get(&format!("/find?number={number}")).await).to_owned();
    let (token, key) = (
        li.hidden(&path, "token").await,
        li.hidden(&path, "key").await,
    );
    let asked = [
        ("token", token.as_str()),
        ("key", &key),
        ("yuan", "1.01"),
        ("reason", "why"),
    ];
    li.post(&format!("{path}/refund"), &asked).await;
    let (token, request) = (
        an.hidden(&path, "token").await,
        an.hidden(&path, "request").await,
    );
    let grant = async |request: &str, code: &str| {
        let form = [
            ("token", token.as_str()),
            ("request", request),
            ("code", code),
        ];
        an.post(&format!("{path}/grant"), &form).await.status()
    };
    for asked in [&request, "<b>\n", &request] {
        assert_eq!(grant(asked, "000000").await, StatusCode::CONFLICT);
    }
    let right = codes.remove(0);
    let put_off = grant(&request, &right).await;
    assert_eq!(put_off, StatusCode::CONFLICT, "though it is right");
    assert_eq!(given_back(&world, &number).await, 0);
    let (_, acts) = typed(&world, &["act", "list", "--by", "an"], "");
    let told = format!("an one-time password for order grant {request} from 127.0.0.1 failed");
    assert_eq!(acts.matches(&told).count(), 2, "{acts}");
    let told = "an one-time password for order grant from 127.0.0.1 failed";
    assert_eq!(acts.matches(told).count(), 1, "{acts}");
    assert!(!acts.contains("000000"), "{acts}");
    eventually("the next try is taken", async || {
        (grant(&request, &right).await == StatusCode::SEE_OTHER).then_some(())
    })
    .await;
}
