//! Tongfu's client for Rust: one file (docs/integrate.md).
//!
//! ```text
//! tongfu-client shop PORT                          a shop at http://127.0.0.1:PORT/
//!               address [--sha1] NAME=VALUE…       where a payer is sent
//!               verify QUERY                       a callback of the platform's
//!               notification BODY                  a partner's notification
//!               query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//!               forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
//! ```
//!
//! `TONGFU_URL`, `_DOMAIN`, `_SECRET`, `_PARTNER` and `_KEY` say whose; without them a
//! development instance's at this machine.

use form_urlencoded::parse;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;
use ureq::http::Uri;

type Fields = BTreeMap<String, String>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

const RFC3986: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// As node's querystring escapes.
const NODE: &AsciiSet = &RFC3986
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');
const NINE: &str =
    "money requestKey payTime orderSn payTypeCode payTypeName currencyType payStatus domainCode";

const PATIENCE: Duration = Duration::from_secs(5);
/// What everybody knows of a development instance.
const DEVELOPMENT: [(&str, &str); 4] = [
    ("DOMAIN", "demo"),
    ("SECRET", "demo-secret"),
    ("PARTNER", "p001"),
    ("KEY", "123456"),
];

fn base() -> String {
    env::var("TONGFU_URL").unwrap_or_else(|_| "http://127.0.0.1:3000".to_owned())
}

/// `TONGFU_name`; a development instance's hold at this machine alone.
fn setting(name: &str) -> Result<String> {
    if let Ok(given) = env::var(format!("TONGFU_{name}"))
        && !given.is_empty()
    {
        return Ok(given);
    }
    let uri: Option<Uri> = base().parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let known = DEVELOPMENT.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, value)) if ["127.0.0.1", "localhost", "[::1]"].contains(&host) => {
            Ok((*value).to_owned())
        }
        _ => Err(format!("TONGFU_{name} is missing").into()),
    }
}

fn fields<const N: usize>(pairs: [(&str, &str); N]) -> Fields {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn parsed(query: &str) -> Fields {
    parse(query.as_bytes()).into_owned().collect()
}

fn now_ms() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis())
}

fn joined(fields: &Fields, bare: &'static AsciiSet) -> String {
    let pair = |(name, value): (&String, &String)| {
        let value = utf8_percent_encode(value, bare);
        format!("{name}={value}")
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The values and the secret, sorted by UTF-16 code unit.
fn sha1_sign<'a>(values: impl Iterator<Item = &'a str>) -> Result<String> {
    let secret = setting("SECRET")?;
    let mut values: Vec<String> = values.map(str::to_owned).chain([secret]).collect();
    values.sort_by_key(|value| value.encode_utf16().collect::<Vec<_>>());
    Ok(hex::encode(Sha1::digest(values.concat())))
}

fn hmac_sign(purpose: &str, fields: &Fields) -> Result<String> {
    let mut filled = fields.clone();
    filled.retain(|_, value| !value.is_empty());
    let mut mac = Hmac::<Sha256>::new_from_slice(setting("SECRET")?.as_bytes())?;
    mac.update(format!("{purpose}\n{}", joined(&filled, RFC3986)).as_bytes());
    Ok(hex::encode(mac.finalize().into_bytes()))
}

fn md5_sign(fields: &Fields) -> Result<String> {
    let key = setting("KEY")?;
    Ok(hex::encode(Md5::digest(format!(
        "{key}{}",
        joined(fields, NODE)
    ))))
}

fn without(fields: &Fields, names: &[&str]) -> Fields {
    let mut kept = fields.clone();
    kept.retain(|name, _| !names.contains(&name.as_str()));
    kept
}

/// The fields with their sign: SHA-1 for the purpose `sha1`.
fn signed(purpose: &str, mut fields: Fields) -> Result<Fields> {
    fields
        .entry("domainCode".to_owned())
        .or_insert(setting("DOMAIN")?);
    if purpose != "sha1" {
        fields.insert("signType".to_owned(), "HMAC-SHA256".to_owned());
    }
    let covered = without(&fields, &["payTypeCode", "openid", "lang"]);
    let sign = match purpose {
        "sha1" => sha1_sign(covered.values().map(String::as_str))?,
        _ => hmac_sign(purpose, &covered)?,
    };
    fields.insert("sign".to_owned(), sign);
    Ok(fields)
}

fn address(purpose: &str, fields: Fields) -> Result<String> {
    let query = joined(&signed(purpose, fields)?, RFC3986);
    Ok(format!("{}/pay.html?{query}", base()))
}

fn equal(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// Whether a callback is the platform's; payTypeName alone may be missing.
fn verify(fields: &Fields) -> Result<bool> {
    let lacks = |name| name != "payTypeName" && value(fields, name).is_empty();
    if NINE.split(' ').any(lacks) {
        return Ok(false);
    }
    let nine = NINE.split(' ').map(|name| value(fields, name));
    let good = equal(&sha1_sign(nine)?, value(fields, "sign"));
    // Where your domain has sign2, refuse a callback without it.
    let covered = without(fields, &["sign", "sign2"]);
    let sign2 = hmac_sign("callback", &covered)?;
    let given = fields.get("sign2");
    Ok(good && given.is_none_or(|given| equal(&sign2, given)))
}

/// Whether a partner's notification is the platform's.
fn verify_notification(fields: &Fields) -> Result<bool> {
    let sign = md5_sign(&without(fields, &["sign"]))?;
    Ok(equal(&sign, value(fields, "sign")))
}

fn patient() -> ureq::Agent {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE));
    config.build().into()
}

fn get(path: &str) -> Result<Value> {
    let answer = patient().get(format!("{}{path}", base())).call()?;
    Ok(serde_json::from_reader(answer.into_body().into_reader())?)
}

fn post(path: &str, media: &str, body: &str) -> Result<Value> {
    let request = patient()
        .post(format!("{}{path}", base()))
        .header("Content-Type", media);
    let answer = request.send(body)?;
    Ok(serde_json::from_reader(answer.into_body().into_reader())?)
}

fn query(key: &str) -> Result<Value> {
    let signed = signed("query", fields([("requestKey", key)]))?;
    get(&format!(
        "/pay/api/private/pay/queryInfo?{}",
        joined(&signed, RFC3986)
    ))
}

/// refund, close.
fn ask(purpose: &str, fields: Fields) -> Result<Value> {
    let body = json!(signed(purpose, fields)?).to_string();
    post(
        &format!("/pay/api/private/pay/{purpose}"),
        "application/json",
        &body,
    )
}

fn forecore(call: &str, given: Fields) -> Result<Value> {
    if call == "refund" && value(&given, "out_refund_no").is_empty() {
        // By another time it would be another refund.
        return Err("out_refund_no is missing: name it, and keep it before you call".into());
    }
    let mut fields = fields([
        ("partnerId", &setting("PARTNER")?),
        ("time", &now_ms().to_string()),
    ]);
    fields.extend(given);
    fields.insert("sign".to_owned(), md5_sign(&fields)?);
    let media = "application/x-www-form-urlencoded";
    post(
        &format!("/forecore/{call}"),
        media,
        &joined(&fields, RFC3986),
    )
}

/// Number: sum, state; a real shop has a database.
static ORDERS: Mutex<BTreeMap<String, (String, &str)>> = Mutex::new(BTreeMap::new());

fn orders() -> MutexGuard<'static, BTreeMap<String, (String, &'static str)>> {
    ORDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An order of this sum that nobody has paid; gives its number.
fn ordered(sum: &str) -> Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let number = format!("D1-{:013}", u64::from_ne_bytes(random) % 10_u64.pow(13));
    orders().insert(number.clone(), (sum.to_owned(), "open"));
    Ok(number)
}

fn fen(yuan: f64) -> String {
    format!("{:.0}", yuan * 100.0)
}

/// What is paid and does not go back; where the platform can't say, the callback comes again.
fn paid_by_platform(number: &str) -> Result<String> {
    let answer = query(number)?;
    if answer["errcode"] != "0" {
        return Err(answer.to_string().into());
    }
    let paid = &answer["obj"];
    let currency = paid["currencyType"].as_str().unwrap_or_default();
    Ok(match paid["payStatus"] == "SUCCESSPAY" {
        true => format!("{} {currency}", paid["money"]),
        false => String::new(),
    })
}

fn paid_by_partner(number: &str) -> Result<String> {
    let answer = forecore("queryOrder", fields([("outOrderId", number)]))?;
    if answer["result"] != "ok" {
        return Err(answer.to_string().into());
    }
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let received = answer["received"].as_f64().unwrap_or(-1.0);
    Ok(match text("status").starts_with("refund") {
        true => String::new(),
        false => format!("{} {}", fen(received), text("currency")),
    })
}

fn settle(number: &str, told: &str, confirmed: fn(&str) -> Result<String>) -> Result<&'static str> {
    let order = orders().get(number).cloned();
    let Some((_, state)) = order.filter(|(sum, _)| sum == told) else {
        return Ok("another sum");
    };
    if state == "open" && confirmed(number)? == told {
        let paid = orders().insert(number.to_owned(), (told.to_owned(), "paid"));
        if paid.is_some_and(|(_, state)| state == "open") {
            println!("ship {number}"); // here alone it is paid, and once: ship now
        }
    }
    Ok("success")
}

fn called(told: &Fields) -> Result<&'static str> {
    let value = |name| value(told, name);
    if !verify(told)? {
        return Ok("wrong sign");
    }
    if value("payStatus") != "SUCCESSPAY" {
        return Ok("success"); // heard, and no payment: ship nothing
    }
    let sum = format!("{} {}", value("money"), value("currencyType"));
    settle(value("requestKey"), &sum, paid_by_platform)
}

fn notified(told: &Fields) -> Result<&'static str> {
    let value = |name| value(told, name);
    if !verify_notification(told)? {
        return Ok("wrong sign");
    }
    let sum = format!("{} {}", fen(value("money").parse()?), value("currency"));
    settle(value("outOrderId"), &sum, paid_by_partner)
}

/// An answer's text; an address is a redirection.
fn shop(home: &str, path: &str, told: &Fields) -> Result<String> {
    let here = |page: &str| format!("{home}{page}");
    Ok(match path {
        "/buy" => address(
            "pay",
            fields([
                ("requestKey", ordered("100 CNY")?.as_str()),
                ("money", "100"),
                ("currencyType", "CNY"),
                ("info", "耳机 A+B"),
                ("bgUrl", here("/callback").as_str()),
                ("pageUrl", here("/").as_str()),
            ]),
        )?,
        "/order" => forecore(
            "order",
            fields([
                ("outOrderId", ordered("1999 CNY")?.as_str()),
                ("money", "19.99"),
                ("currency", "CNY"),
                ("cb_url", here("/notify").as_str()),
                ("return_url", here("/").as_str()),
            ]),
        )?["url"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        "/callback" => called(told)?.to_owned(),
        "/notify" => match notified(told)? {
            "success" => json!({"result": "success"}).to_string(),
            said => json!({"err": said}).to_string(),
        },
        _ => orders()
            .iter()
            .map(|(number, (sum, state))| format!("{number} {sum} {state}\n"))
            .collect(),
    })
}

fn answer(home: &str, mut stream: TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = BufReader::new(stream.try_clone()?.take(1 << 16));
    let (mut first, mut length) = (String::new(), 0);
    request.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        request.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(given) = line.strip_prefix("content-length:") {
            length = given.trim().parse()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = String::new();
    request.take(length).read_to_string(&mut body)?;
    let target = first.split(' ').nth(1).unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, &body));
    let text = shop(home, path, &parsed(query))?;
    let head = match text.starts_with("http") {
        true => format!("302 Found\r\nLocation: {text}"),
        false => "200 OK\r\nContent-Type: text/plain; charset=utf-8".to_owned(),
    };
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
    if !text.starts_with("http") {
        stream.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn serve(port: &str) -> Result<()> {
    for (name, _) in DEVELOPMENT {
        setting(name)?; // all of them, before anybody buys
    }
    let home = format!("http://127.0.0.1:{port}");
    for stream in TcpListener::bind(format!("127.0.0.1:{port}"))?.incoming() {
        let home = home.clone();
        std::thread::spawn(move || {
            let answered = stream
                .map_err(Into::into)
                .and_then(|stream| answer(&home, stream));
            if let Err(error) = answered {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

fn run(words: &[&str]) -> Result<bool> {
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    let given: Fields = pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match words {
        ["shop", port] => serve(port)?,
        ["address", "--sha1", ..] => println!("{}", address("sha1", given)?),
        ["address", ..] => println!("{}", address("pay", given)?),
        ["verify", told] => return verify(&parsed(told)),
        ["notification", told] => return verify_notification(&parsed(told)),
        ["query", key] => println!("{}", query(key)?),
        ["close", key] => println!("{}", ask("close", fields([("requestKey", key)]))?),
        ["refund", key, refund_key, fen] => {
            let fields = fields([
                ("requestKey", key),
                ("refundKey", refund_key),
                ("refundMoney", fen),
            ]);
            println!("{}", ask("refund", fields)?);
        }
        ["forecore", call, ..] => println!("{}", forecore(call, given)?),
        _ => eprintln!("see the top of this file"),
    }
    Ok(true)
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match run(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => eprintln!("the sign does not hold"),
        Err(error) => eprintln!("{error}"),
    }
    ExitCode::FAILURE
}
