//! A cluster as an operator runs one: three machines, each with a member of etcd and a
//! PostgreSQL under Patroni in strict synchronous mode; PgBouncer and HAProxy before them.
//! `cargo xtask cluster` starts it with instances behind nginx; `chaos --cluster` pays on
//! it while it is broken.

mod machine;
mod network;
mod proxies;

use crate::database::Place;
use crate::process::{Kept, wait_until};
use crate::step::{run_quietly, step};
use crate::tools::{apt_install, from_pypi, is_root_on_debian};
use crate::wire::Wire;
use anyhow::{Context, Result, bail};
use machine::Machine;
pub(crate) use machine::{PORT, TTL};
pub(crate) use network::Network;
pub(crate) use proxies::{Proxies, main_file, nginx};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many machines.
const MACHINES: usize = 3;
/// What a cluster needs beside PostgreSQL: programs, and the packages that have them.
const PROGRAMS: [(&str, &str); 4] = [
    ("etcd", "etcd-server"),
    ("pgbouncer", "pgbouncer"),
    ("haproxy", "haproxy"),
    ("nginx", "nginx"),
];
/// Patroni and what it needs, from PyPI: Debian 12's own lets a leader that stood still
/// take its lock back, and then finds no synchronous standby any more
/// (docs/databases.md, Patroni).
const PATRONI: [&str; 2] = ["patroni[etcd3]==4.1.5", "psycopg[binary]==3.2.13"];
/// Patroni answers at once, or is gone.
const ANSWER: Duration = Duration::from_secs(2);
/// A cluster gets so long to be whole (a machine that comes back may copy all anew).
const PATIENCE: Duration = Duration::from_secs(180);
/// A cluster that looks whole for so long is: Patroni looks each 5 s.
const SETTLED: Duration = Duration::from_secs(6);

/// A cluster, as long as this value lives.
pub(crate) struct Cluster {
    pub(crate) proxies: Proxies,
    machines: Vec<Machine>,
    network: Network,
    place: Arc<Place>,
    wire: Wire,
}

/// A member, as Patroni tells of it.
#[derive(Debug)]
struct Member {
    number: usize,
    role: String,
    state: String,
    timeline: u64,
}

impl Cluster {
    /// Starts all, and waits until a leader has a synchronous standby.
    ///
    /// # Errors
    /// Where a program is missing, or namespaces can't be made.
    pub(crate) fn start() -> Result<Self> {
        find_programs()?;
        let patroni = from_pypi("patroni", &PATRONI)?.join("patroni");
        step(
            "starting etcd, Patroni and PostgreSQL on three machines",
            || {
                let place = Arc::new(Place::find()?);
                let network = Network::lay(MACHINES)?;
                let machine = |number| Machine::new(&place, &patroni, number, MACHINES);
                let machines = network.all().map(machine).collect::<Result<Vec<_>>>()?;
                machines.iter().try_for_each(Machine::start)?;
                let cluster = Self {
                    proxies: Proxies::start(&place, MACHINES)?,
                    machines,
                    network,
                    place,
                    wire: Wire::patient(ANSWER),
                };
                cluster.wait_whole()?;
                Ok(cluster)
            },
        )
    }

    /// The address of all servers, by our own list of hosts.
    pub(crate) fn url(&self) -> String {
        let hosts = self.network.all().map(|each| {
            let host = network::address(each);
            format!("{host}:{PORT}")
        });
        let hosts: Vec<String> = hosts.collect();
        format!("postgres://postgres@{}/postgres", hosts.join(","))
    }

    /// The same through PgBouncer and HAProxy.
    pub(crate) fn url_of_proxies(&self) -> String {
        format!("{}/postgres", self.proxies.url())
    }

    pub(crate) fn machine(&self, number: usize) -> &Machine {
        &self.machines[number - 1]
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Starts again what ended by itself.
    pub(crate) fn look_after(&self) -> Result<()> {
        self.machines.iter().try_for_each(Machine::look_after)
    }

    /// Who leads, as the first machine that answers tells.
    pub(crate) fn leader(&self) -> Option<usize> {
        self.network.all().find_map(|each| self.leader_by(each))
    }

    /// Waits until another than `former` leads, as others tell.
    pub(crate) fn wait_other_leader(&self, former: usize) -> Result<usize> {
        let others = || self.network.all().filter(|each| *each != former);
        wait("nobody else leads", || {
            let mut told = others().filter_map(|each| self.leader_by(each));
            told.find(|leader| *leader != former)
        })
    }

    /// Waits until one leads and all others follow it, for longer than Patroni needs to
    /// see that a server is gone.
    pub(crate) fn wait_whole(&self) -> Result<()> {
        let mut since = None;
        wait("the cluster does not become whole", || {
            // Each sees the same: no machine is cut off.
            let whole = |each| self.members(each).is_ok_and(|members| is_whole(&members));
            if !self.network.all().all(whole) {
                since = None;
                return None;
            }
            let since = *since.get_or_insert_with(Instant::now);
            (since.elapsed() > SETTLED).then_some(())
        })
    }

    /// Another member leads from now on, by the operator's wish.
    pub(crate) fn switch_over(&self) -> Result<()> {
        let leader = self.leader().context("nobody leads")?;
        let wish = format!("{{\"leader\": \"m{leader}\"}}");
        let url = format!("http://{}:8008/switchover", network::address(leader));
        // It answers once it is done.
        let answer = Wire::new().post_json(&url, &wish)?;
        if answer.status != 200 {
            bail!("no switchover: {}", answer.body);
        }
        Ok(())
    }

    /// A copy of the books as they are now, for `run_copy`; gives its folder.
    pub(crate) fn copy_books(&self) -> Result<PathBuf> {
        let leader = self.leader().context("nobody leads")?;
        let folder = self.place.folder.join("copy");
        let mut copy = self
            .place
            .command(&self.place.programs.join("pg_basebackup"));
        copy.args(["--username=postgres", "--checkpoint=fast", "--no-sync"])
            .arg(format!("--host={}", network::address(leader)))
            .arg(format!("--port={PORT}"))
            .arg("--pgdata")
            .arg(&folder);
        run_quietly(&mut copy)?;
        Ok(folder)
    }

    /// All machines die, and the first comes back alone with an older copy of the books, for
    /// as long as what this gives lives.
    pub(crate) fn run_copy(&self, copy: &Path) -> Result<Kept> {
        self.machines.iter().for_each(Machine::kill);
        let words = [
            "-D",
            &copy.display().to_string(),
            "-c",
            "synchronous_standby_names=",
            "-c",
            &format!("listen_addresses={}", network::address(1)),
        ];
        let words = words.map(str::to_owned);
        let (place, server) = (self.place.clone(), self.place.programs.join("postgres"));
        let server = Kept::new(move || machine::on(&place, 1, &server, &words));
        server.start()?;
        Ok(server)
    }

    /// The machines are back with what they have.
    pub(crate) fn come_back(&self) -> Result<()> {
        self.machines.iter().try_for_each(Machine::start)?;
        self.wait_whole()
    }

    fn leader_by(&self, machine: usize) -> Option<usize> {
        let members = self.members(machine).ok()?;
        let leads = |member: &&Member| member.role == "leader" && member.state == "running";
        members.iter().find(leads).map(|member| member.number)
    }

    fn members(&self, machine: usize) -> Result<Vec<Member>> {
        let url = format!("http://{}:8008/cluster", network::address(machine));
        let told: Value = serde_json::from_str(&self.wire.get(&url)?.body)?;
        let members = told["members"].as_array().context("no members")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        members
            .iter()
            .map(|member| {
                let name = text(&member["name"]);
                let number = name.strip_prefix('m').context("a stranger's member")?;
                Ok(Member {
                    number: number.parse()?,
                    role: text(&member["role"]),
                    state: text(&member["state"]),
                    timeline: member["timeline"].as_u64().unwrap_or_default(),
                })
            })
            .collect()
    }
}

/// One leads, another is its synchronous standby, and all are on one timeline.
fn is_whole(members: &[Member]) -> bool {
    let roles = |role: &str| members.iter().filter(|member| member.role == role).count();
    let runs = |member: &Member| ["running", "streaming"].contains(&member.state.as_str());
    members.len() == MACHINES
        && roles("leader") == 1
        && roles("sync_standby") >= 1
        && members.iter().all(runs)
        && members
            .windows(2)
            .all(|two| two[0].timeline == two[1].timeline)
}

fn wait<T>(otherwise: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    wait_until(otherwise, PATIENCE, || Ok(look()))
}

/// Installs what is missing, where that can be done without asking.
fn find_programs() -> Result<()> {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let missing = || -> Vec<&str> {
        let missing = PROGRAMS.iter().filter(|(program, _)| !is_there(program));
        missing.map(|(_, package)| *package).collect()
    };
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    if is_root_on_debian() {
        let installing = format!("installing {}", packages.join(", "));
        step(&installing, || Ok(apt_install(&packages)))?;
    }
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    bail!("install {}", packages.join(", "))
}
