//! The files of `public/`, compiled in: icons, and what robots are told.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::get;

/// Each file: its path, media type and bytes.
const FILES: [(&str, &str, &[u8]); 4] = [
    (
        "/favicon.ico",
        "image/x-icon",
        include_bytes!("../../../public/favicon.ico"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_bytes!("../../../public/icon.svg"),
    ),
    (
        "/apple-touch-icon.png",
        "image/png",
        include_bytes!("../../../public/apple-touch-icon.png"),
    ),
    (
        "/robots.txt",
        "text/plain; charset=utf-8",
        include_bytes!("../../../public/robots.txt"),
    ),
];

/// Every file at its path, to be kept for a day.
pub(super) fn files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .into_iter()
        .fold(Router::new(), |router, (path, kind, bytes)| {
            let answer = move || async move {
                let headers = [
                    (CONTENT_TYPE, kind),
                    (CACHE_CONTROL, "public, max-age=86400"),
                    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                ];
                (headers, bytes).into_response()
            };
            router.route(path, get(answer))
        })
}
