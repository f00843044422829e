//! What the documents say of the program, held against it: commands and their options,
//! settings, tables of codes, paths, the schedule of callbacks.

use crate::cli::Cli;
use crate::config::Config;
use crate::developer::paths;
use clap::CommandFactory;
use payment::channel::Channel;
use payment::errcode::ErrCode;
use payment::status::PayStatus;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const GUIDES: [&str; 2] = ["docs/integrate.md", "docs/zh/接入指南.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Each document with its text.
fn documents() -> Vec<(String, String)> {
    let folders = [
        ".",
        "docs",
        "docs/zh",
        "docs/reference",
        "clients",
        "packaging",
    ];
    let mut all = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") || name == "llms.txt" {
                let file = format!("{folder}/{name}");
                let text = read(&file);
                all.push((file, text));
            }
        }
    }
    assert!(all.len() > 25, "{}", all.len());
    all
}

/// Code in a line, and whole lines of a block of it.
fn code(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (place, part) in text.split("```").enumerate() {
        if place % 2 == 1 {
            found.extend(part.lines().skip(1).map(str::trim));
        } else {
            found.extend(part.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// What is wrong with a command as a document names it.
fn wrong(words: &str) -> Option<String> {
    let words = words.split_once(" #").map_or(words, |(before, _)| before);
    let mut known = Cli::command();
    known.build();
    let mut command = &known;
    let mut is_path = true;
    for word in words.split_whitespace() {
        let word = word.trim_matches(['[', ']', '\'', '"', ',', ';']);
        if ["|", ">", "&&", "…", "--"].contains(&word) {
            break;
        }
        if let Some(option) = word.strip_prefix("--") {
            let option = option.split(['=', '|']).next().unwrap_or_default();
            let has = |one: &clap::Command| {
                let named = one.get_arguments().any(|it| it.get_long() == Some(option));
                named || ["help", "version"].contains(&option)
            };
            // A command that stands for its subcommands may be named with what they take.
            if !has(command) && !command.get_subcommands().any(has) {
                return Some(format!("no option --{option} of {}", command.get_name()));
            }
            is_path = false;
            continue;
        }
        match command.find_subcommand(word) {
            Some(next) if is_path => command = next,
            _ if is_path && command.has_subcommands() => {
                return Some(format!("no command {word} of {}", command.get_name()));
            }
            _ => is_path = false,
        }
    }
    None
}

#[test]
fn each_command_that_a_document_names_is_there() {
    for bad in ["order shows 1", "order show 1 --wide", "orders"] {
        assert!(wrong(bad).is_some(), "{bad}");
    }
    let mut named = 0;
    for (file, text) in documents() {
        for code in code(&text) {
            let Some(words) = code.strip_prefix("tongfu ") else {
                continue;
            };
            named += 1;
            if let Some(wrong) = wrong(words) {
                panic!("{file}: `{code}`: {wrong}");
            }
        }
    }
    assert!(named > 200, "{named}");
}

#[test]
fn each_setting_that_a_document_names_is_there() {
    let defaults: toml::Table = toml::from_str(include_str!("config.default.toml")).unwrap();
    let mut known: BTreeSet<String> = defaults
        .keys()
        .map(|key| format!("TONGFU_{}", key.to_uppercase()))
        .collect();
    // Of the program without a setting, and of the clients.
    known.extend(
        [
            "CONFIG",
            "DOMAIN_SECRET",
            "URL",
            "SHOP",
            "DOMAIN",
            "SECRET",
            "PARTNER",
            "KEY",
            "TEST_POSTGRES",
            "SECRETS_KEY",
        ]
        .map(|name| format!("TONGFU_{name}")),
    );
    let mut named = 0;
    // What tests are given is no setting of the program.
    let of_users = |(file, _): &(String, String)| !file.ends_with("CONTRIBUTING.md");
    for (file, text) in documents().into_iter().filter(of_users) {
        for rest in text.split("TONGFU_").skip(1) {
            let end = rest.find(|sign: char| !sign.is_ascii_uppercase() && sign != '_');
            let name = format!("TONGFU_{}", &rest[..end.unwrap_or(rest.len())]);
            if name.len() > "TONGFU_".len() {
                named += 1;
                assert!(known.contains(&name), "{file}: {name}");
            }
        }
    }
    assert!(named > 30, "{named}");
}

/// The first column of the table that begins with this heading, without its marks.
fn column(guide: &str, heading: &str) -> BTreeSet<String> {
    let (_, table) = guide
        .split_once(&format!("\n{heading}"))
        .unwrap_or_else(|| panic!("no {heading}"));
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let first = |row: &str| {
        row.split('|')
            .nth(1)
            .unwrap()
            .trim()
            .trim_matches('`')
            .to_owned()
    };
    rows.map(first).collect()
}

#[test]
fn the_guides_tables_are_the_programs() {
    let words =
        |list: &[&str]| -> BTreeSet<String> { list.iter().map(|&word| word.into()).collect() };
    let codes: Vec<&str> = ErrCode::ALL.iter().map(|code| code.code()).collect();
    let channels = Channel::ALL.map(Channel::code);
    let statuses = PayStatus::ALL.map(PayStatus::word);
    for file in GUIDES {
        let guide = read(file);
        assert_eq!(column(&guide, "| errcode |"), words(&codes), "{file}");
        assert_eq!(column(&guide, "| payStatus |"), words(&statuses), "{file}");
        assert_eq!(
            column(&guide, "| payTypeCode | payTypeName |"),
            words(&channels),
            "{file}"
        );
    }
    let protocol = read("docs/protocol.md");
    assert_eq!(column(&protocol, "| errcode |"), words(&codes));
}

#[test]
fn the_guides_name_each_path_and_no_other() {
    let known: BTreeSet<&str> = paths().collect();
    for file in GUIDES {
        let guide = read(file);
        let epay = read(if file == GUIDES[0] {
            "docs/epay.md"
        } else {
            "docs/zh/易支付.md"
        });
        let epay = code(&epay);
        let named = code(&guide);
        for path in &known {
            // Partners' calls and epay's are named without their folder.
            let (folder, last) = path.rsplit_once('/').unwrap();
            let is_named = |code: &&str| match folder {
                "/forecore" => *code == *path || *code == last,
                _ => code.split([' ', '?']).any(|word| word == *path),
            };
            let there = match folder {
                "/epay" => epay.contains(&last),
                _ => named.iter().any(is_named),
            };
            assert!(there, "{file}: {path} is not told");
        }
        for code in code(&guide) {
            let path = code
                .strip_prefix("GET ")
                .or(code.strip_prefix("POST "))
                .unwrap_or(code);
            let path = path.split(['?', '{', ' ']).next().unwrap();
            if path.starts_with("/pay/api/") || path.starts_with("/forecore/") {
                assert!(known.contains(path), "{file}: {path}");
            }
        }
    }
}

/// A time as the guides write it.
fn told(ms: i64, [second, minute, hour]: [&str; 3]) -> String {
    match ms / 1000 {
        seconds @ ..60 => format!("{seconds} {second}"),
        seconds @ ..3600 => format!("{} {minute}", seconds / 60),
        seconds => format!("{} {hour}", seconds / 3600),
    }
}

#[test]
fn the_guides_tell_the_schedule_of_callbacks() {
    let delays = Config::load(None).unwrap().callback_delays_ms;
    let units = [["s", "m", "h"], ["秒", "分", "小时"]];
    for ((file, units), mark) in GUIDES.into_iter().zip(units).zip([", ", "、"]) {
        let schedule: Vec<String> = delays[1..].iter().map(|&ms| told(ms, units)).collect();
        let schedule = schedule.join(mark);
        // Of the last the English one says "and".
        let (all, last) = schedule.rsplit_once(mark).unwrap();
        let guide = read(file);
        let there = guide.contains(&schedule) || guide.contains(&format!("{all} and {last}"));
        assert!(there, "{file}: {schedule}");
    }
}
