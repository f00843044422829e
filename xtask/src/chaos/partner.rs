//! A partner's calls (docs/forecore.md): orders, questions and refunds, by GET, form or JSON,
//! repeated with the same values until the platform answers.

use super::books::fen_of_yuan;
use super::business::{Business, Ordered};
use super::plan::PARTNER;
use crate::sign::{json, md5_signed, pairs, query};
use anyhow::{Context, Result};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the platform says to a call.
enum Said {
    Ok(Value),
    /// Its own trouble: the call is to be repeated.
    Trouble,
    Err(String),
}

impl Business<'_> {
    /// The order, made once; the same content again gives the same.
    pub(super) fn partner_orders(&mut self) -> Option<&Ordered> {
        if self.ordered.is_none() {
            let ordered = self.repeat("order", |this, base| {
                Ok(match this.orders(base)? {
                    Said::Ok(answer) => Some(Some(this.read_order(&answer)?)),
                    Said::Trouble => None,
                    Said::Err(err) => {
                        this.strange("order", &err);
                        Some(None)
                    }
                })
            });
            let ordered = ordered.flatten()?;
            self.ordered = Some(ordered);
            let (number, fen) = (self.order.key.clone(), self.order.fen);
            self.note(|asked| {
                asked.out_order_id = number;
                asked.fen = fen;
            });
        }
        self.ordered.as_ref()
    }

    /// What the partner asks of his order; whether it is over.
    pub(super) fn partner_is_told_the_end(&mut self) -> bool {
        if self.partner_orders().is_none() {
            return true;
        }
        let base = self.any_address().to_owned();
        let fields = [("outOrderId", self.order.key.as_str())];
        let info = match self.says(&base, "queryOrder", &fields) {
            Ok(Said::Ok(info)) => info,
            Ok(Said::Err(err)) => {
                self.strange("queryOrder", &err);
                return true;
            }
            // Who gets no answer asks again.
            Ok(Said::Trouble) | Err(_) => return false,
        };
        let received = info["received"].to_string();
        match info["status"].as_str().unwrap_or_default() {
            "prepare" | "待支付" if received == "-1" => false,
            "作废" => true,
            "complete" | "通知商户" | "通知失败" | "refunding" | "refund" | "refundclosed"
                if fen_of_yuan(&received) == Some(self.order.fen) =>
            {
                self.note(|asked| asked.told_paid = true);
                true
            }
            status => {
                self.strange("queryOrder", &format!("{status}, received {received}"));
                true
            }
        }
    }

    /// Gives money back, with a number of the partner's or without one: then the sum
    /// alone says which refund it is.
    pub(super) fn partner_refunds(&mut self, number: &str, fen: i64) {
        let key = number.to_owned();
        self.note(|asked| asked.refunds.entry(key).or_default().fen = fen);
        let (money, named) = (yuan(fen), self.rng.bool());
        let out_order_id = self.order.key.as_str();
        let mut fields = vec![("outOrderId", out_order_id), ("money", money.as_str())];
        fields.extend(named.then_some(("out_refund_no", number)));
        let times = self.rng.u32(1..=3);
        for _ in 0..times {
            self.repeat("refund", |this, base| {
                match this.says(base, "refund", &fields)? {
                    Said::Ok(_) => this.note(|asked| {
                        asked.refunds.entry(number.to_owned()).or_default().begun = true;
                    }),
                    Said::Trouble => return Ok(None),
                    // It was begun, and is parked by now.
                    Said::Err(err) if err.contains("waits for a person") => {}
                    Said::Err(err) => this.strange("refund", &err),
                }
                Ok(Some(()))
            });
        }
    }

    /// The order as it is sent each time: only its time is another.
    fn orders(&mut self, base: &str) -> Result<Said> {
        let order = self.order;
        let shop = self.platform.shop;
        let money = yuan(order.fen);
        let cb_url = format!("{shop}/cb/{}?shop=7", order.receiver);
        let return_url = format!("{shop}/return");
        let time = now_ms();
        let mut fields = vec![
            ("outOrderId", order.key.as_str()),
            ("money", &money),
            ("currency", "CNY"),
            ("cb_url", &cb_url),
            ("return_url", &return_url),
            ("userId", "payer"),
            ("time", &time),
        ];
        // The page offers the other channels all the same.
        fields.extend((order.seed & 1 == 1).then_some(("type", "ALIPAYH5")));
        self.says(base, "order", &fields)
    }

    /// Nothing of an answer that is not signed is gone on with.
    fn read_order(&self, answer: &Value) -> Result<Ordered> {
        let text = |name: &str| answer[name].as_str().unwrap_or_default();
        let signed = ["orderId", "outOrderId", "url"].map(|name| (name, text(name)));
        let expected = md5_signed(&signed, PARTNER.1);
        let genuine = expected.iter().any(|(_, value)| value == text("sign"));
        if !genuine || text("outOrderId") != self.order.key {
            self.strange("order", &answer.to_string());
        }
        let (_, values) = text("url").split_once('?').context("no url")?;
        Ok(Ordered {
            order_id: text("orderId").to_owned(),
            values: pairs(values),
        })
    }

    /// One call of the partner's, made in one of the three ways.
    fn says(&mut self, base: &str, call: &str, fields: &[(&str, &str)]) -> Result<Said> {
        let (_, partner_id) = PARTNER.0.split_once('.').context("no partner")?;
        let mut fields = fields.to_vec();
        fields.push(("partnerId", partner_id));
        let signed = md5_signed(&fields, PARTNER.1);
        let url = format!("{base}/forecore/{call}");
        let wire = self.platform.wire;
        let answer = match self.rng.u32(0..3) {
            0 => wire.get(&format!("{url}?{}", query(&signed))),
            1 => wire.post_form(&url, &query(&signed)),
            _ => wire.post_json(&url, &json(&signed)),
        }?;
        let body: Value = serde_json::from_str(&answer.body)?;
        Ok(match (body["result"].as_str(), body["errcode"].as_str()) {
            (Some("ok"), _) => Said::Ok(body),
            (_, Some("10099")) => Said::Trouble,
            _ => Said::Err(body["err"].as_str().unwrap_or("no err").to_owned()),
        })
    }
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn now_ms() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis().to_string()
}
