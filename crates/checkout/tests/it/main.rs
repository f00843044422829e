//! The use cases on a real store, with a channel that does as it is told and a
//! clock that is moved by hand.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod bank;
mod by_hand;
mod epay;
mod figures;
mod held;
mod lost;
mod model;
mod money;
mod operators;
mod partner;
mod scene;
mod sign_in;
mod taken_back;
mod timers;
mod waiting;
