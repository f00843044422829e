//! Business systems at the console: looked at, made, set and rotated (docs/console.md,
//! Business systems).

use super::address::{name as name_of, written};
use super::answer::{Done, Who, language, lead, message, page, refused, status, trouble};
use super::session::{foreign, is_proved};
use crate::issue;
use crate::serve::now_ms;
use crate::settings::form::{changed, fields, made, mark, recorded, value as said};
use crate::settings::uncalled;
use crate::settings::wrong::Wrong;
use crate::state::State;
use crate::zone;
use axum::Form;
use axum::extract::{self, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::{Errand, NotDone};
use console::{Business, Businesses, Change, Issued, Notice, Planned};
use doors::epay;
use payment::domain::Domain;
use payment::operators::Deed;
use payment::ports::StoreError;

/// What a form says, name by name.
pub(super) type Said = Form<Pairs>;
type Pairs = Vec<(String, String)>;

fn bad(text: String) -> Option<Notice> {
    Some(Notice { good: false, text })
}

/// Lines of a page.
const LINES: usize = 50;

/// A page of them, from the code on that its address says.
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    who: Who,
    parts: Parts,
) -> Response {
    listed(&state, &parts, &who, None, None).await
}

/// The code that an address says; the empty one where it says none.
fn from(parts: &Parts) -> String {
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let from = pairs.find_map(|(name, value)| (name == "from").then(|| name_of(value.trim())));
    from.flatten().unwrap_or_default()
}

/// A page of them, with what was typed into the form of a door that was not taken.
async fn listed(
    state: &State,
    parts: &Parts,
    who: &Who,
    notice: Option<Notice>,
    typed: Option<(String, Pairs)>,
) -> Response {
    let status = status(notice.as_ref());
    let from = from(parts);
    let (domains, next, next_pid) = match page_of(state, who, &from).await {
        Ok(read) => read,
        Err(error) => return trouble(parts, Some(who), &error),
    };
    let businesses = Businesses {
        next_pid,
        domains,
        from,
        next,
        typed,
        notice,
        now_ms: now_ms(),
    };
    page(parts, Some(who), status, |setting| {
        console::businesses(setting, &businesses)
    })
}

/// A page, the address of the next one, and the pid that is free.
async fn page_of(
    state: &State,
    who: &Who,
    from: &str,
) -> Result<(Vec<Domain>, Option<String>, Option<u32>), StoreError> {
    let store = &*state.console.store;
    let limit = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let mut domains = store.domains(from, limit).await?;
    let next = domains.get(LINES).map(|next| {
        let from = written(&[("from", &next.code)]);
        format!("/businesses?{from}")
    });
    domains.truncate(LINES);
    let next_pid = match who.operator.role.may(Deed::Manage) {
        true => issue::next_pid(store).await?,
        false => None,
    };
    Ok((domains, next, next_pid))
}

/// One of them.
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    who: Who,
    Path(code): Path<String>,
    Query(done): Query<Done>,
    parts: Parts,
) -> Response {
    match read(&state, &parts, &who, &code).await {
        Ok(domain) => {
            // It is so still.
            let notice = (done.done == mark(&domain)).then(|| Notice {
                good: true,
                text: language(&parts)
                    .choose("已改。", "It is changed.")
                    .to_owned(),
            });
            shown(&state, &parts, &who, domain, notice, Pairs::new()).await
        }
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
    typed: Pairs,
) -> Response {
    let counted = match state.console.store.other_readings(&domain.code).await {
        Ok(counted) => counted,
        Err(error) => return trouble(parts, Some(who), &error),
    };
    let uses = match state.console.store.secret_uses(&domain.code).await {
        Ok(uses) => uses,
        Err(error) => return trouble(parts, Some(who), &error),
    };
    let status = status(notice.as_ref());
    let business = Business {
        uses,
        uncalled: hosts(&domain),
        fields: fields(&domain),
        mark: mark(&domain),
        counted,
        typed,
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

/// The answer to a form that is no admin's own; none: it is.
fn barred(parts: &Parts, who: &Who, pairs: &[(String, String)]) -> Option<Response> {
    if !is_proved(parts, who, said(pairs, "token")) {
        return Some(foreign(parts));
    }
    let not_done = NotDone::NotAllowed(who.operator.clone());
    let may = who.operator.role.may(Deed::Manage);
    (!may).then(|| refused(parts, who, &not_done))
}

/// The business system that an admin's form is about, if it is still as he saw it.
async fn asked(
    state: &State,
    parts: &Parts,
    who: &Who,
    code: &str,
    pairs: &[(String, String)],
) -> Result<Domain, Response> {
    if let Some(response) = barred(parts, who, pairs) {
        return Err(response);
    }
    let domain = read(state, parts, who, code).await?;
    if mark(&domain) == said(pairs, "mark") {
        return Ok(domain);
    }
    let changed = NotDone::Changed(code.to_owned());
    Err(not_done(state, parts, who, domain, &changed, Pairs::new()).await)
}

/// The page of a business system that an act was not done to.
async fn not_done(
    state: &State,
    parts: &Parts,
    who: &Who,
    domain: Domain,
    not_done: &NotDone,
    typed: Pairs,
) -> Response {
    match not_done {
        NotDone::NotAllowed(_) | NotDone::Failed(_) => refused(parts, who, not_done),
        _ => {
            // As it is now.
            let now = state.console.store.domain(&domain.code).await;
            let domain = now.ok().flatten().unwrap_or(domain);
            let notice = bad(not_done.text(language(parts)));
            // What was typed over what another one changed would undo that.
            let typed = match not_done {
                NotDone::Changed(_) => Pairs::new(),
                _ => typed,
            };
            shown(state, parts, who, domain, notice, typed).await
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
        Ok((domain, changes)) => plan(&parts, &who, &was, &domain, changes, "", None),
        Err(wrong) => {
            let why = wrong.told(language(&parts));
            shown(&state, &parts, &who, was, bad(why), pairs).await
        }
    }
}

/// What would change, with the reason that was typed and why it was not taken.
fn plan(
    parts: &Parts,
    who: &Who,
    was: &Domain,
    domain: &Domain,
    changes: Vec<Change>,
    reason: &str,
    notice: Option<Notice>,
) -> Response {
    let planned = Planned {
        uncalled: hosts(domain),
        code: was.code.clone(),
        mark: mark(was),
        changes,
        reason: reason.to_owned(),
        notice,
    };
    let status = status(planned.notice.as_ref());
    page(parts, Some(who), status, |setting| {
        console::planned(setting, &planned)
    })
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
        Err(wrong) => {
            let why = wrong.told(language(&parts));
            return shown(&state, &parts, &who, was, bad(why), pairs).await;
        }
    };
    let what: Vec<_> = changes.iter().map(Change::recorded).collect();
    let is = mark(&domain);
    let errand = Errand::Set {
        was: Box::new(was.clone()),
        domain: Box::new(domain.clone()),
        what: what.join("; "),
    };
    let reason = said(&pairs, "reason");
    let done = state.checkout.run_errand(&who.operator, &errand, reason);
    match done.await {
        Ok(_) => lead(&format!("/business/{code}?done={is}")),
        Err(
            why @ (NotDone::NoReason
            | NotDone::LongReason(_)
            | NotDone::LinesOfReason
            | NotDone::TooMuch),
        ) => {
            let notice = bad(why.text(language(&parts)));
            plan(&parts, &who, &was, &domain, changes, reason, notice)
        }
        Err(why) => not_done(&state, &parts, &who, was, &why, pairs).await,
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
    let overlap = said(&pairs, "overlap");
    let overlap_s = issue::overlap_s(overlap);
    let overlap_s = overlap_s.map_err(|_| Wrong::Field("overlap".to_owned(), overlap.to_owned()));
    let rotated = overlap_s.and_then(|overlap_s| {
        let rotated = issue::rotated(&was, overlap_s);
        rotated.map_err(|error| Wrong::of_making(&error))
    });
    let (domain, secret) = match rotated {
        Ok(rotated) => rotated,
        Err(wrong) => {
            let why = wrong.told(language(&parts));
            return shown(&state, &parts, &who, was, bad(why), pairs).await;
        }
    };
    let errand = Errand::Rotate {
        was: Box::new(was.clone()),
        domain: Box::new(domain.clone()),
        what: end_of_old(&domain),
    };
    let reason = said(&pairs, "reason");
    let done = state.checkout.run_errand(&who.operator, &errand, reason);
    match done.await {
        Ok(_) => told(&state, &parts, &who, &domain, &secret),
        Err(why) => not_done(&state, &parts, &who, was, &why, pairs).await,
    }
}

/// Ends every secret but the newest.
pub(super) async fn end_older(
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
    let Some(domain) = issue::older_ended(&was) else {
        let none = language(&parts).choose(
            "没有还有效的旧密钥：什么都没做。",
            "No older secret holds any more: nothing was done.",
        );
        return shown(
            &state,
            &parts,
            &who,
            was,
            bad(none.to_owned()),
            Pairs::new(),
        )
        .await;
    };
    let is = mark(&domain);
    let errand = Errand::EndOlder {
        was: Box::new(was.clone()),
        domain: Box::new(domain),
    };
    let reason = said(&pairs, "reason");
    let done = state.checkout.run_errand(&who.operator, &errand, reason);
    match done.await {
        Ok(_) => lead(&format!("/business/{code}?done={is}")),
        // No field of this form is another form's.
        Err(why) => not_done(&state, &parts, &who, was, &why, Pairs::new()).await,
    }
}

/// Until when the secret before the newest holds, as it is recorded.
fn end_of_old(domain: &Domain) -> String {
    let before = domain.secrets().get(1);
    let end = before
        .and_then(|before| before.not_after_ms)
        .map(zone::time);
    format!("old-until: {:?}", end.unwrap_or_default())
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

/// The pid that one who speaks epay gets, which is the one that the form was sent for: a form
/// that is sent again was sent for another one.
async fn next_pid(
    state: &State,
    parts: &Parts,
    who: &Who,
    door: &str,
    pairs: &[(String, String)],
) -> Result<Option<u32>, Response> {
    if door != epay::NAME {
        return Ok(None);
    }
    let next = issue::next_pid(&*state.console.store).await;
    let next = next.map_err(|error| trouble(parts, Some(who), &error))?;
    if next.is_none_or(|next| next.to_string() == said(pairs, "code")) {
        return Ok(next);
    }
    let text = language(parts).choose(
        "这张表交过了，或它的 pid 刚被占用：这次没有新建。列表里没有的话，再交一次。",
        "This form was sent already, or its pid was taken meanwhile: nothing was made now. If \
         the list does not have it, send it again.",
    );
    let typed = Some((door.to_owned(), pairs.to_vec()));
    Err(listed(state, parts, who, bad(text.to_owned()), typed).await)
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
    if let Some(response) = barred(&parts, &who, &pairs) {
        return response;
    }
    let pid = match next_pid(&state, &parts, &who, &door, &pairs).await {
        Ok(pid) => pid,
        Err(response) => return response,
    };
    let (domain, secret) = match made(&door, &pairs, pid) {
        Some(Ok(made)) => made,
        Some(Err(wrong)) => {
            let why = wrong.told(language(&parts));
            return listed(&state, &parts, &who, bad(why), Some((door, pairs))).await;
        }
        None => {
            let text = ("没有这种业务系统。", "There is no such kind.");
            return message(&parts, Some(&who), StatusCode::NOT_FOUND, text);
        }
    };
    let errand = Errand::Add {
        domain: Box::new(domain.clone()),
        what: recorded(&door, &pairs),
    };
    let reason = said(&pairs, "reason");
    let done = state.checkout.run_errand(&who.operator, &errand, reason);
    match done.await {
        Ok(_) => told(&state, &parts, &who, &domain, &secret),
        Err(why @ (NotDone::NotAllowed(_) | NotDone::Failed(_))) => refused(&parts, &who, &why),
        Err(why) => {
            let why = why.text(language(&parts));
            listed(&state, &parts, &who, bad(why), Some((door, pairs))).await
        }
    }
}
