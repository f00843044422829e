-- Requests of a legacy domain whose sign fits another sum too, cut elsewhere.
alter table domain add column recut_requests bigint not null default 0;
