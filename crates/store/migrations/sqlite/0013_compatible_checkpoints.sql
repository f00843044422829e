-- What `doctor` looked over and found sound (docs/reliability.md, What a person has to look at), so
-- that it needs to read only what was told since.
create table checkpoint (
    seq integer not null constraint checkpoint_pkey primary key,
    until_ms integer not null,
    orders integer not null,
    entries integer not null,
    digest text not null,
    hash text not null
);
create index event_at on event (at_ms, order_sn);

-- Callbacks of a state since a time.
create index callback_state_created on callback (state, created_ms);
drop index callback_state;
