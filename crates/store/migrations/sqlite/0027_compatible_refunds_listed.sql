-- Refunds are listed the newest first without reading the rest (docs/console.md, Refunds).
create index refund_made on refund (created_ms, refund_no);
