//! Signed requests from the outside: the documents' samples, bad input,
//! forgeries, and a forger.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod forged;
mod forger;
mod signer;
mod vectors;
mod verify;
