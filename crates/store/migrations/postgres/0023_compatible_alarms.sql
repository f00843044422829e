-- What operators are told by the alarms' webhook, a row a kind (docs/operating.md, Alarms
-- by message).
create table alarm (
    kind text not null constraint alarm_pkey primary key,
    since_ms bigint not null,
    last_ms bigint not null,
    told bigint not null,
    next_ms bigint not null
);
