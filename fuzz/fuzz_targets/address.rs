//! Addresses of pages and callbacks.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::address::address(data));
