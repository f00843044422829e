//! The few cookies that we set: the openid of a WeChat account, a browser's mark
//! for the way to WeChat and back, and the language and the channel that a payer chose.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use payment::channel::Channel;
use payment::lang::Lang;
use std::collections::BTreeMap;

/// An openid is kept this long, seconds.
const OPENID_AGE_S: i64 = 30 * 86_400;
/// The mark is kept as long as a payer may take, seconds.
const BROWSER_AGE_S: i64 = 3_600;
/// On https no other host and no plain page can set it.
const BROWSER: &str = "__Host-tongfu_browser";
const BROWSER_PLAIN: &str = "tongfu_browser";
/// A language is kept this long, seconds.
const LANG_AGE_S: i64 = 365 * 86_400;
const LANG: &str = "tongfu_lang";
/// So is the channel that was picked last.
const CHANNEL_AGE_S: i64 = 365 * 86_400;
const CHANNEL: &str = "tongfu_channel";
const OPENID: &str = "tongfu_openid_";

/// Of a request no more cookies are looked at that bear a name of ours.
const COOKIES_MAX: usize = 64;
/// What our names begin with.
const OURS: [&str; 2] = ["tongfu_", "__Host-tongfu_"];

/// Our cookies of a request.
pub(crate) struct Cookies(Vec<Cookie<'static>>);

impl Cookies {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        // Others' may be in any script.
        let texts = headers.get_all(COOKIE).iter();
        let texts = texts.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let cookies = texts.flat_map(Cookie::split_parse);
        let is_ours = |cookie: &Cookie| OURS.iter().any(|ours| cookie.name().starts_with(ours));
        let ours = cookies.flatten().filter(is_ours);
        Self(ours.take(COOKIES_MAX).collect())
    }

    /// The payer's openid under an account.
    pub(crate) fn openid(&self, account: &str) -> Option<String> {
        self.get(&openid_name(account))
            .filter(|openid| is_openid(openid))
            .map(str::to_owned)
    }

    /// The payer's openid under each account that there is a cookie of.
    pub(crate) fn openids(&self) -> BTreeMap<String, String> {
        let account = |cookie: &Cookie| {
            let account = cookie.name().strip_prefix(OPENID)?;
            Some((account.to_owned(), self.openid(account)?))
        };
        self.0.iter().filter_map(account).collect()
    }

    /// The channel that the payer picked last.
    pub(crate) fn channel(&self) -> Option<Channel> {
        self.get(CHANNEL).and_then(Channel::parse)
    }

    /// The browser's mark, where it is one that we gave.
    pub(crate) fn browser(&self, secure: bool) -> Option<&str> {
        self.get(browser_name(secure)).filter(|mark| is_mark(mark))
    }

    /// The language that the payer chose.
    pub(crate) fn lang(&self) -> Option<Lang> {
        self.get(LANG).and_then(Lang::parse)
    }

    /// A cookie by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|cookie| cookie.name() == name);
        found.map(Cookie::value)
    }
}

/// Keeps an openid; `secure` where our own address is https.
pub(crate) fn keep_openid(account: &str, openid: &str, secure: bool) -> Option<HeaderValue> {
    is_openid(openid)
        .then(|| cookie(&openid_name(account), openid, OPENID_AGE_S, secure))
        .flatten()
}

/// Keeps the language that the payer chose.
pub(crate) fn keep_lang(lang: Lang, secure: bool) -> Option<HeaderValue> {
    cookie(LANG, lang.tag(), LANG_AGE_S, secure)
}

/// Keeps the channel that the payer picked, by the answer to his pick.
pub(crate) fn keep_channel(answer: &mut Response, channel: Channel, secure: bool) {
    let kept = cookie(CHANNEL, channel.code(), CHANNEL_AGE_S, secure);
    let headers = answer.headers_mut();
    headers.extend(kept.map(|cookie| (SET_COOKIE, cookie)));
}

/// Marks a browser for the way to WeChat and back.
pub(crate) fn keep_browser(mark: &str, secure: bool) -> Option<HeaderValue> {
    cookie(browser_name(secure), mark, BROWSER_AGE_S, secure)
}

fn browser_name(secure: bool) -> &'static str {
    if secure { BROWSER } else { BROWSER_PLAIN }
}

/// The shape of [`checkout::token`].
fn is_mark(text: &str) -> bool {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 32 && text.bytes().all(hex)
}

fn cookie(name: &str, value: &str, age_s: i64, secure: bool) -> Option<HeaderValue> {
    let cookie = Cookie::build((name, value))
        .path("/")
        .max_age(Duration::seconds(age_s))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure);
    HeaderValue::from_str(&cookie.to_string()).ok()
}

fn openid_name(account: &str) -> String {
    format!("{OPENID}{account}")
}

/// What can be an openid, and can stand in a cookie.
fn is_openid(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn browser(cookie: &str, secure: bool) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.parse().unwrap());
        Cookies::of(&headers).browser(secure).map(str::to_owned)
    }

    #[test]
    fn a_mark_is_taken_in_our_own_shape_alone() {
        let mark = checkout::token().unwrap();
        let given = keep_browser(&mark, true).unwrap();
        let given = given
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        assert_eq!(browser(&given, true), Some(mark.clone()));
        // A plain page, or a neighbour's host, could have set the other name.
        assert_eq!(browser(&format!("tongfu_browser={mark}"), true), None);
        assert_eq!(
            browser(&format!("tongfu_browser={mark}"), false),
            Some(mark.clone())
        );
        for strange in ["", "x", &mark[1..], &mark.to_uppercase(), &"é".repeat(16)] {
            if strange != mark {
                assert_eq!(browser(&format!("tongfu_browser={strange}"), false), None);
            }
        }
    }

    #[test]
    fn of_many_cookies_few_are_looked_at_and_a_neighbours_hide_none() {
        let many = |name: &str| {
            let cookies: Vec<_> = (0..3_000).map(|count| format!("{name}{count}=x")).collect();
            cookies.join("; ")
        };
        let cookies = |text: String| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, text.parse().unwrap());
            Cookies::of(&headers)
        };
        let stuffed = cookies(many(OPENID));
        assert_eq!((stuffed.0.len(), stuffed.openids().len()), (64, 64));
        let beside = cookies(format!("{}; {OPENID}main=o1", many("other_")));
        assert_eq!(beside.openid("main").as_deref(), Some("o1"));
        assert_eq!(beside.0.len(), 1);
    }

    #[test]
    fn another_program_s_cookie_hides_none_of_ours() {
        let mut headers = HeaderMap::new();
        for text in ["name=张三; tongfu_openid_main=o1", "tongfu_lang=en"] {
            let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
            headers.append(COOKIE, value);
        }
        let cookies = Cookies::of(&headers);
        assert_eq!(cookies.openid("main").as_deref(), Some("o1"));
        assert_eq!(cookies.lang(), Some(Lang::En));
    }

    #[test]
    fn on_https_the_mark_belongs_to_our_host_alone() {
        let cookie = keep_browser("0", true).unwrap();
        let text = cookie.to_str().unwrap();
        assert!(
            text.starts_with("__Host-") && text.contains("; Path=/;") && text.contains("; Secure")
        );
        assert!(!text.contains("Domain"));
    }
}
