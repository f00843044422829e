//! Sends out how far the acts of operators have come, to where who owns the database can't
//! write: the log, a file, an address (docs/operating.md, Who did what).

use crate::clock::now_ms;
use crate::config::Config;
use crate::zone;
use anyhow::{Context, Result, bail};
use payment::acts::Head;
use reqwest::Client;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where heads are sent.
pub(crate) struct Heads {
    file: Option<PathBuf>,
    /// An address, and who asks it.
    hook: Option<(String, Client)>,
    told: Told,
}

/// What was sent last to each.
#[derive(Default)]
struct Told {
    log: Option<Head>,
    file: Option<Head>,
    hook: Option<Head>,
}

impl Heads {
    /// Where the configuration says.
    ///
    /// # Errors
    /// When the file can't be written to, or the address is none.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let file = config.acts_head_file();
        if let Some(file) = &file {
            add(file, "").with_context(|| format!("acts_head_file: {}", file.display()))?;
        }
        let url = &config.acts_head_url;
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            bail!("acts_head_url takes an http or https address");
        }
        let hook = match url.is_empty() {
            true => None,
            false => Some((url.clone(), channels::client()?)),
        };
        let told = Told::default();
        Ok(Self { file, hook, told })
    }

    /// Sends a head to each of them that has not had it; one that fails keeps no other
    /// from it.
    ///
    /// # Errors
    /// When one of them did not take it.
    pub(crate) async fn send(&mut self, head: &Head) -> Result<()> {
        if self.told.log.as_ref() != Some(head) {
            let (seq, hash) = (head.seq, head.hash.as_str());
            match &self.told.log {
                Some(told) if told.seq >= seq => {
                    tracing::error!(seq, hash, told = told.seq, "acts of operators were changed");
                }
                _ => tracing::info!(seq, hash, "the acts of operators"),
            }
            self.told.log = Some(head.clone());
        }
        let filed = self.write(head).await;
        let posted = self.post(head).await;
        filed.and(posted)
    }

    async fn write(&mut self, head: &Head) -> Result<()> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        if self.told.file.as_ref() == Some(head) {
            return Ok(());
        }
        let time = zone::time(now_ms()).replace(' ', "T");
        let line = format!("{time} {} {}\n", head.seq, head.hash);
        // A disk may take its time, and nobody else waits for it.
        let written = tokio::task::spawn_blocking(move || add(&file, &line));
        written.await?.context("acts_head_file")?;
        self.told.file = Some(head.clone());
        Ok(())
    }

    async fn post(&mut self, head: &Head) -> Result<()> {
        let Some((url, client)) = &self.hook else {
            return Ok(());
        };
        if self.told.hook.as_ref() == Some(head) {
            return Ok(());
        }
        let time = zone::time(now_ms());
        let body = json!({"time": time, "seq": head.seq, "hash": head.hash});
        let asked = client.post(url).header("Content-Type", "application/json");
        let answer = asked.body(body.to_string()).send().await;
        // The address may hold a token: it is in no error.
        let status = answer.map_err(reqwest::Error::without_url)?.status();
        if !status.is_success() {
            bail!("acts_head_url answers {status}");
        }
        self.told.hook = Some(head.clone());
        Ok(())
    }
}

/// Adds to a file that is its owner's alone. What a full disk cut short stays a line of
/// its own.
fn add(file: &Path, line: &str) -> std::io::Result<()> {
    let mut opened = OpenOptions::new();
    let opened = opened.read(true).append(true).create(true).mode(0o600);
    let mut opened = opened.open(file)?;
    let length = opened.metadata()?.len();
    let mut last = *b"\n";
    if length > 0 {
        opened.read_exact_at(&mut last, length - 1)?;
    }
    let end = if last == *b"\n" { "" } else { "\n" };
    opened.write_all(format!("{end}{line}").as_bytes())?;
    opened.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_short_spoils_no_other_line() {
        let folder = std::env::temp_dir().join(format!("tongfu-heads-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("heads");
        let whole = "2026-11-28T09:47:50 13 3fa\n";
        std::fs::write(&file, "2026-11-28T09:47:5").unwrap();
        for _ in 0..2 {
            add(&file, whole).unwrap();
        }
        // Where it starts it is only looked whether it can be written to.
        add(&file, "").unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, format!("2026-11-28T09:47:5\n{whole}{whole}"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
