//! The rules of Tongfu, pure: money, the order machine, signed requests, the
//! envelope, and the ports that the other crates implement. Nothing here reads
//! a clock, opens a connection or knows a database.

pub mod channel;
pub mod errcode;
pub mod lang;
pub mod money;
