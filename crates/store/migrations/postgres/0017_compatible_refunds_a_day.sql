-- What a business system gave back within a day, and who gives back much just now.
create index refund_domain on refund (domain_code, created_ms);
create index refund_asked on refund (created_ms, domain_code) where cause = 'business';
