//! How large an experiment may be.

use labwire_model::problem::TextLimits;

/// Limits on what an experiment's text may ask for. A text that exceeds one is refused with an error that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DesignLimits {
    /// Those of text and expressions, which problem files have too.
    pub text: TextLimits,
    /// `settings`: the number of combinations of settings. Default 10,000,000.
    pub settings: usize,
    /// `particle-numbers`: particles times parameters. Default 20,000,000 (about 400 MB with all that goes with them).
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
