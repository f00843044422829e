//! Channel accounts at the console: looked at, enabled, disabled and drained
//! (docs/console.md, Channel accounts).

use super::answer::{Done, lead, status};
use super::desk::{Answered, Desk};
use crate::accounts::HEARD;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use checkout::{Errand, NotDone};
use console::{Account, Accounts, Notice, Setting};
use payment::channel::Channel;
use payment::ports::StoreError;
use payment::printable::printable;
use serde::Deserialize;

/// What a form says.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    token: String,
    #[serde(default)]
    reason: String,
    /// How the page showed the database's.
    #[serde(default)]
    was: String,
}

/// All accounts: those that are used, then those of the database that can't be opened.
async fn read(desk: &Desk) -> Result<Accounts, Response> {
    let trouble = |error: StoreError| desk.trouble(&error);
    let in_use = desk.store().accounts_in_use().await.map_err(trouble)?;
    let names = desk.store().account_names().await.map_err(trouble)?;
    // What was changed a moment ago is shown as it is now.
    let opened = desk.state.console.reloaded.accounts().await;
    let account = |channel: Channel, name: &str| {
        let place = (channel, name.to_owned());
        let kept = names.iter().find(|one| one.place() == place);
        Account {
            channel,
            kept: kept.map(|one| one.enabled),
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
    for kept in &names {
        let is_shown = |one: &Account| one.channel == kept.channel && one.name == kept.name;
        if !accounts.iter().any(is_shown) {
            accounts.push(account(kept.channel, &kept.name));
        }
    }
    let troubles = opened.troubles.iter();
    Ok(Accounts {
        accounts,
        troubles: troubles.map(|trouble| printable(trouble)).collect(),
    })
}

/// All accounts.
pub(super) async fn list(desk: Desk) -> Answered {
    let accounts = read(&desk).await?;
    let draw = |setting: &Setting<'_>| console::accounts(setting, &accounts);
    Ok(desk.page(StatusCode::OK, draw))
}

/// One account.
pub(super) async fn show(
    desk: Desk,
    Path((channel, name)): Path<(String, String)>,
    Query(done): Query<Done>,
) -> Answered {
    let lang = desk.lang();
    let notice = |account: &Account| {
        let (zh, en) = told(&done.done, account)?;
        let text = lang.choose(zh, en).to_owned();
        Some(Notice { good: true, text })
    };
    shown(&desk, (&channel, &name), notice).await
}

/// What was done, where the account is so now.
fn told(done: &str, account: &Account) -> Option<(&'static str, &'static str)> {
    match (done, account.kept?, account.of_file) {
        ("enable", true, false) => Some(("又让新付款走它。", "New payments go through it again.")),
        ("disable", false, false) => {
            Some(("不再让新付款走它。", "No new payment goes through it."))
        }
        ("drain", false, false) => Some((
            "不再让新付款走它；还有没有等着它的，见下。",
            "No new payment goes through it; whether anything waits for it still stands below.",
        )),
        ("enable", true, true) => Some((
            "数据库里的已启用；用的仍是文件里的那个，照文件说的。",
            "The database's is enabled; the file's is the one that is used, as the file says.",
        )),
        ("disable" | "drain", false, true) => Some((
            "数据库里的已停用；用的仍是文件里的那个，照文件说的。",
            "The database's is disabled; the file's is the one that is used, as the file says.",
        )),
        _ => None,
    }
}

async fn shown(
    desk: &Desk,
    (channel, name): (&str, &str),
    notice: impl FnOnce(&Account) -> Option<Notice>,
) -> Answered {
    let read = read(desk).await?;
    let is_asked = |one: &&Account| one.channel.code() == channel && one.name == name;
    let Some(account) = read.accounts.iter().find(is_asked) else {
        return Err(none(desk));
    };
    let takes = |one: &Account| one.terms.as_ref().is_some_and(|terms| terms.enabled);
    let others = read.accounts.iter().filter(|one| !is_asked(one));
    let mut of_channel = others.filter(|one| one.channel == account.channel);
    let alone = takes(account) && !of_channel.any(takes);
    let notice = notice(account);
    Ok(desk.page(status(notice.as_ref()), |setting| {
        console::account(setting, account, alone, notice.as_ref())
    }))
}

fn none(desk: &Desk) -> Response {
    let text = ("没有这个账户。", "There is no such account.");
    desk.message(StatusCode::NOT_FOUND, text)
}

/// Lets new payments through an account of the database, or none.
pub(super) async fn act(
    desk: Desk,
    Path((channel, name, act)): Path<(String, String, String)>,
    Form(said): Form<Said>,
) -> Answered {
    if !desk.is_proved(&said.token) {
        return Err(desk.unproved());
    }
    let enabled = match act.as_str() {
        "enable" => true,
        "disable" | "drain" => false,
        _ => return Err(none(&desk)),
    };
    let Some(at) = Channel::parse(&channel) else {
        return Err(none(&desk));
    };
    let errand = Errand::Enable {
        channel: at,
        name: name.clone(),
        was: said.was == "true",
        enabled,
    };
    match desk.run(&errand, &said.reason).await {
        Ok(_) => {
            if act == "drain" {
                // Until every instance has heard it, and what it had begun is written.
                tokio::time::sleep(HEARD).await;
            }
            Ok(lead(&format!("/account/{channel}/{name}?done={act}")))
        }
        Err(NotDone::Nothing) => Err(none(&desk)),
        Err(why @ (NotDone::NotAllowed(_) | NotDone::Failed(_))) => Err(desk.refused(&why)),
        Err(why) => {
            let text = why.text(desk.lang());
            let notice = |_: &Account| Some(Notice { good: false, text });
            shown(&desk, (&channel, &name), notice).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_so_now_is_called_done() {
        let said = |done: &str, kept: Option<bool>, of_file: bool| {
            let account = Account {
                channel: Channel::Wechat,
                name: "main".to_owned(),
                merchant: String::new(),
                terms: None,
                of_file,
                kept,
                waits: false,
            };
            told(done, &account).map(|(_, en)| en)
        };
        let gone = said("disable", Some(false), false).unwrap();
        assert!(gone.starts_with("No new payment"), "{gone}");
        for done in ["enable", "disable", "drain"] {
            let enabled = done == "enable";
            let hidden = said(done, Some(enabled), true).unwrap();
            assert!(
                hidden.contains("the file's is the one that is used"),
                "{hidden}"
            );
            assert_eq!(said(done, Some(!enabled), false), None, "{done}");
            assert_eq!(said(done, Some(!enabled), true), None, "{done}");
            assert_eq!(said(done, None, true), None, "{done}");
        }
        assert_eq!(said("", Some(true), false), None);
    }
}
