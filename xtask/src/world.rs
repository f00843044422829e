//! Platform, gateway and shop as processes of their own, on three ports.

use crate::folders::{root, target};
use crate::process::{Programs, free_ports};
use crate::step::{self, step};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// Builds platform, sandbox and all tests, as `cargo test` does: its features for tests
/// make other crates of half the dependencies, which would be compiled twice. Gives the
/// programs' folder.
pub(crate) fn build_with_tests() -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--no-run"]);
    step("building platform, sandbox and tests", || {
        step::run(cargo.current_dir(root()))
    })?;
    target("debug")
}

/// Builds platform, sandbox and these programs as they are released; gives their folder.
pub(crate) fn build_release(beside: &[&str]) -> Result<PathBuf> {
    build("release", beside)
}

/// Builds platform and sandbox to be tried, which takes a third of the time; gives their
/// folder.
pub(crate) fn build_to_try() -> Result<PathBuf> {
    build("serve", &[])
}

fn build(profile: &str, beside: &[&str]) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--profile", profile]);
    for program in ["tongfu", "sandbox"].iter().chain(beside) {
        cargo.args(["--bin", program]);
    }
    step(
        &format!("building platform and sandbox ({profile})"),
        || step::run(cargo.current_dir(root())),
    )?;
    target(profile)
}

/// A whole small world: where its programs, its data and its ports are.
#[derive(Clone)]
pub(crate) struct World {
    /// Where the programs were built.
    pub(crate) bin: PathBuf,
    /// Where the data lives.
    pub(crate) data: PathBuf,
    /// The platform's port; the sandbox has the next, then come the shop's and the
    /// operator's.
    pub(crate) port: u16,
    /// The platform's database, where it is not a file beside its data.
    pub(crate) database: Option<String>,
    /// Settings of the platform beside.
    pub(crate) settings: &'static [(&'static str, &'static str)],
}

/// All callers of a test come from one address, as fast as they can.
pub(crate) const ONE_PEER: [(&str, &str); 4] = [
    ("TONGFU_PEER_PER_SECOND", "0"),
    ("TONGFU_BUSINESS_PER_SECOND", "0"),
    ("TONGFU_REQUEST_PER_SECOND", "0"),
    ("TONGFU_CONNECTIONS_PEER", "8192"),
];

/// The same where browser tests share a world: faults of one are to send no channel away
/// from the next one's page, and large refunds take two.
pub(crate) const SHARED: [(&str, &str); 6] = {
    let [peer, business, request, connections] = ONE_PEER;
    let stays = ("TONGFU_CHANNEL_LOST_ORDERS", "0");
    let alone = ("TONGFU_REFUND_ALONE", "100.00");
    [peer, business, request, connections, stays, alone]
};

impl World {
    /// A world of its own on free ports, with fresh data below `target`.
    pub(crate) fn fresh(folder: &str) -> Result<Self> {
        let data = target(folder)?.join("data");
        let _ = std::fs::remove_dir_all(&data);
        Ok(Self {
            bin: target("debug")?,
            data,
            port: free_ports(4)?,
            database: None,
            settings: &ONE_PEER,
        })
    }

    /// Starts all three and waits until each answers.
    pub(crate) fn start(&self, programs: &mut Programs) -> Result<()> {
        self.start_around(programs)?;
        programs.start("the platform", &mut self.platform())?;
        programs.wait_for(self.port, "/readyz")
    }

    /// Starts what stands around the platform: the sandbox, whose keys the platform needs,
    /// and the shop.
    pub(crate) fn start_around(&self, programs: &mut Programs) -> Result<()> {
        std::fs::create_dir_all(&self.data)?;
        step::run_quietly(self.sandbox("keys").args(["--base", &self.address(1)]))?;
        let listen = format!("127.0.0.1:{}", self.port + 1);
        let mut gateway = self.sandbox("gateway");
        programs.start("the sandbox gateway", gateway.args(["--listen", &listen]))?;
        programs.start("the demo shop", &mut self.shop())?;
        programs.wait_for(self.port + 1, "/healthz")?;
        programs.wait_for(self.port + 2, "/healthz")
    }

    /// The address of a listener: 0 the platform, 1 the sandbox, 2 the shop, 3 the
    /// operator's.
    pub(crate) fn address(&self, offset: u16) -> String {
        format!("http://127.0.0.1:{}", self.port + offset)
    }

    /// A command of the sandbox on this world's data.
    pub(crate) fn sandbox(&self, command: &str) -> Command {
        let mut sandbox = Command::new(self.bin.join("sandbox"));
        sandbox
            .arg(command)
            .arg("--data")
            .arg(self.data.join("sandbox"));
        sandbox
    }

    /// The platform's program on this world's database.
    pub(crate) fn tongfu(&self) -> Command {
        let mut tongfu = Command::new(self.bin.join("tongfu"));
        tongfu
            .env("TONGFU_DATABASE_URL", self.database_url())
            .env("TONGFU_LISTEN", format!("127.0.0.1:{}", self.port));
        // A database may be filled before there are channels.
        let accounts = self.data.join("sandbox/accounts.toml");
        if accounts.exists() {
            tongfu.env("TONGFU_ACCOUNTS", accounts);
        }
        tongfu
    }

    /// What fills its database by hand.
    pub(crate) fn book(&self, which: &str) -> Command {
        let mut book = Command::new(self.bin.join("book"));
        book.arg(self.database_url()).arg(which);
        book
    }

    /// Where its books are kept.
    pub(crate) fn database_url(&self) -> String {
        let file = || format!("sqlite:{}", self.data.join("tongfu.db").display());
        self.database.clone().unwrap_or_else(file)
    }

    /// The platform's command.
    pub(crate) fn platform(&self) -> Command {
        let mut platform = self.tongfu();
        platform
            .args(["serve", "--dev"])
            .env(
                "TONGFU_OPERATOR_LISTEN",
                format!("127.0.0.1:{}", self.port + 3),
            )
            .envs(self.settings.iter().copied());
        platform
    }

    /// The demo shop.
    pub(crate) fn shop(&self) -> Command {
        let mut shop = Command::new(self.bin.join("sandbox"));
        shop.args(["shop", "--listen", &format!("127.0.0.1:{}", self.port + 2)])
            .args(["--platform", &self.address(0)])
            .args(["--wallet", &format!("{}/wallet", self.address(1))]);
        shop
    }
}
