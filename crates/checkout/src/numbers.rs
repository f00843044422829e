//! Order numbers and page tokens.

use payment::beijing;
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes order numbers; the counter starts at a random place, so that several
/// instances seldom meet, and the store's unique index refuses where they do.
pub(crate) struct Numbers {
    counter: AtomicU32,
}

impl Numbers {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            counter: AtomicU32::new(getrandom::u32()?),
        })
    }

    /// An orderSn: `yyyyMMddHHmmss` in Beijing time and six digits
    /// (docs/reference/orders.md, Attempts).
    pub(crate) fn order_sn(&self, now_ms: i64) -> String {
        let count = self.counter.fetch_add(1, Ordering::Relaxed) % 1_000_000;
        format!("{}{count:06}", beijing_second(now_ms))
    }
}

/// No number that is made at this time or later is smaller.
pub(crate) fn first_number(at_ms: i64) -> String {
    beijing_second(at_ms)
}

/// 128 random bits in hex: what can't be guessed.
///
/// # Errors
/// When the system gives no random numbers.
pub fn token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// Letters and digits of a token.
pub(crate) const TOKEN_LENGTH: usize = 32;

/// Whether a text may be a token; another one, such as one that holds a NUL, is none that a
/// database has to be asked about.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() == TOKEN_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn beijing_second(now_ms: i64) -> String {
    beijing::time(now_ms).replace(['-', ' ', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_number_is_the_beijing_second_and_six_digits() {
        let numbers = Numbers {
            counter: AtomicU32::new(1_999_999),
        };
        assert_eq!(numbers.order_sn(1_465_955_270_000), "20160615094750999999");
        assert_eq!(numbers.order_sn(1_465_955_270_999), "20160615094750000000");
    }

    #[test]
    fn tokens_are_32_hex_digits_and_differ() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }
}
