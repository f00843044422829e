//! The platform as a process, spoken to over real HTTP, with the sandbox as a
//! process beside it: on SQLite, and on PostgreSQL where one is given.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod accounts;
mod acts;
mod alarms;
mod bad_input;
mod breaker;
mod businesses;
mod by_two;
mod callback;
mod chained;
mod channels;
mod clinic;
mod close;
mod console;
mod counts;
mod epay;
mod figures;
mod forecore;
mod forecore_bad_input;
mod forecore_contract;
mod forged;
mod golive;
mod harness;
mod identity;
#[path = "../../../crates/sandbox/tests/it/keys.rs"]
mod keys;
mod listen;
mod log;
mod memory;
mod operator;
mod page;
mod partner;
mod pay;
mod pruned;
mod queues;
mod rates;
mod refund;
mod reload;
mod restore;
mod returned;
mod secrets;
mod seen;
mod sign;
mod strangers;
#[cfg(feature = "otel")]
mod traces;
mod trigger;
mod trouble;
mod upstream;
