-- The callbacks of a business system, for its developer's machine.
create index callback_domain on callback (domain_code, id);
