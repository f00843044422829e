//! Finds a Chromium for the browser tests, or sets one up.

use crate::step::{step, works};
use crate::tools::{apt_install, is_root_on_debian};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Draws the same, without a window's worth of work: tests take half the time.
const SHELL: &str = "chromium-headless-shell";
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// The program of a Chromium for the browser tests: its headless shell, where the
/// system has that.
pub(crate) fn for_tests(modules: &Path) -> Result<PathBuf> {
    installed(&[SHELL]).map_or_else(|| chromium(modules), Ok)
}

/// The program of a Chromium: the system's, else Playwright's, else Debian's.
pub(crate) fn chromium(modules: &Path) -> Result<PathBuf> {
    if let Some(found) = installed(&NAMES) {
        return Ok(found);
    }
    if let Ok(found) = from_playwright(modules) {
        return Ok(found);
    }
    if is_root_on_debian() {
        step("installing Chromium and a Chinese font", || {
            if !apt_install(&["chromium", "fonts-noto-cjk"]) {
                bail!("apt-get can't install chromium");
            }
            Ok(())
        })?;
        return installed(&NAMES).context("Chromium was installed and is not found");
    }
    bail!("install Chromium (Debian: apt-get install chromium fonts-noto-cjk)")
}

/// The first of these programs that the system has.
pub(crate) fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
    })
}

fn from_playwright(modules: &Path) -> Result<PathBuf> {
    let cli = modules.join(".bin/playwright");
    step("asking Playwright for its Chromium", || {
        if !works(Command::new(&cli).args(["install", "chromium"])) {
            bail!("Playwright can't fetch it");
        }
        Ok(())
    })?;
    let script = "process.stdout.write(require('@playwright/test').chromium.executablePath())";
    let mut node = Command::new("node");
    node.args(["-e", script]).env("NODE_PATH", modules);
    let path = PathBuf::from(crate::step::run_quietly(&mut node)?);
    path.is_file()
        .then_some(path)
        .context("Playwright's Chromium is not where it says")
}
