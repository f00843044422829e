-- How far these books have come, so that an instance that has seen more notices when they
-- go back (docs/reliability.md, Books that go back).
create table book (
    id integer not null constraint book_pkey primary key check (id = 1),
    name text not null,
    era integer not null,
    sequence integer not null
);
insert into book (id, name, era, sequence) values (1, lower(hex(randomblob(16))), 0, 0);

-- Who accepted books that had gone back.
create table book_acceptance (
    era integer not null constraint book_acceptance_pkey primary key,
    at_ms integer not null,
    accepted_by text not null,
    reason text not null,
    seen text,
    found text not null
);
