//! What the page of queues shows (docs/console.md, Queues): what is known already, each in
//! its own place, and nothing that reads a table which grows.

use super::desk::{Answered, Desk};
use crate::alarms::form::Form;
use crate::ends::{Looked, NEAR_MS};
use crate::state::State;
use axum::http::StatusCode;
use checkout::{AccountStanding, LateTimers, MINUTES};
use console::{AlarmsTo, Answering, Lane, Queues, Setting};
use payment::ports::StoreError;

/// The page.
pub(super) async fn queues(desk: Desk) -> Answered {
    let looked = desk.state.console.ends.borrow().clone();
    let read = read(&desk.state, looked.as_deref()).await;
    let queues = read.map_err(|error| desk.trouble(&error))?;
    let draw = |setting: &Setting<'_>| console::queues(setting, &queues);
    Ok(desk.page(StatusCode::OK, draw))
}

/// What waits, and what may come to wait.
pub(super) async fn read<'a>(
    state: &'a State,
    looked: Option<&'a Looked>,
) -> Result<Queues<'a>, StoreError> {
    let (checkout, store) = (&state.checkout, &*state.console.store);
    let now_ms = checkout.now_ms();
    let LateTimers { overdue, too_far } = checkout.late_timers().await?;
    let mut untaken = checkout.untaken(now_ms).await?;
    untaken.sort_by_key(|one| one.oldest_ms);
    let ends = looked.iter().flat_map(|looked| &looked.ends);
    Ok(Queues {
        backlog: store.backlog(now_ms).await?,
        overdue,
        too_far,
        untaken,
        lanes: checkout.lanes().into_iter().map(lane).collect(),
        instances: store.at_work().await?,
        own: &state.console.instance,
        expected: checkout.instances(),
        lease_ms: checkout.lease_ms(),
        accounts: checkout.standings().into_iter().map(account).collect(),
        minutes: MINUTES,
        ends: ends.filter(|end| end.at_ms < now_ms + NEAR_MS).collect(),
        looked_ms: looked.map(|looked| looked.at_ms),
        alarms: state.console.alarms.as_ref().map(|to| AlarmsTo {
            form: to.form.word(),
            host: &to.host,
            other: to.other.map(Form::word),
        }),
        now_ms,
    })
}

fn lane(lane: checkout::Lane) -> Lane {
    Lane {
        receiver: lane.receiver,
        sending: lane.sending,
        waiting: lane.waiting,
        is_full: lane.is_full,
    }
}

fn account(standing: AccountStanding) -> Answering {
    let calls = standing.calls;
    Answering {
        channel: standing.channel.code(),
        name: standing.account,
        enabled: standing.enabled,
        is_away: standing.is_away,
        lost_orders: standing.lost_orders,
        calls: calls.count,
        lost: calls.lost,
        refused: calls.refused,
        mean_ms: calls.mean().as_millis(),
        slowest_ms: calls.slowest.as_millis(),
    }
}
