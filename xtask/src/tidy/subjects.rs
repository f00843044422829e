//! Subjects of commits: `area: Imperative subject`, short.

use std::process::Command;

const CHARACTERS_MAX: usize = 60;
/// So many of the last commits are looked at; merges are named by git.
const COMMITS: &str = "-20";

/// What is wrong with the last subjects; nothing where there is no history.
pub(super) fn crooked() -> Vec<String> {
    let mut log = Command::new("git");
    let log = log
        .args(["log", "--no-merges", COMMITS, "--format=%s"])
        .output();
    let log = log.map(|output| output.stdout).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let wrong = |subject: &str| Some(format!("a commit's subject {}: {subject}", wrong(subject)?));
    log.lines().filter_map(wrong).collect()
}

fn wrong(subject: &str) -> Option<&'static str> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ", -_".contains(c);
    let formed = subject.split_once(": ").is_some_and(|(area, rest)| {
        !area.is_empty() && area.chars().all(lower) && rest.starts_with(char::is_uppercase)
    });
    match () {
        () if subject.chars().count() > CHARACTERS_MAX => Some("is too long"),
        () if !formed => Some("is not `area: Subject`"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_unformed_subjects_are_found() {
        assert_eq!(wrong("checkout, server: Say it once"), None);
        assert!(wrong(&format!("checkout: {}", "Say ".repeat(13))).is_some());
        for unformed in ["Say it", "checkout: say it", "Checkout: Say it", ": Say it"] {
            assert!(wrong(unformed).is_some(), "{unformed}");
        }
    }
}
