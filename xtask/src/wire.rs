//! HTTP as business systems, payers and people at the control interface speak it.

use anyhow::{Context, Result};
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// A caller waits this long; the platform answers earlier, or is gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    /// What it wants kept, without how long.
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

impl Answer {
    /// Whether it is the platform's envelope with errcode 0 (docs/protocol.md, errcodes).
    pub(crate) fn is_done(&self) -> bool {
        let told: Result<Value, _> = serde_json::from_str(&self.body);
        told.is_ok_and(|told| told["errcode"] == "0")
    }
}

/// A client; unless it was told to, it keeps no connection: each call meets whoever
/// lives then.
#[derive(Clone)]
pub(crate) struct Wire {
    agent: Agent,
    connection: &'static str,
    cookie: String,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self::patient(PATIENCE)
    }

    /// One that waits so long for an answer.
    pub(crate) fn patient(patience: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build();
        Self {
            agent: Agent::new_with_config(config),
            connection: "close",
            cookie: String::new(),
        }
    }

    /// One that keeps its connections.
    pub(crate) fn kept() -> Self {
        Self {
            connection: "keep-alive",
            ..Self::new()
        }
    }

    /// The same with what an answer wanted kept.
    pub(crate) fn keeping(self, cookie: String) -> Self {
        Self { cookie, ..self }
    }

    pub(crate) fn get(&self, url: &str) -> Result<Answer> {
        let sent = self
            .agent
            .get(url)
            .header("Connection", self.connection)
            .header("Cookie", &self.cookie)
            .call();
        read(sent)
    }

    pub(crate) fn post_json(&self, url: &str, body: &str) -> Result<Answer> {
        self.post(url, "application/json", body)
    }

    pub(crate) fn post_form(&self, url: &str, body: &str) -> Result<Answer> {
        self.post(url, "application/x-www-form-urlencoded", body)
    }

    fn post(&self, url: &str, kind: &str, body: &str) -> Result<Answer> {
        let request = self.agent.post(url).header("Connection", self.connection);
        read(request.header("Content-Type", kind).send(body))
    }
}

fn read(sent: Result<Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let mut response = sent?;
    let header = |name| {
        let value = response.headers().get(name)?.to_str().ok();
        value.map(str::to_owned)
    };
    let location = header("location");
    let cookie = header("set-cookie").and_then(|kept| Some(kept.split(';').next()?.to_owned()));
    let status = response.status().as_u16();
    // The sandbox's book of a long run has many megabytes.
    let body = response.body_mut().with_config().limit(1 << 30);
    let body = body.read_to_string();
    Ok(Answer {
        status,
        location,
        cookie,
        body: body.context("an answer broke off")?,
    })
}
