-- What became of a notify, as a word; `outcome` is its wording. Older programs write and
-- read that alone.
alter table notify add column outcome_word text;

-- Notifies of money that nothing of ours is about are few, and listed.
create index notify_mismatch_word on notify (received_ms)
    where outcome_word in ('nosuchorder', 'odd');
