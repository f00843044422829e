//! `cargo xtask size`: what a payer's browser fetches, page by page and file by
//! file, against limits that only a decision raises.

use crate::process::{Programs, get};
use crate::site;
use crate::site::{BEST, ISLANDS, Quality};
use crate::step::step;
use crate::world::{self, World};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::BTreeMap;
use std::path::Path;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// Brotli bytes until a page is payable, and with all that its browser fetches.
#[derive(Clone, Copy)]
struct Weight {
    payable: usize,
    everything: usize,
}

/// The design's goals for every page.
const GOAL: Weight = Weight {
    payable: 14_000,
    everything: 64_000,
};

/// A page of the sample order, and its limits: what was reached, rounded up.
struct Page {
    name: &'static str,
    path: &'static str,
    more: &'static str,
    limit: Weight,
}

const PAGES: [Page; 4] = [
    page("PC code", "/pay.html", CODE, (4_600, 53_200)),
    page("PC picker", "/pay.html", "", (3_600, 52_300)),
    page("H5 code", "/mpay.html", CODE, (7_000, 55_000)),
    page("H5 picker", "/mpay.html", "", (3_600, 52_300)),
];
const CODE: &str = "&pick=Wechat";

const fn page(
    name: &'static str,
    path: &'static str,
    more: &'static str,
    (payable, everything): (usize, usize),
) -> Page {
    Page {
        name,
        path,
        more,
        limit: Weight {
            payable,
            everything,
        },
    }
}

/// As `server::routes` compresses pages.
const SERVED: Quality = Quality { gzip: 4, brotli: 4 };

/// Bytes raw, under gzip, and under brotli.
#[derive(Clone, Copy, Default)]
struct Bytes {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Bytes {
    fn of(content: &[u8], quality: Quality) -> Result<Self> {
        Ok(Self {
            raw: content.len(),
            gzip: quality.gzip(content)?.len(),
            brotli: quality.brotli(content)?.len(),
        })
    }

    fn print(self, name: &str) {
        println!(
            "{name:<38} {:>8} {:>8} {:>8}",
            self.raw, self.gzip, self.brotli
        );
    }
}

/// What to weigh.
#[derive(Args)]
pub(crate) struct Options {
    /// The module's code by island, and nothing else
    #[arg(long)]
    islands: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let assets = site::build()?;
    if options.islands {
        return islands();
    }
    world::build_with_tests()?;
    let world = World::fresh("size")?;
    let mut programs = Programs::default();
    world.start(&mut programs)?;
    println!("{:<38} {:>8} {:>8} {:>8}", "", "raw", "gzip", "brotli");
    let module = module(&assets)?;
    let mut weights = Vec::new();
    for page in PAGES {
        let html = fetch(&world, &page)?;
        let (plain, scripts) = without_scripts(&html);
        let plain = Bytes::of(plain.as_bytes(), SERVED)?;
        plain.print(&format!("{}: page without script", page.name));
        if !scripts.is_empty() {
            Bytes::of(scripts.as_bytes(), SERVED)?.print(&format!("{}: inline scripts", page.name));
        }
        // Only a page that acts by itself has something that comes alive.
        let fetched = if html.contains("/assets/") { module } else { 0 };
        let everything = Bytes::of(html.as_bytes(), SERVED)?.brotli + fetched;
        let payable = plain.brotli;
        weights.push((
            page,
            Weight {
                payable,
                everything,
            },
        ));
    }
    let (_, fragment) = without_scripts(&get(world.port, "/pay.html")?);
    Bytes::of(fragment.as_bytes(), SERVED)?.print("script of the page that reads fragments");
    judge(&weights)
}

/// Prints how many bytes of code bear each island's name. What they share, and what was
/// inlined elsewhere, is among the rest.
fn islands() -> Result<()> {
    let module = step("shrinking the module with its names", site::named)?;
    let code = code(&module)?;
    let whole: usize = code.iter().map(|(_, bytes)| bytes).sum();
    let print = |name: &str, bytes: usize| {
        println!("{name:<10} {bytes:>8} {:>3} %", bytes * 100 / whole);
    };
    let mut rest = whole;
    let modules =
        ISLANDS.map(|island| (island, format!("app::islands::{}", island.to_lowercase())));
    let browser = ("browser", "app::browser".to_owned());
    for (name, module) in modules.into_iter().chain([browser]) {
        let own = code.iter().filter(|(symbol, _)| symbol.contains(&module));
        let bytes = own.map(|(_, bytes)| bytes).sum();
        rest = rest.saturating_sub(bytes);
        print(name, bytes);
    }
    print("the rest", rest);
    print("all code", whole);
    Ok(())
}

/// The functions of a module: name, and bytes of code.
fn code(module: &[u8]) -> Result<Vec<(String, usize)>> {
    let (mut bodies, mut names, mut imported) = (Vec::new(), BTreeMap::new(), 0);
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(parts) = section.as_known() else {
                    continue;
                };
                for part in parts {
                    let Name::Function(functions) = part? else {
                        continue;
                    };
                    for naming in functions {
                        let naming = naming?;
                        names.insert(naming.index, naming.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    let named = (imported..).zip(bodies);
    Ok(named
        .map(|(index, bytes)| (names.get(&index).cloned().unwrap_or_default(), bytes))
        .collect())
}

/// Prints the files that a page fetches when it comes alive; gives their sum under brotli.
fn module(assets: &Path) -> Result<usize> {
    let mut files: Vec<_> = std::fs::read_dir(assets)?
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|e| e == "js" || e == "wasm"))
        .collect();
    files.sort();
    let mut sum = 0;
    for file in files {
        let bytes = Bytes::of(&std::fs::read(&file)?, BEST)?;
        bytes.print(&file.file_name().unwrap_or_default().to_string_lossy());
        sum += bytes.brotli;
    }
    Ok(sum)
}

/// A page of a new order, as a small world of its own serves it.
fn fetch(world: &World, page: &Page) -> Result<String> {
    let url = get(world.port + 2, "/sample-url")?;
    let (_, query) = url
        .trim()
        .split_once('?')
        .context("no query in the sample address")?;
    let html = get(world.port, &format!("{}?{query}{}", page.path, page.more))?;
    // The channels' marks are drawings too, but none has the code's label.
    let payable = if page.more == CODE {
        "class=\"qr"
    } else {
        "<form"
    };
    if !html.contains(payable) {
        bail!("the {} can't be paid", page.name);
    }
    Ok(html)
}

/// Compares with the limits, and fails where one is passed.
fn judge(weights: &[(Page, Weight)]) -> Result<()> {
    println!("\n{:<38} {:>8} {:>8} {:>8}", "", "brotli", "limit", "goal");
    let mut over = Vec::new();
    let mut row = |name: String, bytes: usize, limit: usize, goal: usize| {
        println!("{name:<38} {bytes:>8} {limit:>8} {goal:>8}");
        if bytes > limit {
            over.push(name);
        }
    };
    for (Page { name, limit, .. }, weight) in weights {
        row(
            format!("{name}: until payable"),
            weight.payable,
            limit.payable,
            GOAL.payable,
        );
        row(
            format!("{name}: everything"),
            weight.everything,
            limit.everything,
            GOAL.everything,
        );
    }
    let most = |part: fn(&Weight) -> usize| weights.iter().map(|(_, weight)| part(weight)).max();
    println!(
        "until-payable {}",
        most(|weight| weight.payable).unwrap_or(0)
    );
    println!("total {}", most(|weight| weight.everything).unwrap_or(0));
    if !over.is_empty() {
        bail!("over the limit: {}", over.join(", "));
    }
    Ok(())
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
