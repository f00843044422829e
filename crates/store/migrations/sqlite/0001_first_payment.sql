create table domain (
    code text not null constraint domain_pkey primary key,
    rule text not null,
    settings text not null,
    development integer not null
);

create table domain_secret (
    domain_code text not null references domain (code),
    generation integer not null,
    secret text not null,
    not_after_ms integer,
    constraint domain_secret_pkey primary key (domain_code, generation)
);

-- One row for each (domain, requestKey): its sum never changes.
create table payment_request (
    id integer not null constraint payment_request_pkey primary key autoincrement,
    domain_code text not null,
    request_key text not null,
    money integer not null check (money > 0),
    currency text not null,
    status text not null,
    paid_order_sn text,
    created_ms integer not null,
    constraint payment_request_key unique (domain_code, request_key)
);

create table attempt (
    order_sn text not null constraint attempt_pkey primary key,
    request_id integer not null references payment_request (id),
    token text not null constraint attempt_token unique,
    channel text not null,
    account text not null,
    kind text not null,
    channel_order_no text not null,
    channel_money integer not null check (channel_money > 0),
    channel_currency text not null,
    openid text,
    signed_values text not null,
    secret_generation integer not null,
    status text not null,
    obj text,
    created_ms integer not null,
    expires_ms integer not null,
    next_query_ms integer,
    trade_no text,
    paid_ms integer,
    constraint attempt_channel_order_no unique (channel, account, channel_order_no)
);
create index attempt_request on attempt (request_id);
create index attempt_due on attempt (next_query_ms) where next_query_ms is not null;

-- Notifies as they came, before anything is believed of them.
create table notify (
    id integer not null constraint notify_pkey primary key autoincrement,
    channel text not null,
    account text not null,
    channel_order_no text,
    headers text not null,
    body blob not null,
    received_ms integer not null,
    outcome text
);

-- The outbox of callbacks: written with the state that they tell of.
create table callback (
    id integer not null constraint callback_pkey primary key autoincrement,
    domain_code text not null,
    order_sn text not null references attempt (order_sn),
    url text not null,
    state text not null,
    tries integer not null,
    next_ms integer,
    created_ms integer not null
);
create index callback_due on callback (next_ms) where next_ms is not null;

create table callback_try (
    id integer not null constraint callback_try_pkey primary key autoincrement,
    callback_id integer not null references callback (id),
    at_ms integer not null,
    status integer,
    answer text not null,
    duration_ms integer not null
);
create index callback_try_callback on callback_try (callback_id);
