-- What whole hours come to, so that figures of days need not read their orders
-- (docs/console.md, Figures). An hour is marked first, and summed once nobody writes any
-- more who did not see its mark; triggers take the mark away when a program changes
-- anything of it, an older one included. An hour without a mark is read anew.
create table hour (
    number bigint constraint hour_pkey primary key,
    marked_ms bigint not null,
    -- Transactions before this one may not have seen the mark; none: it is not noted yet.
    horizon bigint,
    summed bigint not null default 0
);
create table hour_sum (
    hour bigint not null,
    channel text not null,
    account text not null,
    currency text not null,
    channel_currency text not null,
    made bigint not null,
    made_paid bigint not null,
    count bigint not null,
    paid bigint not null,
    refunded bigint not null,
    charged bigint not null,
    charge_refunded bigint not null,
    constraint hour_sum_pkey primary key (hour, channel, account, currency, channel_currency)
);

-- In their order, so that no two wait for each other.
create function unmark(hours bigint[]) returns void language plpgsql
set search_path from current as $$
begin
    delete from hour using (
        select number from hour where number = any (hours) order by number for update
    ) found where hour.number = found.number;
end $$;
create function unmark_attempt() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'INSERT' then
        perform unmark(array[new.created_ms / 3600000, new.paid_ms / 3600000]);
    else
        perform unmark(array[new.created_ms / 3600000, old.paid_ms / 3600000,
            new.paid_ms / 3600000]);
    end if;
    return null;
end $$;
create trigger hour_begun after insert on attempt
    for each row execute function unmark_attempt();
create trigger hour_changed after update of status, paid_ms on attempt
    for each row when ((old.status = 'SUCCESSPAY' or new.status = 'SUCCESSPAY')
        and (old.status <> new.status or old.paid_ms is distinct from new.paid_ms)
        -- What is being paid gets its time last.
        and new.paid_ms is not null)
    execute function unmark_attempt();
