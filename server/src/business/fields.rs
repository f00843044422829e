//! The fields of partners' calls: by GET, form POST and JSON POST.

use crate::routes::body;
use axum::body::Body;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use payment::fields::Fields;
use payment::pairs::body_text;
use payment::refusal::Refusal;

/// No documented body is longer.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Query and body of a GET or a POST.
pub(super) async fn read(parts: &Parts, body: Body) -> Result<(Fields, Fields), Refusal> {
    if !matches!(parts.method, Method::GET | Method::POST) {
        return Err(Refusal::malformed("the method", "GET or POST"));
    }
    let query = Fields::from_query(parts.uri.query().unwrap_or_default())?;
    if parts.method == Method::GET {
        return Ok((query, Fields::default()));
    }
    let body = body::read(body, BODY_BYTES_MAX).await;
    let body = body.ok_or_else(|| Refusal::malformed("body", ("at most 64 KB", "最多 64 KB")))?;
    let media = parts.headers.get(CONTENT_TYPE);
    let media = media
        .and_then(|media| media.to_str().ok())
        .unwrap_or_default();
    let body = match Media::of(media) {
        Some(Media::Json) => Fields::from_json(&body)?,
        None if !body.is_empty() => {
            let form = "application/x-www-form-urlencoded or application/json";
            return Err(Refusal::malformed("Content-Type", form));
        }
        Some(Media::Form) | None => Fields::from_query(body_text(&body)?.trim())?,
    };
    Ok((query, body))
}

/// How a body is written.
enum Media {
    Form,
    Json,
}

impl Media {
    /// What a Content-Type header says; old clients send none with a form.
    fn of(header: &str) -> Option<Self> {
        let header = header.to_ascii_lowercase();
        match () {
            () if header.contains("json") => Some(Self::Json),
            () if header.is_empty() || header.contains("x-www-form-urlencoded") => Some(Self::Form),
            () => None,
        }
    }
}
