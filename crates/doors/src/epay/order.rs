//! What is ordered (docs/epay.md, Orders).

use super::channel_of;
use super::fields::given;
use crate::partner::{CALLED_WITHOUT, URL_WITHOUT, address};
use payment::channel::Channel;
use payment::escape::escape;
use payment::fields::Fields;
use payment::forecore::fen_of_yuan;
use payment::money::{Currency, Money};
use payment::partner::Ordered;
use payment::refusal::Refusal;

const NUMBER_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 127;
const PARAM_BYTES_MAX: usize = 1024;
/// What notify_url and the texts that come back may have together: no address is called
/// that is longer than 2048, and the rest of what is told has less than 250.
const TOLD_MAX: usize = 2048 - 250;

/// An order as it is asked for: its shapes hold, its sign is judged elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderCall {
    /// What is kept of it: the same again is the same order.
    pub order: Ordered,
    /// The channel that it chooses; none: the payer does.
    pub channel: Option<Channel>,
}

impl OrderCall {
    /// Reads an order.
    ///
    /// # Errors
    /// The first field that is missing or malformed, and its form.
    pub fn read(fields: &Fields) -> Result<Self, Refusal> {
        let out_order_id = required(fields, "out_trade_no")?;
        if out_order_id.len() > NUMBER_MAX || !out_order_id.bytes().all(is_of_number) {
            let form = (
                "1 to 64 letters, digits, and . _ - |",
                "1 到 64 位字母、数字和 . _ - |",
            );
            return Err(Refusal::malformed("out_trade_no", form));
        }
        let called = required(fields, "notify_url")?;
        let cb_url = address("notify_url", called, &CALLED_WITHOUT)?;
        let return_url = given(fields, "return_url").map_or(Ok(String::new()), |url| {
            address("return_url", url, &URL_WITHOUT)
        })?;
        let goods = cut(required(fields, "name")?);
        let fen = fen_of_yuan(required(fields, "money")?);
        let money = fen.and_then(|fen| Money::from_minor(fen, Currency::Cny));
        let form = (
            "yuan from 0.01 to 9999999.99, at most two decimals",
            "元，0.01 到 9999999.99，最多两位小数",
        );
        let money = money.ok_or_else(|| Refusal::malformed("money", form))?;
        let passback = given(fields, "param").unwrap_or_default();
        if passback.len() > PARAM_BYTES_MAX {
            return Err(Refusal::malformed(
                "param",
                ("at most 1024 bytes", "最多 1024 字节"),
            ));
        }
        let told = [out_order_id, goods, passback].map(|text| escape(text).len());
        if cb_url.len() + told.iter().sum::<usize>() > TOLD_MAX {
            let form = (
                "shorter: with out_trade_no, name and param it has at most 1798 bytes, \
                 percent-encoded",
                "短一些：加上转义后的 out_trade_no、name、param 最多 1798 字节",
            );
            return Err(Refusal::malformed("notify_url", form));
        }
        let order = Ordered {
            out_order_id: out_order_id.to_owned(),
            money,
            cb_url,
            return_url,
            user_id: String::new(),
            // Another way to pay is no other order.
            pay_type: None,
            goods: goods.to_owned(),
            passback: passback.to_owned(),
        };
        let channel = given(fields, "type").and_then(channel_of);
        Ok(Self { order, channel })
    }
}

pub(super) fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    given(fields, name).ok_or_else(|| Refusal::missing(name))
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-|".contains(&byte)
}

/// The beginning of a name that is too long.
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "out_trade_no=a-1&money=9.9&name=VIP&notify_url=http%3A%2F%2Fa.cn%2Fn";

    fn read(more: &str) -> Result<OrderCall, Refusal> {
        let more = Fields::from_query(more).unwrap();
        OrderCall::read(&Fields::from_query(GOOD).unwrap().overlaid(more))
    }

    #[test]
    fn an_order_is_read_and_an_unknown_type_leaves_the_choice() {
        let order = read("type=wxpay&param=u%3D7").unwrap();
        assert_eq!(order.channel, Some(Channel::Wechat));
        assert_eq!(order.order.money.minor(), 990);
        assert_eq!(order.order.passback, "u=7");
        assert_eq!(read("type=usdt").unwrap().channel, None);
        let long = read(&format!("name=a{}", "%E4%B8%AD".repeat(60))).unwrap();
        assert_eq!(long.order.goods.len(), 127);
        assert_eq!(
            read(&format!("name={}", "%E4%B8%AD".repeat(60)))
                .unwrap()
                .order
                .goods
                .len(),
            126
        );
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (more, name) in [
            ("out_trade_no=a%20b", "out_trade_no"),
            ("out_trade_no=", "out_trade_no"),
            ("money=1e3", "money"),
            ("money=.5", "money"),
            ("money=01", "money"),
            ("money=1.234", "money"),
            ("money=0", "money"),
            ("name=%20", "name"),
            ("notify_url=ftp%3A%2F%2Fa.cn", "notify_url"),
            ("notify_url=http%3A%2F%2Fa.cn%2F%23x", "notify_url"),
            ("return_url=a.cn", "return_url"),
        ] {
            let refusal = read(more).unwrap_err().to_string();
            assert!(refusal.contains(name), "{more}: {refusal}");
        }
    }
}
