//! Sends out how far the acts of operators have come, to where who owns the database can't
//! write: the log, a file, an address (docs/operating.md, Who did what).

use crate::config::Config;
use crate::serve::now_ms;
use crate::zone;
use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where heads are sent.
pub(crate) struct Heads {
    file: Option<PathBuf>,
    /// An address, and who asks it.
    hook: Option<(String, Client)>,
}

impl Heads {
    /// Where the configuration says.
    ///
    /// # Errors
    /// When the file can't be written to, or the address is none.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let file = config.acts_head_file();
        if let Some(file) = &file {
            opened(file, "").with_context(|| format!("acts_head_file: {}", file.display()))?;
        }
        let url = &config.acts_head_url;
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            bail!("acts_head_url takes an http or https address");
        }
        let hook = match url.is_empty() {
            true => None,
            false => Some((url.clone(), channels::client()?)),
        };
        Ok(Self { file, hook })
    }

    /// Sends a head, `seq hash`, to each of them.
    ///
    /// # Errors
    /// When one of them did not take it: it is sent to all again.
    pub(crate) async fn send(&self, head: &str) -> Result<()> {
        tracing::info!(head, "the acts of operators");
        let time = zone::time(now_ms());
        if let Some(file) = &self.file {
            let line = format!("{} {head}\n", time.replace(' ', "T"));
            opened(file, &line).with_context(|| file.display().to_string())?;
        }
        if let Some((url, client)) = &self.hook {
            let (seq, hash) = head.split_once(' ').unwrap_or_default();
            let body = json!({"time": time, "seq": seq, "hash": hash});
            let asked = client.post(url).header("Content-Type", "application/json");
            let answer = asked.body(body.to_string()).send().await;
            // The address may hold a token: it is in no error.
            let status = answer.map_err(reqwest::Error::without_url)?.status();
            if !status.is_success() {
                bail!("acts_head_url answers {status}");
            }
        }
        Ok(())
    }
}

/// Adds to a file that is its owner's alone.
fn opened(file: &Path, line: &str) -> std::io::Result<()> {
    let mut opened = OpenOptions::new();
    let mut opened = opened.append(true).create(true).mode(0o600).open(file)?;
    opened.write_all(line.as_bytes())?;
    opened.sync_data()
}
