-- A book of {orders} orders of {businesses} businesses, for either database, where it was
-- empty: nearly all are done, {open} are open until {until_ms} and not asked about, and ten of each kind ask
-- for a person's eye. A statement ends with its line.
insert into domain (code, rule, settings, development)
with recursive n (i) as (select 0 union all select i + 1 from n where i < {businesses} - 1)
select 'book' || i,
'{"strict":{"prefix":"B1-","length":16,"requestChannel":"1","currency":"CNY","rateDecimals":4}}',
'{"largestSum":10000000,"callbacks":[],"privateCallbackHosts":[],"returnHosts":[],
"hmacRequired":true,"sign2":false,"failurepay":false,"refundCallbacks":false,
"refundDetails":false,"attemptLifeS":900,"attemptsAnHour":20,"deadlineS":null,
"frameOrigins":[],"holdForCallback":false,"lateMoney":"refund",
"payee":{"name":"","nameEn":"","help":"","helpEn":"","picture":""}}', 0 from n;
insert into domain_secret (domain_code, generation, secret)
select code, 1, 'a secret of the book' from domain;
insert into secret_use (domain_code, generation, at_ms)
select code, 1, {start_ms} from domain;
insert into looked_after (number, at_ms)
select 'ch-' || code, {start_ms} from domain;
insert into payment_request (domain_code, request_key, money, currency, status,
    paid_order_sn, created_ms)
with recursive n (i) as (select 1 union all select i + 1 from n where i < {orders})
select 'book' || (i % {businesses}), 'key' || i, 1 + i % 9999, 'CNY',
    case when i % ({orders} / {open}) = 0 then 'NOTPAY' else 'SUCCESSPAY' end,
    case when i % ({orders} / {open}) = 0 then null else 'book' || i end, {start_ms} + cast(i as bigint) * 1000 from n;
insert into attempt (order_sn, request_id, token, channel, account, kind, channel_order_no,
    channel_money, channel_currency, signed_values, secret_generation, status, created_ms,
    expires_ms, next_query_ms, trade_no, paid_ms, obj)
select 'book' || id, id, 'token' || id, case when id % 2 = 0 then 'Wechat' else 'Alipay' end,
    'main', 'native', 'book' || id, money, currency, '', 1,
    case status when 'NOTPAY' then 'NOTPAY' else 'SUCCESSPAY' end, created_ms,
    case status when 'NOTPAY' then {until_ms} + id else created_ms + 7200000 end,
    null,
    case status when 'NOTPAY' then null else 'trade' || id end,
    case status when 'NOTPAY' then null else created_ms + 20000 end, null
from payment_request;
insert into callback (domain_code, order_sn, url, state, tries, next_ms, created_ms)
select domain_code, paid_order_sn, 'https://shop.example/told',
    case when id % ({orders} / 10) = 7 then 'PARKED' else 'DELIVERED' end, 1, null, created_ms
from payment_request where paid_order_sn is not null;
insert into callback_try (callback_id, at_ms, status, answer, duration_ms)
select id, created_ms, 200, 'success', 12 from callback;
insert into notify (channel, account, channel_order_no, headers, body, received_ms, outcome,
    outcome_word, digest)
select channel, account, channel_order_no, '', 'x', created_ms,
    case when request_id % ({orders} / 10) = 9 then 'no such order' else 'settled' end,
    case when request_id % ({orders} / 10) = 9 then 'nosuchorder' when request_id % ({orders} / 10) = 11 then 'odd'
    else 'settled' end, order_sn
from attempt where paid_ms is not null;
insert into event (order_sn, seq, at_ms, source, what, detail, hash)
select order_sn, s.seq, created_ms, 'business', 'created', 'detail', ''
from attempt, (select 1 as seq union all select 2) s;
insert into refund (refund_no, order_sn, domain_code, refund_key, money, currency, channel_money,
    channel_currency, cause, state, note, created_ms)
select 'refund' || request_id, order_sn, 'book' || (request_id % {businesses}),
    'key' || request_id, 1, 'CNY', 1, 'CNY', 'business', 'SUCCESSREFUND', '', created_ms
from attempt where request_id % 4 = 1;
insert into refund_request (request_no, order_sn, refund_key, money, currency, reason, asked_by,
    asked_ms, expires_ms, state, judged_by, judged_ms)
select 'request' || request_id, order_sn, 'key', 1, 'CNY', 'reason', 'operator', created_ms,
    created_ms, 'GRANTED', 'other', created_ms
from attempt where request_id % 4 = 2;
insert into partner_order (order_id, domain_code, out_order_id, money, currency, cb_url,
    return_url, user_id, pay_type, created_ms)
select order_sn, 'book' || (request_id % {businesses}), 'out' || request_id, channel_money,
    'CNY', '', '', '', null, created_ms
from attempt where request_id % 4 = 0;
insert into closed_request (domain_code, request_key)
select domain_code, 'closed' || id from payment_request
where id % 100 = 3;
insert into trip_state (nonce, until_ms)
select request_key, created_ms from payment_request where id <= {orders} / 10;
insert into trip_address (token, address, until_ms)
select request_key, '', created_ms from payment_request where id <= {orders} / 10;
