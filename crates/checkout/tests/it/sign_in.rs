//! Operators sign in (docs/console.md, Signing in).

use crate::scene::new_database;
use checkout::{NotSignedIn, Operators, given};
use payment::operators::{Operator, Role};
use payment::ports::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use totp_rs::{Builder, Secret};

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) fn operator(name: &str, role: Role) -> Operator {
    Operator {
        name: name.to_owned(),
        role,
        enabled: true,
        created_ms: 0,
    }
}

/// A door over a database of its own, whose secrets are sealed, and its clock.
async fn door() -> (Operators, Arc<dyn Store>, Arc<AtomicI64>) {
    let address = store::Address::from(new_database().as_str());
    let address = address.sealed_by(store::Keys::development());
    let store = store::migrate(address).await.unwrap();
    let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
    let clock = Arc::clone(&now_ms);
    let clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let operators = Operators::new(Arc::clone(&store), clock, false);
    (operators, store, now_ms)
}

#[tokio::test]
async fn a_one_time_password_is_taken_once_and_a_recovery_code_too() {
    let (door, store, now_ms) = door().await;
    let made = given("li", PASSWORD, true).unwrap();
    let li = operator("li", Role::Viewer);
    store.add_operator(&li, &made.proof).await.unwrap().unwrap();
    let key = made.proof.totp.unwrap();
    let totp = Builder::new()
        .with_secret(Secret::try_from_base32(&*key).unwrap())
        .build()
        .unwrap();
    let now = || now_ms.load(Ordering::Relaxed);
    let code = || {
        let seconds = u64::try_from(now() / 1000).unwrap();
        totp.generate(seconds).to_string()
    };
    let wrong = Err(NotSignedIn::Wrong);
    let sign_in = async |code: &str| door.sign_in("li", PASSWORD, code, "here").await;
    assert_eq!(sign_in("").await, wrong);
    let id = sign_in(&code()).await.unwrap();
    let session = door.session(&id).await.unwrap().unwrap();
    assert_eq!(session.operator, li);
    // Who looked over a shoulder has nothing.
    assert_eq!(sign_in(&code()).await, wrong);
    now_ms.fetch_add(60_000, Ordering::Relaxed);
    sign_in(&code()).await.unwrap();
    let recovery = made.recovery[0].to_uppercase();
    sign_in(&recovery).await.unwrap();
    assert_eq!(sign_in(&recovery).await, wrong);
    // What is kept is worth nothing.
    let known = store.known_operator("li").await.unwrap().unwrap();
    assert!(!known.proof.password.contains(PASSWORD));
    assert!(
        door.session(&made.proof.recovery[1])
            .await
            .unwrap()
            .is_none()
    );
    let acts = store.acts(0, 99).await.unwrap();
    let failed = acts
        .iter()
        .filter(|act| act.what.ends_with("from here failed"));
    assert_eq!(failed.count(), 3);
    assert!(acts.iter().all(|act| act.by == "li"));
}

#[tokio::test]
async fn tries_are_put_off_and_their_refusals_put_nothing_off() {
    let (door, store, now_ms) = door().await;
    let made = given("li", PASSWORD, false).unwrap();
    let li = operator("li", Role::Viewer);
    store.add_operator(&li, &made.proof).await.unwrap().unwrap();
    let sign_in = async |name: &str, password: &str| {
        let signed = door.sign_in(name, password, "", "here").await;
        signed.map(|_| ())
    };
    assert_eq!(sign_in("nobody", PASSWORD).await, Err(NotSignedIn::Wrong));
    for _ in 0..6 {
        assert_eq!(sign_in("li", "wrong").await, Err(NotSignedIn::Wrong));
        now_ms.fetch_add(8_000, Ordering::Relaxed);
    }
    assert_eq!(sign_in("li", "wrong").await, Err(NotSignedIn::Wrong));
    // Put off by 16 s: the right password is no help, and moves nothing.
    for _ in 0..3 {
        assert_eq!(sign_in("li", PASSWORD).await, Err(NotSignedIn::Wrong));
        assert_eq!(sign_in("li", "wrong").await, Err(NotSignedIn::Wrong));
        now_ms.fetch_add(5_000, Ordering::Relaxed);
    }
    now_ms.fetch_add(1_000, Ordering::Relaxed);
    assert_eq!(sign_in("li", PASSWORD).await, Ok(()));
    assert_eq!(sign_in("li", "wrong").await, Err(NotSignedIn::Wrong));
    assert_eq!(sign_in("li", PASSWORD).await, Ok(()));
    // A clock that was ahead puts nothing off for as long as it was.
    now_ms.fetch_add(7_200_000, Ordering::Relaxed);
    assert_eq!(sign_in("li", "wrong").await, Err(NotSignedIn::Wrong));
    now_ms.fetch_sub(7_200_000, Ordering::Relaxed);
    assert_eq!(sign_in("li", PASSWORD).await, Ok(()));
    assert_eq!(sign_in("li\0", PASSWORD).await, Err(NotSignedIn::Wrong));
    store.enable_operator("li", false).await.unwrap();
    assert_eq!(sign_in("li", PASSWORD).await, Err(NotSignedIn::Wrong));
}

#[tokio::test]
async fn a_session_ends_unseen_at_its_time_or_with_its_operator() {
    let (door, store, now_ms) = door().await;
    let made = given("li", PASSWORD, false).unwrap();
    let li = operator("li", Role::Viewer);
    store.add_operator(&li, &made.proof).await.unwrap().unwrap();
    let begin = async || door.sign_in("li", PASSWORD, "", "here").await.unwrap();
    let goes_on = async |id: &str| door.session(id).await.unwrap().is_some();
    const MINUTE: i64 = 60_000;
    let id = begin().await;
    for _ in 0..24 {
        assert!(goes_on(&id).await);
        now_ms.fetch_add(29 * MINUTE, Ordering::Relaxed);
    }
    assert!(goes_on(&id).await);
    now_ms.fetch_add(29 * MINUTE, Ordering::Relaxed);
    assert!(!goes_on(&id).await, "after twelve hours");
    let id = begin().await;
    now_ms.fetch_add(31 * MINUTE, Ordering::Relaxed);
    assert!(!goes_on(&id).await, "unseen");
    let id = begin().await;
    door.sign_out(&id).await.unwrap();
    assert!(!goes_on(&id).await, "signed out");
    let id = begin().await;
    store.enable_operator("li", false).await.unwrap();
    assert!(!goes_on(&id).await, "may not any more");
    assert!(!goes_on("").await && !goes_on(&"x".repeat(9_999)).await);
}

/// One whose password everybody knows may lie in any database.
#[tokio::test]
async fn developments_operator_comes_in_at_a_development_alone() {
    let (door, store, now_ms) = door().await;
    let now = now_ms.load(Ordering::Relaxed);
    let (dev, made, password) = checkout::development(now).unwrap();
    store
        .add_operator(&dev, &made.proof)
        .await
        .unwrap()
        .unwrap();
    let refused = door.sign_in(&dev.name, password, "", "here").await;
    assert_eq!(refused, Err(NotSignedIn::Wrong));
    let development = Operators::new(Arc::clone(&store), Arc::new(move || now), true);
    let id = development
        .sign_in(&dev.name, password, "", "here")
        .await
        .unwrap();
    assert!(development.session(&id).await.unwrap().is_some());
    assert!(door.session(&id).await.unwrap().is_none());
}
