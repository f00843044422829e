//! Accounts are tried: a right one passes, and a wrong key is named.

use crate::world::World;
use channels::Clock;
use channels::registry::{Accounts, gateways};
use payment::channel::Channel;
use std::sync::Arc;

#[tokio::test]
async fn right_accounts_pass() {
    let world = World::start().await;
    let via = world.via_apay(|_| {});
    for gateway in world.gateways.iter().chain([&via]) {
        let name = (gateway.channel(), gateway.account());
        assert_eq!(gateway.check().await, Ok(()), "{name:?}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_named() {
    let world = World::start().await;
    let public = std::fs::read_to_string(world.folder().join("wechat/pub_key.pem")).unwrap();
    std::fs::write(world.folder().join("other_pub.pem"), public).unwrap();
    let own = std::fs::read(world.folder().join("alipay/certified_key.pem")).unwrap();
    std::fs::write(world.folder().join("other_key.pem"), own).unwrap();
    let own = std::fs::read_to_string(world.folder().join("alipay/app_key.pem")).unwrap();
    let own = rcgen::KeyPair::from_pem(&own).unwrap().public_key_pem();
    std::fs::write(world.folder().join("own_pub.pem"), own).unwrap();
    let other_key = "x".repeat(32);
    for (channel, setting, value, named) in [
        (
            Channel::Wechat,
            "private_key",
            "other_key.pem",
            "private_key",
        ),
        (Channel::Wechat, "serial", "0A", "serial"),
        (Channel::Wechat, "api_v3_key", &other_key, "api_v3_key"),
        (
            Channel::Alipay,
            "private_key",
            "other_key.pem",
            "private_key",
        ),
        (
            Channel::Alipay,
            "alipay_public_key",
            "other_pub.pem",
            "public key",
        ),
        (
            Channel::Alipay,
            "alipay_public_key",
            "own_pub.pem",
            "application's own",
        ),
        (Channel::Paypal, "client_secret", "wrong", "client_secret"),
    ] {
        let change = |account: &mut toml::Table| {
            if let Some(set) = account.get_mut(setting) {
                *set = value.into();
            }
        };
        let mut gateways = world.changed(channel, change);
        // Nothing but notifies is sealed for a merchant without certificates.
        let gateway = match setting {
            "api_v3_key" => gateways.pop().unwrap(),
            _ => gateways.remove(0),
        };
        let told = gateway.check().await.unwrap_err();
        assert!(told.contains(named), "{setting}: {told}");
        assert!(!told.contains(value), "{setting}: {told}");
    }
    // Alipay signs by a certificate that is not kept: it changes its own.
    let mut certified = world.changed(Channel::Alipay, |account| {
        if let Some(other) = account.get("alipay_root_certificate").cloned() {
            account.insert("alipay_certificate".to_owned(), other);
        }
    });
    let told = certified.pop().unwrap().check().await.unwrap_err();
    assert!(told.contains("alipay_certificate does not hold"), "{told}");
    for (setting, value) in [("key", "wrong"), ("partner_id", "nobody")] {
        let gateway = world.via_apay(|account| {
            account.insert(setting.to_owned(), value.into());
        });
        let told = gateway.check().await.unwrap_err();
        assert!(told.contains("partner_id or key"), "{setting}: {told}");
    }
}

/// What is told of the accounts where one setting of a channel's is this.
fn refusal(world: &World, channel: Channel, setting: &str, value: toml::Value) -> String {
    let text = std::fs::read_to_string(world.folder().join("accounts.toml")).unwrap();
    let mut accounts: Accounts = toml::from_str(&text).unwrap();
    accounts.account.retain(|account| {
        account["channel"].as_str() == Some(channel.code()) && !account.contains_key("via")
    });
    for account in &mut accounts.account {
        account.insert(setting.to_owned(), value.clone());
    }
    let clock: Clock = Arc::new(|| 0);
    let opened = gateways(
        accounts.beside(world.folder()),
        "https://pay.example",
        &clock,
    );
    let told = opened.err().map(|error| error.to_string());
    told.unwrap_or_default()
}

#[tokio::test]
async fn settings_that_can_not_be_meant_are_refused() {
    let world = World::start().await;
    for (channel, settings) in [
        (
            Channel::Wechat,
            &["base", "oauth_base", "oauth_authorize"][..],
        ),
        (Channel::Alipay, &["gateway"]),
        (
            Channel::ChinapayOld,
            &["pay_url", "query_url", "refund_url"],
        ),
    ] {
        assert_eq!(refusal(&world, channel, "enabled", true.into()), "");
        for setting in settings {
            for wrong in ["", "api.example", "https://", "https://api.example/?x"] {
                let told = refusal(&world, channel, setting, wrong.into());
                assert!(told.contains(setting), "{setting} {wrong}: {told}");
            }
        }
    }
    let plain = "http://api.example";
    let told = refusal(&world, Channel::Wechat, "oauth_base", plain.into());
    assert!(told.contains("oauth_base must be https"), "{told}");
    for (channel, setting, most) in [
        (Channel::ChinapayOld, "fresh_s", 86_400),
        (Channel::ChinapayOld, "query_gap_s", 86_400),
        (Channel::Wechat, "refund_gap_s", 3_600),
    ] {
        for wrong in [-1, most + 1] {
            let told = refusal(&world, channel, setting, wrong.into());
            assert!(told.contains(setting), "{told}");
        }
    }
}
