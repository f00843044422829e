//! A business system and its page: signed calls, repeated with the same values
//! until the platform answers, as a real integrator repeats them.

use super::ledger::Ledger;
use super::plan::{Order, Way};
use crate::sign::{Purpose, json, query, signed};
use crate::wire::Wire;
use anyhow::Result;
use fastrand::Rng;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The sandbox knows one payer.
pub(crate) const OPENID: &str = "oSandboxPayer0000000000000001";
/// Nobody repeats a call for longer.
const PATIENCE: Duration = Duration::from_secs(180);
/// A business system asks so long for its request to be closed.
const CLOSING: Duration = Duration::from_secs(30);
const PAUSE_MS: std::ops::Range<u64> = 100..700;

/// What pay came to.
pub(crate) enum Begun {
    /// What the page goes on with.
    Obj(Value),
    /// Paid or closed: there is nothing to begin.
    Over,
    /// No answer within all patience.
    Gone,
}

/// Where the platform is, and what is noted of it.
pub(crate) struct Platform<'a> {
    pub(crate) wire: &'a Wire,
    /// The instances; each call goes to one, its repeat to another.
    pub(crate) addresses: &'a [String],
    pub(crate) shop: &'a str,
    pub(crate) ledger: &'a Ledger,
}

/// What of the answer to an order is gone on with.
pub(crate) struct Ordered {
    /// The platform's number.
    pub(crate) order_id: String,
    /// What the page's address holds.
    pub(crate) values: Vec<(String, String)>,
}

/// One order's business system.
pub(crate) struct Business<'a> {
    pub(crate) platform: &'a Platform<'a>,
    pub(crate) order: &'a Order,
    pub(crate) rng: Rng,
    /// What a partner's order was answered, once it was.
    pub(crate) ordered: Option<Ordered>,
}

impl<'a> Business<'a> {
    pub(crate) fn new(platform: &'a Platform<'a>, order: &'a Order, rng: Rng) -> Self {
        Self {
            platform,
            order,
            rng,
            ordered: None,
        }
    }

    /// Begins the payment, or goes on with it.
    pub(crate) fn pay(&mut self, way: Way) -> Begun {
        let Some(mut pairs) = self.page_values() else {
            return Begun::Gone;
        };
        pairs.retain(|(name, _)| name != "payTypeCode");
        pairs.push(("payTypeCode".to_owned(), way.channel().to_owned()));
        if way == Way::Jsapi {
            pairs.push(("openid".to_owned(), OPENID.to_owned()));
        }
        let path = if way.is_mobile() {
            "/pay/api/h5/pay"
        } else {
            "/pay/api/pc/pay"
        };
        let body = json(&pairs);
        self.repeat("pay", |this, base| {
            let (code, obj) = this.call(&format!("{base}{path}"), Some(&body))?;
            Ok(match code.as_str() {
                "0" => Some(Begun::Obj(obj)),
                // A channel checks money of this request: nobody begins another.
                "10008" | "10009" | "10017" => Some(Begun::Over),
                "10012" | "10099" => None,
                _ => {
                    this.strange("pay", &code);
                    Some(Begun::Gone)
                }
            })
        })
        .unwrap_or(Begun::Gone)
    }

    /// What the waiting page asks, once; whether it is over.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.order.is_partners() && self.rng.bool() {
            return self.partner_is_told_the_end();
        }
        let Some(values) = self.page_values() else {
            return true;
        };
        let values = query(&values);
        let base = self.any_address();
        let url = format!("{base}/pay/api/pc/wechatQuery?{values}");
        // A page that gets no answer asks again.
        let Ok((code, _)) = self.call(&url, None) else {
            return false;
        };
        match code.as_str() {
            "0" => {
                self.note(|asked| asked.told_paid = true);
                true
            }
            "30000" => false,
            "10008" => true,
            _ => {
                self.strange("wechatQuery", &code);
                true
            }
        }
    }

    /// Polls as a page does, for a while; whether it was told the end.
    pub(crate) fn watch(&mut self, polls: u32) -> bool {
        for _ in 0..polls {
            if self.is_over() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(self.rng.u64(700..1_300)));
        }
        false
    }

    /// Gives money back: the same refundKey until it is begun, and now and then
    /// once more.
    pub(crate) fn refund(&mut self, refund_key: &str, fen: i64) {
        if self.order.is_partners() {
            return self.partner_refunds(refund_key, fen);
        }
        let key = refund_key.to_owned();
        self.note(|asked| asked.refunds.entry(key).or_default().fen = fen);
        let money = fen.to_string();
        let values = [
            ("domainCode", self.order.domain),
            ("requestKey", self.order.key.as_str()),
            ("refundKey", refund_key),
            ("refundMoney", money.as_str()),
        ];
        let body = json(&signed(Purpose::Refund, &values, self.order.secret));
        let times = self.rng.u32(1..=3);
        for _ in 0..times {
            self.repeat("refund", |this, base| {
                let url = format!("{base}/pay/api/private/pay/refund");
                let (code, _) = this.call(&url, Some(&body))?;
                Ok(match code.as_str() {
                    "0" => {
                        this.note(|asked| {
                            asked
                                .refunds
                                .entry(refund_key.to_owned())
                                .or_default()
                                .begun = true;
                        });
                        Some(())
                    }
                    "10012" | "10017" | "10099" => None,
                    _ => {
                        this.strange("refund", &code);
                        Some(())
                    }
                })
            });
        }
    }

    /// Makes sure that nobody can pay any more: repeated until it is so, or paid.
    pub(crate) fn close(&mut self) {
        let values = [
            ("domainCode", self.order.domain),
            ("requestKey", self.order.key.as_str()),
        ];
        let body = json(&signed(Purpose::Close, &values, self.order.secret));
        let began = Instant::now();
        self.repeat("close", |this, base| {
            let url = format!("{base}/pay/api/private/pay/close");
            let (code, _) = this.call(&url, Some(&body))?;
            Ok(match code.as_str() {
                "0" => {
                    this.note(|asked| asked.told_closed = true);
                    Some(())
                }
                "10009" => {
                    this.note(|asked| asked.told_paid = true);
                    Some(())
                }
                // A channel may check the payer's money for longer than anybody waits.
                "10017" if began.elapsed() > CLOSING => Some(()),
                "10012" | "10017" | "10099" => None,
                _ => {
                    this.strange("close", &code);
                    Some(())
                }
            })
        });
    }

    /// What the page's address holds: signed by the business system itself, or by the
    /// platform in answer to a partner's order.
    fn page_values(&mut self) -> Option<Vec<(String, String)>> {
        if self.order.is_partners() {
            self.partner_orders().map(|ordered| ordered.values.clone())
        } else {
            Some(self.signed_pay())
        }
    }

    fn signed_pay(&self) -> Vec<(String, String)> {
        let Order {
            domain,
            key,
            fen,
            receiver,
            secret,
            ..
        } = self.order;
        let shop = self.platform.shop;
        let (money, bg_url) = (fen.to_string(), format!("{shop}/callback/{receiver}"));
        let page_url = format!("{shop}/return?order={key}");
        let values = [
            ("domainCode", *domain),
            ("requestKey", key),
            ("requestChannel", "1"),
            ("money", &money),
            ("info", "蓝牙耳机"),
            ("currencyType", "CNY"),
            ("bgUrl", &bg_url),
            ("pageUrl", &page_url),
        ];
        signed(Purpose::Pay, &values, secret)
    }

    /// One call; its errcode and obj. Whatever is no envelope is no answer.
    fn call(&self, url: &str, body: Option<&str>) -> Result<(String, Value)> {
        let wire = self.platform.wire;
        let answer = match body {
            Some(body) => wire.post_json(url, body)?,
            None => wire.get(url)?,
        };
        let mut envelope: Value = serde_json::from_str(&answer.body)?;
        let code = match &envelope["errcode"] {
            Value::String(code) => code.clone(),
            Value::Number(code) => code.to_string(),
            _ => anyhow::bail!("HTTP {} without errcode", answer.status),
        };
        Ok((code, envelope["obj"].take()))
    }

    /// Until `work` gives something; an error, or nothing, is tried again elsewhere.
    pub(crate) fn repeat<T>(
        &mut self,
        what: &str,
        mut work: impl FnMut(&mut Self, &str) -> Result<Option<T>>,
    ) -> Option<T> {
        let started = Instant::now();
        let addresses = self.platform.addresses;
        let mut at = self.rng.usize(..);
        while started.elapsed() < PATIENCE && !crate::process::told_to_stop() {
            if let Ok(Some(done)) = work(self, &addresses[at % addresses.len()]) {
                return Some(done);
            }
            at = at.wrapping_add(1);
            std::thread::sleep(Duration::from_millis(self.rng.u64(PAUSE_MS)));
        }
        if !crate::process::told_to_stop() {
            self.strange(what, "no answer at all");
        }
        None
    }

    pub(crate) fn any_address(&mut self) -> &str {
        let addresses = self.platform.addresses;
        &addresses[self.rng.usize(0..addresses.len())]
    }

    pub(crate) fn note(&self, work: impl FnOnce(&mut super::ledger::Asked)) {
        let Order { domain, key, .. } = self.order;
        let ordered = self.ordered.as_ref();
        let key = ordered.map_or(key, |ordered| &ordered.order_id);
        self.platform.ledger.note(domain, key, work);
    }

    pub(crate) fn strange(&self, what: &str, code: &str) {
        let Order { domain, key, .. } = self.order;
        let ledger = self.platform.ledger;
        ledger.strange(format!("{domain} {key}: {what} was answered {code}"));
    }
}
