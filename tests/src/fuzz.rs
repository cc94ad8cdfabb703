//! Entry points of the fuzz targets: one function per target, which panics if a check fails.

mod device;
mod engines;
mod files;
mod pymodaq;
mod sessions;
mod timers;
mod websocket;

pub use device::device_dialects;
pub use engines::{experiment_file, problem_file};
pub use files::{measurement_table, posterior_file, project_folder, run_logs};
pub use pymodaq::{GENERATIONS, pymodaq_objects, pymodaq_settings};
pub use sessions::{obe_sessions, open_sessions, pymodaq_sessions, zeiss_sessions};
pub use timers::timers;
pub use websocket::websocket_bytes;

use labwire_core::python_json::{Limits, dumps, dumps_unicode, parse, repr};

/// Fuzz target: takes any bytes, and panics if a check fails.
pub type Target = fn(&[u8]);

/// Every target, by its name.
pub const TARGETS: [(&str, Target); 16] = [
    ("device_dialects", device_dialects),
    ("experiment_file", experiment_file),
    ("measurement_table", measurement_table),
    ("obe_sessions", obe_sessions),
    ("open_sessions", open_sessions),
    ("posterior_file", posterior_file),
    ("problem_file", problem_file),
    ("project_folder", project_folder),
    ("pymodaq_objects", pymodaq_objects),
    ("pymodaq_sessions", pymodaq_sessions),
    ("pymodaq_settings", pymodaq_settings),
    ("python_json", python_json),
    ("run_logs", run_logs),
    ("timers", timers),
    ("websocket_bytes", websocket_bytes),
    ("zeiss_sessions", zeiss_sessions),
];

/// JSON in Python's dialect: values that were read are written and read back as the same; no panic, no endless loop.
pub fn python_json(input: &[u8]) {
    let limits = Limits::default();
    let Ok(value) = parse(input, &limits) else { return };
    let written = dumps(&value);
    for text in [&written, &dumps_unicode(&value)] {
        let again = parse(text.as_bytes(), &limits).expect("what is written can be read");
        assert_eq!(dumps(&again), written);
    }
    // The size of a written text is bounded: six bytes of escape for one, twenty digits for four.
    assert!(written.len() <= 8 * input.len() && repr(&value).len() <= 8 * input.len());
}
