//! What waits and what may come to wait: queues, lanes, instances, channels, and what ends
//! soon.

use crate::alarms::{AlarmsTo, alarms};
use crate::words::channel_of;
use crate::{Setting, age, document};
use leptos::prelude::*;
use payment::lang::Lang;
use payment::ports::{Backlog, Instance, Late, Overdue, Untaken};

const DAY_MS: i64 = 86_400_000;
/// Lines of each table.
const LINES: usize = 50;

/// A receiver's lane, as this instance sends to it.
pub struct Lane {
    /// Whose it is.
    pub receiver: String,
    /// Callbacks that are under way.
    pub sending: usize,
    /// Those that wait for their turn.
    pub waiting: usize,
    /// No more are taken until some are done.
    pub is_full: bool,
}

/// A channel account, as this instance sees it.
pub struct Answering {
    /// The code of its channel.
    pub channel: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it takes new payments, as it is set up.
    pub enabled: bool,
    /// It fails, and is not offered.
    pub is_away: bool,
    /// New orders in a row without an answer.
    pub lost_orders: u32,
    /// Calls of the last minutes.
    pub calls: u32,
    /// Those of them without an answer.
    pub lost: u32,
    /// Those of them that were refused.
    pub refused: u32,
    /// How long one took in the mean, ms.
    pub mean_ms: u128,
    /// How long the slowest took, ms.
    pub slowest_ms: u128,
}

/// What it is that ends.
pub enum Ending {
    /// A certificate, in this file.
    Certificate(String),
    /// An older secret of a business system, which has a newer one.
    Secret(String),
}

/// Something that ends.
pub struct End {
    /// What.
    pub what: Ending,
    /// When, ms since 1970.
    pub at_ms: i64,
}

/// What the page shows.
pub struct Queues<'a> {
    /// What waits.
    pub backlog: Backlog,
    /// What was due a minute ago or longer.
    pub overdue: Overdue,
    /// What is due later than any schedule says.
    pub too_far: i64,
    /// Business systems that take no callbacks.
    pub untaken: Vec<Untaken>,
    /// Lanes of this instance, the fullest first.
    pub lanes: Vec<Lane>,
    /// Who is at work.
    pub instances: Vec<Instance>,
    /// What this one is called.
    pub own: &'a str,
    /// How many there are to be, as it is set up.
    pub expected: u32,
    /// For how long work that was taken is nobody else's, ms.
    pub lease_ms: i64,
    /// Channel accounts.
    pub accounts: Vec<Answering>,
    /// Calls are those of so many minutes.
    pub minutes: u64,
    /// What ends within thirty days, the first to end first.
    pub ends: Vec<&'a End>,
    /// When it was looked for what ends, ms since 1970; none: not yet.
    pub looked_ms: Option<i64>,
    /// Where alarms are sent; none: nobody is told.
    pub alarms: Option<AlarmsTo<'a>>,
    /// Now, ms since 1970.
    pub now_ms: i64,
}

impl Queues<'_> {
    /// How many things a person should look at.
    #[must_use]
    pub fn amiss(&self) -> usize {
        let Overdue {
            queries,
            refunds,
            notifies,
            callbacks,
        } = self.overdue;
        let late = [queries, refunds, notifies, callbacks];
        let late = late.iter().filter(|late| late.count > 0).count();
        let full = self.lanes.iter().filter(|lane| lane.is_full).count();
        let away = self.accounts.iter().filter(|one| one.is_away).count();
        let is_wrong = self.alarms.as_ref().is_some_and(|to| to.other.is_some());
        let alone = [
            self.too_far > 0,
            self.lacks_itself(),
            self.are_many(),
            is_wrong,
        ];
        let alone = alone.iter().filter(|is_so| **is_so).count();
        late + self.untaken.len() + full + away + alone + self.ends.len()
    }

    /// Whether this instance is not among those that were heard of.
    fn lacks_itself(&self) -> bool {
        self.instances.iter().all(|one| one.name != self.own)
    }

    /// Whether there are more than share what the channels grant.
    fn are_many(&self) -> bool {
        usize::try_from(self.expected).is_ok_and(|expected| self.instances.len() > expected)
    }
}

/// The page.
#[must_use]
pub fn queues(setting: &Setting<'_>, queues: &Queues<'_>) -> String {
    let body = view! {
        {summary(setting, queues)}
        {work(setting, queues)}
        {receivers(setting, queues)}
        {instances(setting, queues)}
        {accounts(setting, queues)}
        {ends(setting, queues)}
        {alarms(setting, queues.alarms.as_ref())}
    };
    document(setting, setting.say("队列", "Queues"), body)
}

/// How it all stands, in a line.
pub(crate) fn summary(setting: &Setting<'_>, queues: &Queues<'_>) -> impl IntoView {
    let amiss = queues.amiss();
    let text = match (amiss, setting.lang) {
        (0, Lang::Zh) => "都按时，没有要看的。".to_owned(),
        (0, Lang::En) => "All in time, nothing to look at.".to_owned(),
        (_, Lang::Zh) => format!("{amiss} 件要看。"),
        (1, Lang::En) => "One thing to look at.".to_owned(),
        (_, Lang::En) => format!("{amiss} things to look at."),
    };
    let class = if amiss == 0 { "good" } else { "bad" };
    view! { <p class=class>{text}</p> }
}

/// A next step, where there is one.
fn step(text: Option<String>) -> AnyView {
    match text {
        Some(text) => view! { <td class="bad">{text}</td> }.into_any(),
        None => view! { <td></td> }.into_any(),
    }
}

fn work(setting: &Setting<'_>, queues: &Queues<'_>) -> impl IntoView {
    let Overdue {
        queries,
        refunds,
        notifies,
        callbacks,
    } = queues.overdue;
    let backlog = &queues.backlog;
    let ours = setting.say(
        "看下面哪个实例在工作，再看它的日志",
        "See below which instance is at work, then its log",
    );
    let theirs = match queues.lanes.iter().any(|lane| lane.is_full) {
        true => setting.say(
            "看下面哪个接收方的通道满了",
            "See below which receiver's lane is full",
        ),
        false => ours,
    };
    let rows = [
        (
            setting.say("到时该查渠道的订单", "Orders whose query is due"),
            None,
            backlog.queries,
            queries,
            ours,
        ),
        (
            setting.say(
                "等着发的回调（tongfu callback list）",
                "Callbacks that wait (tongfu callback list)",
            ),
            Some(setting.say("其中发不通的，按订单", "by order, those that fail now")),
            backlog.callbacks,
            callbacks,
            theirs,
        ),
        (
            setting.say("在路上的退款", "Refunds under way"),
            None,
            backlog.refunds,
            refunds,
            ours,
        ),
        (
            setting.say("未处理的通知", "Notifies not worked on"),
            None,
            backlog.notifies,
            notifies,
            ours,
        ),
    ];
    let count = setting.say("等着：", "waiting:");
    let overdue = setting.say("过时：", "overdue:");
    let rows = rows.map(|(name, failing, waiting, late, next)| {
        let Late {
            count: late,
            oldest_ms,
        } = late;
        let oldest = oldest_ms.map(|at_ms| {
            let since = age(setting.lang, queues.now_ms - at_ms);
            view! { {(setting.time)(at_ms)}<small>{since}</small> }
        });
        let next = (late > 0).then(|| next.to_owned());
        view! {
            <tr>
                <td>{name}{failing.map(|failing| view! {
                    <small><a href="/orders?callback=failing">{failing}</a></small>
                })}</td>
                <td class="number" data-name=count>{waiting}</td>
                <td class="number" data-name=overdue>{late}</td>
                <td>{oldest}</td>
                {step(next)}
            </tr>
        }
    });
    let too_far = (queues.too_far > 0).then(|| match setting.lang {
        Lang::Zh => format!(
            "{} 件排得比任何日程都晚：有时钟走快过。服务器会改回来；看 tongfu doctor。",
            queues.too_far
        ),
        Lang::En => format!(
            "{} are due later than any schedule says: a clock was ahead. The server mends it; \
             see tongfu doctor.",
            queues.too_far
        ),
    });
    view! {
        <h2>{setting.say("到时要做的", "What is due")}</h2>
        <table>
            <thead><tr>
                <th>{setting.say("什么", "What")}</th>
                <th class="number">{setting.say("等着", "Waiting")}</th>
                <th class="number">{setting.say("过时一分钟以上", "Overdue a minute")}</th>
                <th>{setting.say("最早该在", "The oldest was due at")}</th>
                <th>{setting.say("下一步", "Next step")}</th>
            </tr></thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
        {too_far.map(|text| view! { <p class="bad">{text}</p> })}
    }
}

/// Who takes no callbacks, and how this instance's lanes stand.
fn receivers(setting: &Setting<'_>, queues: &Queues<'_>) -> impl IntoView {
    let untaken = table(
        setting,
        setting.say("没有：都收回调。", "None: all take their callbacks."),
        view! {
            <th>{setting.say("业务系统", "Business system")}</th>
            <th class="number">{setting.say("回调", "Callbacks")}</th>
            <th>{setting.say("最早写于", "The oldest was written at")}</th>
            <th>{setting.say("下一步", "Next step")}</th>
        },
        &queues.untaken,
        |one| untaken(setting, one, queues.now_ms),
    );
    let lanes = table(
        setting,
        setting.say("现在没有回调在发。", "No callback is under way now."),
        view! {
            <th>{setting.say("接收方", "Receiver")}</th>
            <th class="number">{setting.say("在发", "Under way")}</th>
            <th class="number">{setting.say("等着", "Waiting")}</th>
            <th>{setting.say("下一步", "Next step")}</th>
        },
        &queues.lanes,
        |one| lane(setting, one),
    );
    let takes_none = setting.say(
        "不收回调的业务系统",
        "Business systems that take no callbacks",
    );
    view! {
        <h2>{takes_none}</h2>
        {untaken}
        <h2>{setting.say("通道（这个实例的）", "Lanes, of this instance")}</h2>
        {lanes}
    }
}

fn untaken(setting: &Setting<'_>, one: &Untaken, now_ms: i64) -> impl IntoView + use<> {
    let address = format!("/orders?business={}&callback=failing", one.domain_code);
    let business = format!("/business/{}", one.domain_code);
    let callbacks = setting.say("回调：", "callbacks:");
    // Those that wait in its lane were never sent.
    let failing = setting.say("正在失败的", "those that fail now");
    let next = setting.say(
        "看它的订单收到了什么回答，请它修好",
        "See at its orders what it answers, and have it mended",
    );
    view! {
        <tr>
            <td><a href=business>{one.domain_code.clone()}</a></td>
            <td class="number" data-name=callbacks>{one.count}
                <small><a href=address>{failing}</a></small></td>
            <td>{(setting.time)(one.oldest_ms)}
                <small>{age(setting.lang, now_ms - one.oldest_ms)}</small></td>
            {step(Some(next.to_owned()))}
        </tr>
    }
}

fn lane(setting: &Setting<'_>, one: &Lane) -> impl IntoView + use<> {
    let full = setting.say(
        "满了：它答得太慢，请它先答再处理",
        "Full: it answers too slowly; have it answer first and work afterwards",
    );
    let next = one.is_full.then(|| full.to_owned());
    view! {
        <tr>
            <td>{one.receiver.clone()}</td>
            <td class="number" data-name=setting.say("在发：", "under way:")>{one.sending}</td>
            <td class="number" data-name=setting.say("等着：", "waiting:")>{one.waiting}</td>
            {step(next)}
        </tr>
    }
}

/// A table of the first of these, or what is said where there are none.
fn table<T, V: IntoView>(
    setting: &Setting<'_>,
    none: &'static str,
    head: impl IntoView,
    all: &[T],
    row: impl Fn(&T) -> V,
) -> AnyView {
    if all.is_empty() {
        return view! { <p>{none}</p> }.into_any();
    }
    let rows: Vec<_> = all.iter().take(LINES).map(row).collect();
    let more = all.len() - rows.len();
    let more = (more > 0).then(|| match setting.lang {
        Lang::Zh => format!("另有 {more} 条：先处理这些。"),
        Lang::En => format!("{more} more: these first."),
    });
    view! {
        <table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>
        {more.map(|more| view! { <p>{more}</p> })}
    }
    .into_any()
}

fn instance(setting: &Setting<'_>, one: &Instance, own: &str) -> impl IntoView + use<> {
    let this = setting.say("就是这个", "this one");
    let this = (one.name == own).then(|| view! { <small>{this}</small> });
    let heard = before(setting.lang, one.quiet_ms);
    view! {
        <tr>
            <td>{one.name.clone()}{this}</td>
            <td data-name=setting.say("版本", "version")>{one.version.clone()}</td>
            <td data-name=setting.say("听到于", "heard")>{heard}</td>
        </tr>
    }
}

fn instances(setting: &Setting<'_>, queues: &Queues<'_>) -> impl IntoView {
    let rows = table(
        setting,
        "",
        view! {
            <th>{setting.say("实例", "Instance")}</th>
            <th>{setting.say("版本", "Version")}</th>
            <th>{setting.say("最近听到", "Last heard of")}</th>
        },
        &queues.instances,
        |one| instance(setting, one, queues.own),
    );
    let at_work = queues.instances.len();
    let expected = queues.expected;
    let many = queues.are_many().then(|| match setting.lang {
        Lang::Zh => format!(
            "{at_work} 个在工作，设置 instances 是 {expected}：渠道会被问得太多。升级之后还这样，\
             就设 instances = {at_work} 再重启。"
        ),
        Lang::En => format!(
            "{at_work} are at work, and the setting instances says {expected}: channels may be \
             asked too often. Where that is so after an upgrade too, set instances = {at_work} \
             and restart."
        ),
    });
    let lacks = queues.lacks_itself().then(|| {
        setting.say(
            "半分钟没有听到这个实例：看它的日志，数据库可能不收写入。",
            "This instance was not heard of for half a minute: see its log, the database may take \
         no writes.",
        )
    });
    let seconds = queues.lease_ms / 1000;
    let lease = match setting.lang {
        Lang::Zh => format!(
            "取走的活不记是谁取的：过 {seconds} 秒还没做完，别的实例就接着做。停掉的实例不用清理。"
        ),
        Lang::En => format!(
            "Work that was taken bears nobody's name: what is not done after {seconds} s another \
             instance takes up. Nothing is to be cleared after one that died."
        ),
    };
    view! {
        <h2>{setting.say("在工作的实例", "Instances at work")}</h2>
        {rows}
        {lacks.map(|text| view! { <p class="bad">{text}</p> })}
        {many.map(|text| view! { <p class="bad">{text}</p> })}
        <p>{lease}</p>
    }
}

fn before(lang: Lang, ms: i64) -> String {
    let age = age(lang, ms);
    match lang {
        Lang::Zh => format!("{age}前"),
        Lang::En => format!("{age} ago"),
    }
}

fn accounts(setting: &Setting<'_>, queues: &Queues<'_>) -> impl IntoView {
    let minutes = queues.minutes;
    let title = match setting.lang {
        Lang::Zh => format!("渠道账户：这个实例最近 {minutes} 分钟看到的"),
        Lang::En => format!("Channel accounts, as this instance saw the last {minutes} minutes"),
    };
    let none = setting.say(
        "没有渠道账户：写进账户文件，或 tongfu channel add。",
        "There are no channel accounts: write them into the accounts file, or tongfu channel add.",
    );
    let table = table(
        setting,
        none,
        view! {
            <th>{setting.say("账户", "Account")}</th>
            <th>{setting.say("状态", "State")}</th>
            <th class="number">{setting.say("调用", "Calls")}</th>
            <th class="number">{setting.say("没有应答", "Without an answer")}</th>
            <th class="number">{setting.say("被拒", "Refused")}</th>
            <th class="number">{setting.say("平均 / 最慢", "Mean / slowest")}</th>
            <th>{setting.say("下一步", "Next step")}</th>
        },
        &queues.accounts,
        |one| account(setting, one),
    );
    view! {
        <h2>{title}</h2>
        {table}
    }
}

fn account(setting: &Setting<'_>, one: &Answering) -> impl IntoView + use<> {
    let state = match (one.is_away, one.lost_orders, one.enabled, setting.lang) {
        (true, _, _, _) => setting
            .say(
                "没有应答，不给付款人看",
                "does not answer, and is not offered",
            )
            .to_owned(),
        (_, _, false, _) => setting
            .say(
                "停用：只管已有的订单",
                "disabled: what has begun is looked after",
            )
            .to_owned(),
        (_, 0, _, _) => setting.say("正常", "well").to_owned(),
        (_, lost, _, Lang::Zh) => format!("正常；连着 {lost} 个新订单没有应答"),
        (_, lost, _, Lang::En) => format!("well; the last {lost} new orders had no answer"),
    };
    let check = format!("tongfu channel check {}/{}", one.channel, one.name);
    let next = match (one.is_away, one.lost > 0) {
        (true, _) => Some(match setting.lang {
            Lang::Zh => format!("好了会自己回来；看是哪里不通：{check}"),
            Lang::En => format!("It comes back by itself; see what is wrong: {check}"),
        }),
        (false, true) => Some(match setting.lang {
            Lang::Zh => format!("看渠道是否故障：{check}"),
            Lang::En => format!("See whether the channel is down: {check}"),
        }),
        (false, false) => None,
    };
    let share = (u64::from(one.lost) * 100).checked_div(u64::from(one.calls));
    let lost = match share {
        Some(share) => format!("{} ({share} %)", one.lost),
        None => "—".to_owned(),
    };
    let took = match one.calls {
        0 => "—".to_owned(),
        _ => format!("{} / {} ms", one.mean_ms, one.slowest_ms),
    };
    view! {
        <tr>
            <td>{channel_of(setting, one.channel)}" / "{one.name.clone()}</td>
            <td>{state}</td>
            <td class="number" data-name=setting.say("调用：", "calls:")>{one.calls}</td>
            <td class="number" data-name=setting.say("没有应答：", "without an answer:")>{lost}</td>
            <td class="number" data-name=setting.say("被拒：", "refused:")>{one.refused}</td>
            <td class="number" data-name=setting.say("平均/最慢：", "mean/slowest:")>{took}</td>
            // One that is offered is nothing that a person has to look at now.
            {if one.is_away { step(next) } else { view! { <td>{next}</td> }.into_any() }}
        </tr>
    }
}

fn end(setting: &Setting<'_>, end: &End, now_ms: i64) -> impl IntoView + use<> {
    let (what, next) = ending(setting, &end.what);
    let left = (end.at_ms - now_ms).div_euclid(DAY_MS);
    let left = match (left, setting.lang) {
        (..=-1, Lang::Zh) => "已经到期".to_owned(),
        (..=-1, Lang::En) => "has ended".to_owned(),
        (days, Lang::Zh) => format!("还有 {days} 天"),
        (1, Lang::En) => "1 day left".to_owned(),
        (days, Lang::En) => format!("{days} days left"),
    };
    view! {
        <tr>
            <td>{what}</td>
            <td>{(setting.time)(end.at_ms)}<small>{left}</small></td>
            {step(Some(next))}
        </tr>
    }
}

fn ends(setting: &Setting<'_>, queues: &Queues<'_>) -> impl IntoView {
    let looked = match (queues.looked_ms, setting.lang) {
        (None, _) => setting.say("还没有看过。", "Not looked at yet.").to_owned(),
        (Some(at_ms), Lang::Zh) => format!("看于 {}，每小时一次。", (setting.time)(at_ms)),
        (Some(at_ms), Lang::En) => {
            format!("Looked at {}, once an hour.", (setting.time)(at_ms))
        }
    };
    let none = match queues.looked_ms {
        Some(_) => setting.say("30 天内没有。", "None within 30 days."),
        None => "",
    };
    let table = table(
        setting,
        none,
        view! {
            <th>{setting.say("什么", "What")}</th>
            <th>{setting.say("到期", "Ends")}</th>
            <th>{setting.say("下一步", "Next step")}</th>
        },
        &queues.ends,
        |one| end(setting, one, queues.now_ms),
    );
    let title = setting.say(
        "30 天内到期的证书和密钥",
        "Certificates and secrets that end within 30 days",
    );
    view! {
        <h2>{title}</h2>
        {table}
        <p>{looked}</p>
    }
}

/// What it is that ends, and what is to be done.
fn ending(setting: &Setting<'_>, what: &Ending) -> (String, String) {
    match (what, setting.lang) {
        (Ending::Certificate(file), Lang::Zh) => (
            format!("证书 {file}"),
            "向渠道要新的，换文件，发 SIGHUP（在数据库里的：tongfu channel rotate），再 tongfu channel \
             check"
                .to_owned(),
        ),
        (Ending::Certificate(file), Lang::En) => (
            format!("the certificate {file}"),
            "Get a new one from the channel, put it in its place, send SIGHUP (in the \
             database: tongfu channel rotate), then tongfu channel check"
                .to_owned(),
        ),
        (Ending::Secret(code), Lang::Zh) => (
            format!("{code} 的旧密钥"),
            "确认它已经用新密钥签名".to_owned(),
        ),
        (Ending::Secret(code), Lang::En) => (
            format!("an older secret of {code}"),
            "See that it signs by the newer one".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = DAY_MS;

    fn drawn(queues: &Queues<'_>, lang: Lang) -> String {
        let setting = Setting::test(lang);
        super::queues(&setting, queues).replace("<!>", "")
    }

    fn quiet() -> Queues<'static> {
        Queues {
            backlog: Backlog::default(),
            overdue: Overdue::default(),
            too_far: 0,
            untaken: Vec::new(),
            lanes: Vec::new(),
            instances: vec![instance("here", 3_000)],
            own: "here",
            expected: 1,
            lease_ms: 30_000,
            accounts: Vec::new(),
            minutes: 15,
            ends: Vec::new(),
            looked_ms: Some(0),
            alarms: None,
            now_ms: 10 * DAY,
        }
    }

    fn instance(name: &str, quiet_ms: i64) -> Instance {
        Instance {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            keys: Vec::new(),
            quiet_ms,
        }
    }

    fn account(lost: u32, is_away: bool) -> Answering {
        Answering {
            channel: "Wechat",
            name: "main".to_owned(),
            enabled: true,
            is_away,
            lost_orders: lost,
            calls: 8,
            lost,
            refused: 0,
            mean_ms: 120,
            slowest_ms: 900,
        }
    }

    #[test]
    fn what_is_in_time_says_so_and_asks_for_nothing() {
        let queues = Queues {
            accounts: vec![account(0, false)],
            ..quiet()
        };
        assert_eq!(queues.amiss(), 0);
        let page = drawn(&queues, Lang::En);
        for said in [
            "All in time",
            "None within 30 days",
            "3 s ago",
            "120 / 900 ms",
            "0 (0 %)",
            "Nobody is told: alarm_url is not set.",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(!page.contains("class=\"bad\""), "{page}");
        // A call that was lost some minutes ago is told, and is no alarm.
        let lost = Queues {
            accounts: vec![account(1, false)],
            ..quiet()
        };
        assert_eq!(lost.amiss(), 0);
        let page = drawn(&lost, Lang::En);
        assert!(
            page.contains("tongfu channel check") && !page.contains("class=\"bad\""),
            "{page}"
        );
        let unseen = Queues {
            looked_ms: None,
            ..quiet()
        };
        let page = drawn(&unseen, Lang::En);
        assert!(page.contains("Not looked at yet") && !page.contains("None within"));
    }

    #[test]
    fn late_callbacks_without_a_full_lane_point_at_the_instances() {
        let queues = Queues {
            overdue: Overdue {
                callbacks: Late {
                    count: 4,
                    oldest_ms: Some(9 * DAY),
                },
                ..Overdue::default()
            },
            ..quiet()
        };
        let page = drawn(&queues, Lang::En);
        assert!(page.contains("which instance is at work"), "{page}");
        assert!(!page.contains("lane is full"), "{page}");
    }

    #[test]
    fn of_many_the_first_are_shown_and_all_are_counted() {
        let one = |number: i64| Untaken {
            domain_code: format!("shop{number}"),
            count: 1,
            oldest_ms: number,
        };
        let queues = Queues {
            untaken: (0..60).map(one).collect(),
            ..quiet()
        };
        assert_eq!(queues.amiss(), 60);
        let page = drawn(&queues, Lang::En);
        assert!(page.contains("10 more: these first.") && page.contains("60 things"));
        assert!(
            page.contains("=shop49&") && !page.contains("=shop50&"),
            "{page}"
        );
    }

    #[test]
    fn what_is_amiss_is_counted_and_has_its_next_step_in_both_languages() {
        let late = Late {
            count: 4,
            oldest_ms: Some(9 * DAY),
        };
        let end = |what, days: i64| End {
            what,
            at_ms: (10 + days) * DAY + 1,
        };
        let ends = [
            end(Ending::Certificate("apiclient_cert.pem".to_owned()), -1),
            end(Ending::Secret("shop".to_owned()), 1),
            end(Ending::Secret("mall".to_owned()), 29),
        ];
        let queues = Queues {
            overdue: Overdue {
                queries: late,
                refunds: late,
                notifies: late,
                callbacks: late,
            },
            too_far: 2,
            untaken: vec![Untaken {
                domain_code: "shop".to_owned(),
                count: 7,
                oldest_ms: 9 * DAY,
            }],
            lanes: vec![Lane {
                receiver: "https://slow.example".to_owned(),
                sending: 16,
                waiting: 64,
                is_full: true,
            }],
            instances: vec![instance("a", 1), instance("b", 2)],
            accounts: vec![account(2, true), account(2, false)],
            ends: ends.iter().collect(),
            ..quiet()
        };
        assert_eq!(queues.amiss(), 4 + 1 + 1 + 1 + 3 + 3);
        let page = drawn(&queues, Lang::En);
        for said in [
            "13 things to look at",
            "24 h",
            "tongfu doctor",
            "tongfu callback list",
            "Full: it answers too slowly",
            "2 are at work",
            "was not heard of",
            "tongfu channel check Wechat/main",
            "See below which receiver's lane is full",
            "2 (25 %)",
            "has ended",
            "1 day left",
            "29 days left",
            "send SIGHUP",
            "signs by the newer one",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        let is_chinese = |letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter);
        assert!(!page.contains(is_chinese), "{page}");
        let chinese = drawn(&queues, Lang::Zh);
        assert_eq!(
            chinese.matches("class=\"bad\"").count(),
            page.matches("class=\"bad\"").count()
        );
        for said in ["13 件要看", "已经到期", "还有 29 天", "instances = 2"] {
            assert!(chinese.contains(said), "{said}: {chinese}");
        }
    }
}
