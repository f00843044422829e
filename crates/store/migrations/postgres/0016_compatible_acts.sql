-- What operators did, each chained to the one before (docs/operating.md, Who did what).
create table operator_act (
    seq bigint not null constraint operator_act_pkey primary key,
    at_ms bigint not null,
    actor text not null,
    what text not null,
    hash text not null
);
