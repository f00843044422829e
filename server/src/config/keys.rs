//! The keys that secrets are kept by (docs/secrets.md): where they are given.

use super::Config;
use anyhow::{Context, Result, bail};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use store::Keys;
use zeroize::Zeroizing;

/// The name of systemd's credential.
const CREDENTIAL: &str = "tongfu-secrets-key";

impl Config {
    /// The keys as they are given; none where no place holds any. With `--dev` there is
    /// always one.
    pub(super) fn keys(&self, dev: bool) -> Result<Keys> {
        if !self.secrets_key.is_empty() {
            let lines: Vec<&str> = self.secrets_key.split_whitespace().collect();
            let lines = Zeroizing::new(lines.join("\n"));
            let keys = Keys::parse(&lines).context("secrets_key")?;
            return some(keys, "secrets_key");
        }
        match self.key_file() {
            (file, true) => read(&file),
            (file, false) if file.exists() => read(&file),
            (file, false) if dev && !file.as_os_str().is_empty() => {
                make(&file).with_context(|| format!("making {}", file.display()))?;
                read(&file)
            }
            (_, false) if dev => Ok(Keys::development()),
            (_, false) => Ok(Keys::default()),
        }
    }

    /// The file that holds them, empty where there is no place for one; and whether it
    /// must be there.
    pub(super) fn key_file(&self) -> (PathBuf, bool) {
        if !self.secrets_key_file.as_os_str().is_empty() {
            return (self.secrets_key_file.clone(), true);
        }
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
        let credential = credentials.map(|folder| Path::new(&folder).join(CREDENTIAL));
        if let Some(file) = credential.filter(|file| file.exists()) {
            return (file, true);
        }
        (self.beside_sqlite("key").unwrap_or_default(), false)
    }

    /// Files of ours that others than their owner can read, though nobody should.
    pub(crate) fn wide_files(&self) -> Vec<PathBuf> {
        let files = [
            self.beside_sqlite(""),
            Some(self.key_file().0),
            Some(self.accounts.clone()),
        ];
        let is_wide = |file: &PathBuf| {
            let known = std::fs::metadata(file);
            known.is_ok_and(|known| known.is_file() && known.permissions().mode() & 0o077 != 0)
        };
        files.into_iter().flatten().filter(is_wide).collect()
    }
}

fn read(file: &Path) -> Result<Keys> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    let keys = Keys::parse(&text.with_context(|| format!("reading {}", file.display()))?);
    let file = file.display().to_string();
    some(keys.with_context(|| file.clone())?, &file)
}

fn some(keys: Keys, place: &str) -> Result<Keys> {
    if keys.is_empty() {
        bail!("{place} holds no key: `tongfu secrets key` makes one");
    }
    Ok(keys)
}

/// Makes a key of its own for a development database, whole and on disk before it is
/// there, unless another program just did.
fn make(file: &Path) -> Result<()> {
    let key = Keys::made()?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let mut new = OpenOptions::new();
    let mut new = new.write(true).create_new(true).mode(0o600).open(&beside)?;
    writeln!(new, "{}", *key)?;
    new.sync_all()?;
    let linked = std::fs::hard_link(&beside, file);
    std::fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => Ok(linked?),
    }
}
