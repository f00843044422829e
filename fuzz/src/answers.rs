//! What channels answer to our own calls, and the bank's document. The first byte
//! chooses which; signed answers are signed as the channel would.

use crate::accounts::{MER_ID, NOW_MS, SERIAL, WORLD};
use crate::server::Answer;
use channels::alipay::answer_node;
use channels::ecb::Reference;
use channels::wechat::answer_text;
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::ports::{ChannelOrder, Gateway, OrderState, RefundOrder};
use serde_json::Value;

const NUMBER: &str = "20261125200000000001";
const CHINAPAYS_NUMBER: &str = "1125200000000001";
const REFUND_NO: &str = "R1";
const STATUSES: [u16; 8] = [200, 200, 200, 204, 400, 404, 422, 500];

/// Any of them.
pub fn any(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    match choice % 8 {
        0 => bank(rest),
        1 => node(rest),
        2 => alipay(rest, *choice, true),
        3 => alipay(rest, *choice, false),
        4 => chinapay(rest, true),
        5 => chinapay(rest, false),
        6 => wechat(rest, *choice),
        _ => paypal(rest, *choice),
    }
}

/// The European Central Bank's XML.
fn bank(data: &[u8]) {
    let Ok(xml) = str::from_utf8(data) else {
        return;
    };
    if let Ok(rates) = Reference::parse(xml) {
        assert_eq!(rates.day.len(), "yyyy-MM-dd".len(), "{:?}", rates.day);
        if let Some(rate) = rates.cross("USD", "CNY") {
            assert!(rate.millionths() > 0);
        }
        let _ = rates.cross("CNY", "USD");
    }
}

/// The node of an answer, found by its exact characters.
fn node(data: &[u8]) {
    let Ok(raw) = str::from_utf8(data) else {
        return;
    };
    let Some(found) = answer_node(raw, "alipay_trade_query_response") else {
        return;
    };
    assert!(raw.contains(&found.text), "not its exact characters");
    let text: Value = serde_json::from_str(&found.text).expect("a node is JSON");
    let Ok(Value::Object(whole)) = serde_json::from_str(raw) else {
        return;
    };
    // Of two nodes with one name the first counts here, and the last there.
    if raw.matches("alipay_trade_query_response").count() == 1 && !raw.contains('\\') {
        assert_eq!(whole["alipay_trade_query_response"], text);
    }
}

/// An answer of Alipay: its node alone, which is signed, or the whole of it.
fn alipay(data: &[u8], choice: u8, signed: bool) {
    let name =
        ["trade_query", "trade_refund", "trade_fastpay_refund_query"][usize::from(choice >> 3) % 3];
    let body = if signed {
        let sign = WORLD.key.sign(data);
        let mut body = format!("{{\"alipay_{name}_response\":").into_bytes();
        body.extend_from_slice(data);
        body.extend_from_slice(format!(",\"sign\":\"{sign}\"}}").as_bytes());
        body
    } else {
        data.to_vec()
    };
    tell(200, Vec::new(), body);
    let gateway = WORLD.of(Channel::Alipay);
    match name {
        "trade_query" => {
            let paid = is_paid(gateway, &order(NUMBER));
            assert!(signed || !paid, "unsigned, and believed");
        }
        "trade_refund" => refund(gateway, &order(NUMBER)),
        _ => refund_query(gateway, &order(NUMBER)),
    }
}

/// A page of ChinaPay: the answer to a query, signed or not, and to a refund.
fn chinapay(data: &[u8], signed: bool) {
    let line = String::from_utf8_lossy(data);
    let gateway = WORLD.of(Channel::ChinapayOld);
    if !signed {
        tell(200, Vec::new(), data.to_vec());
        assert!(
            !is_paid(gateway, &order(CHINAPAYS_NUMBER)),
            "unsigned, and believed"
        );
        return refund(gateway, &order(CHINAPAYS_NUMBER));
    }
    let [paid, refunded] = [
        "merid orderno amount currencycode transdate transtype status",
        "MerID ProcessDate TransType OrderId RefundAmout Status Priv1",
    ]
    .map(|names| WORLD.chinapay.sign(&values(&line, names)));
    let page = format!(
        "<html>\r\n<body>\r\nResponeseCode=0&merid={MER_ID}&orderno={CHINAPAYS_NUMBER}&{line}\
         &checkvalue={paid}&CheckValue={refunded}\r\n</body>"
    );
    tell(200, Vec::new(), page.into_bytes());
    let _ = is_paid(gateway, &order(CHINAPAYS_NUMBER));
    refund(gateway, &order(CHINAPAYS_NUMBER));
}

/// The values of these names in a line, one after the other.
fn values(line: &str, names: &str) -> String {
    let value = |name| match name {
        "merid" => MER_ID,
        "orderno" => CHINAPAYS_NUMBER,
        _ => {
            let mut pairs = line.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map_or("", |(_, v)| v)
        }
    };
    names.split(' ').map(value).collect()
}

/// WeChat Pay's JSON, signed.
fn wechat(data: &[u8], choice: u8) {
    let time = (NOW_MS / 1000).to_string();
    let status = STATUSES[usize::from(choice >> 3 & 7)];
    let body = if status == 204 { &[] } else { data };
    let headers = vec![
        ("wechatpay-timestamp", time.clone()),
        ("wechatpay-nonce", "n".to_owned()),
        ("wechatpay-serial", SERIAL.to_owned()),
        (
            "wechatpay-signature",
            WORLD.key.sign(&answer_text(&time, "n", body)),
        ),
    ];
    tell(status, headers, body.to_vec());
    let gateway = WORLD.of(Channel::Wechat);
    let _ = is_paid(gateway, &order(NUMBER));
    refund(gateway, &order(NUMBER));
}

/// PayPal's JSON, which TLS would vouch for.
fn paypal(data: &[u8], choice: u8) {
    let status = STATUSES[usize::from(choice >> 3 & 7)];
    tell(status, Vec::new(), data.to_vec());
    let gateway = WORLD.of(Channel::Paypal);
    let mut order = order(NUMBER);
    (order.reference, order.trade_no) = (Some("O".to_owned()), Some("C".to_owned()));
    let _ = is_paid(gateway, &order);
    let _ = WORLD.wait(gateway.capture(&order));
    refund(gateway, &order);
}

fn is_paid(gateway: &dyn Gateway, order: &ChannelOrder) -> bool {
    match WORLD.wait(gateway.query(order)) {
        Ok(OrderState::Paid(report)) => {
            assert!(report.money.minor() >= 0);
            true
        }
        _ => false,
    }
}

fn refund(gateway: &dyn Gateway, order: &ChannelOrder) {
    let _ = WORLD.wait(gateway.refund(&of(order)));
}

fn refund_query(gateway: &dyn Gateway, order: &ChannelOrder) {
    let _ = WORLD.wait(gateway.query_refund(&of(order)));
}

fn of(order: &ChannelOrder) -> RefundOrder {
    RefundOrder {
        order: order.clone(),
        refund_no: REFUND_NO.to_owned(),
        reference: Some("F".to_owned()),
        money: order.money,
        begun_ms: 0,
        was_sent: true,
        follows: false,
    }
}

fn order(number: &str) -> ChannelOrder {
    ChannelOrder {
        number: number.to_owned(),
        reference: None,
        trade_no: None,
        money: Money::from_minor(12_345, Currency::Cny).expect("a sum"),
        asked: None,
        created_ms: NOW_MS,
    }
}

fn tell(status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8>) {
    WORLD.server.answers(Answer {
        status,
        headers,
        body,
    });
}
