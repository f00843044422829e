//! The `state` of a trip: what it is bound to rides in the address, so that nothing is
//! kept of a trip that nobody comes back from.

use crate::numbers;
use payment::sign::{equal, seal};

/// A trip that takes longer begins anew, ms.
const LIFE_MS: i64 = 900_000;
/// Where its parts end: an end in seconds, a nonce, whether it was begun anew, a seal.
const ENDS: [usize; 4] = [10, 42, 43, 107];

/// What a state is good for, and for nothing else.
pub(super) struct Bound<'a> {
    /// Where the payer goes then.
    pub(super) back_url: &'a str,
    /// The business system that asked.
    pub(super) domain_code: &'a str,
    /// The WeChat account.
    pub(super) account: &'a str,
    /// The browser's mark.
    pub(super) browser: &'a str,
}

/// A state; its text has 107 letters and digits of the 128 that WeChat takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    until_s: i64,
    pub(super) nonce: String,
    /// The trip was begun anew.
    pub(super) again: bool,
}

impl State {
    pub(super) fn new(now_ms: i64, again: bool) -> Result<Self, getrandom::Error> {
        Ok(Self {
            until_s: (now_ms + LIFE_MS) / 1000,
            nonce: numbers::token()?,
            again,
        })
    }

    /// When it ends, ms since 1970.
    pub(super) fn until_ms(&self) -> i64 {
        self.until_s * 1000
    }

    pub(super) fn text(&self, key: &[u8], bound: &Bound<'_>) -> String {
        let open = self.open();
        let seal = sealed(key, &open, bound);
        format!("{open}{seal}")
    }

    /// Reads a state that we gave for this; nothing else is one.
    pub(super) fn read(text: &str, key: &[u8], bound: &Bound<'_>) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if text.len() != ENDS[3] || !plain {
            return None;
        }
        let (open, seal) = text.split_at(ENDS[2]);
        if !equal(&sealed(key, open, bound), seal) {
            return None;
        }
        let state = Self {
            until_s: i64::from_str_radix(&open[..ENDS[0]], 16).ok()?,
            nonce: open[ENDS[0]..ENDS[1]].to_owned(),
            again: &open[ENDS[1]..] == "1",
        };
        (state.open() == open).then_some(state)
    }

    fn open(&self) -> String {
        format!(
            "{:010x}{}{}",
            self.until_s,
            self.nonce,
            u8::from(self.again)
        )
    }
}

fn sealed(key: &[u8], open: &str, bound: &Bound<'_>) -> String {
    let Bound {
        back_url,
        domain_code,
        account,
        browser,
    } = bound;
    seal(
        key,
        &["state", open, back_url, domain_code, account, browser],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"key";
    const BOUND: Bound<'static> = Bound {
        back_url: "http://a/",
        domain_code: "shop",
        account: "main",
        browser: "b",
    };

    #[test]
    fn a_state_is_read_by_whom_it_was_given_for_that_alone() {
        let state = State::new(1_700_000_000_000, true).unwrap();
        let text = state.text(KEY, &BOUND);
        assert!(text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(State::read(&text, KEY, &BOUND), Some(state.clone()));
        assert_eq!(state.until_ms(), 1_700_000_900_000);
        assert_eq!(State::read(&text, b"other", &BOUND), None);
        for other in [
            Bound {
                back_url: "http://b/",
                ..BOUND
            },
            Bound {
                domain_code: "other",
                ..BOUND
            },
            Bound {
                account: "other",
                ..BOUND
            },
            Bound {
                browser: "c",
                ..BOUND
            },
            Bound {
                back_url: "http://a/s",
                domain_code: "hop",
                ..BOUND
            },
        ] {
            assert_eq!(State::read(&text, KEY, &other), None);
        }
    }

    #[test]
    fn a_changed_state_is_none() {
        let text = State::new(0, false).unwrap().text(KEY, &BOUND);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(State::read(&changed, KEY, &BOUND), None, "{at}");
        }
        for strange in ["", "0123456789abcdef", &"é".repeat(60), &text[1..]] {
            assert_eq!(State::read(strange, KEY, &BOUND), None);
        }
    }
}
