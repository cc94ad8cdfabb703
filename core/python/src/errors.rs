//! The core's errors as exceptions of `labwire`, with the core's texts.

use std::fmt::Display;

use labwire_core::problem::{NoSensitivities, SolveError};
use labwire_core::solve::SolverError;
use labwire_core::text::TextError;
use pyo3::{PyErr, Python};

/// The classes, which `labwire/_errors.py` defines.
mod python {
    use pyo3::import_exception;

    import_exception!(labwire._errors, BusyError);
    import_exception!(labwire._errors, DeviceError);
    import_exception!(labwire._errors, InputError);
    import_exception!(labwire._errors, NoSensitivities);
    import_exception!(labwire._errors, NotConnected);
    import_exception!(labwire._errors, NotSolvedError);
    import_exception!(labwire._errors, ServerError);
    import_exception!(labwire._errors, TextError);
    import_exception!(labwire._errors, TimedOut);
}

pub(crate) fn text_error(error: TextError) -> PyErr {
    let text = error.to_string();
    let TextError {
        path,
        line,
        column,
        message,
        help,
        ..
    } = error;
    python::TextError::new_err((text, path, line, column, message, help))
}

/// An input does not fit.
pub(crate) fn input(error: impl Display) -> PyErr {
    python::InputError::new_err(error.to_string())
}

pub(crate) fn busy(error: impl Display) -> PyErr {
    python::BusyError::new_err(error.to_string())
}

pub(crate) fn solver(error: &SolverError) -> PyErr {
    match error {
        SolverError::Running => busy(error),
        SolverError::NotStarted => python::NotSolvedError::new_err(error.to_string()),
        _ => input(error),
    }
}

pub(crate) fn solve(error: SolveError) -> PyErr {
    match error {
        SolveError::Solver(error) => solver(&error),
        error => input(error),
    }
}

pub(crate) fn no_sensitivities(error: &NoSensitivities) -> PyErr {
    python::NoSensitivities::new_err(error.to_string())
}

/// There is no connection.
pub(crate) fn connection(error: impl Display) -> PyErr {
    python::NotConnected::new_err(error.to_string())
}

pub(crate) fn timed_out(error: impl Display) -> PyErr {
    python::TimedOut::new_err(error.to_string())
}

pub(crate) fn device(error: impl Display) -> PyErr {
    python::DeviceError::new_err(error.to_string())
}

/// Error reply of a server, with its code.
pub(crate) fn server(error: impl Display, code: i64) -> PyErr {
    python::ServerError::new_err((error.to_string(), code))
}

/// Hands the exception of a function that nobody called from Python to `sys.unraisablehook`.
pub(crate) fn report(py: Python<'_>, error: PyErr) {
    error.write_unraisable(py, None);
}
