//! The console's queues: what waits, who is at work, how channels stand, what ends
//! (docs/console.md, Queues).

use crate::console::{Browser, DEVELOPMENT};
use crate::forecore::run;
use crate::harness::{Database, World, eventually};
use crate::refund::paid_order;

async fn queues_tell_who_is_at_work_and_what_ends(database: Database) {
    let Some(mut world) = World::start(database).await else {
        return;
    };
    paid_order(&world).await;
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let page = eventually("all is in time", async || {
        let page = dev.page("/queues?lang=en").await;
        let all = [
            "All in time",
            "None within 30 days.",
            "None: all take",
            "Nobody is told: alarm_url is not set.",
        ];
        all.iter().all(|text| page.contains(text)).then_some(page)
    })
    .await;
    for said in [
        "Wechat / sandbox",
        "this one",
        env!("CARGO_PKG_VERSION"),
        " ago",
    ] {
        assert!(page.replace("<!>", "").contains(said), "{said} in {page}");
    }
    assert_eq!(page.matches("this one").count(), 1, "{page}");
    let board = dev.page("/?lang=en").await;
    assert!(board.contains("All in time"), "{board}");
    let page = dev.page("/queues?lang=zh").await;
    assert!(
        page.contains("都按时") && page.contains("30 天内没有"),
        "{page}"
    );

    // Another instance than the channels' share reckons with; a secret that is rotated.
    let other = world.blind_instance().await;
    let page = dev.page("/queues?lang=en").await;
    assert!(page.contains("2 are at work"), "{page}");
    let (_, told) = run(&world, &["doctor"]);
    assert!(
        told.contains("note  2 instances are at work, and the setting instances is 1"),
        "{told}"
    );
    let board = dev.page("/?lang=en").await;
    assert!(board.contains("One thing to look at."), "{board}");
    assert!(
        board.contains("<p class=\"\">None: no money waits for a person."),
        "not in green while there is something to look at: {board}"
    );
    drop(other);
    let (rotated, told) = run(&world, &["domain", "rotate", "demo", "--overlap", "7d"]);
    assert!(rotated, "{told}");
    world
        .restart_platform_with(&[
            ("TONGFU_INSTANCES", "9"),
            (
                "TONGFU_ALARM_URL",
                "https://user:abc-token@qyapi.weixin.qq.com/abc-token?key=abc-token",
            ),
        ])
        .await;
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let page = eventually("it was looked for what ends", async || {
        let page = dev.page("/queues?lang=en").await;
        page.contains("Looked at").then_some(page)
    })
    .await;
    assert!(
        page.contains("an older secret of demo") && page.contains("6 days left"),
        "{page}"
    );
    assert!(!page.contains("at work, and"), "{page}");
    assert!(
        page.contains("Sent to qyapi.weixin.qq.com (wecom)."),
        "{page}"
    );
    assert!(!page.contains("abc-token"), "{page}");
}

#[tokio::test]
async fn queues_tell_who_is_at_work_and_what_ends_on_sqlite() {
    queues_tell_who_is_at_work_and_what_ends(Database::Sqlite).await;
}

#[tokio::test]
async fn queues_tell_who_is_at_work_and_what_ends_on_postgres() {
    queues_tell_who_is_at_work_and_what_ends(Database::Postgres).await;
}
