#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| labwire_tests::fuzz::websocket_bytes(input));
