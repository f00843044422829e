//! Starting a payment by the `pay` server function (docs/protocol.md, Paths), as our own
//! page does it.

use crate::browser::sleep;
use crate::headers;
use js_sys::{Array, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{Headers, RequestInit, Response};

const PC: &str = "/pay/api/pc/pay";
const H5: &str = "/pay/api/h5/pay";

/// The server has said something long before.
const ANSWER_MS: u32 = 20_000;

/// What became of a start.
pub(crate) enum Started {
    /// The attempt's page.
    Page(String),
    /// It may be tried again: what the payer is told.
    Later(String),
    /// No openid is known, and one is wanted.
    NoOpenid,
    /// The server's own page tells.
    Refused,
}

/// Calls the server function of the form that a payer would send to `action`, for a channel's
/// code; an error where no answer came that can be read.
pub(crate) async fn start(action: &str, channel: &str) -> Result<Started, JsValue> {
    let (form, query) = action.split_once('?').unwrap_or((action, ""));
    let path = if form.ends_with("/mpay/start") {
        H5
    } else {
        PC
    };
    let url = path.to_owned() + "?" + query;
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let call_headers = Headers::new()?;
    call_headers.set(headers::PICK, channel)?;
    call_headers.set("content-type", "application/json")?;
    let call = RequestInit::new();
    call.set_method("POST");
    call.set_headers(&call_headers);
    call.set_body(&"{}".into());
    // On a network that hangs he is told so in the end.
    let given_up = future_to_promise(async {
        sleep(ANSWER_MS).await;
        Err(JsValue::NULL)
    });
    let answer = window.fetch_with_str_and_init(&url, &call);
    let answer = Promise::race(&Array::of2(&answer, &given_up));
    let response: Response = JsFuture::from(answer).await?.dyn_into()?;
    let page = response.headers().get(headers::PAGE)?;
    let body = JsFuture::from(response.json()?).await?;
    let text = |name: &str| -> Result<String, JsValue> {
        let text = Reflect::get(&body, &name.into())?;
        text.as_string().ok_or(JsValue::NULL)
    };
    Ok(match (text("errcode")?.as_str(), page) {
        ("0", Some(page)) => Started::Page(page),
        // The trouble passes (docs/protocol.md, errcodes).
        ("10012" | "10013" | "10099", _) => Started::Later(text("errormsg")?),
        ("10010", _) => Started::NoOpenid,
        _ => Started::Refused,
    })
}
