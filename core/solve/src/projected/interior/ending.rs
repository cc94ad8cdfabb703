//! End of interior-point iterations: the solution that they approach, without a barrier.

use core::mem;

use super::Interior;
use crate::functions::Functions;
use crate::merit::AugmentedLagrangian;
use crate::outcome::Search;
use crate::projected::Projected;

/// Largest number of increases of the penalties that make the merit convex.
const MAX_RAISES: u32 = 8;

impl Projected {
    /// Puts variables on the bounds that hold them, and takes the multipliers of the constraints that hold. A solution is
    /// looked for there, by Newton steps on the optimality conditions.
    pub(super) fn leave_inside(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) {
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
        self.measure_residual();
        self.second.is_confirmed = false;
    }

    /// Goes back to the iterate, near which there is no solution.
    pub(super) fn return_inside(&mut self, interior: &Interior) {
        self.second.is_confirmed = false;
        self.current.copy_from(&interior.kept);
        self.is_last_evaluated = false;
        self.residual = self.barrier_residual(interior);
    }

    /// Raises the penalties, which the iterations have left as they were, until they make the merit convex: it keeps the
    /// solution then, and so does a warm start. [`Search::Unfinished`]: they were raised, or the search goes on.
    pub(super) fn raise_penalties(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
    ) -> Search {
        let search = self.minimize_model(merit.weights());
        if search != Search::Found {
            return search;
        }
        if self.last_shift() == 0.0 || !merit.can_rise() || interior.raises >= MAX_RAISES {
            return Search::Found;
        }
        interior.raises += 1;
        merit.raise_penalties(self.tuning.max_penalty_growth);
        Search::Unfinished
    }
}
