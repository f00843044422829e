-- What whole days come to by business system, which hours don't tell (docs/console.md,
-- Figures). A day is summed once its hours are (migration 0029). What was paid in it drops
-- it when that changes; what goes back of that is added to it.
create table day (
    -- By the UTC hour in which it begins, as the zone has it that asks for it.
    first_hour integer not null constraint day_pkey primary key
);
create table day_total (
    first_hour integer not null,
    name text not null,
    currency text not null,
    count integer not null,
    paid integer not null,
    refunded integer not null,
    constraint day_total_pkey primary key (first_hour, name, currency)
) without rowid;

create trigger day_begun after insert on attempt when new.paid_ms is not null begin
    delete from day where first_hour > new.paid_ms / 3600000 - 24
        and first_hour <= new.paid_ms / 3600000;
end;
create trigger day_changed after update of status, paid_ms on attempt
when (old.status = 'SUCCESSPAY' or new.status = 'SUCCESSPAY')
    and (old.status <> new.status or old.paid_ms is not new.paid_ms)
    -- What is being paid gets its time last.
    and new.paid_ms is not null begin
    delete from day where first_hour > new.paid_ms / 3600000 - 24
        and first_hour <= new.paid_ms / 3600000;
    delete from day where first_hour > old.paid_ms / 3600000 - 24
        and first_hour <= old.paid_ms / 3600000;
end;
create trigger day_refund_begun after insert on refund when new.state = 'SUCCESSREFUND' begin
    update day_total set refunded = day_total.refunded + new.money
        from attempt a join payment_request r on r.id = a.request_id
        where a.order_sn = new.order_sn and a.status = 'SUCCESSPAY'
            and day_total.first_hour > a.paid_ms / 3600000 - 24
            and day_total.first_hour <= a.paid_ms / 3600000
            and day_total.name = r.domain_code and day_total.currency = r.currency;
end;
create trigger day_refund_changed after update of state on refund
when old.state <> new.state and (old.state = 'SUCCESSREFUND' or new.state = 'SUCCESSREFUND') begin
    update day_total set refunded = day_total.refunded
            + case when new.state = 'SUCCESSREFUND' then new.money else -new.money end
        from attempt a join payment_request r on r.id = a.request_id
        where a.order_sn = new.order_sn and a.status = 'SUCCESSPAY'
            and day_total.first_hour > a.paid_ms / 3600000 - 24
            and day_total.first_hour <= a.paid_ms / 3600000
            and day_total.name = r.domain_code and day_total.currency = r.currency;
end;
