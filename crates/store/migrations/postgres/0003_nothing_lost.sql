-- The order's story: append-only, each entry chained to the one before. The
-- order keeps its length and last hash, so that a cut end shows too.
create table event (
    order_sn text not null references attempt (order_sn),
    seq bigint not null,
    at_ms bigint not null,
    source text not null,
    what text not null,
    detail text not null,
    notify_id bigint,
    hash text not null,
    constraint event_pkey primary key (order_sn, seq)
);
alter table attempt add column story_length bigint not null default 0;
alter table attempt add column story_hash text not null default '';

-- Verified money that differs from its order.
alter table attempt add column mismatch text;

-- Notifies that were answered and not worked on to their end.
alter table notify add column next_ms bigint;
create index notify_due on notify (next_ms) where next_ms is not null;

-- Callbacks to one receiver share a lane.
alter table callback add column receiver text not null default '';
create index callback_order on callback (order_sn);

-- Money that needs a person's eye is found without reading every order.
create index attempt_status on attempt (status);
create index refund_state on refund (state);
create index callback_state on callback (state);
