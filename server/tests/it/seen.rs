//! What packaging/ asks of the metrics is there (docs/operating.md, To look).

use crate::harness::{Database, World, eventually};
use crate::pay::{body_of, errcode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ALERTS: &str = include_str!("../../../packaging/alerts.yml");
const DASHBOARD: &str = include_str!("../../../packaging/grafana.json");

/// The names of ours in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
    words.filter(|word| word.starts_with("tongfu_")).collect()
}

#[tokio::test]
async fn every_metric_of_the_alerts_and_the_dashboard_is_there() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let pay = |query: String| body_of(&query, "Wechat");
    let answer = world.post("/pay/api/pc/pay", &pay(query.clone())).await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    let number = json!({ "channelOrderNo": world.newest_order().await });
    world.control(&world.gateway, "pay", number).await;
    let wrong = query.replace("sign=", "sign=0");
    let refused = world.post("/pay/api/pc/pay", &pay(wrong)).await;
    assert_eq!(errcode(&refused), "10004", "{refused}");
    world.text("/forecore/order?partnerId=nobody").await;

    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
    let wanted = &names(ALERTS) | &names(DASHBOARD);
    assert!(wanted.len() > 20, "{wanted:?}");
    eventually("every metric", async || {
        let told = world.metrics().await;
        let samples = told.lines().filter(|line| !line.starts_with('#'));
        let there: BTreeSet<&str> = samples.flat_map(names).collect();
        wanted.is_subset(&there).then_some(())
    })
    .await;
    let told = world.metrics().await;
    for line in [
        "tongfu_attempts_total{channel=\"Wechat\",outcome=\"begun\"} 1",
        "tongfu_attempts_total{channel=\"Wechat\",outcome=\"paid\"} 1",
        "tongfu_attempts_total{channel=\"Alipay\",outcome=\"begun\"} 0",
        "tongfu_answers_total{door=\"platform\",errcode=\"0\"} 1",
        "tongfu_answers_total{door=\"platform\",errcode=\"10004\"} 1",
        "tongfu_answers_total{door=\"apay\",errcode=\"none\"} 1",
        "tongfu_callback_seconds_count 1",
        "tongfu_callback_seconds_bucket{le=\"60\"} 1",
        "tongfu_secret_days 3650",
    ] {
        assert!(told.lines().any(|there| there == line), "{line}\n{told}");
    }
}
