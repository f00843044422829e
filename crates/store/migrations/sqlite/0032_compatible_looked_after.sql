-- Money that went back without a refund of ours is at risk until an operator has looked after
-- it (docs/console.md, Acts): by the refund's number, or by the order's where the channel has
-- not said how much it was.
create table looked_after (
    number text not null primary key,
    at_ms integer not null
);
