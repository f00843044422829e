//! What operators do at the console (docs/console.md, Acts).

use super::answer::{Who, language, lead, message, refused, trouble};
use super::orders::{Becomes, Wished, WishedRefund, shown};
use super::session::{caller, foreign, is_proved};
use crate::state::State;
use axum::Form;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::{Errand, NotDone, NotSignedIn, Outcome};
use console::Typed;
use payment::forecore::fen_of_yuan;
use payment::ports::StoreError;
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
    extract::State(state): extract::State<State>,
    who: Who,
    Path((order_sn, act)): Path<(String, String)>,
    parts: Parts,
    form: Form<Said>,
) -> Response {
    let Form(said) = form;
    if !is_proved(&parts, &who, &said.token) {
        return foreign(&parts);
    }
    let lang = language(&parts);
    let wished = said.wished(&act);
    let errand = match errand(&state, &who, &parts, &order_sn, &act, &said).await {
        Ok(errand) => errand,
        Err(Unfit::NoSuchAct) => {
            let text = ("没有这个操作。", "There is no such act.");
            return message(&parts, Some(&who), StatusCode::NOT_FOUND, text);
        }
        Err(Unfit::Trouble(error)) => return trouble(&parts, Some(&who), &error),
        Err(Unfit::Said(zh, en)) => {
            let refused = Becomes::Refused(lang.choose(zh, en).to_owned(), wished);
            return shown(&state, &parts, &who, &order_sn, refused).await;
        }
    };
    let done = state
        .checkout
        .run_errand(&who.operator, &errand, &said.reason);
    match done.await {
        Ok(Outcome::Done) => lead(&format!("/order/{order_sn}?done={act}")),
        Ok(Outcome::Asked) => lead(&format!("/order/{order_sn}?done=asked")),
        Err(not_done @ (NotDone::Nothing | NotDone::NotAllowed(_))) => {
            refused(&parts, &who, &not_done)
        }
        Err(not_done) => {
            let refused = Becomes::Refused(not_done.text(lang), wished);
            shown(&state, &parts, &who, &order_sn, refused).await
        }
    }
}

/// Why a form is no errand.
enum Unfit {
    NoSuchAct,
    /// What it says is wrong, in Chinese and in English.
    Said(&'static str, &'static str),
    Trouble(StoreError),
}

/// What a form wants done; who grants a refund proves himself first.
async fn errand(
    state: &State,
    who: &Who,
    parts: &Parts,
    order_sn: &str,
    act: &str,
    said: &Said,
) -> Result<Errand, Unfit> {
    let (order_sn, request_no) = (order_sn.to_owned(), said.request.clone());
    match act {
        "requery" => Ok(Errand::Requery { order_sn }),
        "resend" => Ok(Errand::Resend { order_sn }),
        "honour" => Ok(Errand::Honour { order_sn }),
        "close" => Ok(Errand::Close { order_sn }),
        "unpaid" => Ok(Errand::Unpaid { order_sn }),
        "by-hand" => Ok(Errand::ByHand {
            order_sn,
            refund_no: said.refund.clone(),
        }),
        "refund" => match fen_of_yuan(said.yuan.trim()) {
            Some(minor) => Ok(Errand::Refund {
                order_sn,
                minor,
                key: said.key.clone(),
                again: !said.again.is_empty(),
            }),
            None => Err(Unfit::Said(
                "金额写成元，最多两位小数，例如 12.34",
                "A sum in yuan (dollars) with at most two decimals, such as 12.34",
            )),
        },
        "grant" => {
            let from = caller(state, parts).unwrap_or_else(|| "-".to_owned());
            let operators = &state.console.operators;
            let grant = ("order grant", request_no.as_str());
            let proved = operators.confirm(&who.operator.name, &said.code, grant, &from);
            match proved.await {
                Ok(confirmed) => Ok(Errand::Grant {
                    request_no,
                    confirmed,
                }),
                Err(NotSignedIn::Internal(error)) => {
                    Err(Unfit::Trouble(StoreError::Unavailable(error)))
                }
                Err(NotSignedIn::Wrong) => Err(Unfit::Said(
                    "一次性密码不对、已用过，或刚才失败太多次：等下一个再试。",
                    "The one-time password is wrong or was used, or it failed too often lately: \
                     wait for the next one.",
                )),
            }
        }
        "refuse" => Ok(Errand::Refuse { request_no }),
        _ => Err(Unfit::NoSuchAct),
    }
}
