"""Fills a book of SQLite with orders that are done, and a few that are open."""

import sqlite3
import sys

path, orders = sys.argv[1], int(sys.argv[2])
book = sqlite3.connect(path)
numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < %d)" % orders
book.execute(
    "insert into payment_request (domain_code, request_key, money, currency, status, created_ms)"
    " values ('demo', 'D1-siege', 1, 'CNY', 'SUCCESSPAY', 0)"
)
book.execute(
    "insert into attempt (order_sn, request_id, token, channel, account, kind, channel_order_no,"
    " channel_money, channel_currency, signed_values, secret_generation, status, created_ms,"
    " expires_ms) " + numbers + " select printf('%020d', i), (select max(id) from payment_request),"
    " 'siege' || i, 'Alipay', 'siege', 'page', 's' || i, 1, 'CNY', '', 1, 'CLOSED', 0, 0 from n"
)
book.execute(
    "insert into callback (domain_code, order_sn, url, state, tries, created_ms)"
    " select 'demo', order_sn, '', 'DONE', 1, 0 from attempt"
)
book.execute(
    "insert into notify (channel, account, headers, body, received_ms, outcome)"
    " select 'Alipay', 'siege', '', x'', 0, 'SUCCESSPAY' from attempt"
)
book.commit()
