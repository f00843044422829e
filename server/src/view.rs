//! What a page shows of a request or an attempt.

use app::page::{Order, Scan, Screen};
use payment::lang::Lang;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::AttemptRow;
use payment::request::PayRequest;

const DAY_MS: i64 = 86_400_000;
const BEIJING_MS: i64 = 8 * 3_600_000;

/// Where a payer goes when the page is done (design section 6, Leaving).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leave {
    /// Paid: dialogOkUrl, else pageUrl.
    pub(crate) ok: Option<String>,
    /// Failed: dialogFailUrl, else pageUrl.
    pub(crate) fail: Option<String>,
}

impl Leave {
    pub(crate) fn of(request: &PayRequest) -> Self {
        let page = &request.page_url;
        Self {
            ok: request.dialog_ok_url.clone().or_else(|| page.clone()),
            fail: request.dialog_fail_url.clone().or_else(|| page.clone()),
        }
    }

    /// The same, of values that were verified when they were stored.
    pub(crate) fn of_values(signed_values: &str) -> Self {
        let pairs = Pairs::from_query(signed_values).unwrap_or_default();
        let address = |name: &str| {
            let value = pairs.get(name).filter(|value| !value.is_empty())?;
            let has_scheme = value.starts_with("http://") || value.starts_with("https://");
            Some(if has_scheme {
                value.to_owned()
            } else {
                format!("http://{value}")
            })
        };
        Self {
            ok: address("dialogOkUrl").or_else(|| address("pageUrl")),
            fail: address("dialogFailUrl").or_else(|| address("pageUrl")),
        }
    }

    /// The origins of these addresses: they may show the page in a frame.
    pub(crate) fn origins(&self) -> Vec<String> {
        let mut origins: Vec<_> = [&self.ok, &self.fail]
            .into_iter()
            .flatten()
            .filter_map(|url| origin(url))
            .collect();
        origins.dedup();
        origins
    }
}

/// Scheme, host and port, where they are of a form that a header can carry.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    (!host.is_empty() && host.bytes().all(plain)).then(|| format!("{scheme}://{host}"))
}

/// The page of one attempt, in the payer's language.
pub(crate) fn attempt_path(attempt: &AttemptRow, lang: Lang) -> String {
    let lang = if lang == Lang::En { "?lang=en" } else { "" };
    format!("/pay/attempt/{}{lang}", attempt.token)
}

/// What is bought.
pub(crate) fn order(request: &PayRequest, lang: Lang) -> Order {
    Order {
        goods: goods(&request.info, &request.info_en, lang),
        money: request.money,
        request_key: request.request_key.clone(),
    }
}

/// The page of an attempt as it stands now.
pub(crate) fn screen(attempt: &AttemptRow, now_ms: i64, lang: Lang) -> Screen {
    let order = attempt_order(attempt, lang);
    let leave = Leave::of_values(&attempt.signed_values);
    if attempt.request_status.was_paid() || attempt.status.has_money() {
        return Screen::Paid {
            order,
            leave: leave.ok,
        };
    }
    let declined = attempt.status == Attempt::Declined;
    if declined || attempt.status == Attempt::Closed || now_ms >= attempt.expires_ms {
        let again = format!("/pay/attempt/{}/again", attempt.token);
        let back = format!("/pay.html?{}", attempt.signed_values);
        return Screen::Ended {
            order,
            declined,
            again,
            back,
        };
    }
    let Some(code) = attempt.obj.clone() else {
        return Screen::Making(order);
    };
    Screen::Scan(Scan {
        order,
        code,
        order_sn: attempt.order_sn.clone(),
        poll_url: format!("/pay/api/pc/wechatQuery?{}", attempt.signed_values),
        expires_in_s: (attempt.expires_ms - now_ms) / 1000,
        expires_at: beijing_time(attempt.expires_ms),
        ok_url: leave.ok,
        fail_url: leave.fail,
        attempt_url: attempt_path(attempt, lang),
    })
}

fn attempt_order(attempt: &AttemptRow, lang: Lang) -> Order {
    let pairs = Pairs::from_query(&attempt.signed_values).unwrap_or_default();
    let text = |name: &str| pairs.get(name).unwrap_or_default().to_owned();
    Order {
        goods: goods(&text("info"), &text("infoEn"), lang),
        money: attempt.money,
        request_key: attempt.request_key.clone(),
    }
}

/// `info`, or `infoEn` in English; the other one where it is empty.
fn goods(info: &str, info_en: &str, lang: Lang) -> String {
    let (first, second) = match lang {
        Lang::Zh => (info, info_en),
        Lang::En => (info_en, info),
    };
    if first.is_empty() { second } else { first }.to_owned()
}

/// `HH:MM` in Beijing.
fn beijing_time(at_ms: i64) -> String {
    let minutes = (at_ms + BEIJING_MS).rem_euclid(DAY_MS) / 60_000;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payer_leaves_by_the_dialog_address_else_by_page_url() {
        let leave =
            Leave::of_values("pageUrl=www.10020.cn&dialogOkUrl=http%3A%2F%2Fwww.sohu.com%2Fa");
        assert_eq!(leave.ok.as_deref(), Some("http://www.sohu.com/a"));
        assert_eq!(leave.fail.as_deref(), Some("http://www.10020.cn"));
        assert_eq!(
            leave.origins(),
            ["http://www.sohu.com", "http://www.10020.cn"]
        );
    }

    #[test]
    fn strange_hosts_never_reach_a_header() {
        assert_eq!(origin("http://a;b/"), None);
        assert_eq!(origin("http://中文.cn/"), None);
    }

    #[test]
    fn times_are_beijings() {
        assert_eq!(beijing_time(1_465_955_306_000), "09:48");
    }
}
