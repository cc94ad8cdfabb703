//! Inputs of a solve, and their validation.

use crate::compact::Compact;
use core::fmt;
use core::time::Duration;

/// Initial values of a solve, in place of the results of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StartOptions<'a> {
    /// Initial guess, one entry per variable.
    pub initial_guess: Option<&'a [f64]>,
    /// Lagrange multipliers of F1.
    pub f1_multipliers: Option<&'a [f64]>,
    /// Lagrange multipliers of F2.
    pub f2_multipliers: Option<&'a [f64]>,
    /// Penalty of every constraint; positive.
    pub penalty: Option<f64>,
    /// Whether to start from the problem's own initial guess, without multipliers.
    pub is_cold: bool,
    /// Whether to begin at the problem's own initial guess where the warm start is worse; see
    /// [`Solver::compare_fallback`](crate::Solver::compare_fallback). Without effect on an `initial_guess`.
    pub distrusts_warm_start: bool,
    /// Time limit of this solve, besides that of the settings; it ends with
    /// [`Status::NotConvergedOutOfTime`](crate::Status::NotConvergedOutOfTime).
    pub max_duration: Option<Duration>,
}

/// Input vector of a solve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputVector {
    /// The initial guess.
    InitialGuess,
    /// The Lagrange multipliers of F1.
    F1Multipliers,
    /// The Lagrange multipliers of F2.
    F2Multipliers,
    /// The parameters.
    Parameters,
}

/// Error of an input that does not fit the problem.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A vector has the wrong length.
    #[error("{}: provided {provided}, expected {expected}", .vector.wrong_length())]
    Length {
        /// The vector.
        vector: InputVector,
        /// Length of the vector.
        provided: usize,
        /// Length that is expected.
        expected: usize,
    },
    /// A vector has an entry that is not finite.
    #[error("{vector}: entry {index} is {}, expected a finite number", Compact(*value))]
    NotFinite {
        /// The vector.
        vector: InputVector,
        /// Index of the entry.
        index: usize,
        /// The entry.
        value: f64,
    },
    /// The penalty is out of range.
    #[error("initial penalty is {}, expected a positive, finite number", Compact(*_0))]
    Penalty(f64),
}

impl StartOptions<'_> {
    /// Checks the inputs of a solve against the lengths of initial guess, multipliers of F1 and F2, and parameters.
    pub(crate) fn check(&self, parameters: &[f64], lengths: [usize; 4]) -> Result<(), InputError> {
        let [guess, f1, f2, parameter] = lengths;
        let vectors = [
            (InputVector::InitialGuess, self.initial_guess, guess),
            (InputVector::F1Multipliers, self.f1_multipliers, f1),
            (InputVector::F2Multipliers, self.f2_multipliers, f2),
            (InputVector::Parameters, Some(parameters), parameter),
        ];
        for (vector, entries, expected) in vectors {
            let Some(entries) = entries else { continue };
            let provided = entries.len();
            if provided != expected {
                return Err(InputError::Length {
                    vector,
                    provided,
                    expected,
                });
            }
            if let Some(index) = entries.iter().position(|entry| !entry.is_finite()) {
                let value = entries[index];
                return Err(InputError::NotFinite { vector, index, value });
            }
        }
        match self.penalty {
            Some(penalty) if !(penalty > 0.0 && penalty.is_finite()) => Err(InputError::Penalty(penalty)),
            _ => Ok(()),
        }
    }
}

impl InputVector {
    fn wrong_length(self) -> &'static str {
        match self {
            Self::InitialGuess => "initial guess has incompatible dimensions",
            Self::F1Multipliers => "wrong dimension of Lagrange multipliers",
            Self::F2Multipliers => "wrong dimension of Lagrange multipliers of F2",
            Self::Parameters => "wrong number of parameters",
        }
    }
}

impl fmt::Display for InputVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InitialGuess => "initial guess",
            Self::F1Multipliers => "Lagrange multipliers",
            Self::F2Multipliers => "Lagrange multipliers of F2",
            Self::Parameters => "parameters",
        })
    }
}
