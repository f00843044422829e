//! Tongfu's client for Rust: one file (docs/integrate.md).
//!
//! ```text
//! tongfu-client shop PORT                          a shop at http://127.0.0.1:PORT/
//!               address [--sha1] NAME=VALUE…       where a payer is sent
//!               verify QUERY                       a callback's query, a notification's body
//!               query REQUESTKEY, close REQUESTKEY, refund REQUESTKEY REFUNDKEY FEN
//!               forecore CALL NAME=VALUE…          order, queryOrder, refund, exchangeRate
//! ```
//!
//! `TONGFU_URL`, `_DOMAIN`, `_SECRET`, `_PARTNER` and `_KEY` say whose; without them a
//! development instance's.

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
use std::time::{SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;

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

fn setting(name: &str, otherwise: &str) -> String {
    env::var(format!("TONGFU_{name}")).unwrap_or_else(|_| otherwise.to_owned())
}

fn base() -> String {
    setting("URL", "http://127.0.0.1:3000")
}

fn secret() -> String {
    setting("SECRET", "demo-secret")
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
fn sha1_sign<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut values: Vec<String> = values.map(str::to_owned).chain([secret()]).collect();
    values.sort_by_key(|value| value.encode_utf16().collect::<Vec<_>>());
    hex::encode(Sha1::digest(values.concat()))
}

fn hmac_sign(purpose: &str, fields: &Fields) -> String {
    let mut filled = fields.clone();
    filled.retain(|_, value| !value.is_empty());
    let mac = Hmac::<Sha256>::new_from_slice(secret().as_bytes());
    let mut mac = mac.expect("HMAC takes a key of any length");
    mac.update(format!("{purpose}\n{}", joined(&filled, RFC3986)).as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn md5_sign(fields: &Fields) -> String {
    let key = setting("KEY", "123456");
    hex::encode(Md5::digest(format!("{key}{}", joined(fields, NODE))))
}

fn without(fields: &Fields, names: &[&str]) -> Fields {
    let mut kept = fields.clone();
    kept.retain(|name, _| !names.contains(&name.as_str()));
    kept
}

/// The fields with their sign: SHA-1 for the purpose `sha1`.
fn signed(purpose: &str, mut fields: Fields) -> Fields {
    fields
        .entry("domainCode".to_owned())
        .or_insert_with(|| setting("DOMAIN", "demo"));
    if purpose != "sha1" {
        fields.insert("signType".to_owned(), "HMAC-SHA256".to_owned());
    }
    let covered = without(&fields, &["payTypeCode", "openid", "lang"]);
    let sign = match purpose {
        "sha1" => sha1_sign(covered.values().map(String::as_str)),
        _ => hmac_sign(purpose, &covered),
    };
    fields.insert("sign".to_owned(), sign);
    fields
}

fn address(purpose: &str, fields: Fields) -> String {
    let query = joined(&signed(purpose, fields), RFC3986);
    format!("{}/pay.html?{query}", base())
}

fn equal(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

/// Whether a callback, or a partner's notification, is the platform's.
fn verify(fields: &Fields) -> bool {
    let value = |name: &str| fields.get(name).map_or("", String::as_str);
    if fields.contains_key("outOrderId") {
        return equal(&md5_sign(&without(fields, &["sign"])), value("sign"));
    }
    let good = equal(&sha1_sign(NINE.split(' ').map(value)), value("sign"));
    // Where your domain has sign2, refuse a callback without it.
    let covered = without(fields, &["sign", "sign2"]);
    let sign2 = fields
        .get("sign2")
        .is_none_or(|sign2| equal(&hmac_sign("callback", &covered), sign2));
    good && sign2
}

fn get(path: &str) -> Result<Value> {
    let answer = ureq::get(format!("{}{path}", base())).call()?;
    Ok(serde_json::from_reader(answer.into_body().into_reader())?)
}

fn post(path: &str, media: &str, body: &str) -> Result<Value> {
    let request = ureq::post(format!("{}{path}", base())).header("Content-Type", media);
    let answer = request.send(body)?;
    Ok(serde_json::from_reader(answer.into_body().into_reader())?)
}

fn query(key: &str) -> Result<Value> {
    let signed = signed("query", fields([("requestKey", key)]));
    get(&format!(
        "/pay/api/private/pay/queryInfo?{}",
        joined(&signed, RFC3986)
    ))
}

/// refund, close.
fn ask(purpose: &str, fields: Fields) -> Result<Value> {
    let body = json!(signed(purpose, fields)).to_string();
    post(
        &format!("/pay/api/private/pay/{purpose}"),
        "application/json",
        &body,
    )
}

fn forecore(call: &str, given: Fields) -> Result<Value> {
    let mut fields = fields([
        ("partnerId", &setting("PARTNER", "p001")),
        ("time", &now_ms().to_string()),
    ]);
    fields.extend(given);
    fields.insert("sign".to_owned(), md5_sign(&fields));
    let media = "application/x-www-form-urlencoded";
    post(
        &format!("/forecore/{call}"),
        media,
        &joined(&fields, RFC3986),
    )
}

/// Number: state; all cost 100 fen here, and a real shop has a database.
type Orders = BTreeMap<String, &'static str>;

fn fen(sum: &Value, unit: f64) -> Option<f64> {
    let sum = sum.as_f64().or_else(|| sum.as_str()?.parse().ok());
    sum.map(|sum| (sum * unit).round())
}

fn settle(
    orders: &mut Orders,
    told: &Fields,
    (name, unit): (&str, f64),
    confirmed: impl FnOnce(&str) -> Result<Value>,
) -> Result<&'static str> {
    if !verify(told) {
        return Ok("wrong sign");
    }
    let status = told.get("payStatus").map_or("SUCCESSPAY", String::as_str);
    if status != "SUCCESSPAY" {
        return Ok("success"); // heard, and no payment: ship nothing
    }
    let number = told.get(name).map_or("", String::as_str);
    let currency = told.get("currencyType").or(told.get("currency"));
    if currency.is_none_or(|currency| currency != "CNY") {
        return Ok("another currency"); // all is sold for CNY
    }
    let is_price = |sum: &Value| fen(sum, unit) == Some(100.0);
    let Some(state) = orders
        .get_mut(number)
        .filter(|_| is_price(&json!(told.get("money"))))
    else {
        return Ok("another sum");
    };
    if *state == "open" && is_price(&confirmed(number)?) {
        *state = "paid"; // here alone it is paid, and once: ship now
    }
    Ok("success")
}

/// The sum that the platform knows as paid; where it can't say, the callback comes again.
fn known(answer: &Value, place: &str) -> Result<Value> {
    if answer["errcode"] != "0" && answer["result"] != "ok" {
        return Err(answer.to_string().into());
    }
    let status = |place| {
        answer
            .pointer(place)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if status("/obj/payStatus").ends_with("REFUND") || status("/status").starts_with("refund") {
        return Ok(Value::Null); // it goes back: ship nothing
    }
    Ok(answer.pointer(place).unwrap_or(&Value::Null).clone())
}

/// An answer's text; an address is a redirection.
fn shop(orders: &mut Orders, home: &str, path: &str, told: &Fields) -> Result<String> {
    let (number, here) = (format!("D1-{:013}", now_ms()), |page: &str| {
        format!("{home}{page}")
    });
    if ["/buy", "/order"].contains(&path) {
        orders.insert(number.clone(), "open");
    }
    Ok(match path {
        "/buy" => address(
            "pay",
            fields([
                ("requestKey", number.as_str()),
                ("money", "100"),
                ("currencyType", "CNY"),
                ("info", "耳机 A+B"),
                ("bgUrl", here("/callback").as_str()),
                ("pageUrl", here("/").as_str()),
            ]),
        ),
        "/order" => forecore(
            "order",
            fields([
                ("outOrderId", number.as_str()),
                ("money", "1.00"),
                ("currency", "CNY"),
                ("cb_url", here("/notify").as_str()),
                ("return_url", here("/").as_str()),
            ]),
        )?["url"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        "/callback" => {
            let confirmed = |key: &str| known(&query(key)?, "/obj/money");
            settle(orders, told, ("requestKey", 1.0), confirmed)?.to_owned()
        }
        "/notify" => {
            let confirmed = |number: &str| {
                let info = forecore("queryOrder", fields([("outOrderId", number)]))?;
                known(&info, "/received")
            };
            match settle(orders, told, ("outOrderId", 100.0), confirmed)? {
                "success" => json!({"result": "success"}).to_string(),
                said => json!({"err": said}).to_string(),
            }
        }
        _ => orders
            .iter()
            .map(|(number, state)| format!("{number} 100 {state}\n"))
            .collect(),
    })
}

fn answer(orders: &mut Orders, home: &str, mut stream: TcpStream) -> Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
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
    let text = shop(orders, home, path, &parsed(query))?;
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

fn run(words: &[&str]) -> Result<bool> {
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    let given: Fields = pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match words {
        ["shop", port] => {
            let (home, mut orders) = (format!("http://127.0.0.1:{port}"), Orders::new());
            for stream in TcpListener::bind(format!("127.0.0.1:{port}"))?.incoming() {
                if let Err(error) = answer(&mut orders, &home, stream?) {
                    eprintln!("{error}");
                }
            }
        }
        ["address", "--sha1", ..] => println!("{}", address("sha1", given)),
        ["address", ..] => println!("{}", address("pay", given)),
        ["verify", told] => return Ok(verify(&parsed(told))),
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
