//! The doors to the outside that other crates implement: the store, the
//! channels, and the sender of callbacks. Types here are plain; nothing does IO.

mod gateway;
mod receiver;
mod store;

pub use gateway::{
    ChannelError, Created, Gateway, Kind, NewOrder, Notify, OrderState, PaidReport, RawNotify,
};
pub use receiver::{CallbackAnswer, Receiver};
pub use store::{
    AttemptRow, Begun, CallbackRow, CallbackTry, NewAttempt, NewCallback, NotifyRow, Settled,
    Store, StoreError, TryOutcome,
};
