-- What the gauges count is found without reading what is done.
create index attempt_mismatch on attempt (status) where mismatch is not null;
create index attempt_open on attempt (expires_ms) where status in ('CREATING', 'NOTPAY');
create index notify_mismatch on notify (received_ms)
    where outcome in ('no such order', 'no such refund') or substr(outcome, 1, 9) = 'mismatch:';
create index refund_beside on refund (cause, order_sn) where state <> 'SUCCESSREFUND';
