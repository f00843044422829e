-- Where a redirect led, and what followed a try: what its callback became, and when it
-- was to be sent again.
alter table callback_try add column location text;
alter table callback_try add column outcome text;
alter table callback_try add column again_ms bigint;
