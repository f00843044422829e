//! Business systems at the console: looked at, made, set and rotated (docs/console.md,
//! Business systems).

use super::address::{name as name_of, written};
use super::answer::{Done, lead, status};
use super::desk::{Answered, Desk};
use crate::clock::now_ms;
use crate::issue;
use crate::settings::form::{changed, fields, made, mark, recorded, value as said};
use crate::settings::uncalled;
use crate::settings::wrong::Wrong;
use crate::zone;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use checkout::{Errand, NotDone};
use console::{Business, Businesses, Change, Issued, Notice, Planned, Setting};
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
pub(super) async fn list(desk: Desk) -> Answered {
    listed(&desk, None, None).await
}

/// The code that an address says; the empty one where it says none.
fn from(desk: &Desk) -> String {
    let mut pairs = form_urlencoded::parse(desk.query().as_bytes());
    let from = pairs.find_map(|(name, value)| (name == "from").then(|| name_of(value.trim())));
    from.flatten().unwrap_or_default()
}

/// A page of them, with what was typed into the form of a door that was not taken.
async fn listed(desk: &Desk, notice: Option<Notice>, typed: Option<(String, Pairs)>) -> Answered {
    let status = status(notice.as_ref());
    let from = from(desk);
    let read = page_of(desk, &from).await;
    let (domains, next, next_pid) = read.map_err(|error| desk.trouble(&error))?;
    let businesses = Businesses {
        next_pid,
        domains,
        from,
        next,
        typed,
        notice,
        now_ms: now_ms(),
    };
    let draw = |setting: &Setting<'_>| console::businesses(setting, &businesses);
    Ok(desk.page(status, draw))
}

/// A page, the address of the next one, and the pid that is free.
async fn page_of(
    desk: &Desk,
    from: &str,
) -> Result<(Vec<Domain>, Option<String>, Option<u32>), StoreError> {
    let store = desk.store();
    let limit = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let mut domains = store.domains(from, limit).await?;
    let next = domains.get(LINES).map(|next| {
        let from = written(&[("from", &next.code)]);
        format!("/businesses?{from}")
    });
    domains.truncate(LINES);
    let next_pid = match desk.who.operator.role.may(Deed::Manage) {
        true => issue::next_pid(store).await?,
        false => None,
    };
    Ok((domains, next, next_pid))
}

/// One of them.
pub(super) async fn show(
    desk: Desk,
    Path(code): Path<String>,
    Query(done): Query<Done>,
) -> Answered {
    let domain = read(&desk, &code).await?;
    // It is so still.
    let notice = (done.done == mark(&domain)).then(|| Notice {
        good: true,
        text: desk.lang().choose("已改。", "It is changed.").to_owned(),
    });
    shown(&desk, domain, notice, Pairs::new()).await
}

/// The business system of a code, or why there is none.
async fn read(desk: &Desk, code: &str) -> Result<Domain, Response> {
    let read = match code.chars().any(char::is_control) {
        true => Ok(None),
        false => desk.store().domain(code).await,
    };
    read.map_err(|error| desk.trouble(&error))?.ok_or_else(|| {
        let text = ("没有这个业务系统。", "There is no such business system.");
        desk.message(StatusCode::NOT_FOUND, text)
    })
}

async fn shown(desk: &Desk, domain: Domain, notice: Option<Notice>, typed: Pairs) -> Answered {
    let (store, trouble) = (desk.store(), |error: StoreError| desk.trouble(&error));
    let status = status(notice.as_ref());
    let business = Business {
        counted: store.other_readings(&domain.code).await.map_err(trouble)?,
        uses: store.secret_uses(&domain.code).await.map_err(trouble)?,
        uncalled: hosts(&domain),
        fields: fields(&domain),
        mark: mark(&domain),
        typed,
        notice,
        now_ms: now_ms(),
        domain,
    };
    let draw = |setting: &Setting<'_>| console::business(setting, &business);
    Ok(desk.page(status, draw))
}

/// The hosts of callbacks that are not called.
fn hosts(domain: &Domain) -> Vec<String> {
    let addresses = uncalled(domain).into_iter();
    addresses.map(|address| address.host().to_owned()).collect()
}

/// The answer to a form that is no admin's own; none: it is.
fn barred(desk: &Desk, pairs: &[(String, String)]) -> Option<Response> {
    if !desk.is_proved(said(pairs, "token")) {
        return Some(desk.unproved());
    }
    let not_allowed = NotDone::NotAllowed(desk.who.operator.clone());
    let may = desk.who.operator.role.may(Deed::Manage);
    (!may).then(|| desk.refused(&not_allowed))
}

/// The business system that an admin's form is about, if it is still as he saw it.
async fn asked(desk: &Desk, code: &str, pairs: &[(String, String)]) -> Result<Domain, Response> {
    if let Some(refusal) = barred(desk, pairs) {
        return Err(refusal);
    }
    let domain = read(desk, code).await?;
    if mark(&domain) == said(pairs, "mark") {
        return Ok(domain);
    }
    let changed = NotDone::Changed(code.to_owned());
    Err(not_done(desk, domain, &changed, Pairs::new()).await?)
}

/// The page of a business system that an act was not done to.
async fn not_done(desk: &Desk, domain: Domain, not_done: &NotDone, typed: Pairs) -> Answered {
    match not_done {
        NotDone::NotAllowed(_) | NotDone::Failed(_) => Err(desk.refused(not_done)),
        _ => {
            // As it is now.
            let now = desk.store().domain(&domain.code).await;
            let domain = now.ok().flatten().unwrap_or(domain);
            let notice = bad(not_done.text(desk.lang()));
            // What was typed over what another one changed would undo that.
            let typed = match not_done {
                NotDone::Changed(_) => Pairs::new(),
                _ => typed,
            };
            shown(desk, domain, notice, typed).await
        }
    }
}

/// Its page, with what was typed and is wrong.
async fn wrong(desk: &Desk, domain: Domain, wrong: &Wrong, typed: Pairs) -> Answered {
    let why = wrong.told(desk.lang());
    shown(desk, domain, bad(why), typed).await
}

/// Shows what a form would change.
pub(super) async fn change(desk: Desk, Path(code): Path<String>, Form(pairs): Said) -> Answered {
    let was = asked(&desk, &code, &pairs).await?;
    match changed(&was, &pairs) {
        Ok((domain, changes)) => Ok(plan(&desk, &was, &domain, changes, "", None)),
        Err(why) => wrong(&desk, was, &why, pairs).await,
    }
}

/// What would change, with the reason that was typed and why it was not taken.
fn plan(
    desk: &Desk,
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
    desk.page(status, |setting| console::planned(setting, &planned))
}

/// Changes what was shown.
pub(super) async fn set(desk: Desk, Path(code): Path<String>, Form(pairs): Said) -> Answered {
    let was = asked(&desk, &code, &pairs).await?;
    let (domain, changes) = match changed(&was, &pairs) {
        Ok(changed) => changed,
        Err(why) => return wrong(&desk, was, &why, pairs).await,
    };
    let what: Vec<_> = changes.iter().map(Change::recorded).collect();
    let is = mark(&domain);
    let errand = Errand::Set {
        was: Box::new(was.clone()),
        domain: Box::new(domain.clone()),
        what: what.join("; "),
    };
    let reason = said(&pairs, "reason");
    match desk.run(&errand, reason).await {
        Ok(_) => Ok(lead(&format!("/business/{code}?done={is}"))),
        Err(
            why @ (NotDone::NoReason
            | NotDone::LongReason(_)
            | NotDone::LinesOfReason
            | NotDone::TooMuch),
        ) => {
            let notice = bad(why.text(desk.lang()));
            Err(plan(&desk, &was, &domain, changes, reason, notice))
        }
        Err(why) => not_done(&desk, was, &why, pairs).await,
    }
}

/// Issues another secret, and shows it this once: the same form again finds another business
/// system than it saw.
pub(super) async fn rotate(desk: Desk, Path(code): Path<String>, Form(pairs): Said) -> Answered {
    let was = asked(&desk, &code, &pairs).await?;
    let overlap = said(&pairs, "overlap");
    let overlap_s = issue::overlap_s(overlap);
    let overlap_s = overlap_s.map_err(|_| Wrong::Field("overlap".to_owned(), overlap.to_owned()));
    let rotated = overlap_s.and_then(|overlap_s| {
        let rotated = issue::rotated(&was, overlap_s);
        rotated.map_err(|error| Wrong::of_making(&error))
    });
    let (domain, secret) = match rotated {
        Ok(rotated) => rotated,
        Err(why) => return wrong(&desk, was, &why, pairs).await,
    };
    let errand = Errand::Rotate {
        was: Box::new(was.clone()),
        domain: Box::new(domain.clone()),
        what: end_of_old(&domain),
    };
    match desk.run(&errand, said(&pairs, "reason")).await {
        Ok(_) => Ok(told(&desk, &domain, &secret)),
        Err(why) => not_done(&desk, was, &why, pairs).await,
    }
}

/// Ends every secret but the newest.
pub(super) async fn end_older(desk: Desk, Path(code): Path<String>, Form(pairs): Said) -> Answered {
    let was = asked(&desk, &code, &pairs).await?;
    let Some(domain) = issue::older_ended(&was) else {
        let none = desk.lang().choose(
            "没有还有效的旧密钥：什么都没做。",
            "No older secret holds any more: nothing was done.",
        );
        return shown(&desk, was, bad(none.to_owned()), Pairs::new()).await;
    };
    let is = mark(&domain);
    let errand = Errand::EndOlder {
        was: Box::new(was.clone()),
        domain: Box::new(domain),
    };
    match desk.run(&errand, said(&pairs, "reason")).await {
        Ok(_) => Ok(lead(&format!("/business/{code}?done={is}"))),
        // No field of this form is another form's.
        Err(why) => not_done(&desk, was, &why, Pairs::new()).await,
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
fn told(desk: &Desk, domain: &Domain, secret: &str) -> Response {
    let before = domain.secrets().get(1);
    let issued = Issued {
        code: domain.code.clone(),
        pasted: issue::pasted(&desk.state.public_url, domain, secret),
        old_until_ms: before.and_then(|before| before.not_after_ms),
    };
    desk.page(StatusCode::OK, |setting| console::issued(setting, &issued))
}

/// The pid that one who speaks epay gets, which is the one that the form was sent for: a form
/// that is sent again was sent for another one.
async fn next_pid(
    desk: &Desk,
    door: &str,
    pairs: &[(String, String)],
) -> Result<Option<u32>, Response> {
    if door != epay::NAME {
        return Ok(None);
    }
    let next = issue::next_pid(desk.store()).await;
    let next = next.map_err(|error| desk.trouble(&error))?;
    if next.is_none_or(|next| next.to_string() == said(pairs, "code")) {
        return Ok(next);
    }
    let text = desk.lang().choose(
        "这张表交过了，或它的 pid 刚被占用：这次没有新建。列表里没有的话，再交一次。",
        "This form was sent already, or its pid was taken meanwhile: nothing was made now. If \
         the list does not have it, send it again.",
    );
    let typed = Some((door.to_owned(), pairs.to_vec()));
    Err(listed(desk, bad(text.to_owned()), typed).await?)
}

/// Makes a business system of a door, and shows its secret this once: the same form again
/// finds its code taken.
pub(super) async fn add(desk: Desk, Path(door): Path<String>, Form(pairs): Said) -> Answered {
    if let Some(refusal) = barred(&desk, &pairs) {
        return Err(refusal);
    }
    let pid = next_pid(&desk, &door, &pairs).await?;
    let (domain, secret) = match made(&door, &pairs, pid) {
        Some(Ok(made)) => made,
        Some(Err(wrong)) => {
            let why = wrong.told(desk.lang());
            return listed(&desk, bad(why), Some((door, pairs))).await;
        }
        None => {
            let text = ("没有这种业务系统。", "There is no such kind.");
            return Err(desk.message(StatusCode::NOT_FOUND, text));
        }
    };
    let errand = Errand::Add {
        domain: Box::new(domain.clone()),
        what: recorded(&door, &pairs),
    };
    match desk.run(&errand, said(&pairs, "reason")).await {
        Ok(_) => Ok(told(&desk, &domain, &secret)),
        Err(why @ (NotDone::NotAllowed(_) | NotDone::Failed(_))) => Err(desk.refused(&why)),
        Err(why) => {
            let why = why.text(desk.lang());
            listed(&desk, bad(why), Some((door, pairs))).await
        }
    }
}
