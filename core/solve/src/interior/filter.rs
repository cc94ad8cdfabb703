//! Filter line search: a trial is acceptable if it lowers either the merit or the gaps (Waechter and Biegler, SIAM J.
//! Optim. 16, 2005).

use crate::math;

/// Number of pairs that a filter holds; the oldest make room.
const CAPACITY: usize = 64;
/// Margins by which a trial has to be lower.
const GAP_MARGIN: f64 = 1e-5;
const VALUE_MARGIN: f64 = 1e-8;
/// Gaps above this multiple of the first ones (at least 1) are never acceptable; below the other, a step along which the
/// merit falls has to lower it.
const LARGEST_GAP: f64 = 1e4;
const SMALLEST_GAP: f64 = 1e-4;
/// Exponents and factor of the switching condition, and slope that a step has to achieve.
const SLOPE_EXPONENT: f64 = 2.3;
const GAP_EXPONENT: f64 = 1.1;
const SUFFICIENT_DECREASE: f64 = 1e-4;

/// Pairs of gaps and merit that are no longer acceptable.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pairs: [(f64, f64); CAPACITY],
    len: usize,
    next: usize,
    scale: f64,
}

impl Filter {
    pub(crate) fn new() -> Self {
        Self {
            pairs: [(0.0, 0.0); CAPACITY],
            len: 0,
            next: 0,
            scale: 1.0,
        }
    }

    /// Empties the filter at the start of a solve, where the gaps add up to `gaps`.
    pub(crate) fn clear(&mut self, gaps: f64) {
        (self.len, self.next) = (0, 0);
        self.scale = math::max(1.0, gaps);
    }

    /// Whether the trial (sum of the gaps, and merit) is better than `current`, from which a step of length `tau` leads to it along which the merit
    /// has the derivative `slope`; and than everything that the filter has seen.
    pub(crate) fn accept(
        &mut self,
        current: (f64, f64),
        trial: (f64, f64),
        tau: f64,
        slope: f64,
        round_off: f64,
    ) -> bool {
        let ((gaps, value), (trial_gaps, trial_value)) = (current, trial);
        let round_off = round_off * (1.0 + value.abs());
        let is_acceptable = |gaps: f64, value: f64| {
            trial_gaps <= (1.0 - GAP_MARGIN) * gaps || trial_value <= value - VALUE_MARGIN * gaps + round_off
        };
        if trial_gaps > LARGEST_GAP * self.scale
            || !self.pairs[..self.len]
                .iter()
                .all(|pair| is_acceptable(pair.0, pair.1))
        {
            return false;
        }
        let is_descent = slope < 0.0
            && tau * math::pow(-slope, SLOPE_EXPONENT) > math::pow(gaps, GAP_EXPONENT)
            && gaps <= SMALLEST_GAP * self.scale;
        if is_descent {
            return trial_value <= value + SUFFICIENT_DECREASE * tau * slope + round_off;
        }
        if !is_acceptable(gaps, value) {
            return false;
        }
        self.push((gaps, value));
        true
    }

    fn push(&mut self, pair: (f64, f64)) {
        self.pairs[self.next] = pair;
        self.next = (self.next + 1) % CAPACITY;
        self.len = (self.len + 1).min(CAPACITY);
    }
}
