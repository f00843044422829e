//! What operators do at the console (docs/console.md, Acts).

use super::answer::{Who, language, lead, message};
use super::orders::{Wished, shown};
use super::session::{foreign, is_proved};
use crate::state::State;
use axum::Form;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::{Errand, NotDone};
use console::Notice;
use payment::forecore::fen_of_yuan;
use payment::lang::Lang;
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
    let wished = (act == "refund").then(|| Wished {
        key: said.key.clone(),
        yuan: said.yuan.clone(),
    });
    let errand = match act.as_str() {
        "requery" => Errand::Requery {
            order_sn: order_sn.clone(),
        },
        "resend" => Errand::Resend {
            order_sn: order_sn.clone(),
        },
        "refund" => match fen_of_yuan(said.yuan.trim()) {
            Some(minor) => Errand::Refund {
                order_sn: order_sn.clone(),
                minor,
                key: said.key,
            },
            None => {
                let text = match language(&parts) {
                    Lang::Zh => "金额写成元，最多两位小数，例如 12.34",
                    Lang::En => "A sum in yuan (dollars) with at most two decimals, such as 12.34",
                };
                let notice = Notice {
                    good: false,
                    text: text.to_owned(),
                };
                return shown(&state, &parts, &who, &order_sn, Some(notice), wished).await;
            }
        },
        _ => {
            let text = ("没有这个操作。", "There is no such act.");
            return message(&parts, Some(&who), StatusCode::NOT_FOUND, text);
        }
    };
    let done = state
        .checkout
        .run_errand(&who.operator, &errand, &said.reason);
    match done.await {
        Ok(()) => lead(&format!("/order/{order_sn}?done={act}")),
        Err(NotDone::Nothing) => {
            let text = NotDone::Nothing;
            let (zh, en) = (text.text(Lang::Zh), text.text(Lang::En));
            message(&parts, Some(&who), StatusCode::NOT_FOUND, (&zh, &en))
        }
        Err(not_done @ NotDone::NotAllowed(_)) => {
            let (zh, en) = (not_done.text(Lang::Zh), not_done.text(Lang::En));
            message(&parts, Some(&who), StatusCode::FORBIDDEN, (&zh, &en))
        }
        Err(not_done) => {
            let text = not_done.text(language(&parts));
            let notice = Notice { good: false, text };
            shown(&state, &parts, &who, &order_sn, Some(notice), wished).await
        }
    }
}
