//! The store's methods by entity, each once and with its statements.

mod accounts;
mod acts;
mod alarms;
mod attempts;
mod audit;
mod callbacks;
mod changes;
mod contradictions;
mod domains;
mod figures;
mod health;
mod listing;
pub(crate) mod marks;
mod notifies;
mod operators;
mod partners;
mod pruning;
mod refund_requests;
mod refunds;
mod rows;
mod sealing;
mod settling;
mod steps;
mod story;
mod timers;
mod trips;

use crate::sql::Sql;
use crate::tail;

/// Statements that read as much of the book as a person's command asks for.
pub fn as_asked() -> impl Iterator<Item = Sql> {
    let two = [contradictions::ALONE, callbacks::RESEND_DELIVERED];
    two.into_iter()
        .chain(listing::AS_ASKED)
        .chain(domains::AS_ASKED)
        .chain(sealing::AS_ASKED)
}

/// Every statement that is sent to a database.
pub fn statements() -> impl Iterator<Item = Sql> {
    let all = [
        accounts::STATEMENTS,
        acts::STATEMENTS,
        alarms::STATEMENTS,
        attempts::STATEMENTS,
        audit::STATEMENTS,
        callbacks::STATEMENTS,
        changes::STATEMENTS,
        contradictions::STATEMENTS,
        domains::STATEMENTS,
        figures::STATEMENTS,
        health::STATEMENTS,
        listing::STATEMENTS,
        marks::STATEMENTS,
        notifies::STATEMENTS,
        operators::STATEMENTS,
        partners::STATEMENTS,
        pruning::STATEMENTS,
        refund_requests::STATEMENTS,
        refunds::STATEMENTS,
        sealing::STATEMENTS,
        settling::STATEMENTS,
        steps::STATEMENTS,
        story::STATEMENTS,
        tail::STATEMENTS,
        timers::STATEMENTS,
        trips::STATEMENTS,
    ];
    all.into_iter().flatten().copied()
}
