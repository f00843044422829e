//! No JavaScript in Rust's strings: what browsers run is Rust, or stands in a file of its
//! own (docs/page.md, Islands and the fallback).

/// What only a script says.
const SAYS: [&str; 6] = [
    "document.",
    "addEventListener",
    "function(",
    "setTimeout(",
    "location.href",
    "location.re",
];
/// Where pages are made, and the file that holds the one line that loads the module.
const PAGES: [&str; 2] = ["app/src/", "server/src/"];
const LOADER: &str = "app/src/page/parts.rs";

/// Lines whose text is a script; of the loader's file, those before and after the loader.
pub(super) fn in_strings(path: &str, text: &str) -> Vec<String> {
    if !PAGES.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    let loader = text.split_once("let loader = format!(");
    let (before, after) = match loader.filter(|_| path == LOADER) {
        Some((before, rest)) => (
            before,
            rest.split_once(");\n").map_or("", |(_, after)| after),
        ),
        None => (text, ""),
    };
    let lines = before.lines().chain(after.lines());
    lines
        .filter(|line| is_script(line))
        .map(|line| format!("a script in a string: {}", line.trim()))
        .collect()
}

/// Whether the quoted parts of a line, or a line that only goes on with one, say what a
/// script does.
fn is_script(line: &str) -> bool {
    let quoted: String = if line.contains('"') {
        line.split('"').skip(1).step_by(2).collect()
    } else if line.ends_with('\\') {
        line.to_owned()
    } else {
        return false;
    };
    SAYS.iter().any(|word| quoted.contains(word))
}

#[cfg(test)]
mod tests {
    use super::in_strings;

    #[test]
    fn scripts_in_strings_are_found_and_the_loader_is_not() {
        let script = "const GO: &str = \"location.href='/a'\";\n";
        assert_eq!(in_strings("app/src/page/ways.rs", script).len(), 1);
        assert_eq!(in_strings("xtask/src/siege.rs", script).len(), 0);
        let rust = "let document = window.document()?; // \"one\"\n";
        assert_eq!(in_strings("app/src/browser.rs", rust).len(), 0);
        let loader =
            "let loader = format!(\n    \"addEventListener('load',\\\n     document.)\"\n);\n";
        assert_eq!(in_strings("app/src/page/parts.rs", loader).len(), 0);
        let both = format!("{loader}{script}");
        assert_eq!(in_strings("app/src/page/parts.rs", &both).len(), 1);
    }
}
