//! Figures: what was paid within some days, by whom it was paid, and how long it took.

use crate::words::{channel, channel_of};
use crate::{Setting, document};
use leptos::prelude::*;
use payment::channel::Channel;
use payment::lang::Lang;
use payment::money::{Currency, Money};

/// By what the sums are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The business system.
    Business,
    /// The channel.
    Channel,
    /// The channel's account.
    Account,
    /// The channel, in the currency that it takes.
    Charge,
    /// The currency alone.
    Currency,
}

impl By {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Channel,
        Self::Charge,
        Self::Business,
        Self::Account,
        Self::Currency,
    ];

    /// Its word in the address.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Channel => "channel",
            Self::Account => "account",
            Self::Charge => "charge",
            Self::Currency => "currency",
        }
    }

    /// The one of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }

    fn name(self, setting: &Setting<'_>) -> &'static str {
        match self {
            Self::Business => setting.say("业务系统", "Business"),
            Self::Channel => setting.say("渠道", "Channel"),
            Self::Account => setting.say("账户", "Account"),
            Self::Charge => setting.say("渠道收的钱", "Charged by channel"),
            Self::Currency => setting.say("币种", "Currency"),
        }
    }
}

/// What was paid of one kind, or in one day or hour, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Of what: a code, a day, an hour.
    pub name: String,
    /// In which currency.
    pub currency: Currency,
    /// How many payments.
    pub count: i64,
    /// Their sum, fen (cents).
    pub paid: i64,
    /// What was given back of it, fen (cents).
    pub refunded: i64,
    /// The orders that it is made of.
    pub address: String,
}

/// What became of the attempts of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// The channel.
    pub channel: Channel,
    /// How many attempts were made, and the orders of them.
    pub made: (i64, String),
    /// How many of them paid their request, and the orders of these.
    pub paid: (i64, String),
}

/// What half of something, and nine tenths of it, took no longer than, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Of how many.
    pub count: usize,
    /// The median.
    pub half_ms: i64,
    /// Nine tenths.
    pub most_ms: i64,
}

/// How long payments of a channel took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Took {
    /// The channel.
    pub channel: Channel,
    /// From the page to the payment.
    pub payment: Spread,
    /// From there until the callback was taken, of those that were.
    pub callback: Option<Spread>,
    /// The orders of these payments.
    pub address: String,
}

/// What a time's figures are.
pub struct Read {
    /// Of each currency, the days or hours in their order, none left out.
    pub times: Vec<Vec<Sum>>,
    /// The sums by kind.
    pub sums: Vec<Sum>,
    /// How many more there are, smaller ones.
    pub more: usize,
    /// What became of attempts.
    pub successes: Vec<Success>,
    /// How long it took.
    pub took: Vec<Took>,
    /// That is of the newest so many payments alone.
    pub newest: Option<usize>,
}

/// The page.
pub struct Figures {
    /// How many days: 1, 7 or 30.
    pub days: i64,
    /// By what sums are told apart.
    pub by: By,
    /// The first and the last day, with their zone.
    pub span: String,
    /// What was read; else how many rows are read at most.
    pub read: Result<Read, (i64, i64)>,
}

/// So many days can be asked for.
pub const DAYS: [i64; 3] = [1, 7, 30];

/// The page of figures.
#[must_use]
pub fn figures(setting: &Setting<'_>, figures: &Figures) -> String {
    let read = match &figures.read {
        Ok(read) => shown(setting, figures, read).into_any(),
        Err((day, all)) => {
            let text = match setting.lang {
                Lang::Zh => {
                    format!(
                        "订单或付款太多（一天超过 {day} 笔，或一共超过 {all} 笔），不在这里算。"
                    )
                }
                Lang::En => format!(
                    "More than {day} orders or payments lie in one of these days, or {all} in \
                     all, which is not reckoned here."
                ),
            };
            view! { <p class="bad" role="alert">{text}</p> }.into_any()
        }
    };
    let span = figures.span.clone();
    let body = view! {
        {choices(setting, figures)}
        <p>{span}</p>
        {read}
    };
    document(setting, setting.say("统计", "Figures"), body)
}

fn choices(setting: &Setting<'_>, figures: &Figures) -> impl IntoView {
    let link = |days: i64, by: By, name: &'static str| {
        let is_here = (days, by) == (figures.days, figures.by);
        let address = format!("/figures?days={days}&by={}", by.word());
        let here = is_here.then_some("page");
        view! { <a href=address aria-current=here>{name}</a> }
    };
    let days = DAYS.map(|days| {
        let name = match days {
            1 => setting.say("今天", "Today"),
            7 => setting.say("七天", "Seven days"),
            _ => setting.say("三十天", "Thirty days"),
        };
        link(days, figures.by, name)
    });
    let by = By::ALL.map(|by| link(figures.days, by, by.name(setting)));
    view! {
        <nav class="choice" aria-label=setting.say("时间", "Time")>{days.collect_view()}</nav>
        <nav class="choice" aria-label=setting.say("分组", "By")>{by.collect_view()}</nav>
    }
}

fn shown(setting: &Setting<'_>, figures: &Figures, read: &Read) -> AnyView {
    let paid = setting.say("付款（按付款时间）", "Paid (by the time of payment)");
    let none = read.times.is_empty().then(|| {
        let text = setting.say("这段时间没有付款。", "Nothing was paid in this time.");
        view! { <p>{text}</p> }
    });
    let times: Vec<_> = read
        .times
        .iter()
        .map(|sums| time(setting, figures, sums))
        .collect();
    view! {
        <section>
            <h2>{paid}</h2>
            {none}
            {times}
            {(!read.sums.is_empty()).then(|| by(setting, figures, read))}
        </section>
        {successes(setting, &read.successes)}
        {took(setting, read)}
    }
    .into_any()
}

fn money(minor: i64, currency: Currency) -> String {
    Money::from_minor(minor, currency).map_or_else(String::new, |money| money.to_string())
}

/// A part of a whole, of `full`.
fn part(value: i64, whole: i64, full: i64) -> i64 {
    let part = i128::from(value) * i128::from(full) / i128::from(whole.max(1));
    i64::try_from(part).unwrap_or(full)
}

/// The plot of a currency, and the table behind it.
fn time(setting: &Setting<'_>, figures: &Figures, sums: &[Sum]) -> AnyView {
    let Some(currency) = sums.first().map(|sum| sum.currency) else {
        return ().into_any();
    };
    let code = currency.code();
    let days = figures.days;
    let what = match (setting.lang, days) {
        (Lang::Zh, 1) => format!("{code} 每小时付款"),
        (Lang::Zh, _) => format!("{code} 每天付款"),
        (Lang::En, 1) => format!("{code} paid by hour"),
        (Lang::En, _) => format!("{code} paid by day"),
    };
    // The table below is of other sums then.
    let what = match figures.by {
        By::Charge => what + setting.say("（请求的币种）", ", in the requests' currency"),
        _ => what,
    };
    let rows: Vec<_> = sums
        .iter()
        .filter(|sum| sum.count > 0)
        .map(|sum| {
            view! {
                <tr>
                    <td>{sum.name.clone()}</td>
                    {cells(setting, sum)}
                </tr>
            }
        })
        .collect();
    let first = match days {
        1 => setting.say("小时", "Hour"),
        _ => setting.say("日", "Day"),
    };
    view! {
        <h3>{what.clone()}</h3>
        {plot(what, currency, sums)}
        <details>
            <summary>{setting.say("表", "As a table")}</summary>
            <table>{head(first, columns(setting), false)}<tbody>{rows}</tbody></table>
        </details>
    }
    .into_any()
}

/// The names of the columns of figures; on a phone each stands before its cell.
pub(crate) fn columns(setting: &Setting<'_>) -> [&'static str; 3] {
    [
        setting.say("笔数", "Count"),
        setting.say("付款", "Paid"),
        setting.say("其中已退", "Of it given back"),
    ]
}

fn cells(setting: &Setting<'_>, sum: &Sum) -> impl IntoView {
    let [count, paid, refunded] = columns(setting);
    view! {
        <td class="number" data-name=count><a href=sum.address.clone()>{sum.count}</a></td>
        <td class="number" data-name=paid>{money(sum.paid, sum.currency)}</td>
        <td class="number" data-name=refunded>{money(sum.refunded, sum.currency)}</td>
    }
}

/// The head of a table: what its lines are of, its figures, and its bars where it has them.
fn head<const N: usize>(
    first: &'static str,
    figures: [&'static str; N],
    bars: bool,
) -> impl IntoView {
    let figures = figures.map(|name| view! { <th class="number">{name}</th> });
    view! {
        <thead><tr>
            <th>{first}</th>
            {figures.collect_view()}
            {bars.then(|| view! { <td></td> })}
        </tr></thead>
    }
}

/// The plot is so wide, and its bars so high, in its own measure.
const WIDE: i64 = 400;
const HIGH: i64 = 100;
/// The sum of the highest bar stands above it.
const ABOVE: i64 = 18;
/// So many bars have a name each.
const NAMED: usize = 8;

fn plot(what: String, currency: Currency, sums: &[Sum]) -> impl IntoView {
    let highest = sums.iter().map(|sum| sum.paid).max().unwrap_or_default();
    let each = WIDE / i64::try_from(sums.len()).unwrap_or(WIDE).max(1);
    let step = sums.len().div_ceil(NAMED);
    let mut bars = Vec::new();
    let mut names = Vec::new();
    for (place, sum) in sums.iter().enumerate() {
        let left = each * i64::try_from(place).unwrap_or_default();
        let high = part(sum.paid, highest, HIGH).max(i64::from(sum.paid > 0));
        let (x, y) = (left.to_string(), (ABOVE + HIGH - high).to_string());
        let (width, height) = ((each - 2).max(1).to_string(), high.to_string());
        bars.push(view! { <rect x=x.clone() y=y width=width height=height/> });
        if place.is_multiple_of(step) {
            // Of a day its month and day.
            let name = sum.name.get(5..).unwrap_or(&sum.name).to_owned();
            let under = (ABOVE + HIGH + 14).to_string();
            names.push(view! { <text x=x y=under>{name}</text> });
        }
    }
    let most = money(highest, currency);
    let (ground, wide) = ((ABOVE + HIGH).to_string(), WIDE.to_string());
    let whole = format!("0 0 {WIDE} {}", ABOVE + HIGH + 20);
    view! {
        <svg class="plot" viewBox=whole role="img" aria-label=what>
            <text x="0" y="12">{most}</text>
            {bars}
            <line x1="0" x2=wide y1=ground.clone() y2=ground/>
            {names}
        </svg>
    }
}

/// The bar of a line of a table: what it shows stands beside it.
fn bar(value: i64, whole: i64) -> impl IntoView {
    let width = part(value, whole, 100)
        .max(i64::from(value > 0))
        .to_string();
    view! {
        <td class="bar">
            <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect x="0" y="0" width=width height="10"/>
            </svg>
        </td>
    }
}

fn by(setting: &Setting<'_>, figures: &Figures, read: &Read) -> impl IntoView {
    let largest = |currency: Currency| {
        let of = read.sums.iter().filter(|sum| sum.currency == currency);
        of.map(|sum| sum.paid).max().unwrap_or_default()
    };
    let rows: Vec<_> = read
        .sums
        .iter()
        .map(|sum| {
            let name = match figures.by {
                By::Channel | By::Charge | By::Account => channel_of(setting, &sum.name),
                By::Business | By::Currency => sum.name.clone(),
            };
            view! {
                <tr>
                    <td>{name}</td>
                    {cells(setting, sum)}
                    {bar(sum.paid, largest(sum.currency))}
                </tr>
            }
        })
        .collect();
    let more = (read.more > 0).then(|| match setting.lang {
        Lang::Zh => format!("另有 {} 项较小的。", read.more),
        Lang::En => format!("{} smaller ones more.", read.more),
    });
    let name = figures.by.name(setting);
    let title = match (figures.by, setting.lang) {
        (By::Charge, Lang::Zh) => "各渠道收的钱（渠道收的币种）".to_owned(),
        (By::Charge, Lang::En) => "Charged by channel, in the currency that it took".to_owned(),
        (_, Lang::Zh) => format!("按{name}"),
        (_, Lang::En) => format!("By {}", name.to_lowercase()),
    };
    view! {
        <h3>{title}</h3>
        <table>
            {head(name, columns(setting), true)}
            <tbody>{rows}</tbody>
        </table>
        {more.map(|more| view! { <p>{more}</p> })}
    }
}

fn successes(setting: &Setting<'_>, successes: &[Success]) -> Option<AnyView> {
    if successes.is_empty() {
        return None;
    }
    let in_all = setting.say("下单", "Made");
    let settled = setting.say("其中付了", "Of them paid");
    let share = setting.say("成功率", "Rate");
    let rows: Vec<_> = successes
        .iter()
        .map(|success| {
            let ((made, all), (paid, these)) = (success.made.clone(), success.paid.clone());
            let rate = part(paid, made, 1000);
            view! {
                <tr>
                    <td>{channel(setting, success.channel)}</td>
                    <td class="number" data-name=in_all><a href=all>{made}</a></td>
                    <td class="number" data-name=settled><a href=these>{paid}</a></td>
                    <td class="number" data-name=share>{format!("{}.{} %", rate / 10, rate % 10)}</td>
                    {bar(paid, made)}
                </tr>
            }
        })
        .collect();
    let title = setting.say(
        "成功率（按下单时间）",
        "Success (by the time an order was made)",
    );
    let section = view! {
        <section>
            <h2>{title}</h2>
            <table>
                {head(setting.say("渠道", "Channel"), [in_all, settled, share], true)}
                <tbody>{rows}</tbody>
            </table>
        </section>
    };
    Some(section.into_any())
}

fn took(setting: &Setting<'_>, read: &Read) -> Option<AnyView> {
    if read.took.is_empty() {
        return None;
    }
    let of = |get: fn(&Took) -> Option<Spread>| {
        let spreads = read.took.iter().filter_map(get);
        spreads
            .map(|spread| spread.most_ms)
            .max()
            .unwrap_or_default()
    };
    let slowest = of(|took| Some(took.payment));
    let slowest_callback = of(|took| took.callback);
    let names = |count: &'static str| {
        let median = setting.say("中位数", "Median");
        [count, median, setting.say("九成不超过", "90 % within")]
    };
    let paid = names(setting.say("付款", "Payments"));
    let taken = names(setting.say("收下的", "Taken"));
    let payments: Vec<_> = read
        .took
        .iter()
        .map(|took| {
            let count = view! { <a href=took.address.clone()>{took.payment.count}</a> };
            let channel = channel(setting, took.channel);
            lasted(channel, paid, count, Some(took.payment), slowest)
        })
        .collect();
    let callbacks: Vec<_> = read
        .took
        .iter()
        .map(|took| {
            let count = took.callback.map_or(0, |spread| spread.count);
            let channel = channel(setting, took.channel);
            lasted(channel, taken, count, took.callback, slowest_callback)
        })
        .collect();
    let newest = read.newest.map(|newest| match setting.lang {
        Lang::Zh => format!("只按最新的 {newest} 笔付款。"),
        Lang::En => format!("Of the newest {newest} payments alone."),
    });
    let of = setting.say("渠道", "Channel");
    let title = setting.say(
        "用时（按付款时间）",
        "How long it took (by the time of payment)",
    );
    let payment = setting.say("从选渠道到付款", "From picking a channel to the payment");
    let callback = setting.say(
        "从付款到回调被收下",
        "From the payment until its callback is taken",
    );
    let section = view! {
        <section>
            <h2>{title}</h2>
            {newest.map(|newest| view! { <p>{newest}</p> })}
            <h3>{payment}</h3>
            <table>{head(of, paid, true)}<tbody>{payments}</tbody></table>
            <h3>{callback}</h3>
            <table>{head(of, taken, true)}<tbody>{callbacks}</tbody></table>
        </section>
    };
    Some(section.into_any())
}

/// How long something took by a channel.
fn lasted(
    channel: &'static str,
    [counted, median, within]: [&'static str; 3],
    count: impl IntoView,
    spread: Option<Spread>,
    slowest: i64,
) -> impl IntoView {
    let half = spread.map(|spread| duration(spread.half_ms));
    let most = spread.map(|spread| duration(spread.most_ms));
    view! {
        <tr>
            <td>{channel}</td>
            <td class="number" data-name=counted>{count}</td>
            <td class="number" data-name=median>{half}</td>
            <td class="number" data-name=within>{most}</td>
            {bar(spread.map_or(0, |spread| spread.most_ms), slowest)}
        </tr>
    }
}

/// A length of time, to what matters of it.
fn duration(ms: i64) -> String {
    let seconds = ms / 1000;
    match seconds {
        ..60 => format!("{seconds}.{} s", ms % 1000 / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_told_to_what_matters() {
        for (ms, told) in [
            (0, "0.0 s"),
            (2_345, "2.3 s"),
            (65_000, "1 min 05 s"),
            (7_500_000, "2 h 05 min"),
        ] {
            assert_eq!(duration(ms), told);
        }
    }

    #[test]
    fn a_part_is_never_more_than_the_whole() {
        assert_eq!(part(1, 3, 1000), 333);
        assert_eq!(part(i64::MAX, i64::MAX, 100), 100);
        assert_eq!(part(0, 0, 100), 0);
    }
}
