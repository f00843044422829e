//! The epay protocol (彩虹易支付), version 1, as its server (docs/epay.md).

mod answer;
mod calls;
mod failure;
mod fields;
mod order;
mod sign;

pub use calls::{api, mapi, submit};
pub use failure::Failure;
pub use fields::of_one;
pub use order::OrderCall;
pub use sign::{as_signed, md5_sign, one_meaning, verifies};

use payment::channel::Channel;
use payment::domain::{Domain, DomainError, DomainSettings};
use payment::money::{Currency, two_decimals};
use payment::pairs::Pairs;
use payment::ports::{Door, NewCallback, News};
use payment::status::PayStatus;

/// The word of this door.
pub const NAME: &str = "epay";
/// The pid of development, which nobody else gets.
pub const DEVELOPMENT_PID: u32 = 1001;

/// Where in an answer its verdict is looked for, bytes.
const VERDICT_BYTES: usize = 1 << 10;

/// A business system that speaks epay.
///
/// # Errors
/// [`DomainError`] as the settings break a rule.
pub fn partner(
    pid: u32,
    settings: DomainSettings,
    key: &str,
    development: bool,
) -> Result<Domain, DomainError> {
    Domain::partner(NAME, &pid.to_string(), settings, key, development)
}

/// The business system of development: pid 1001, with a key that everybody knows.
#[must_use]
pub fn p1001() -> Option<Domain> {
    let key = "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i";
    partner(DEVELOPMENT_PID, DomainSettings::default(), key, true).ok()
}

/// The words of `type`, with the channels that they stand for.
const TYPES: [(&str, Channel); 4] = [
    ("wxpay", Channel::Wechat),
    ("alipay", Channel::Alipay),
    ("bank", Channel::ChinapayOld),
    ("paypal", Channel::Paypal),
];

/// The channel of a `type`; others leave the choice to the payer.
fn channel_of(word: &str) -> Option<Channel> {
    let found = TYPES.iter().find(|(known, _)| *known == word);
    found.map(|(_, channel)| *channel)
}

/// The `type` of a channel.
fn type_of(channel: Channel) -> &'static str {
    let found = TYPES.iter().find(|(_, known)| *known == channel);
    found.map_or("", |(word, _)| word)
}

/// Epay's door.
pub struct Epay;

impl Door for Epay {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Of payments alone (docs/epay.md, The notification).
    fn tells(&self, _: &Domain, status: PayStatus) -> bool {
        status == PayStatus::SuccessPay
    }

    fn callback(&self, news: &News<'_>) -> NewCallback {
        let joint = if news.address.contains('?') { '&' } else { '?' };
        NewCallback {
            url: format!("{}{joint}{}", news.address, told(news)),
            receiver: news.receiver().to_owned(),
            body: None,
            created_ms: news.now_ms,
        }
    }

    fn media_type(&self) -> &'static str {
        "application/x-www-form-urlencoded"
    }

    /// `success` at the beginning of the page, in any case, and no `fail` there: some
    /// clients answer a whole page.
    fn takes(&self, body: &str) -> bool {
        let end = body.floor_char_boundary(VERDICT_BYTES);
        let verdict = body[..end].to_ascii_lowercase();
        verdict.contains("success") && !verdict.contains("fail")
    }

    fn currencies(&self) -> &'static [Currency] {
        &[Currency::Cny]
    }

    fn has_one_page(&self) -> bool {
        true
    }

    fn tells_payer(&self) -> bool {
        true
    }

    /// return_url with what the notification says; an address with `#` is read by a page
    /// that looks behind it.
    fn return_address(&self, news: &News<'_>) -> Option<String> {
        let address = &news.ordered?.return_url;
        if address.is_empty() {
            return None;
        }
        let read = address.split_once('#').map_or(&**address, |(_, read)| read);
        let joint = if read.contains('?') { '&' } else { '?' };
        Some(format!("{address}{joint}{}", told(news)))
    }
}

/// What is told of a payment, in the documented order, signed (docs/epay.md, The
/// notification).
fn told(news: &News<'_>) -> String {
    let attempt = news.attempt;
    let order = news.ordered;
    let pid = news.domain.settings.partner.as_ref();
    let money = two_decimals(attempt.money.minor());
    let mut fields = vec![
        ("pid", pid.map_or("", |partner| &partner.id)),
        ("trade_no", &attempt.request_key),
        ("out_trade_no", news.number),
        ("type", type_of(attempt.channel)),
        ("name", order.map_or("", |order| &order.goods)),
        ("money", &money),
        ("trade_status", "TRADE_SUCCESS"),
        ("param", order.map_or("", |order| &order.passback)),
    ];
    // Some clients sign a blank field that they receive.
    fields.retain(|(_, value)| !value.is_empty());
    let key = news
        .domain
        .secret_for(attempt.secret_generation, news.now_ms);
    let sign = md5_sign(fields.iter().copied(), key);
    fields.extend([("sign", sign.as_str()), ("sign_type", "MD5")]);
    let fields = fields.into_iter();
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Pairs::from_stored(fields.collect()).to_query()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_takes_by_success_near_its_beginning_without_fail() {
        for taken in ["success", " SUCCESS\n", "<html><p>success</p>"] {
            assert!(Epay.takes(taken), "{taken}");
        }
        let late = format!("{}success", "x".repeat(1 << 10));
        for refused in ["", "fail", "ok", "success? no: failed", late.as_str()] {
            assert!(!Epay.takes(refused), "{refused}");
        }
        let cut = format!("success{}fail", "中".repeat(400));
        assert!(Epay.takes(&cut));
    }

    #[test]
    fn types_are_channels_both_ways() {
        for channel in Channel::ALL {
            assert_eq!(channel_of(type_of(channel)), Some(channel));
        }
        assert_eq!(channel_of("usdt"), None);
    }
}
