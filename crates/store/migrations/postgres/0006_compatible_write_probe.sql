-- One row that nobody reads: written to learn whether the disk takes writes.
create table write_probe (
    id bigint not null constraint write_probe_pkey primary key,
    writes bigint not null
);
