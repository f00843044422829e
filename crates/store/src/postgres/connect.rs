//! How a connection to PostgreSQL is made: encrypted as the address says, with limits of
//! the server's own, and never through a pooler that changes servers between statements.

use crate::guard::Guard;
use crate::line::Row;
use crate::open_error::{OpenError, refused};
use crate::queries::marks::{MARK_OF_POSTGRES, mark_row};
use crate::renewal::Renewal;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Row as _};
use std::collections::HashSet;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What operators see us by, where the address names nothing else.
const NAME: &str = "tongfu";
/// The server's own limits: it gives up before we do. Set once a connection is there,
/// since poolers refuse most of what an address can ask for at its beginning.
pub(crate) const LIMITS: &str = "set statement_timeout = '10s'; set lock_timeout = '5s'; \
    set idle_in_transaction_session_timeout = '15s'";
/// The same for an operator's command, as [`crate::db::LONG_LIMIT`] is.
pub(crate) const PATIENT_LIMITS: &str = "set statement_timeout = '295s'; \
    set lock_timeout = '5s'; set idle_in_transaction_session_timeout = '15s'";
/// How long a look at what is behind the address may take.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// Others may have taken the first one's server meanwhile: it is looked again.
const LOOKS: usize = 3;
/// Connections that are looked at: two poolers behind a balancer have one twice.
const LOOKED_AT: usize = 3;

/// Reads the address of one host.
///
/// # Errors
/// [`OpenError`] for an address that can't be read, or whose settings say less than they
/// seem to. The address may hold a password: no text holds it.
pub(super) fn options(address: &str) -> Result<PgConnectOptions, OpenError> {
    let read = PgConnectOptions::from_str(address);
    let options = read.map_err(|_| refused("the address can't be read"))?;
    let names = |name: &str| {
        let (_, query) = address.split_once('?').unwrap_or_default();
        query.split('&').any(|pair| pair.starts_with(name))
    };
    let roots = ["sslrootcert=", "ssl-root-cert=", "ssl-ca="];
    let own_root = roots.into_iter().any(names);
    let mut options = match (options.get_ssl_mode(), own_root) {
        // The driver reads this one by itself.
        (PgSslMode::VerifyFull, false) if std::env::var_os("PGSSLROOTCERT").is_some() => options,
        (PgSslMode::VerifyFull, false) => match system_roots() {
            Some(file) => options.ssl_root_cert(file),
            None => options,
        },
        (PgSslMode::VerifyFull, true) => options,
        // Public authorities are believed too: any certificate of theirs would do.
        (PgSslMode::VerifyCa, _) => {
            return Err(refused(
                "sslmode=verify-ca does not compare the host's name: say verify-full",
            ));
        }
        (_, true) => {
            return Err(refused(
                "sslrootcert is looked at with sslmode=verify-full alone: say so",
            ));
        }
        (PgSslMode::Allow, false) => {
            return Err(refused(
                "sslmode=allow is none of disable, prefer, require, verify-full",
            ));
        }
        (PgSslMode::Disable | PgSslMode::Prefer | PgSslMode::Require, false) => options,
    };
    if !names("application_name=") {
        options = options.application_name(NAME);
    }
    // A pooler refuses it, and no column of ours is a fraction.
    Ok(options.extra_float_digits(None))
}

/// The file of the system's certificate authorities.
fn system_roots() -> Option<PathBuf> {
    openssl_probe::probe().cert_file
}

/// Sets the limits of a new connection, and looks whether the server that it leads to
/// holds what was seen: after a failover it is another one.
///
/// # Errors
/// What the driver says, or that this server is not to be used.
pub(super) async fn ready(
    connection: &mut PgConnection,
    limits: &'static str,
    guard: &Guard,
    renewal: &Renewal,
) -> Result<(), sqlx::Error> {
    connection.execute(limits).await?;
    if !guard.is_armed() {
        return Ok(());
    }
    let seen = guard.seen();
    let row = sqlx::raw_sql(MARK_OF_POSTGRES)
        .fetch_one(connection)
        .await?;
    let now = mark_row(&Row::Postgres(row)).map_err(|error| unusable(&error.to_string()))?;
    if now.timeline == 0 {
        return Err(unusable("the server is a standby"));
    }
    guard.judge(seen.as_ref(), &now).map_err(|lost| {
        // Others to it may be there already.
        renewal.renew();
        unusable(&lost.to_string())
    })
}

fn unusable(why: &str) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(why.to_owned()))
}

/// Refuses a pooler that gives each transaction another server: what is prepared or set
/// on one would be missing on the next. Connections of a session's pooler, or of none, keep
/// a server each; of others one gets what another has just had, or another each time.
///
/// # Errors
/// [`OpenError`] for such a pooler, or where no server answers.
pub(super) async fn refuse_shared_sessions(options: &PgConnectOptions) -> Result<(), OpenError> {
    let looked = async {
        let mut lines = Vec::new();
        for _ in 0..LOOKED_AT {
            lines.push(options.connect().await?);
        }
        let mut servers = vec![HashSet::new(); LOOKED_AT];
        for _ in 0..LOOKS {
            for (line, servers) in lines.iter_mut().zip(&mut servers) {
                // Twice: one that takes turns gives another server the second time.
                for _ in 0..2 {
                    line.execute("begin").await?;
                    servers.insert(server(line).await?);
                    line.execute("rollback").await?;
                }
            }
        }
        for line in lines {
            line.close().await?;
        }
        let all: HashSet<i32> = servers.iter().flatten().copied().collect();
        let one_each = servers.iter().all(|servers| servers.len() == 1);
        Ok::<_, sqlx::Error>(!one_each || all.len() < LOOKED_AT)
    };
    let shared = tokio::time::timeout(LOOK_LIMIT, looked).await;
    let late = || refused("it does not answer some connections at once in time");
    match shared.map_err(|_| late())? {
        Ok(false) => Ok(()),
        Ok(true) => Err(refused(
            "a pooler shares its sessions (PgBouncer's pool_mode is transaction or statement): \
             use pool_mode=session, or the server's own address",
        )),
        Err(cause) => Err(refused(cause)),
    }
}

/// Which process of the server answers; asked without preparing anything.
async fn server(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let asked = sqlx::raw_sql(AssertSqlSafe("select pg_backend_pid()"));
    asked.fetch_one(connection).await?.try_get(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str) -> String {
        options(address).unwrap_err().to_string()
    }

    #[test]
    fn what_an_address_says_of_encryption_is_what_is_done() {
        let mode = |address: &str| options(address).unwrap().get_ssl_mode();
        assert!(matches!(mode("postgres://u@h/n"), PgSslMode::Prefer));
        let require = mode("postgres://u@h/n?sslmode=require");
        assert!(matches!(require, PgSslMode::Require));
        let full = mode("postgres://u@h/n?sslmode=verify-full&sslrootcert=/ca.pem");
        assert!(matches!(full, PgSslMode::VerifyFull));
        for less in [
            "postgres://u:secret@h/n?sslmode=verify-ca&sslrootcert=/ca.pem",
            "postgres://u:secret@h/n?sslmode=require&sslrootcert=/ca.pem",
            "postgres://u:secret@h/n?sslrootcert=/ca.pem",
        ] {
            assert!(refusal(less).contains("verify-full"), "{less}");
            assert!(!refusal(less).contains("secret"), "{less}");
        }
        assert!(refusal("postgres://u:secret@h/n?sslmode=allow").contains("none of"));
        assert!(!refusal("postgres://u:secret@[/n").contains("secret"));
    }

    #[test]
    fn operators_see_who_we_are() {
        let name = |address: &str| {
            let options = options(address).unwrap();
            options.get_application_name().map(str::to_owned)
        };
        assert_eq!(name("postgres://u@h/n").as_deref(), Some("tongfu"));
        let named = name("postgres://u@h/n?application_name=pay-2");
        assert_eq!(named.as_deref(), Some("pay-2"));
    }
}
