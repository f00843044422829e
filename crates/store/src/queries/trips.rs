//! Payers on the way to WeChat and back.

use crate::db::{Database, LIMIT};
use crate::sql::statements;
use payment::ports::{Answer, Trips};

statements! {
    KEEP_KEY = "insert into trip_key (id, key) values (1, $1) on conflict (id) do nothing";
    KEY = "select key from trip_key where id = 1";
    FORGET_STATES = "delete from trip_state where until_ms < $1";
    KEEP_STATE = "insert into trip_state (nonce, until_ms) values ($1, $2) \
        on conflict (nonce) do nothing";
    FORGET_ADDRESSES = "delete from trip_address where until_ms < $1";
    KEEP_ADDRESS = "insert into trip_address (token, address, until_ms) values ($1, $2, $3) \
        on conflict (token) do update set until_ms = $3";
    ADDRESS = "select address from trip_address where token = $1";
}

#[async_trait::async_trait]
impl Trips for Database {
    async fn trip_key(&self, offered: &[u8]) -> Answer<Vec<u8>> {
        self.write(LIMIT, async |tx| {
            tx.change(KEEP_KEY.bind(offered)).await?;
            tx.one(KEY).await?.get("key")
        })
        .await
    }

    async fn use_trip(&self, nonce: &str, until_ms: i64, now_ms: i64) -> Answer<bool> {
        self.write(LIMIT, async |tx| {
            tx.change(FORGET_STATES.bind(now_ms)).await?;
            let kept = tx.change(KEEP_STATE.bind(nonce).bind(until_ms));
            Ok(kept.await? == 1)
        })
        .await
    }

    async fn keep_trip_address(
        &self,
        token: &str,
        address: &str,
        until_ms: i64,
        now_ms: i64,
    ) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            tx.change(FORGET_ADDRESSES.bind(now_ms)).await?;
            let kept = KEEP_ADDRESS.bind(token).bind(address).bind(until_ms);
            tx.change(kept).await.map(|_| ())
        })
        .await
    }

    async fn trip_address(&self, token: &str) -> Answer<Option<String>> {
        let found = ADDRESS.bind(token);
        self.find(found, |row| row.get("address")).await
    }
}
