-- What whole hours come to, so that figures of days need not read their orders
-- (docs/console.md, Figures). An hour is marked first and summed a minute later; triggers
-- take the mark away when anything of it changes, so that no program forgets to, an older
-- one or a person at the database included. An hour without a mark is read anew.
create table hour (
    number bigint constraint hour_pkey primary key,
    marked_ms bigint not null,
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

create function unmark_attempt() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'INSERT' then
        delete from hour where number in (new.created_ms / 3600000, new.paid_ms / 3600000);
    else
        delete from hour where number in
            (new.created_ms / 3600000, old.paid_ms / 3600000, new.paid_ms / 3600000);
    end if;
    return null;
end $$;
create trigger hour_begun after insert on attempt
    for each row execute function unmark_attempt();
create trigger hour_changed after update of status, paid_ms on attempt
    for each row when ((old.status = 'SUCCESSPAY' or new.status = 'SUCCESSPAY')
        and (old.status <> new.status or old.paid_ms is distinct from new.paid_ms))
    execute function unmark_attempt();

create function unmark_refund() returns trigger language plpgsql set search_path from current as $$
begin
    delete from hour where number =
        (select paid_ms / 3600000 from attempt where order_sn = new.order_sn);
    return null;
end $$;
create trigger hour_refund_begun after insert on refund
    for each row when (new.state = 'SUCCESSREFUND') execute function unmark_refund();
create trigger hour_refund_changed after update of state on refund
    for each row when (old.state <> new.state
        and (old.state = 'SUCCESSREFUND' or new.state = 'SUCCESSREFUND'))
    execute function unmark_refund();
