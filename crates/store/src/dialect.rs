//! What the databases write differently, and how each writes it.

/// What the databases write differently.
pub(crate) struct Dialect {
    /// Begins a transaction.
    pub(crate) begin: &'static str,
    /// Ends a query whose rows nobody else changes until the transaction ends.
    pub(crate) locked: &'static str,
    /// Before and after a query that finds the rows to change by, passing over those that
    /// others have locked. The rows are found first, whatever the planner expects of them.
    pub(crate) found: [&'static str; 2],
    /// Before and after a JSON array of texts that is read as rows with the column
    /// `value`.
    pub(crate) texts: [&'static str; 2],
    /// The same of arrays, each as a JSON value.
    pub(crate) arrays: [&'static str; 2],
    /// What can be seen of `change` now, as a text; and which of its rows `c` can't be
    /// seen by the text `$1`.
    pub(crate) changes_here: &'static str,
    pub(crate) changes_unseen: &'static str,
    /// The number of the transaction that asks: all that wrote before have lower ones.
    pub(crate) asking: &'static str,
    /// Transactions with lower numbers have ended.
    pub(crate) ended: &'static str,
    /// No transaction that has ended has this number, or a higher one.
    pub(crate) beyond: &'static str,
    /// Its own clock, ms since 1970.
    pub(crate) now_ms: &'static str,
    /// Which server it is, a text, and how often another one took its place.
    pub(crate) system: &'static str,
    pub(crate) timeline: &'static str,
}

/// The transaction that begins takes the write lock at once, so that what is read stays
/// true until the commit: it has the whole file, and rows need no locks.
pub(crate) const SQLITE: Dialect = Dialect {
    begin: "begin immediate",
    locked: "",
    found: [" in (", ")"],
    texts: ["json_each(", ")"],
    arrays: ["json_each(", ")"],
    // One writes at a time: nobody is at work beside who asks.
    asking: "0",
    ended: "0",
    beyond: "1",
    // And numbers come in order, and none is given twice.
    changes_here: "cast(coalesce((select seq from sqlite_sequence where name = 'change'), 0) \
        as text)",
    changes_unseen: "c.id > cast($1 as integer)",
    now_ms: "cast((julianday('now') - 2440587.5) * 86400000 as integer)",
    system: "'-'",
    timeline: "0",
};

/// Rows are locked one by one.
pub(crate) const POSTGRES: Dialect = Dialect {
    begin: "begin",
    locked: " for update",
    found: [" = any(array(", " for update skip locked))"],
    texts: ["json_array_elements_text(", "::json) as busy (value)"],
    arrays: ["json_array_elements(", "::json) as given (value)"],
    asking: "pg_current_xact_id()::text::bigint",
    ended: "pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
    beyond: "pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
    // Numbers are seen out of order, transactions as a snapshot has them. The first
    // condition is for the index.
    changes_here: "pg_current_snapshot()::text",
    changes_unseen: "c.xact >= pg_snapshot_xmin($1::text::pg_snapshot)::text::bigint \
        and not pg_visible_in_snapshot(c.xact::text::xid8, $1::text::pg_snapshot)",
    // One time for a whole statement: an index is asked by it.
    now_ms: "(extract(epoch from statement_timestamp()) * 1000)::bigint",
    system: "(select system_identifier::text from pg_control_system())",
    // Of what is written now; the last checkpoint's is an older one after a failover.
    timeline: "case when pg_is_in_recovery() then 0 else ('x' || \
        substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end",
};
