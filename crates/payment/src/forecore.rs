//! Apay's fourth-party interface (seed 001): its fields as they came, and its MD5
//! sign over names and values (wire-facts B1).

mod fields;
mod sign;

pub use fields::Fields;
pub use sign::{md5_sign, verifies};
