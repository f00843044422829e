//! One order, printed.

use super::tries::print_callback;
use crate::zone;
use anyhow::{Result, bail};
use payment::ports::{AttemptRow, RefundRow, Store};
use payment::printable::printable;
use payment::story::check;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn show(store: &Arc<dyn Store>, order_sn: &str) -> Result<()> {
    let Some(order) = store.attempt(order_sn).await? else {
        let number = printable(order_sn);
        bail!("no order {number}: `tongfu order find` takes every other number, requestKey too");
    };
    println!(
        "{} {}: {} {}",
        order.domain_code, order.request_key, order.money, order.request_status
    );
    for attempt in store
        .attempts(&order.domain_code, &order.request_key)
        .await?
    {
        print_attempt(&attempt);
        for refund in store.refunds(&attempt.order_sn).await? {
            print_refund(&refund);
        }
        for callback in store.callbacks(&attempt.order_sn).await? {
            print_callback(store.as_ref(), &callback).await?;
        }
        print_story(store, &attempt.order_sn).await?;
    }
    Ok(())
}

fn print_attempt(attempt: &AttemptRow) {
    println!(
        "{} {} {}/{} {} {}{} channel number {}{}",
        attempt.order_sn,
        attempt.status.word(),
        attempt.channel.code(),
        attempt.account,
        attempt.kind.word(),
        attempt.channel_money,
        attempt
            .asked_money
            .map_or_else(String::new, |asked| format!(" for {asked}")),
        attempt.channel_order_no,
        attempt
            .trade_no
            .as_ref()
            .map_or_else(String::new, |trade_no| format!(" trade {trade_no}"))
    );
}

async fn print_story(store: &Arc<dyn Store>, order_sn: &str) -> Result<()> {
    let Some(story) = store.story(order_sn).await? else {
        return Ok(());
    };
    println!("  story");
    for entry in &story.entries {
        let notify = entry.notify_id.map_or(String::new(), |id| format!(" {id}"));
        println!(
            "    {:>3} {} {} by {}{notify} {}",
            entry.seq,
            zone::time(entry.at_ms),
            entry.what,
            entry.by,
            printable(&entry.detail)
        );
    }
    match check(order_sn, &story.entries, story.length, &story.head) {
        Ok(()) => println!("    the chain of {} entries is whole", story.length),
        Err(broken) => println!("    BROKEN: {broken}"),
    }
    Ok(())
}

pub(super) async fn as_json(store: &Arc<dyn Store>, order: &AttemptRow) -> Result<Value> {
    let refunds = store.refunds(&order.order_sn).await?;
    let refunds: Vec<_> = refunds
        .iter()
        .map(|refund| {
            json!({"refundNo": refund.refund_no, "refundKey": refund.refund_key,
            "money": refund.money.minor(),
            "channelMoney": refund.channel_money.minor(), "state": refund.state.word(),
            "cause": refund.cause.word()})
        })
        .collect();
    let (code, key) = (&order.domain_code, &order.request_key);
    let partners = store.partner_order(code, key).await?;
    let mut callbacks = Vec::new();
    for callback in store.callbacks(&order.order_sn).await? {
        let tries = store.callback_tries(callback.id).await?;
        callbacks.push(
            json!({"state": callback.state.word(), "tries": callback.tries,
            "createdMs": callback.created_ms,
            "firstTryMs": tries.first().map(|tried| tried.at_ms)}),
        );
    }
    Ok(json!({
        "orderSn": order.order_sn,
        "domainCode": order.domain_code,
        "requestKey": order.request_key,
        "outOrderId": partners.map(|partners| partners.order.out_order_id),
        "money": order.money.minor(),
        "currency": order.money.currency().code(),
        "requestStatus": order.request_status.word(),
        "status": order.status.word(),
        "channel": order.channel.code(),
        "account": order.account,
        "channelOrderNo": order.channel_order_no,
        "channelMoney": order.channel_money.minor(),
        "channelCurrency": order.channel_money.currency().code(),
        "tradeNo": order.trade_no,
        "refunds": refunds,
        "callbacks": callbacks,
    }))
}

pub(super) fn print_refund(refund: &RefundRow) {
    println!(
        "  refund {} of {}: {} {} ({}) {}",
        refund.refund_no,
        refund.order_sn,
        refund.money,
        refund.state.word(),
        refund.cause.word(),
        printable(&refund.note)
    );
}
