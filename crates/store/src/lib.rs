//! The database: SQLite and PostgreSQL behind [`payment::ports::Store`].
//!
//! `queries` holds each method once, by entity and with its statements, which `db` and
//! `line` send to either database; what differs stands in `dialect`, `sqlite`
//! and `postgres`. Nothing here decides: states follow from `payment::order`.

mod db;
mod dialect;
mod guard;
mod keys;
mod line;
mod migrations;
mod open;
mod open_error;
mod pending;
mod postgres;
mod queries;
mod renewal;
mod sql;
mod sqlite;
mod tail;
mod train;

pub use db::ANSWER_SECONDS;
pub use guard::kept_mark;
pub use keys::{Keys, NoKeys};
pub use open::{Address, migrate, open};
pub use open_error::OpenError;
pub use pending::{Pending, pending};
pub use queries::{as_asked, statements};
pub use sql::Sql;
pub use sqlite::sqlite_file;
