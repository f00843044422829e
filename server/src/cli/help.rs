//! `tongfu completions` and `tongfu man`: for shells, and for `man`.

use super::Cli;
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::{self, Write};
use std::path::Path;

/// Prints what a shell completes words by.
pub(crate) fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tongfu", &mut script);
    Ok(io::stdout().write_all(&script)?)
}

/// Writes a page for the program and one for each of its commands.
pub(crate) fn man(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(|| folder.display().to_string())
}
