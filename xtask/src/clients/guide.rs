//! The guide's code (docs/integrate.md and its Chinese twin), taken from its fences.

use super::{Client, Language, PATIENCE, holds, pay};
use crate::chaos::books;
use crate::folders::{root, target};
use crate::process::{free_ports, wait_until};
use crate::sign::pairs;
use crate::step::run_quietly;
use crate::wire::Wire;
use crate::world::World;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::process::Command;

const ENGLISH: &str = "docs/integrate.md";
const CHINESE: &str = "docs/zh/接入指南.md";
const EPAY_ENGLISH: &str = "docs/epay.md";
const EPAY_CHINESE: &str = "docs/zh/易支付.md";

/// Both languages show the same code, wherever it is run; comments are in each one's own.
pub(super) fn is_one() -> Result<()> {
    for (english, chinese) in [(ENGLISH, CHINESE), (EPAY_ENGLISH, EPAY_CHINESE)] {
        let (one, other) = (read(english)?, read(chinese)?);
        let runs = |block: &&str| block.lines().next().unwrap_or_default().contains(' ');
        let code = |text| -> Vec<String> { blocks(text).filter(runs).map(uncommented).collect() };
        let code_of_one = code(&one);
        if code_of_one.is_empty() || code_of_one != code(&other) {
            bail!("the code of {english} and {chinese} differs");
        }
    }
    Ok(())
}

/// Code without what stands behind ` # ` or ` // `, and without lines that are comments.
fn uncommented(block: &str) -> String {
    let code = block.lines().map(|line| {
        let ends = ["# ", "// "].into_iter().filter_map(|mark| {
            let (code, _) = line.split_once(mark)?;
            (code.is_empty() || code.ends_with(char::is_whitespace)).then_some(code)
        });
        ends.min_by_key(|code| code.len())
            .unwrap_or(line)
            .trim_end()
    });
    code.filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first payment as the guide's shell makes it, paid; gives its callback's query.
pub(super) fn first_payment(world: &World) -> Result<String> {
    let guide = read(CHINESE)?;
    let script = code(&guide, "sh run")?;
    let mut shell = Command::new("sh");
    shell
        .args(["-euc", &script])
        .env("TONGFU_URL", world.address(0))
        .env("TONGFU_SHOP", world.address(2));
    let printed = run_quietly(&mut shell).context("the guide's shell")?;
    let (address, answers) = printed.split_once('\n').context("no address")?;
    let done = [
        r#""obj":"weixin://"#,
        r#""errcode":"0""#,
        r#""result":"ok""#,
    ];
    if let Some(lacking) = done.iter().find(|done| !answers.contains(**done)) {
        bail!("the guide's first payment: no {lacking} in {answers}");
    }
    let wire = Wire::new();
    pay(&wire, world, address).context("the guide's first payment")?;
    let otherwise = "the demo shop was not told of the guide's first payment";
    let told = || Ok(books::of_shop(&wire, &world.address(2))?.into_iter().next());
    let told = wait_until(otherwise, PATIENCE, told)?;
    refunds(world, &guide, &script, address).context("the guide's refund")?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    Ok(query.extend_pairs(&told.values).finish())
}

/// Some of it back, by the guide's shell.
fn refunds(world: &World, guide: &str, script: &str, address: &str) -> Result<()> {
    let key = pairs(address)
        .into_iter()
        .find(|(name, _)| name == "requestKey");
    let (_, key) = key.context("an address without requestKey")?;
    let means = |line: &&str| line.starts_with("URL=") || line.starts_with("hmac()");
    let means: Vec<&str> = script.lines().filter(means).collect();
    let script = format!(
        "{}\nKEY={key}\n{}",
        means.join("\n"),
        code(guide, "sh refund")?
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-euc", &script])
        .env("TONGFU_URL", world.address(0));
    let told: Value = serde_json::from_str(&run_quietly(&mut shell)?)?;
    holds(&told, "/errcode", &json!("0"))?;
    holds(&told, "/obj/refundMoney", &json!(40))
}

/// A shop as the guide has it: it sells, and takes nothing for a payment that is none.
pub(super) fn sells(world: &World, language: &Language, callback: &str) -> Result<()> {
    let code = code(&read(CHINESE)?, &format!("{} shop", language.fence))?;
    opened(world, language, &code, |shop| {
        shop.sells("/buy")?;
        answers(shop, "/callback?sign=%C3%A9", "wrong sign")?;
        hears_and_ships_nothing(shop, callback)?;
        shop.ships_nothing_given_back()
    })
}

/// A partner's shop, where the guide has one in this language.
pub(super) fn sells_as_partner(world: &World, language: &Language) -> Result<Option<()>> {
    let Some(code) = shown(CHINESE, language, "forecore")? else {
        return Ok(None);
    };
    let walk = |shop: &Client<'_>| {
        let number = shop.sells("/buy")?;
        let forged = format!("outOrderId={number}&money=1&currency=CNY&sign=%C3%A9");
        let said = shop.wire.post_form(&shop.at("/cb?shop=7"), &forged)?.body;
        if !said.contains("wrong sign") {
            bail!("it answers {said:?} to a sign that is no ASCII");
        }
        Ok(())
    };
    opened(world, language, &code, walk).map(Some)
}

/// A shop that speaks epay, where its guide has one in this language.
pub(super) fn sells_by_epay(world: &World, language: &Language) -> Result<Option<()>> {
    let Some(code) = shown(EPAY_CHINESE, language, "epay")? else {
        return Ok(None);
    };
    let walk = |shop: &Client<'_>| {
        shop.sells("/buy")?;
        answers(shop, "/notify?shop=7&sign=%C3%A9", "fail: wrong sign")
    };
    opened(world, language, &code, walk).map(Some)
}

/// A guide's code of a kind in a language, where it has one.
fn shown(guide: &str, language: &Language, kind: &str) -> Result<Option<String>> {
    let guide = read(guide)?;
    Ok(code(&guide, &format!("{} {kind}", language.fence)).ok())
}

/// Does this while the code's shop is open, at ports of this world.
fn opened(
    world: &World,
    language: &Language,
    code: &str,
    walk: impl FnOnce(&Client<'_>) -> Result<()>,
) -> Result<()> {
    let port = free_ports(1)?;
    let platform = world.address(0);
    let code = code.replace("127.0.0.1:3000", platform.trim_start_matches("http://"));
    let file = target("clients")?.join("guide").join(language.shop);
    let folder = file.parent().context("a file has a folder")?;
    // PHP's keeps its orders beside itself.
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(&file, code.replace("8080", &port.to_string()))?;
    let address = format!("127.0.0.1:{port}");
    let runs = match language.program {
        "php" => vec!["php".into(), "-S".into(), address.into(), file],
        _ => language.runs(&file)?,
    };
    let shop = Client {
        world,
        runs: &runs,
        wire: Wire::new(),
        port,
        platform,
    };
    shop.open(&[], walk)
}

/// What a shop answers to a call that is not ours.
fn answers(shop: &Client<'_>, path: &str, wanted: &str) -> Result<()> {
    let said = shop.wire.get(&shop.at(path))?.body;
    if said.trim() != wanted {
        bail!("it answers {said:?} to {path}");
    }
    Ok(())
}

/// Callbacks of an order that nobody paid: forged, those of a trial, that of its close.
fn hears_and_ships_nothing(shop: &Client<'_>, callback: &str) -> Result<()> {
    let buy = || {
        shop.wire
            .get(&shop.at("/buy"))?
            .location
            .context("no address")
    };
    let address = buy()?;
    let key = shop.unpaid()?;
    shop.takes_no_forged(callback, &key)?;
    shop.stands_a_trial(&address, &key)?;
    let mut trigger = shop.world.tongfu();
    let address = buy()?;
    let (_, closed) = address.split_once("requestKey=").context("no requestKey")?;
    let (closed, _) = closed.split_once('&').unwrap_or((closed, ""));
    trigger.args(["trigger", "failed", "--domain", "demo", "--key", closed]);
    trigger.args(["--callback", &shop.at("/callback")]);
    trigger.args(["--sandbox", &shop.world.address(1)]);
    run_quietly(&mut trigger).context("a close")?;
    if !shop.is(closed, "open")? {
        bail!("it takes a close for a payment");
    }
    Ok(())
}

fn read(guide: &str) -> Result<String> {
    std::fs::read_to_string(root().join(guide)).with_context(|| format!("reading {guide}"))
}

/// Each block of code, its fence's words first.
fn blocks(guide: &str) -> impl Iterator<Item = &str> {
    guide.split("\n```").skip(1).step_by(2)
}

/// The code of all blocks whose fence says so.
fn code(guide: &str, fence: &str) -> Result<String> {
    let of_fence = |block: &str| Some(block.strip_prefix(fence)?.strip_prefix('\n')?.to_owned());
    let code: Vec<String> = blocks(guide).filter_map(of_fence).collect();
    if code.is_empty() {
        bail!("the guide has no code {fence:?}");
    }
    Ok(code.join("\n"))
}
