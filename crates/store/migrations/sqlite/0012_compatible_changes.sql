-- What instances that keep what pages watch in memory are told: a request, or a business
-- system where none is named, is to be read anew. Triggers write it, so that no program
-- forgets to, an older one or a person at the database included. Rows live ten minutes.
create table change (
    id integer not null constraint change_pkey primary key autoincrement,
    domain_code text not null,
    request_key text,
    at_ms integer not null 
        default (cast((julianday('now') - 2440587.5) * 86400000 as integer))
);
create index change_at on change (at_ms);

create trigger attempt_begun after insert on attempt begin
    insert into change (domain_code, request_key)
    select domain_code, request_key from payment_request where id = new.request_id;
end;
create trigger attempt_changed after update of status, expires_ms on attempt
when old.status <> new.status or old.expires_ms <> new.expires_ms begin
    insert into change (domain_code, request_key)
    select domain_code, request_key from payment_request where id = new.request_id;
end;
create trigger request_changed after update of status, money, currency on payment_request
when old.status <> new.status or old.money <> new.money or old.currency <> new.currency begin
    insert into change (domain_code, request_key) values (new.domain_code, new.request_key);
end;
create trigger request_gone after delete on payment_request begin
    insert into change (domain_code, request_key) values (old.domain_code, old.request_key);
end;
create trigger key_closed after insert on closed_request begin
    insert into change (domain_code, request_key) values (new.domain_code, new.request_key);
end;
create trigger key_opened after delete on closed_request begin
    insert into change (domain_code, request_key) values (old.domain_code, old.request_key);
end;

create trigger domain_added after insert on domain begin
    insert into change (domain_code) values (new.code);
end;
create trigger domain_changed after update of code, rule, settings, development on domain begin
    insert into change (domain_code) values (old.code), (new.code);
end;
create trigger domain_gone after delete on domain begin
    insert into change (domain_code) values (old.code);
end;
create trigger secret_added after insert on domain_secret begin
    insert into change (domain_code) values (new.domain_code);
end;
create trigger secret_changed after update on domain_secret begin
    insert into change (domain_code) values (old.domain_code), (new.domain_code);
end;
create trigger secret_gone after delete on domain_secret begin
    insert into change (domain_code) values (old.domain_code);
end;
