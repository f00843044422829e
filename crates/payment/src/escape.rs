//! Text as it stands in an address (RFC 3986).

/// RFC 3986: letters, digits and `-._~` stay bare, all else is `%XX`, upper case.
#[must_use]
pub fn escape(text: &str) -> String {
    escape_keeping(text, b"-._~")
}

/// Escapes all bytes but letters, digits and those of `bare`.
pub(crate) fn escape_keeping(text: &str, bare: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || bare.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
            escaped.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    escaped
}
