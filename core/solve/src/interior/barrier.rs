//! Logarithmic barrier of bounds, with its multipliers (Waechter and Biegler, Math. Program. 106, 2006).

use alloc::vec;
use alloc::vec::Vec;

use crate::math;
use crate::merit::Bounds;

/// Distance from the bounds at the start: fraction of their distance from each other, or of the bound.
const START_DISTANCE: f64 = 1e-2;
/// Fraction of the way to a bound that a step may go.
const LARGEST_FRACTION: f64 = 0.995;
/// Largest ratio of a multiplier and the one that the barrier implies, or of the inverse.
const LARGEST_DEVIATION: f64 = 1e10;

/// Barrier of the bounds of some values. Values without bounds, or with equal ones, have none.
#[derive(Clone, Debug)]
pub(crate) struct Barrier {
    pub(crate) min: Vec<f64>,
    pub(crate) max: Vec<f64>,
    /// Multipliers of the lower and the upper bounds, not negative.
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// Distances from the nearer bound with an earlier weight.
    marks: Vec<f64>,
    marked_weight: f64,
}

impl Barrier {
    /// Infinite and equal bounds have no barrier.
    pub(crate) fn new(min: Vec<f64>, max: Vec<f64>) -> Self {
        Self {
            lower: vec![0.0; min.len()],
            upper: vec![0.0; max.len()],
            marks: vec![0.0; min.len()],
            marked_weight: 0.0,
            min,
            max,
        }
    }

    /// Takes other bounds, of which the same are finite.
    pub(crate) fn set_bounds(&mut self, bounds: &Bounds) {
        self.min.copy_from_slice(&bounds.min);
        self.max.copy_from_slice(&bounds.max);
    }

    fn has_lower(&self, i: usize) -> bool {
        self.min[i].is_finite() && self.min[i] < self.max[i]
    }

    fn has_upper(&self, i: usize) -> bool {
        self.max[i].is_finite() && self.min[i] < self.max[i]
    }

    /// Whether the bounds are equal.
    pub(crate) fn is_fixed(&self, i: usize) -> bool {
        self.min[i] >= self.max[i]
    }

    /// Distances from the bounds that have a barrier.
    fn distances(&self, i: usize, value: f64) -> (Option<f64>, Option<f64>) {
        (
            self.has_lower(i).then(|| value - self.min[i]),
            self.has_upper(i).then(|| self.max[i] - value),
        )
    }

    /// Distance from the nearer bound.
    pub(crate) fn nearest_distance(&self, i: usize, value: f64) -> f64 {
        math::min((value - self.min[i]).abs(), (self.max[i] - value).abs())
    }

    /// Nearest value that keeps a distance from its bounds.
    pub(crate) fn inside(&self, i: usize, value: f64) -> f64 {
        let (min, max) = (self.min[i], self.max[i]);
        if self.is_fixed(i) {
            return min;
        }
        let range = max - min;
        let distance = |bound: f64| {
            START_DISTANCE
                * if range.is_finite() {
                    range
                } else {
                    math::max(1.0, bound.abs())
                }
        };
        let low = if min.is_finite() { min + distance(min) } else { min };
        let high = if max.is_finite() { max - distance(max) } else { max };
        math::clamp(value, low, high)
    }

    /// Takes note of the distances at the minimiser with the weight `mu`.
    #[cfg(feature = "stages")]
    pub(crate) fn mark(&mut self, values: &[f64], mu: f64) {
        for (i, value) in values.iter().enumerate() {
            self.marks[i] = self.nearest_distance(i, *value);
        }
        self.marked_weight = mu;
    }

    /// Whether a bound seems to hold a value at the minimiser with the weight `mu`, smaller than at the last
    /// [`mark`](Self::mark): its distance falls with the weight, and not its multiplier.
    #[cfg(feature = "stages")]
    pub(crate) fn is_held(&self, i: usize, value: f64, mu: f64) -> bool {
        let fall = math::sqrt(mu / self.marked_weight);
        self.is_fixed(i) || self.nearest_distance(i, value) < fall * self.marks[i]
    }

    /// The bound with the larger multiplier.
    pub(crate) fn nearest_bound(&self, i: usize, value: f64) -> f64 {
        match (self.lower[i] > self.upper[i], self.upper[i] > 0.0) {
            (true, _) => self.min[i],
            (false, true) => self.max[i],
            (false, false) => value,
        }
    }

    /// Sets the multipliers to those that a barrier of weight `mu` implies.
    pub(crate) fn reset(&mut self, values: &[f64], mu: f64) {
        self.marks.fill(0.0);
        self.marked_weight = mu;
        for (i, value) in values.iter().enumerate() {
            let (low, high) = self.distances(i, *value);
            self.lower[i] = low.map_or(0.0, |distance| mu / distance);
            self.upper[i] = high.map_or(0.0, |distance| mu / distance);
        }
    }

    /// Difference of the multipliers of the upper and the lower bound.
    pub(crate) fn multiplier(&self, i: usize) -> f64 {
        self.upper[i] - self.lower[i]
    }

    /// Sum of all multipliers, and their number.
    pub(crate) fn sum(&self) -> (f64, usize) {
        let count = (0..self.min.len())
            .map(|i| usize::from(self.has_lower(i)) + usize::from(self.has_upper(i)))
            .sum();
        let sum = self.lower.iter().chain(&self.upper).fold(0.0, |sum, z| sum + z);
        (sum, count)
    }

    /// Value of a barrier of weight 1; infinite at the bounds and behind them.
    pub(crate) fn value(&self, values: &[f64]) -> f64 {
        let mut value = 0.0;
        for (i, at) in values.iter().enumerate() {
            let (low, high) = self.distances(i, *at);
            for distance in [low, high].into_iter().flatten() {
                if !(distance > 0.0) {
                    return f64::INFINITY;
                }
                value -= math::log(distance);
            }
        }
        value
    }

    /// Derivative of a barrier of weight `mu`.
    pub(crate) fn slope(&self, i: usize, value: f64, mu: f64) -> f64 {
        let (low, high) = self.distances(i, value);
        high.map_or(0.0, |distance| mu / distance) - low.map_or(0.0, |distance| mu / distance)
    }

    /// Curvature of the barrier in its primal-dual form.
    pub(crate) fn curvature(&self, i: usize, value: f64) -> f64 {
        let (low, high) = self.distances(i, value);
        low.map_or(0.0, |distance| self.lower[i] / distance)
            + high.map_or(0.0, |distance| self.upper[i] / distance)
    }

    /// Largest deviation of multiplier times distance from `mu`.
    pub(crate) fn complementarity(&self, values: &[f64], mu: f64) -> f64 {
        let mut largest = 0.0;
        for (i, value) in values.iter().enumerate() {
            let (low, high) = self.distances(i, *value);
            for (distance, z) in [(low, self.lower[i]), (high, self.upper[i])] {
                if let Some(distance) = distance {
                    largest = math::max(largest, (z * distance - mu).abs());
                }
            }
        }
        largest
    }

    /// Fraction of a step of the values that stays within the bounds, and of the one of the multipliers.
    pub(crate) fn longest(&self, values: &[f64], step: &[f64], mu: f64) -> (f64, f64) {
        let (mut primal, mut dual) = (1.0, 1.0);
        for (i, (value, step)) in values.iter().zip(step).enumerate() {
            let (low, high) = self.distances(i, *value);
            let sides = [(low, *step, self.lower[i]), (high, -*step, self.upper[i])];
            for (distance, step, z) in sides {
                let Some(distance) = distance else { continue };
                if step < 0.0 {
                    primal = math::min(primal, LARGEST_FRACTION * distance / -step);
                }
                let change = (mu - z * step) / distance - z;
                if change < 0.0 {
                    dual = math::min(dual, LARGEST_FRACTION * z / -change);
                }
            }
        }
        (primal, dual)
    }

    /// A step of one value, as far as it stays within the bounds.
    #[cfg(feature = "stages")]
    pub(crate) fn shorten(&self, i: usize, value: f64, step: f64) -> f64 {
        let (low, high) = self.distances(i, value);
        let least = low.map_or(f64::NEG_INFINITY, |distance| -LARGEST_FRACTION * distance);
        let most = high.map_or(f64::INFINITY, |distance| LARGEST_FRACTION * distance);
        math::clamp(step, least, most)
    }

    /// Moves the multipliers by `length` times their step, which belongs to `step` at `values`; they stay near those that
    /// the barrier implies at `next`.
    pub(crate) fn advance(&mut self, values: &[f64], step: &[f64], next: &[f64], mu: f64, length: f64) {
        for i in 0..values.len() {
            let before = self.distances(i, values[i]);
            let after = self.distances(i, next[i]);
            let sides = [
                (before.0, after.0, step[i], &mut self.lower[i]),
                (before.1, after.1, -step[i], &mut self.upper[i]),
            ];
            for (before, after, step, z) in sides {
                if let (Some(before), Some(after)) = (before, after) {
                    let moved = *z + length * ((mu - *z * step) / before - *z);
                    let implied = mu / after;
                    *z = math::clamp(moved, implied / LARGEST_DEVIATION, implied * LARGEST_DEVIATION);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const INFINITY: f64 = f64::INFINITY;

    fn barrier() -> Barrier {
        Barrier::new(
            vec![-1.0, 0.0, -INFINITY, -INFINITY, 2.0],
            vec![3.0, INFINITY, 5.0, INFINITY, 2.0],
        )
    }

    #[test]
    fn derivatives_are_those_of_the_value() {
        let (mut barrier, values, mu) = (barrier(), [0.5, 0.2, 4.5, -7.0, 2.0], 0.3);
        barrier.reset(&values, mu);
        for i in 0..values.len() {
            let at = |change: f64| {
                let mut moved = values;
                moved[i] += change;
                mu * barrier.value(&moved)
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            let curvature = (at(1e-4) - 2.0 * at(0.0) + at(-1e-4)) / 1e-8;
            assert!((barrier.slope(i, values[i], mu) - slope).abs() < 1e-6, "{i}");
            // The multipliers are those that the barrier implies.
            assert!((barrier.curvature(i, values[i]) - curvature).abs() < 1e-3, "{i}");
            assert!((barrier.multiplier(i) - slope).abs() < 1e-6, "{i}");
        }
        assert!(barrier.complementarity(&values, mu) < 1e-12);
        assert_eq!(barrier.value(&[3.0, 0.2, 4.5, 0.0, 2.0]), INFINITY);
    }

    #[test]
    fn starts_and_steps_stay_inside() {
        let mut barrier = barrier();
        let values: [f64; 5] = core::array::from_fn(|i| barrier.inside(i, 100.0 * (i as f64 - 1.5)));
        assert!(barrier.value(&values).is_finite());
        assert_eq!((values[3], values[4]), (150.0, 2.0));
        barrier.reset(&values, 1.0);
        let step = [10.0, -10.0, 10.0, 10.0, 0.0];
        let (primal, dual) = barrier.longest(&values, &step, 1.0);
        assert!(primal > 0.0 && primal < 1.0 && dual > 0.0);
        let mut next = values;
        crate::math::add(&mut next, primal, &step);
        assert!(barrier.value(&next).is_finite());
        barrier.advance(&values, &step, &next, 1.0, dual);
        let multipliers = barrier.lower.iter().chain(&barrier.upper);
        assert!(multipliers.clone().all(|z| *z >= 0.0) && multipliers.filter(|z| **z > 0.0).count() == 4);
    }

    #[cfg(feature = "stages")]
    #[test]
    fn a_bound_that_is_approached_with_the_weight_holds() {
        let mut barrier = Barrier::new(vec![0.0; 3], vec![1.0, 1.0, INFINITY]);
        barrier.reset(&[0.01, 0.98, 0.4], 1e-2);
        assert!(!barrier.is_held(0, 0.01, 1e-2));
        barrier.mark(&[0.01, 0.98, 0.4], 1e-2);
        let next = [0.0001, 0.97, 0.4];
        let held: Vec<bool> = (0..3).map(|i| barrier.is_held(i, next[i], 1e-4)).collect();
        assert_eq!(held, [true, false, false]);
    }
}
