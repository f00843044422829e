//! Alarms by message (docs/operating.md, Alarms by message): one message a kind, whichever
//! instance sees it, then silence until it is over, and that is told too.

pub(crate) mod form;

use crate::clock::now_ms;
use crate::config::Config;
use crate::worker::rested;
use crate::zone;
use anyhow::{Context, Result, bail};
use checkout::{ALARM_AGAIN_MAX_MS, Checkout, alarms_raised};
use form::{Form, Message};
use payment::lang::Lang;
use payment::ports::{KeptAlarm, Risk, RiskKind, Store};
use reqwest::{Client, Url};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked.
const LOOK_EACH: Duration = Duration::from_secs(5);
/// Who takes a kind has it so long, ms: a message takes up to 8 s.
const LEASE_MS: i64 = 20_000;
/// What could not be told is told again after so long, and ever longer, ms: robots take
/// some twenty messages a minute.
const AGAIN_MIN_MS: i64 = 5_000;
const AGAIN_MAX_MS: i64 = ALARM_AGAIN_MAX_MS;
/// Kinds beside those of money at risk of which it is known how many there are.
const CHANNEL: &str = "channel";
const UNTAKEN: &str = "untaken";
/// No robot answers more, bytes.
const ANSWER_MAX: usize = 4 << 10;

/// Where alarms go, as far as it may be shown: the rest of the address may hold a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// How a message is written.
    pub(crate) form: Form,
    /// The host, and its port where one is named.
    pub(crate) host: String,
    /// What the host is known to take, where that is another form.
    pub(crate) other: Option<Form>,
}

impl Destination {
    /// Where the configuration says; none where it names no address.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>> {
        let url = address(config)?;
        Ok(url.map(|url| Self::of(config.alarm_form, &url)))
    }

    /// What is set holds, else what the host is known to take.
    fn of(set: Option<Form>, url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let known = Form::of_host(host);
        let form = set.or(known).unwrap_or(Form::Json);
        Self {
            form,
            host: match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
            other: known.filter(|known| *known != form),
        }
    }
}

/// The address that is set; none where none is.
fn address(config: &Config) -> Result<Option<Url>> {
    if config.alarm_url.is_empty() {
        return Ok(None);
    }
    // The address may hold a token: it is in no error.
    let url = Url::parse(&config.alarm_url).ok();
    let url = url.filter(|url| ["http", "https"].contains(&url.scheme()));
    url.map(Some)
        .context("alarm_url takes an http or https address")
}

/// Who is told.
pub(crate) struct Bell {
    form: Form,
    url: Url,
    secret: String,
    client: Client,
    /// So long after it was last seen an alarm is over, ms.
    quiet_ms: i64,
    /// The console's address, without a slash at its end; empty: it is not told.
    console_url: String,
}

impl Bell {
    /// Who the configuration says; nobody where it names no address.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>> {
        let Some(url) = address(config)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            form: Destination::of(config.alarm_form, &url).form,
            url,
            secret: config.alarm_secret.clone(),
            client: channels::client()?,
            quiet_ms: i64::from(config.alarm_quiet_s) * 1000,
            console_url: config.console_url.trim_end_matches('/').to_owned(),
        }))
    }

    /// Sends a message that says no more than that it arrives.
    ///
    /// # Errors
    /// When it was not taken.
    pub(crate) async fn test(&self) -> Result<()> {
        let now_ms = now_ms();
        let text = "统付：告警会发到这里。\nTongfu: alarms arrive here.";
        let message = Message {
            kind: "test".to_owned(),
            over: true,
            count: None,
            since_ms: now_ms,
            text: text.to_owned(),
            link: None,
        };
        self.send(&message, now_ms).await
    }

    async fn send(&self, message: &Message, now_ms: i64) -> Result<()> {
        let (url, body) = self.form.written(&self.url, &self.secret, message, now_ms);
        let asked = self.client.post(url);
        let asked = asked.header("Content-Type", "application/json; charset=utf-8");
        let answer = asked.body(body.to_string()).send().await;
        let mut answer = answer.map_err(reqwest::Error::without_url)?;
        let (status, mut read) = (answer.status(), Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            read.extend_from_slice(&chunk);
            if read.len() > ANSWER_MAX {
                bail!("alarm_url answers more than {ANSWER_MAX} bytes");
            }
        }
        let known = self.url.host_str().and_then(Form::of_host);
        self.form.taken(known, status, &read)
    }

    /// What is told of an alarm.
    fn message(&self, alarm: &KeptAlarm, over: bool, risks: &[Risk]) -> Message {
        let count = Some(alarm.seen).filter(|count| *count > 0 && !over);
        let of_kind = risks.iter().filter(|risk| risk.kind.word() == alarm.kind);
        let mut orders = of_kind.map(|risk| risk.order_sn.as_str());
        let order = orders.find(|order| !order.is_empty());
        let link = (!self.console_url.is_empty()).then(|| match order {
            Some(order) => format!("{}/order/{order}", self.console_url),
            None => format!("{}/", self.console_url),
        });
        let since = zone::time(alarm.since_ms);
        let said = |lang: Lang| {
            let (what, next) = told(&alarm.kind, lang);
            match (lang, over) {
                (Lang::Zh, true) => format!("统付 {} 已恢复：{what}（自{since}）", alarm.kind),
                (Lang::En, true) => {
                    format!("Tongfu {} is over: {what} (since {since})", alarm.kind)
                }
                (Lang::Zh, false) => format!("统付告警 {}：{what}。下一步：{next}", alarm.kind),
                (Lang::En, false) => format!("Tongfu alarm {}: {what}. {next}", alarm.kind),
            }
        };
        let mut lines = vec![said(Lang::Zh), said(Lang::En)];
        lines.extend(count.map(|count| format!("× {count}")));
        lines.extend(order.map(str::to_owned));
        lines.extend(link.clone());
        Message {
            kind: alarm.kind.clone(),
            over,
            count,
            since_ms: alarm.since_ms,
            text: lines.join("\n"),
            link,
        }
    }
}

/// What a kind is, and its next step: of money at risk as the console says it.
fn told(kind: &str, lang: Lang) -> (&'static str, &'static str) {
    let risk = RiskKind::ALL.into_iter().find(|risk| risk.word() == kind);
    if let Some(risk) = risk {
        return risk.told(lang);
    }
    let (zh, en) = match kind {
        UNTAKEN => (
            (
                "业务系统一直没收下回调",
                "看它答了什么：tongfu callback list",
            ),
            (
                "A business system takes no callbacks",
                "See what it answers: tongfu callback list",
            ),
        ),
        "refundspeed" => (
            (
                "业务系统退款异常地多",
                "问它；密钥可能被偷：tongfu domain set CODE --refunds-frozen true",
            ),
            (
                "A business system gives back unusually much",
                "Ask it; its secret may be stolen: tongfu domain set CODE --refunds-frozen true",
            ),
        ),
        CHANNEL => (
            ("渠道账户没有应答", "看渠道是否故障：tongfu channel check"),
            (
                "A channel account does not answer",
                "See whether the channel is down: tongfu channel check",
            ),
        ),
        "queries" => (
            ("渠道的查询额度不够", "向渠道要更多，或减少实例"),
            (
                "A channel grants too few questions",
                "Ask it for more, or run fewer instances",
            ),
        ),
        "sealed" => (
            (
                "渠道的通知解不开：我们的密钥不对",
                "核对账户的 api_v3_key 与渠道后台：tongfu channel rotate FILE",
            ),
            (
                "A key of ours does not open a channel's notifies",
                "Compare the account's api_v3_key with the channel's console: tongfu channel rotate FILE",
            ),
        ),
        "contradiction" => (
            ("渠道前后说法不一", "看日志里的订单，到渠道后台核对"),
            (
                "A channel contradicts what it said before",
                "See the log for its order, and look at the channel's console",
            ),
        ),
        _ => (
            ("需要人看一下", "看日志"),
            ("A person should look", "See the log"),
        ),
    };
    lang.choose(zh, en)
}

/// What is to be done about an alarm that is due.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nobody was told of it, or of so many.
    Raise,
    /// It was told, and may go on.
    Wait,
    /// It is seen no more.
    End,
}

fn step(alarm: &KeptAlarm, now_ms: i64, quiet_ms: i64) -> Step {
    match () {
        () if !alarm.told || alarm.seen > alarm.told_of => Step::Raise,
        () if now_ms - alarm.last_ms > quiet_ms => Step::End,
        () => Step::Wait,
    }
}

/// Whether it is known when a kind is over; others happen, and that is that.
fn ends(kind: &str) -> bool {
    let is_risk = RiskKind::ALL.into_iter().any(|risk| risk.word() == kind);
    is_risk || [CHANNEL, UNTAKEN].contains(&kind)
}

/// What one instance remembers from look to look.
#[derive(Default)]
struct Memory {
    /// How many channel accounts were away.
    away: i64,
    /// How often each kind was raised.
    raised: BTreeMap<&'static str, u64>,
    /// For how long what was not taken is put off, ms.
    pauses: BTreeMap<String, i64>,
}

/// Tells until it is told to stop, and once more then.
pub(crate) async fn tell(
    bell: Bell,
    checkout: Arc<Checkout>,
    store: Arc<dyn Store>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut memory = Memory::default();
    loop {
        let goes_on = rested(&mut stopped, LOOK_EACH).await;
        if let Err(cause) = look(&bell, &checkout, &*store, &mut memory).await {
            tracing::warn!(cause = %format!("{cause:#}"), "alarms are not told for now");
        }
        if !goes_on {
            return;
        }
    }
}

async fn look(
    bell: &Bell,
    checkout: &Checkout,
    store: &dyn Store,
    memory: &mut Memory,
) -> Result<()> {
    let now_ms = now_ms();
    see(checkout, store, memory, now_ms).await?;
    let mut failed = Ok(());
    while let Some(alarm) = store.take_alarm(now_ms, now_ms + LEASE_MS).await? {
        match deal_with(bell, store, &alarm, now_ms).await {
            Ok(next_ms) => {
                memory.pauses.remove(&alarm.kind);
                if let Some(next_ms) = next_ms {
                    store.put_off_alarm(&alarm.kind, next_ms).await?;
                }
            }
            // It is tried again ever later; the others are told all the same.
            Err(error) => {
                let pause = memory.pauses.entry(alarm.kind.clone()).or_default();
                *pause = (*pause * 2).clamp(AGAIN_MIN_MS, AGAIN_MAX_MS);
                store.put_off_alarm(&alarm.kind, now_ms + *pause).await?;
                failed = Err(error);
            }
        }
    }
    failed
}

/// Notes what is so now, and what was raised since the last look.
async fn see(
    checkout: &Checkout,
    store: &dyn Store,
    memory: &mut Memory,
    now_ms: i64,
) -> Result<()> {
    let counts = store.risk_counts(now_ms).await?;
    let mut counts: BTreeMap<_, _> = counts
        .iter()
        .map(|risk| (risk.kind.word(), risk.count))
        .collect();
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    counts.insert(UNTAKEN, number(checkout.untaken(now_ms).await?.len()));
    counts.retain(|_, count| *count > 0);
    // Each instance sees its own: it says how many once, and then that it is so still.
    let away = number(checkout.accounts_away());
    if away > 0 {
        let is_more = away > memory.away;
        counts.insert(CHANNEL, if is_more { away } else { 0 });
    }
    memory.away = away;
    for (kind, count) in &counts {
        store.see_alarm(kind, *count, now_ms).await?;
    }
    for (kind, times) in alarms_raised() {
        let known = memory.raised.get(kind).copied().unwrap_or_default();
        if times > known && !counts.contains_key(kind) {
            store.see_alarm(kind, 0, now_ms).await?;
        }
        memory.raised.insert(kind, times);
    }
    Ok(())
}

/// Tells of an alarm, or that it is over; gives when it is due again, while there is one.
async fn deal_with(
    bell: &Bell,
    store: &dyn Store,
    alarm: &KeptAlarm,
    now_ms: i64,
) -> Result<Option<i64>> {
    let soon = Some(now_ms + AGAIN_MIN_MS);
    match step(alarm, now_ms, bell.quiet_ms) {
        Step::Wait => Ok(soon),
        Step::Raise => {
            // A list too long to be read now keeps nobody from being told.
            let risks = store.at_risk(now_ms).await.unwrap_or_default();
            let message = bell.message(alarm, false, &risks);
            bell.send(&message, now_ms).await?;
            store.tell_alarm(&alarm.kind, alarm.seen).await?;
            Ok(soon)
        }
        Step::End => {
            if ends(&alarm.kind) {
                let message = bell.message(alarm, true, &[]);
                bell.send(&message, now_ms).await?;
            }
            store.end_alarm(&alarm.kind, alarm.last_ms).await?;
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_in_both_languages() {
        let kinds = alarms_raised().into_iter().map(|(kind, _)| kind);
        let kinds = kinds.chain(RiskKind::ALL.map(RiskKind::word));
        for kind in kinds.filter(|kind| *kind != "recut") {
            for lang in [Lang::Zh, Lang::En] {
                let (what, next) = told(kind, lang);
                assert_ne!((what, next), told("", lang), "{kind}");
                assert_eq!(what.is_ascii(), lang == Lang::En, "{kind}: {what}");
            }
        }
    }

    #[test]
    fn a_form_that_is_not_set_is_the_hosts() {
        let goes = |url: &str, form: &str| {
            let config = Config::of(&format!("alarm_url = {url:?}\nalarm_form = {form:?}"));
            let to = Destination::new(&config).unwrap().unwrap();
            (to.form, to.host, to.other)
        };
        for (url, form, host) in [
            (
                "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k",
                Form::Wecom,
                "qyapi.weixin.qq.com",
            ),
            (
                "https://oapi.dingtalk.com/robot/send?access_token=k",
                Form::Dingtalk,
                "oapi.dingtalk.com",
            ),
            (
                "https://OPEN.feishu.cn/open-apis/bot/v2/hook/k",
                Form::Feishu,
                "open.feishu.cn",
            ),
            (
                "https://open.larksuite.com/open-apis/bot/v2/hook/k",
                Form::Feishu,
                "open.larksuite.com",
            ),
            (
                "http://user:k@alarms.example:8080/k?k#k",
                Form::Json,
                "alarms.example:8080",
            ),
        ] {
            assert_eq!(goes(url, ""), (form, host.to_owned(), None));
            let known = (form != Form::Json).then_some(form);
            assert_eq!(goes(url, "json"), (Form::Json, host.to_owned(), known));
            assert_eq!(goes(url, form.word()), (form, host.to_owned(), None));
        }
        assert!(Destination::new(&Config::of("")).unwrap().is_none());
        let wrong = Destination::new(&Config::of("alarm_url = \"ftp://x/token\""));
        assert!(!format!("{:#}", wrong.unwrap_err()).contains("token"));
    }

    #[test]
    fn an_alarm_is_told_once_and_when_there_are_more_and_when_it_is_over() {
        let alarm = |told, told_of, last_ms| KeptAlarm {
            kind: "callback".to_owned(),
            since_ms: 0,
            last_ms,
            seen: 2,
            told,
            told_of,
        };
        assert_eq!(step(&alarm(false, 0, 0), 900, 100), Step::Raise);
        assert_eq!(
            step(&alarm(true, 1, 850), 900, 100),
            Step::Raise,
            "one more"
        );
        assert_eq!(step(&alarm(true, 2, 850), 900, 100), Step::Wait);
        assert_eq!(step(&alarm(true, 2, 799), 900, 100), Step::End);
        assert!(ends("callback") && ends(UNTAKEN) && !ends("refundspeed"));
    }
}
