//! Whether the database answers, and takes writes.

use crate::db::{Database, LIMIT};
use crate::line::{Line, Tx};
use crate::sql::statements;
use payment::ports::{Answer, Health};
use std::time::{Duration, Instant};

statements! {
    ANSWER = "select 1 as one";
    /// Nobody reads it.
    PROBE = "insert into write_probe (id, writes) values (1, 1) \
        on conflict (id) do update set writes = write_probe.writes + 1";
}

/// Anybody may ask whether we are ready: so long an answer about writing holds.
const PROBE_HOLDS: Duration = Duration::from_secs(2);

#[async_trait::async_trait]
impl Health for Database {
    async fn answers(&self) -> Answer<()> {
        let one = async |line: &mut Line| line.one(ANSWER).await.map(drop);
        self.read(LIMIT, one).await
    }

    async fn ready(&self) -> Answer<()> {
        let once = || async {
            let mut line = self.reads.line().await?;
            self.domain_on(&mut line, "").await?;
            self.reads_secrets(&mut line).await?;
            drop(line);
            let mut probed = self.probed.lock().await;
            match &*probed {
                Some((at, answer)) if at.elapsed() < PROBE_HOLDS => answer.clone(),
                _ => {
                    let answer = self.probe().await;
                    *probed = Some((Instant::now(), answer.clone()));
                    answer
                }
            }
        };
        self.within(LIMIT, once).await
    }

    async fn takes_writes(&self) -> Answer<()> {
        self.within(LIMIT, || self.probe()).await
    }
}

impl Database {
    async fn probe(&self) -> Answer<()> {
        let written = async |tx: &mut Tx| self.judged(tx.change(PROBE).await).map(|_| ());
        self.transact(|()| true, written).await
    }
}
