//! What operators do at the console (docs/console.md, Acts).

use super::answer::lead;
use super::desk::{Answered, Desk};
use super::orders::{Becomes, Wished, WishedRefund, shown};
use crate::clock::now_ms;
use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use checkout::{Errand, NotDone, NotSignedIn, Outcome};
use console::Typed;
use payment::by_two::{Judged, Meant, RefundRequest};
use payment::forecore::{LARGEST_MINOR, fen_of_yuan};
use payment::lang::Lang;
use payment::money::two_decimals;
use payment::ports::StoreError;
use payment::refund::Way;
use serde::Deserialize;

/// What the form of an act says.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    token: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    yuan: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    way: String,
    #[serde(default)]
    left: String,
    #[serde(default)]
    request: String,
    #[serde(default)]
    refund: String,
    #[serde(default)]
    code: String,
}

impl Said {
    /// What a page that refuses it shows again.
    fn wished(&self, act: &str) -> Wished {
        Wished {
            typed: Typed {
                act: act.to_owned(),
                of: format!("{}{}", self.request, self.refund),
                reason: self.reason.clone(),
            },
            refund: (act == "refund").then(|| WishedRefund {
                key: self.key.clone(),
                yuan: self.yuan.clone(),
            }),
        }
    }
}

/// Does something to an order.
pub(super) async fn act(
    desk: Desk,
    Path((order_sn, act)): Path<(String, String)>,
    Form(said): Form<Said>,
) -> Answered {
    if !desk.is_proved(&said.token) {
        return Err(desk.unproved());
    }
    let wished = said.wished(&act);
    let errand = match errand(&desk, &order_sn, &act, &said).await {
        Ok(errand) => errand,
        Err(Unfit::NoSuchAct) => {
            let text = ("没有这个操作。", "There is no such act.");
            return Err(desk.message(StatusCode::NOT_FOUND, text));
        }
        Err(Unfit::Trouble(error)) => return Err(desk.trouble(&error)),
        Err(Unfit::Said(text)) => {
            let refused = Becomes::Refused(text, wished);
            return shown(&desk, &order_sn, refused).await;
        }
    };
    match desk.run(&errand, &said.reason).await {
        Ok(Outcome::Done) => Ok(lead(&format!("/order/{order_sn}?done={act}"))),
        Ok(Outcome::Asked) => Ok(lead(&format!("/order/{order_sn}?done=asked"))),
        Err(why @ (NotDone::Nothing | NotDone::NotAllowed(_))) => Err(desk.refused(&why)),
        Err(why) => {
            let refused = Becomes::Refused(why.text(desk.lang()), wished);
            shown(&desk, &order_sn, refused).await
        }
    }
}

/// Why a form is no errand.
enum Unfit {
    NoSuchAct,
    /// What it says is wrong, in the page's language.
    Said(String),
    Trouble(StoreError),
}

fn which_way(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "请选这笔钱是怎么退的。",
        Lang::En => "Say which way the money went back.",
    }
}

/// What a form wants done; who grants a refund proves himself first.
async fn errand(desk: &Desk, order_sn: &str, act: &str, said: &Said) -> Result<Errand, Unfit> {
    let (order_sn, request_no) = (order_sn.to_owned(), said.request.clone());
    let lang = desk.lang();
    match act {
        "requery" => Ok(Errand::Requery { order_sn }),
        "resend" => Ok(Errand::Resend { order_sn }),
        "honour" => Ok(Errand::Honour { order_sn }),
        "close" => Ok(Errand::Close { order_sn }),
        "unpaid" => Ok(Errand::Unpaid { order_sn }),
        "by-hand" => Ok(Errand::ByHand {
            order_sn,
            refund_no: said.refund.clone(),
            way: Way::parse(&said.way).ok_or_else(|| Unfit::Said(which_way(lang).to_owned()))?,
            again: !said.again.is_empty(),
        }),
        "looked-after" => Ok(Errand::LookedAfter {
            order_sn,
            number: said.refund.clone(),
        }),
        "refund" => Ok(Errand::Refund {
            order_sn,
            minor: sum(said.yuan.trim(), lang).map_err(Unfit::Said)?,
            key: said.key.clone(),
            meant: Meant {
                again: !said.again.is_empty(),
                left: said.left.parse().ok(),
            },
        }),
        "grant" => {
            // A one-time password is spent on what waits alone.
            let asked = desk.store().refund_request(&request_no).await;
            if let Some(judged) = asked.map_err(Unfit::Trouble)?
                && !judged.waits(now_ms())
            {
                return Err(Unfit::Said(no_longer_waits(&judged, lang)));
            }
            let from = desk.peer();
            let operators = &desk.state.console.operators;
            let grant = ("order grant", request_no.as_str());
            let proved = operators.confirm(&desk.who.operator.name, &said.code, grant, &from);
            match proved.await {
                Ok(confirmed) => Ok(Errand::Grant {
                    request_no,
                    confirmed,
                }),
                Err(NotSignedIn::Internal(error)) => {
                    Err(Unfit::Trouble(StoreError::Unavailable(error)))
                }
                Err(NotSignedIn::Wrong) => {
                    let wrong = lang.choose(
                        "一次性密码不对、已用过，或刚才失败太多次：等下一个再试。",
                        "The one-time password is wrong or was used, or it failed too often \
                         lately: wait for the next one.",
                    );
                    Err(Unfit::Said(wrong.to_owned()))
                }
            }
        }
        "refuse" => Ok(Errand::Refuse { request_no }),
        _ => Err(Unfit::NoSuchAct),
    }
}

/// What became of a refund that somebody else judged, or nobody in time.
fn no_longer_waits(request: &RefundRequest, lang: Lang) -> String {
    let by = request.judged_by.as_deref().unwrap_or_default();
    match (request.state, lang) {
        (Judged::Granted, Lang::Zh) => format!("已由 {by} 同意：没有再执行。"),
        (Judged::Granted, Lang::En) => format!("{by} granted it already: nothing was done."),
        (Judged::Refused, Lang::Zh) => format!("已由 {by} 拒绝或收回：没有退。"),
        (Judged::Refused, Lang::En) => {
            format!("{by} refused it, or took it back: nothing is given back.")
        }
        (Judged::Asked, Lang::Zh) => "已过期：没有退。".to_owned(),
        (Judged::Asked, Lang::En) => "It has expired: nothing is given back.".to_owned(),
    }
}

/// Fen (cents) of a sum as it was typed; else what is wrong with it.
fn sum(text: &str, lang: Lang) -> Result<i64, String> {
    if let Some(minor) = fen_of_yuan(text) {
        return Ok(minor);
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_sum = is_digits(whole) && is_digits(decimals) && decimals.len() <= 2;
    let is_zero = is_sum && text.bytes().all(|byte| b"0.".contains(&byte));
    let is_large = is_sum && !whole.starts_with('0');
    let most = two_decimals(LARGEST_MINOR);
    Err(match (lang, is_zero, is_large) {
        (Lang::Zh, true, _) => "金额是零：至少 0.01。".to_owned(),
        (Lang::En, true, _) => "The sum is zero: 0.01 is the least.".to_owned(),
        (Lang::Zh, _, true) => format!("金额 {text} 太大：最多 {most}。"),
        (Lang::En, _, true) => format!("The sum {text} is too large: {most} is the most."),
        (Lang::Zh, ..) => format!(
            "金额“{text}”看不懂：写成元，只用数字，最多两位小数，不写千分位的逗号，例如 1234.50。"
        ),
        (Lang::En, ..) => format!(
            "“{text}” is not a sum: write yuan (dollars) in digits with at most two decimals and \
             without commas, such as 1234.50."
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_sum_is_told_apart() {
        assert_eq!(sum("12.34", Lang::En), Ok(1_234));
        for (texts, zh, en) in [
            (&["0", "0.0", "0.00"][..], "零", "zero"),
            (
                &["999999999", "10000000.00"],
                "最多 9999999.99",
                "9999999.99 is the most",
            ),
            (
                &["1,000", "1.234", "-1", "012", "", "1e3", "¥5", "."],
                "看不懂",
                "is not a sum",
            ),
        ] {
            for text in texts {
                let wrong = sum(text, Lang::Zh).unwrap_err();
                assert!(wrong.contains(zh), "{text}: {wrong}");
                let wrong = sum(text, Lang::En).unwrap_err();
                assert!(wrong.contains(en), "{text}: {wrong}");
            }
        }
    }
}
