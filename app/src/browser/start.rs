//! Starting a payment by the `pay` server function (docs/protocol.md, Paths), as our own
//! page does it.

use crate::headers;
use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

const PC: &str = "/pay/api/pc/pay";
const H5: &str = "/pay/api/h5/pay";

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
    let response = JsFuture::from(window.fetch_with_str_and_init(&url, &call)).await?;
    let response: Response = response.dyn_into()?;
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
