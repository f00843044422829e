//! Builds the page's WebAssembly: compile, bind, shrink, hash, compress.

use crate::step::{run, run_quietly, step};
use crate::tools::{WasmBuild, node_modules, wasm_build};
use crate::{root, target};
use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

/// What the compiler's output uses; wasm-opt may use no more, since browsers
/// refuse what they don't know.
const WASM_FEATURES: [&str; 7] = [
    "bulk-memory",
    "bulk-memory-opt",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// Builds `target/site/assets`; gives its folder. The server embeds it.
pub(crate) fn build() -> Result<PathBuf> {
    let modules = node_modules()?;
    let raw = step("compiling the page to WebAssembly", compile)?;
    let assets = target("site/assets")?;
    let stamp = target("site")?.join("stamp");
    let print = format!("{} {WASM_FEATURES:?}", fingerprint(&fs::read(&raw)?));
    if fs::read_to_string(&stamp).is_ok_and(|old| old == print) {
        return Ok(assets);
    }
    step("binding, shrinking and compressing it", || {
        for old in fs::read_dir(&assets)? {
            fs::remove_file(old?.path())?;
        }
        let (js, wasm) = shrink(&bind(&raw)?, &modules)?;
        publish(&assets, "js", &js)?;
        publish(&assets, "wasm", &wasm)?;
        Ok(fs::write(&stamp, &print)?)
    })?;
    Ok(assets)
}

/// Compiles `frontend`; gives the module that cargo made.
fn compile() -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--quiet",
        "--package",
        "frontend",
        "--profile",
        "wasm-release",
    ]);
    cargo
        .args(["--target", "wasm32-unknown-unknown"])
        .current_dir(root());
    if let WasmBuild::BuildStd { linker } = wasm_build()? {
        cargo
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC_BOOTSTRAP", "1");
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        cargo.env("RUSTC", "/usr/bin/rustc");
    }
    run(&mut cargo)?;
    Ok(target("wasm32-unknown-unknown/wasm-release")?.join("frontend.wasm"))
}

/// Makes the glue between the module and the browser.
fn bind(raw: &Path) -> Result<PathBuf> {
    let folder = target("site/bound")?;
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(raw)
        .web(true)?
        .typescript(false)
        .out_name("tongfu");
    bindgen
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.generate(&folder).context("wasm-bindgen")?;
    Ok(folder)
}

/// Shrinks glue and module with esbuild and wasm-opt.
fn shrink(bound: &Path, modules: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let (js, wasm) = (bound.join("small.js"), bound.join("small.wasm"));
    let mut esbuild = Command::new(modules.join(".bin/esbuild"));
    esbuild
        .arg(bound.join("tongfu.js"))
        .args(["--minify", "--format=esm", "--target=es2020"]);
    esbuild.arg(format!("--outfile={}", js.display()));
    run_quietly(&mut esbuild)?;
    let mut wasm_opt = Command::new(modules.join(".bin/wasm-opt"));
    wasm_opt
        .arg(bound.join("tongfu_bg.wasm"))
        .arg("-o")
        .arg(&wasm);
    wasm_opt.args(["-Oz", "--strip-debug", "--strip-producers"]);
    wasm_opt.args(WASM_FEATURES.map(|feature| format!("--enable-{feature}")));
    run_quietly(&mut wasm_opt)?;
    Ok((fs::read(js)?, fs::read(wasm)?))
}

/// Writes a file under a name that changes with its content, and its compressed forms.
fn publish(assets: &Path, ending: &str, content: &[u8]) -> Result<()> {
    let name = format!("tongfu.{}.{ending}", fingerprint(content));
    fs::write(assets.join(&name), content)?;
    fs::write(assets.join(format!("{name}.br")), brotli(content)?)?;
    fs::write(assets.join(format!("{name}.gz")), gzip(content)?)?;
    Ok(())
}

/// Brotli at its best.
pub(crate) fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 1 << 16, 11, 22);
    writer.write_all(content)?;
    drop(writer);
    Ok(packed)
}

/// Gzip at its best.
pub(crate) fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// Sixteen hex digits that change with the content.
fn fingerprint(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
