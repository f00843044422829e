//! `cargo xtask package`: the Debian package and what it is made of (docs/packages.md), and
//! a look at it: installed into a root of its own, started there, upgraded and removed.

use crate::folders::{root, target};
use crate::packaging::exposure;
use crate::process::{Programs, free_ports};
use crate::site;
use crate::step::{run_quietly, step, works};
use crate::tools::{cargo_tools, is_root_on_debian};
use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TOOLS: [&str; 3] = [
    "cargo-auditable@0.7.7",
    "cargo-cyclonedx@0.5.9",
    "cargo-deb@3.8.0",
];

/// What the packaged program has beside, as cargo takes it for the whole workspace.
const FEATURES: [&str; 2] = ["--features", "server/otel"];

/// What cargo-cyclonedx writes.
const BILL: &str = "tongfu.cdx.json";

/// The command: builds the package and prints what was seen of it.
pub(crate) fn run() -> Result<ExitCode> {
    let path = step("cargo's tools for packages", || cargo_tools(&TOOLS))?;
    site::build()?;
    let folder = target("package")?;
    step("the program, with the list of its crates in it", || {
        let build = ["auditable", "build", "--quiet", "--release"];
        cargo(&path, &[&build[..], &FEATURES].concat()).map(drop)
    })?;
    step("the traces that it can send", || {
        let mut cargo = Command::new("cargo");
        cargo.args(["test", "--quiet", "--test", "it"]);
        run_quietly(cargo.args(FEATURES).arg("traces::").current_dir(root())).map(drop)
    })?;
    step("completions and manual pages", pages)?;
    let bill = step("the bill of materials", || bill(&path, &folder))?;
    let version = env!("CARGO_PKG_VERSION");
    let package = step("the package", || deb(&path, &folder, version))?;
    let next = deb(&path, &folder, &format!("{version}+next"))?;
    println!("{}\n{}", package.display(), bill.display());
    if works(Command::new("lintian").arg("--version")) {
        step("lintian", || lint(&package))?;
    } else {
        println!("SKIPPED: lintian is not on this machine");
    }
    if is_root_on_debian() {
        step("installed, upgraded, removed", || lives(&package, &next))?;
    } else {
        println!("SKIPPED: only root on Debian can install it into a root of its own");
    }
    fs::remove_file(next)?;
    Ok(ExitCode::SUCCESS)
}

/// One of cargo's commands, on the program as it is packaged.
fn cargo(path: &OsString, words: &[&str]) -> Result<String> {
    let mut cargo = Command::new("cargo");
    cargo.args(words).args(["--bin", "tongfu"]);
    run_quietly(cargo.env("PATH", path).current_dir(root()))
}

/// What the program prints for shells and for `man`, where cargo-deb takes it.
fn pages() -> Result<()> {
    let folder = target("release/package")?;
    let program = target("release")?.join("tongfu");
    let man = folder.join("man");
    let _ = fs::remove_dir_all(&man);
    run_quietly(Command::new(&program).arg("man").arg(&man))?;
    for page in fs::read_dir(&man)? {
        let page = page?.path();
        pack(&page, &page.with_extension("1.gz"))?;
    }
    pack(&root().join("CHANGELOG.md"), &folder.join("changelog.gz"))?;
    for shell in ["bash", "zsh", "fish"] {
        let script = run_quietly(Command::new(&program).args(["completions", shell]))?;
        fs::write(folder.join(format!("tongfu.{shell}")), script)?;
    }
    Ok(())
}

fn pack(from: &Path, to: &Path) -> Result<()> {
    let mut packed = GzEncoder::new(fs::File::create(to)?, Compression::best());
    packed.write_all(&fs::read(from)?)?;
    Ok(packed.finish().map(drop)?)
}

/// What the program is made of, in CycloneDX's form.
fn bill(path: &OsString, folder: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["cyclonedx", "--quiet", "--manifest-path"]);
    cargo.arg(root().join("server/Cargo.toml"));
    cargo.args(["--format", "json", "--override-filename", "tongfu.cdx"]);
    cargo.args(["--features", "otel"]);
    run_quietly(cargo.env("PATH", path).current_dir(root()))?;
    let bill = folder.join(BILL);
    fs::rename(root().join("server").join(BILL), &bill)?;
    // It writes one for each crate of the workspace.
    for member in fs::read_dir(root())?.chain(fs::read_dir(root().join("crates"))?) {
        let _ = fs::remove_file(member?.path().join(BILL));
    }
    let text: serde_json::Value = serde_json::from_slice(&fs::read(&bill)?)?;
    let crates = text["components"].as_array().map_or(0, Vec::len);
    println!("    {crates} crates");
    Ok(bill)
}

fn deb(path: &OsString, folder: &Path, version: &str) -> Result<PathBuf> {
    let file = folder.join(format!("tongfu_{version}.deb"));
    let mut cargo = Command::new("cargo");
    cargo.args(["deb", "--quiet", "--no-build", "--no-strip"]);
    cargo.args(["--package", "server", "--deb-version", version]);
    cargo.arg("--output").arg(&file);
    run_quietly(cargo.env("PATH", path).current_dir(root()))?;
    Ok(file)
}

fn lint(package: &Path) -> Result<()> {
    let told = run_quietly(Command::new("lintian").arg("--allow-root").arg(package))?;
    for line in told.lines() {
        println!("    {line}");
    }
    Ok(())
}

/// Installs the package where nothing else is, works with it as docs/packages.md says,
/// upgrades it, and takes it away.
fn lives(package: &Path, next: &Path) -> Result<()> {
    if Path::new("/run/systemd/system").exists() {
        println!("    SKIPPED: the package's scripts would speak to the systemd that runs here");
        return Ok(());
    }
    let place = Place(target("package")?.join("root"));
    place.empty()?;
    place.dpkg(&["--install".as_ref(), package])?;
    let version = place.tongfu(&["--version"])?;
    println!("    installed: {}", version.trim());
    exposure(&place.unit()?)?;
    let key = place.0.join("etc/tongfu/secrets.key");
    let mut new = fs::OpenOptions::new();
    let mut new = new.write(true).create_new(true).mode(0o600).open(&key)?;
    new.write_all(place.tongfu(&["secrets", "key"])?.as_bytes())?;
    place.owned("tongfu.toml", "640 0:")?;
    place.tongfu(&["migrate"])?;
    place.serves()?;
    let file = place.0.join("etc/tongfu/tongfu.toml");
    let own = format!("{}\n# changed by hand\n", fs::read_to_string(&file)?);
    fs::write(&file, &own)?;
    place.dpkg(&["--force-confdef".as_ref(), "--install".as_ref(), next])?;
    ensure!(
        own == fs::read_to_string(&file)?,
        "the upgrade changed {file:?}"
    );
    place.owned("secrets.key", "600 ")?;
    place.serves()?;
    place.dpkg(&["--remove".as_ref(), "tongfu".as_ref()])?;
    ensure!(
        !place.program().exists() && file.exists(),
        "a removal keeps the settings alone"
    );
    place.dpkg(&["--purge".as_ref(), "tongfu".as_ref()])?;
    let books = place.0.join("var/lib/tongfu/tongfu.db");
    ensure!(
        !file.exists() && books.exists() && key.exists(),
        "a purge keeps books and key"
    );
    println!("    upgraded, removed, purged: books and key are there still");
    fs::remove_dir_all(place.0)?;
    Ok(())
}

/// A folder that dpkg takes for the whole system.
struct Place(PathBuf);

impl Place {
    fn empty(&self) -> Result<()> {
        let _ = fs::remove_dir_all(&self.0);
        for folder in ["etc", "var/lib/dpkg/info", "var/lib/dpkg/updates"] {
            fs::create_dir_all(self.0.join(folder))?;
        }
        Ok(fs::write(self.0.join("var/lib/dpkg/status"), "")?)
    }

    /// dpkg, with what the package depends on taken for there, and its scripts run from
    /// this system with `DPKG_ROOT`.
    fn dpkg(&self, words: &[&Path]) -> Result<()> {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg("--root").arg(&self.0);
        dpkg.args(["--force-script-chrootless", "--force-depends"]);
        run_quietly(dpkg.args(words)).map(drop)
    }

    fn program(&self) -> PathBuf {
        self.0.join("usr/bin/tongfu")
    }

    /// The installed program on its own settings, the paths in them inside the folder.
    fn command(&self) -> Command {
        let mut tongfu = Command::new(self.program());
        let books = self.0.join("var/lib/tongfu/tongfu.db");
        tongfu
            .arg("--config")
            .arg(self.0.join("etc/tongfu/tongfu.toml"))
            .env("TONGFU_DATABASE_URL", format!("sqlite:{}", books.display()))
            .env(
                "TONGFU_SECRETS_KEY_FILE",
                self.0.join("etc/tongfu/secrets.key"),
            );
        tongfu
    }

    fn tongfu(&self, words: &[&str]) -> Result<String> {
        run_quietly(self.command().args(words))
    }

    /// Starts it, and has it look at itself.
    fn serves(&self) -> Result<()> {
        let port = free_ports(4)?;
        let command = |word: &str| {
            let mut command = self.command();
            command.arg(word).env("TONGFU_LOG", "warn");
            command.env("TONGFU_LISTEN", format!("127.0.0.1:{port}"));
            command
        };
        let mut programs = Programs::default();
        programs.start("tongfu", &mut command("serve"))?;
        programs.wait_for(port, "/readyz")?;
        let health = run_quietly(&mut command("health"))?;
        // It has no account yet, and that is all that it is to find.
        let doctor = command("doctor").output()?;
        let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
        let looks: Vec<&str> = told
            .lines()
            .filter(|line| line.starts_with("LOOK"))
            .collect();
        ensure!(
            looks == ["LOOK  no channel accounts are configured"],
            "{told}"
        );
        println!(
            "    serves: {}; doctor misses its accounts alone",
            health.trim()
        );
        Ok(())
    }

    /// The unit as systemd would find it, its program being this folder's.
    fn unit(&self) -> Result<PathBuf> {
        let unit = fs::read_to_string(self.0.join("usr/lib/systemd/system/tongfu.service"))?;
        let program = self.program().display().to_string();
        let file = self.0.join("tongfu.service");
        fs::write(&file, unit.replace("/usr/bin/tongfu", &program))?;
        let mut analyze = Command::new("systemd-analyze");
        run_quietly(analyze.args(["verify", "--man=no"]).arg(&file))?;
        Ok(file)
    }

    /// A file of its settings is for whom it should be.
    fn owned(&self, name: &str, wanted: &str) -> Result<()> {
        let file = self.0.join("etc/tongfu").join(name);
        let mut stat = Command::new("stat");
        let told = run_quietly(stat.args(["--format", "%a %u:%g"]).arg(&file))?;
        let is_his = !told.trim().ends_with(":0");
        ensure!(told.starts_with(wanted) && is_his, "{name} is {told}");
        Ok(())
    }
}
