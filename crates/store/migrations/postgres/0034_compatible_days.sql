-- What whole days come to by business system, which hours don't tell (docs/console.md,
-- Figures). A day is summed once its hours are (migration 0029), whose marks are locked
-- meanwhile. What was paid in it drops it when that changes; what goes back of that is added
-- to it.
create table day (
    -- By the UTC hour in which it begins, as the zone has it that asks for it.
    first_hour bigint constraint day_pkey primary key
);
create table day_total (
    first_hour bigint not null,
    name text not null,
    currency text not null,
    count bigint not null,
    paid bigint not null,
    refunded bigint not null,
    constraint day_total_pkey primary key (first_hour, name, currency)
);

-- First the marks: who sums the day holds these, and what he wrote is seen afterwards.
create or replace function unmark_attempt() returns trigger language plpgsql
set search_path from current as $$
declare
    old_hour bigint := case when tg_op = 'UPDATE' then old.paid_ms / 3600000 end;
    new_hour bigint := new.paid_ms / 3600000;
begin
    perform unmark(array[new.created_ms / 3600000, old_hour, new_hour]);
    if new_hour is not null then
        delete from day using (
            select first_hour from day
            where first_hour > new_hour - 24 and first_hour <= new_hour
                or first_hour > old_hour - 24 and first_hour <= old_hour
            order by first_hour for update
        ) found where day.first_hour = found.first_hour;
    end if;
    return null;
end $$;
create or replace function unmark_refund() returns trigger language plpgsql
set search_path from current as $$
declare
    of_order record;
begin
    select a.paid_ms / 3600000 as hour, a.status, r.domain_code, r.currency into of_order
        from attempt a join payment_request r on r.id = a.request_id
        where a.order_sn = new.order_sn;
    delete from hour where number = of_order.hour;
    if of_order.status = 'SUCCESSPAY' then
        update day_total set refunded = refunded
                + case when new.state = 'SUCCESSREFUND' then new.money else -new.money end
            where first_hour > of_order.hour - 24 and first_hour <= of_order.hour
                and name = of_order.domain_code and currency = of_order.currency;
    end if;
    return null;
end $$;
