//! Problems as text.

use core::ffi::c_char;
use std::sync::Arc;

use labwire_core::problem::{Problem, TextLimits};

use crate::argument::{clear, free, give, put_text, shared, text};
use crate::error::{Failure, labwire_code, labwire_error, run};

/// Problem with parameters. It never changes; any number of threads may use it.
#[derive(Debug)]
pub struct labwire_problem {
    pub(crate) problem: Arc<Problem>,
}

/// Numbers of a problem.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "its size is part of the interface")]
pub struct labwire_dimensions {
    /// Decision variables.
    pub variables: usize,
    /// Parameters.
    pub parameters: usize,
    /// Constraints of F1 (augmented Lagrangian).
    pub f1: usize,
    /// Constraints of F2 (equalities).
    pub f2: usize,
}

/// Reads a problem file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_problem_from_text(
    json: *const c_char,
    length: usize,
    problem: *mut *mut labwire_problem,
    error: *mut labwire_error,
) -> labwire_code {
    // SAFETY: so the header asks of the caller; as everywhere below.
    unsafe {
        run(error, || {
            clear(problem)?;
            let json = text("the problem", json, length)?;
            let read = Problem::from_json(json, &TextLimits::default()).map_err(Failure::invalid_text)?;
            let read = Arc::new(read);
            give(problem, labwire_problem { problem: read })
        })
    }
}

/// Frees a problem. Solvers that were made for it stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_problem_free(problem: *mut labwire_problem) {
    unsafe { free(problem) }
}

/// Numbers of variables, parameters and constraints.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_problem_dimensions(
    problem: *const labwire_problem,
    dimensions: *mut labwire_dimensions,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let problem = &shared("the problem", problem)?.problem;
            *crate::argument::exclusive("the place of the dimensions", dimensions)? = labwire_dimensions {
                variables: problem.num_variables(),
                parameters: problem.num_parameters(),
                f1: problem.num_f1(),
                f2: problem.num_f2(),
            };
            Ok(())
        })
    }
}

/// Name of a problem.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_problem_name(
    problem: *const labwire_problem,
    name: *mut c_char,
    size: usize,
    length: *mut usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            put_text(shared("the problem", problem)?.problem.name(), name, size, length)
        })
    }
}
