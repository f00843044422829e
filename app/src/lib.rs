//! The page, and the server functions that it and old pages call.
//!
//! `ssr` renders on the server; `hydrate` is what reaches the browser as
//! WebAssembly: the islands and what they need. The page is
//! complete and payable without it.

#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "hydrate")]
mod browser;
pub mod headers;
pub mod islands;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
mod qr;
#[cfg(feature = "ssr")]
mod text;
