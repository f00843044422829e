-- Which operators stand behind a refund, and refunds that one asks for and another grants
-- (docs/console.md, Refunds by two).
alter table refund add column operator text;
alter table refund add column granted_by text;
alter table refund add constraint refund_by_two
    check (granted_by is null or (operator is not null and granted_by <> operator)) not valid;
create index refund_by_hand on refund (operator, created_ms) where operator is not null;

create table refund_operator (
    name text not null constraint refund_operator_pkey primary key
);

create table refund_request (
    request_no text not null constraint refund_request_pkey primary key,
    order_sn text not null,
    refund_key text not null,
    money bigint not null,
    currency text not null,
    reason text not null,
    asked_by text not null,
    asked_ms bigint not null,
    expires_ms bigint not null,
    state text not null,
    judged_by text,
    judged_ms bigint,
    constraint refund_request_once unique (order_sn, refund_key),
    constraint refund_request_by_two
        check (state <> 'GRANTED' or (judged_by is not null and judged_by <> asked_by))
);
create index refund_request_open on refund_request (expires_ms) where state = 'ASKED';
