-- Payers on the way to WeChat and back carry what we need in the address and in its
-- `state`, which this key signs. One row, made by the instance that starts first.
-- (openid_trip, which kept each of them, is read no more.)
create table trip_key (
    id integer not null constraint trip_key_pkey primary key check (id = 1),
    key bytea not null
);

-- States that WeChat brought back, until they end by themselves.
create table trip_state (
    nonce text not null constraint trip_state_pkey primary key,
    until_ms bigint not null
);
create index trip_state_until on trip_state (until_ms);

-- Our own pages whose address is too long to be carried; their sign held.
create table trip_address (
    token text not null constraint trip_address_pkey primary key,
    address text not null,
    until_ms bigint not null
);
create index trip_address_until on trip_address (until_ms);
