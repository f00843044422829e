-- What a channel was asked for, where it wants another sum: channel_money is what is
-- really to be paid.
alter table attempt add column asked_money bigint;
