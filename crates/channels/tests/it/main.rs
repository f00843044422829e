//! The WeChat adapter against signatures made by others and against the sandbox
//! over real HTTP; and the sender of callbacks.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod alipay;
mod alipay_canned;
mod apay;
mod apay_canned;
mod apay_rates;
mod certificates;
mod check;
mod chinapay;
mod ecb;
mod gateway;
mod health;
#[path = "../../../sandbox/tests/it/keys.rs"]
mod keys;
mod notify;
mod paypal;
mod receiver;
mod vectors;
mod world;
