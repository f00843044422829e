//! The bank's rates: the published document, spoiled ones, and what is kept.

use crate::world::vectors;
use axum::Router;
use axum::extract::State;
use channels::Clock;
use channels::ecb::{RateTable, RatesError, Reference};
use payment::money::Currency;
use payment::rate::{NoRate, Rate};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const DAY_MS: i64 = 86_400_000;
/// 2026-11-24.
const TODAY_MS: i64 = 1_795_478_400_000;

fn document(day: &str, usd: &str, cny: &str) -> String {
    format!(
        "<?xml version='1.0'?><gesmes:Envelope xmlns:gesmes='http://www.gesmes.org/xml/2002-08-01' \
         xmlns='http://www.ecb.int/vocabulary/2002-08-01/eurofxref'><Cube><Cube time='{day}'>\
         <Cube currency='USD' rate='{usd}'/><Cube currency='CNY' rate='{cny}'/></Cube></Cube>\
         </gesmes:Envelope>"
    )
}

#[test]
fn the_published_document_is_read_and_crossed() {
    let Some(vector) = vectors("fx/ecb_daily.json") else {
        return;
    };
    let rates = Reference::parse(vector["xml"].as_str().unwrap()).unwrap();
    assert_eq!(rates.day, vector["expect"]["date"].as_str().unwrap());
    for (pair, expected) in vector["expect"]["cross"].as_object().unwrap() {
        let (from, to) = pair.split_once('/').unwrap();
        let crossed = rates.cross(from, to).unwrap().to_string();
        assert_eq!(crossed, expected.as_str().unwrap(), "{pair}");
    }
    assert_eq!(rates.cross("USD", "XXX"), None);
}

#[test]
fn of_a_history_the_newest_day_counts() {
    let day = document("2026-11-24", "1.0", "7.0");
    let older = "<Cube time='2026-11-23'><Cube currency='USD' rate='2.0'/></Cube></Cube></gesmes";
    let history = day.replacen("</Cube></gesmes", older, 1);
    let rates = Reference::parse(&history).unwrap();
    assert_eq!(rates.day, "2026-11-24");
    assert_eq!(rates.cross("USD", "CNY"), Rate::parse("7.0"));
}

#[test]
fn a_spoiled_document_gives_no_rates() {
    let good = document("2026-11-24", "1.0705", "7.7748");
    assert!(Reference::parse(&good).is_ok());
    for (what, bad) in [
        ("nothing", String::new()),
        ("a page", "<html><body>502</body></html>".to_owned()),
        ("cut off", good[..good.len() - 60].to_owned()),
        ("no dollars", good.replace("USD", "GBP")),
        ("zero", good.replace("1.0705", "0.0000")),
        ("negative", good.replace("1.0705", "-1.0705")),
        ("no figure", good.replace("1.0705", "1e0")),
        ("twice", good.replace("CNY", "USD")),
        ("no such day", good.replace("2026-11-24", "2026-13-24")),
        (
            "another root",
            good.replace("gesmes:Envelope", "gesmes:Letter"),
        ),
        ("another namespace", good.replace("eurofxref'", "other'")),
        (
            "a DOCTYPE",
            good.replace("?>", "?><!DOCTYPE x [<!ENTITY a 'b'>]>"),
        ),
    ] {
        let read = Reference::parse(&bad);
        let refused = matches!(read, Err(RatesError::Form(_) | RatesError::Xml(_)));
        assert!(refused, "{what}: {read:?}");
    }
}

/// A source whose answer is set, with a table over it and a clock set by hand.
struct Source {
    answer: Arc<Mutex<(u16, String)>>,
    now_ms: Arc<AtomicI64>,
    table: RateTable,
}

impl Source {
    async fn start() -> Self {
        let answer = Arc::new(Mutex::new((200, document("2026-11-24", "1.0", "7.0"))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/daily.xml", listener.local_addr().unwrap());
        let router = Router::new().fallback(told).with_state(Arc::clone(&answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let now_ms = Arc::new(AtomicI64::new(TODAY_MS));
        let hand = Arc::clone(&now_ms);
        let clock: Clock = Arc::new(move || hand.load(Ordering::Relaxed));
        let client = channels::client().unwrap();
        let table = RateTable::new(&address, 5, client, clock).unwrap();
        Self {
            answer,
            now_ms,
            table,
        }
    }

    fn say(&self, status: u16, text: &str) {
        *self.answer.lock().unwrap() = (status, text.to_owned());
    }

    fn rate(&self) -> Option<String> {
        let rate = self.table.cny_per(Currency::Usd);
        rate.ok().map(|rate| rate.to_string())
    }

    fn refusal(&self, currency: Currency) -> Option<NoRate> {
        self.table.cny_per(currency).err()
    }
}

async fn told(State(answer): State<Arc<Mutex<(u16, String)>>>) -> (axum::http::StatusCode, String) {
    let (status, text) = answer.lock().unwrap().clone();
    (axum::http::StatusCode::from_u16(status).unwrap(), text)
}

#[tokio::test]
async fn the_last_good_rates_hold_until_they_are_too_old() {
    let source = Source::start().await;
    assert_eq!(source.refusal(Currency::Usd), Some(NoRate::Unread));
    source.table.refresh().await.unwrap();
    assert_eq!(source.rate().as_deref(), Some("7.0"));
    assert_eq!(source.refusal(Currency::Cad), Some(NoRate::NotGiven));
    for (status, text) in [(500, "x".to_owned()), (200, "<html/>".to_owned())] {
        source.say(status, &text);
        assert!(source.table.refresh().await.is_err());
        assert_eq!(source.rate().as_deref(), Some("7.0"), "{text}");
    }
    source.say(200, &document("2026-11-23", "1.0", "7.1"));
    let older = source.table.refresh().await;
    assert!(matches!(older, Err(RatesError::Older(_))), "{older:?}");
    source.say(200, &document("2026-11-25", "1.0", "7.8"));
    let jump = source.table.refresh().await;
    assert!(matches!(jump, Err(RatesError::Jump { .. })), "{jump:?}");
    source
        .now_ms
        .store(TODAY_MS + 5 * DAY_MS, Ordering::Relaxed);
    assert_eq!(source.rate().as_deref(), Some("7.0"));
    source
        .now_ms
        .store(TODAY_MS + 5 * DAY_MS + 1, Ordering::Relaxed);
    assert_eq!(source.refusal(Currency::Usd), Some(NoRate::TooOld(5)));
    source.say(200, &document("2026-11-26", "1.0", "7.3"));
    source.table.refresh().await.unwrap();
    assert_eq!(source.rate().as_deref(), Some("7.3"));
}

#[tokio::test]
async fn a_day_to_come_and_a_jump_of_any_currency_are_not_believed() {
    let source = Source::start().await;
    source.say(200, &document("2062-11-24", "1.0", "7.0"));
    let future = source.table.refresh().await;
    assert!(matches!(future, Err(RatesError::Future(_))), "{future:?}");
    let with_cad = |day: &str, cad: &str| {
        let cad = format!("<Cube currency='CAD' rate='{cad}'/></Cube></Cube>");
        document(day, "1.0", "7.0").replacen("</Cube></Cube>", &cad, 1)
    };
    source.say(200, &with_cad("2026-11-24", "1.4"));
    source.table.refresh().await.unwrap();
    source.say(200, &with_cad("2026-11-25", "14"));
    let jump = source.table.refresh().await;
    assert!(matches!(jump, Err(RatesError::Jump { .. })), "{jump:?}");
    let kept = source.table.cny_per(Currency::Cad);
    assert_eq!(kept.ok(), Rate::parse("5"));
}

#[tokio::test]
async fn rates_come_from_a_file_or_from_where_they_are_vouched_for() {
    let clock: Clock = Arc::new(|| TODAY_MS);
    let client = channels::client().unwrap();
    let open = |source: &str| RateTable::new(source, 5, client.clone(), clock.clone());
    for bad in ["http://www.ecb.europa.eu/daily.xml", "ftp://a.eu/x"] {
        assert!(matches!(open(bad), Err(RatesError::Source)), "{bad}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rates.xml");
    let table = open(path.to_str().unwrap()).unwrap();
    assert!(matches!(table.refresh().await, Err(RatesError::File(_))));
    std::fs::write(&path, document("2026-11-24", "1.0", "7.25")).unwrap();
    table.refresh().await.unwrap();
    assert_eq!(table.cny_per(Currency::Usd).ok(), Rate::parse("7.25"));
}
