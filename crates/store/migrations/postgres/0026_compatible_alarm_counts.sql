-- How many an alarm counts, and of how many somebody was told (docs/operating.md, Alarms
-- by message).
alter table alarm add column seen bigint not null default 0;
alter table alarm add column told_of bigint not null default 0;
