//! The guide's code (docs/integrate.md and its Chinese twin), taken from its fences.

use super::{LOOK_AGAIN, Language, PATIENCE, pay};
use crate::chaos::books;
use crate::step::run_quietly;
use crate::wire::Wire;
use crate::world::World;
use crate::{root, target};
use anyhow::{Context, Result, bail};
use std::process::Command;
use std::time::Instant;

const ENGLISH: &str = "docs/integrate.md";
const CHINESE: &str = "docs/zh/接入指南.md";

/// Both languages show the same code.
pub(super) fn is_one() -> Result<()> {
    let (english, chinese) = (read(ENGLISH)?, read(CHINESE)?);
    let blocks: Vec<_> = blocks(&english).collect();
    if blocks.is_empty() || !blocks.iter().copied().eq(self::blocks(&chinese)) {
        bail!("the code of {ENGLISH} and {CHINESE} differs");
    }
    Ok(())
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
    let started = Instant::now();
    loop {
        let told = books::of_shop(&wire, &world.address(2))?;
        if let Some(told) = told.first() {
            let mut query = form_urlencoded::Serializer::new(String::new());
            return Ok(query.extend_pairs(&told.values).finish());
        }
        if started.elapsed() > PATIENCE {
            bail!("the demo shop was not told of the guide's first payment");
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A receiver takes the genuine callback, and neither another sum, another currency nor another secret.
pub(super) fn receives(language: &Language, callback: &str) -> Result<()> {
    let frame = std::fs::read_to_string(root().join("xtask/clients").join(language.receiver))?;
    let place = frame.lines().find(|line| line.ends_with("RECEIVER"));
    let place = place.context("the frame has no place for the receiver")?;
    let receiver = code(&read(CHINESE)?, &format!("{} receiver", language.fence))?;
    let file = target("clients")?.join(language.receiver);
    std::fs::write(&file, frame.replace(place, &receiver))?;
    let runs = language.runs(&file)?;
    let key = form_urlencoded::parse(callback.as_bytes()).find(|(name, _)| name == "requestKey");
    let (_, key) = key.context("a callback without requestKey")?;
    for (secret, sum, wanted) in [
        ("demo-secret", "100 CNY", "success"),
        ("demo-secret", "101 CNY", "another sum"),
        ("demo-secret", "100 USD", "another sum"),
        ("another", "100 CNY", "wrong sign"),
    ] {
        let mut command = Command::new(&runs[0]);
        command.args(&runs[1..]).args([callback, secret, &key, sum]);
        let said = run_quietly(&mut command)?;
        if said.trim() != wanted {
            bail!("it says {said:?} instead of {wanted:?}");
        }
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
