//! The fields of partners' calls: by GET, form POST (also in parts) and JSON POST.

use crate::routes::body;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use payment::fields::Fields;
use payment::pairs::{Pairs, body_text};
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
    let body = body.map_err(|unread| unread.refusal(BODY_BYTES_MAX >> 10))?;
    let media = parts.headers.get(CONTENT_TYPE);
    let media = media
        .and_then(|media| media.to_str().ok())
        .unwrap_or_default();
    let body = match Media::of(media) {
        Some(Media::Json) => Fields::from_json(&body)?,
        Some(Media::Parts) => of_parts(media, body).await?,
        None if !body.is_empty() => {
            let form = (
                "application/x-www-form-urlencoded, multipart/form-data or application/json",
                "application/x-www-form-urlencoded、multipart/form-data 或 application/json",
            );
            return Err(Refusal::malformed("Content-Type", form));
        }
        Some(Media::Form) | None => Fields::from_query(body_text(&body)?.trim())?,
    };
    Ok((query, body))
}

/// A form in parts, as PHP sends an array and JavaScript a `FormData`: text alone, no files.
async fn of_parts(media: &str, body: Vec<u8>) -> Result<Fields, Refusal> {
    let wrong = || Refusal::malformed("body", ("parts of text", "文字的 multipart/form-data"));
    let request = Request::builder().header(CONTENT_TYPE, media);
    let request = request.body(Body::from(body)).map_err(|_| wrong())?;
    let parts = Multipart::from_request(request, &()).await;
    let mut parts = parts.map_err(|_| wrong())?;
    let mut pairs = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| wrong())? {
        let name = part.name().filter(|_| part.file_name().is_none());
        let name = name.ok_or_else(wrong)?.to_owned();
        let value = part.bytes().await.map_err(|_| wrong())?;
        let value = String::from_utf8(value.to_vec()).map_err(|_| wrong())?;
        pairs.push((name, value));
    }
    Fields::from_query(&Pairs::from_stored(pairs).to_query())
}

/// How a body is written.
enum Media {
    Form,
    Parts,
    Json,
}

impl Media {
    /// What a Content-Type header says; old clients send none with a form.
    fn of(header: &str) -> Option<Self> {
        let header = header.to_ascii_lowercase();
        match () {
            () if header.contains("json") => Some(Self::Json),
            () if header.starts_with("multipart/form-data") => Some(Self::Parts),
            () if header.is_empty() || header.contains("x-www-form-urlencoded") => Some(Self::Form),
            () => None,
        }
    }
}
