//! Spans arrive at a collector, in programs that can send them (docs/operating.md, Traces).

use crate::harness::{Database, World, eventually, value_of};
use crate::pay::body_of;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// All that was received.
type Received = Arc<Mutex<Vec<u8>>>;

/// A collector; gives its address.
async fn collector(received: &Received) -> String {
    let take = async |State(received): State<Received>, body: Bytes| {
        received.lock().unwrap().extend(body);
    };
    let router = Router::new().fallback(take);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router.with_state(Arc::clone(received));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/v1/traces")
}

#[tokio::test]
async fn a_page_is_traced_without_what_its_address_holds() {
    let received = Received::default();
    let url = collector(&received).await;
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let settings = [
        ("TONGFU_TRACES_URL", url.as_str()),
        ("TONGFU_LOG", "warn"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    world.restart_platform_with(&settings).await;
    let query = world.signed_query().await;
    let page = world.get(&format!("/pay.html?{query}&pick=Wechat")).await;
    let id = page.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body = body_of(&query, "Wechat");
    world.post("/pay/api/pc/pay", &body).await;
    let text = || String::from_utf8_lossy(&received.lock().unwrap()).into_owned();
    eventually("both spans", async || {
        let text = text();
        let whole = text.contains(&id) && text.contains("/pay/api/pc/pay");
        whole.then_some(())
    })
    .await;
    let text = text();
    for told in [
        "tongfu",
        "request",
        "/pay.html",
        "http.status",
        "domain.code",
        "demo",
    ] {
        assert!(text.contains(told), "{told}");
    }
    let sign = value_of(&query, "sign");
    for hidden in [sign.as_str(), "sign=", "requestKey", "select "] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}
