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
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A file that takes longer is told, and nobody else waits for it: it may lie on a server
/// that went away.
const FILE_LIMIT: Duration = Duration::from_secs(10);

/// Where heads are sent.
pub(crate) struct Heads {
    file: Option<PathBuf>,
    /// A head that is still being written there.
    filing: Option<(Head, JoinHandle<std::io::Result<()>>)>,
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
        Ok(Self {
            file,
            filing: None,
            hook,
            told: Told::default(),
        })
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
        while self.told.file.as_ref() != Some(head) {
            let filing = self.filing.take();
            let (of, mut written) = filing.unwrap_or_else(|| begin(file.clone(), head));
            match timeout(FILE_LIMIT, &mut written).await {
                Err(_) => {
                    // Not begun again beside itself.
                    self.filing = Some((of, written));
                    bail!("acts_head_file takes nothing");
                }
                Ok(written) => written?.context("acts_head_file")?,
            }
            self.told.file = Some(of);
        }
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

/// Begins to write a head.
fn begin(file: PathBuf, head: &Head) -> (Head, JoinHandle<std::io::Result<()>>) {
    let time = zone::time(now_ms()).replace(' ', "T");
    let line = format!("{time} {} {}\n", head.seq, head.hash);
    let written = tokio::task::spawn_blocking(move || add(&file, &line));
    (head.clone(), written)
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

    fn head(seq: i64) -> Head {
        let hash = "3fa".to_owned();
        Head { seq, hash }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_hangs_holds_up_nothing_else() {
        let folder = std::env::temp_dir().join(format!("tongfu-hangs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("heads");
        let (goes_on, hangs) = tokio::sync::oneshot::channel();
        let hangs = tokio::spawn(async move { hangs.await.map_err(std::io::Error::other) });
        let mut heads = Heads {
            file: Some(file.clone()),
            filing: Some((head(1), hangs)),
            hook: None,
            told: Told::default(),
        };
        for seq in [1, 2, 3] {
            let told = heads.send(&head(seq)).await.unwrap_err().to_string();
            assert!(told.contains("takes nothing"), "{told}");
            assert_eq!(heads.told.log, Some(head(seq)));
        }
        goes_on.send(()).unwrap();
        heads.send(&head(3)).await.unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.ends_with(" 3 3fa\n") && text.lines().count() == 1,
            "{text}"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }

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
