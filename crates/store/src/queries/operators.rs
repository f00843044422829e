//! Operators of the console and their sessions (docs/console.md).

use super::sealing::Writer;
use crate::db::{Database, LIMIT};
use crate::keys::Place;
use crate::line::{Row, Tx};
use crate::sql::statements;
use payment::operators::{Known, Operator, Proof, Role, Session};
use payment::ports::{Answer, Operators};
use zeroize::Zeroizing;

statements! {
    ADD = "insert into operator (name, role, enabled, password, kek_id, totp, totp_step, \
        failed, next_try_ms, created_ms) values ($1, $2, $3, $4, $5, $6, 0, 0, 0, $7) \
        on conflict do nothing";
    PROVE = "update operator set password = $2, kek_id = $3, totp = $4, failed = 0, \
        next_try_ms = 0 where name = $1";
    /// As many as there are.
    ALL = "select name, role, enabled, created_ms from operator order by name";
    KNOWN = "select name, role, enabled, created_ms, password, kek_id, totp, failed, \
        next_try_ms from operator where name = $1";
    ROLE = "update operator set role = $2 where name = $1";
    ENABLE = "update operator set enabled = $2 where name = $1";
    FAILED = "update operator set failed = failed + 1, next_try_ms = $2 where name = $1";
    FORGET_FAILED = "update operator set failed = 0, next_try_ms = 0 where name = $1";
    STEP = "update operator set totp_step = $2 where name = $1 and totp_step < $2";
    /// Of all operators: they are few.
    SEALED = "select name, kek_id, totp from operator where totp is not null order by name";
    RESEAL = "update operator set kek_id = $2, totp = $3 where name = $1";
    ADD_RECOVERY = "insert into operator_recovery (operator, digest) values ($1, $2)";
    TAKE_RECOVERY = "delete from operator_recovery where operator = $1 and digest = $2";
    END_RECOVERY = "delete from operator_recovery where operator = $1";
    /// Only by the password that still holds.
    BEGIN = "insert into operator_session (digest, operator, created_ms, seen_ms) \
        select $1, name, $3, $3 from operator \
        where name = $2 and password = $4 and enabled = 1";
    SESSION = "select o.name, o.role, o.enabled, o.created_ms, s.created_ms as begun_ms, \
        s.seen_ms from operator_session s join operator o on o.name = s.operator \
        where s.digest = $1 and o.enabled = 1";
    SEE = "update operator_session set seen_ms = $2 where digest = $1";
    END = "delete from operator_session where digest = $1";
    END_UNSEEN = "delete from operator_session where operator = $1 and seen_ms < $2";
    END_ALL = "delete from operator_session where operator = $1";
}

/// Where the key of an operator's one-time passwords stands.
fn place(name: &str) -> Place {
    Place {
        table: "operator",
        row: name.to_owned(),
        column: "totp",
    }
}

fn operator(row: &Row) -> Answer<Operator> {
    Ok(Operator {
        name: row.get("name")?,
        role: row.word("role", Role::parse)?,
        enabled: row.get::<i64>("enabled")? != 0,
        created_ms: row.get("created_ms")?,
    })
}

#[async_trait::async_trait]
impl Operators for Database {
    async fn add_operator(&self, operator: &Operator, proof: &Proof) -> Answer<Result<(), String>> {
        let name = &operator.name;
        self.write_if(LIMIT, Result::is_ok, async |tx: &mut Tx| {
            let (kek_id, totp) = match self.sealed_totp(tx, name, proof).await? {
                Ok(sealed) => sealed,
                Err(why) => return Ok(Err(why)),
            };
            let add = ADD
                .bind(name)
                .bind(operator.role.word())
                .bind(operator.enabled)
                .bind(proof.password.as_str())
                .bind(kek_id)
                .bind(totp)
                .bind(operator.created_ms);
            if tx.change(add).await? == 0 {
                return Ok(Err(format!("there is an operator {name} already")));
            }
            add_recovery(tx, name, proof).await.map(Ok)
        })
        .await
    }

    async fn operators(&self) -> Answer<Vec<Operator>> {
        self.list(LIMIT, ALL.into(), operator).await
    }

    async fn known_operator(&self, name: &str) -> Answer<Option<Known>> {
        let row = self.read(LIMIT, async |line| line.row(KNOWN.bind(name)).await);
        let Some(row) = row.await? else {
            return Ok(None);
        };
        let sealed: (Option<String>, Option<String>) = (row.get("kek_id")?, row.get("totp")?);
        let totp = match sealed {
            (Some(kek_id), Some(totp)) => Some(self.keys.open(&kek_id, &place(name), &totp)?),
            _ => None,
        };
        Ok(Some(Known {
            operator: operator(&row)?,
            proof: Proof {
                password: Zeroizing::new(row.get("password")?),
                totp,
                recovery: Vec::new(),
            },
            failed: row.get("failed")?,
            next_try_ms: row.get("next_try_ms")?,
        }))
    }

    async fn set_operator_role(&self, name: &str, role: Role) -> Answer<bool> {
        let set = async |tx: &mut Tx| tx.change(ROLE.bind(name).bind(role.word())).await;
        Ok(self.write(LIMIT, set).await? == 1)
    }

    async fn enable_operator(&self, name: &str, enabled: bool) -> Answer<bool> {
        let set = async |tx: &mut Tx| {
            if !enabled {
                tx.change(END_ALL.bind(name)).await?;
            }
            tx.change(ENABLE.bind(name).bind(enabled)).await
        };
        Ok(self.write(LIMIT, set).await? == 1)
    }

    async fn prove_operator(&self, name: &str, proof: &Proof) -> Answer<Result<(), String>> {
        self.write_if(LIMIT, Result::is_ok, async |tx: &mut Tx| {
            let (kek_id, totp) = match self.sealed_totp(tx, name, proof).await? {
                Ok(sealed) => sealed,
                Err(why) => return Ok(Err(why)),
            };
            let prove = PROVE
                .bind(name)
                .bind(proof.password.as_str())
                .bind(kek_id)
                .bind(totp);
            if tx.change(prove).await? == 0 {
                return Ok(Err(format!("there is no operator {name}")));
            }
            tx.change(END_ALL.bind(name)).await?;
            tx.change(END_RECOVERY.bind(name)).await?;
            add_recovery(tx, name, proof).await.map(Ok)
        })
        .await
    }

    async fn operator_proved(&self, name: &str) -> Answer<()> {
        self.change(FORGET_FAILED.bind(name)).await
    }

    async fn operator_failed(&self, name: &str, next_try_ms: i64) -> Answer<()> {
        self.change(FAILED.bind(name).bind(next_try_ms)).await
    }

    async fn take_totp_step(&self, name: &str, step: i64) -> Answer<bool> {
        let take = async |tx: &mut Tx| tx.change(STEP.bind(name).bind(step)).await;
        Ok(self.write(LIMIT, take).await? == 1)
    }

    async fn take_recovery(&self, name: &str, digest: &str) -> Answer<bool> {
        let take = async |tx: &mut Tx| tx.change(TAKE_RECOVERY.bind(name).bind(digest)).await;
        Ok(self.write(LIMIT, take).await? == 1)
    }

    async fn begin_session(
        &self,
        digest: &str,
        known: &Known,
        now_ms: i64,
        seen_since_ms: i64,
    ) -> Answer<bool> {
        let name = known.operator.name.as_str();
        self.write(LIMIT, async |tx: &mut Tx| {
            tx.change(END_UNSEEN.bind(name).bind(seen_since_ms)).await?;
            tx.change(FORGET_FAILED.bind(name)).await?;
            let begin = BEGIN.bind(digest).bind(name).bind(now_ms);
            let begin = begin.bind(known.proof.password.as_str());
            Ok(tx.change(begin).await? == 1)
        })
        .await
    }

    async fn session(&self, digest: &str) -> Answer<Option<Session>> {
        let session = |row: &Row| {
            Ok(Session {
                operator: operator(row)?,
                created_ms: row.get("begun_ms")?,
                seen_ms: row.get("seen_ms")?,
            })
        };
        self.find(SESSION.bind(digest), session).await
    }

    async fn see_session(&self, digest: &str, now_ms: i64) -> Answer<()> {
        self.change(SEE.bind(digest).bind(now_ms)).await
    }

    async fn end_session(&self, digest: &str) -> Answer<()> {
        self.change(END.bind(digest)).await
    }
}

async fn add_recovery(tx: &mut Tx, name: &str, proof: &Proof) -> Answer<()> {
    for digest in &proof.recovery {
        tx.change(ADD_RECOVERY.bind(name).bind(digest)).await?;
    }
    Ok(())
}

/// A key's name, and what it encrypted.
type Sealed = (Option<String>, Option<String>);

impl Database {
    /// The key of an operator's one-time passwords, encrypted by the key that writes.
    async fn sealed_totp(
        &self,
        tx: &mut Tx,
        name: &str,
        proof: &Proof,
    ) -> Answer<Result<Sealed, String>> {
        let Some(totp) = &proof.totp else {
            return Ok(Ok((None, None)));
        };
        let writer = self.writer(tx).await?.filter(Writer::is_sealed);
        let Some(writer) = writer else {
            let why = "keys of one-time passwords are kept where secrets are sealed: \
                `tongfu secrets seal`";
            return Ok(Err(why.to_owned()));
        };
        let sealed = self.keys.seal(&writer.kek_id, &place(name), totp)?;
        Ok(Ok((Some(writer.kek_id), Some(sealed))))
    }

    /// Wraps all keys of one-time passwords by another key.
    pub(super) async fn rewrap_operators(&self, tx: &mut Tx, to: &str) -> Answer<u64> {
        let mut changed = 0;
        for row in &tx.rows(SEALED).await? {
            let (name, from, totp): (String, String, String) =
                (row.get("name")?, row.get("kek_id")?, row.get("totp")?);
            // What a lost key kept is made anew by `operator renew`.
            if from != to && self.keys.has(&from) {
                let totp = self.keys.rewrap(&from, to, &place(&name), &totp)?;
                changed += tx.change(RESEAL.bind(&name).bind(to).bind(totp)).await?;
            }
        }
        Ok(changed)
    }
}
