//! `cargo xtask tidy`: what a comment or page cites is there, no file or function
//! outgrows the largest of today, each dependency is used, no string holds a script, and
//! commits have short subjects of one form.

mod dependencies;
mod functions;
mod scripts;
mod subjects;

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The lines of the longest file of Rust: a longer one is cut in two.
const LINES_MAX: usize = 835;
/// Papers that no reader of the repository has.
const ABSENT: [&str; 4] = ["design 4a", "wire-facts", "seed 00", "channels document"];
/// This file names them, and pages that are made up.
const OURSELVES: &str = "xtask/src/tidy.rs";

/// The command: says what is not tidy, a line each.
pub(crate) fn run() -> Result<ExitCode> {
    let files = tracked()?;
    let headings = headings(&files);
    let mut findings = dependencies::idle(&files);
    findings.extend(subjects::crooked());
    for (path, text) in &files {
        let found = match path.rsplit_once('.') {
            Some((_, "md")) => dead_links(path, text),
            Some((_, "rs" | "ts" | "sql" | "css" | "toml")) => untidy(path, text, &headings),
            _ => Vec::new(),
        };
        findings.extend(found.into_iter().map(|what| format!("{path}: {what}")));
    }
    for finding in &findings {
        println!("{finding}");
    }
    println!("{} files, {} findings", files.len(), findings.len());
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every tracked file that is text, with what it holds.
fn tracked() -> Result<BTreeMap<String, String>> {
    let listed = Command::new("git").args(["ls-files", "-z"]).output();
    let listed = listed.context("git lists the files")?;
    let names = String::from_utf8(listed.stdout)?;
    let read = |name: &str| Some((name.to_owned(), std::fs::read_to_string(name).ok()?));
    Ok(names.split('\0').filter_map(read).collect())
}

/// The headings of each page, as they are cited.
fn headings(files: &BTreeMap<String, String>) -> BTreeMap<&str, Vec<&str>> {
    let pages = files.iter().filter(|(path, _)| path.ends_with(".md"));
    pages
        .map(|(path, text)| (path.as_str(), titles(text)))
        .collect()
}

fn titles(page: &str) -> Vec<&str> {
    let lines = page.lines().filter(|line| line.starts_with('#'));
    lines
        .map(|line| line.trim_start_matches('#').trim())
        .collect()
}

fn untidy(path: &str, text: &str, headings: &BTreeMap<&str, Vec<&str>>) -> Vec<String> {
    let mut findings = Vec::new();
    if path != OURSELVES {
        findings = dead_references(text, headings);
        let named = ABSENT.iter().filter(|paper| text.contains(**paper));
        findings.extend(named.map(|paper| format!("cites {paper}, which is not here")));
    }
    let lines = text.lines().count();
    if path.ends_with(".rs") && lines > LINES_MAX {
        findings.push(format!("{lines} lines; {LINES_MAX} are the most"));
    }
    if path.ends_with(".rs") {
        findings.extend(functions::long(path, text));
        findings.extend(scripts::in_strings(path, text));
    }
    findings
}

/// `docs/page.md` and `docs/page.md, Heading` in comments, also over two lines.
fn dead_references(text: &str, headings: &BTreeMap<&str, Vec<&str>>) -> Vec<String> {
    let prose = prose(text);
    let mut findings = Vec::new();
    for (at, _) in prose.match_indices("docs/") {
        let cited = &prose[at..];
        let Some((page, rest)) = cited.split_once(".md") else {
            continue;
        };
        if page.contains([' ', '`', '"']) {
            continue;
        }
        let page = format!("{page}.md");
        match (headings.get(page.as_str()), rest.strip_prefix(", ")) {
            (None, _) => findings.push(format!("cites {page}, which is not there")),
            (Some(known), Some(heading)) if !begins_with_one(heading, known) => {
                let heading: String = heading.chars().take(30).collect();
                findings.push(format!("{page} has no heading {heading}…"));
            }
            _ => {}
        }
    }
    findings
}

fn begins_with_one(text: &str, headings: &[&str]) -> bool {
    headings.iter().any(|heading| text.starts_with(heading))
}

/// A file's text without line breaks and marks of comments.
fn prose(text: &str) -> String {
    let marks = |line: &str| -> String {
        let line = line.trim_start();
        let bare = ["//!", "///", "//", "--", "#", "*"]
            .iter()
            .find_map(|mark| line.strip_prefix(mark));
        bare.unwrap_or(line).trim().to_owned()
    };
    text.lines().map(marks).collect::<Vec<_>>().join(" ")
}

/// Links of a page to files that are not there.
fn dead_links(path: &str, text: &str) -> Vec<String> {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (_, rest) in text
        .match_indices("](")
        .map(|(at, _)| text.split_at(at + 2))
    {
        let Some((link, _)) = rest.split_once(')') else {
            continue;
        };
        let file = link.split('#').next().unwrap_or_default();
        if file.is_empty() || file.contains("://") || file.contains(char::is_whitespace) {
            continue;
        }
        if !folder.join(file).exists() {
            findings.push(format!("links to {file}, which is not there"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let headings = BTreeMap::from([("docs/a.md", vec!["A page", "One, two"])]);
        dead_references(text, &headings)
    }

    #[test]
    fn what_is_cited_is_there() {
        assert!(told("//! Does it (docs/a.md).").is_empty());
        assert!(told("//! Does it (docs/a.md, One, two).").is_empty());
        assert!(told("/// Does it (docs/a.md,\n/// One, two): and more.").is_empty());
        assert!(told("let path = \"docs/\"; // then x.md").is_empty());
    }

    #[test]
    fn what_is_not_there_is_found() {
        assert_eq!(
            told("// (docs/b.md)"),
            ["cites docs/b.md, which is not there"]
        );
        assert_eq!(
            told("// (docs/a.md,\n// Three)"),
            ["docs/a.md has no heading Three)…"]
        );
    }

    #[test]
    fn papers_that_nobody_has_and_long_files_are_found() {
        let long = "\n".repeat(LINES_MAX + 1);
        let found = untidy("a.rs", &format!("{long}// (design 4a)"), &BTreeMap::new());
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_dead_link_is_found() {
        let found = dead_links("docs/a.md", "[x](no.md) [y](https://a.cn/b) [z](#here)");
        assert_eq!(found, ["links to no.md, which is not there"]);
    }
}
