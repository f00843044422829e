//! Calls with an access token; PayPal signs no answers, TLS vouches for them
//! (docs/reference/paypal.md, Access).

use super::wire::Trouble;
use crate::{Clock, http};
use bytes::Bytes;
use payment::ports::{ChannelError, Doubt, Unknown};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Instant;
use tokio::sync::Mutex;

/// A token is renewed this long before its end, ms.
const RENEW_BEFORE_MS: i64 = 300_000;
const REQUEST_ID: HeaderName = HeaderName::from_static("paypal-request-id");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The way to one account.
pub(super) struct Api {
    pub(super) base: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) client: Client,
    pub(super) clock: Clock,
    /// Held while a token is fetched: one flight, however many wait.
    pub(super) access: Mutex<Access>,
}

/// What is known of the way in.
#[derive(Default)]
pub(super) struct Access {
    token: Option<Token>,
    /// When none was to be had last, and why: so it is for all who waited then.
    none: Option<(Instant, ChannelError)>,
}

/// An access token, when it is renewed, and when it ends.
struct Token {
    text: String,
    renew_ms: i64,
    end_ms: i64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: i64,
}

impl Api {
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ChannelError> {
        self.call(Method::GET, path, None).await
    }

    /// `request_id`: the same again is the same work, done once
    /// (docs/reference/paypal.md, Idempotency).
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        request_id: &str,
        body: &Value,
    ) -> Result<T, ChannelError> {
        let work = (request_id, body.to_string());
        self.call(Method::POST, path, Some(&work)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        work: Option<&(&str, String)>,
    ) -> Result<T, ChannelError> {
        let token = self.token(None).await?;
        let (mut status, mut body) = self.send(&method, path, work, &token).await?;
        if status == StatusCode::UNAUTHORIZED {
            // Withdrawn before its time: a new one, once.
            let token = self.token(Some(&token)).await?;
            (status, body) = self.send(&method, path, work, &token).await?;
            if status == StatusCode::UNAUTHORIZED {
                let is_refused = |kept: &mut Token| kept.text == token;
                self.access.lock().await.token.take_if(is_refused);
            }
        }
        let lost =
            |error| Unknown::by(Doubt::Nonsense, error).within(format_args!("HTTP {status}"));
        if status.is_success() {
            return Ok(serde_json::from_slice(&body).map_err(lost)?);
        }
        let trouble: Trouble = serde_json::from_slice(&body).map_err(lost)?;
        let (code, message) = (trouble.code(), trouble.message());
        match status.as_u16() {
            400 | 403 | 404 | 422 => Err(ChannelError::Refused { code, message }),
            _ => {
                let what = format!("HTTP {status}: {code}: {message}");
                Err(ChannelError::unknown(Doubt::Undecided, what))
            }
        }
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        work: Option<&(&str, String)>,
        token: &str,
    ) -> Result<(StatusCode, Bytes), Unknown> {
        let address = format!("{}{path}", self.base);
        let mut request = self.client.request(method.clone(), address);
        request = request
            .bearer_auth(token)
            .header(PREFER, HeaderValue::from_static("return=representation"))
            .header(CONTENT_TYPE, "application/json");
        if let Some((request_id, body)) = work {
            request = request.header(REQUEST_ID, *request_id).body(body.clone());
        }
        http::answer(request).await
    }

    /// The token; another than `refused`.
    pub(super) async fn token(&self, refused: Option<&str>) -> Result<String, ChannelError> {
        let asked = Instant::now();
        let mut access = self.access.lock().await;
        let now_ms = (self.clock)();
        let is_refused = |token: &mut Token| refused == Some(&token.text);
        access.token.take_if(is_refused);
        if let Some(token) = &access.token
            && now_ms < token.renew_ms
        {
            return Ok(token.text.clone());
        }
        let heard = access.none.clone().filter(|(at, _)| *at >= asked);
        let error = match heard {
            Some((_, error)) => error,
            None => match self.fetch_token(now_ms).await {
                Ok(token) => return Ok(access.token.insert(token).text.clone()),
                Err(error) => access.none.insert((Instant::now(), error)).1.clone(),
            },
        };
        // The old one is good until its own end.
        match &access.token {
            Some(token) if now_ms < token.end_ms => Ok(token.text.clone()),
            _ => Err(error),
        }
    }

    async fn fetch_token(&self, now_ms: i64) -> Result<Token, ChannelError> {
        let request = self
            .client
            .post(format!("{}/v1/oauth2/token", self.base))
            .basic_auth(&self.client_id, Some(&self.client_secret))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let (status, body) = http::answer(request).await?;
        // The body of a failure may repeat the client's id: it is not shown.
        let none = |doubt| ChannelError::unknown(doubt, format!("no access token: HTTP {status}"));
        if !status.is_success() {
            return Err(none(Doubt::Undecided));
        }
        let answer: TokenAnswer =
            serde_json::from_slice(&body).map_err(|_| none(Doubt::Nonsense))?;
        let life_ms = answer.expires_in.clamp(0, 86_400 * 30) * 1000;
        Ok(Token {
            text: answer.access_token,
            renew_ms: now_ms + life_ms - RENEW_BEFORE_MS.min(life_ms / 2),
            end_ms: now_ms + life_ms,
        })
    }
}
