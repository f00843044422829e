-- For the {round}th time {count} callbacks that are due, one in a hundred to {hung}, which never answers, the
-- others to {fast}. A statement ends with its line.
insert into payment_request (domain_code, request_key, money, currency, status, created_ms)
values ('demo', 'D1-callbacks{round}', 1, 'CNY', 'SUCCESSPAY', 0);
insert into attempt (order_sn, request_id, token, channel, account, kind, channel_order_no,
    channel_money, channel_currency, signed_values, secret_generation, status, created_ms,
    expires_ms)
with recursive n (i) as (select 1 union all select i + 1 from n where i < {count})
select 'callback{round}-' || i, (select max(id) from payment_request where request_key = 'D1-callbacks{round}'),
    'callback{round}-' || i, 'Alipay', 'bench', 'page', 'callback{round}-' || i, 1, 'CNY', '', 1, 'SUCCESSPAY',
    0, 0 from n;
insert into callback (domain_code, order_sn, url, receiver, state, tries, next_ms, created_ms)
with recursive n (i) as (select 1 union all select i + 1 from n where i < {count})
select 'demo', 'callback{round}-' || i, case when i % 100 = 0 then '{hung}' else '{fast}' end || '/callback',
    case when i % 100 = 0 then '{hung}' else '{fast}' end, 'WAITING', 0, 0, 0 from n;
