//! Embeds the page's script and WebAssembly, with their compressed forms, where
//! they were built before (`cargo xtask` does so). Without them the page is
//! complete too: it then works as it does without script.

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
    fs::write(out.join("assets.rs"), table(&site)?)
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
