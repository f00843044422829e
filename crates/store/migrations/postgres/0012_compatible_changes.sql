-- What instances that keep what pages watch in memory are told: a request, or a business
-- system where none is named, is to be read anew. Triggers write it, so that no program
-- forgets to, an older one or a person at the database included. Rows live ten minutes.
-- Numbers are seen out of order: so each row bears its transaction, and who reads on asks
-- for those that it could not see the last time (docs/reliability.md, Memory).
create table change (
    id bigint generated always as identity constraint change_pkey primary key,
    xact bigint not null default pg_current_xact_id()::text::bigint,
    domain_code text not null,
    request_key text,
    at_ms bigint not null default (extract(epoch from clock_timestamp()) * 1000)::bigint
);
create index change_xact on change (xact);
create index change_at on change (at_ms);

create function tell_attempt() returns trigger language plpgsql set search_path from current as $$
begin
    insert into change (domain_code, request_key)
    select domain_code, request_key from payment_request where id = new.request_id;
    return null;
end $$;
create trigger attempt_begun after insert on attempt
    for each row execute function tell_attempt();
create trigger attempt_changed after update of status, expires_ms on attempt
    for each row when (old.status <> new.status or old.expires_ms <> new.expires_ms)
    execute function tell_attempt();

-- Of a request and of a closed key.
create function tell_request() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'DELETE' then
        insert into change (domain_code, request_key) values (old.domain_code, old.request_key);
    else
        insert into change (domain_code, request_key) values (new.domain_code, new.request_key);
    end if;
    return null;
end $$;
create trigger request_changed after update of status, money, currency on payment_request
    for each row when (old.status <> new.status or old.money <> new.money
        or old.currency <> new.currency)
    execute function tell_request();
create trigger request_gone after delete on payment_request
    for each row execute function tell_request();
create trigger key_closed after insert or delete on closed_request
    for each row execute function tell_request();

create function tell_domain() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op <> 'INSERT' then
        insert into change (domain_code) values (old.code);
    end if;
    if tg_op <> 'DELETE' then
        insert into change (domain_code) values (new.code);
    end if;
    return null;
end $$;
create trigger domain_added after insert or delete on domain
    for each row execute function tell_domain();
create trigger domain_changed after update of code, rule, settings, development on domain
    for each row execute function tell_domain();

create function tell_secret() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op <> 'INSERT' then
        insert into change (domain_code) values (old.domain_code);
    end if;
    if tg_op <> 'DELETE' then
        insert into change (domain_code) values (new.domain_code);
    end if;
    return null;
end $$;
create trigger secret_changed after insert or update or delete on domain_secret
    for each row execute function tell_secret();
