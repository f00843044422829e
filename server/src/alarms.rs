//! Alarms by message (docs/operating.md, Alarms by message): one message a kind, whichever
//! instance sees it, then silence until it is over, and that is told too.

mod form;

use crate::config::Config;
use crate::serve::now_ms;
use crate::worker::rested;
use crate::zone;
use anyhow::{Context, Result, bail};
use checkout::alarms_raised;
pub(crate) use form::Form;
use form::Message;
use payment::lang::Lang;
use payment::ports::{KeptAlarm, Risk, RiskKind, Store};
use reqwest::{Client, Url};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked.
const LOOK_EACH: Duration = Duration::from_secs(5);
/// Who takes a kind has it so long; what could not be told is told again then, ms.
const AGAIN_MS: i64 = 10_000;
/// No robot answers more, bytes.
const ANSWER_MAX: usize = 4 << 10;

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
        if config.alarm_url.is_empty() {
            return Ok(None);
        }
        // The address may hold a token: it is in no error.
        let url = Url::parse(&config.alarm_url).ok();
        let url = url.filter(|url| ["http", "https"].contains(&url.scheme()));
        Ok(Some(Self {
            form: config.alarm_form,
            url: url.context("alarm_url takes an http or https address")?,
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
        self.form.taken(status, &read)
    }

    /// What is told of an alarm.
    fn message(&self, alarm: &KeptAlarm, over: bool, risks: &[Risk]) -> Message {
        let of_kind = || risks.iter().filter(|risk| risk.kind.word() == alarm.kind);
        let count = i64::try_from(of_kind().count()).unwrap_or(i64::MAX);
        let count = Some(count).filter(|_| of_kind().next().is_some());
        let order = of_kind().map(|risk| risk.order_sn.as_str());
        let order = order.filter(|_| !over).find(|order| !order.is_empty());
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
        "untaken" => (
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
        "channel" => (
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
    Raise,
    /// It was told, or has not gone on for long enough to be over.
    Wait,
    Over,
}

fn step(alarm: &KeptAlarm, now_ms: i64, quiet_ms: i64) -> Step {
    match (alarm.told, now_ms - alarm.last_ms > quiet_ms) {
        (false, _) => Step::Raise,
        (true, false) => Step::Wait,
        (true, true) => Step::Over,
    }
}

/// Tells until it is told to stop.
pub(crate) async fn tell(bell: Bell, store: Arc<dyn Store>, mut stopped: watch::Receiver<bool>) {
    let mut raised: BTreeMap<_, _> = alarms_raised().into_iter().collect();
    while rested(&mut stopped, LOOK_EACH).await {
        if let Err(cause) = look(&bell, &*store, &mut raised).await {
            tracing::warn!(cause = %format!("{cause:#}"), "alarms are not told for now");
        }
    }
}

async fn look(
    bell: &Bell,
    store: &dyn Store,
    raised: &mut BTreeMap<&'static str, u64>,
) -> Result<()> {
    let now_ms = now_ms();
    for (kind, times) in alarms_raised() {
        let known = raised.get(kind).copied().unwrap_or_default();
        if times > known {
            store.see_alarm(kind, now_ms).await?;
            raised.insert(kind, times);
        }
    }
    for risk in store.risk_counts(now_ms).await? {
        if risk.count > 0 {
            store.see_alarm(risk.kind.word(), now_ms).await?;
        }
    }
    let due = store.take_alarms(now_ms, now_ms + AGAIN_MS).await?;
    let risks = match due.is_empty() {
        true => Vec::new(),
        false => store.at_risk(now_ms).await?,
    };
    let mut failed = Ok(());
    for alarm in due {
        let over = match step(&alarm, now_ms, bell.quiet_ms) {
            Step::Wait => continue,
            Step::Raise => false,
            Step::Over => true,
        };
        let message = bell.message(&alarm, over, &risks);
        match bell.send(&message, now_ms).await {
            Ok(()) if over => drop(store.end_alarm(&alarm.kind, alarm.last_ms).await?),
            Ok(()) => store.tell_alarm(&alarm.kind).await?,
            // It is tried again; the others are told all the same.
            Err(error) => failed = Err(error),
        }
    }
    failed
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
    fn an_alarm_is_told_once_and_when_it_is_over() {
        let alarm = |told, last_ms| KeptAlarm {
            kind: "callback".to_owned(),
            since_ms: 0,
            last_ms,
            told,
        };
        assert_eq!(step(&alarm(false, 0), 900, 100), Step::Raise);
        assert_eq!(step(&alarm(true, 850), 900, 100), Step::Wait);
        assert_eq!(step(&alarm(true, 799), 900, 100), Step::Over);
    }
}
