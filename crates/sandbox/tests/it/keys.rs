//! Keys of all channels, made once for every world of a test's process: they are slow
//! to make. The tests of `channels` and `server` read this file too.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

static KEYS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    sandbox::gateway::make_keys("http://127.0.0.1", folder.path()).unwrap();
    folder
});

/// Copies them into a world's folder, which is made where it is missing.
pub(crate) fn put_keys(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(KEYS.path().join("."))
        .arg(folder)
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
}
