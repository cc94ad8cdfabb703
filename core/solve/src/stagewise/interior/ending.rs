//! Smaller weights of the barrier, and the end: the bounds and constraints that hold.

use super::BARRIER_ERROR;
use crate::functions::StageFunctions;
use crate::math;
use crate::merit::AugmentedLagrangian;
use crate::stagewise::active::Origin;
use crate::stagewise::{Method, Stagewise};

/// Factors by which the weight of the barrier falls, the second in powers of its ratio to the first one.
const WEIGHT_REDUCTION: f64 = 0.2;
const WEIGHT_EXPONENT: f64 = 0.5;
/// Smallest weight of a barrier, in units of the first that may be the last.
const SMALLEST_FLOOR: f64 = 1e-4;
/// Weight of the barrier, in units of the first one, from which on its minimisers show the bounds that hold. Measured.
const CROSSOVER_WEIGHT: f64 = 1e-3;

impl Stagewise {
    /// Puts inputs on the bounds that hold them, and takes the multipliers of the constraints that hold. Returns false, to go
    /// on with a smaller weight, if that is no solution yet; with the smallest weight Newton steps will do the rest.
    pub(super) fn finish_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
    ) -> bool {
        self.choose_active(merit);
        let Self { structure, next, .. } = self;
        next.evaluate(structure, merit, stages, |_, _, _| None);
        next.point.multipliers.copy_from_slice(&merit.multipliers);
        next.differentiate(structure, stages, false);
        let inputs = self.riccati.residual(&next.point.u, &next.point.gradient);
        let residual = inputs.max(next.state_residual(structure));
        let is_solved = self.tolerances.is_small(residual) && self.tolerances.is_closed(next.violation());
        if !is_solved && self.lower_floor() {
            self.evaluate_current(merit, stages, false);
            let multipliers = self
                .interior
                .as_ref()
                .map_or(&[][..], |interior| &interior.multipliers);
            self.current.point.multipliers.copy_from_slice(multipliers);
            self.current.differentiate(&self.structure, stages, false);
            return false;
        }
        core::mem::swap(&mut self.current, &mut self.next);
        self.is_last_evaluated = true;
        if is_solved {
            return true;
        }
        // Near a solution, large penalties cost nothing, and multipliers need no correction.
        for sigma in &mut merit.penalties {
            *sigma = math::min(*sigma * self.tuning.newton_penalty, self.max_penalty);
        }
        merit.weigh_constraints(&mut self.current.point);
        self.current.differentiate(&self.structure, stages, false);
        true
    }

    /// Puts the next point's inputs on the bounds that hold them, and takes the multipliers of the constraints that hold.
    fn choose_active(&mut self, merit: &mut AugmentedLagrangian) {
        let Some(interior) = &mut self.interior else {
            return;
        };
        let Self { current, next, .. } = self;
        for (i, u) in current.point.u.iter().enumerate() {
            let is_held = interior.inputs.is_held(i, *u, interior.mu);
            next.point.u[i] = if is_held {
                interior.inputs.nearest_bound(i, *u)
            } else {
                *u
            };
        }
        next.states.copy_from_slice(&current.states);
        next.adjoints.copy_from_slice(&current.adjoints);
        for (i, y) in merit.multipliers.iter_mut().enumerate() {
            let found = interior.multipliers[i];
            let is_held = interior.slacks.is_held(i, interior.values[i], interior.mu);
            let found = if is_held { found } else { 0.0 };
            *y = math::clamp(found, -self.max_multiplier, self.max_multiplier);
        }
    }

    /// Lowers the weight of the barrier, whose minimiser has been found. Returns whether steps near a solution began.
    pub(super) fn lower_weight(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
    ) -> bool {
        let Some(interior) = &self.interior else {
            return false;
        };
        let is_near = interior.mu <= CROSSOVER_WEIGHT * interior.first_mu;
        let has_begun = is_near && self.begin_crossover(merit, stages);
        // If nothing comes of these, the point is there again.
        let at = if has_begun { &self.saved } else { &self.current };
        let Some(interior) = &mut self.interior else {
            return false;
        };
        interior.inputs.mark(&at.point.u, interior.mu);
        interior.slacks.mark(&interior.values, interior.mu);
        while interior.mu > interior.floor
            && interior.error(&self.structure, at, interior.mu).scaled <= BARRIER_ERROR * interior.mu
        {
            let ratio = math::pow(interior.mu / interior.first_mu, WEIGHT_EXPONENT);
            interior.mu = math::max(interior.floor, interior.mu * math::min(WEIGHT_REDUCTION, ratio));
        }
        let merit = interior.measure(at, &interior.values);
        interior.filter.clear(merit.0);
        has_begun
    }

    /// Begins steps with the bounds and constraints that seem to hold, in place of a smaller weight of the barrier. Returns
    /// whether they may lead to a solution.
    fn begin_crossover(&mut self, merit: &mut AugmentedLagrangian, stages: &mut dyn StageFunctions) -> bool {
        self.saved.copy_from(&self.current);
        self.choose_active(merit);
        let Self { structure, next, .. } = self;
        next.evaluate(structure, merit, stages, |_, _, _| None);
        core::mem::swap(&mut self.current, &mut self.next);
        let has_begun = self.begin_active(merit, stages, Origin::Interior);
        if !has_begun {
            self.method = Method::Interior;
            self.restore(merit, stages);
        }
        has_begun
    }

    /// Lowers the smallest weight of the barrier, unless it is the last one already.
    fn lower_floor(&mut self) -> bool {
        let last = SMALLEST_FLOOR * self.interior_tolerance;
        match &mut self.interior {
            Some(interior) if interior.floor > last => {
                interior.floor *= WEIGHT_REDUCTION * WEIGHT_REDUCTION;
                true
            }
            _ => false,
        }
    }
}
