//! WeChat Pay's notifies: raw, signed over a fuzzed body, and with fuzzed content sealed
//! inside.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::notify::wechat(data));
