//! The page's script and WebAssembly, embedded with their compressed forms and
//! named by their content, so that browsers keep them for ever; and the operator's
//! pictures.

use crate::state::State;
use app::page::Module;
use axum::extract::{self, Path};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// One embedded file.
pub(crate) struct Asset {
    name: &'static str,
    raw: &'static [u8],
    br: &'static [u8],
    gz: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page's module, where it was built into this program.
pub(crate) fn module() -> Option<Module> {
    let ending = |ending: &str| {
        let asset = ASSETS.iter().find(|asset| asset.name.ends_with(ending))?;
        Some(format!("/assets/{}", asset.name))
    };
    Some(Module {
        js: ending(".js")?,
        wasm: ending(".wasm")?,
    })
}

pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = if name.ends_with(".js") {
        "text/javascript"
    } else {
        "application/wasm"
    };
    let base = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (VARY, "accept-encoding"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    match encoding(&headers) {
        Some("br") => (base, [(CONTENT_ENCODING, "br")], asset.br).into_response(),
        Some(other) => (base, [(CONTENT_ENCODING, other)], asset.gz).into_response(),
        None => (base, asset.raw).into_response(),
    }
}

/// The smallest form that the browser takes.
fn encoding(headers: &HeaderMap) -> Option<&'static str> {
    let accepted = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |name: &str| {
        accepted.split(',').any(|item| {
            let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
            coding.trim() == name && weight.trim() != "q=0"
        })
    };
    ["br", "gzip"].into_iter().find(|name| takes(name))
}

/// `GET /marks/{name}`: one of the operator's own pictures.
pub(crate) async fn mark(
    extract::State(state): extract::State<State>,
    Path(name): Path<String>,
) -> Response {
    let Some(picture) = state.pictures.of(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, picture.kind),
        (CACHE_CONTROL, "public, max-age=3600"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, picture.bytes.clone()).into_response()
}
