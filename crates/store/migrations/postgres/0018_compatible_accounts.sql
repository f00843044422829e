-- Channel accounts that commands keep, beside those of the file (docs/accounts.md): settings
-- and keys together, encrypted.
create table channel_account (
    channel text not null,
    name text not null,
    kek_id text not null,
    sealed text not null,
    enabled bigint not null,
    created_ms bigint not null,
    constraint channel_account_pkey primary key (channel, name)
);

-- Rises with each change of them.
create table channel_account_revision (
    id bigint not null constraint channel_account_revision_pkey primary key check (id = 1),
    revision bigint not null
);
insert into channel_account_revision (id, revision) values (1, 0);
