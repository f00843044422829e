//! The store's methods by entity, each once and with its statements.

mod attempts;
mod audit;
mod callbacks;
mod changes;
mod contradictions;
mod domains;
mod health;
mod notifies;
mod partners;
mod refunds;
mod rows;
mod settling;
mod story;
mod trips;

pub(crate) use changes::Tail;

use crate::sql::Sql;

/// Statements that read as much of the book as a person's command asks for.
pub const AS_ASKED: [Sql; 2] = [contradictions::ALL, callbacks::RESEND_DELIVERED];

/// Every statement that is sent to a database.
pub fn statements() -> impl Iterator<Item = Sql> {
    let all = [
        attempts::STATEMENTS,
        audit::STATEMENTS,
        callbacks::STATEMENTS,
        changes::STATEMENTS,
        contradictions::STATEMENTS,
        domains::STATEMENTS,
        health::STATEMENTS,
        notifies::STATEMENTS,
        partners::STATEMENTS,
        refunds::STATEMENTS,
        settling::STATEMENTS,
        story::STATEMENTS,
        trips::STATEMENTS,
    ];
    all.into_iter().flatten().copied()
}
