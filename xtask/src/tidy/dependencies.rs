//! Dependencies that no source of their crate names.

use std::collections::{BTreeMap, BTreeSet};
use toml::Table;

/// Packages whose library has another name.
const LIBRARIES: [(&str, &str); 2] = [("md-5", "md5"), ("rustls-webpki", "webpki")];

/// Each member's dependencies must be named in its sources, those of the product
/// outside its tests; what the workspace offers must be taken by a member.
pub(super) fn idle(files: &BTreeMap<String, String>) -> Vec<String> {
    let manifests: Vec<(&str, Table)> = files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_suffix("Cargo.toml")?, text.parse().ok()?)))
        .collect();
    let mut findings = Vec::new();
    let mut taken = BTreeSet::new();
    for (folder, manifest) in &manifests {
        let sources = |tests: bool| -> Vec<&String> {
            let source = |path: &str| {
                let path = path.strip_prefix(folder);
                path.is_some_and(|path| {
                    path.ends_with(".rs") && (tests || !path.starts_with("tests/"))
                })
            };
            let sources = files.iter().filter(|(path, _)| source(path));
            sources.map(|(_, text)| text).collect()
        };
        for (section, tests) in [("dependencies", false), ("dev-dependencies", true)] {
            let sources = sources(tests);
            for name in names(manifest, section) {
                taken.insert(name);
                let library = library(name);
                if !sources.iter().any(|text| holds_word(text, &library)) {
                    findings.push(format!("{folder}Cargo.toml: nothing uses {name}"));
                }
            }
        }
    }
    let offered = manifests
        .iter()
        .filter_map(|(_, manifest)| manifest.get("workspace")?.as_table())
        .flat_map(|workspace| names(workspace, "dependencies"));
    let left = offered.filter(|name| !taken.contains(name));
    findings.extend(left.map(|name| format!("Cargo.toml: no member takes {name}")));
    findings
}

fn names<'a>(manifest: &'a Table, section: &str) -> impl Iterator<Item = &'a str> {
    let table = manifest.get(section).and_then(|section| section.as_table());
    table
        .into_iter()
        .flat_map(|table| table.keys().map(String::as_str))
}

fn library(package: &str) -> String {
    let renamed = LIBRARIES.iter().find(|(name, _)| *name == package);
    renamed.map_or_else(|| package.replace('-', "_"), |(_, own)| (*own).to_owned())
}

fn holds_word(text: &str, word: &str) -> bool {
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(of_word) && !text[at + word.len()..].starts_with(of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_uses_is_found() {
        let files = [
            (
                "Cargo.toml",
                "[workspace.dependencies]\nmd-5 = \"1\"\nidle = \"1\"",
            ),
            (
                "a/Cargo.toml",
                "[dependencies]\nmd-5.workspace = true\nhttp-body = \"1\"\nonly-tests = \"1\"\n\
                 [dev-dependencies]\ndev = \"1\"\n",
            ),
            ("a/src/lib.rs", "use http_body_util::Full;\nuse md5::Md5;"),
            ("a/tests/it.rs", "use only_tests::A;\nuse dev::B;"),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(
            idle(&BTreeMap::from(files)),
            [
                "a/Cargo.toml: nothing uses http-body",
                "a/Cargo.toml: nothing uses only-tests",
                "Cargo.toml: no member takes idle",
            ]
        );
    }
}
