//! End of interior-point iterations: the solution that they approach, without a barrier.

use core::mem;

use super::{Interior, Projected};
use crate::functions::Functions;
use crate::merit::AugmentedLagrangian;

/// Largest number of increases of the penalties that make the merit convex.
const MAX_RAISES: u32 = 8;

impl Projected {
    /// Puts variables on the bounds that hold them, takes the multipliers of the constraints that hold, and looks for a
    /// solution there by Newton steps on the optimality conditions. Returns whether there is one.
    pub(super) fn finish_interior(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        interior.kept.copy_from(&self.current);
        for (i, u) in self.next.u.iter_mut().enumerate() {
            *u = self.current.u[i];
            if interior.variables.is_fixed(i) {
                continue;
            }
            let bound = interior.variables.nearest_bound(i, *u);
            let unit = interior.variable_units[i];
            let force = interior.variables.multiplier(i).abs() * unit / interior.cost_unit;
            if force > (*u - bound).abs() / unit {
                *u = bound;
            }
        }
        for (i, y) in merit.multipliers.iter_mut().enumerate() {
            let unit = interior.units[i];
            let force = interior.multipliers[i].abs() * unit / interior.cost_unit;
            let distance = match interior.slacks.is_fixed(i) {
                true => 0.0,
                false => interior.slacks.nearest_distance(i, interior.values[i]) / unit,
            };
            *y = if force > distance {
                interior.multipliers[i]
            } else {
                0.0
            };
        }
        merit.evaluate(functions, &mut self.next);
        mem::swap(&mut self.current, &mut self.next);
        self.is_last_evaluated = true;
        self.residual = self.bounds.residual(&self.current);
        if self.polish_to_end(merit, functions) {
            self.raise_penalties(merit);
            return true;
        }
        self.second.is_confirmed = false;
        self.current.copy_from(&interior.kept);
        self.is_last_evaluated = false;
        self.residual = self.barrier_residual(interior);
        false
    }

    /// Newton steps on the optimality conditions while they help. Returns whether they have led to a solution.
    pub(in super::super) fn polish_to_end(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        let tolerances = self.second.tolerances;
        self.second.is_confirmed = false;
        while self.current.is_finite() && self.quality(tolerances) > 1.0 {
            // The matrix of a step that is taken has the inertia of a minimum.
            self.second.is_confirmed = self.polish_once(merit, functions, tolerances);
            if !self.second.is_confirmed {
                return false;
            }
        }
        self.current.is_finite()
    }

    /// Raises the penalties, which the iterations have left as they were, until they make the merit convex: it keeps the
    /// solution then, and so does a warm start.
    fn raise_penalties(&mut self, merit: &mut AugmentedLagrangian) {
        let Some(exact) = &mut self.second.exact else {
            return;
        };
        for _ in 0..MAX_RAISES {
            let is_solved =
                exact
                    .model
                    .minimize(merit.weights(), &self.bounds, &self.current, &mut self.direction);
            if !is_solved || exact.model.shift() == 0.0 || !merit.can_rise() {
                return;
            }
            merit.raise_penalties(self.tuning.max_penalty_growth);
        }
    }
}
