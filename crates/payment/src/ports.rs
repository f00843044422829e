//! What other crates implement: the store, the channels (ways out), the doors (ways in),
//! and the sender of callbacks. Types here are plain; nothing does IO.

mod door;
mod gateway;
mod receiver;
mod store;
mod unknown;

pub use door::{Door, News, RefundTold};
pub use gateway::{
    BackSum, ChannelError, ChannelOrder, Created, Gateway, GivenBack, Kind, MoneyBack, NewOrder,
    Notify, NotifyAnswer, Oauth, OauthError, OrderState, PaidReport, QueryRate, RawNotify,
    RefundOrder, RefundReport, RefundState, Terms,
};
pub use receiver::{Call, CallbackAnswer, Receiver};
pub use store::*;
pub use unknown::{Doubt, Unknown};
