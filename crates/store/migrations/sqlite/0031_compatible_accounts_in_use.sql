-- Which accounts have orders that may still be paid is found without reading these orders
-- (docs/console.md, Channel accounts).
create index attempt_payable on attempt (channel, account)
    where status in ('CREATING', 'NOTPAY', 'FAILUREPAY', 'HELD');
