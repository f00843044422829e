//! One machine of the cluster: a member of etcd, and a PostgreSQL under Patroni.

use super::network::{Network, address};
use crate::database::Place;
use crate::process::{Kept, send};
use anyhow::{Context, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A leader that was not heard of for so long is one no more, seconds.
pub(crate) const TTL: u64 = 20;

/// What runs on a machine, and is started again by whoever looks after it.
pub(crate) struct Machine {
    number: usize,
    place: Arc<Place>,
    etcd: Kept,
    patroni: Kept,
}

impl Machine {
    pub(crate) fn new(
        place: &Arc<Place>,
        program: &Path,
        number: usize,
        of: usize,
    ) -> Result<Self> {
        let file = place.folder.join(format!("patroni-{number}.yml"));
        std::fs::write(&file, patroni(place, number, of))?;
        let etcd = etcd(number, of, &place.folder);
        let (there, from) = (place.clone(), place.clone());
        let program = program.to_owned();
        Ok(Self {
            number,
            place: place.clone(),
            etcd: Kept::new(move || on(&there, number, Path::new("etcd"), &etcd)),
            patroni: Kept::new(move || on(&from, number, &program, &[file.display().to_string()])),
        })
    }

    pub(crate) fn start(&self) -> Result<()> {
        self.etcd.start()?;
        self.patroni.start()
    }

    /// Starts again what ended by itself, as a service manager would.
    pub(crate) fn look_after(&self) -> Result<()> {
        self.etcd.look_after()?;
        self.patroni.look_after().map(drop)
    }

    /// `kill -9` of everything on it.
    pub(crate) fn kill(&self) {
        send("-KILL", &Network::processes(self.number));
        self.etcd.end();
        self.patroni.end();
    }

    pub(crate) fn kill_etcd(&self, away: Duration) -> Result<()> {
        self.etcd.kill(away)
    }

    /// `kill -9` of its server's first process.
    pub(crate) fn kill_server(&self) -> Result<()> {
        let process = self.place.postmaster(&data(self.number))?;
        send("-KILL", &[process.parse().context("no process id")?]);
        Ok(())
    }

    /// SIGSTOP, and SIGCONT, of everything on it.
    pub(crate) fn freeze(&self) {
        send("-STOP", &Network::processes(self.number));
    }

    pub(crate) fn thaw(&self) {
        send("-CONT", &Network::processes(self.number));
    }
}

/// Where a machine's server listens.
pub(crate) const PORT: u16 = 5432;

/// The folder of a machine's server.
fn data(number: usize) -> String {
    format!("data-{number}")
}

/// A program on a machine, whose output goes into a log.
pub(super) fn on(
    place: &Place,
    number: usize,
    program: &Path,
    words: &[String],
) -> Result<Command> {
    let mut command = place.command(program);
    command.args(words);
    let mut command = Network::on(number, &command);
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let path = place.folder.join(format!("{name}-{number}.log"));
    let log = File::options().create(true).append(true).open(path)?;
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(command)
}

fn etcd(number: usize, of: usize, folder: &Path) -> Vec<String> {
    let own = address(number);
    let peers = (1..=of).map(|each| format!("m{each}=http://{}:2380", address(each)));
    let peers = peers.collect::<Vec<_>>().join(",");
    let data: PathBuf = folder.join(format!("etcd-{number}"));
    [
        ("name", format!("m{number}")),
        ("data-dir", data.display().to_string()),
        ("listen-peer-urls", format!("http://{own}:2380")),
        ("initial-advertise-peer-urls", format!("http://{own}:2380")),
        ("listen-client-urls", format!("http://{own}:2379")),
        ("advertise-client-urls", format!("http://{own}:2379")),
        ("initial-cluster", peers),
        ("initial-cluster-token", "tongfu".to_owned()),
        ("heartbeat-interval", "200".to_owned()),
        ("election-timeout", "2000".to_owned()),
        ("log-level", "warn".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| format!("--{name}={value}"))
    .collect()
}

/// As docs/databases.md says under Patroni; without a watchdog, which a namespace has not.
fn patroni(place: &Place, number: usize, of: usize) -> String {
    let own = address(number);
    let hosts = (1..=of).map(|each| format!("{}:2379", address(each)));
    let hosts = hosts.collect::<Vec<_>>().join(", ");
    let (folder, programs) = (place.folder.display(), place.programs.display());
    let data = data(number);
    format!(
        "scope: tongfu
name: m{number}
restapi: {{listen: '{own}:8008', connect_address: '{own}:8008'}}
etcd3: {{hosts: [{hosts}]}}
bootstrap:
  dcs:
    ttl: {TTL}
    loop_wait: 5
    retry_timeout: 5
    maximum_lag_on_failover: 1048576
    primary_start_timeout: 0
    synchronous_mode: true
    synchronous_mode_strict: true
    failsafe_mode: true
    postgresql:
      use_pg_rewind: true
      parameters: {{max_connections: 300, wal_keep_size: 512MB}}
  initdb: [{{encoding: UTF8}}, {{locale: C}}, {{auth: trust}}, data-checksums]
postgresql:
  listen: {own}:{PORT}
  connect_address: {own}:{PORT}
  data_dir: {folder}/{data}
  bin_dir: {programs}
  pgpass: {folder}/pgpass-{number}
  authentication:
    superuser: {{username: postgres}}
    replication: {{username: postgres}}
    rewind: {{username: postgres}}
  pg_hba:
    - local all all trust
    - host all all 10.77.0.0/24 trust
    - host replication all 10.77.0.0/24 trust
  parameters: {{unix_socket_directories: ''}}
watchdog: {{mode: 'off'}}
"
    )
}
