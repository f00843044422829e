//! What was sent to a business system's receiver and what it answered, in plain words.

use crate::zone;
use anyhow::Result;
use payment::ports::{CallbackRow, KeptTry, Store, TryOutcome};
use payment::printable::printable;

/// How much of what was sent, and of an answer, is shown, in characters.
const SENT_SHOWN: usize = 2_000;
const ANSWER_SHOWN: usize = 300;

/// A callback with what was sent and each of its tries.
pub(super) async fn print_callback(store: &dyn Store, callback: &CallbackRow) -> Result<()> {
    println!(
        "  callback {} to {} {}",
        callback.id,
        callback.receiver,
        callback.state.word()
    );
    if !callback.url.is_empty() {
        let sent = sent(&callback.url, callback.body.as_deref());
        println!("    sent each time: {sent}");
    }
    for tried in store.callback_tries(callback.id).await? {
        println!(
            "    {} {}, after {} ms{}",
            zone::time(tried.at_ms),
            judged(&tried),
            tried.duration_ms,
            tried.outcome.map_or_else(String::new, followed)
        );
        // Where there is no status, the words above are all there is.
        if tried.status.is_some() {
            println!("      its answer: {}", beginning(&tried.answer));
        }
    }
    Ok(())
}

/// What was sent, the signs left out: who holds one could send it again.
pub(super) fn sent(url: &str, body: Option<&str>) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let asked = match query {
        "" => path.to_owned(),
        query => format!("{path}?{}", unsigned(query)),
    };
    let whole = match body {
        None => format!("GET {asked}"),
        Some(body) => format!("POST {asked} {}", unsigned(body)),
    };
    printable(&whole.chars().take(SENT_SHOWN).collect::<String>())
}

/// The pairs, with `***` in place of what proves them.
fn unsigned(pairs: &str) -> String {
    let hidden = |pair: &str| match pair.split_once('=') {
        Some((name @ ("sign" | "sign2"), _)) => format!("{name}=***"),
        _ => pair.to_owned(),
    };
    pairs.split('&').map(hidden).collect::<Vec<_>>().join("&")
}

fn judged(tried: &KeptTry) -> String {
    let said = answered(tried.status, tried.location.as_deref(), &tried.answer);
    match tried.is_body_refused() {
        true => format!("{said}, but the body is not what takes a callback"),
        false => said,
    }
}

/// What a receiver answered, or why there is no answer.
pub(super) fn answered(status: Option<u16>, location: Option<&str>, text: &str) -> String {
    let Some(status) = status else {
        return printable(text);
    };
    let meaning = match status {
        300..=399 => {
            let location = printable(location.unwrap_or("nowhere"));
            return format!("{status} to {location}: a redirect, which is not followed");
        }
        401 | 403 | 419 => {
            ": it lets nobody in there, as a login, a firewall or a CSRF check would not"
        }
        404 | 410 => ": nothing is at that address",
        405 => ": there it takes another method",
        429 => ": it says that it is called too often",
        400..=499 => ": it refused",
        500..=599 => ": it failed",
        _ => "",
    };
    format!("{status}{meaning}")
}

fn followed(outcome: TryOutcome) -> String {
    match outcome {
        TryOutcome::Delivered => "; taken".to_owned(),
        TryOutcome::Again(at_ms) => format!("; again at {}", zone::time(at_ms)),
        TryOutcome::Parked => "; given up: it was the last try".to_owned(),
    }
}

/// The beginning of an answer, on one line, with what can't be seen made visible.
pub(super) fn beginning(answer: &str) -> String {
    if answer.is_empty() {
        return "(empty)".to_owned();
    }
    let shown: String = answer.chars().take(ANSWER_SHOWN).collect();
    let more = if shown.len() < answer.len() {
        " …"
    } else {
        ""
    };
    printable(&shown) + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_shown_without_its_signs() {
        let url = "https://shop.cn/pay?money=1&sign=abc&sign2=def";
        assert_eq!(
            sent(url, None),
            "GET https://shop.cn/pay?money=1&sign=***&sign2=***"
        );
        assert_eq!(
            sent("https://shop.cn/cb?shop=7", Some("money=1&sign=abc")),
            "POST https://shop.cn/cb?shop=7 money=1&sign=***"
        );
    }

    #[test]
    fn an_answer_is_read_in_plain_words() {
        let login = answered(Some(302), Some("/login"), "");
        assert!(login.starts_with("302 to /login"), "{login}");
        assert_eq!(answered(Some(200), None, "success"), "200");
        assert_eq!(
            answered(None, None, "no answer in 10 s"),
            "no answer in 10 s"
        );
        assert_eq!(beginning("\u{feff}success\n"), "\\u{feff}success\\u{a}");
        assert_eq!(beginning(""), "(empty)");
    }
}
