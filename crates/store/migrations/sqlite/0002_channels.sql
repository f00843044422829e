-- The channel's own name of an order, and the rate between the two sums.
alter table attempt add column reference text;
alter table attempt add column rate text;

-- What the page needs was the text of a code, and says now of which kind it is.
update attempt set obj = json_object('code', obj) where obj is not null;

-- Requests of a legacy domain whose sign fits another requestKey too.
alter table domain add column other_key_requests integer not null default 0;

-- Requests that were closed before a payer came.
create table closed_request (
    domain_code text not null,
    request_key text not null,
    constraint closed_request_pkey primary key (domain_code, request_key)
);

-- Money that goes back. Its number is kept before the channel hears of it.
create table refund (
    refund_no text not null constraint refund_pkey primary key,
    order_sn text not null references attempt (order_sn),
    domain_code text not null,
    refund_key text,
    money integer not null check (money > 0),
    currency text not null,
    channel_money integer not null check (channel_money > 0),
    channel_currency text not null,
    cause text not null,
    state text not null,
    reference text,
    note text not null,
    next_ms integer,
    created_ms integer not null,
    constraint refund_key unique (domain_code, refund_key)
);
create index refund_order on refund (order_sn);
create index refund_due on refund (next_ms) where next_ms is not null;

-- Payers on the way to WeChat and back.
create table openid_trip (
    state text not null constraint openid_trip_pkey primary key,
    browser text not null,
    account text not null,
    domain_code text not null,
    back_url text not null,
    restarts integer not null,
    used integer not null,
    created_ms integer not null
);
create index openid_trip_created on openid_trip (created_ms);
