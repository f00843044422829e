//! What the fuzz targets share: each target gives its bytes to one function here,
//! which panics where the product breaks a promise.

mod accounts;
pub mod address;
pub mod answers;
mod chinapay;
pub mod epay;
pub mod forecore;
mod keys;
pub mod notify;
pub mod requests;
mod server;
mod shapes;
