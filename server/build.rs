//! Embeds the page's scripts and WebAssembly, with their compressed forms, where
//! they were built before (`cargo xtask` does so). Without them the page is
//! complete too: it then works by its fallback alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-env-changed=TONGFU_SITE");
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let site = env::var_os("TONGFU_SITE")
        .map_or_else(|| manifest.join("../target/site/assets"), PathBuf::from);
    println!("cargo:rerun-if-changed={}", site.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut source = table(&site)?;
    for (name, path) in [("FALLBACK", "app/fallback.js"), ("STYLE", "style/main.css")] {
        let text = smallest(&manifest.join("..").join(path), &site)?;
        let _ = writeln!(
            source,
            "pub(crate) static {name}: &str = include_str!({text:?});"
        );
    }
    fs::write(out.join("assets.rs"), source)
}

/// What stands in the page itself: its source, or the shrunk form where that was built.
fn smallest(source: &Path, site: &Path) -> io::Result<String> {
    let small = site.with_file_name(source.file_name().unwrap_or_default());
    println!("cargo:rerun-if-changed={}", small.display());
    println!("cargo:rerun-if-changed={}", source.display());
    let found = if small.is_file() { &small } else { source };
    Ok(fs::canonicalize(found)?.display().to_string())
}

/// The source of a table of all assets.
fn table(site: &Path) -> io::Result<String> {
    let mut source = String::from("pub(crate) static ASSETS: &[Asset] = &[\n");
    if site.is_dir() {
        let mut files: Vec<_> = fs::read_dir(site)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<_>>()?;
        files.sort();
        for file in files.iter().filter(|file| is_plain(file)) {
            println!("cargo:rerun-if-changed={}", file.display());
            let path = fs::canonicalize(file)?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let text = path.display().to_string();
            let _ = writeln!(
                source,
                "Asset {{ name: {name:?}, raw: include_bytes!({text:?}), \
                 br: include_bytes!({br:?}), gz: include_bytes!({gz:?}) }},",
                br = format!("{text}.br"),
                gz = format!("{text}.gz"),
            );
        }
    }
    source.push_str("];\n");
    Ok(source)
}

fn is_plain(file: &Path) -> bool {
    file.extension()
        .is_some_and(|ext| ext == "js" || ext == "wasm")
}
