//! The store's methods by entity, each once and with its statements.

mod attempts;
mod audit;
mod callbacks;
mod changes;
mod domains;
mod health;
mod notifies;
mod partners;
#[cfg(test)]
mod plans;
mod refunds;
mod rows;
mod settling;
mod story;
mod trips;

pub(crate) use changes::Tail;

use crate::sql::Sql;

/// Every statement that is sent to a database.
pub fn statements() -> impl Iterator<Item = Sql> {
    let all = [
        attempts::STATEMENTS,
        audit::STATEMENTS,
        callbacks::STATEMENTS,
        changes::STATEMENTS,
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
