//! What a partner orders (docs/forecore.md).

use crate::partner::{CALLED_WITHOUT, URL_WITHOUT, address};
use payment::fields::Fields;
use payment::forecore::{PayType, fen_of_yuan};
use payment::money::{Currency, Money};
use payment::pairs::Pairs;
use payment::partner;
use payment::refusal::Refusal;

const TEXT_MAX: usize = 128;

/// An order as a partner asks for it: its shapes hold, its sign is judged elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderCall {
    /// What is kept of it: the same again is the same order.
    pub order: partner::Ordered,
    /// The way to pay.
    pub pay_type: Option<PayType>,
    /// The partner's clock, ms since 1970, where it is sent.
    pub time_ms: Option<i64>,
}

impl OrderCall {
    /// Reads an order.
    ///
    /// # Errors
    /// The first field that is missing or malformed, and its form.
    pub fn read(fields: &Fields) -> Result<Self, Refusal> {
        let out_order_id = short("outOrderId", fields.required("outOrderId")?)?;
        let currency = Currency::parse(fields.required("currency")?)
            .ok_or_else(|| Refusal::malformed("currency", "CNY, USD or CAD"))?;
        let fen = fen_of_yuan(fields.required("money")?);
        let money = fen.and_then(|fen| Money::from_minor(fen, currency));
        let money = money.ok_or_else(|| {
            Refusal::malformed(
                "money",
                "yuan from 0.01 to 9999999.99, at most two decimals",
            )
        })?;
        let cb_url = address("cb_url", fields.required("cb_url")?, &CALLED_WITHOUT)?;
        // What stands in it is sent back with the notification.
        let (_, own) = cb_url.split_once('?').unwrap_or_default();
        let form = "an address whose query is UTF-8, percent-encoded, of at most 64 pairs";
        Pairs::from_query(own).map_err(|_| Refusal::malformed("cb_url", form))?;
        let return_url = fields
            .given("return_url")
            .map_or(Ok(String::new()), |url| {
                address("return_url", url, &URL_WITHOUT)
            })?;
        let user_id = fields
            .given("userId")
            .map_or(Ok(String::new()), |id| short("userId", id))?;
        // In a later edition of the document: the payer chooses.
        let pay_type = fields.given("type").filter(|word| *word != "USERSELECT");
        let pay_type = pay_type
            .map(|word| PayType::read("type", word))
            .transpose()?;
        let time_ms = match fields.given("time") {
            None => None,
            Some(time) => Some(
                time.parse()
                    .map_err(|_| Refusal::malformed("time", "ms since 1970"))?,
            ),
        };
        let order = partner::Ordered {
            out_order_id,
            money,
            cb_url,
            return_url,
            user_id,
            pay_type: pay_type.map(|pay_type| pay_type.word().to_owned()),
            goods: String::new(),
            passback: String::new(),
        };
        Ok(Self {
            order,
            pay_type,
            time_ms,
        })
    }
}

fn short(name: &str, text: &str) -> Result<String, Refusal> {
    if text.chars().count() > TEXT_MAX {
        return Err(Refusal::malformed(name, "at most 128 characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment::channel::Channel;

    fn read(more: &str) -> Result<OrderCall, Refusal> {
        let base = "outOrderId=a1&currency=USD&money=14.27&cb_url=http%3A%2F%2Fa.cn%2Fcb%3Fx%3D1";
        OrderCall::read(
            &Fields::from_query(base)
                .unwrap()
                .overlaid(Fields::from_query(more).unwrap()),
        )
    }

    #[test]
    fn an_order_is_read_with_its_parts() {
        let read_now = read("userId=u&type=ALIPAYH5&time=5&return_url=https%3A%2F%2Fa.cn%2F");
        let OrderCall {
            order,
            pay_type,
            time_ms,
        } = read_now.unwrap();
        assert_eq!(order.money, Money::from_minor(1427, Currency::Usd).unwrap());
        assert_eq!(order.cb_url, "http://a.cn/cb?x=1");
        assert_eq!(pay_type.map(PayType::channel), Some(Channel::Alipay));
        assert_eq!(order.pay_type.as_deref(), Some("ALIPAYH5"));
        assert_eq!((order.user_id.as_str(), time_ms), ("u", Some(5)));
    }

    #[test]
    fn the_payer_chooses_where_no_channel_is_named() {
        for more in ["", "type=", "type=USERSELECT"] {
            let call = read(more).unwrap();
            assert_eq!((call.pay_type, call.order.pay_type), (None, None), "{more}");
        }
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (more, name) in [
            ("outOrderId=", "outOrderId"),
            ("currency=cny", "currency"),
            ("money=-1", "money"),
            ("money=1.234", "money"),
            ("cb_url=ftp://a.cn/", "cb_url"),
            ("cb_url=http://u@a.cn/", "cb_url"),
            ("return_url=a.cn", "return_url"),
            ("type=CASH", "type"),
            ("time=now", "time"),
        ] {
            let refusal = read(more).unwrap_err().to_string();
            assert!(refusal.contains(name), "{more}: {refusal}");
        }
    }

    #[test]
    fn a_return_url_may_hold_a_fragment_and_the_broken_rule_is_named() {
        let order = read("return_url=https%3A%2F%2Fa.cn%2F%23%2Fpay%2Fresult").unwrap();
        assert_eq!(order.order.return_url, "https://a.cn/#/pay/result");
        for (more, rule) in [
            (
                "cb_url=http%3A%2F%2Fa.cn%2F%23x",
                "cb_url must be an address without #",
            ),
            ("return_url=https%3A%2F%2Fu%40a.cn%2F", "without @"),
            ("return_url=https%3A%2F%2Fa.cn%3A99999%2F", "port"),
            ("return_url=a.cn", "begins with http:// or https://"),
        ] {
            let refusal = read(more).unwrap_err().to_string();
            assert!(refusal.contains(rule), "{more}: {refusal}");
        }
    }
}
