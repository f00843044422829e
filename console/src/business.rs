//! Business systems: all of them, one with every setting, what a change would change, and
//! what was issued.

use crate::{Notice, Setting, document, said};
use leptos::prelude::*;
use payment::domain::{Domain, KeyRule, PLATFORM, Recut};
use payment::lang::Lang;
use payment::operators::{Deed, Operator};
use payment::ports::{OtherReadings, SecretUse};

/// How a setting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One line.
    Text,
    /// Words between blanks.
    List,
    /// One of these.
    Choice(&'static [&'static str]),
    /// One line that is not said as it is shown: empty, it stays.
    Afresh,
}

/// A setting as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name at the command line.
    pub name: &'static str,
    /// What it says.
    pub text: String,
    /// How it is written.
    pub shape: Shape,
}

/// What of a setting changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name at the command line.
    pub name: &'static str,
    /// What it said.
    pub was: String,
    /// What it is to say.
    pub is: String,
    /// What the form said.
    pub said: String,
    /// How it is written.
    pub shape: Shape,
}

impl Change {
    /// As it is recorded: of a list what comes and what goes.
    #[must_use]
    pub fn recorded(&self) -> String {
        let Self { name, was, is, .. } = self;
        if self.shape != Shape::List {
            return format!("{name}: {was:?} -> {is:?}");
        }
        let without = |sign: &str, of: &str, others: &str| {
            let others: Vec<_> = others.split_whitespace().collect();
            let words = of.split_whitespace();
            let words = words.filter(|word| !others.contains(word));
            words.map(|word| format!(" {sign}{word:?}")).collect()
        };
        let words: [String; 2] = [without("+", is, was), without("-", was, is)];
        match words.concat() {
            words if words.is_empty() => format!("{name}: reordered"),
            words => format!("{name}:{words}"),
        }
    }
}

/// A page of the business systems.
pub struct Businesses {
    /// A page of them, by code.
    pub domains: Vec<Domain>,
    /// From which code on; the empty one: from the first.
    pub from: String,
    /// The address of the next page.
    pub next: Option<String>,
    /// The pid that the next one gets who speaks epay: said twice, it is one. None: there
    /// is none left.
    pub next_pid: Option<u32>,
    /// What was typed into the form of a door that was not taken.
    pub typed: Option<(String, Vec<(String, String)>)>,
    /// What became of an act.
    pub notice: Option<Notice>,
    /// Now, ms since 1970.
    pub now_ms: i64,
}

/// One business system.
pub struct Business {
    /// It, of whose secrets nothing is shown but when they end.
    pub domain: Domain,
    /// Its settings.
    pub fields: Vec<Field>,
    /// Hosts of its callbacks that are private, and so are not called.
    pub uncalled: Vec<String>,
    /// Requests whose sign has other readings.
    pub counted: OtherReadings,
    /// When it signed by which secret.
    pub uses: Vec<SecretUse>,
    /// What it is known by as it is shown.
    pub mark: String,
    /// What was typed into a form that was not taken.
    pub typed: Vec<(String, String)>,
    /// What became of an act.
    pub notice: Option<Notice>,
    /// Now, ms since 1970.
    pub now_ms: i64,
}

/// A change that is to be confirmed.
pub struct Planned {
    /// Whose.
    pub code: String,
    /// What it was known by as it was shown.
    pub mark: String,
    /// What changes.
    pub changes: Vec<Change>,
    /// Hosts of its callbacks that are private, and so are not called then.
    pub uncalled: Vec<String>,
    /// The reason as it was typed.
    pub reason: String,
    /// Why it was not done.
    pub notice: Option<Notice>,
}

/// What was issued, which is shown this once.
pub struct Issued {
    /// Whose.
    pub code: String,
    /// What is pasted into the business system, each with its name there.
    pub pasted: Vec<(&'static str, String)>,
    /// Until when the secret before holds, ms since 1970.
    pub old_until_ms: Option<i64>,
}

/// What became of an act, above a page.
pub(crate) fn noticed(notice: Option<&Notice>) -> Option<impl IntoView> {
    notice.map(|notice| {
        let class = if notice.good { "good" } else { "bad" };
        view! { <p class=class role="status">{notice.text.clone()}</p> }
    })
}

/// Why this operator may not manage; none: he may.
pub(crate) fn hindrance(setting: &Setting<'_>) -> Option<String> {
    let may = |(operator, _): (&Operator, _)| operator.role.may(Deed::Manage);
    let least = Deed::Manage.least().word();
    (!setting.who.is_some_and(may)).then(|| match setting.lang {
        Lang::Zh => format!("改动需要 {least} 角色"),
        Lang::En => format!("the role {least} is needed to change anything"),
    })
}

/// The token of this session's forms.
pub(crate) fn token(setting: &Setting<'_>) -> impl IntoView {
    let token = setting.who.map(|(_, token)| token.to_owned());
    view! { <input type="hidden" name="token" value=token/> }
}

/// Why, as it was said already.
pub(crate) fn reason(setting: &Setting<'_>, said: &str) -> AnyView {
    view! {
        <label>{setting.say("原因", "Reason")}
            <input name="reason" required maxlength="200" value=said.to_owned()/></label>
    }
    .into_any()
}

/// Who a business system is in words: by which interface it comes.
fn kind(setting: &Setting<'_>, domain: &Domain) -> String {
    match (domain.door(), &domain.rule) {
        (PLATFORM, KeyRule::Strict(strict)) => match setting.lang {
            Lang::Zh => format!("统一支付平台，requestKey {}…", strict.prefix),
            Lang::En => format!("platform, requestKey {}…", strict.prefix),
        },
        (PLATFORM, KeyRule::Legacy(legacy)) => match (setting.lang, legacy.recut) {
            (Lang::Zh, Recut::Log) => "统一支付平台，旧式签名（只记录）".to_owned(),
            (Lang::Zh, Recut::Refuse) => "统一支付平台，旧式签名".to_owned(),
            (Lang::En, Recut::Log) => "platform, legacy signs (logged alone)".to_owned(),
            (Lang::En, Recut::Refuse) => "platform, legacy signs".to_owned(),
        },
        (door, _) => door.to_owned(),
    }
}

/// What stops it, in words.
fn state(setting: &Setting<'_>, domain: &Domain, now_ms: i64) -> Vec<&'static str> {
    let settings = &domain.settings;
    let relayed = settings
        .relay_until_ms
        .is_some_and(|until_ms| now_ms < until_ms);
    let all = [
        (settings.disabled, setting.say("已停用", "disabled")),
        (
            settings.payments_frozen,
            setting.say("付款冻结", "payments frozen"),
        ),
        (
            settings.refunds_frozen,
            setting.say("退款冻结", "refunds frozen"),
        ),
        (relayed, setting.say("回调转发中", "relayed")),
        (domain.development, setting.say("开发用", "development")),
    ];
    all.into_iter()
        .filter_map(|(is, word)| is.then_some(word))
        .collect()
}

/// What its operator calls it.
fn name(domain: &Domain) -> String {
    let partner = domain.settings.partner.as_ref();
    let name = partner.map(|partner| &partner.name);
    let name = name.filter(|name| !name.is_empty());
    let payee = [&domain.settings.payee.name, &domain.settings.payee.name_en];
    let payee = payee.into_iter().find(|name| !name.is_empty());
    name.or(payee).cloned().unwrap_or_default()
}

/// All business systems.
#[must_use]
pub fn businesses(setting: &Setting<'_>, businesses: &Businesses) -> String {
    let row = |domain: &Domain| {
        let address = format!("/business/{}", domain.code);
        let state = state(setting, domain, businesses.now_ms).join(" · ");
        let live = domain.live_secrets(businesses.now_ms).count();
        let live = match setting.lang {
            Lang::Zh => format!("{live} 个密钥有效"),
            Lang::En => format!("secrets that hold: {live}"),
        };
        view! {
            <tr>
                <td><a href=address>{domain.code.clone()}</a><small>{name(domain)}</small></td>
                <td>{kind(setting, domain)}</td>
                <td class="bad">{state}</td>
                <td>{live}</td>
            </tr>
        }
    };
    let rows: Vec<_> = businesses.domains.iter().map(row).collect();
    let has_none = rows.is_empty();
    let next = businesses.next.clone().map(|next| {
        let name = setting.say("后面的", "Next ones");
        view! { <p><a href=next rel="next">{name}</a></p> }
    });
    // Where all of them stand on one page there is nothing to look for.
    let is_long = next.is_some() || !businesses.from.is_empty();
    let search = is_long.then(|| {
        view! {
            <form method="get" action="/businesses" class="filter">
                <label>{setting.say("编码从", "Codes from")}
                    <input name="from" maxlength="64" value=businesses.from.clone()/></label>
                <button>{setting.say("查看", "Show")}</button>
            </form>
        }
    });
    let body = view! {
        {noticed(businesses.notice.as_ref())}
        {search}
        <table hidden=has_none>
            <thead><tr>
                <th>{setting.say("编码", "Code")}</th>
                <th>{setting.say("接口", "Interface")}</th>
                <th>{setting.say("状态", "State")}</th>
                <th>{setting.say("密钥", "Secrets")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {next}
        <h2>{setting.say("新建", "Make a new one")}</h2>
        {match hindrance(setting) {
            Some(why) => view! { <p>{why}</p> }.into_any(),
            None => makers(setting, businesses),
        }}
    };
    document(setting, setting.say("业务系统", "Business systems"), body)
}

/// The forms that make business systems.
fn makers(setting: &Setting<'_>, businesses: &Businesses) -> AnyView {
    let typed = |door: &str, name: &str, otherwise: &str| {
        let form = businesses.typed.as_ref().filter(|(of, _)| of == door);
        let typed = form.and_then(|(_, form)| said(form, name));
        typed.unwrap_or(otherwise).to_owned()
    };
    let platform = |name: &str, otherwise: &str| typed(PLATFORM, name, otherwise);
    let in_usd = platform("currency", "CNY") == "USD";
    let make = setting.say("新建", "Make it");
    let callback = setting.say(
        "回调地址的前缀（空格分隔）",
        "Addresses that callbacks lie under, blanks between",
    );
    let once = setting.say(
        "它的密钥只显示一次。其余设置以后在它的页面上改。",
        "Its secret is shown once. All other settings are changed on its page after.",
    );
    let legacy = setting.say(
        "旧式签名、已有的密钥：用命令 tongfu domain add --help。",
        "Legacy signs and secrets that are in use already: tongfu domain add --help.",
    );
    view! {
        <div class="acts">
            <form method="post" action="/businesses/platform">
                <h2>{setting.say("统一支付平台的业务系统", "One of the platform's interface")}</h2>
                <p>{once}" "{legacy}</p>
                {token(setting)}
                <label>"domainCode"<input name="code" required maxlength="64" value=platform("code", "")/></label>
                <label>{setting.say("requestKey 的开头，如 M7-", "How each requestKey begins: M7-")}
                    <input name="key-prefix" required maxlength="8" value=platform("key-prefix", "")/></label>
                <label>{setting.say("requestKey 的长度", "Length of each requestKey")}
                    <input name="key-length" required inputmode="numeric" maxlength="3" value=platform("key-length", "")/></label>
                <label>{setting.say("币种", "Currency")}
                    <select name="currency"><option>"CNY"</option><option selected=in_usd>"USD"</option></select></label>
                <label>{setting.say("requestChannel（总是空的写 ''）", "requestChannel ('' where it is always empty)")}
                    <input name="request-channel" required value=platform("request-channel", "1")/></label>
                <label>{setting.say("汇率小数位", "Decimals of rate")}
                    <input name="rate-decimals" required value=platform("rate-decimals", "4") inputmode="numeric" maxlength="1"/></label>
                <label>{callback}<input name="callback" required value=platform("callback", "")/></label>
                {reason(setting, &platform("reason", ""))}
                <button>{make}</button>
            </form>
            <form method="post" action="/businesses/apay">
                <h2>{setting.say("第四方合作方（Apay）", "A partner (Apay)")}</h2>
                <p>{once}</p>
                {token(setting)}
                <label>"partnerId"<input name="code" required maxlength="32" value=typed("apay", "code", "")/></label>
                <label>{callback}<input name="callback" value=typed("apay", "callback", "")/></label>
                {reason(setting, &typed("apay", "reason", ""))}
                <button>{make}</button>
            </form>
            <form method="post" action="/businesses/epay">
                <h2>{setting.say("易支付系统（epay）", "An epay system (易支付)")}</h2>
                <p>{once}</p>
                {token(setting)}
                <input type="hidden" name="code" value=businesses.next_pid.map(|pid| pid.to_string())/>
                <label>{setting.say("叫它什么", "What you call it")}
                    <input name="name" required maxlength="64" value=typed("epay", "name", "")/></label>
                <label>{callback}<input name="callback" value=typed("epay", "callback", "")/></label>
                {reason(setting, &typed("epay", "reason", ""))}
                <button>{make}</button>
            </form>
        </div>
    }
    .into_any()
}

/// One business system.
#[must_use]
pub fn business(setting: &Setting<'_>, business: &Business) -> String {
    let Business {
        domain, counted, ..
    } = business;
    let state = state(setting, domain, business.now_ms).join(" · ");
    let stopped = (!state.is_empty()).then_some("bad");
    let rows: Vec<_> = business
        .fields
        .iter()
        .map(|field| {
            view! {
                <tr>
                    <td>{label(setting.lang, field.name)}<small>{field.name}</small></td>
                    <td>{shown(&field.text)}</td>
                </tr>
            }
        })
        .collect();
    let readings = (counted.other_key > 0 || counted.recut > 0).then(|| {
        let text = match setting.lang {
            Lang::Zh => format!(
                "签名也合别的 requestKey 的请求：{}；也可能合别的金额的：{}。",
                counted.other_key, counted.recut
            ),
            Lang::En => format!(
                "Requests whose sign fits another requestKey: {}; could fit another sum: {}.",
                counted.other_key, counted.recut
            ),
        };
        view! { <p class="bad">{text}</p> }
    });
    let orders = format!("/orders?business={}", domain.code);
    let acts = format!("/acts?about={}", domain.code);
    let body = view! {
        {noticed(business.notice.as_ref())}
        <dl>
            <div><dt>{setting.say("接口", "Interface")}</dt><dd>{kind(setting, domain)}</dd></div>
            <div><dt>{setting.say("名字", "Name")}</dt><dd>{shown(&name(domain))}</dd></div>
            <div><dt>{setting.say("状态", "State")}</dt><dd class=stopped>{shown(&state)}</dd></div>
            {fixed(setting, domain)}
        </dl>
        <p><a href=orders>{setting.say("它的订单", "Its orders")}</a>" "
            <a href=acts>{setting.say("对它做过什么", "What was done to it")}</a></p>
        {readings}
        {warned(setting, &business.uncalled)}
        {secrets(setting, business)}
        {match hindrance(setting) {
            Some(why) => view! { <p>{why}</p> }.into_any(),
            None => acts_of(setting, business),
        }}
        <h2>{setting.say("设置", "Settings")}</h2>
        <table><tbody>{rows}</tbody></table>
    };
    let title = format!("{} {}", setting.say("业务系统", "Business"), domain.code);
    document(setting, &title, body)
}

/// Says whose callbacks are not called.
fn warned(setting: &Setting<'_>, uncalled: &[String]) -> Option<impl IntoView> {
    if uncalled.is_empty() {
        return None;
    }
    let hosts = uncalled.join(" ");
    let text = match setting.lang {
        Lang::Zh => format!(
            "{hosts} 是内网地址：回调到它的请求会被拒绝（10014），除非列入 private-callback-host。"
        ),
        Lang::En => format!(
            "{hosts}: a private address. Requests whose callbacks go there are refused (10014), \
             unless private-callback-host lists it."
        ),
    };
    Some(view! { <p class="bad">{text}</p> })
}

/// What was fixed when it was made.
fn fixed(setting: &Setting<'_>, domain: &Domain) -> Option<impl IntoView> {
    let KeyRule::Strict(strict) = &domain.rule else {
        return None;
    };
    let pairs = [
        (
            "requestKey",
            format!("{}… × {}", strict.prefix, strict.length),
        ),
        ("requestChannel", strict.request_channel.clone()),
        (
            setting.say("币种", "Currency"),
            strict.currency.code().to_owned(),
        ),
        (
            setting.say("汇率小数位", "Decimals of rate"),
            strict.rate_decimals.to_string(),
        ),
    ];
    let pair = |(name, value): (&'static str, String)| {
        view! { <div><dt>{name}</dt><dd>{value}</dd></div> }
    };
    Some(pairs.map(pair).collect_view())
}

/// How many secrets there are, until when they hold, and while several do, by which of them
/// it signs.
fn secrets(setting: &Setting<'_>, business: &Business) -> impl IntoView {
    // With one alone there is nothing to tell apart.
    let is_rotated = business.domain.live_secrets(business.now_ms).count() > 1;
    let line = |generation: i64, end_ms: Option<i64>| {
        let text = match (setting.lang, end_ms) {
            (Lang::Zh, None) => "在用".to_owned(),
            (Lang::En, None) => "in use".to_owned(),
            (Lang::Zh, Some(end_ms)) if end_ms <= business.now_ms => {
                format!("已于 {} 失效", (setting.time)(end_ms))
            }
            (Lang::En, Some(end_ms)) if end_ms <= business.now_ms => {
                format!("ended at {}", (setting.time)(end_ms))
            }
            (Lang::Zh, Some(end_ms)) => format!("有效到 {}", (setting.time)(end_ms)),
            (Lang::En, Some(end_ms)) => format!("holds until {}", (setting.time)(end_ms)),
        };
        let used = is_rotated.then(|| {
            let mut uses = business.uses.iter();
            let used = uses.find(|one| one.generation == generation);
            match (setting.lang, used.map(|used| (setting.time)(used.at_ms))) {
                (Lang::Zh, Some(time)) => format!("最近一次用它签名：{time}"),
                (Lang::En, Some(time)) => format!("last signed by at {time}"),
                (Lang::Zh, None) => "轮换以来没有见它签过名".to_owned(),
                (Lang::En, None) => "not signed by since there are several".to_owned(),
            }
        });
        view! { <tr><td>{generation}</td><td>{text}<small>{used}</small></td></tr> }
    };
    let lines = business.domain.secrets().iter();
    let lines: Vec<_> = lines
        .map(|secret| line(secret.generation, secret.not_after_ms))
        .collect();
    view! {
        <h2>{setting.say("密钥（从不显示）", "Secrets, which are never shown")}</h2>
        <table><tbody>{lines}</tbody></table>
    }
}

/// What an admin can do.
fn acts_of(setting: &Setting<'_>, business: &Business) -> AnyView {
    let Business { domain, mark, .. } = business;
    let change = format!("/business/{}/change", domain.code);
    let rotate = format!("/business/{}/rotate", domain.code);
    let marked = || {
        view! { {token(setting)} <input type="hidden" name="mark" value=mark.clone()/> }
    };
    let (stop, stops, effect) = match domain.settings.disabled {
        true => (
            setting.say("恢复", "Enable"),
            "false",
            setting.say(
                "又接受它的请求。先看变化，再确认。",
                "Its calls are taken again. You see the change first, and confirm it.",
            ),
        ),
        false => (
            setting.say("停用", "Disable"),
            "true",
            setting.say(
                "拒绝它的一切请求（例如密钥被盗）；已开始的订单照常走完。先看变化，再确认。",
                "All its calls are refused (a stolen secret); orders that began go on. You see \
                 the change first, and confirm it.",
            ),
        ),
    };
    let fields: Vec<_> = business
        .fields
        .iter()
        .map(|field| input(setting, field, said(&business.typed, field.name)))
        .collect();
    let mut names = business.fields.iter().map(|field| field.name);
    let is_typed = names.any(|name| said(&business.typed, name).is_some());
    let overlap = said(&business.typed, "overlap").unwrap_or("7d").to_owned();
    let why = match is_typed {
        true => "",
        false => said(&business.typed, "reason").unwrap_or_default(),
    };
    let change_too = change.clone();
    view! {
        <div class="acts">
            <form method="post" action=rotate>
                <h2>{setting.say("换密钥", "Rotate the secret")}</h2>
                <p>{setting.say(
                    "发一个新密钥，只显示一次；现用的在重叠期内仍然有效，期满即失效；更早的最晚也到那时\
                     失效，本来更早失效的不会延长。",
                    "Issues another secret, which is shown once; the one in use now holds for the \
                     overlap, and not after. Older ones end then at the latest: one that ends \
                     sooner ends as it did.",
                )}</p>
                {marked()}
                <label>{setting.say("旧密钥还有效多久：30m、12h、7d，最多 90d", "How long the old one holds: 30m, 12h, 7d, at most 90d")}
                    <input name="overlap" required value=overlap maxlength="12"/></label>
                {reason(setting, why)}
                <button>{setting.say("换密钥", "Rotate the secret")}</button>
            </form>
            {end_older(setting, business)}
            <form method="post" action=change>
                <h2>{stop}</h2>
                <p>{effect}</p>
                {marked()}
                <input type="hidden" name="disabled" value=stops/>
                <button>{stop}</button>
            </form>
        </div>
        <details open=is_typed>
            <summary>{setting.say("改设置", "Change settings")}</summary>
            <form method="post" action=change_too class="settings">
                {marked()}
                {fields}
                <p><button>{setting.say("看会改什么", "Show what changes")}</button></p>
            </form>
        </details>
    }
    .into_any()
}

/// Ends older secrets now, where one holds.
fn end_older(setting: &Setting<'_>, business: &Business) -> Option<impl IntoView> {
    let Business { domain, uses, .. } = business;
    let older = domain.live_secrets(business.now_ms).skip(1);
    let older: Vec<_> = older.map(|secret| secret.generation).collect();
    let used = uses.iter().filter(|one| older.contains(&one.generation));
    let used = used.map(|one| one.at_ms).max().map(setting.time);
    let used = match (setting.lang, used) {
        (Lang::Zh, Some(time)) => format!("最近一次看到旧密钥签名：{time}。"),
        (Lang::En, Some(time)) => format!("An older one was last seen to sign at {time}."),
        (Lang::Zh, None) => "上次轮换以来没有见旧密钥签过名。".to_owned(),
        (Lang::En, None) => "No older one was seen to sign since the last rotation.".to_owned(),
    };
    let end = setting.say("旧密钥现在失效", "End the older secrets now");
    let address = format!("/business/{}/end-older", domain.code);
    let form = view! {
        <form method="post" action=address>
            <h2>{end}</h2>
            <p>{setting.say(
                "所有旧密钥立刻失效，只留最新的一个：此后用旧密钥签的请求和付款页地址（包括还在选渠道的\
                 页面）都被拒绝，回调改用最新的签名；已开始的订单照常走完。",
                "Every older secret ends at once, and the newest alone holds: requests and \
                 addresses of pages that an older one signs are refused from then on, pages where \
                 a channel is still to be picked too, and callbacks are signed by the newest. \
                 Orders that began go on.",
            )}</p>
            <p>{used}</p>
            {token(setting)}
            <input type="hidden" name="mark" value=business.mark.clone()/>
            {reason(setting, "")}
            <button>{end}</button>
        </form>
    };
    (!older.is_empty()).then_some(form)
}

fn input(setting: &Setting<'_>, field: &Field, typed: Option<&str>) -> impl IntoView + use<> {
    let name = field.name;
    let text = typed.unwrap_or(&field.text).to_owned();
    let put = match field.shape {
        Shape::Choice(of) => {
            let option = |word: &&'static str| {
                view! { <option selected={*word == text}>{*word}</option> }
            };
            let options: Vec<_> = of.iter().map(option).collect();
            view! { <select name=name>{options}</select> }.into_any()
        }
        Shape::Text | Shape::List => view! { <input name=name value=text/> }.into_any(),
        Shape::Afresh => {
            let typed = typed.map(str::to_owned);
            view! { <input name=name placeholder=field.text.clone() value=typed/> }.into_any()
        }
    };
    let hint = match field.shape {
        Shape::List => setting.say("，空格分隔", ", blanks between"),
        Shape::Afresh => setting.say(
            "：90m、12h，最多 7d；now 即结束；留空不变",
            ": 90m, 12h, at most 7d; now ends it; empty: as it is",
        ),
        _ => "",
    };
    view! {
        <label>{label(setting.lang, name)}{hint}{put}<small>{name}</small></label>
    }
}

/// What a change would change; it asks for a reason.
#[must_use]
pub fn planned(setting: &Setting<'_>, planned: &Planned) -> String {
    let row = |change: &Change| {
        view! {
            <tr>
                <td>{label(setting.lang, change.name)}<small>{change.name}</small></td>
                <td data-name=setting.say("现在", "Before")>{shown(&change.was)}</td>
                <td data-name=setting.say("改成", "After")><b>{shown(&change.is)}</b></td>
            </tr>
        }
    };
    let rows: Vec<_> = planned.changes.iter().map(row).collect();
    let said = planned.changes.iter();
    let said: Vec<_> = said
        .map(|change| {
            view! { <input type="hidden" name=change.name value=change.said.clone()/> }
        })
        .collect();
    let back = format!("/business/{}", planned.code);
    let set = format!("{back}/set");
    let body = view! {
        {noticed(planned.notice.as_ref())}
        <p>{setting.say(
            "还没有改。下面就是会改的全部；别的都不变。",
            "Nothing is changed yet. This is all that changes; everything else stays.",
        )}</p>
        <table>
            <thead><tr>
                <th>{setting.say("设置", "Setting")}</th>
                <th>{setting.say("现在", "Before")}</th>
                <th>{setting.say("改成", "After")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {warned(setting, &planned.uncalled)}
        <form method="post" action=set class="narrow">
            {token(setting)}
            <input type="hidden" name="mark" value=planned.mark.clone()/>
            {said}
            {reason(setting, &planned.reason)}
            <button>{setting.say("就这样改", "Change it so")}</button>
            <p><a href=back>{setting.say("不改", "Leave it")}</a></p>
        </form>
    };
    let title = format!("{} {}", setting.say("改设置", "Change"), planned.code);
    document(setting, &title, body)
}

/// What a setting says, of which an empty text would show nothing.
fn shown(text: &str) -> String {
    match text {
        "" => "—".to_owned(),
        text => text.to_owned(),
    }
}

/// What was issued.
#[must_use]
pub fn issued(setting: &Setting<'_>, issued: &Issued) -> String {
    let pair = |(name, value): &(&'static str, String)| {
        view! { <tr><td>{*name}</td><td><code>{value.clone()}</code></td></tr> }
    };
    let pairs: Vec<_> = issued.pasted.iter().map(pair).collect();
    let is_epay = issued.pasted.iter().any(|(name, _)| *name == "pid");
    let where_to = match is_epay {
        true => setting.say(
            "填到业务系统里易支付的网关、商户ID、商户密钥三处；签名方式选 MD5。",
            "Paste these where the business system asks for its epay (易支付) gateway, merchant \
             id and key, and MD5 where it asks for the sign.",
        ),
        false => setting.say(
            "填到业务系统签名的地方。",
            "Paste these where the business system signs.",
        ),
    };
    let old = issued.old_until_ms.map(|until_ms| match setting.lang {
        Lang::Zh => format!(
            "前一个密钥有效到 {}；更早的不会因此延长。",
            (setting.time)(until_ms)
        ),
        Lang::En => format!(
            "The one before holds until {}; none before it holds longer than it did.",
            (setting.time)(until_ms)
        ),
    });
    let address = format!("/business/{}", issued.code);
    let body = view! {
        <p class="bad">{setting.say(
            "只显示这一次：离开这页就再也看不到。",
            "It is shown this once: nobody sees it again after this page.",
        )}</p>
        <table><tbody>{pairs}</tbody></table>
        <p>{where_to}" "{old}</p>
        <p><a href=address>{setting.say("已保存，看它的页面", "It is kept: on to its page")}</a></p>
    };
    let title = format!("{} {}", setting.say("密钥", "Secret of"), issued.code);
    document(setting, &title, body)
}

/// A setting, or another field of a form, in words; empty: it is none.
#[must_use]
pub fn label(lang: Lang, name: &str) -> &'static str {
    let (zh, en) = match name {
        "key-prefix" => ("requestKey 的开头", "How each requestKey begins"),
        "key-length" => ("requestKey 的长度", "Length of each requestKey"),
        "currency" => ("币种", "Currency"),
        "overlap" => ("旧密钥还有效多久", "How long the old one holds"),
        "disabled" => (
            "停用：拒绝它的一切请求",
            "Disabled: all its calls are refused",
        ),
        "payments-frozen" => ("冻结付款", "Payments frozen"),
        "refunds-frozen" => ("冻结退款", "Refunds frozen"),
        "refunds-a-day" => (
            "24 小时内最多退（分，0 不限）",
            "Given back within 24 hours at most, fen (cents); 0: all",
        ),
        "largest-sum" => ("一笔最大（分）", "Largest sum, fen (cents)"),
        "attempts-an-hour" => ("一个请求每小时可试几次", "Attempts of a request an hour"),
        "attempt-life" => ("一次付款的有效时间", "How long an attempt lives"),
        "deadline" => ("一个请求多久内可付", "How long a request can be paid"),
        "late-money" => ("关闭后才到的钱", "Money for a closed request"),
        "hmac-required" => ("只收 HMAC-SHA256 签名", "HMAC-SHA256 signs alone"),
        "sign2" => ("回调也带 sign2", "Callbacks carry sign2"),
        "failurepay" => ("未付关闭时回调 FAILUREPAY", "FAILUREPAY is called back"),
        "refund-callbacks" => ("退款结束时回调", "The end of a refund is called back"),
        "refund-details" => ("回调里列出每笔退款", "Each refund is told with its sum"),
        "hold-for-callback" => (
            "付款人等到回调被确认（最多 3 秒）",
            "A payer is held until the callback is taken, 3 s at most",
        ),
        "return" => ("页面地址可用的主机", "Hosts of the page addresses"),
        "frame-origin" => (
            "可以把页面放进框架的来源",
            "Origins that may frame the page",
        ),
        "recut" => ("签名也合别的金额的请求", "A sign that fits another sum"),
        "request-channel" => ("requestChannel 的值", "Values of requestChannel"),
        "rate-decimals" => ("汇率小数位", "Decimals of rate"),
        "time-window" => ("time 可以差多少", "How far time may be off"),
        "refund-code" => ("退款已受理的 code", "The code that says a refund was taken"),
        "callback" => ("回调地址的前缀", "Addresses that callbacks lie under"),
        "private-callback-host" => ("可以是内网的回调主机", "Callback hosts that may be private"),
        "payee" => ("收款方（中文）", "Who is paid, in Chinese"),
        "payee-en" => ("收款方（英文）", "Who is paid, in English"),
        "help-line" => ("客服（中文）", "Help, in Chinese"),
        "help-line-en" => ("客服（英文）", "Help, in English"),
        "picture" => ("图片", "Picture"),
        "relay-until" => ("回调转发到", "Callbacks are relayed until"),
        _ => ("", ""),
    };
    lang.choose(zh, en)
}
