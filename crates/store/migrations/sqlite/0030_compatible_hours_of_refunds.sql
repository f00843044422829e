-- What goes back takes the mark of its payment's hour away (migration 0029). By itself, for
-- programs at work write refunds before attempts, and wait while a table gets its trigger.
create trigger hour_refund_begun after insert on refund when new.state = 'SUCCESSREFUND' begin
    delete from hour where number =
        (select paid_ms / 3600000 from attempt where order_sn = new.order_sn);
end;
create trigger hour_refund_changed after update of state on refund
when old.state <> new.state and (old.state = 'SUCCESSREFUND' or new.state = 'SUCCESSREFUND') begin
    delete from hour where number =
        (select paid_ms / 3600000 from attempt where order_sn = new.order_sn);
end;
