//! The rules of Tongfu, pure: money, the order machine, signed requests, the
//! envelope, and the ports that the other crates implement. Nothing here reads
//! a clock, opens a connection or knows a database.

pub mod beijing;
pub mod by_two;
pub mod channel;
pub mod clinic;
pub mod envelope;
pub mod errcode;
pub mod lang;
pub mod money;
pub mod obj;
pub mod operators;
pub mod order;
pub mod rate;
pub mod refund;
pub mod status;
pub mod story;

pub mod acts;
pub mod address;
mod budget;
pub mod domain;
mod domain_error;
pub mod escape;
pub mod fields;
pub mod forecore;
pub mod pairs;
pub mod param;
pub mod partner;
pub mod pasted;
pub mod payee;
pub mod printable;
pub mod refusal;
pub mod relay;
pub mod request;
pub mod rule;
pub mod sign;
pub mod signed;
pub mod slip;
pub mod verify;

pub mod ports;
