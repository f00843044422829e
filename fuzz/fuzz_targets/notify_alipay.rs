//! Alipay's notifies: raw, and with fuzzed pairs signed.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::notify::alipay(data));
