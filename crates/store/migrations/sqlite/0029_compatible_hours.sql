-- What whole hours come to, so that figures of days need not read their orders
-- (docs/console.md, Figures). An hour is marked first, and summed once nobody writes any
-- more who did not see its mark; triggers take the mark away when a program changes
-- anything of it, an older one included. An hour without a mark is read anew.
create table hour (
    number integer not null constraint hour_pkey primary key,
    marked_ms integer not null,
    -- Transactions before this one may not have seen the mark; none: it is not noted yet.
    horizon integer,
    summed integer not null default 0
);
create table hour_sum (
    hour integer not null,
    channel text not null,
    account text not null,
    currency text not null,
    channel_currency text not null,
    made integer not null,
    made_paid integer not null,
    count integer not null,
    paid integer not null,
    refunded integer not null,
    charged integer not null,
    charge_refunded integer not null,
    constraint hour_sum_pkey primary key (hour, channel, account, currency, channel_currency)
);

create trigger hour_begun after insert on attempt begin
    delete from hour where number in (new.created_ms / 3600000, new.paid_ms / 3600000);
end;
create trigger hour_changed after update of status, paid_ms on attempt
when (old.status = 'SUCCESSPAY' or new.status = 'SUCCESSPAY')
    and (old.status <> new.status or old.paid_ms is not new.paid_ms)
    -- What is being paid gets its time last.
    and new.paid_ms is not null begin
    delete from hour where number in
        (new.created_ms / 3600000, old.paid_ms / 3600000, new.paid_ms / 3600000);
end;
