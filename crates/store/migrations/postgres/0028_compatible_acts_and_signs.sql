-- What operators did on a day is found without reading the rest (docs/console.md, Acts).
create index operator_act_at on operator_act (at_ms, seq);
-- When a business system was last seen to sign by each of the secrets that held side by side
-- (docs/operating.md, To change).
create table secret_use (
    domain_code text not null,
    generation bigint not null,
    at_ms bigint not null,
    constraint secret_use_pkey primary key (domain_code, generation)
);
