//! The adapters to the payment channels, and the sender of callbacks. They
//! implement `payment::ports` and know neither the store nor the use cases.

pub mod alipay;
pub mod apay;
pub mod chinapay;
pub mod ecb;
mod flight;
pub mod health;
mod http;
mod link;
pub mod paypal;
pub mod receiver;
pub mod registry;
pub mod rsa;
mod setup;
mod text;
pub mod wechat;

/// Gives the time, ms since 1970.
pub type Clock = std::sync::Arc<dyn Fn() -> i64 + Send + Sync>;

pub use http::client;
