//! Operators of the console and their sessions.

use payment::operators::{Operator, Proof, Role};
use payment::ports::Store;
use std::sync::Arc;

fn operator(name: &str) -> Operator {
    Operator {
        name: name.to_owned(),
        role: Role::Support,
        enabled: true,
        created_ms: 5,
    }
}

fn proof(totp: Option<&str>, recovery: &[&str]) -> Proof {
    Proof {
        password: "$argon2id$one".to_owned().into(),
        totp: totp.map(|totp| totp.to_owned().into()),
        recovery: recovery.iter().map(|code| (*code).to_owned()).collect(),
    }
}

async fn begin(store: &dyn Store, digest: &str, now_ms: i64, seen_since_ms: i64) {
    let known = store.known_operator("li").await.unwrap().unwrap();
    let begun = store.begin_session(digest, &known, now_ms, seen_since_ms);
    assert!(begun.await.unwrap());
}

pub(crate) async fn an_operator_proves_itself_and_has_sessions(store: Arc<dyn Store>) {
    let li = operator("li");
    assert_eq!(
        store.known_operator("li").await.map(|one| one.is_some()),
        Ok(false)
    );
    let added = store.add_operator(&li, &proof(Some("BASE32"), &[])).await;
    assert_eq!(added, Ok(Ok(())));
    let again = store.add_operator(&li, &proof(None, &[])).await.unwrap();
    assert!(again.unwrap_err().contains("li already"));
    let other = store.add_operator(&operator("an"), &proof(None, &[])).await;
    assert_eq!(other, Ok(Ok(())));
    let names: Vec<_> = store.operators().await.unwrap();
    assert_eq!(names, [operator("an"), li.clone()]);
    let known = store.known_operator("li").await.unwrap().unwrap();
    assert_eq!(known.operator, li);
    assert!(known.proof == proof(Some("BASE32"), &[]));
    assert_eq!((known.failed, known.next_try_ms), (0, 0));
    let without = store.known_operator("an").await.unwrap().unwrap();
    assert!(without.proof.totp.is_none());

    for next_try_ms in [100, 200] {
        store.operator_failed("li", next_try_ms).await.unwrap();
    }
    let failed = store.known_operator("li").await.unwrap().unwrap();
    assert_eq!((failed.failed, failed.next_try_ms), (2, 200));
    begin(&*store, "d1", 1_000, 0).await;
    let known = store.known_operator("li").await.unwrap().unwrap();
    assert_eq!((known.failed, known.next_try_ms), (0, 0));
    let session = store.session("d1").await.unwrap().unwrap();
    assert_eq!((session.created_ms, session.seen_ms), (1_000, 1_000));
    assert_eq!(session.operator, li);
    store.see_session("d1", 2_000).await.unwrap();
    let seen = store.session("d1").await.unwrap().unwrap();
    assert_eq!((seen.created_ms, seen.seen_ms), (1_000, 2_000));
    // One that was seen lately stays beside a new one, one that was not ends.
    begin(&*store, "d2", 3_000, 2_000).await;
    let is_there = async |digest| store.session(digest).await.unwrap().is_some();
    assert!(is_there("d1").await && is_there("d2").await);
    begin(&*store, "d3", 4_000, 3_000).await;
    assert!(!is_there("d1").await && is_there("d2").await);
    store.end_session("d2").await.unwrap();
    assert!(!is_there("d2").await && is_there("d3").await);
    assert_eq!(store.set_operator_role("li", Role::Admin).await, Ok(true));
    let session = store.session("d3").await.unwrap().unwrap();
    assert_eq!(session.operator.role, Role::Admin);
    assert_eq!(store.enable_operator("li", false).await, Ok(true));
    assert!(!is_there("d3").await);
    assert_eq!(store.enable_operator("li", true).await, Ok(true));
    assert!(!is_there("d3").await);
    assert_eq!(store.enable_operator("nobody", true).await, Ok(false));
    assert_eq!(
        store.set_operator_role("nobody", Role::Admin).await,
        Ok(false)
    );
}

pub(crate) async fn what_proves_an_operator_is_replaced_or_taken_once(store: Arc<dyn Store>) {
    let codes = proof(Some("FIRST"), &["r1", "r2"]);
    store
        .add_operator(&operator("li"), &codes)
        .await
        .unwrap()
        .unwrap();
    let step = async |step| store.take_totp_step("li", step).await.unwrap();
    assert_eq!(
        [step(7).await, step(7).await, step(6).await, step(8).await],
        [true, false, false, true]
    );
    let recovery = async |digest| store.take_recovery("li", digest).await.unwrap();
    assert_eq!(
        [
            recovery("r1").await,
            recovery("r1").await,
            recovery("r9").await
        ],
        [true, false, false]
    );
    begin(&*store, "d1", 1_000, 0).await;
    let before = store.known_operator("li").await.unwrap().unwrap();
    let mut anew = proof(Some("SECOND"), &["r3"]);
    anew.password = "$argon2id$two".to_owned().into();
    assert_eq!(store.prove_operator("li", &anew).await, Ok(Ok(())));
    assert!(store.session("d1").await.unwrap().is_none());
    // Who proved himself just before that is not let in after it.
    assert_eq!(
        store.begin_session("d2", &before, 1_000, 0).await,
        Ok(false)
    );
    assert!(store.session("d2").await.unwrap().is_none());
    assert_eq!([recovery("r2").await, recovery("r3").await], [false, true]);
    let nobody = store.prove_operator("nobody", &anew).await.unwrap();
    assert!(nobody.unwrap_err().contains("nobody"));
    assert_eq!(store.rotate_key().await, Ok(Ok(1)));
    let known = store.known_operator("li").await.unwrap().unwrap();
    assert_eq!(
        known.proof.totp.unwrap().as_str(),
        "SECOND",
        "by another key"
    );
}
