//! The sender of callbacks, and where it does not go.

use crate::world::now_ms;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::routing::get;
use channels::receiver::HttpReceiver;
use payment::ports::{Call, CallbackAnswer, Receiver};
use std::sync::Arc;
use tokio::net::TcpListener;

async fn business_system() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/ok", get(|| async { "success\n" }))
        .route("/nul", get(|| async { "a\0b" }))
        .route("/long", get(|| async { "x".repeat(70_000) }))
        .route("/medium", get(|| async { "x".repeat(5_000) }))
        .route(
            "/away",
            get(|| async { (StatusCode::FOUND, [(LOCATION, "/login?sign=ab")], "") }),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn receiver() -> HttpReceiver {
    HttpReceiver::new(Arc::new(now_ms)).unwrap()
}

async fn call(
    receiver: &HttpReceiver,
    url: &str,
    private_hosts: &[String],
    loopback: bool,
) -> CallbackAnswer {
    let call = Call {
        domain_code: "shop",
        url,
        body: None,
        private_hosts,
        loopback,
    };
    receiver.call(&call).await
}

#[tokio::test]
async fn an_answer_is_read_as_far_as_it_is_needed() {
    let base = business_system().await;
    let receiver = receiver();
    let get = async |path: &str| call(&receiver, &format!("{base}{path}"), &[], true).await;
    let answer = get("/ok").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (Some(200), "success\n")
    );
    let away = get("/away").await;
    assert_eq!(away.status, Some(302), "redirects are not followed");
    assert_eq!(away.location.as_deref(), Some("/login"));
    assert_eq!(get("/long").await.status, None, "longer than 64 KB");
    assert_eq!(
        get("/medium").await.text.len(),
        5_000,
        "a door judges all of it"
    );
    assert_eq!(get("/nul").await.text, "a\u{fffd}b");
}

#[tokio::test]
async fn private_addresses_are_called_where_that_is_allowed_only() {
    let base = business_system().await;
    let receiver = receiver();
    let (literal, named) = (
        format!("{base}/ok"),
        format!("{base}/ok").replace("127.0.0.1", "localhost"),
    );
    for url in [&literal, &named] {
        let answer = call(&receiver, url, &[], false).await;
        assert_eq!(answer.status, None, "{url}");
        assert!(
            answer.text.contains("not allowed"),
            "{url}: {}",
            answer.text
        );
        assert_eq!(
            call(&receiver, url, &[], true).await.status,
            Some(200),
            "{url}"
        );
    }
    let listed = ["127.0.0.1".to_owned()];
    assert_eq!(
        call(&receiver, &literal, &listed, false).await.status,
        Some(200)
    );
    for url in [
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://[fd00::1]/",
        "not an address",
    ] {
        assert_eq!(call(&receiver, url, &[], true).await.status, None, "{url}");
    }
}

/// The text of a call that has no answer.
async fn without_answer(url: &str) -> String {
    let answer = call(&receiver(), url, &[], true).await;
    assert_eq!(answer.status, None, "{url}: {}", answer.text);
    assert!(!answer.text.contains("SECRET"), "{}", answer.text);
    answer.text
}

#[tokio::test]
async fn a_connection_that_fails_is_told_in_plain_words() {
    let base = business_system().await;
    let https = base.replace("http://", "https://");
    let text = without_answer(&format!("{https}/ok?sign=SECRET")).await;
    assert!(text.starts_with("it does not speak TLS"), "{text}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    let text = without_answer(&format!("http://{free}/?sign=SECRET")).await;
    assert!(text.starts_with("nothing listens at its port"), "{text}");
    let text = without_answer("http://nobody.invalid/?sign=SECRET").await;
    assert!(text.starts_with("its name is not found"), "{text}");
}
