//! Channel accounts at the console: looked at, enabled, disabled and drained
//! (docs/console.md, Channel accounts).

use super::answer::{Who, language, lead, message, page, refused, trouble};
use super::session::{foreign, is_proved};
use crate::accounts::HEARD;
use crate::state::State;
use axum::Form;
use axum::extract::{self, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::{Errand, NotDone};
use console::{Account, Accounts, Notice};
use payment::channel::Channel;
use payment::ports::StoreError;
use payment::printable::printable;
use serde::Deserialize;

/// What was done a moment ago.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// What a form says.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    token: String,
    #[serde(default)]
    reason: String,
}

/// All accounts: those that are used, then those of the database that can't be opened.
async fn read(state: &State) -> Result<Accounts, StoreError> {
    let store = &state.console.store;
    let (in_use, names) = (store.accounts_in_use().await?, store.account_names().await?);
    // What was changed a moment ago is shown as it is now.
    let opened = state.console.reloaded.accounts().await;
    let account = |channel: Channel, name: &str| {
        let place = (channel, name.to_owned());
        Account {
            channel,
            kept: names.contains(&place),
            waits: in_use.contains(&place),
            name: place.1,
            merchant: String::new(),
            terms: None,
            of_file: false,
        }
    };
    let used = opened.gateways();
    let mut accounts: Vec<_> = used
        .iter()
        .map(|gateway| Account {
            merchant: gateway.merchant(),
            terms: Some(gateway.terms().clone()),
            of_file: opened.is_of_file(&**gateway),
            ..account(gateway.channel(), gateway.account())
        })
        .collect();
    for (channel, name) in &names {
        let is_shown = |one: &Account| one.channel == *channel && one.name == *name;
        if !accounts.iter().any(is_shown) {
            accounts.push(account(*channel, name));
        }
    }
    let troubles = opened.troubles.iter();
    Ok(Accounts {
        accounts,
        troubles: troubles.map(|trouble| printable(trouble)).collect(),
    })
}

/// All accounts.
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    who: Who,
    parts: Parts,
) -> Response {
    match read(&state).await {
        Ok(accounts) => page(&parts, Some(&who), StatusCode::OK, |setting| {
            console::accounts(setting, &accounts)
        }),
        Err(error) => trouble(&parts, Some(&who), &error),
    }
}

/// One account.
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    who: Who,
    Path((channel, name)): Path<(String, String)>,
    Query(done): Query<Done>,
    parts: Parts,
) -> Response {
    let said = match done.done.as_str() {
        "enable" => Some(("又让新付款走它。", "New payments go through it again.")),
        "disable" => Some(("不再让新付款走它。", "No new payment goes through it.")),
        "drain" => Some((
            "不再让新付款走它；还有没有等着它的，见下。",
            "No new payment goes through it; whether anything waits for it still stands below.",
        )),
        _ => None,
    };
    let notice = said.map(|(zh, en)| Notice {
        good: true,
        text: language(&parts).choose(zh, en).to_owned(),
    });
    shown(&state, &parts, &who, (&channel, &name), notice).await
}

async fn shown(
    state: &State,
    parts: &Parts,
    who: &Who,
    (channel, name): (&str, &str),
    notice: Option<Notice>,
) -> Response {
    let read = match read(state).await {
        Ok(read) => read,
        Err(error) => return trouble(parts, Some(who), &error),
    };
    let is_asked = |one: &&Account| one.channel.code() == channel && one.name == name;
    let Some(account) = read.accounts.iter().find(is_asked) else {
        return none(parts, who);
    };
    let takes = |one: &Account| one.terms.as_ref().is_some_and(|terms| terms.enabled);
    let others = read.accounts.iter().filter(|one| !is_asked(one));
    let mut of_channel = others.filter(|one| one.channel == account.channel);
    let alone = takes(account) && !of_channel.any(takes);
    let status = match &notice {
        Some(notice) if !notice.good => StatusCode::CONFLICT,
        _ => StatusCode::OK,
    };
    page(parts, Some(who), status, |setting| {
        console::account(setting, account, alone, notice.as_ref())
    })
}

fn none(parts: &Parts, who: &Who) -> Response {
    let text = ("没有这个账户。", "There is no such account.");
    message(parts, Some(who), StatusCode::NOT_FOUND, text)
}

/// Lets new payments through an account of the database, or none.
pub(super) async fn act(
    extract::State(state): extract::State<State>,
    who: Who,
    Path((channel, name, act)): Path<(String, String, String)>,
    parts: Parts,
    Form(said): Form<Said>,
) -> Response {
    if !is_proved(&parts, &who, &said.token) {
        return foreign(&parts);
    }
    let enabled = match act.as_str() {
        "enable" => true,
        "disable" | "drain" => false,
        _ => return none(&parts, &who),
    };
    let Some(at) = Channel::parse(&channel) else {
        return none(&parts, &who);
    };
    let errand = Errand::Enable {
        channel: at,
        name: name.clone(),
        enabled,
    };
    let done = state
        .checkout
        .run_errand(&who.operator, &errand, &said.reason);
    match done.await {
        Ok(_) => {
            if act == "drain" {
                // Until every instance has heard it, and what it had begun is written.
                tokio::time::sleep(HEARD).await;
            }
            lead(&format!("/account/{channel}/{name}?done={act}"))
        }
        Err(NotDone::Nothing) => none(&parts, &who),
        Err(why @ (NotDone::NotAllowed(_) | NotDone::Failed(_))) => refused(&parts, &who, &why),
        Err(why) => {
            let text = why.text(language(&parts));
            let notice = Notice { good: false, text };
            shown(&state, &parts, &who, (&channel, &name), Some(notice)).await
        }
    }
}
