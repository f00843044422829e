//! A tiny channel: an order is paid when it is asked about for the second time.

use payment::channel::Channel;
use payment::money::Currency;
use payment::obj::Obj;
use payment::ports::{
    ChannelError, ChannelOrder, Created, Gateway, GivenBack, Kind, NewOrder, Notify, NotifyAnswer,
    OrderState, PaidReport, QueryRate, RawNotify, RefundOrder, RefundReport, RefundState, Terms,
};
use std::collections::HashMap;
use std::sync::Mutex;

const MERCHANT: &str = "twice-1";

/// An account at this channel.
pub(crate) struct Twice {
    terms: Terms,
    /// How often each order was asked about.
    asked: Mutex<HashMap<String, u32>>,
}

impl Default for Twice {
    fn default() -> Self {
        Self {
            terms: Terms {
                enabled: true,
                domains: Vec::new(),
                currency: Currency::Cny,
                smallest: 1,
                largest: 999_999_999,
                queries: QueryRate::default(),
            },
            asked: Mutex::default(),
        }
    }
}

#[async_trait::async_trait]
impl Gateway for Twice {
    /// The name that payers pick it by.
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn account(&self) -> &str {
        "twice"
    }

    fn merchant(&self) -> String {
        MERCHANT.to_owned()
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn offers(&self, kind: Kind) -> bool {
        kind == Kind::Native
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }

    async fn create(&self, order: &NewOrder) -> Result<Created, ChannelError> {
        Ok(Created {
            obj: Obj::Code(format!("twice://{}", order.order.number)),
            reference: None,
            changed: None,
        })
    }

    async fn query(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let mut asked = self.asked.lock().unwrap();
        let asked = asked.entry(order.number.clone()).or_default();
        *asked += 1;
        if *asked < 2 {
            return Ok(OrderState::Pending);
        }
        Ok(OrderState::Paid(PaidReport {
            merchant: MERCHANT.to_owned(),
            channel_order_no: order.number.clone(),
            trade_no: format!("T{}", order.number),
            money: order.money,
            paid_ms: None,
            given_back: GivenBack::Nothing,
        }))
    }

    async fn close(&self, _: &ChannelOrder) -> Result<(), ChannelError> {
        Err(ChannelError::NotOffered)
    }

    async fn refund(&self, _: &RefundOrder) -> Result<RefundReport, ChannelError> {
        Ok(RefundState::Done.into())
    }

    async fn query_refund(&self, _: &RefundOrder) -> Result<RefundReport, ChannelError> {
        Ok(RefundState::Done.into())
    }

    async fn read_notify(&self, _: &RawNotify) -> Result<Notify, ChannelError> {
        Err(ChannelError::NotOffered)
    }

    fn notify_answer(&self, _: bool) -> NotifyAnswer {
        NotifyAnswer {
            status: 200,
            content_type: "text/plain",
            body: "".into(),
        }
    }
}
