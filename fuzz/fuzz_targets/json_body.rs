//! JSON bodies of POST, and the judgement of what they hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::requests::json(data));
