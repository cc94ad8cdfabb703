//! Newton steps with exact second derivatives.

use alloc::vec;
use core::mem;

use super::Projected;
use super::interior::Interior;
use super::second::{ExactNewton, is_warm};
use crate::curvature::trial_steps;
use crate::functions::Functions;
use crate::math;
use crate::merit::{AugmentedLagrangian, Bounds, Weights};
use crate::newton::QuadraticModel;
use crate::outcome::{Search, Verdict};
use crate::second::SecondDerivatives;
use crate::status::{Step, StepKind};
use crate::tuning::Tuning;
use crate::units::{Scaled, Units};

/// Penalty that stands for an infinite one: the rows of the active constraints keep a trace of regularisation, where
/// they depend on one another.
const EXACT_PENALTY: f64 = 1e12;
/// Slope after a step, relative to that before, from which on the merit counts as flat.
const FLAT: f64 = 0.9;
/// Length of a step of a linear programme, relative to its direction, below which the next one is shifted more.
const SHORT: f64 = 0.01;
/// Number of flat steps in a row before they are extended: an accident is not followed.
const FLAT_STEPS: u32 = 3;

impl Projected {
    /// Takes Newton steps with exact second derivatives: at once if a step costs little, otherwise when quasi-Newton
    /// iterations have done the work of several steps; none, and false, where the factorisation would be too large.
    pub(crate) fn set_second_derivatives(
        &mut self,
        sparsity: &SecondDerivatives,
        constraint_bounds: Bounds,
        has_multipliers: bool,
        tolerances: (f64, f64),
    ) -> bool {
        (self.second.tolerances, self.tolerance) = (tolerances, tolerances.0);
        let has_interior = has_multipliers && !constraint_bounds.min.is_empty();
        let is_linear = sparsity.hessian.is_empty();
        let interior =
            has_interior.then(|| Interior::new(&self.bounds, constraint_bounds.clone(), is_linear));
        let exact_penalties = vec![EXACT_PENALTY; constraint_bounds.min.len()];
        let Tuning {
            newton_work_at_once,
            newton_delay,
            ..
        } = self.tuning;
        let Some(model) = QuadraticModel::new(
            sparsity.clone(),
            self.direction.len(),
            constraint_bounds,
            self.tuning,
        ) else {
            return false;
        };
        self.second.interior = interior;
        let work = model.work();
        self.second.exact = Some(ExactNewton {
            model,
            exact_penalties,
            delay: if work > newton_work_at_once {
                newton_delay * work
            } else {
                0.0
            },
        });
        true
    }

    /// Numbers that the matrices of exact Newton steps hold.
    pub(crate) fn matrix_memory(&self) -> usize {
        self.second.exact.as_ref().map_or(0, |exact| exact.model.memory())
    }

    /// Begins as a warm start or with interior-point iterations, whose first has then been made: returns whether they go on.
    pub(super) fn begin_exactly(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        if is_warm(merit) && self.second.interior.is_some() {
            self.second.is_polishing = true;
        } else if self.is_time_for_interior() {
            if self.begin_interior(merit, functions) {
                return true;
            }
            self.leave_interior(merit, functions);
        }
        // The Hessian at the start is that of the cost.
        self.second.is_model_fresh &= merit.penalties.is_empty();
        false
    }

    pub(super) fn is_time_for_exact_steps(&self) -> bool {
        let exact = self.second.exact.as_ref();
        exact.is_some_and(|exact| f64::from(self.total_iterations) >= exact.delay)
    }

    /// Chooses units at `current`, where the functions were evaluated last.
    pub(super) fn choose_units_exactly(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut Scaled<'_>,
    ) {
        let Some(exact) = &mut self.second.exact else {
            return;
        };
        let (current, next) = (&mut self.current, &mut self.next);
        current.multipliers.fill(0.0);
        functions.reverse(&current.u, &current.multipliers, &mut current.gradient);
        // Without constraints, a Hessian is evaluated only where it serves a step.
        let is_known = exact.delay == 0.0 || !merit.penalties.is_empty();
        if is_known {
            if merit.penalties.first().is_some_and(|sigma| *sigma > 0.0) {
                merit.weigh_constraints(current);
                functions.reverse(&current.u, &current.multipliers, &mut next.gradient);
            }
            exact.model.evaluate(merit, functions);
        }
        let (jacobian, hessian) = exact.model.derivatives(is_known);
        functions.units.measure(current, jacobian, hessian);
        functions.units.scale_second_derivatives(jacobian, hessian);
        functions.units.scale_point(current);
        self.second.is_model_fresh = is_known;
        self.write_units(functions.units);
    }

    /// Takes bounds in these units.
    pub(super) fn write_units(&mut self, units: &Units) {
        let Some(exact) = &mut self.second.exact else {
            return;
        };
        let constraint_bounds = exact.model.constraint_bounds_mut();
        units.write_bounds(&mut self.bounds, constraint_bounds);
        if let Some(interior) = &mut self.second.interior {
            interior.set_bounds(&self.bounds, constraint_bounds);
        }
        for (i, unit) in self.gradient_units.iter_mut().enumerate() {
            *unit = units.gradient(i);
        }
    }

    /// Steps towards the minimiser of the quadratic model, if that lowers the merit.
    pub(super) fn exact_step(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Search {
        self.evaluate_model(merit, functions);
        let search = self.minimize_model(merit.weights());
        if search != Search::Found {
            return search;
        }
        let shift = self.last_shift();
        // A large shift means negative curvature, against which a step is short.
        let needs_little = shift > 0.0 && shift <= self.tuning.first_shift;
        // Where constraints cannot be met, the method says more of a point than that.
        let is_feasible = self.current.violation <= self.second.tolerances.1;
        let is_newton = shift == 0.0 || (needs_little && is_feasible);
        let slope = math::dot(&self.direction, &self.current.gradient);
        // In units of its own, a cost need not be near 1.
        let is_negligible = -slope <= self.tuning.round_off * f64::EPSILON * self.current.psi.abs();
        let exact = self.second.exact.as_ref();
        if is_negligible && !exact.is_some_and(|exact| exact.model.is_minimum()) {
            // A step to nowhere says nothing of the point.
            return Search::Failed;
        }
        self.second.is_at_round_off = is_newton && self.is_step_round_off();
        if self.second.is_at_round_off {
            return Search::Failed;
        }
        let before = self.scaled_residual;
        let Some(length) = self.line_search(StepKind::Newton, merit, functions) else {
            return Search::Failed;
        };
        self.last_step.regularisation = shift;
        // Newton steps that lower neither the merit nor the residual are round-off.
        self.second.is_at_round_off =
            is_negligible && is_newton && self.scaled_residual > self.tuning.polish_reduction * before;
        if let Some(exact) = &mut self.second.exact
            && exact.model.is_linear()
            && needs_little
            && length < SHORT
        {
            exact.model.expect_shift(shift / length);
        }
        let is_flat = needs_little && length == 1.0 && self.is_as_steep(slope);
        self.second.flat_steps = if is_flat { self.second.flat_steps + 1 } else { 0 };
        Search::Found
    }

    /// Whether a step of the model is looked for.
    pub(super) fn is_searching(&self) -> bool {
        self.second
            .exact
            .as_ref()
            .is_some_and(|exact| exact.model.is_searching())
    }

    /// Shift of the model in its last step.
    pub(super) fn last_shift(&self) -> f64 {
        self.second
            .exact
            .as_ref()
            .map_or(0.0, |exact| exact.model.shift())
    }

    /// Evaluates the model's derivatives at `current`, unless they are known.
    fn evaluate_model(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) {
        if self.is_searching() {
            return;
        }
        self.evaluate_current(merit, functions);
        if !mem::take(&mut self.second.is_model_fresh)
            && let Some(exact) = &mut self.second.exact
        {
            exact.model.evaluate(merit, functions);
        }
    }

    /// Looks for the step to the model's minimiser, which becomes the direction.
    pub(super) fn minimize_model(&mut self, weights: Weights<'_>) -> Search {
        let Some(ExactNewton { model, .. }) = &mut self.second.exact else {
            return Search::Failed;
        };
        model.minimize(weights, &self.bounds, &self.current, &mut self.direction)
    }

    /// Goes on along the direction of the last step, farther each time, as long as the merit falls as steeply as before: to
    /// a bound, or without end. Returns whether it does.
    pub(super) fn extend_step(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        if self.second.flat_steps < FLAT_STEPS {
            return false;
        }
        for step in &mut self.direction {
            *step *= self.tuning.flat_growth;
        }
        let slope = math::dot(&self.direction, &self.current.gradient);
        let length = self.line_search(StepKind::Newton, merit, functions);
        if !(length == Some(1.0) && self.is_as_steep(slope)) {
            self.second.flat_steps = 0;
        }
        length.is_some()
    }

    /// Whether the merit still falls along the direction, whose slope was `slope` before the step.
    fn is_as_steep(&self, slope: f64) -> bool {
        math::dot(&self.direction, &self.current.gradient) <= FLAT * slope
    }

    /// Whether the direction moves no variable by more than its round-off.
    fn is_step_round_off(&self) -> bool {
        let limit = self.tuning.negligible_step * f64::EPSILON;
        let mut steps = self.direction.iter().zip(&self.current.u);
        steps.all(|(step, u)| step.abs() <= limit * u.abs())
    }

    /// Looks at the model at the solution: see [`InnerSolver::confirm`](crate::inner::InnerSolver::confirm).
    pub(super) fn confirm_exactly(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        scale: f64,
    ) -> Verdict {
        if self.second.exact.is_none() || mem::take(&mut self.second.is_confirmed) {
            return Verdict::Minimum;
        }
        self.evaluate_model(merit, functions);
        let weights = merit.weights();
        match self.minimize_model(weights) {
            Search::Found => {}
            Search::Unfinished => return Verdict::Unfinished,
            Search::Failed => return Verdict::Minimum,
        }
        let Some(ExactNewton { model, .. }) = &mut self.second.exact else {
            return Verdict::Minimum;
        };
        let direction = &mut self.direction;
        if model.shift() > 0.0 {
            let step = &mut self.next.gradient;
            let curvature = model.lowest_curvature(weights, step);
            if curvature < 0.0 {
                direction.copy_from_slice(step);
                return self.follow(merit, functions, curvature);
            }
        }
        let decrease = -math::dot(direction, &self.current.gradient);
        let is_negligible = !(decrease > self.tuning.negligible_decrease * scale);
        if is_negligible || self.line_search(StepKind::Newton, merit, functions).is_none() {
            return Verdict::Minimum;
        }
        Verdict::Left
    }

    /// Looks for a lower point along the direction, both ways, from steps as long as the point down.
    fn follow(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        curvature: f64,
    ) -> Verdict {
        let slope = math::dot(&self.direction, &self.current.gradient);
        // As long as the point.
        let longest = (1.0 + math::norm_inf(&self.current.u)) / math::norm_inf(&self.direction);
        for step in trial_steps(self.tuning, longest, slope) {
            for (i, next) in self.next.u.iter_mut().enumerate() {
                *next = self.bounds.clamp(i, self.current.u[i] + step * self.direction[i]);
            }
            merit.evaluate(functions, &mut self.next);
            self.is_last_evaluated = false;
            let promised = 0.5 * curvature * step * step;
            let fall = self.next.psi - self.current.psi;
            if self.next.is_finite() && fall < 0.1 * promised && fall < 0.0 {
                self.accept();
                self.second.has_tried_interior = false;
                return Verdict::NoMinimum;
            }
        }
        Verdict::Stationary
    }

    /// Newton step on the optimality conditions, that of an infinite penalty, while residual or violation exceeds its
    /// tolerance and the step reduces it.
    pub(super) fn polish_once(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Search {
        if self.is_polished() || self.second.exact.is_none() {
            return Search::Failed;
        }
        let before = self.quality();
        self.evaluate_model(merit, functions);
        let Some(ExactNewton {
            model,
            exact_penalties,
            ..
        }) = &mut self.second.exact
        else {
            return Search::Failed;
        };
        let weights = Weights {
            multipliers: &self.current.multipliers,
            penalties: exact_penalties,
        };
        let search = model.minimize(weights, &self.bounds, &self.current, &mut self.direction);
        if search != Search::Found {
            return search;
        }
        // A shifted step would lead to no zero of the conditions.
        if model.shift() > 0.0 {
            return Search::Failed;
        }
        for (i, next) in self.next.u.iter_mut().enumerate() {
            *next = self.bounds.clamp(i, self.current.u[i] + self.direction[i]);
        }
        merit.exchange_multipliers(&self.current.multipliers, model.change());
        merit.evaluate(functions, &mut self.next);
        mem::swap(&mut self.current, &mut self.next);
        let last = (self.residual, self.scaled_residual);
        self.measure_residual();
        // A multiplier with the wrong sign is a violation too.
        let error = merit.largest_error(&self.current);
        let violation = self.tuning.polish_violation * error;
        let after = math::max(self.quality(), violation / self.second.tolerances.1);
        let is_solution =
            self.is_polished() && error <= self.tuning.scaled_tolerance * self.second.tolerances.1;
        let is_better = after <= self.tuning.polish_reduction * before || is_solution;
        if self.current.is_finite() && after < f64::INFINITY && is_better {
            self.last_step = Step::new(StepKind::Optimality, 1.0);
            return Search::Found;
        }
        (self.residual, self.scaled_residual) = last;
        mem::swap(&mut self.current, &mut self.next);
        merit.restore_multipliers();
        self.is_last_evaluated = false;
        Search::Failed
    }

    /// Newton steps on the optimality conditions while they help, one a call. [`Search::Found`]: they have led to a
    /// solution.
    pub(super) fn polish_to_end(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Search {
        if !self.current.is_finite() {
            return Search::Failed;
        }
        if self.is_polished() {
            return Search::Found;
        }
        let search = self.polish_once(merit, functions);
        if search != Search::Unfinished {
            // The matrix of a step that is taken has the inertia of a minimum.
            self.second.is_confirmed = search == Search::Found;
        }
        match search {
            Search::Found => Search::Unfinished,
            search => search,
        }
    }

    /// Residual and violation in the units of the method, relative to their tolerances.
    fn quality(&self) -> f64 {
        let violation = self.tuning.polish_violation * self.current.scaled_violation;
        math::max(
            self.scaled_residual / self.second.tolerances.0,
            violation / self.second.tolerances.1,
        )
    }

    /// Whether residual and violation are below their tolerances, in the caller's units and in those of the method.
    pub(super) fn is_polished(&self) -> bool {
        self.residual <= self.second.tolerances.0
            && self.current.violation <= self.second.tolerances.1
            && self.scaled_residual <= self.tuning.scaled_tolerance * self.second.tolerances.0
            && self.current.scaled_violation <= self.tuning.scaled_tolerance * self.second.tolerances.1
    }
}
