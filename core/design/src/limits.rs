//! Limits on the size of an experiment.

use labwire_model::problem::TextLimits;
use serde::{Deserialize, Serialize};

/// Limits on the text of an experiment. A text that exceeds one is refused with an error that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DesignLimits {
    /// Limits on text and expressions, shared with problem files.
    pub text: TextLimits,
    /// `settings`: number of settings on the grid. Default 10,000,000.
    pub settings: usize,
    /// `particle-numbers`: particles times parameters. Default 20,000,000 (about 400 MB with all working
    /// memory).
    pub particle_numbers: usize,
    /// `draw-numbers`: draws times channels, and draws times parameters. Default 100,000.
    pub draw_numbers: usize,
}

impl Default for DesignLimits {
    fn default() -> Self {
        Self {
            text: TextLimits::default(),
            settings: 10_000_000,
            particle_numbers: 20_000_000,
            draw_numbers: 100_000,
        }
    }
}
