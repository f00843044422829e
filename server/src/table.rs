//! Tables for spreadsheets, which the console and the command write alike
//! (docs/console.md, CSV).

use crate::zone;
use csv::{Terminator, Writer, WriterBuilder};
use payment::acts::OperatorAct;
use payment::money::two_decimals;
use payment::param::Param;
use payment::ports::{Listed, ListedRefund};
use std::borrow::Cow;
use std::io;

/// Without it Excel takes UTF-8 for another encoding.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// What a table of orders tells of each.
const ORDERS: [&str; 16] = [
    "orderSn",
    "status",
    "domainCode",
    "requestKey",
    "money",
    "currency",
    "channel",
    "account",
    "channelOrderNo",
    "tradeNo",
    "made",
    "paid",
    "goods",
    "channelMoney",
    "channelCurrency",
    "refunded",
];

/// What a table of refunds tells of each.
const REFUNDS: [&str; 13] = [
    "refundNo",
    "refundKey",
    "state",
    "orderSn",
    "domainCode",
    "money",
    "currency",
    "channelMoney",
    "channelCurrency",
    "cause",
    "asked",
    "reference",
    "note",
];

/// What a table of operators' acts tells of each.
const ACTS: [&str; 5] = ["seq", "time", "by", "what", "hash"];

/// The beginning of a table of orders: what its columns are.
///
/// # Errors
/// None in memory.
pub(crate) fn orders_head() -> io::Result<Vec<u8>> {
    head(&ORDERS)
}

/// A line for each order.
///
/// # Errors
/// None in memory.
pub(crate) fn orders(orders: &[Listed]) -> io::Result<Vec<u8>> {
    lines(orders.iter().map(order))
}

/// The beginning of a table of refunds.
///
/// # Errors
/// None in memory.
pub(crate) fn refunds_head() -> io::Result<Vec<u8>> {
    head(&REFUNDS)
}

/// A line for each refund.
///
/// # Errors
/// None in memory.
pub(crate) fn refunds(refunds: &[ListedRefund]) -> io::Result<Vec<u8>> {
    lines(refunds.iter().map(refund))
}

/// The beginning of a table of operators' acts.
///
/// # Errors
/// None in memory.
pub(crate) fn acts_head() -> io::Result<Vec<u8>> {
    head(&ACTS)
}

/// A line for each act.
///
/// # Errors
/// None in memory.
pub(crate) fn acts(acts: &[OperatorAct]) -> io::Result<Vec<u8>> {
    lines(acts.iter().map(act))
}

fn head(columns: &[&str]) -> io::Result<Vec<u8>> {
    let mut writer = writer(BOM.to_vec());
    writer.write_record(columns)?;
    ended(writer)
}

fn lines<'a, const N: usize>(rows: impl Iterator<Item = [Cow<'a, str>; N]>) -> io::Result<Vec<u8>> {
    let mut writer = writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| cell.as_bytes()))?;
    }
    ended(writer)
}

fn writer(begun: Vec<u8>) -> Writer<Vec<u8>> {
    let mut form = WriterBuilder::new();
    form.terminator(Terminator::CRLF).from_writer(begun)
}

fn ended(writer: Writer<Vec<u8>>) -> io::Result<Vec<u8>> {
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

fn order(Listed { order, refunded }: &Listed) -> [Cow<'_, str>; ORDERS.len()] {
    let goods = order.signed.get(Param::Info).unwrap_or_default();
    [
        word(&order.order_sn),
        order.status.word().into(),
        word(&order.domain_code),
        word(&order.request_key),
        two_decimals(order.money.minor()).into(),
        order.money.currency().code().into(),
        order.channel.code().into(),
        word(&order.account),
        word(&order.channel_order_no),
        word(order.trade_no.as_deref().unwrap_or_default()),
        zone::time(order.created_ms).into(),
        order.paid_ms.map_or_else(String::new, zone::time).into(),
        word(goods),
        two_decimals(order.channel_money.minor()).into(),
        order.channel_money.currency().code().into(),
        two_decimals(*refunded).into(),
    ]
}

fn refund(listed: &ListedRefund) -> [Cow<'_, str>; REFUNDS.len()] {
    let refund = &listed.refund;
    [
        word(&refund.refund_no),
        word(refund.refund_key.as_deref().unwrap_or_default()),
        refund.state.word().into(),
        word(&refund.order_sn),
        word(&listed.domain_code),
        two_decimals(refund.money.minor()).into(),
        refund.money.currency().code().into(),
        two_decimals(refund.channel_money.minor()).into(),
        refund.channel_money.currency().code().into(),
        refund.cause.word().into(),
        zone::time(refund.created_ms).into(),
        word(refund.reference.as_deref().unwrap_or_default()),
        word(&refund.note),
    ]
}

fn act(act: &OperatorAct) -> [Cow<'_, str>; ACTS.len()] {
    [
        act.seq.to_string().into(),
        zone::time(act.at_ms).into(),
        word(&act.by),
        word(&act.what),
        word(&act.hash),
    ]
}

/// What others wrote, so that a spreadsheet shows it and does no more with it: an
/// apostrophe stands before what it would take for a formula, a tab after what it could
/// take for a number or a day (docs/console.md, CSV, says why these).
fn word(text: &str) -> Cow<'_, str> {
    // Spreadsheets pass over blanks, which others may see as the first character.
    let begins = text.trim_start().chars().next();
    if text.starts_with(['\t', '\r', '\n'])
        || begins.is_some_and(|first| "=+-@＝＋－＠".contains(first))
    {
        return format!("'{text}").into();
    }
    match begins {
        Some('0'..='9' | '.') => format!("{text}\t").into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_no_formula_and_no_number() {
        for (text, written) in [
            ("", ""),
            ("demo", "demo"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-7", "'-7"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1+1", "'＝1+1"),
            (" =1+1", "' =1+1"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("1234567890123456", "1234567890123456\t"),
            ("0012", "0012\t"),
            ("2026-11-28", "2026-11-28\t"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(word(text), written);
        }
    }

    #[test]
    fn a_table_begins_with_its_mark_and_ends_each_line() {
        let head = String::from_utf8(orders_head().unwrap()).unwrap();
        assert!(head.starts_with("\u{feff}orderSn,status,"), "{head}");
        assert!(
            head.ends_with(",channelMoney,channelCurrency,refunded\r\n"),
            "{head}"
        );
        let mut writer = writer(Vec::new());
        writer
            .write_record(["a,b", "say \"x\"", "two\nlines"])
            .unwrap();
        let written = String::from_utf8(ended(writer).unwrap()).unwrap();
        assert_eq!(written, "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n");
    }
}
