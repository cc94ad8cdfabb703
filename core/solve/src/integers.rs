//! Decision variables that take only integer values.

use alloc::vec::Vec;

use crate::error::{SolverError, UnfitInteger};
use crate::math;
use crate::sets::Set;

/// Largest magnitude of the bounds of an integer: beyond, solutions do not tell neighbours apart.
const MAX_BOUND: f64 = 1e9;

/// Decision variables that take only integer values. Each needs finite bounds of its own in the set U.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Integers {
    /// Indices of the variables, in ascending order.
    pub indices: Vec<usize>,
    /// Number of decision variables of a stage: sum-up rounding adds up the variables that lie so far apart. 0 if there are
    /// no stages.
    pub stage_length: usize,
    /// Whether the problem is convex where these variables may have any value within their bounds, so that what is said of
    /// all solutions holds.
    pub is_convex: bool,
}

impl Integers {
    /// Tightens the bounds in `set`, that of `num_variables` variables, to integers.
    pub(crate) fn tighten(&self, set: &mut Set, num_variables: usize) -> Result<(), SolverError> {
        let mut least = 0;
        for &index in &self.indices {
            let unfit = |reason| SolverError::Integer { index, reason };
            if index < least || index >= num_variables {
                return Err(unfit(UnfitInteger::Order));
            }
            least = index + 1;
            let (min, max) = integer_bounds(set, index).map_err(unfit)?;
            set.restrict(num_variables, index, (min, max));
        }
        Ok(())
    }

    /// Integers by sum-up rounding (S. Sager, Numerical Methods for Mixed-Integer Optimal Control Problems, 2005): from stage
    /// to stage, the sum of the rounded values follows that of `values`. Without stages, the nearest integers.
    pub(crate) fn sum_up(&self, values: &[f64], min: &[f64], max: &[f64]) -> Vec<f64> {
        let mut rounded = Vec::with_capacity(values.len());
        for (place, &index) in self.indices.iter().enumerate() {
            let is_same = |other: &usize| {
                self.stage_length > 0 && (index - self.indices[*other]).is_multiple_of(self.stage_length)
            };
            let before = (0..place).filter(is_same);
            let owed: f64 = before.map(|other| values[other] - rounded[other]).sum();
            let nearest = math::floor(owed + values[place] + 0.5);
            rounded.push(math::clamp(nearest, min[place], max[place]));
        }
        rounded
    }
}

/// The smallest and the largest integer that `set` allows the coordinate `index`.
///
/// # Errors
/// If there is none, or the set does not bound the coordinate by itself.
pub fn integer_bounds(set: &Set, index: usize) -> Result<(f64, f64), UnfitInteger> {
    let (min, max) = set.coordinate_bounds(index).ok_or(UnfitInteger::Set)?;
    if !(min.abs() <= MAX_BOUND && max.abs() <= MAX_BOUND) {
        return Err(UnfitInteger::Unbounded { min, max });
    }
    // Adding 0 makes the integer -0 a 0.
    let (least, most) = (-math::floor(-min) + 0.0, math::floor(max) + 0.0);
    match least <= most {
        true => Ok((least, most)),
        false => Err(UnfitInteger::Empty { min, max }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn sums_of_rounded_values_follow_those_of_the_values() {
        let integers = |indices: Vec<usize>, stage_length| Integers {
            indices,
            stage_length,
            is_convex: false,
        };
        let values = [0.4, 0.4, 0.4, 0.4, 0.4];
        let (min, max) = (vec![0.0; 5], vec![1.0; 5]);
        let relay = integers((0..5).collect(), 1);
        assert_eq!(relay.sum_up(&values, &min, &max), [0.0, 1.0, 0.0, 1.0, 0.0]);
        // Two inputs a stage, each with its own sum.
        let pair = integers(vec![0, 1, 2, 3], 2);
        let values = [0.4, 0.9, 0.4, 0.9];
        assert_eq!(pair.sum_up(&values, &min[..4], &max[..4]), [0.0, 1.0, 1.0, 1.0]);
        let alone = integers(vec![0, 1, 2, 3], 0);
        assert_eq!(alone.sum_up(&values, &min[..4], &max[..4]), [0.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn bounds_are_tightened_or_refused() {
        let bounds = |min: f64, max: f64| {
            let set = Set::Box {
                min: vec![min],
                max: vec![max],
            };
            integer_bounds(&set, 0)
        };
        assert_eq!(bounds(-0.5, 3.7), Ok((0.0, 3.0)));
        assert_eq!(bounds(2.0, 2.0), Ok((2.0, 2.0)));
        assert!(matches!(bounds(0.2, 0.8), Err(UnfitInteger::Empty { .. })));
        assert!(matches!(
            bounds(0.0, f64::INFINITY),
            Err(UnfitInteger::Unbounded { .. })
        ));
        let ball = Set::Ball2 {
            center: None,
            radius: 2.0,
        };
        assert_eq!(integer_bounds(&ball, 0), Err(UnfitInteger::Set));
        let product = Set::Product(vec![(2, ball), (3, Set::Zero)]);
        assert_eq!(integer_bounds(&product, 2), Ok((0.0, 0.0)));
    }
}
