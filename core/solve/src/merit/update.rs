//! Errors after an inner solve, and the multipliers and penalties that follow from them.

use core::mem;

use super::{AugmentedLagrangian, Point};
use crate::math;
use crate::settings::Settings;

impl AugmentedLagrangian {
    /// Discards the errors of an earlier solve.
    pub(crate) fn reset_errors(&mut self) {
        self.errors.fill(f64::INFINITY);
    }

    /// Computes `g - Pi_D(g + y / sigma)` at the end of an inner solve. Returns its largest entry, in the caller's units.
    pub(crate) fn measure_errors(&mut self, solution: &Point) -> f64 {
        mem::swap(&mut self.errors, &mut self.last_errors);
        for i in 0..self.errors.len() {
            let error = (solution.multipliers[i] - self.multipliers[i]) / self.penalties[i];
            self.errors[i] = error.abs() * self.callers_units[i];
        }
        math::norm_inf(&self.errors)
    }

    /// Components whose error exceeds `tolerance`.
    pub(crate) fn violated(&self, tolerance: f64) -> impl Iterator<Item = usize> {
        (0..self.errors.len()).filter(move |&i| !(self.errors[i] <= tolerance))
    }

    /// Whether no violated component can improve: its penalty is at the limit, and its error has stopped decreasing.
    pub(crate) fn is_at_limit(&self, tolerance: f64) -> bool {
        self.violated(tolerance).all(|i| {
            self.penalties[i] >= self.limits[i]
                && self.errors[i] > self.tuning.stagnation * self.last_errors[i]
        })
    }

    /// Whether a component is violated beyond its tolerance although its multiplier has passed the largest.
    pub(crate) fn leaves_multipliers(&self, solution: &Point, settings: &Settings) -> bool {
        let is_beyond = |i: usize| solution.multipliers[i].abs() > settings.max_multiplier;
        self.violated(settings.delta_tolerance).any(is_beyond)
    }

    /// New multipliers, and larger penalties where the error did not fall enough.
    pub(crate) fn update(&mut self, solution: &Point, settings: &Settings) {
        let (smallest, most) = (self.tuning.min_penalty_growth, self.tuning.max_penalty_growth);
        // Weighted by its penalty, an error is independent of its constraint's units.
        let weighed = |i: usize| math::sqrt(self.penalties[i]) * (self.errors[i] / self.callers_units[i]);
        let largest = (0..self.errors.len()).fold(0.0, |largest, i| math::max(largest, weighed(i)));
        let mut start = 0;
        for block in &self.structure.constraints {
            let range = start..start + block.len;
            start = range.end;
            if block.has_multipliers {
                for i in range.clone() {
                    let limit = settings.max_multiplier;
                    self.multipliers[i] = math::clamp(solution.multipliers[i], -limit, limit);
                }
            }
            // The penalty weights the distance from a set, so a set that does not consist of bounds has a single
            // penalty.
            let group = if block.is_separable() { 1 } else { block.len };
            for first in range.step_by(group.max(1)) {
                let members = first..first + group;
                let error = math::norm_inf(&self.errors[members.clone()]);
                let last = math::norm_inf(&self.last_errors[members.clone()]);
                let scaled = self.tuning.scaled_tolerance * self.callers_units[first];
                let tolerance = settings.delta_tolerance * math::min(1.0, scaled);
                if error > tolerance && error > self.tuning.error_reduction * last {
                    let weighed = math::sqrt(self.penalties[first]) * (error / self.callers_units[first]);
                    let factor = math::clamp(most * weighed / largest, smallest, most);
                    for i in members {
                        self.penalties[i] = math::min(self.penalties[i] * factor, self.limits[i]);
                    }
                }
            }
        }
    }

    /// Whether a penalty is below its limit.
    pub(crate) fn can_rise(&self) -> bool {
        self.penalties
            .iter()
            .zip(&self.limits)
            .any(|(sigma, limit)| sigma < limit)
    }

    /// Raises the penalties of the components that are violated at `point`, with all of a block that has a single penalty.
    pub(crate) fn raise_violated(&mut self, point: &Point, growth: f64) {
        self.scratch.copy_from_slice(&point.constraints);
        self.project_scratch();
        let mut start = 0;
        for block in &self.structure.constraints {
            let group = if block.is_separable() { 1 } else { block.len };
            for first in (start..start + block.len).step_by(group.max(1)) {
                let members = first..first + group;
                if members.clone().any(|i| self.scratch[i] != point.constraints[i]) {
                    members.for_each(|i| {
                        self.penalties[i] = math::min(self.penalties[i] * growth, self.limits[i])
                    });
                }
            }
            start += block.len;
        }
    }

    /// Raises all penalties.
    pub(crate) fn raise_penalties(&mut self, growth: f64) {
        for (sigma, limit) in self.penalties.iter_mut().zip(&self.limits) {
            *sigma = math::min(*sigma * growth, *limit);
        }
    }
}
