//! Why a designer refuses.

use alloc::string::String;

/// Why a designer refuses. Whatever it refuses, it stays as it was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// The experiment makes no sense.
    #[error("{0}")]
    Experiment(String),
    /// A list is too long or too short.
    #[error("{what} must have {expected} numbers, not {found}")]
    Length {
        /// What the list is.
        what: &'static str,
        /// How long it must be.
        expected: usize,
        /// How long it is.
        found: usize,
    },
    /// A number that must be finite is not.
    #[error("{0} must be finite numbers")]
    NotFinite(&'static str),
    /// A standard deviation is not a positive number.
    #[error("a standard deviation must be a positive number, not {0}")]
    Sigma(f64),
    /// Neither the measurement nor the experiment says how large the noise is.
    #[error(
        "the measurement needs its standard deviation: the experiment does not say how large the noise is"
    )]
    NoSigma,
    /// No particle is left that could have given the measurement.
    #[error(
        "the model gives no number at this setting, or only some that are infinitely far from the measurement"
    )]
    NoLikelihood,
    /// A probability is not between 0 and 1.
    #[error("a probability must be between 0 and 1, not {0}")]
    Probability(f64),
    /// There is no measurement to take back.
    #[error("there is no measurement to take back")]
    NothingToUndo,
    /// What should be a saved posterior of this experiment is not.
    #[error("{0}")]
    Posterior(String),
}

impl DesignError {
    pub(super) fn experiment(message: impl Into<String>) -> Self {
        Self::Experiment(message.into())
    }
}
