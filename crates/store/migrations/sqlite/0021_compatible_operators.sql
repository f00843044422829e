-- Operators of the console (docs/console.md): passwords as argon2id, keys of one-time
-- passwords encrypted, recovery codes and ids of sessions as digests.
create table operator (
    name text not null constraint operator_pkey primary key,
    role text not null,
    enabled integer not null,
    password text not null,
    kek_id text,
    totp text,
    totp_step integer not null,
    failed integer not null,
    next_try_ms integer not null,
    created_ms integer not null
);

create table operator_recovery (
    operator text not null,
    digest text not null,
    constraint operator_recovery_pkey primary key (operator, digest)
);

create table operator_session (
    digest text not null constraint operator_session_pkey primary key,
    operator text not null,
    created_ms integer not null,
    seen_ms integer not null
);
create index operator_session_whose on operator_session (operator);
