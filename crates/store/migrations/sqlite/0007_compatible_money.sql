-- Why a channel holds the payer's money.
alter table attempt add column held text;

-- Money that went back at the channel names the payment.
create index attempt_trade on attempt (trade_no) where trade_no is not null;

-- A genuine notify is kept once, however often it is sent.
alter table notify add column digest text;
create unique index notify_digest on notify (channel, account, digest) where digest is not null;

-- Money that went back without a refund of ours is few, and listed.
create index refund_taken on refund (cause) where cause in ('chargeback', 'atchannel');
