//! Apay's wire (docs/forecore.md), which its door and the adapter that is its client both
//! speak: the MD5 sign over names and values, words and sums.

mod sign;
mod words;

pub use sign::{Proved, md5_sign, proved, verifies};
pub use words::{LARGEST_MINOR, PayType, fen_of_binary, fen_of_yuan, yuan};
