//! Sends an order's callbacks again, with `--dev` alone: the demo shop's button asks for it.

use crate::state::State;
use axum::Form;
use axum::extract;
use axum::http::StatusCode;
use payment::lang::Lang;
use payment::ports::Resend;
use serde::Deserialize;

/// Whose callbacks are sent again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    order_sn: String,
}

/// As `tongfu callback resend ORDER_SN` does it.
pub(super) async fn resend(
    extract::State(state): extract::State<State>,
    Form(wish): Form<Wish>,
) -> (StatusCode, String) {
    let sent = state.checkout.resend(&Resend::Order(wish.order_sn)).await;
    match sent {
        Ok(0) => (
            StatusCode::NOT_FOUND,
            "that order has no callback\n".to_owned(),
        ),
        Ok(count) => (StatusCode::OK, format!("{count} callbacks go out again\n")),
        Err(failure) => {
            tracing::warn!(cause = %failure, "callbacks are not sent again");
            let text = failure.text(Lang::En);
            (StatusCode::SERVICE_UNAVAILABLE, format!("{text}\n"))
        }
    }
}
