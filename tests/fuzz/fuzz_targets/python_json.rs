//! JSON in Python's dialect: values that were read are written and read back as the same; no panic, no endless loop.
#![no_main]

use labwire_core::python_json::{Limits, dumps, dumps_unicode, parse, repr};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let limits = Limits::default();
    let Ok(value) = parse(input, &limits) else { return };
    let written = dumps(&value);
    for text in [&written, &dumps_unicode(&value)] {
        let again = parse(text.as_bytes(), &limits).expect("what is written can be read");
        assert_eq!(dumps(&again), written);
    }
    // The size of a written text is bounded: six bytes of escape for one, twenty digits for four.
    assert!(written.len() <= 8 * input.len() && repr(&value).len() <= 8 * input.len());
});
