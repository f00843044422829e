//! Signed requests from the outside: the documents' samples, bad input,
//! forgeries, and a forger; the order machine against a model.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod forged;
mod forger;
mod model;
mod signer;
mod vectors;
mod verify;
