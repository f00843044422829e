//! `tongfu act list|head|verify`: what operators did, and who (docs/operating.md).

use super::find::{Moment, moment};
use crate::acts::Sought;
use crate::clock::now_ms;
use crate::config::Config;
use crate::serve::open;
use crate::{table, zone};
use anyhow::{Context, Error, Result, bail};
use clap::Subcommand;
use payment::acts::{Head, OperatorAct, check_acts};
use payment::ports::Store;
use payment::printable::printable;
use std::io::{Write, stdout};
use std::path::PathBuf;

/// Acts that are read at once.
const PAGE: i64 = 1_000;
/// Bytes of a name, and of what was done.
const NAME_MAX: usize = 64;
const WHAT_MAX: usize = 4_000;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists what was done, the oldest first.
    List {
        /// Done so long ago or later: 12h, 7d; or since a day, 2026-11-28.
        #[arg(long, value_parser = moment)]
        since: Option<Moment>,
        /// Done before.
        #[arg(long, value_parser = moment)]
        until: Option<Moment>,
        /// By this person: a name as it was said, or the system's user.
        #[arg(long)]
        by: Option<String>,
        /// Only what holds these words: a domainCode, a name; or an order's number, by which
        /// the granting of its refunds is found too.
        #[arg(long)]
        about: Option<String>,
        /// A table for spreadsheets.
        #[arg(long)]
        csv: bool,
    },
    /// How many acts there are, and the last one's hash: to be kept where who owns the
    /// database can't write.
    Head,
    /// Whether no act was changed or taken away.
    Verify {
        /// A file with heads, one a line, as `acts_head_file` is written.
        #[arg(long)]
        heads: Option<PathBuf>,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    match command {
        Command::List {
            since,
            until,
            by,
            about,
            csv,
        } => {
            let time = (since.map(Moment::ms), until.map(Moment::ms));
            let (by, about) = (by.unwrap_or_default(), about.unwrap_or_default());
            let sought = Sought::new(&*store, time, by.trim(), about.trim()).await?;
            list(&*store, &sought, csv).await?;
        }
        Command::Head => match store.last_act().await? {
            Some(act) => println!("{} {}", act.seq, act.hash),
            None => println!("0 -"),
        },
        Command::Verify { heads } => {
            let (heads, odd) = match heads.or_else(|| config.acts_head_file()) {
                Some(file) => kept_heads(&file)?,
                None => (Vec::new(), 0),
            };
            let acts = all(&*store).await?;
            check_acts(&acts, &heads).context("the operators' acts")?;
            let (acts, heads) = (acts.len(), heads.len());
            println!("{acts} acts are whole, and fit {heads} heads that were sent out");
            if odd > 0 {
                bail!("{odd} lines of the file are no heads, and were passed over");
            }
        }
    }
    Ok(())
}

/// The acts that somebody looks for, the oldest first, as they are read.
async fn list(store: &dyn Store, sought: &Sought, csv: bool) -> Result<()> {
    if csv {
        stdout().write_all(&table::acts_head()?)?;
    }
    let mut after = 0;
    loop {
        let page = store.acts(after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.seq;
        let acts = sought.fitting(store, page).await?;
        if csv {
            stdout().write_all(&table::acts(&acts)?)?;
            continue;
        }
        for act in acts {
            let (time, line) = (zone::time(act.at_ms), format!("{} {}", act.by, act.what));
            println!("{} {time} {}", act.seq, printable(&line));
        }
    }
}

/// All acts, the oldest first.
pub(crate) async fn all(store: &dyn Store) -> Result<Vec<OperatorAct>> {
    let mut acts: Vec<OperatorAct> = Vec::new();
    loop {
        let after = acts.last().map_or(0, |last| last.seq);
        let page = store.acts(after, PAGE).await?;
        if page.is_empty() {
            return Ok(acts);
        }
        acts.extend(page);
    }
}

/// The heads that a file holds, each after its time, and how many of its lines are none.
pub(crate) fn kept_heads(file: &std::path::Path) -> Result<(Vec<Head>, usize)> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("reading {}", file.display()))?;
    // As `act head` prints it, or after its time.
    let head = |line: &str| {
        let after = line.split_once(' ').and_then(|(_, rest)| Head::parse(rest));
        after.or_else(|| Head::parse(line))
    };
    let heads: Vec<_> = text.lines().filter_map(head).collect();
    let odd = text.lines().count() - heads.len();
    Ok((heads, odd))
}

/// Does something of an operator's that changes something, under a name that is kept
/// before: what can't be recorded is not done.
pub(crate) async fn recorded(
    config: &Config,
    by: &str,
    words: &[String],
    done: impl Future<Output = Result<()>>,
) -> Result<()> {
    let (by, what) = (printable(by), what(words));
    if what.len() > WHAT_MAX {
        bail!("so many words can't be recorded, and so are not done: {WHAT_MAX} bytes at most");
    }
    // Acts hold no secrets: they are written whatever became of those.
    let open = || async {
        store::open(config.database()?.with_lost_keys())
            .await
            .map_err(Error::from)
    };
    let act = open().await?.record_act(&by, &what, now_ms()).await?;
    let done = done.await;
    if done.is_err() {
        // Not why: that may hold what should not stand here for ever.
        let failed = format!("{} failed", act.seq);
        let _ = open().await?.record_act(&by, &failed, now_ms()).await;
    }
    done
}

/// Who does it: by the name that was said, and by the system's.
pub(crate) fn name(said: Option<&str>, system: &str) -> Result<String> {
    match said {
        Some(said) if said.trim().is_empty() || said.len() > NAME_MAX => {
            bail!("--as takes a name of 1 to {NAME_MAX} bytes")
        }
        Some(said) => Ok(format!("{said} ({system})")),
        None => Ok(system.to_owned()),
    }
}

/// The words of a command, those with blanks in quotes. A reason stands where it belongs,
/// from where it can be taken away.
fn what(words: &[String]) -> String {
    let mut shown = Vec::new();
    let mut is_reason = false;
    for word in words {
        shown.push(match word.split_once('=') {
            _ if is_reason => "…".to_owned(),
            Some(("--reason", _)) => "--reason=…".to_owned(),
            _ if word.is_empty() || word.contains(|c: char| c.is_whitespace() || c == '"') => {
                format!("{word:?}")
            }
            _ => printable(word),
        });
        is_reason = word == "--reason";
    }
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        what(&words)
    }

    #[test]
    fn words_are_told_from_each_other() {
        assert_eq!(told(&["domain", "set", "a"]), "domain set a");
        assert_ne!(told(&["domain set", "a"]), told(&["domain", "set a"]));
        assert_eq!(told(&["x", ""]), "x \"\"");
    }

    #[test]
    fn a_reason_stands_elsewhere() {
        assert_eq!(
            told(&["refund", "--reason", "for Li", "1"]),
            "refund --reason … 1"
        );
        assert_eq!(told(&["refund", "--reason=for Li"]), "refund --reason=…");
    }

    #[test]
    fn who_says_a_name_is_known_by_the_systems_too() {
        assert_eq!(name(Some("li"), "root").unwrap(), "li (root)");
        assert_eq!(name(None, "root").unwrap(), "root");
        for none in ["", " ", &"x".repeat(NAME_MAX + 1)] {
            assert!(name(Some(none), "root").is_err());
        }
    }
}
