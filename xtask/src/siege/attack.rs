//! What strangers do. Nothing here holds a secret but the one signed address that any
//! payer sees; all of it is bounded in number and time.

use super::wire::{ask, connect, request};
use anyhow::Result;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
/// Threads of an attack, each at an address of its own.
pub(super) const THREADS: u8 = 8;
/// Connections that are held open by each thread.
const HELD: usize = 1_050;
/// Requests of each thread.
const REQUESTS: usize = 4_000;

/// What an attacker knows.
pub(super) struct Target {
    pub(super) port: u16,
    /// The query of a signed address.
    pub(super) signed: String,
    /// Channel and name of each account.
    pub(super) accounts: Vec<(String, String)>,
    /// An address of ours that takes connections and never answers.
    pub(super) slow_key: String,
}

/// One way to cost us something.
#[derive(Clone, Copy)]
pub(super) struct Attack {
    pub(super) name: &'static str,
    run: fn(&Target, Ipv4Addr, &(dyn Fn() -> bool + Sync)),
}

pub(super) const ATTACKS: [Attack; 9] = [
    Attack {
        name: "wide bodies",
        run: wide_bodies,
    },
    Attack {
        name: "wrong signs",
        run: wrong_signs,
    },
    Attack {
        name: "idle and half-sent connections",
        run: half_sent,
    },
    Attack {
        name: "stalled bodies",
        run: stalled_bodies,
    },
    Attack {
        name: "unsigned openid trips",
        run: openid_trips,
    },
    Attack {
        name: "junk codes",
        run: junk_codes,
    },
    Attack {
        name: "forged notifies",
        run: forged_notifies,
    },
    Attack {
        name: "streams",
        run: streams,
    },
    Attack {
        name: "one signed address",
        run: one_signed_address,
    },
];

impl Attack {
    /// Attacks from an address until it is over, or enough.
    pub(super) fn run(self, target: &Target, thread: u8, over: &(dyn Fn() -> bool + Sync)) {
        (self.run)(target, Ipv4Addr::new(127, 0, 1, thread + 1), over);
    }
}

/// Sends these in turn; what is answered is of no interest, nor that nothing is.
fn flood(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync), requests: &[Vec<u8>]) {
    for request in requests.iter().cycle().take(REQUESTS) {
        if over() {
            return;
        }
        let _ = ask(from, target.port, request);
    }
}

fn wide_bodies(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    let names = |count: usize| (0..count).map(|at| format!("a{at}=1")).collect::<Vec<_>>();
    let (form, query) = (names(7_000).join("&"), names(6_000).join("&"));
    let json = format!("{{\"{}}}", form.replace('=', "\":").replace('&', ",\""));
    let mut requests: Vec<_> = ["order", "queryOrder", "refund", "exchangeRate"]
        .iter()
        .flat_map(|call| {
            let path = format!("/forecore/{call}?{query}");
            [
                request("POST", &path, FORM, &form),
                request("POST", &path, JSON, &json),
            ]
        })
        .collect();
    requests.push(request("GET", &format!("/pay.html?{query}"), "", ""));
    requests.push(request("POST", "/pay.html", FORM, &form));
    requests.push(request("POST", "/pay/api/pc/pay", JSON, &json));
    let long = names(28_000).join("&");
    for (channel, account) in &target.accounts {
        let path = format!("/notify/{channel}/{account}");
        requests.push(request("POST", &path, FORM, &long));
    }
    flood(target, from, over, &requests);
}

fn wrong_signs(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    let wrong = target.signed.replace("sign=", "sign=0");
    let strange: Vec<_> = (0..40)
        .map(|at| format!("s{at}={}", "x".repeat(700)))
        .collect();
    let query = format!("{wrong}&{}", strange.join("&"));
    let partner = format!("partnerId=p001&sign=0&{}", strange.join("&"));
    let paths = ["/pay.html", "/pay/api/pc/wechatQuery", "/pay/events"];
    let mut requests = paths
        .map(|path| request("GET", &format!("{path}?{query}"), "", ""))
        .to_vec();
    requests.push(request("POST", "/forecore/order", FORM, &partner));
    flood(target, from, over, &requests);
}

/// Holds connections that began so, until it is over.
fn hold(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync), beginnings: &[Vec<u8>]) {
    let mut held: Vec<TcpStream> = Vec::new();
    for beginning in beginnings.iter().cycle().take(HELD) {
        if over() {
            return;
        }
        let Ok(mut stream) = connect(from, target.port) else {
            continue;
        };
        if stream.write_all(beginning).is_ok() {
            held.push(stream);
        }
    }
    while !over() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn half_sent(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    let half = format!("GET /pay.html HTTP/1.1\r\nX: {}", "x".repeat(4_000));
    hold(target, from, over, &[Vec::new(), half.into_bytes()]);
}

fn stalled_bodies(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    let beginning = |path: &str, length: usize| {
        let mut all = request("POST", path, FORM, &"x".repeat(length));
        all.pop();
        all
    };
    let mut beginnings = vec![beginning("/forecore/order", 64 << 10)];
    for (channel, account) in &target.accounts {
        let path = format!("/notify/{channel}/{account}");
        beginnings.push(beginning(&path, 256 << 10));
    }
    hold(target, from, over, &beginnings);
}

fn openid_trips(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    let own = format!("http%3A%2F%2F127.0.0.1%3A{}%2Fmpay.html%3F", target.port);
    let path = |length: usize| {
        let back_url = format!("{own}{}", "x".repeat(length));
        format!("/pay/api/h5/openid?domainCode=demo&backUrl={back_url}")
    };
    let cookie = |length: usize| format!("Cookie: tongfu_browser={}\r\n", "x".repeat(length));
    let requests = [
        request("GET", &path(1_900), "", ""),
        request("GET", &path(30_000), &cookie(20_000), ""),
        request("GET", &path(100), &cookie(40_000), ""),
    ];
    flood(target, from, over, &requests);
}

/// Begins a trip, and comes back with a code that WeChat never gave.
fn junk_codes(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    let own = format!("http%3A%2F%2F127.0.0.1%3A{}%2Fmpay.html", target.port);
    let back = format!("/pay/api/h5/openid?domainCode=demo&backUrl={own}");
    let mark = "Cookie: tongfu_browser=0123456789abcdef0123456789abcdef\r\n";
    for _ in 0..REQUESTS {
        if over() {
            return;
        }
        let begin = request("GET", &back, mark, "");
        let state = state_of(target.port, from, &begin);
        let junk = format!("{back}&code=junk&state={}", state.unwrap_or_default());
        let _ = ask(from, target.port, &request("GET", &junk, mark, ""));
    }
}

/// The state that the answer's address holds.
fn state_of(port: u16, from: Ipv4Addr, request: &[u8]) -> Option<String> {
    use std::io::Read;
    let mut stream = connect(from, port).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, after) = answer.split_once("&state=")?;
    let end = after.find(|letter: char| !letter.is_ascii_alphanumeric())?;
    Some(after[..end].to_owned())
}

fn forged_notifies(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    for round in 0..REQUESTS / 4 {
        let headers = format!(
            "Content-Type: application/json\r\n\
             Wechatpay-Serial: {round:040X}\r\nWechatpay-Nonce: n\r\n\
             Wechatpay-Timestamp: {}\r\nWechatpay-Signature: AAAA\r\n\
             PayPal-Transmission-Id: {round}\r\nPayPal-Transmission-Time: 2026-01-01T00:00:00Z\r\n\
             PayPal-Transmission-Sig: AAAA\r\nPayPal-Auth-Algo: SHA256withRSA\r\n\
             PayPal-Cert-Url: {}{round}\r\n",
            now_s(),
            target.slow_key
        );
        let form = format!("partnerId=p&sign_type=RSA2&sign=AAAA&app_id=1&n={round}");
        for (channel, account) in &target.accounts {
            if over() {
                return;
            }
            let path = format!("/notify/{channel}/{account}");
            for body in ["{\"id\":\"1\"}", form.as_str()] {
                let _ = ask(from, target.port, &request("POST", &path, &headers, body));
            }
        }
    }
}

fn now_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn streams(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    let open = request("GET", &format!("/pay/events?{}", target.signed), "", "");
    hold(target, from, over, &[open]);
}

fn one_signed_address(target: &Target, from: Ipv4Addr, over: &(dyn Fn() -> bool + Sync)) {
    let page = |channel: &str| {
        let path = format!("/pay.html?{}&payTypeCode={channel}", target.signed);
        request("GET", &path, "", "")
    };
    let requests = ["Wechat", "Alipay", "ChinapayOld", "Paypal"].map(page);
    flood(target, from, over, &requests);
}

/// Takes connections and never answers, until this program ends; counts them.
pub(super) fn slow_key(count: &'static AtomicUsize) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = format!("http://{}/certs/", listener.local_addr()?);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::Relaxed);
            held.push(stream);
        }
    });
    Ok(address)
}
