//! Typical magnitudes that the author of a problem knows.

use alloc::vec::Vec;

use super::size::{is_size, power_of_two};
use crate::error::SolverError;

/// Typical magnitudes of the numbers of a problem, as far as they are known. An empty vector knows none.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Magnitudes {
    /// Of the decision variables, length n_u.
    pub variables: Vec<Option<f64>>,
    /// Of the constraints, length n_g.
    pub constraints: Vec<Option<f64>>,
    /// Of the elements of a state, of a problem of stages.
    pub states: Vec<Option<f64>>,
}

impl Magnitudes {
    /// Whether any is known.
    #[must_use]
    pub fn is_any(&self) -> bool {
        let vectors = [&self.variables, &self.constraints, &self.states];
        vectors.into_iter().flatten().any(Option::is_some)
    }

    /// Checks lengths and values.
    pub(crate) fn check(&self, lengths: [usize; 3]) -> Result<(), SolverError> {
        let vectors = [
            ("magnitudes of the variables", &self.variables),
            ("magnitudes of the constraints", &self.constraints),
            ("magnitudes of the states", &self.states),
        ];
        for ((what, magnitudes), expected) in vectors.into_iter().zip(lengths) {
            let found = magnitudes.len();
            if found != expected && found > 0 {
                return Err(SolverError::Dimension {
                    what,
                    found,
                    expected,
                });
            }
            let is_wrong = |(_, size): &(usize, f64)| !is_size(size);
            let known = magnitudes.iter().enumerate();
            let mut known = known.filter_map(|(index, size)| Some((index, (*size)?)));
            if let Some((index, value)) = known.find(is_wrong) {
                let expected = "a positive number";
                return Err(SolverError::Value {
                    what,
                    index,
                    value,
                    expected,
                });
            }
        }
        Ok(())
    }
}

/// Puts the units of known magnitudes in the place of others.
pub(super) fn take_known(magnitudes: &[Option<f64>], units: &mut [f64]) {
    for (unit, size) in units.iter_mut().zip(magnitudes) {
        if let Some(size) = size {
            *unit = power_of_two(*size);
        }
    }
}
