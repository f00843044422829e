//! Charges the peer of each request before anything of it is looked at, and says "too
//! many" as each kind of caller reads it.

use super::respond::{
    Form, envelope, for_programs, page, retry_after, stays_here, wished_language,
};
use crate::business::{apay, epay};
use crate::limits::{Caller, Limits, Wait};
use crate::listen::Remote;
use app::page::Screen;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use checkout::{Failure, OPENID_PATH};
use payment::errcode::ErrCode;
use payment::lang::Lang;
use std::sync::Arc;

/// Puts the caller beside the request, and lets it pass where he may ask.
pub(super) async fn charge(
    State(limits): State<Arc<Limits>>,
    mut request: Request,
    next: Next,
) -> Response {
    let remote = request.extensions().get::<Remote>().copied();
    let caller = match remote {
        Some(Remote(address)) => limits.proxies.caller(address, request.headers()),
        None => Caller(None),
    };
    request.extensions_mut().insert(caller);
    let kind = Kind::of(request.uri().path());
    let charged = match kind {
        Kind::Health => Ok(()),
        // Channels notify for many payers: only what does not verify is charged.
        Kind::Notify => limits.may_notify(caller),
        _ => limits.peer(caller),
    };
    let mut response = match charged {
        Ok(()) => next.run(request).await,
        Err(wait) => too_many(request.uri(), wished_language(request.headers()), wait),
    };
    if matches!(kind, Kind::Poll | Kind::Api | Kind::Partner | Kind::Epay) {
        for_programs(&mut response);
    }
    response
}

/// Who asks at a path, and so how he reads a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Health,
    Notify,
    Poll,
    Api,
    Partner,
    Epay,
    /// What a page's own code asks for.
    Part,
    Page,
}

impl Kind {
    fn of(path: &str) -> Self {
        match path {
            "/healthz" | "/readyz" => Self::Health,
            "/pay/api/pc/wechatQuery" => Self::Poll,
            OPENID_PATH => Self::Page,
            "/pay/events" => Self::Part,
            _ if path.starts_with("/pay/api/") => Self::Api,
            _ if path.starts_with("/forecore/") => Self::Partner,
            _ if path.starts_with("/epay/") && epay::is_for_servers(path) => Self::Epay,
            _ if is_of_notifies(path) => Self::Notify,
            _ if path.starts_with("/assets/") || path.starts_with("/marks/") => Self::Part,
            _ => Self::Page,
        }
    }
}

/// Whether a channel could notify there: what only begins so is a page that there is not.
fn is_of_notifies(path: &str) -> bool {
    let named = path
        .strip_prefix("/notify/")
        .and_then(|rest| rest.split_once('/'));
    named.is_some_and(|(channel, account)| {
        !channel.is_empty() && !account.is_empty() && !account.contains('/')
    })
}

fn too_many(uri: &Uri, lang: Lang, wait: Wait) -> Response {
    let wait_s = wait.seconds();
    let failure = Failure::TooMany { wait_s };
    let told = |code: ErrCode| envelope(code, code.message(lang)).into_response();
    let mut response = match Kind::of(uri.path()) {
        Kind::Poll => told(ErrCode::KeepPolling),
        Kind::Api => told(ErrCode::TooMany),
        Kind::Partner => apay::refused(&failure.into()),
        Kind::Epay => epay::refused(&failure.into()),
        Kind::Health | Kind::Notify | Kind::Part => StatusCode::TOO_MANY_REQUESTS.into_response(),
        Kind::Page => refused_page(uri, lang, &failure),
    };
    retry_after(&mut response, wait_s);
    response
}

/// The page of who asks too often; reading it again is all that he can do.
fn refused_page(uri: &Uri, lang: Lang, failure: &Failure) -> Response {
    let here = uri.path_and_query().map(|here| here.as_str());
    let here = here.filter(|here| stays_here(here));
    let screen = Screen::Refused {
        order: None,
        code: failure.code().code(),
        cause: failure.text(lang),
        again: here.map(str::to_owned),
        others: None,
        leave: None,
    };
    page(screen, Form::plain(StatusCode::TOO_MANY_REQUESTS, lang))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Buckets, Rate};
    use axum::body::to_bytes;
    use axum::http::header::RETRY_AFTER;

    /// Somebody has asked too often.
    fn wait() -> Wait {
        let empty = Buckets::new(Rate {
            per_second: 1,
            burst: 1,
        });
        (0..3).find_map(|_| empty.charge(&"a").err()).unwrap()
    }

    async fn refused(path: &str) -> (StatusCode, Option<String>, String) {
        let response = too_many(&path.parse().unwrap(), Lang::Zh, wait());
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, wait, String::from_utf8_lossy(&body).into_owned())
    }

    #[test]
    fn only_where_channels_notify_a_request_is_free() {
        assert_eq!(Kind::of("/notify/Wechat/main"), Kind::Notify);
        for path in [
            "/notify/",
            "/notify/a",
            "/notify/a/",
            "/notify//a",
            "/notify/a/b/c",
            "/notifya/b",
        ] {
            assert_eq!(Kind::of(path), Kind::Page, "{path}");
        }
    }

    #[tokio::test]
    async fn who_is_to_try_again_is_led_to_no_other_host() {
        for path in [
            "//evil.example/x",
            "/\\evil.example/x",
            "http://evil.example/x",
        ] {
            let (status, _, page) = refused(path).await;
            assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
            assert!(!page.contains("evil.example"), "{page}");
        }
        let (_, _, page) = refused("/pay.html?x=1").await;
        assert!(page.contains("/pay.html?x=1"), "{page}");
    }

    /// The page was in a shop's frame, and nobody has looked which.
    #[test]
    fn who_asks_too_often_in_a_frame_reads_it_there() {
        let page = too_many(&"/pay.html?x=1".parse().unwrap(), Lang::Zh, wait());
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors 'self' *"), "{policy}");
    }

    #[tokio::test]
    async fn each_caller_reads_that_there_were_too_many_in_his_own_form() {
        let cases = [
            ("/pay/api/pc/wechatQuery?x=1", 200, "\"errcode\":\"30000\""),
            ("/pay/api/private/pay/query", 200, "\"errcode\":\"10013\""),
            ("/pay/api/pc/pay", 200, "\"errcode\":\"10013\""),
            ("/forecore/order", 200, "\"err\":"),
            ("/epay/mapi.php", 200, "\"code\":-2"),
            ("/epay/submit.php?x=1", 429, "10013"),
            ("/pay.html?x=1", 429, "10013"),
            ("/pay/api/h5/openid", 429, "10013"),
            ("/pay/events", 429, ""),
            ("/notify/Wechat/main", 429, ""),
        ];
        for (path, status, part) in cases {
            let (answered, wait, body) = refused(path).await;
            assert_eq!(
                (answered.as_u16(), wait.as_deref()),
                (status, Some("1")),
                "{path}"
            );
            assert!(body.contains(part), "{path}: {body}");
        }
    }
}
