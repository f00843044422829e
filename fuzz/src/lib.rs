//! What the fuzz targets share: each target gives its bytes to one function here,
//! which panics where the product breaks a promise.

pub mod requests;
mod shapes;
