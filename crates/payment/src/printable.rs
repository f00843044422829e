//! Text from outside, as it may stand in a log line, an error or at a terminal.

/// The text with everything that can't be seen, moves the cursor, begins a line or
/// turns the direction of writing made visible: `\u{1b}` for ESC, `\u{feff}` for a
/// byte order mark.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a name has only letters of ASCII, digits, _ and -: it stands in addresses,
/// file names and commands as it is.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// What Unicode says is not shown (Default_Ignorable_Code_Point), line separators and
/// interlinear marks; but not the two that choose how an emoji looks.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_is_not_seen_is_shown() {
        for (text, shown) in [
            ("success 成功", "success 成功"),
            ("\u{feff}success", "\\u{feff}success"),
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("a\nFAKE", "a\\u{a}FAKE"),
            ("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}"),
            ("success\u{3164}", "success\\u{3164}"),
            ("success\u{e0041}", "success\\u{e0041}"),
            ("success\u{fe00}\u{34f}", "success\\u{fe00}\\u{34f}"),
            ("☎\u{fe0f} 400", "☎\u{fe0f} 400"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
