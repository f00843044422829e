//! Apay's fourth-party interface (docs/forecore.md): its fields as they came, its MD5 sign
//! over names and values (docs/forecore.md, The sign), and what its calls ask for.

mod fields;
mod order;
mod sign;

pub use fields::Fields;
pub use order::{LARGEST_MINOR, Order, PartnerOrder, PayType, fen_of_yuan, yuan};
pub use sign::{md5_sign, verifies};
