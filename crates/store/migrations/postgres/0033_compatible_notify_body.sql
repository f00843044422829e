-- A notify is known by what is signed of it; its story is held by the digest of its body
-- (docs/reliability.md, What a person has to look at), which stands here once the body is
-- pruned. None: they are the same.
alter table notify add column body_digest text;
