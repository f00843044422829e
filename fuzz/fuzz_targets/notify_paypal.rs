//! PayPal's webhooks: raw, and with a fuzzed body signed.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::notify::paypal(data));
