//! Errors of the designer.

use alloc::format;
use alloc::string::String;

use labwire_solve::Compact;

/// Error of a designer. The designer that returns it is unchanged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// The experiment is invalid.
    #[error("{0}")]
    Experiment(String),
    /// A list has the wrong length.
    #[error("{what} must have {expected} numbers, not {found}")]
    Length {
        /// Name of the list.
        what: &'static str,
        /// Length that was expected.
        expected: usize,
        /// Length that was found.
        found: usize,
    },
    /// A value that must be finite is not.
    #[error("{0} must be finite numbers")]
    NotFinite(&'static str),
    /// A value is one of those that stand for "no number".
    #[error(
        "{what} must be numbers, and {value:e} is what instruments send instead of one (SCPI's overflow or \"not a number\")"
    )]
    NoNumber {
        /// Name of the list.
        what: &'static str,
        /// Value that was found.
        value: f64,
    },
    /// A standard deviation is not a positive number.
    #[error("a standard deviation must be a positive number, not {}", Compact(*_0))]
    Sigma(f64),
    /// A value is not a possible count.
    #[error("a measurement of this experiment is a count, a whole number from 0 {}, not {}", up_to(*most), Compact(*count))]
    Count {
        /// Value that was found.
        count: f64,
        /// Largest possible count: the number of trials at the setting, or infinity.
        most: f64,
    },
    /// The noise is given neither by the measurement nor by the experiment.
    #[error("the measurement needs its standard deviation: the experiment does not give the noise")]
    NoSigma,
    /// The model fails.
    #[error("the model fails: {0}")]
    Model(String),
    /// The noise at the setting is 0 for every particle.
    #[error(
        "at this setting the noise is 0, beside which no measurement can be compared with the model: add a part that stays, \
         as in {{\"relative\": 0.1, \"absolute\": 0.01}}, or leave the setting out"
    )]
    NoNoise,
    /// No particle can explain the measurement.
    #[error(
        "at this setting the model has no finite value, or only values infinitely far from the measurement"
    )]
    NoLikelihood,
    /// A probability is not between 0 and 1.
    #[error("a probability must be between 0 and 1, not {}", Compact(*_0))]
    Probability(f64),
    /// There is no measurement to undo.
    #[error("there is no measurement to undo")]
    NothingToUndo,
    /// The text is not a saved posterior of this experiment.
    #[error("{0}")]
    Posterior(String),
}

/// End of a range of counts.
fn up_to(most: f64) -> String {
    match most.is_finite() {
        true => format!("to {}", Compact(most)),
        false => "on".into(),
    }
}

impl DesignError {
    pub(super) fn experiment(message: impl Into<String>) -> Self {
        Self::Experiment(message.into())
    }
}
