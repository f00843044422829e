-- What partners order through Apay's interface; each is a payment request under
-- the partner's code, whose key is order_id.
create table partner_order (
    order_id text not null constraint partner_order_pkey primary key,
    domain_code text not null references domain (code),
    out_order_id text not null,
    money bigint not null check (money > 0),
    currency text not null,
    cb_url text not null,
    return_url text not null,
    user_id text not null,
    pay_type text,
    created_ms bigint not null,
    constraint partner_order_out unique (domain_code, out_order_id)
);

-- A callback with a form is posted; one without is a plain GET.
alter table callback add column form text;
