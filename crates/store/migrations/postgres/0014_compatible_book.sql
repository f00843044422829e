-- How far these books have come, so that an instance that has seen more notices when they
-- go back (docs/reliability.md, Books that go back).
create table book (
    id bigint not null constraint book_pkey primary key check (id = 1),
    name text not null,
    era bigint not null,
    sequence bigint not null
);
insert into book (id, name, era, sequence) values (1, replace(gen_random_uuid()::text, '-', ''), 0, 0);

-- Who accepted books that had gone back.
create table book_acceptance (
    era bigint not null constraint book_acceptance_pkey primary key,
    at_ms bigint not null,
    accepted_by text not null,
    reason text not null,
    seen text,
    found text not null
);
