//! Several servers behind one address: the one that takes writes is found, and
//! found again after a failover.

use super::connect;
use crate::guard::Guard;
use crate::line::Row;
use crate::open_error::{OpenError, refused};
use crate::queries::marks::{MARK_OF_POSTGRES, mark_row};
use crate::renewal::Renewal;
use payment::ports::Mark;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A server that answers no sooner is passed over.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// Between two looks at the server in use, and between two searches.
const LOOK_EACH: Duration = Duration::from_millis(500);
/// How long a server is looked for when the program starts.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The servers of one address.
pub(super) struct Hosts {
    all: Vec<PgConnectOptions>,
}

impl Hosts {
    /// Reads `postgres://user@host1:5432,host2:5433/name`; one host is the usual case.
    ///
    /// # Errors
    /// [`OpenError`] for an address that can't be taken.
    pub(super) fn parse(address: &str) -> Result<Arc<Self>, OpenError> {
        let hosts = each_host(address).ok_or_else(|| refused("the address can't be read"))?;
        let all = hosts.iter().map(|address| connect::options(address));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self { all }))
    }

    /// The server that takes writes. A single one is taken as it is: whether it can
    /// be reached shows when it is used.
    pub(super) async fn writable(&self) -> Option<PgConnectOptions> {
        if let [one] = self.all.as_slice() {
            return Some(one.clone());
        }
        let started = Instant::now();
        while started.elapsed() < START_LIMIT {
            if let Some((found, _)) = self.search().await {
                return Some(found);
            }
            tokio::time::sleep(LOOK_EACH).await;
        }
        None
    }

    /// The server that takes writes. A former primary that comes back takes them, too: of
    /// several it is the one whose books are the newest, and else the first.
    async fn search(&self) -> Option<(PgConnectOptions, PgConnection)> {
        let mut asked = JoinSet::new();
        for (place, options) in self.all.iter().cloned().enumerate() {
            asked.spawn(async move {
                let (line, mark) = mark_of(&options).await?;
                Some((place, mark, options, line))
            });
        }
        let mut found: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
        found.sort_by_key(|(place, ..)| *place);
        let found = found
            .into_iter()
            .map(|(_, mark, options, line)| (mark, options, line));
        let (_, options, line) = found.reduce(|best, next| match is_newer(&next.0, &best.0) {
            true => next,
            false => best,
        })?;
        Some((options, line))
    }

    /// Watches the server in use, and turns the pool to another one when it stops
    /// taking writes, or is refused and another one is newer; ends with the pool.
    pub(super) async fn watch(
        self: Arc<Self>,
        mut used: PgConnectOptions,
        pool: PgPool,
        renewal: Renewal,
        guard: Arc<Guard>,
    ) {
        if self.all.len() < 2 {
            return;
        }
        let mut line: Option<PgConnection> = None;
        while !pool.is_closed() {
            tokio::time::sleep(LOOK_EACH).await;
            if guard.pass().is_ok() && still_writes(&mut line, &used).await {
                continue;
            }
            line = None;
            let Some((found, over)) = self.search().await else {
                tracing::warn!("no database server takes writes; looking on");
                continue;
            };
            line = Some(over);
            // It was slow once, and lost nothing.
            if place(&found) == place(&used) {
                continue;
            }
            let (host, port) = place(&found);
            tracing::warn!(host, port, "turning to another database server");
            pool.set_connect_options(found.clone());
            renewal.renew();
            used = found;
        }
    }
}

fn place(options: &PgConnectOptions) -> (&str, u16) {
    (options.get_host(), options.get_port())
}

/// The address once for each of its hosts.
fn each_host(address: &str) -> Option<Vec<String>> {
    let (scheme, rest) = address.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let one = |host: &str| format!("{scheme}://{user}{host}{path}");
    Some(hosts.split(',').map(one).collect())
}

/// Whether books are newer than others: by their era, in which a person's word lies, and of
/// one system by its timeline. Other systems count their timelines for themselves.
fn is_newer(one: &Option<Mark>, other: &Option<Mark>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) if one.era == other.era => {
            one.system == other.system && one.timeline > other.timeline
        }
        (Some(one), Some(other)) => one.era > other.era,
        (one, other) => one.is_some() && other.is_none(),
    }
}

/// A line to a server that takes writes, and how far its books have come. One that can't
/// tell, or has no books yet, has no mark.
async fn mark_of(options: &PgConnectOptions) -> Option<(PgConnection, Option<Mark>)> {
    let mut line = None;
    still_writes(&mut line, options).await;
    let mut line = line?;
    let asked = sqlx::raw_sql(MARK_OF_POSTGRES).fetch_one(&mut line);
    let row = timeout(ANSWER_LIMIT, asked).await.ok().and_then(Result::ok);
    let mark = row.and_then(|row| mark_row(&Row::Postgres(row)).ok());
    Some((line, mark))
}

/// Asks over a line that is kept; a new one where it is gone.
async fn still_writes(line: &mut Option<PgConnection>, options: &PgConnectOptions) -> bool {
    let asked = timeout(ANSWER_LIMIT, async {
        let mut connection = match line.take() {
            Some(connection) => connection,
            None => options.connect().await?,
        };
        let query = sqlx::query_scalar("show transaction_read_only");
        let read_only: String = query.fetch_one(&mut connection).await?;
        Ok::<_, sqlx::Error>((connection, read_only == "off"))
    });
    match asked.await {
        Ok(Ok((connection, true))) => {
            *line = Some(connection);
            true
        }
        Ok(Ok((connection, false))) => {
            let _ = connection.close().await;
            false
        }
        Ok(Err(_)) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_gets_user_and_database() {
        let addresses = each_host("postgres://u:p@a:1,b:2/name?sslmode=require");
        let expected = [
            "postgres://u:p@a:1/name?sslmode=require",
            "postgres://u:p@b:2/name?sslmode=require",
        ];
        assert_eq!(addresses.unwrap(), expected);
        assert_eq!(
            each_host("postgres://a/name").unwrap(),
            ["postgres://a/name"]
        );
        assert_eq!(each_host("postgres:a"), None);
    }
}
