//! Limits on the size of an experiment.

use alloc::format;

use labwire_model::problem::TextLimits;
use serde::{Deserialize, Serialize};

use super::error::DesignError;
use super::experiment::Experiment;

/// Limits on the text of an experiment. A text that exceeds one is refused with an error that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DesignLimits {
    /// Limits on text and expressions, shared with problem files.
    pub text: TextLimits,
    /// `settings`: number of settings on the grid. Default 10,000,000.
    pub settings: usize,
    /// `particle-numbers`: particles times parameters. Default 20,000,000.
    pub particle_numbers: usize,
    /// `draw-numbers`: draws times channels, and draws times parameters. Default 100,000.
    pub draw_numbers: usize,
    /// `experiment-memory`: memory of the designer of an experiment, in bytes, as
    /// [`Experiment::memory_bytes`](crate::Experiment::memory_bytes) estimates it. A server's runs with particles have as
    /// much together, besides the default run and the current one. Default 128 MB.
    pub experiment_memory: usize,
}

impl Default for DesignLimits {
    fn default() -> Self {
        Self {
            text: TextLimits::default(),
            settings: 10_000_000,
            particle_numbers: 20_000_000,
            draw_numbers: 100_000,
            experiment_memory: 128_000_000,
        }
    }
}

impl DesignLimits {
    /// Checks the memory of an experiment whose options were changed after it was read.
    ///
    /// # Errors
    /// If it needs more than `experiment-memory`.
    pub fn check_memory(&self, experiment: &Experiment) -> Result<(), DesignError> {
        let (needed, limit) = (experiment.memory_bytes(), self.experiment_memory);
        if needed > limit {
            return Err(DesignError::experiment(format!(
                "the experiment needs about {needed} bytes of memory, at most {limit} are allowed (limit \
                 `experiment-memory`): fewer particles or settings need less"
            )));
        }
        Ok(())
    }
}
