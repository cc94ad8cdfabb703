//! The program `labwire`, as the command that the wheel installs runs it.

use std::ffi::OsString;
use std::process::ExitCode;

use pyo3::prelude::*;

use crate::ending;

/// Runs the program `labwire` with these arguments, of which the first is its name; returns the exit status.
#[pyfunction]
pub(crate) fn run(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    let status = ending::detach(py, || labwire::main(arguments));
    // An ExitCode does not tell its number.
    (0..u8::MAX)
        .find(|number| ExitCode::from(*number) == status)
        .unwrap_or(u8::MAX)
}
