//! A call, and what answers it before that is signed.

use super::keys::Merchant;
use crate::fault::Fault;
use crate::world::World;
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) struct Call<'a> {
    pub(super) world: &'a Arc<World>,
    pub(super) merchant: &'a Merchant,
    pub(super) body: &'a [u8],
    pub(super) fault: Option<Fault>,
    pub(super) now_ms: i64,
}

/// An answer before it is signed.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(value: &Value) -> Self {
        Self {
            status: 200,
            body: value.to_string(),
        }
    }

    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({"code": code, "message": message}).to_string();
        Self { status, body }
    }

    pub(super) fn detailed(status: u16, code: &str, message: &str, detail: &Value) -> Self {
        let body = json!({"code": code, "message": message, "detail": detail}).to_string();
        Self { status, body }
    }

    /// A field of the body that breaks its rule: a JSON pointer, and what stands there.
    pub(super) fn parameter(body: &[u8], field: &str) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let value = body.pointer(field).cloned().unwrap_or_default();
        Self::wrong(field, &value, "body")
    }

    /// A header that breaks its rule, or that is missing.
    pub(super) fn header(name: &str, headers: &HeaderMap) -> Self {
        if name != "content-type" {
            return Self::error(400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent");
        }
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        Self::wrong(name, &json!(value), "header")
    }

    pub(super) fn wrong(field: &str, value: &Value, location: &str) -> Self {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let issue = "不符合规则";
        let detail = json!({"field": field, "value": value, "issue": issue, "location": location});
        Self::detailed(400, "PARAM_ERROR", &format!("参数错误：{field}"), &detail)
    }

    /// There is nothing to read.
    pub(super) fn empty(status: u16) -> Self {
        let body = String::new();
        Self { status, body }
    }

    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        let detail =
            json!({"field": "", "value": "", "issue": error.to_string(), "location": "body"});
        Self::detailed(400, "PARAM_ERROR", "无法将输入源映射到目标字段", &detail)
    }
}
