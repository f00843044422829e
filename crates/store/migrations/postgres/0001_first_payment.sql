create table domain (
    code text not null constraint domain_pkey primary key,
    rule text not null,
    settings text not null,
    development bigint not null
);

create table domain_secret (
    domain_code text not null references domain (code),
    generation bigint not null,
    secret text not null,
    not_after_ms bigint,
    constraint domain_secret_pkey primary key (domain_code, generation)
);

-- One row for each (domain, requestKey): its sum never changes.
create table payment_request (
    id bigint generated always as identity constraint payment_request_pkey primary key,
    domain_code text not null,
    request_key text not null,
    money bigint not null check (money > 0),
    currency text not null,
    status text not null,
    paid_order_sn text,
    created_ms bigint not null,
    constraint payment_request_key unique (domain_code, request_key)
);

create table attempt (
    order_sn text not null constraint attempt_pkey primary key,
    request_id bigint not null references payment_request (id),
    token text not null constraint attempt_token unique,
    channel text not null,
    account text not null,
    kind text not null,
    channel_order_no text not null,
    channel_money bigint not null check (channel_money > 0),
    channel_currency text not null,
    openid text,
    signed_values text not null,
    secret_generation bigint not null,
    status text not null,
    obj text,
    created_ms bigint not null,
    expires_ms bigint not null,
    next_query_ms bigint,
    trade_no text,
    paid_ms bigint,
    constraint attempt_channel_order_no unique (channel, account, channel_order_no)
);
create index attempt_request on attempt (request_id);
create index attempt_due on attempt (next_query_ms) where next_query_ms is not null;

-- Notifies as they came, before anything is believed of them.
create table notify (
    id bigint generated always as identity constraint notify_pkey primary key,
    channel text not null,
    account text not null,
    channel_order_no text,
    headers text not null,
    body bytea not null,
    received_ms bigint not null,
    outcome text
);

-- The outbox of callbacks: written with the state that they tell of.
create table callback (
    id bigint generated always as identity constraint callback_pkey primary key,
    domain_code text not null,
    order_sn text not null references attempt (order_sn),
    url text not null,
    state text not null,
    tries bigint not null,
    next_ms bigint,
    created_ms bigint not null
);
create index callback_due on callback (next_ms) where next_ms is not null;

create table callback_try (
    id bigint generated always as identity constraint callback_try_pkey primary key,
    callback_id bigint not null references callback (id),
    at_ms bigint not null,
    status bigint,
    answer text not null,
    duration_ms bigint not null
);
create index callback_try_callback on callback_try (callback_id);
