//! Raw bytes that channels answer with: Alipay's nodes, ChinaPay's pages, the JSON of
//! the others, and the bank's XML.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::answers::any(data));
