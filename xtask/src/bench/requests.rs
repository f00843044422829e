//! What the development business system asks for, signed as its documents say.

use crate::sign::{Purpose, json, query, signed};

/// The development business system.
pub(super) const DOMAIN: &str = "demo";
/// Of each request.
pub(super) const FEN: i64 = 12_345;
/// Its documented development secret.
const SECRET: &str = "demo-secret";

/// Requests of one business system, each named by a number.
pub(super) struct Requests {
    shop: String,
}

impl Requests {
    pub(super) fn new(shop: &str) -> Self {
        Self {
            shop: shop.to_owned(),
        }
    }

    /// The page's question, whether it is paid.
    pub(super) fn poll(&self, key: u32) -> String {
        format!("/pay/api/pc/wechatQuery?{}", query(&self.values(key)))
    }

    /// The business system's question about its payment.
    pub(super) fn query_info(&self, key: u32) -> String {
        let key = Self::key(key);
        let values = [("domainCode", DOMAIN), ("requestKey", &key)];
        let values = signed(Purpose::Query, &values, SECRET);
        format!("/pay/api/private/pay/queryInfo?{}", query(&values))
    }

    /// The page of a request.
    pub(super) fn page(&self, key: u32) -> String {
        format!("/pay.html?{}", query(&self.values(key)))
    }

    /// The call that begins its payment by a channel: path, tab, body.
    pub(super) fn start(&self, key: u32, channel: &str) -> String {
        let mut values = self.values(key);
        values.push(("payTypeCode".to_owned(), channel.to_owned()));
        format!("/pay/api/pc/pay\t{}", json(&values))
    }

    /// Its key.
    pub(super) fn key(number: u32) -> String {
        format!("D1-{number:013}")
    }

    fn values(&self, key: u32) -> Vec<(String, String)> {
        let key = Self::key(key);
        let callback = format!("{}/callback", self.shop);
        let values = [
            ("domainCode", DOMAIN),
            ("requestKey", &key),
            ("requestChannel", "1"),
            ("money", &FEN.to_string()),
            ("info", "耳机"),
            ("currencyType", "CNY"),
            ("bgUrl", &callback),
        ];
        signed(Purpose::Pay, &values, SECRET)
    }
}
