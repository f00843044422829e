//! Builds the page's WebAssembly: compile, bind, shake, lower, shrink, hash, compress.
//!
//! Browsers inside other apps are often years old. So the module is lowered to
//! what the first WebAssembly had (the "MVP"), and checked to hold nothing else;
//! the glue is lowered to ES2018.

use crate::folders::{root, target};
use crate::step::{run, run_quietly, step};
use crate::tools::{WasmBuild, node_modules, wasm_build};
use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

/// The page's islands, by name: so are their marks called, and in small letters their
/// modules.
pub(crate) const ISLANDS: [&str; 5] = ["Picker", "Watch", "Bridge", "Openid", "Handoff"];

/// What the compiler's output uses beyond the MVP.
const WASM_FEATURES: [&str; 7] = [
    "bulk-memory",
    "bulk-memory-opt",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// Takes these out of the module again.
const LOWER: [&str; 3] = [
    "--llvm-memory-copy-fill-lowering",
    "--llvm-nontrapping-fptoint-lowering",
    "--signext-lowering",
];

/// The glue's JavaScript.
const SCRIPT: &str = "es2018";

/// Builds `target/site/assets`; gives its folder. The server embeds it.
pub(crate) fn build() -> Result<PathBuf> {
    let modules = node_modules()?;
    inline(&modules)?;
    let raw = step("compiling the page to WebAssembly", compile)?;
    let assets = target("site/assets")?;
    let stamp = target("site")?.join("stamp");
    let print = format!(
        "{} {LOWER:?} {SCRIPT} {RESOLVED} {NO_CLASSES:?}",
        fingerprint(&fs::read(&raw)?)
    );
    if fs::read_to_string(&stamp).is_ok_and(|old| old == print) {
        return Ok(assets);
    }
    step("binding, shrinking and compressing it", || {
        for old in fs::read_dir(&assets)? {
            fs::remove_file(old?.path())?;
        }
        let bound = bind(&plain(&raw, &modules)?)?;
        let (js, wasm) = shrink(&bound, &modules)?;
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
        // A linter of another compiler could not read this one's.
        cargo.env_remove("RUSTC_WORKSPACE_WRAPPER");
    }
    run(&mut cargo)?;
    Ok(target("wasm32-unknown-unknown/wasm-release")?.join("frontend.wasm"))
}

/// An empty custom section `target_features`.
const NO_FEATURES: &[u8] = b"\x00\x11\x0ftarget_features\x00";

/// The module with an empty list of features: wasm-bindgen builds on reference
/// types and multiple values where it finds them there, or no list at all.
fn plain(raw: &Path, modules: &Path) -> Result<PathBuf> {
    let plain = target("site")?.join("plain.wasm");
    run_quietly(
        wasm_opt(modules, raw, &plain)
            .args(["--strip-target-features", "--debuginfo"])
            .args(enabled()),
    )?;
    fs::OpenOptions::new()
        .append(true)
        .open(&plain)?
        .write_all(NO_FEATURES)?;
    Ok(plain)
}

/// The last build's module with its functions' names, as small as it gets with them.
pub(crate) fn named() -> Result<Vec<u8>> {
    let bound = target("site/bound")?;
    let (used, named) = (bound.join("used.wasm"), bound.join("named.wasm"));
    let mut shrink = wasm_opt(&node_modules()?, &used, &named);
    run_quietly(shrink.args(["-Oz", "--debuginfo"]).args(enabled()))?;
    Ok(fs::read(named)?)
}

/// `wasm-opt` from one file to another.
fn wasm_opt(modules: &Path, from: &Path, to: &Path) -> Command {
    let mut wasm_opt = Command::new(modules.join(".bin/wasm-opt"));
    wasm_opt.arg(from).arg("-o").arg(to);
    wasm_opt
}

fn enabled() -> impl Iterator<Item = String> {
    WASM_FEATURES
        .into_iter()
        .map(|feature| format!("--enable-{feature}"))
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
    bindgen.remove_producers_section(true);
    bindgen.generate(&folder).context("wasm-bindgen")?;
    let glue = folder.join("tongfu.js");
    let text = fs::read_to_string(&glue)?;
    fs::write(&glue, text.replacen(UNRESOLVED, RESOLVED, 1))?;
    Ok(folder)
}

/// wasm-bindgen 0.2.130 leaves this import to nobody where it builds without
/// reference types. It asks for the end of the fixed slots of the glue's heap:
/// 1024, and the four constants after them.
const UNRESOLVED: &str = "import * as import1 from \"__wbindgen_externref_xform__\"";
const RESOLVED: &str = "const import1={__wbindgen_externref_statics_end:()=>1028};";

/// Lowers and shrinks glue and module with esbuild and binaryen; fails on a module
/// that holds more than the MVP.
fn shrink(bound: &Path, modules: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let js = shrink_glue(bound, modules)?;
    let used = shake(bound, modules, &js)?;
    let (lowered, wasm) = (bound.join("lowered.wasm"), bound.join("small.wasm"));
    run_quietly(
        wasm_opt(modules, &used, &lowered)
            .arg("-Oz")
            .args(LOWER)
            .arg("--strip-target-features")
            .args(enabled()),
    )?;
    // With every feature off it can neither read nor write anything newer.
    let mvp = [
        "--mvp-features",
        "-Oz",
        "--strip-debug",
        "--strip-producers",
    ];
    run_quietly(wasm_opt(modules, &lowered, &wasm).args(mvp))
        .context("the page's module needs more than the first WebAssembly")?;
    Ok((js.into_bytes(), fs::read(wasm)?))
}

/// The glue with no more than what the page calls: its start and our functions. The
/// classes that libraries export fall away.
fn shrink_glue(bound: &Path, modules: &Path) -> Result<String> {
    let glue = fs::read_to_string(bound.join("tongfu.js"))?;
    let functions = glue
        .lines()
        .filter_map(|line| line.strip_prefix("export function ")?.split_once('('));
    let names: Vec<_> = functions.map(|(name, _)| name).collect();
    let (entry, small) = (bound.join("entry.js"), bound.join("small.js"));
    let text = format!("export{{default,{}}}from\"./tongfu.js\"", names.join(","));
    fs::write(&entry, text)?;
    let mut esbuild = Command::new(modules.join(".bin/esbuild"));
    esbuild
        .arg(entry)
        .args(["--bundle", "--minify", "--format=esm"])
        .args(NO_CLASSES)
        .arg(format!("--target={SCRIPT}"))
        .arg(format!("--outfile={}", small.display()));
    run_quietly(&mut esbuild)?;
    Ok(fs::read_to_string(small)?)
}

/// What stands in the page itself, and the browsers that must read it.
const INLINE: [(&str, &str); 2] = [
    ("app/fallback.js", "es5"),
    ("style/main.css", "chrome63,safari11"),
];

/// Shrinks what stands in the page, for the server to embed. Written only where it changed:
/// the server is built again for it.
fn inline(modules: &Path) -> Result<()> {
    for (path, browsers) in INLINE {
        let source = root().join(path);
        let mut esbuild = Command::new(modules.join(".bin/esbuild"));
        esbuild
            .arg(&source)
            .args(["--minify", &format!("--target={browsers}")]);
        let text = run_quietly(&mut esbuild)?;
        let name = source.file_name().context("no file")?;
        let small = target("site")?.join(name);
        if !fs::read_to_string(&small).is_ok_and(|old| old == text.trim()) {
            fs::write(&small, text.trim())?;
        }
    }
    Ok(())
}

/// Without these esbuild takes each class's clean-up for something that is needed.
const NO_CLASSES: [&str; 2] = [
    "--define:Symbol.dispose=undefined",
    "--pure:FinalizationRegistry",
];

/// The module with no other exports than those that the small glue still names.
fn shake(bound: &Path, modules: &Path, small: &str) -> Result<PathBuf> {
    let glue = fs::read_to_string(bound.join("tongfu.js"))?;
    let no_name = |character: char| !character.is_ascii_alphanumeric() && character != '_';
    let names = glue
        .split("wasm.")
        .skip(1)
        .filter_map(|rest| rest.split(no_name).next());
    let used = |name: &&str| !name.is_empty() && small.contains(*name);
    let names: BTreeSet<_> = names.filter(used).collect();
    let roots: Vec<_> = names
        .into_iter()
        .map(|name| serde_json::json!({ "name": name, "root": true, "export": name }))
        .collect();
    let (graph, shaken) = (bound.join("exports.json"), bound.join("used.wasm"));
    fs::write(&graph, serde_json::to_vec(&roots)?)?;
    let mut metadce = Command::new(modules.join(".bin/wasm-metadce"));
    metadce
        .arg(bound.join("tongfu_bg.wasm"))
        .arg("--graph-file")
        .arg(graph)
        .arg("-o")
        .arg(&shaken)
        .arg("--debuginfo")
        .args(enabled());
    run_quietly(&mut metadce)?;
    Ok(shaken)
}

/// Writes a file under a name that changes with its content, and its compressed forms.
fn publish(assets: &Path, ending: &str, content: &[u8]) -> Result<()> {
    let name = format!("tongfu.{}.{ending}", fingerprint(content));
    fs::write(assets.join(&name), content)?;
    fs::write(assets.join(format!("{name}.br")), BEST.brotli(content)?)?;
    fs::write(assets.join(format!("{name}.gz")), BEST.gzip(content)?)?;
    Ok(())
}

/// What files get that are compressed once: the best of each.
pub(crate) const BEST: Quality = Quality {
    gzip: 9,
    brotli: 11,
};

/// Levels of both compressions.
#[derive(Clone, Copy)]
pub(crate) struct Quality {
    pub(crate) gzip: u32,
    pub(crate) brotli: u32,
}

impl Quality {
    pub(crate) fn brotli(self, content: &[u8]) -> Result<Vec<u8>> {
        let mut packed = Vec::new();
        let mut writer = brotli::CompressorWriter::new(&mut packed, 1 << 16, self.brotli, 22);
        writer.write_all(content)?;
        drop(writer);
        Ok(packed)
    }

    pub(crate) fn gzip(self, content: &[u8]) -> Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(self.gzip));
        encoder.write_all(content)?;
        Ok(encoder.finish()?)
    }
}

/// Sixteen hex digits that change with the content.
fn fingerprint(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
