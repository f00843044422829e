//! Business systems at the console: looked at, made, set and rotated (docs/console.md,
//! Business systems).

use super::answer::{Who, language, lead, message, page, refused, trouble};
use super::session::{foreign, is_proved};
use crate::issue;
use crate::serve::now_ms;
use crate::settings::form::{changed, fields, made, mark};
use crate::settings::{duration_s, uncalled};
use crate::state::State;
use axum::Form;
use axum::extract::{self, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::{Errand, NotDone};
use console::{Business, Businesses, Change, Issued, Notice, Planned};
use payment::domain::Domain;
use payment::operators::Deed;
use payment::ports::StoreError;
use serde::Deserialize;

/// What a form says, name by name.
pub(super) type Said = Form<Vec<(String, String)>>;

/// What was done a moment ago.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

fn said<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(one, _)| one == name);
    found.map_or("", |(_, value)| value.trim())
}

fn bad(text: String) -> Option<Notice> {
    Some(Notice { good: false, text })
}

/// All of them.
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    who: Who,
    parts: Parts,
) -> Response {
    listed(&state, &parts, &who, None).await
}

async fn listed(state: &State, parts: &Parts, who: &Who, notice: Option<Notice>) -> Response {
    let status = status(notice.as_ref());
    let store = &*state.console.store;
    let read = async {
        Ok::<_, StoreError>(Businesses {
            domains: store.domains().await?,
            next_pid: issue::next_pid(store).await?,
            notice,
            now_ms: now_ms(),
        })
    };
    match read.await {
        Ok(businesses) => page(parts, Some(who), status, |setting| {
            console::businesses(setting, &businesses)
        }),
        Err(error) => trouble(parts, Some(who), &error),
    }
}

fn status(notice: Option<&Notice>) -> StatusCode {
    match notice {
        Some(notice) if !notice.good => StatusCode::CONFLICT,
        _ => StatusCode::OK,
    }
}

/// One of them.
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    who: Who,
    Path(code): Path<String>,
    Query(done): Query<Done>,
    parts: Parts,
) -> Response {
    let lang = language(&parts);
    let notice = (done.done == "set").then(|| Notice {
        good: true,
        text: lang.choose("已改。", "It is changed.").to_owned(),
    });
    match read(&state, &parts, &who, &code).await {
        Ok(domain) => shown(&state, &parts, &who, domain, notice).await,
        Err(response) => response,
    }
}

/// The business system of a code, or why there is none.
async fn read(state: &State, parts: &Parts, who: &Who, code: &str) -> Result<Domain, Response> {
    let read = match code.chars().any(char::is_control) {
        true => Ok(None),
        false => state.console.store.domain(code).await,
    };
    match read {
        Ok(Some(domain)) => Ok(domain),
        Ok(None) => {
            let text = ("没有这个业务系统。", "There is no such business system.");
            Err(message(parts, Some(who), StatusCode::NOT_FOUND, text))
        }
        Err(error) => Err(trouble(parts, Some(who), &error)),
    }
}

async fn shown(
    state: &State,
    parts: &Parts,
    who: &Who,
    domain: Domain,
    notice: Option<Notice>,
) -> Response {
    let counted = match state.console.store.other_readings(&domain.code).await {
        Ok(counted) => counted,
        Err(error) => return trouble(parts, Some(who), &error),
    };
    let status = status(notice.as_ref());
    let business = Business {
        uncalled: hosts(&domain),
        fields: fields(&domain),
        mark: mark(&domain),
        counted,
        notice,
        now_ms: now_ms(),
        domain,
    };
    page(parts, Some(who), status, |setting| {
        console::business(setting, &business)
    })
}

/// The hosts of callbacks that are not called.
fn hosts(domain: &Domain) -> Vec<String> {
    let addresses = uncalled(domain).into_iter();
    addresses.map(|address| address.host().to_owned()).collect()
}

/// The business system that an admin's form is about, if it is still as he saw it.
async fn asked(
    state: &State,
    parts: &Parts,
    who: &Who,
    code: &str,
    pairs: &[(String, String)],
) -> Result<Domain, Response> {
    if !is_proved(parts, who, said(pairs, "token")) {
        return Err(foreign(parts));
    }
    if !who.operator.role.may(Deed::Manage) {
        let not_done = NotDone::NotAllowed(who.operator.clone());
        return Err(refused(parts, who, &not_done));
    }
    let domain = read(state, parts, who, code).await?;
    if mark(&domain) == said(pairs, "mark") {
        return Ok(domain);
    }
    let changed = NotDone::Changed(code.to_owned());
    Err(not_done(state, parts, who, domain, &changed).await)
}

/// The page of a business system that an act was not done to.
async fn not_done(
    state: &State,
    parts: &Parts,
    who: &Who,
    domain: Domain,
    not_done: &NotDone,
) -> Response {
    match not_done {
        NotDone::NotAllowed(_) | NotDone::Failed(_) => refused(parts, who, not_done),
        _ => {
            // As it is now.
            let now = state.console.store.domain(&domain.code).await;
            let domain = now.ok().flatten().unwrap_or(domain);
            let notice = bad(not_done.text(language(parts)));
            shown(state, parts, who, domain, notice).await
        }
    }
}

/// Shows what a form would change.
pub(super) async fn change(
    extract::State(state): extract::State<State>,
    who: Who,
    Path(code): Path<String>,
    parts: Parts,
    Form(pairs): Said,
) -> Response {
    let was = match asked(&state, &parts, &who, &code, &pairs).await {
        Ok(was) => was,
        Err(response) => return response,
    };
    match changed(&was, &pairs) {
        Ok((domain, changes)) => {
            let planned = Planned {
                uncalled: hosts(&domain),
                code,
                mark: mark(&was),
                changes,
            };
            page(&parts, Some(&who), StatusCode::OK, |setting| {
                console::planned(setting, &planned)
            })
        }
        Err(why) => shown(&state, &parts, &who, was, bad(why)).await,
    }
}

/// Changes what was shown.
pub(super) async fn set(
    extract::State(state): extract::State<State>,
    who: Who,
    Path(code): Path<String>,
    parts: Parts,
    Form(pairs): Said,
) -> Response {
    let was = match asked(&state, &parts, &who, &code, &pairs).await {
        Ok(was) => was,
        Err(response) => return response,
    };
    let (domain, changes) = match changed(&was, &pairs) {
        Ok(changed) => changed,
        Err(why) => return shown(&state, &parts, &who, was, bad(why)).await,
    };
    let change = |Change { name, was, is, .. }: &Change| format!("{name}: {was:?} -> {is:?}");
    let what: Vec<_> = changes.iter().map(change).collect();
    let errand = Errand::Set {
        was: Box::new(was.clone()),
        domain: Box::new(domain),
        what: what.join("; "),
    };
    let reason = said(&pairs, "reason");
    let done = state.checkout.run_errand(&who.operator, &errand, reason);
    match done.await {
        Ok(_) => lead(&format!("/business/{code}?done=set")),
        Err(why) => not_done(&state, &parts, &who, was, &why).await,
    }
}

/// Issues another secret, and shows it this once: the same form again finds another business
/// system than it saw.
pub(super) async fn rotate(
    extract::State(state): extract::State<State>,
    who: Who,
    Path(code): Path<String>,
    parts: Parts,
    Form(pairs): Said,
) -> Response {
    let was = match asked(&state, &parts, &who, &code, &pairs).await {
        Ok(was) => was,
        Err(response) => return response,
    };
    let overlap_s = duration_s(said(&pairs, "overlap"));
    let rotated = overlap_s
        .and_then(|overlap_s| issue::rotated(&was, overlap_s).map_err(|error| error.to_string()));
    let (domain, secret) = match rotated {
        Ok(rotated) => rotated,
        Err(why) => return shown(&state, &parts, &who, was, bad(why)).await,
    };
    let errand = Errand::Rotate {
        was: Box::new(was.clone()),
        domain: Box::new(domain.clone()),
    };
    let reason = said(&pairs, "reason");
    let done = state.checkout.run_errand(&who.operator, &errand, reason);
    match done.await {
        Ok(_) => told(&state, &parts, &who, &domain, &secret),
        Err(why) => not_done(&state, &parts, &who, was, &why).await,
    }
}

/// What is to be pasted into the business system, this once.
fn told(state: &State, parts: &Parts, who: &Who, domain: &Domain, secret: &str) -> Response {
    let before = domain.secrets().get(1);
    let issued = Issued {
        code: domain.code.clone(),
        pasted: issue::pasted(&state.public_url, domain, secret),
        old_until_ms: before.and_then(|before| before.not_after_ms),
    };
    page(parts, Some(who), StatusCode::OK, |setting| {
        console::issued(setting, &issued)
    })
}

/// Makes a business system of a door, and shows its secret this once: the same form again
/// finds its code taken.
pub(super) async fn add(
    extract::State(state): extract::State<State>,
    who: Who,
    Path(door): Path<String>,
    parts: Parts,
    Form(pairs): Said,
) -> Response {
    if !is_proved(&parts, &who, said(&pairs, "token")) {
        return foreign(&parts);
    }
    if !who.operator.role.may(Deed::Manage) {
        let not_done = NotDone::NotAllowed(who.operator.clone());
        return refused(&parts, &who, &not_done);
    }
    let (domain, secret) = match made(&door, &pairs) {
        Some(Ok(made)) => made,
        Some(Err(why)) => return listed(&state, &parts, &who, bad(why)).await,
        None => {
            let text = ("没有这种业务系统。", "There is no such kind.");
            return message(&parts, Some(&who), StatusCode::NOT_FOUND, text);
        }
    };
    let errand = Errand::Add {
        domain: Box::new(domain.clone()),
    };
    let reason = said(&pairs, "reason");
    let done = state.checkout.run_errand(&who.operator, &errand, reason);
    match done.await {
        Ok(_) => told(&state, &parts, &who, &domain, &secret),
        Err(why @ (NotDone::NotAllowed(_) | NotDone::Failed(_))) => refused(&parts, &who, &why),
        Err(why) => {
            let why = why.text(language(&parts));
            listed(&state, &parts, &who, bad(why)).await
        }
    }
}
