//! `tongfu listen`: has a business system's callbacks come to its developer's own machine
//! (docs/integrate.md, Callbacks on your own machine).

use super::domain::read_secret;
use super::health::reached;
use super::tries::{answered, beginning, sent};
use crate::clock::{now_ms, system_clock};
use crate::config::{Config, domain_secret};
use crate::relay::{Given, Parcel};
use crate::zone;
use anyhow::{Context, Result, bail};
use channels::receiver::HttpReceiver;
use checkout::is_taken;
use clap::Args;
use payment::address::Address;
use payment::domain::Secret;
use payment::envelope::Envelope;
use payment::errcode::ErrCode;
use payment::ports::{Call, CallbackAnswer, Door, Receiver};
use payment::printable::printable;
use payment::relay::GIVEN_MAX;
use payment::sign::relay_sign;
use reqwest::Client;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const PATH: &str = "/pay/api/private/relay";
/// A call waits for 25 s at the server.
const CALL_LIMIT: Duration = Duration::from_secs(40);
/// After a call that failed; each one after it waits for twice as long, up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// No answer of a server's is longer.
const GIVEN_BYTES_MAX: usize = 4 << 20;
/// As much of an answer is told to the server as it keeps.
const ANSWER_BYTES_MAX: usize = 2 << 10;

#[derive(Args)]
pub(crate) struct Command {
    /// The business system's code; of a partner its code in lists: apay.ID, epay.PID.
    #[arg(long)]
    domain: String,
    /// Your receiver: the callback's own query is put behind it.
    #[arg(long, value_name = "URL")]
    forward: String,
    /// The platform; without it the one of this configuration, on this machine.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A file with the business system's secret; `-` is standard input. Without it the
    /// environment's TONGFU_DOMAIN_SECRET
    #[arg(long, value_name = "FILE")]
    secret_from: Option<PathBuf>,
    /// Gives the last so many callbacks first, 16 at most.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=GIVEN_MAX as i64))]
    last: u8,
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let forward = address("--forward", &command.forward)?;
    if command.forward.contains(['?', '#']) {
        bail!("--forward takes no query and no fragment: the callback's query is put behind it");
    }
    let server = command.server.unwrap_or_else(|| {
        let platform = reached(config.listen);
        format!("http://{platform}")
    });
    address("--server", &server)?;
    let secret = match &command.secret_from {
        Some(file) => read_secret(file)?,
        None => domain_secret().context(
            "give the business system's secret by --secret-from FILE or TONGFU_DOMAIN_SECRET",
        )?,
    };
    let listener = Listener {
        client: channels::client()?,
        receiver: HttpReceiver::new(system_clock())?,
        server: server.trim_end_matches('/').to_owned(),
        secret: Secret::new(1, &secret, None),
        domain: command.domain,
        host: forward.host().to_owned(),
        forward: command.forward,
    };
    listener.listen(command.last).await
}

fn address(name: &str, text: &str) -> Result<Address> {
    Address::parse(text)
        .ok()
        .with_context(|| format!("{name} takes an address such as http://127.0.0.1:8080/cb"))
}

/// Why a call was not answered as it should be.
enum Trouble {
    /// It passes.
    Away(String, Option<Duration>),
    /// It does not.
    Refused(String),
}

struct Listener {
    client: Client,
    receiver: HttpReceiver,
    server: String,
    secret: Secret,
    domain: String,
    /// Where callbacks go: the developer's own word, whatever address it is.
    forward: String,
    host: String,
}

impl Listener {
    /// Listens until it is ended, or refused.
    async fn listen(&self, last: u8) -> Result<()> {
        let (mut cursor, mut pause, mut is_away) = (String::new(), FIRST_PAUSE, false);
        let last = last.to_string();
        loop {
            let fields = [("cursor", cursor.as_str()), ("last", &last)];
            let fields = &fields[..if cursor.is_empty() { 2 } else { 1 }];
            let given: Given = match self.ask(PATH, fields).await {
                Ok(given) => given,
                Err(Trouble::Refused(why)) => bail!(why),
                Err(Trouble::Away(why, wait)) => {
                    if !is_away {
                        eprintln!("{why}; it is asked again");
                    }
                    is_away = true;
                    tokio::time::sleep(wait.unwrap_or(pause)).await;
                    pause = LAST_PAUSE.min(pause * 2);
                    continue;
                }
            };
            let door = door(&given.door)?;
            if cursor.is_empty() || is_away {
                println!("{}", self.begun(&given));
            }
            (pause, is_away) = (FIRST_PAUSE, false);
            for parcel in &given.callbacks {
                self.forward(parcel, door.as_ref(), given.delivery).await?;
            }
            cursor = given.cursor;
        }
    }

    fn begun(&self, given: &Given) -> String {
        let until = given.until_ms.map_or_else(String::new, |until_ms| {
            format!(", until {}", zone::time(until_ms))
        });
        let what = if given.delivery {
            "their delivery: your answers count"
        } else {
            "copies: they are delivered as ever, whatever you answer"
        };
        let (domain, server) = (printable(&self.domain), &self.server);
        format!(
            "callbacks of {domain} at {server} come to {}{until}; {what}",
            self.forward
        )
    }

    /// Sends a callback to the developer's receiver, and says what it answered.
    async fn forward(&self, parcel: &Parcel, door: &dyn Door, is_delivery: bool) -> Result<()> {
        let query = parcel.url.split_once('?').map_or("", |(_, query)| query);
        let url = format!("{}?{query}", self.forward);
        let url = url.trim_end_matches('?');
        let hosts = [self.host.clone()];
        let body = parcel.body.as_deref();
        let call = Call {
            domain_code: &self.domain,
            url,
            body: body.map(|body| (door.media_type(), body)),
            private_hosts: &hosts,
            loopback: true,
        };
        let answer = self.receiver.call(&call).await;
        let line = line(&sent(url, body), &answer, is_taken(door, &answer));
        println!("{} {line}", zone::time(now_ms()));
        if is_delivery {
            self.tell(parcel.number, &answer).await?;
        }
        Ok(())
    }

    /// Tells the server what the receiver answered; what it does not hear it tries again.
    async fn tell(&self, number: i64, answer: &CallbackAnswer) -> Result<()> {
        let status = answer.status.map(|status| status.to_string());
        let text = answer.text.as_bytes();
        let text = hex::encode(&text[..text.len().min(ANSWER_BYTES_MAX)]);
        let location = answer.location.as_deref().map(printable);
        let fields = [
            ("number", number.to_string()),
            ("status", status.unwrap_or_default()),
            ("answer", text),
            ("location", location.unwrap_or_default()),
        ];
        let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, &**text)).collect();
        let told: Result<bool, _> = self.ask(&format!("{PATH}/answer"), &fields).await;
        if let Err(Trouble::Away(why, _) | Trouble::Refused(why)) = told {
            eprintln!("the answer did not count: {why}");
        }
        Ok(())
    }

    /// One signed call of the server.
    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<T, Trouble> {
        let asked = self
            .client
            .post(format!("{}{path}", self.server))
            .timeout(CALL_LIMIT)
            .header("Content-Type", "application/json")
            .header("Accept-Language", "en")
            .body(self.signed(fields)?);
        let away = |why: String, wait| Trouble::Away(format!("{}: {why}", self.server), wait);
        let lost = |error: reqwest::Error| away(error.without_url().to_string(), None);
        let mut answer = asked.send().await.map_err(lost)?;
        let status = answer.status();
        let wait = answer.headers().get("Retry-After").and_then(|wait| {
            let seconds = wait.to_str().ok()?.parse().ok()?;
            Some(Duration::from_secs(seconds).min(LAST_PAUSE))
        });
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            body.extend_from_slice(&chunk);
            if body.len() > GIVEN_BYTES_MAX {
                return Err(Trouble::Refused("the answer is too long".to_owned()));
            }
        }
        let Ok(answer) = serde_json::from_slice::<Envelope<T>>(&body) else {
            let why = format!(
                "{} answers {status}, and is no platform of ours",
                self.server
            );
            // So does a proxy whose platform is away.
            return Err(match status.is_server_error() {
                true => Trouble::Away(why, wait),
                false => Trouble::Refused(why),
            });
        };
        let said = || {
            format!(
                "{} {}",
                printable(&answer.errcode),
                printable(&answer.errormsg)
            )
        };
        let is = |code: ErrCode| answer.errcode == code.code();
        match answer.obj {
            Some(obj) => Ok(obj),
            None if is(ErrCode::BadSign) => Err(Trouble::Refused(format!(
                "{} refuses: there is no such business system, or the secret is wrong, or it is \
                 not relayed now (an operator's `tongfu domain set CODE --relay-until 12h`)",
                self.server
            ))),
            None if is(ErrCode::TooMany) || is(ErrCode::Internal) => Err(away(said(), wait)),
            None => Err(Trouble::Refused(said())),
        }
    }

    /// The body of a call with these fields.
    fn signed(&self, fields: &[(&str, &str)]) -> Result<String, Trouble> {
        let time = now_ms().to_string();
        let nonce = checkout::token().map_err(|error| Trouble::Refused(error.to_string()))?;
        let call = [
            ("domainCode", self.domain.as_str()),
            ("time", &time),
            ("nonce", &nonce),
        ];
        let all = || call.iter().chain(fields).copied();
        let sign = relay_sign(all(), &self.secret);
        let all = all().chain([("sign", sign.as_str())]);
        let body: Map<String, Value> = all
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        Ok(Value::Object(body).to_string())
    }
}

fn door(name: &str) -> Result<Arc<dyn Door>> {
    let mut doors = doors::all().into_iter();
    doors
        .find(|door| door.name() == name)
        .with_context(|| format!("this program is older than the server: {}", printable(name)))
}

/// What was sent, what was answered, and what that means.
fn line(sent: &str, answer: &CallbackAnswer, taken: bool) -> String {
    let said = answered(answer.status, answer.location.as_deref(), &answer.text);
    let after = format!("{sent}: {said}, after {} ms", answer.duration_ms);
    match answer.status {
        _ if taken => format!("{after}; taken"),
        None => format!("{after}; not taken"),
        Some(200..300) => format!(
            "{after}; not taken: the body is not what takes a callback: {}",
            beginning(&answer.text)
        ),
        Some(_) => format!("{after}; not taken: {}", beginning(&answer.text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_answered_and_what_it_means() {
        let told = |status, text: &str, taken| {
            let answer = CallbackAnswer {
                status,
                location: None,
                text: text.to_owned(),
                duration_ms: 3,
            };
            line("GET http://a/cb", &answer, taken)
        };
        assert_eq!(
            told(Some(200), "success", true),
            "GET http://a/cb: 200, after 3 ms; taken"
        );
        assert_eq!(
            told(Some(200), "\"success\"\n", false),
            "GET http://a/cb: 200, after 3 ms; not taken: the body is not what takes a \
             callback: \"success\"\\u{a}"
        );
        assert_eq!(
            told(Some(404), "", false),
            "GET http://a/cb: 404: nothing is at that address, after 3 ms; not taken: (empty)"
        );
        assert_eq!(
            told(None, "nothing listens at its port", false),
            "GET http://a/cb: nothing listens at its port, after 3 ms; not taken"
        );
    }
}
