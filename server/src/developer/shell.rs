//! What a developer's pages have in common: plain HTML with its security headers.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use console::PALETTE;
use leptos::prelude::*;
use payment::lang::Lang;
use serde::Deserialize;

const STYLE: &str = include_str!("plain.css");

/// The language that an address wishes.
#[derive(Deserialize)]
pub(super) struct Wish {
    lang: Option<String>,
}

impl Wish {
    /// It, or what the browser prefers.
    pub(super) fn language(&self, headers: &HeaderMap) -> Lang {
        let wished = self.lang.as_deref().and_then(Lang::parse);
        wished.unwrap_or_else(|| crate::routes::respond::wished_language(headers))
    }
}

/// One of two texts.
pub(super) fn said_in(lang: Lang, zh: &str, en: &str) -> String {
    lang.choose(zh, en).to_owned()
}

/// A page at `path`, with the way to its other language.
pub(super) fn page(lang: Lang, path: &str, title: &str, body: impl IntoView) -> Response {
    let (code, other, other_code, name) = match lang {
        Lang::Zh => ("zh-CN", "en", "en", "English"),
        Lang::En => ("en", "zh", "zh-CN", "中文"),
    };
    let other = format!("{path}?lang={other}");
    let title = title.to_owned();
    let view = view! {
        <main>
            <p class="other"><a href=other lang=other_code>{name}</a></p>
            <h1>{title.clone()}</h1>
            {body}
        </main>
    };
    let Ok(nonce) = checkout::token() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let html = format!(
        "<!DOCTYPE html><html lang=\"{code}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style nonce=\"{nonce}\">{PALETTE}{STYLE}</style></head>\
         <body>{}</body></html>",
        view.to_html()
    );
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, policy.as_str()),
    ];
    (headers, Html(html)).into_response()
}
