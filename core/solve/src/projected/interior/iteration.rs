//! Interior-point iterations on variables, multipliers, and slacks of the inequalities: Newton steps on the optimality
//! conditions of a barrier problem, with a filter line search and second-order corrections (Waechter and Biegler, Math.
//! Program. 106, 2006).

use core::mem;

use super::{BARRIER_ERROR, Interior, Kind, Phase};
use crate::functions::Functions;
use crate::math;
use crate::merit::AugmentedLagrangian;
use crate::newton::BarrierRows;
use crate::outcome::{Outcome, Search};
use crate::projected::Projected;

/// Weight of the first barrier, in units of the cost: measured.
const FIRST_WEIGHT: f64 = 0.03;
/// Weights at which a solution is looked for: the first, the factor between two, and the last, in units of the cost.
const FIRST_FLOOR: f64 = 1e-3;
const FLOOR_REDUCTION: f64 = 1e-2;
const LAST_FLOOR: f64 = 1e-12;
/// First multipliers above which, in units of the cost, none are better.
const LARGEST_FIRST_MULTIPLIER: f64 = 1e3;
/// Growth of the shift after a line search that failed, and how often it grows.
const SEARCH_GROWTH: f64 = 100.0;
const MAX_SEARCHES: u32 = 4;

impl Projected {
    /// Begins interior-point iterations at `current`. Returns false if they cannot begin there.
    pub(in crate::projected) fn begin_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        let Some(mut interior) = self.second.interior.take() else {
            return false;
        };
        self.second.has_tried_interior = true;
        self.second.is_interior = self.begin_barrier(&mut interior, merit, functions);
        self.second.interior = Some(interior);
        self.second.is_interior
    }

    fn begin_barrier(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        interior.origin.copy_from(&self.current);
        interior.origin.multipliers.copy_from_slice(&merit.multipliers);
        for (i, u) in self.current.u.iter_mut().enumerate() {
            *u = interior.variables.inside(i, *u);
        }
        if self.current.u != interior.origin.u || !self.is_last_evaluated {
            merit.forward(functions, &mut self.current);
            self.is_last_evaluated = true;
        }
        let current = &mut self.current;
        for (i, g) in current.constraints.iter().enumerate() {
            interior.values[i] = interior.slacks.inside(i, *g);
        }
        interior.multipliers.fill(0.0);
        functions.reverse(&current.u, &interior.multipliers, &mut current.gradient);
        interior.measure_units(current, &merit.units);
        let mu = FIRST_WEIGHT * interior.cost_unit;
        (interior.mu, interior.first_mu) = (mu, mu);
        interior.floor = FIRST_FLOOR * interior.cost_unit;
        interior.variables.reset(&current.u, mu);
        interior.slacks.reset(&interior.values, mu);
        (interior.iterations, interior.raises) = (0, 0);
        interior.forget_progress();
        interior.phase = Phase::Begin;
        self.choose_multipliers(interior, merit, functions);
        let start = interior.measure(&self.current, &interior.values);
        interior.filter.clear(start.0);
        self.residual = self.barrier_residual(interior);
        self.current.psi = self.current.cost;
        self.current.cost.is_finite() && math::all_finite(&self.current.gradient) && start.0.is_finite()
    }

    /// Multipliers that fit the gradient best, unless they are large.
    fn choose_multipliers(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) {
        let Some(exact) = &mut self.second.exact else {
            return;
        };
        if interior.multipliers.is_empty() {
            return;
        }
        if !mem::take(&mut self.second.is_model_fresh) {
            exact.model.evaluate(merit, functions);
        }
        interior.weigh(&self.current);
        for (curvature, unit) in interior.curvatures.iter_mut().zip(&interior.variable_units) {
            if curvature.is_finite() {
                *curvature = interior.cost_unit / (unit * unit);
            }
        }
        for (i, dual) in interior.duals.iter_mut().enumerate() {
            if dual.is_finite() && !interior.slacks.is_fixed(i) {
                *dual = interior.units[i] * interior.units[i] / interior.cost_unit;
            }
        }
        let rows = BarrierRows {
            curvatures: &interior.curvatures,
            duals: &interior.duals,
        };
        if !exact.model.factorize_multipliers(&rows) {
            return;
        }
        let (gradient, variables, slacks) = (&self.current.gradient, &interior.variables, &interior.slacks);
        let duals = &interior.duals;
        exact.model.solve_barrier(
            |i| -gradient[i] - variables.multiplier(i),
            |i| -slacks.multiplier(i) * if slacks.is_fixed(i) { 0.0 } else { duals[i] },
            &mut self.direction,
            &mut interior.multiplier_step,
        );
        let weighed = interior.multiplier_step.iter().zip(&interior.units);
        let largest = weighed.fold(0.0, |largest, (y, unit)| math::max(largest, y.abs() * unit));
        if largest <= LARGEST_FIRST_MULTIPLIER * interior.cost_unit {
            interior.multipliers.copy_from_slice(&interior.multiplier_step);
            functions.reverse(&self.current.u, &interior.multipliers, &mut self.current.gradient);
        }
    }

    /// One interior-point iteration.
    pub(in crate::projected) fn iterate_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let Some(mut interior) = self.second.interior.take() else {
            return Outcome::Stalled;
        };
        let outcome = self.step_in_barrier(&mut interior, merit, functions);
        self.second.interior = Some(interior);
        if outcome == Outcome::Stalled {
            return self.leave_interior(merit, functions);
        }
        outcome
    }

    /// Goes on with the augmented Lagrangian, from where it was.
    pub(in crate::projected) fn leave_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        self.second.is_interior = false;
        if let Some(interior) = &self.second.interior {
            self.current.u.copy_from_slice(&interior.origin.u);
            merit.multipliers.copy_from_slice(&interior.origin.multipliers);
        }
        merit.evaluate(functions, &mut self.current);
        self.is_last_evaluated = true;
        self.begin()
    }

    fn step_in_barrier(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        match interior.phase {
            Phase::Begin => self.begin_step(interior, merit, functions),
            Phase::Search(_) => self.search_step(interior, merit, functions),
            Phase::Finish => match self.polish_to_end(merit, functions) {
                Search::Unfinished => Outcome::Unfinished,
                Search::Found => {
                    interior.phase = Phase::Raise;
                    Outcome::Unfinished
                }
                Search::Failed => {
                    self.return_inside(interior);
                    if interior.floor <= LAST_FLOOR * interior.cost_unit {
                        return Outcome::Stalled;
                    }
                    interior.floor *= FLOOR_REDUCTION;
                    self.begin_search(interior, merit, functions)
                }
            },
            Phase::Raise => match self.raise_penalties(interior, merit) {
                Search::Unfinished => Outcome::Unfinished,
                _ => {
                    self.second.is_interior = false;
                    Outcome::Converged
                }
            },
        }
    }

    fn begin_step(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        if interior.iterations >= self.tuning.max_barrier_iterations || interior.is_stagnant(&self.current) {
            return Outcome::Stalled;
        }
        interior.iterations += 1;
        let limit = BARRIER_ERROR * interior.floor / interior.cost_unit;
        let error = interior.error(&self.current, 0.0);
        if error <= limit {
            self.leave_inside(interior, merit, functions);
            interior.phase = Phase::Finish;
            return Outcome::Unfinished;
        }
        if interior.is_rough(error) {
            return Outcome::Stalled;
        }
        self.begin_search(interior, merit, functions)
    }

    fn begin_search(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        interior.lower_weight(&self.current);
        self.evaluate_barrier(interior, merit, functions);
        let Some(exact) = &mut self.second.exact else {
            return Outcome::Stalled;
        };
        exact.model.evaluate(merit, functions);
        if !exact.model.is_finite() {
            return Outcome::Stalled;
        }
        interior.weigh(&self.current);
        exact.model.begin_barrier(0.0);
        interior.phase = Phase::Search(0);
        self.search_step(interior, merit, functions)
    }

    /// Factorises once, and moves along the step if it is one of descent.
    fn search_step(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let (Phase::Search(searches), Some(exact)) = (interior.phase, &mut self.second.exact) else {
            return Outcome::Stalled;
        };
        let rows = BarrierRows {
            curvatures: &interior.curvatures,
            duals: &interior.duals,
        };
        match exact.model.factorize_barrier(&rows) {
            Search::Unfinished => return Outcome::Unfinished,
            Search::Failed => return Outcome::Stalled,
            Search::Found => {}
        }
        if self.search_in_barrier(interior, merit, functions) {
            interior.phase = Phase::Begin;
            return Outcome::Continue;
        }
        if searches + 1 >= MAX_SEARCHES {
            return Outcome::Stalled;
        }
        let shift = SEARCH_GROWTH * math::max(self.tuning.first_shift, self.last_shift());
        if let Some(exact) = &mut self.second.exact {
            exact.model.begin_barrier(shift);
        }
        interior.phase = Phase::Search(searches + 1);
        Outcome::Unfinished
    }

    /// Evaluates at `current`, with the gradient of the Lagrangian.
    fn evaluate_barrier(
        &mut self,
        interior: &Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) {
        if !self.is_last_evaluated {
            merit.forward(functions, &mut self.current);
            functions.reverse(&self.current.u, &interior.multipliers, &mut self.current.gradient);
            self.is_last_evaluated = true;
        }
    }

    /// Whether interior-point iterations begin now.
    pub(in crate::projected) fn is_time_for_interior(&self) -> bool {
        let Some(interior) = self
            .second
            .interior
            .as_ref()
            .filter(|_| !self.second.has_tried_interior)
        else {
            return false;
        };
        let delay = self.second.exact.as_ref().map_or(0.0, |exact| exact.delay);
        let iterations = f64::from(self.total_iterations);
        match interior.kind() {
            Kind::First => true,
            Kind::Mixed => iterations > delay + f64::from(self.tuning.interior_delay),
            Kind::Inequalities => iterations > delay + f64::from(self.tuning.interior_long_delay),
        }
    }
}
