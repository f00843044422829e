//! The database: SQLite and PostgreSQL behind [`payment::ports::Store`].
//!
//! Both speak through the same file of queries (`repository.rs`), compiled once
//! for each database; what differs stands in `sqlite.rs` and `postgres.rs`.
//! Nothing here decides: states follow from `payment::order`.

mod limited;
mod open;
mod postgres;
mod renewal;
mod sqlite;

pub use open::{OpenError, migrate, open};
