//! Channel accounts: all of them, and one with what can be done for it.

use crate::business::{hindrance, noticed, reason, token};
use crate::words::channel;
use crate::{Notice, Setting, document};
use leptos::prelude::*;
use payment::channel::Channel;
use payment::lang::Lang;
use payment::money::two_decimals;
use payment::ports::Terms;

/// A channel account.
pub struct Account {
    /// Its channel.
    pub channel: Channel,
    /// Our name for it.
    pub name: String,
    /// The merchant whose it is at the channel.
    pub merchant: String,
    /// To whom and for what it is offered; none: it can't be opened as it is kept.
    pub terms: Option<Terms>,
    /// Whether the file lists it, which then is the one that is used.
    pub of_file: bool,
    /// Whether the database's takes new payments; none: it keeps none of this name.
    pub kept: Option<bool>,
    /// Whether orders or refunds wait for it.
    pub waits: bool,
}

/// All channel accounts.
pub struct Accounts {
    /// In the order in which they are preferred.
    pub accounts: Vec<Account>,
    /// What keeps some from being used as they are kept.
    pub troubles: Vec<String>,
}

/// All channel accounts.
#[must_use]
pub fn accounts(setting: &Setting<'_>, accounts: &Accounts) -> String {
    let row = |account: &Account| {
        let address = address(account);
        view! {
            <tr>
                <td>{channel(setting, account.channel)}</td>
                <td><a href=address>{account.name.clone()}</a><small>{account.merchant.clone()}</small></td>
                <td>{place(setting, account)}</td>
                <td data-name=setting.say("新付款", "New payments") class=is_open(account).map(|is| if is { "good" } else { "bad" })>
                    {state(setting, account)}</td>
                <td data-name=setting.say("等着它的", "What waits for it")>{waits(setting, account)}</td>
            </tr>
        }
    };
    let rows: Vec<_> = accounts.accounts.iter().map(row).collect();
    let has_none = rows.is_empty();
    let none = has_none.then(|| {
        let nothing = setting.say("还没有账户。", "There is no account yet.");
        view! { <p class="bad">{nothing}</p> }
    });
    let trouble = |trouble: &String| view! { <p class="bad">{trouble.clone()}</p> };
    let troubles: Vec<_> = accounts.troubles.iter().map(trouble).collect();
    let body = view! {
        {none}
        <table hidden=has_none>
            <thead><tr>
                <th>{setting.say("渠道", "Channel")}</th>
                <th>{setting.say("账户", "Account")}</th>
                <th>{setting.say("在哪里", "Where it stands")}</th>
                <th>{setting.say("新付款", "New payments")}</th>
                <th>{setting.say("等着它的", "What waits for it")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {troubles}
        <p>{setting.say(
            "排在前的先用。新增、换密钥要带私钥的文件，在命令行做：",
            "The first ones are preferred. An account is added, or given other keys, at the \
             command line, since files with private keys belong to it: ",
        )}<code>"tongfu channel add FILE"</code>", "<code>"tongfu channel rotate FILE"</code></p>
    };
    document(setting, setting.say("渠道账户", "Channel accounts"), body)
}

fn address(account: &Account) -> String {
    format!("/account/{}/{}", account.channel.code(), account.name)
}

fn place(setting: &Setting<'_>, account: &Account) -> &'static str {
    match (account.of_file, account.kept.is_some()) {
        (true, false) => setting.say("文件", "file"),
        (true, true) => setting.say(
            "文件和数据库，用文件的",
            "file and database: the file's is used",
        ),
        (false, _) => setting.say("数据库", "database"),
    }
}

fn is_open(account: &Account) -> Option<bool> {
    account.terms.as_ref().map(|terms| terms.enabled)
}

fn state(setting: &Setting<'_>, account: &Account) -> &'static str {
    match is_open(account) {
        Some(true) => setting.say("接受", "taken"),
        Some(false) => setting.say("不接受", "none"),
        None => setting.say("打不开", "it can't be opened"),
    }
}

fn waits(setting: &Setting<'_>, account: &Account) -> &'static str {
    match account.waits {
        true => setting.say("有订单或退款等着它", "orders or refunds"),
        false => setting.say("没有", "nothing"),
    }
}

/// One account; `alone`: no other one of its channel takes new payments.
#[must_use]
pub fn account(
    setting: &Setting<'_>,
    account: &Account,
    alone: bool,
    notice: Option<&Notice>,
) -> String {
    let terms = account.terms.as_ref().map(|terms| {
        let code = terms.currency.code();
        let sums = format!(
            "{code} {} – {}",
            two_decimals(terms.smallest),
            two_decimals(terms.largest)
        );
        let domains = match terms.domains.is_empty() {
            true => setting.say("全部", "all").to_owned(),
            false => terms.domains.join(" "),
        };
        let queries = match (setting.lang, terms.queries.per_second) {
            (Lang::Zh, 0) => "不限".to_owned(),
            (Lang::En, 0) => "without limit".to_owned(),
            (_, per_second) => format!("{per_second} / s, {}", terms.queries.burst),
        };
        let pairs = [
            (setting.say("金额", "Sums"), sums),
            (setting.say("业务系统", "Business systems"), domains),
            (setting.say("可查询", "Queries"), queries),
        ];
        let pair = |(name, value): (&'static str, String)| {
            view! { <div><dt>{name}</dt><dd>{value}</dd></div> }
        };
        pairs.map(pair).collect_view()
    });
    let orders = format!(
        "/orders?channel={}&account={}",
        account.channel.code(),
        account.name
    );
    let acts = match (hindrance(setting), account.kept) {
        (Some(why), _) => view! { <p>{why}</p> }.into_any(),
        (None, Some(enabled)) => acts(setting, account, enabled, alone),
        (None, None) => view! {
            <p>{setting.say(
                "它和它的密钥在账户文件里（设置 accounts，或 TONGFU_ACCOUNTS，所指的文件）：改那个文件\
                 （enabled 也是），再给服务器发 SIGHUP。",
                "It stands with its keys in the accounts file, which the setting accounts, or \
                 TONGFU_ACCOUNTS, names: change that, its `enabled` too, and send the server SIGHUP.",
            )}</p>
        }
        .into_any(),
    };
    let hidden = (account.kept.is_some() && account.of_file).then(|| {
        let text = setting.say(
            "文件里有同名的账户，用的是文件的：下面改的是数据库里的那个。",
            "The file has an account of this name, which is the one that is used: what is done \
             here is done to the database's.",
        );
        view! { <p class="bad">{text}</p> }
    });
    let body = view! {
        {noticed(notice)}
        <dl>
            <div><dt>{setting.say("商户", "Merchant")}</dt><dd>{account.merchant.clone()}</dd></div>
            <div><dt>{setting.say("在哪里", "Where it stands")}</dt><dd>{place(setting, account)}</dd></div>
            <div><dt>{setting.say("新付款", "New payments")}</dt><dd>{state(setting, account)}</dd></div>
            <div><dt>{setting.say("等着它的", "What waits for it")}</dt>
                <dd>{waits(setting, account)}</dd></div>
            {terms}
        </dl>
        <p><a href=orders>{setting.say("它的订单", "Its orders")}</a></p>
        {hidden}
        {acts}
        {account.kept.map(|_| view! { <p>{setting.say(
            "密钥从不显示；换密钥要带私钥的文件，在命令行做：",
            "Keys are never shown. Others are given at the command line, since files with \
             private keys belong to them: ",
        )}<code>"tongfu channel rotate FILE"</code></p> })}
    };
    let title = format!(
        "{} {} {}",
        setting.say("渠道账户", "Account"),
        channel(setting, account.channel),
        account.name
    );
    document(setting, &title, body)
}

/// What an admin can do, with what that will do.
fn acts(setting: &Setting<'_>, account: &Account, enabled: bool, alone: bool) -> AnyView {
    let form = |path: &'static str, name: &'static str, effect: String, hindered: bool| {
        let action = format!("{}/{path}", address(account));
        view! {
            <form method="post" action=action>
                <h2>{name}</h2>
                <p>{effect}</p>
                {(!hindered).then(|| view! {
                    {token(setting)}
                    <input type="hidden" name="was" value=enabled.to_string()/>
                    {reason(setting, "")}
                })}
                <button disabled=hindered>{name}</button>
            </form>
        }
    };
    let last = match alone && !account.of_file {
        true => setting.say(
            "这是这个渠道唯一接受付款的账户：停用后付款人不能再选这个渠道。",
            " It is the only one of its channel that takes payments: payers are not offered the \
             channel then.",
        ),
        false => "",
    };
    let enable = setting.say(
        "一秒内，各实例都又让新付款走它。",
        "New payments go through it again, on every instance within a second.",
    );
    let disable = setting.say(
        "一秒内，各实例都不再让新付款走它；已开始的订单和退款照常走完。",
        "No new payment goes through it, on every instance within a second; orders and refunds \
         that began are looked after.",
    );
    let drain = setting.say(
        "同停用；两秒后告诉你还有没有订单或退款等着它。没有了才能用 tongfu channel remove 移走。",
        "The same as to disable it; two seconds later you are told whether orders or refunds \
         wait for it still. Once none does, `tongfu channel remove` can take it away.",
    );
    view! {
        <div class="acts">
            {form("enable", setting.say("启用", "Enable"), enable.to_owned(), enabled)}
            {form("disable", setting.say("停用", "Disable"), format!("{disable}{last}"), !enabled)}
            {form("drain", setting.say("排空", "Drain"), format!("{drain}{last}"), false)}
        </div>
    }
    .into_any()
}
