-- Secrets encrypted at rest (docs/secrets.md): each by a data key of its own, which the
-- key `kek_id` wraps. Until the seal the clear text stands beside.
alter table domain_secret add column kek_id text;
alter table domain_secret add column sealed text;

-- The key that writes, a text that only it opens, and since when no clear text is kept.
create table secrets_key (
    id integer not null constraint secrets_key_pkey primary key check (id = 1),
    kek_id text not null,
    canary text not null,
    sealed_ms integer
);

-- Who is at work on this database, and which keys it has, separated by blanks.
create table instance (
    name text not null constraint instance_pkey primary key,
    version text not null,
    kek_ids text not null,
    seen_ms integer not null
);
