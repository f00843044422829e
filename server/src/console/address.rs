//! What the addresses of lists say.

use crate::routes::respond::stays_here;
use crate::typed::{has_no_control, is_number};
use crate::zone;
use payment::lang::Lang;

/// A business system or an account has no longer name.
const NAME_MAX: usize = 64;
const MINUTE_MS: i64 = 60_000;
pub(super) const DAY_MS: i64 = 86_400_000;

/// A way on within the console; anything else is its first page.
pub(super) fn path(next: &str) -> &str {
    if stays_here(next) && next.len() <= 2_000 {
        next
    } else {
        "/"
    }
}

/// The words of an address: those that say something.
pub(super) fn written(words: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in words.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    query.finish()
}

/// The address of the same list from another place on.
pub(super) fn further(mut address: String, before: &str) -> String {
    if !address.ends_with('?') {
        address.push('&');
    }
    address + "before=" + before
}

/// Why a list can't be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// A field, by its name in the address, says what it does not take.
    Field(&'static str, String),
    /// A field says more than is looked for.
    Long(&'static str),
    /// The time ends before it begins.
    NoTime,
}

impl Unread {
    /// In words, with the field as the page names it.
    pub(super) fn told(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Field(field, text), Lang::Zh) => {
                let ((field, _), (takes, _)) = words(field);
                format!("“{field}”里的“{text}”看不懂：{takes}。")
            }
            (Self::Field(field, text), Lang::En) => {
                let ((_, field), (_, takes)) = words(field);
                format!("{field}: “{text}” can't be read. It takes {takes}.")
            }
            (Self::Long(field), Lang::Zh) => format!("“{}”里的太长。", words(field).0.0),
            (Self::Long(field), Lang::En) => format!("{}: it is too long.", words(field).0.1),
            (Self::NoTime, Lang::Zh) => "“从”晚于“到”：这样的时间里什么也没有。".to_owned(),
            (Self::NoTime, Lang::En) => {
                "From is after To: there is nothing in such a time.".to_owned()
            }
        }
    }
}

type InBoth = (&'static str, &'static str);

/// What pages call a field of an address, and what it takes.
fn words(field: &str) -> (InBoth, InBoth) {
    let time = (
        "要写日期，或日期和时间，例如 2026-11-28、2026-11-28T09:30",
        "a day or a minute, such as 2026-11-28 or 2026-11-28T09:30",
    );
    let sum = (
        "要写元，只用数字，最多两位小数，从 0.01 到 9999999.99",
        "yuan (dollars) in digits with at most two decimals, from 0.01 to 9999999.99",
    );
    let name = (
        "最多 64 个字节，没有控制字符",
        "at most 64 bytes without control characters",
    );
    let listed = ("要从列表里选", "what its list offers");
    match field {
        "since" => (("从", "From"), time),
        "until" => (("到", "To"), time),
        "min" => (("金额从", "Sum from"), sum),
        "max" => (("金额到", "Sum to"), sum),
        "business" => (("业务系统", "Business"), name),
        "account" => (("账户", "Account"), name),
        "channel" => (("渠道", "Channel"), listed),
        "state" => (("状态", "State"), listed),
        "currency" => (("币种", "Currency"), listed),
        "callback" => (("回调", "Callbacks"), listed),
        "by" => (("谁", "By"), name),
        "cause" => (("谁要的", "By"), listed),
        _ => (("订单号，或含有", "An order's number, or holding"), name),
    }
}

/// What a field of this name says, where it says anything.
pub(super) fn read<T>(
    field: &'static str,
    text: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Unread> {
    match text {
        "" => Ok(None),
        text => read(text)
            .map(Some)
            .ok_or_else(|| Unread::Field(field, text.to_owned())),
    }
}

/// From when on, and before when, ms since 1970.
pub(super) fn time(since: &str, until: &str) -> Result<(Option<i64>, Option<i64>), Unread> {
    let since_ms = read("since", since, span)?.map(|(begins, _)| begins);
    let until_ms = read("until", until, span)?.map(|(_, ends)| ends);
    match since_ms.zip(until_ms) {
        Some((begins, ends)) if begins >= ends => Err(Unread::NoTime),
        _ => Ok((since_ms, until_ms)),
    }
}

/// What a business system or an account may be called.
pub(super) fn name(text: &str) -> Option<String> {
    let is_name = text.len() <= NAME_MAX && has_no_control(text);
    is_name.then(|| text.to_owned())
}

/// When a day or a minute begins and ends: the last one is one of those that are wanted.
fn span(text: &str) -> Option<(i64, i64)> {
    let day = zone::day_named(text).map(zone::start_of);
    let day = day.map(|begins| (begins, begins + DAY_MS));
    day.or_else(|| zone::minute_named(text).map(|begins| (begins, begins + MINUTE_MS)))
}

/// What may be a number, or nothing.
pub(super) fn number(text: String) -> String {
    Some(text)
        .filter(|text| is_number(text))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_on_stays_within_the_console() {
        assert_eq!(path("/order/1?a=b"), "/order/1?a=b");
        for elsewhere in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            "x",
        ] {
            assert_eq!(path(elsewhere), "/", "{elsewhere}");
        }
    }
}
