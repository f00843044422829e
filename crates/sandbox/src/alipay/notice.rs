//! Notifies of Alipay: a signed form, sent until the answer is `success`
//! (docs/reference/alipay.md, Notifies).

use super::calls::{status, trade_no};
use super::signed::text;
use crate::book::Channel;
use crate::clock::now_ms;
use crate::face::{Envelope, Event, Face, Letter, Lie};
use crate::fault::Kind;
use crate::random::random_text;
use crate::text::{beijing_time, encode, pairs_of, plain_yuan};
use crate::world::World;

/// The documents' schedule, ms.
const SCHEDULE_MS: [u64; 7] = [
    240_000, 600_000, 600_000, 3_600_000, 7_200_000, 21_600_000, 54_000_000,
];

/// The gateway, as the sender of notifies knows it.
pub(crate) struct Notices;

impl Face for Notices {
    fn letter(&self, world: &World, event: Event, lie: Option<Lie>) -> Option<Letter> {
        let (order, refund) = match event {
            Event::Paid(order) => (order, None),
            Event::Refunded(order, refund) => (order, Some(refund)),
            _ => return None,
        };
        let merchant = world.keys.alipay.named(&order.account)?;
        let (mut amount, mut app_id) = (order.amount, merchant.app_id.clone());
        let mut seller_id = merchant.seller_id.clone();
        match lie {
            Some(Lie::Amount(other)) => amount = i64::try_from(other).ok()?,
            Some(Lie::Merchant) => seller_id = "2088000000000000".to_owned(),
            Some(Lie::App) => app_id = "2021000000000000".to_owned(),
            // There is no currency in this notify: nothing to lie about.
            Some(Lie::Currency | Lie::StrangeCurrency) | None => {}
        }
        let id = random_text(34);
        let trade_status = status(&order, now_ms());
        // By default, the close of a desktop page's trade is told to nobody.
        if trade_status == "TRADE_CLOSED" && order.trade_type == "alipay.trade.page.pay" {
            return None;
        }
        let mut pairs: Vec<(&str, String)> = vec![
            ("gmt_create", beijing_time(order.created_ms)),
            ("charset", "utf-8".to_owned()),
            ("seller_email", "shop@sandbox.cn".to_owned()),
            ("subject", order.description.clone()),
            ("buyer_id", "2088000000000001".to_owned()),
            ("invoice_amount", plain_yuan(amount)),
            ("notify_id", id.clone()),
            (
                "fund_bill_list",
                format!(
                    "[{{\"amount\":\"{}\",\"fundChannel\":\"ALIPAYACCOUNT\"}}]",
                    plain_yuan(amount)
                ),
            ),
            ("notify_type", "trade_status_sync".to_owned()),
            ("trade_status", trade_status.to_owned()),
            ("receipt_amount", plain_yuan(amount)),
            ("buyer_pay_amount", plain_yuan(amount)),
            ("app_id", app_id.clone()),
            ("auth_app_id", app_id),
            ("seller_id", seller_id),
            (
                "gmt_payment",
                order.paid_ms.map(beijing_time).unwrap_or_default(),
            ),
            ("notify_time", beijing_time(now_ms())),
            ("version", "1.0".to_owned()),
            ("out_trade_no", order.channel_order_no.clone()),
            ("total_amount", plain_yuan(amount)),
            ("trade_no", trade_no(&order).to_owned()),
            ("point_amount", "0.00".to_owned()),
        ];
        // They come back as they were sent, passback_params in its own encoding.
        let own = order.alipay()?;
        for (name, text) in [
            ("body", &own.body),
            ("passback_params", &own.passback_params),
        ] {
            pairs.extend(text.clone().map(|text| (name, text)));
        }
        if let Some(refund) = &refund {
            pairs.push(("gmt_refund", format!("{}.000", beijing_time(refund.at_ms))));
            pairs.push(("refund_fee", plain_yuan(order.refunded())));
            pairs.push(("out_biz_no", refund.out_refund_no.clone()));
            if trade_status == "TRADE_CLOSED" {
                pairs.push(("gmt_close", beijing_time(refund.at_ms)));
            }
        }
        // Some of Alipay's own libraries sign empty values, and some do not: none is sent.
        pairs.retain(|(_, value)| !value.is_empty());
        let body: Vec<_> = pairs
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v)))
            .collect();
        Some(Letter {
            channel: Channel::Alipay,
            account: order.account,
            url: order.notify_url,
            id,
            number: order.channel_order_no,
            event_type: match refund {
                Some(_) => "refund".to_owned(),
                None => "trade_status_sync".to_owned(),
            },
            body: body.join("&"),
        })
    }

    fn envelope(&self, world: &World, letter: &Letter, fault: Option<Kind>) -> Option<Envelope> {
        let merchant = world.keys.alipay.named(&letter.account)?;
        let mut pairs = pairs_of(&letter.body);
        if fault == Some(Kind::OldTimestamp) {
            // Repeats keep their first time: an old one is genuine all the same.
            for (name, value) in &mut pairs {
                if name == "notify_time" {
                    *value = beijing_time(now_ms() - 86_400_000);
                }
            }
        }
        let text = text(&pairs, &["sign", "sign_type"]);
        let sign = match fault {
            Some(Kind::BadSignature | Kind::Signtest) => merchant.alipay.sign(b"something else"),
            Some(Kind::UnknownSerial) => merchant.key.sign(text.as_bytes()),
            _ => merchant.alipay.sign(text.as_bytes()),
        };
        if fault == Some(Kind::Corrupt) {
            for (name, value) in &mut pairs {
                if name == "total_amount" {
                    *value = "0.01".to_owned();
                }
            }
        }
        pairs.push(("sign_type".to_owned(), "RSA2".to_owned()));
        pairs.push(("sign".to_owned(), sign));
        let body: Vec<_> = pairs
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v)))
            .collect();
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        Some(Envelope {
            headers: vec![("Content-Type", kind.to_owned())],
            body: body.join("&").into_bytes(),
        })
    }

    fn takes(&self, status: u16, body: &str) -> bool {
        status == 200 && body == "success"
    }

    fn schedule_ms(&self) -> &'static [u64] {
        &SCHEDULE_MS
    }
}
