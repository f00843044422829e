"""Fills a book of SQLite with callbacks that are due, one in a hundred to who never answers."""

import sqlite3
import sys

path, count, fast, hung = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
book = sqlite3.connect(path, timeout=30)
book.execute(
    "insert into payment_request (domain_code, request_key, money, currency, status, created_ms)"
    " values ('demo', 'D1-callbacks', 1, 'CNY', 'SUCCESSPAY', 0)"
)
numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < %d)" % count
book.execute(
    "insert into attempt (order_sn, request_id, token, channel, account, kind, channel_order_no,"
    " channel_money, channel_currency, signed_values, secret_generation, status, created_ms,"
    " expires_ms) " + numbers + " select printf('c%019d', i), (select max(id) from payment_request),"
    " 'callbacks' || i, 'Alipay', 'bench', 'page', 'c' || i, 1, 'CNY', '', 1, 'SUCCESSPAY', 0, 0"
    " from n"
)
book.execute(
    "insert into callback (domain_code, order_sn, url, receiver, state, tries, next_ms, created_ms)"
    + numbers + " select 'demo', printf('c%019d', i), case when i % 100 = 0 then ? else ? end"
    " || '/callback', case when i % 100 = 0 then ? else ? end, 'WAITING', 0, 0, 0 from n",
    (hung, fast, hung, fast),
)
book.commit()
