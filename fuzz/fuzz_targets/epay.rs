//! Two readings of what one sign of epay covers.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::epay::fields(data));
