//! The gateways at the wire, as a merchant's server and a payer's browser meet them.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod alipay;
mod apay;
mod chinapay;
mod keys;
mod oauth;
mod paypal;
mod wechat;
mod world;
