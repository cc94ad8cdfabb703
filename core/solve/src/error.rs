//! Reasons to refuse a problem, a start, or functions.

use core::time::Duration;

use super::range::InvalidSetting;
use crate::compact::Compact;
use crate::sets::SetError;

/// Error of a solver, a start or functions that were refused. The state is then unchanged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SolverError {
    /// A setting is out of range.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The set U is invalid.
    #[error("set of the decision variables: {0}")]
    Set(#[source] SetError),
    /// The set of a constraint is invalid.
    #[error("set of constraint block {index}: {error}")]
    Constraint {
        /// Index of the block.
        index: usize,
        /// Reason.
        #[source]
        error: SetError,
    },
    /// A vector has the wrong length.
    #[error("{what}: {found} numbers, expected {expected}")]
    Dimension {
        /// Name of the vector.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The right length.
        expected: usize,
    },
    /// A vector contains an invalid value.
    #[error("{what}: entry {index} is {}, expected {expected}", Compact(*value))]
    Value {
        /// Name of the vector.
        what: &'static str,
        /// Index of the entry.
        index: usize,
        /// The entry.
        value: f64,
        /// The range of values that it may have.
        expected: &'static str,
    },
    /// An entry of the second derivatives lies outside of their matrices.
    #[error("entry (row {row}, column {column}) of the {matrix} is out of range, expected {expected}")]
    Sparsity {
        /// Name of the matrix.
        matrix: &'static str,
        /// Row of the entry.
        row: u32,
        /// Column of the entry.
        column: u32,
        /// The entries that it may have.
        expected: &'static str,
    },
    /// The dimensions of the functions differ from the solver's structure: they belong to another problem.
    #[error(
        "the functions have {found_variables} decision variables and {found_constraints} constraints, expected \
         {expected_variables} and {expected_constraints}"
    )]
    Functions {
        /// Decision variables of the functions.
        found_variables: usize,
        /// Constraints of the functions.
        found_constraints: usize,
        /// Decision variables of the structure.
        expected_variables: usize,
        /// Constraints of the structure.
        expected_constraints: usize,
    },
    /// A number that a problem gives is not that of its structure.
    #[error("the problem has {found} {what}, but its structure has {expected}")]
    Problem {
        /// Name of the things.
        what: &'static str,
        /// Their number.
        found: usize,
        /// The right number.
        expected: usize,
    },
    /// A problem has more components of F1 than constraints.
    #[error("the problem has {num_f1} components of F1, but its structure has {num_constraints} constraints")]
    F1 {
        /// Number of components of F1.
        num_f1: usize,
        /// Number of all constraints.
        num_constraints: usize,
    },
    /// The functions of a problem with parameters take none.
    #[error(
        "the problem has {0} parameters, but its functions take none: implement Functions::set_parameters"
    )]
    Parameters(usize),
    /// A decision variable cannot be an integer.
    #[error("decision variable {index}, an integer, {reason}")]
    Integer {
        /// Index of the variable.
        index: usize,
        /// Reason.
        #[source]
        reason: UnfitInteger,
    },
    /// The lengths of the stages contradict one another, or those of the problem.
    #[error("the stages have {what} {found}, expected {expected}")]
    Stages {
        /// Name of the quantity.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The right value; of a horizon or an index, the least one.
        expected: usize,
    },
    /// A solve is already in progress.
    #[error("a solve is running already: step it to its end, or stop it, before the next is started")]
    Running,
    /// No solve was started before a step or a result was requested.
    #[error("no solve was started")]
    NotStarted,
    /// The settings limit the time of a solve, but no clock was given.
    #[error("setting max_duration is {0:?}, which needs a clock: use solve_timed, or start and step")]
    NoClock(Duration),
}

/// Checks that `vector` has the length `expected` and is finite.
pub(crate) fn check_vector(what: &'static str, vector: &[f64], expected: usize) -> Result<(), SolverError> {
    if vector.len() != expected {
        return Err(SolverError::Dimension {
            what,
            found: vector.len(),
            expected,
        });
    }
    check_entries(what, vector, "a finite number", f64::is_finite)
}

pub(crate) fn check_entries(
    what: &'static str,
    vector: &[f64],
    expected: &'static str,
    is_right: impl Fn(f64) -> bool,
) -> Result<(), SolverError> {
    match vector.iter().position(|x| !is_right(*x)) {
        None => Ok(()),
        Some(index) => Err(SolverError::Value {
            what,
            index,
            value: vector[index],
            expected,
        }),
    }
}

/// Reason why a decision variable cannot be an integer.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitInteger {
    /// There is no such variable, or it is not above the one before.
    #[error("is out of order or beyond the last variable")]
    Order,
    /// The set bounds it only together with others.
    #[error("is in a set that gives it no bounds of its own: an integer needs a box")]
    Set,
    /// A bound is missing or too large.
    #[error("has the bounds {} and {}: an integer needs two finite bounds, of at most 1e9", Compact(*min), Compact(*max))]
    Unbounded {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
    },
    /// There is no integer between the bounds.
    #[error("has the bounds {} and {}, between which there is no integer", Compact(*min), Compact(*max))]
    Empty {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
    },
}
