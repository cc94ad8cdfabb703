//! Bounds, multipliers and penalties in the units of the method, and the weights of a violation in the caller's.

use super::{AugmentedLagrangian, Point};
use crate::math;
use crate::settings::Settings;
use crate::units::Units;

impl AugmentedLagrangian {
    /// Takes bounds, multipliers and penalties from the caller's units to these.
    pub(crate) fn take_units(&mut self, units: &Units) {
        self.take_bounds(units);
        for i in 0..self.penalties.len() {
            self.multipliers[i] /= units.multiplier(i);
            self.penalties[i] /= units.penalty(i);
        }
    }

    /// Takes the units of the constraints alone, which were the caller's; the penalties are not known.
    #[cfg(feature = "stages")]
    pub(crate) fn take_constraint_units(&mut self, units: &Units) {
        self.take_bounds(units);
        for (y, unit) in self.multipliers.iter_mut().zip(&units.constraints) {
            *y *= unit;
        }
    }

    fn take_bounds(&mut self, units: &Units) {
        units.write_structure(&mut self.structure);
        if let Some(bounds) = &mut self.bounds {
            units.write_variable_bounds(bounds);
        }
        self.callers_cost_unit = units.cost;
        self.callers_units.copy_from_slice(&units.constraints);
        let least = units.constraints.iter().copied().fold(f64::INFINITY, math::min);
        self.least_unit = if units.are_other() { least } else { 0.0 };
    }

    /// Takes multipliers and penalties back to the caller's units.
    pub(crate) fn leave_units(&mut self, units: &Units) {
        for i in 0..self.penalties.len() {
            self.multipliers[i] *= units.multiplier(i);
            self.penalties[i] *= units.penalty(i);
        }
    }

    /// Clamps multipliers, and the penalties that are known.
    pub(crate) fn clamp_weights(&mut self, settings: &Settings) {
        let (smallest, largest) = (self.tuning.min_penalty, settings.max_penalty);
        for sigma in self.penalties.iter_mut().filter(|sigma| **sigma > 0.0) {
            *sigma = math::clamp(*sigma, smallest, largest);
        }
        let limit = settings.max_multiplier;
        for y in &mut self.multipliers {
            *y = math::clamp(*y, -limit, limit);
        }
    }

    /// Raises the penalties of the components that are violated at `point` to their limits, without multipliers: the
    /// violation alone is lowered, in the caller's units.
    pub(crate) fn settle(&mut self, point: &Point, settings: &Settings) {
        self.multipliers.fill(0.0);
        if self.least_unit > 0.0 {
            for i in 0..self.limits.len() {
                self.limits[i] = settings.max_penalty * self.settling_weight(i);
            }
        }
        self.raise_violated(point, f64::INFINITY);
    }

    /// Relative weight of a component's violation then.
    pub(super) fn settling_weight(&self, i: usize) -> f64 {
        if self.least_unit == 0.0 {
            return self.penalties[i];
        }
        let unit = self.callers_units[i] / self.least_unit;
        math::min(unit * unit, self.tuning.settling_range)
    }
}
