//! The fields of a partner's call, by query, form and JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::forecore::fields(data));
