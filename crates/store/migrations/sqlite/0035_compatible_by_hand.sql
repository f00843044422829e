-- How the money of a refund went back that an operator says is back (docs/reference/refunds.md,
-- What a person decides).
alter table refund add column by_hand text;
