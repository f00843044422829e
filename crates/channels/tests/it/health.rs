//! What the operator's doctor asks of accounts: certificates that end, and the clock.

use crate::world::{World, now_ms};
use channels::Clock;
use channels::health::{certificate_ends, clock_ahead_ms};
use channels::registry::Accounts;
use std::sync::Arc;

#[tokio::test]
async fn each_certificate_of_an_account_tells_its_end() {
    let world = World::start().await;
    let folder = world.folder();
    let text = std::fs::read_to_string(folder.join("accounts.toml")).unwrap();
    let accounts: Accounts = toml::from_str(&text).unwrap();
    let ends = certificate_ends(&accounts.beside(folder));
    assert!(
        !ends.is_empty(),
        "the sandbox has accounts in certificate mode"
    );
    for end in &ends {
        assert!(text.contains(&end.file), "{}", end.file);
        assert!(end.not_after_ms > now_ms(), "{}", end.file);
    }
    // Files that hold none, and files that are not there, tell nothing.
    let accounts: Accounts =
        toml::from_str("[[account]]\nkey = \"accounts.toml\"\nother = [\"gone.pem\"]\n").unwrap();
    assert!(certificate_ends(&accounts.beside(folder)).is_empty());
}

#[tokio::test]
async fn a_clock_that_is_off_is_seen_in_a_channels_answer() {
    let world = World::start().await;
    let right: Clock = Arc::new(now_ms);
    let off: Clock = Arc::new(|| now_ms() + 600_000);
    let address = world.gateways[0].address();
    let ahead = clock_ahead_ms(address, &off).await.unwrap();
    let even = clock_ahead_ms(address, &right).await.unwrap();
    assert!(ahead > 500_000 && even.abs() < 100_000, "{ahead} {even}");
    assert!(clock_ahead_ms("http://127.0.0.1:1/", &right).await.is_err());
}
