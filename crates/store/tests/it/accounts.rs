//! Channel accounts that the database keeps.

use payment::channel::Channel;
use payment::ports::{AccountName, KeptAccount, Store};
use std::sync::Arc;

fn account(name: &str, content: &str) -> KeptAccount {
    KeptAccount {
        channel: Channel::Wechat,
        name: name.to_owned(),
        enabled: true,
        content: content.to_owned().into(),
        created_ms: 5,
    }
}

async fn kept(store: &dyn Store) -> Vec<(String, String, bool)> {
    let accounts = store.kept_accounts().await.unwrap().into_iter();
    let accounts = accounts.map(Result::unwrap);
    accounts
        .map(|one| (one.name, one.content.to_string(), one.enabled))
        .collect()
}

pub(crate) async fn an_account_is_kept_with_its_keys(store: Arc<dyn Store>) {
    let begun = store.accounts_revision().await.unwrap();
    assert_eq!(store.add_account(&account("a", "one")).await, Ok(Ok(())));
    assert_eq!(store.add_account(&account("b", "two")).await, Ok(Ok(())));
    let taken = store.add_account(&account("a", "other")).await.unwrap();
    assert!(taken.unwrap_err().contains("there already"));
    assert_eq!(store.accounts_revision().await, Ok(begun + 2));
    let named = |channel: Channel, name: &str| AccountName {
        channel,
        name: name.to_owned(),
        enabled: true,
    };
    let names = ["a", "b"].map(|name| named(Channel::Wechat, name));
    assert_eq!(store.account_names().await.unwrap(), names);

    assert_eq!(
        store.change_account(&account("b", "three")).await,
        Ok(Ok(()))
    );
    let nobody = store.change_account(&account("c", "x")).await.unwrap();
    assert!(nobody.unwrap_err().contains("c is none"));
    let [a, _] = &names;
    assert_eq!(store.enable_account(a, false).await, Ok(true));
    let stale = store.enable_account(a, false).await;
    assert_eq!(stale, Ok(false), "it is not as it was read");
    let nobody = named(Channel::Alipay, "a");
    assert_eq!(store.enable_account(&nobody, false).await, Ok(false));
    let both = [("a", "one", false), ("b", "three", true)];
    let both = both.map(|(name, content, enabled)| (name.to_owned(), content.to_owned(), enabled));
    assert_eq!(kept(&*store).await, both);

    let before = store.accounts_revision().await.unwrap();
    assert_eq!(store.rotate_key().await, Ok(Ok(2)));
    assert_eq!(kept(&*store).await, both, "by another key");
    assert_eq!(
        store.remove_account(Channel::Wechat, "b").await,
        Ok(false),
        "it is enabled"
    );
    assert_eq!(store.remove_account(Channel::Wechat, "a").await, Ok(true));
    assert_eq!(store.remove_account(Channel::Wechat, "a").await, Ok(false));
    assert_eq!(kept(&*store).await, both[1..]);
    assert!(store.accounts_revision().await.unwrap() > before);
}
