//! The world outside, faked at the wire: the gateways of WeChat Pay, Alipay, ChinaPay, PayPal and Apay with
//! a wallet and a control interface, and a demo shop. Written from the channels'
//! documents alone; it depends on none of the product's crates, so that two
//! sides that share a bug can't agree with each other.

pub mod gateway;
pub mod shop;

mod alipay;
mod apay;
mod book;
mod calls;
mod chaos;
mod chinapay;
mod clock;
mod control;
mod face;
mod fault;
mod faults;
mod keyring;
mod keys;
mod memory;
mod notify;
mod paypal;
mod random;
mod refund;
mod robot;
mod serve;
mod text;
mod wallet;
mod wechat;
mod world;
