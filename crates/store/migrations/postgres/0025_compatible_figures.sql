-- What was made and what was paid within a time is found without reading the rest: lists
-- of orders, the newest first, and figures (docs/console.md, Figures).
create index attempt_made on attempt (created_ms, order_sn);
create index attempt_paid on attempt (paid_ms, order_sn) where paid_ms is not null;
