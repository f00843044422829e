-- What a partner says is bought, and its own text, given back with the news.
alter table partner_order add column goods text;
alter table partner_order add column passback text;
-- A partner's orders, the newest first: our numbers go by time.
create index partner_order_listed on partner_order (domain_code, order_id);
