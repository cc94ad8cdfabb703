//! Typical magnitudes in place of measured ones.

use super::Solver;
use crate::error::SolverError;
use crate::units::Magnitudes;

impl Solver {
    /// Takes typical magnitudes as the sizes of variables, constraints and states, which are else measured at the start. They
    /// have no effect where the problem is solved in its own units: where a set does not consist of bounds, or the problem has
    /// neither second derivatives nor stages.
    ///
    /// # Errors
    /// If a vector has neither the right length nor none, or a magnitude is not a positive number.
    pub fn with_magnitudes(mut self, magnitudes: Magnitudes) -> Result<Self, SolverError> {
        #[cfg(feature = "stages")]
        let num_states = match self.units.states() {
            Some(states) => states.len(),
            None => magnitudes.states.len(),
        };
        // Any number, where there are no states.
        #[cfg(not(feature = "stages"))]
        let num_states = magnitudes.states.len();
        magnitudes.check([self.start.len(), self.merit.penalties.len(), num_states])?;
        self.units.magnitudes = magnitudes;
        Ok(self)
    }
}
