//! Figures at the console, and tables of orders that are taken away (docs/console.md,
//! Figures; CSV).

use crate::console::{Browser, DEVELOPMENT, operator};
use crate::forecore::run;
use crate::harness::{Database, World, eventually};
use crate::pay::{body_of, errcode};
use crate::sign::signed;
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

/// As long as Excel keeps digits of no number.
const LONG_KEY: &str = "1234567890123456";
const FORMULA: &str = "=cmd|' /C calc'!A0";

/// An order of these goods, begun; gives the channel's number.
async fn begun(world: &World, key: &str, fen: &str, goods: &str) -> String {
    let pairs = [
        ("domainCode", "test"),
        ("money", fen),
        ("info", goods),
        ("requestKey", key),
        ("currencyType", "CNY"),
        ("bgUrl", "http://www.sina.com/cb"),
    ];
    let query = signed(&pairs, "test");
    let body = body_of(&query, "Wechat");
    let answer = world.post("/pay/api/pc/pay", &body).await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    world.newest_order().await
}

/// Pays it, and waits until that is known.
async fn paid(world: &World, number: &str) {
    let pay = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", pay).await;
    eventually("the payment", async || {
        let (_, shown) = run(world, &["order", "find", number]);
        shown.contains("SUCCESSPAY").then_some(())
    })
    .await;
}

/// The cells of a table without quoted line ends.
fn cells(table: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}

async fn a_list_is_taken_as_a_table(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let number = begun(&world, LONG_KEY, "12345", FORMULA).await;
    paid(&world, &number).await;
    begun(&world, "open1", "7", "two, \"quoted\"").await;
    let viewer = operator(&world, "viewer").await;
    let stranger = Browser::new(&world);
    assert_eq!(
        stranger.get("/orders.csv").await.status(),
        StatusCode::SEE_OTHER
    );
    let list = viewer.page("/orders?state=SUCCESSPAY&paid=1").await;
    let address = list.split("href=\"/orders.csv").nth(1).unwrap();
    let address = address.split('"').next().unwrap().replace("&amp;", "&");
    let answer = viewer.get(&format!("/orders.csv{address}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(header("cache-control"), "no-store");
    let name = header("content-disposition");
    assert!(
        name.starts_with("attachment; filename=\"orders-20") && name.ends_with(".csv\""),
        "{name}"
    );
    let table = answer.text().await.unwrap();
    let [order] = &*cells(&table) else {
        panic!("{table}");
    };
    assert_eq!(order[1], "SUCCESSPAY");
    assert_eq!(order[3], format!("{LONG_KEY}\t"));
    assert_eq!(order[4], "123.45");
    assert_eq!(order[12], format!("'{FORMULA}"));
    assert!(order[10].ends_with("+08:00"), "{order:?}");

    // The same rows and bytes by the command, the newest last.
    let all = viewer.get("/orders.csv?").await.bytes().await.unwrap();
    assert!(all.starts_with(b"\xef\xbb\xbforderSn,"), "{all:?}");
    let all = String::from_utf8(all.to_vec()).unwrap();
    let (_, told) = run(&world, &["order", "list", "--csv"]);
    let (mut all, told): (Vec<_>, Vec<_>) =
        (all.split("\r\n").collect(), told.split("\r\n").collect());
    assert_eq!(all.len(), 4, "{all:?}");
    all[1..3].reverse();
    assert_eq!(all, told);
    assert!(
        all[2].ends_with("\"two, \"\"quoted\"\"\",0.07,CNY,0.00"),
        "{all:?}"
    );

    assert_eq!(
        viewer.get("/orders.csv?min=1e3").await.status(),
        StatusCode::BAD_REQUEST
    );
    let (_, acts) = run(&world, &["act", "list"]);
    assert!(
        acts.contains("viewer export /orders.csv?state=SUCCESSPAY&paid=1"),
        "{acts}"
    );
    assert_eq!(acts.matches("export /orders.csv").count(), 2, "{acts}");
}

#[tokio::test]
async fn a_list_is_taken_as_a_table_on_sqlite() {
    a_list_is_taken_as_a_table(Database::Sqlite).await;
}

#[tokio::test]
async fn a_list_is_taken_as_a_table_on_postgres() {
    a_list_is_taken_as_a_table(Database::Postgres).await;
}

/// Each number of a refund stands in the list, in the table, at the command and at its order.
async fn refunds_are_listed_and_taken_as_a_table(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let number = begun(&world, "k1", "25600", "x").await;
    paid(&world, &number).await;
    let (_, all) = run(&world, &["order", "list", "--csv"]);
    let order_sn = cells(&all)[0][0].trim().to_owned();
    let given = ["order", "refund", &order_sn, "--money", "12800"];
    let (well, told) = run(&world, &[&given[..], &["--key", "=half"]].concat());
    assert!(well, "{told}");
    let line = eventually("the refund", async || {
        let (_, told) = run(&world, &["order", "refunds", "--state", "SUCCESSREFUND"]);
        (!told.is_empty()).then_some(told)
    })
    .await;
    assert!(
        line.contains(&order_sn) && line.contains("¥128.00"),
        "{line}"
    );
    let refund_no = line.split(' ').next().unwrap();

    let viewer = operator(&world, "viewer").await;
    let stranger = Browser::new(&world);
    for path in ["/refunds", "/refunds.csv"] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
    }
    let list = viewer
        .page("/refunds?state=SUCCESSREFUND&cause=operator")
        .await;
    for said in [refund_no, "¥128.00", &format!("/order/{order_sn}")] {
        assert!(list.contains(said), "{said}: {list}");
    }
    assert!(
        !viewer
            .page("/refunds?state=PARKED")
            .await
            .contains(refund_no)
    );
    assert!(viewer.page("/orders").await.contains("128.00"));
    let order = viewer.page(&format!("/order/{order_sn}")).await;
    assert!(order.contains("¥256.00 中的 ¥128.00"), "{order}");
    assert!(order.contains("还可退 ¥128.00"), "{order}");
    let figures = viewer.page("/figures?by=charge").await;
    let (_, by_charge) = figures.rsplit_once("各渠道收的钱").unwrap();
    let (by_charge, _) = by_charge.split_once("</table>").unwrap();
    assert!(
        by_charge.contains("256.00") && by_charge.contains("128.00"),
        "{figures}"
    );

    let address = list.split("href=\"/refunds.csv").nth(1).unwrap();
    let address = address.split('"').next().unwrap().replace("&amp;", "&");
    let answer = viewer.get(&format!("/refunds.csv{address}")).await;
    let name = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(
        name.starts_with("attachment; filename=\"refunds-20"),
        "{name}"
    );
    let table = answer.text().await.unwrap();
    let [refund] = &*cells(&table) else {
        panic!("{table}");
    };
    assert_eq!(refund[2], "SUCCESSREFUND");
    assert_eq!(refund[3], format!("{order_sn}\t"));
    assert_eq!(
        (&*refund[5], &*refund[6], &*refund[9]),
        ("128.00", "CNY", "operator")
    );
    let (_, told) = run(&world, &["order", "refunds", "--csv"]);
    assert_eq!(told, table, "the same bytes by the command");
    let orders = viewer.get("/orders.csv").await.text().await.unwrap();
    assert_eq!(cells(&orders)[0][15], "128.00");

    for unread in ["state=GONE", "cause=nobody", "since=yesterday"] {
        for path in ["/refunds", "/refunds.csv"] {
            let answer = viewer.get(&format!("{path}?{unread}")).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}?{unread}");
        }
    }
    let (_, acts) = run(&world, &["act", "list"]);
    let export = "viewer export /refunds.csv?state=SUCCESSREFUND&cause=operator";
    assert!(acts.contains(export), "{acts}");
}

#[tokio::test]
async fn refunds_are_listed_and_taken_as_a_table_on_sqlite() {
    refunds_are_listed_and_taken_as_a_table(Database::Sqlite).await;
}

#[tokio::test]
async fn refunds_are_listed_and_taken_as_a_table_on_postgres() {
    refunds_are_listed_and_taken_as_a_table(Database::Postgres).await;
}

/// The statements that make `copies` of every attempt, begun a second apart.
fn copies(copies: u32) -> String {
    let columns = "request_id, channel, account, kind, channel_money, channel_currency, \
        signed_values, secret_generation, status, expires_ms";
    format!(
        "insert into attempt ({columns}, order_sn, token, channel_order_no, created_ms) \
         with recursive n (i) as (select 1 union all select i + 1 from n where i < {copies}) \
         select {columns}, '2' || substr('0000000' || i, -7), 'copy' || i, 'copy' || i, \
         created_ms - 1000 * i from attempt cross join n"
    )
}

#[tokio::test]
async fn a_long_list_is_taken_whole_and_once() {
    let world = World::start(Database::Sqlite).await.unwrap();
    begun(&world, "k1", "7", "x").await;
    let url = &world.database_url;
    let mut line = SqliteConnection::connect(url).await.unwrap();
    line.execute(AssertSqlSafe(copies(1_200))).await.unwrap();
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let table = dev.get("/orders.csv").await.text().await.unwrap();
    let numbers = cells(&table).into_iter().map(|row| row[0].clone());
    let mut numbers: Vec<_> = numbers.collect();
    assert_eq!(numbers.len(), 1_201);
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 1_201, "none twice");
}

/// The links of a page to orders, each with what it stands at.
fn links(page: &str) -> Vec<(String, usize)> {
    let parts = page.split("<a href=\"/orders?").skip(1);
    let link = |part: &str| {
        let (address, rest) = part.split_once("\">").unwrap();
        let (count, _) = rest.split_once('<').unwrap();
        let address = address.replace("&amp;", "&");
        (format!("/orders?{address}&lang=en"), count.parse().unwrap())
    };
    parts.map(link).collect()
}

async fn each_figure_is_made_of_its_rows(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    for (key, fen) in [("k1", "12345"), ("k2", "100")] {
        let number = begun(&world, key, fen, "x").await;
        paid(&world, &number).await;
    }
    begun(&world, "open", "7", "x").await;
    let viewer = operator(&world, "viewer").await;
    let nothing = World::start(Database::Sqlite).await.unwrap();
    let nothing = Browser::signed_in(&nothing, &DEVELOPMENT)
        .await
        .page("/figures?lang=en")
        .await;
    assert!(
        nothing.contains("Nothing was paid in this time."),
        "{nothing}"
    );

    for (query, name) in [
        ("lang=en", "Wechat"),
        ("days=7&by=business&lang=en", "test"),
        ("days=30&by=account&lang=en", "Wechat/sandbox"),
        ("days=7&by=currency&lang=en", "CNY"),
    ] {
        let page = viewer.page(&format!("/figures?{query}")).await;
        let by_kind = page.split("<h3>By ").nth(1).unwrap();
        let line = by_kind.split(&format!("<td>{name}</td>")).nth(1).unwrap();
        let line = line.split("</tr>").next().unwrap();
        assert!(
            line.contains(">2</a>") && line.contains("¥124.45"),
            "{line}"
        );
        assert!(page.contains("66.6 %"), "two of three: {page}");
        assert!(page.contains("class=\"plot\""), "{page}");
        let links = links(&page);
        // Days, or hours, a kind, the made and the paid of a channel, how long these took.
        let counts: Vec<_> = links.iter().map(|(_, count)| *count).collect();
        assert!(counts.ends_with(&[2, 3, 2, 2]), "{counts:?}: {page}");
        let by_time = &counts[..counts.len() - 4];
        assert_eq!(by_time.iter().sum::<usize>(), 2, "{page}");
        for (address, count) in links {
            let list = viewer.page(&address).await;
            let shown = match count {
                1 => "1 order is shown: all there are.".to_owned(),
                _ => format!("{count} orders are shown: all there are."),
            };
            assert!(list.contains(&shown), "{address}: {list}");
        }
    }
    // Which currency is which, where the plot and the table are of two.
    let page = viewer.page("/figures?days=7&by=charge&lang=en").await;
    assert!(
        page.contains("CNY paid by day, in the requests' currency")
            && page.contains("Charged by channel, in the currency that it took"),
        "{page}"
    );
    for wrong in ["days=2", "days=x", "by=payer"] {
        let answer = viewer.get(&format!("/figures?{wrong}")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn each_figure_is_made_of_its_rows_on_sqlite() {
    each_figure_is_made_of_its_rows(Database::Sqlite).await;
}

#[tokio::test]
async fn each_figure_is_made_of_its_rows_on_postgres() {
    each_figure_is_made_of_its_rows(Database::Postgres).await;
}
