//! ChinaPay's notifies: raw, and with fuzzed fields signed.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::notify::chinapay(data));
