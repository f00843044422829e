//! Functions of the product that outgrow the longest of today.

/// From its first line to its last: a longer one is cut in two.
const LINES_MAX: usize = 112;

/// The functions of a file, without its tests, that are too long.
pub(super) fn long(path: &str, text: &str) -> Vec<String> {
    let tests = ["tests/", "/tests.rs"];
    if tests.iter().any(|tests| path.contains(tests)) {
        return Vec::new();
    }
    let text = text.split("#[cfg(test)]\nmod tests {").next();
    let lines: Vec<&str> = text.unwrap_or_default().lines().collect();
    let starts = (0..lines.len()).filter(|at| begins(lines[*at]));
    let measured = starts.filter_map(|at| Some((at, length(&lines[at..])?)));
    measured
        .filter(|(_, length)| *length > LINES_MAX)
        .map(|(at, length)| {
            let line = at + 1;
            format!("a function of {length} lines at {line}; {LINES_MAX} are the most")
        })
        .collect()
}

/// Whether a function's head begins in this line.
fn begins(line: &str) -> bool {
    let words = ["async", "const", "unsafe"];
    line.split_once("fn ").is_some_and(|(before, _)| {
        let mut before = before.split_whitespace();
        before.all(|word| word.starts_with("pub") || words.contains(&word))
    })
}

/// The lines to the brace as far in as the head; none where there is no body.
fn length(lines: &[&str]) -> Option<usize> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let head = lines.first()?;
    if head.ends_with([';', '}']) {
        return None;
    }
    let as_far = |line: &&str| !line.is_empty() && indent(line) == indent(head);
    let mut after = lines.iter().enumerate().skip(1);
    let end = after.find(|(_, line)| as_far(line) && line.trim_start().starts_with([')', '}']))?;
    match end.1.trim_start() {
        line if line.starts_with('}') => Some(end.0 + 1),
        line if line.ends_with(';') => None,
        _ => length(&lines[end.0..]).map(|rest| end.0 + rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(head: &str, lines: usize) -> String {
        format!("{head} {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_that_is_too_long_is_found() {
        let head = "pub(crate) async fn work(\n    a: u8,\n) -> u8";
        for head in ["fn work()", head] {
            let more = head.lines().count() - 1;
            let good = function(head, LINES_MAX - more);
            let bad = function(head, LINES_MAX - more + 1);
            assert!(long("a/src/b.rs", &good).is_empty());
            assert_eq!(long("a/src/b.rs", &bad).len(), 1);
            assert!(long("a/tests/it/b.rs", &bad).is_empty());
            let tests = format!("#[cfg(test)]\nmod tests {{\n{bad}}}");
            assert!(long("a/src/b.rs", &tests).is_empty());
        }
        let signature = format!("fn a(\n    b: u8,\n);\n{}", "\n".repeat(LINES_MAX));
        assert!(long("a/src/b.rs", &format!("{signature}}}")).is_empty());
    }
}
