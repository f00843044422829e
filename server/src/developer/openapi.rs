//! The interfaces as OpenAPI 3.1, made of the code's own tables, and a page that reads it:
//! `/docs/openapi.json` and `/docs`, each in both languages. What they mean stands in
//! docs/integrate.md.

mod calls;
mod fields;

use super::shell::{Wish, page, said_in};
use crate::state::State;
use axum::Json;
use axum::extract::{self, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use calls::{CALLS, Call, Wire};
use fields::{Field, JSON};
use leptos::prelude::*;
use payment::errcode::ErrCode;
use payment::lang::Lang;
use serde_json::{Map, Value, json};

/// What is sent as a form, or in a query.
const FORM: &str = "application/x-www-form-urlencoded";

/// `/docs/openapi.json`.
pub(super) async fn document(
    extract::State(state): extract::State<State>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Json<Value> {
    Json(described(wish.language(&headers), &state.public_url))
}

fn described(lang: Lang, public_url: &str) -> Value {
    let paths = CALLS
        .iter()
        .map(|call| (call.path.to_owned(), path(call, lang)));
    let paths: Map<String, Value> = paths.collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": said_in(lang, "统付", "Tongfu"),
            "version": env!("CARGO_PKG_VERSION"),
            "description": said_in(
                lang,
                "统一支付平台、Apay四方接口、易支付。签名算法见docs/signing.md、docs/forecore.md、docs/epay.md。",
                "The unified payment platform, Apay's interface and epay. The signs: docs/signing.md and \
                 docs/forecore.md and docs/epay.md.",
            ),
        },
        "servers": [{"url": public_url}],
        "paths": paths,
        "components": {"schemas": {
            "Envelope": envelope(lang),
            "PartnerAnswer": partner_answer(lang),
            "EpayAnswer": epay_answer(lang),
        }},
    })
}

fn path(call: &Call, lang: Lang) -> Value {
    let operation = |method: &str, body: Option<Value>| {
        let mut operation = json!({
            "operationId": format!("{method}{}", call.path.replace(['/', '.'], "_")),
            "summary": call.told(lang),
            "responses": responses(call.wire, lang),
        });
        match body {
            None => operation["parameters"] = parameters(call, lang),
            Some(body) => operation["requestBody"] = body,
        }
        operation
    };
    let body = |media: &[&str]| {
        let content: Map<String, Value> = media
            .iter()
            .map(|media| {
                let schema = object(call, lang, media);
                ((*media).to_owned(), json!({"schema": schema}))
            })
            .collect();
        Some(json!({"required": true, "content": content}))
    };
    match call.wire {
        Wire::Get | Wire::Page => json!({"get": operation("get", None)}),
        Wire::Post => json!({"post": operation("post", body(&[JSON]))}),
        Wire::PostedPage | Wire::EpayPage => json!({
            "get": operation("get", None),
            "post": operation("post", body(&[FORM])),
        }),
        Wire::Partner | Wire::Epay => json!({
            "get": operation("get", None),
            "post": operation("post", body(&[FORM, JSON])),
        }),
    }
}

/// The fields of a call, with whether each must be.
fn fields_of(call: &Call) -> impl Iterator<Item = (&'static Field, bool)> {
    let needed = call.needed.iter().map(|name| (*name, true));
    let optional = call.optional.iter().map(|name| (*name, false));
    needed.chain(optional).filter_map(|(name, needed)| {
        let field = fields::named(name, call)?;
        Some((field, needed))
    })
}

fn parameters(call: &Call, lang: Lang) -> Value {
    let parameter = |(field, needed): (&Field, bool)| {
        json!({
            "name": field.name,
            "in": "query",
            "required": needed,
            "description": field.told(lang),
            "schema": field.schema(needed, FORM),
        })
    };
    fields_of(call).map(parameter).collect()
}

fn object(call: &Call, lang: Lang, media: &str) -> Value {
    let property = |(field, needed): (&Field, bool)| {
        let mut schema = field.schema(needed, media);
        schema["description"] = field.told(lang).into();
        (field.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = fields_of(call).map(property).collect();
    json!({"type": "object", "properties": properties, "required": call.needed})
}

fn responses(wire: Wire, lang: Lang) -> Value {
    let answer = |description: String, media: &str, schema: Value| json!({"description": description, "content": {media: {"schema": schema}}});
    let of = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let page = said_in(lang, "页面", "a page");
    match wire {
        Wire::Get | Wire::Post => {
            let told = said_in(lang, "成与不成都在errcode里", "done or not: see errcode");
            json!({"200": answer(told, JSON, of("Envelope"))})
        }
        Wire::Partner => {
            let told = said_in(lang, "成与不成都在result里", "done or not: see result");
            json!({"200": answer(told, JSON, of("PartnerAnswer"))})
        }
        Wire::Epay => {
            let told = said_in(lang, "成与不成都在code里", "done or not: see code");
            json!({"200": answer(told, JSON, of("EpayAnswer"))})
        }
        Wire::Page | Wire::PostedPage | Wire::EpayPage => {
            let text = json!({"type": "string"});
            let on = said_in(lang, "转到别处", "goes on elsewhere");
            json!({
                "200": answer(page.clone(), "text/html", text.clone()),
                "302": {"description": on.clone()},
                "303": {"description": on},
                "4XX": answer(page, "text/html", text),
            })
        }
    }
}

/// The envelope (docs/protocol.md, Paths).
fn envelope(lang: Lang) -> Value {
    let codes = ErrCode::ALL.map(ErrCode::code);
    let table = ErrCode::ALL.map(|code| format!("{}: {}", code.code(), code.message(lang)));
    json!({
        "type": "object",
        "required": ["errcode", "errormsg", "obj"],
        "properties": {
            "errcode": {"type": "string", "enum": codes, "description": table.join("\n")},
            "errormsg": {"type": "string"},
            "obj": {"description": said_in(lang, "内容；不成时为null", "the content; null where it is not done")},
        },
    })
}

/// What partners are answered (docs/forecore.md).
fn partner_answer(lang: Lang) -> Value {
    json!({
        "type": "object",
        "required": ["result"],
        "properties": {
            "result": {"type": "string", "enum": ["ok", "error"]},
            "err": {"type": "string", "description": said_in(lang, "为什么不成", "why it is not done")},
            "errcode": {"type": "string"},
        },
    })
}

/// What epay's systems are answered (docs/epay.md, Errors).
fn epay_answer(lang: Lang) -> Value {
    json!({
        "type": "object",
        "required": ["code"],
        "properties": {
            "code": {"type": "integer", "description": said_in(lang, "1为成功", "1 where it is done")},
            "msg": {"type": "string", "description": said_in(lang, "为什么不成", "why it is not done")},
        },
    })
}

/// The whole integration for who lets a program write his client.
const PLAIN: &str = include_str!("../../../docs/llms.txt");

/// `/llms.txt`.
pub(super) async fn plain() -> &'static str {
    PLAIN
}

/// `/docs`.
pub(super) async fn show(Query(wish): Query<Wish>, headers: HeaderMap) -> Response {
    let lang = wish.language(&headers);
    let text = |zh: &str, en: &str| said_in(lang, zh, en);
    let calls = CALLS.iter().map(|call| section(call, lang)).collect_view();
    let codes = ErrCode::ALL.map(|code| {
        view! { <tr><td><code>{code.code()}</code></td><td>{code.message(lang)}</td></tr> }
    });
    let json = text("/docs/openapi.json?lang=zh", "/docs/openapi.json?lang=en");
    let view = view! {
        <p>{text("业务系统与合作方可调的全部接口。", "All that business systems and partners call.")}
            " " <a href=json>"OpenAPI 3.1"</a></p>
        {calls}
        <section><h2>"errcode"</h2><table><tbody>{codes}</tbody></table></section>
    };
    page(
        lang,
        "/docs",
        &text("统付接口", "Tongfu's interfaces"),
        view,
    )
}

fn section(call: &Call, lang: Lang) -> impl IntoView + use<> {
    let methods = match call.wire {
        Wire::Get | Wire::Page => "GET",
        Wire::Post => "POST JSON",
        Wire::PostedPage | Wire::EpayPage | Wire::Partner | Wire::Epay => "GET, POST",
    };
    let rows = fields_of(call).map(|(field, needed)| {
        let schema = field.schema(needed, FORM);
        let example = schema["examples"][0]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let most = said_in(lang, "最长", "at most ") + &schema["maxLength"].to_string();
        view! {
            <tr>
                <td><code>{field.name}</code>{needed.then_some(" *")}</td>
                <td>{field.told(lang)}" "<small>{most}</small>" "<code>{example}</code></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section>
            <h2><code>{call.path}</code>" "<small>{methods}</small></h2>
            <p>{call.told(lang)}</p>
            <details><summary>{said_in(lang, "参数（*必填）", "fields (* must be)")}</summary>
                <table><tbody>{rows}</tbody></table>
            </details>
        </section>
    }
}

/// The path of each call that is described.
#[cfg(test)]
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|call| call.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment::domain::Domain;
    use payment::param::Param;
    use payment::request::check_shape;
    use std::collections::BTreeSet;

    /// Of a JSON body, by name.
    fn body<'a>(told: &'a Value, path: &str) -> &'a Map<String, Value> {
        let content = &told["paths"][path]["post"]["requestBody"]["content"][JSON];
        content["schema"]["properties"].as_object().unwrap()
    }

    #[test]
    fn what_is_taken_is_described() {
        let told = described(Lang::En, "https://pay.example");
        let domain = Domain::test();
        let bodies = ["/pay/api/h5/pay", "/pay/api/private/pay/refund"];
        for (name, schema) in bodies.iter().flat_map(|path| body(&told, path)) {
            let param = Param::parse(name).unwrap();
            let taken = |value| check_shape(&domain, param, value).is_ok();
            // These have no shape, and are words.
            let is_word = [Param::Sign, Param::SignType, Param::Lang].contains(&param);
            let number = !is_word && (taken("7") || taken("7.5"));
            let types = schema["type"].to_string();
            assert_eq!(types.contains("number"), number, "{name}: {schema}");
        }
        let order = body(&told, "/forecore/order");
        for name in ["money", "outOrderId", "time"] {
            assert!(order[name]["type"].to_string().contains("number"), "{name}");
        }
        for call in &CALLS {
            for (field, needed) in fields_of(call) {
                let schema = field.schema(needed, JSON);
                let codes = schema["enum"].as_array();
                let takes_empty = schema["pattern"]
                    .as_str()
                    .is_none_or(|p| p.starts_with("^$|"))
                    && codes.is_none_or(|codes| codes.iter().any(|code| code == ""));
                assert!(needed || takes_empty, "{}: {schema}", field.name);
            }
        }
    }

    #[test]
    fn the_plain_file_names_every_call_and_field() {
        let (platform, rest) = PLAIN.split_once("## Partners").unwrap();
        let (partners, epay) = rest.split_once("## Epay").unwrap();
        for call in &CALLS {
            let part = match call.wire {
                Wire::Partner => partners,
                wire if wire.is_epay() => epay,
                _ => platform,
            };
            for word in [call.path].iter().chain(call.needed).chain(call.optional) {
                assert!(part.contains(word), "{}: {word}", call.path);
            }
        }
    }

    #[test]
    fn every_field_and_errcode_is_described() {
        let named: BTreeSet<&str> = CALLS
            .iter()
            .flat_map(|call| call.needed.iter().chain(call.optional))
            .copied()
            .collect();
        for call in &CALLS {
            let all = call.needed.len() + call.optional.len();
            assert_eq!(fields_of(call).count(), all, "{}", call.path);
        }
        for param in Param::ALL {
            assert!(named.contains(param.name()), "{param:?}");
        }
        let told = described(Lang::En, "https://pay.example");
        let form = &told["paths"]["/forecore/order"]["post"]["requestBody"]["content"];
        let money = &form["application/json"]["schema"]["properties"]["money"];
        // Yuan there, fen here.
        assert!(
            money["pattern"].is_null() && money["examples"][0] == "1.50",
            "{money}"
        );
        for lang in [Lang::Zh, Lang::En] {
            let told = described(lang, "https://pay.example").to_string();
            for code in ErrCode::ALL {
                assert!(told.contains(&format!("\"{}\"", code.code())), "{code:?}");
            }
        }
    }
}
