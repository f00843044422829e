//! `cargo xtask size`: what a payer's browser fetches, file by file.

use crate::process::{Programs, get};
use crate::site;
use crate::site::{brotli, gzip};
use crate::step::step;
use crate::world::{self, World};
use anyhow::{Context, Result, bail};

/// Limits of the design, brotli bytes.
const UNTIL_PAYABLE_MAX: usize = 14_000;
const TOTAL_MAX: usize = 100_000;

/// Bytes raw, under gzip, and under brotli.
#[derive(Clone, Copy, Default)]
struct Bytes {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Bytes {
    fn of(content: &[u8]) -> Result<Self> {
        let (gzip, brotli) = (gzip(content)?.len(), brotli(content)?.len());
        Ok(Self {
            raw: content.len(),
            gzip,
            brotli,
        })
    }

    fn and(self, other: Self) -> Self {
        Self {
            raw: self.raw + other.raw,
            gzip: self.gzip + other.gzip,
            brotli: self.brotli + other.brotli,
        }
    }

    fn print(self, name: &str) {
        println!(
            "{name:<28} {:>8} {:>8} {:>8}",
            self.raw, self.gzip, self.brotli
        );
    }
}

pub(crate) fn run() -> Result<()> {
    let assets = site::build()?;
    step("building platform and sandbox", || world::build(&[]))?;
    let (html, fragment_page) = pages()?;
    let (page, script) = without_scripts(&html);
    let page = Bytes::of(page.as_bytes())?;
    let mut total = Bytes::of(html.as_bytes())?;
    println!("{:<28} {:>8} {:>8} {:>8}", "", "raw", "gzip", "brotli");
    page.print("page, QR and style");
    Bytes::of(script.as_bytes())?.print("inline start of the script");
    let mut files: Vec<_> = std::fs::read_dir(&assets)?
        .flatten()
        .map(|file| file.path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|e| e == "js" || e == "wasm"))
    {
        let bytes = Bytes::of(&std::fs::read(file)?)?;
        bytes.print(&file.file_name().unwrap_or_default().to_string_lossy());
        total = total.and(bytes);
    }
    let (_, fragment) = without_scripts(&fragment_page);
    Bytes::of(fragment.as_bytes())?.print("fragment script (own page)");
    println!("until-payable {}", page.brotli);
    println!("total {}", total.brotli);
    if page.brotli > UNTIL_PAYABLE_MAX || total.brotli > TOTAL_MAX {
        bail!("over the limit: until-payable {UNTIL_PAYABLE_MAX}, total {TOTAL_MAX}");
    }
    Ok(())
}

/// The page with a code to scan and the page that reads the fragment, as a small
/// world of its own serves them.
fn pages() -> Result<(String, String)> {
    let world = World::fresh("size")?;
    let mut programs = Programs::default();
    world.start(&mut programs)?;
    let url = get(world.port + 2, "/sample-url")?;
    let path = url
        .trim()
        .splitn(4, '/')
        .nth(3)
        .context("no path in the sample address")?;
    let html = get(world.port, &format!("/{path}&pick=Wechat"))?;
    if !html.contains("<svg") {
        bail!("the sample page shows no code");
    }
    Ok((html, get(world.port, "/pay.html")?))
}

/// The page without its scripts, and the scripts.
fn without_scripts(html: &str) -> (String, String) {
    let (mut page, mut scripts) = (String::new(), String::new());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("<script") {
        let (script, after) = after.split_once("</script>").unwrap_or((after, ""));
        page.push_str(before);
        scripts.push_str(script);
        rest = after;
    }
    page.push_str(rest);
    (page, scripts)
}
