//! Domains as they are kept.

use payment::domain::{Domain, LateMoney};
use payment::ports::{SecretUse, Store, StoreError};
use std::sync::Arc;

pub(crate) async fn a_domain_is_kept_with_its_rule_settings_and_secrets(store: Arc<dyn Store>) {
    let mut domain = Domain::demo();
    domain.settings.callbacks = vec!["https://shop.cn/中".to_owned()];
    domain.settings.late_money = LateMoney::Honour;
    store.add_domain(&domain).await.unwrap();
    store.add_domain(&Domain::test()).await.unwrap();
    assert_eq!(store.domain("demo").await.unwrap(), Some(domain.clone()));
    assert_eq!(store.domain("nobody").await.unwrap(), None);
    assert_eq!(
        store.domains("", 9).await.unwrap(),
        [domain.clone(), Domain::test()]
    );
    assert_eq!(store.domains("", 1).await.unwrap(), [domain]);
    for from in ["demp", "test"] {
        assert_eq!(store.domains(from, 9).await.unwrap(), [Domain::test()]);
    }
    assert!(store.domains("tesu", 9).await.unwrap().is_empty());
    assert_eq!(store.domain_codes("").await.unwrap(), ["demo", "test"]);
    assert_eq!(store.domain_codes("te").await.unwrap(), ["test"]);
    assert!(store.development_domain().await.unwrap().is_some());
    assert_eq!(store.ready().await, Ok(()));
}

pub(crate) async fn a_code_is_taken_once(store: Arc<dyn Store>) {
    store.add_domain(&Domain::test()).await.unwrap();
    let again = store.add_domain(&Domain::test()).await;
    assert_eq!(again, Err(StoreError::Exists("test".to_owned())));
}

pub(crate) async fn a_rotated_secret_is_kept_with_its_end(store: Arc<dyn Store>) {
    let mut domain = Domain::test();
    store.add_domain(&domain).await.unwrap();
    let was = domain.clone();
    domain.rotate("next", 5_000);
    store.set_domain(&was, &domain).await.unwrap();
    let kept = store.domain("test").await.unwrap().unwrap();
    assert_eq!(kept, domain);
    assert_eq!(kept.secrets()[1].not_after_ms, Some(5_000));

    let used = |generation, at_ms| SecretUse { generation, at_ms };
    for noted in [
        vec![used(1, 10)],
        vec![used(1, 30), used(2, 20)],
        vec![used(1, 29)],
    ] {
        store.note_secret_uses("test", &noted).await.unwrap();
    }
    let uses = store.secret_uses("test").await.unwrap();
    assert_eq!(uses, [used(1, 30), used(2, 20)], "none goes back");
    assert!(store.secret_uses("none").await.unwrap().is_empty());
    // Beside the next one nothing was seen yet: what stood there is of another time.
    let was = store.domain("test").await.unwrap().unwrap();
    let mut set = was.clone();
    set.settings.hmac_required = !was.settings.hmac_required;
    store.set_domain(&was, &set).await.unwrap();
    assert_eq!(store.secret_uses("test").await.unwrap().len(), 2);
    let mut rotated = set.clone();
    rotated.rotate("next", 5_000);
    store.set_domain(&set, &rotated).await.unwrap();
    assert!(store.secret_uses("test").await.unwrap().is_empty());
}

/// Two who read the same, and change each something else: the one does not take the other's
/// change away, and never a secret that was told.
pub(crate) async fn of_two_changes_at_once_one_is_refused(store: Arc<dyn Store>) {
    let was = Domain::test();
    store.add_domain(&was).await.unwrap();
    let mut rotated = was.clone();
    rotated.rotate("next", 5_000);
    let mut set = was.clone();
    set.settings.hmac_required = true;
    let (one, other) = tokio::join!(
        store.set_domain(&was, &rotated),
        store.set_domain(&was, &set)
    );
    let changed = Err(StoreError::Changed("test".to_owned()));
    let kept = match (one, other) {
        (Ok(()), refused) if refused == changed => rotated,
        (refused, Ok(())) if refused == changed => set,
        both => panic!("one of them is refused: {both:?}"),
    };
    assert_eq!(store.domain("test").await, Ok(Some(kept.clone())));
    // A secret's end counts too, and one that there is not was changed.
    let mut ended = kept.clone();
    ended.rotate("third", 4_000);
    store.set_domain(&kept, &ended).await.unwrap();
    assert_eq!(store.set_domain(&kept, &kept).await, changed);
    let again = store.set_domain(&kept, &ended).await;
    assert_eq!(again, Ok(()), "its answer was lost");
    let nobody = store.set_domain(&Domain::demo(), &Domain::demo()).await;
    assert_eq!(nobody, Err(StoreError::Changed("demo".to_owned())));
    assert_eq!(store.domains("", 9).await, Ok(vec![ended]));
}
