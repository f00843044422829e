//! PgBouncer before a server, once for each way of sharing sessions.

use super::Postgres;
use crate::process::{Programs, free_ports};
use crate::step::{step, works};
use crate::tools::is_root_on_debian;
use anyhow::Result;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Addresses without a database name.
pub(crate) struct Poolers {
    /// A client has a session of the server's to itself.
    pub(crate) session: String,
    /// Each transaction gets another one.
    pub(crate) transaction: String,
    _programs: Programs,
}

impl Poolers {
    /// Starts both; `None` where the program is not found and can't be installed.
    pub(crate) fn start(server: &Postgres) -> Result<Option<Self>> {
        let is_there = || Command::new("pgbouncer").arg("--version").output().is_ok();
        let install = || works(Command::new("apt-get").args(["install", "-y", "pgbouncer"]));
        let there = is_there()
            || is_root_on_debian() && step("installing PgBouncer", || Ok(install()))? && is_there();
        if !there {
            return Ok(None);
        }
        let mut programs = Programs::default();
        let mut address = |mode: &str| start(server, mode, &mut programs);
        Ok(Some(Self {
            session: address("session")?,
            transaction: address("transaction")?,
            _programs: programs,
        }))
    }
}

fn start(server: &Postgres, mode: &str, programs: &mut Programs) -> Result<String> {
    let port = free_ports(1)?;
    let folder = &server.place.folder;
    let file = folder.join(format!("{mode}.ini"));
    let text = format!(
        "[databases]\n* = host=127.0.0.1 port={} user=postgres\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\npool_mode = {mode}\nmax_client_conn = 500\ndefault_pool_size = 60\n",
        server.port
    );
    std::fs::write(&file, text)?;
    // What it tells of each connection is of no use here.
    let mut pooler = server.place.command(Path::new("pgbouncer"));
    pooler.arg("--quiet").arg(&file);
    programs.start("PgBouncer", &mut pooler)?;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(ended) = programs.ended() {
            anyhow::bail!("{ended} ended before it listened");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(format!("postgres://postgres@127.0.0.1:{port}"))
}
