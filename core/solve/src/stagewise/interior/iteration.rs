//! Interior-point iterations on inputs, states and slacks of the constraints: Newton steps on the optimality conditions of
//! a barrier problem, with multiple shooting, a filter line search, and the inertia corrected by curvature along inputs and
//! states (Waechter and Biegler, Math. Program. 106, 2006; through the stages: Vanroye et al., IROS 2023).

use super::{BARRIER_ERROR, Interior};
use crate::functions::{Functions, StageFunctions};
use crate::interior::Barrier;
use crate::math;
use crate::merit::AugmentedLagrangian;
use crate::outcome::Outcome;
use crate::stagewise::riccati::Parts;
use crate::stagewise::{Method, Stagewise};
use crate::status::{Step, StepKind};

/// Curvature that stands for an equation between constraint and bound.
const EQUATION_CURVATURE: f64 = 1e7;
/// First shift, its growth where none was needed before, and the largest.
const FIRST_GROWTH: f64 = 100.0;
const LARGEST_SHIFT: f64 = 1e20;
/// Largest number of halvings along a step.
const MAX_HALVINGS: u32 = 25;
/// Length below which a step counts as short, and growth of the barrier's weight after some of them.
const SHORT_STEP: f64 = 0.05;
const WEIGHT_GROWTH: f64 = 10.0;
/// Length to which bounds shorten a step below which each value is shortened on its own, if the filter lets it. Measured.
const CREEPING_STEP: f64 = 1.0 / 128.0;
/// First weight from a start near a solution, in units of that from any other.
const WARM_WEIGHT: f64 = 1e-2;
/// Growth of the shift after a line search that failed, and how often it grows.
const SEARCH_GROWTH: f64 = 100.0;
const MAX_SEARCHES: u32 = 6;

/// States at which interior-point iterations begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stagewise) enum FirstStates {
    /// Those that the inputs lead to; where these run away, as [`AtRest`](Self::AtRest).
    RollOut,
    /// The initial one at all stages.
    AtRest,
    /// The present ones, which are near a solution.
    Present,
}

impl Stagewise {
    /// Changes from Newton steps that are no longer Newton's, or become too many, to interior-point iterations from the
    /// start.
    pub(in crate::stagewise) fn try_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        first: FirstStates,
    ) -> Option<Outcome> {
        if self.interior.is_none() || self.has_left_interior {
            return None;
        }
        if self.begin_interior(merit, functions, first) == Outcome::Continue {
            return Some(Outcome::Continue);
        }
        self.has_left_interior = true;
        Some(self.begin_newton(merit, functions, self.structure.has_free_states))
    }

    /// One interior-point iteration; at their end Newton steps from their solution, with its multipliers, take away what
    /// is left of the barrier.
    pub(in crate::stagewise) fn interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let outcome = match functions.stages() {
            Some(stages) => self.iterate_interior(merit, stages),
            None => Outcome::Stalled,
        };
        match (outcome, functions.stages()) {
            (Outcome::Continue, _) => Outcome::Continue,
            (Outcome::Converged, Some(stages)) => {
                if !self.finish_interior(merit, stages) {
                    return Outcome::Continue;
                }
                (self.method, self.is_free, self.is_final) = (Method::Newton, true, true);
                self.has_left_interior = true;
                self.begin()
            }
            _ => {
                self.has_left_interior = true;
                self.begin_newton(merit, functions, self.structure.has_free_states)
            }
        }
    }

    /// Begins interior-point iterations at the inputs of the start.
    fn begin_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        first: FirstStates,
    ) -> Outcome {
        let is_warm = first == FirstStates::Present;
        let (Some(stages), Some(interior)) = (functions.stages(), &mut self.interior) else {
            return Outcome::Stalled;
        };
        self.method = Method::Interior;
        (self.is_free, self.is_confirmed) = (true, false);
        for (i, u) in self.start.iter().enumerate() {
            self.current.point.u[i] = interior.inputs.inside(i, *u);
        }
        if first != FirstStates::AtRest {
            self.evaluate_current(merit, stages, !is_warm);
        }
        let is_lost = first != FirstStates::AtRest && !self.current.is_finite();
        if is_lost || first == FirstStates::AtRest {
            self.evaluate_at_rest(merit, stages);
        }
        let Some(interior) = &mut self.interior else {
            return Outcome::Stalled;
        };
        for (i, g) in self.current.point.constraints.iter().enumerate() {
            interior.values[i] = interior.slacks.inside(i, *g);
        }
        // The weight of the barrier comes from the slopes along the inputs, unless these overflow or nearly so.
        self.current.point.multipliers.fill(0.0);
        self.current.differentiate(&self.structure, stages, !is_warm);
        let mean = interior.mean_slope(&self.current.point.gradient);
        let fraction = if is_warm { WARM_WEIGHT } else { 1.0 };
        let mu = fraction * self.tuning.interior_weight * mean;
        let mu = if mu.is_finite() && !is_lost {
            math::max(mu, self.tolerances.violation)
        } else {
            1.0
        };
        (interior.mu, interior.first_mu) = (mu, mu);
        interior.floor = self.interior_tolerance;
        interior.inputs.reset(&self.current.point.u, mu);
        interior.slacks.reset(&interior.values, mu);
        if is_warm {
            interior.multipliers.copy_from_slice(&merit.multipliers);
        } else {
            interior.multipliers.fill(0.0);
            self.current.adjoints.fill(0.0);
        }
        self.current
            .point
            .multipliers
            .copy_from_slice(&interior.multipliers);
        (interior.shift, interior.iterations, interior.short_steps) = (0.0, 0, 0);
        self.current.differentiate(&self.structure, stages, false);
        let start = interior.measure(&self.current, &interior.values);
        interior.filter.clear(start.0);
        if self.current.is_finite() {
            self.residual = interior.error(&self.structure, &self.current, 0.0);
            Outcome::Continue
        } else {
            Outcome::Stalled
        }
    }

    /// Evaluates at the inputs, and at states that stay what the first one is.
    pub(in crate::stagewise) fn evaluate_at_rest(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
    ) {
        let nx = self.structure.num_states;
        stages.initial_state(&mut self.current.states[..nx]);
        for t in 1..=self.structure.horizon {
            self.current.states.copy_within(..nx, t * nx);
        }
        self.evaluate_current(merit, stages, false);
    }

    /// One interior-point iteration.
    fn iterate_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
    ) -> Outcome {
        let Some(interior) = &mut self.interior else {
            return Outcome::Stalled;
        };
        if interior.iterations >= self.tuning.max_interior_iterations {
            return Outcome::Stalled;
        }
        interior.iterations += 1;
        let smallest = interior.floor;
        if interior.error(&self.structure, &self.current, 0.0).scaled <= BARRIER_ERROR * smallest {
            return Outcome::Converged;
        }
        if interior.mu > smallest
            && interior.error(&self.structure, &self.current, interior.mu).scaled
                <= BARRIER_ERROR * interior.mu
            && self.lower_weight(merit, stages)
        {
            return Outcome::Continue;
        }
        let Some(interior) = &mut self.interior else {
            return Outcome::Stalled;
        };
        merit.hessian_evaluations += 1;
        interior.weigh(&self.current, EQUATION_CURVATURE);
        self.model
            .expand(&self.structure, stages, &self.current, false, |i| {
                interior.curvature[i]
            });
        self.add_barrier();
        let mut shift = 0.0;
        for _ in 0..MAX_SEARCHES {
            if !self.find_direction(shift) {
                return Outcome::Stalled;
            }
            if self.search_interior(merit, stages) == Outcome::Continue {
                return Outcome::Continue;
            }
            // With more curvature the step becomes the shortest one that closes the gaps.
            shift = SEARCH_GROWTH * math::max(self.tuning.first_shift, self.last_step.regularisation);
        }
        Outcome::Stalled
    }

    /// Adds the barrier to the inputs' curvature and gradient, and the slopes of slacks and multipliers to the gradient.
    fn add_barrier(&mut self) {
        let Some(interior) = &mut self.interior else {
            return;
        };
        let Self {
            structure,
            model,
            current,
            ..
        } = self;
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        for (i, u) in current.point.u.iter().enumerate() {
            let (t, a) = (i / nu, nx + i % nu);
            model.add_curvature(structure, t, a, interior.inputs.curvature(i, *u));
            current.gradients[t * nz + a] += interior.inputs.slope(i, *u, interior.mu);
        }
        for t in 0..=structure.horizon {
            let gradient = &mut current.gradients[t * nz..(t + 1) * nz];
            for i in structure.first_constraints[t]..structure.first_constraints[t + 1] {
                let change = interior.slope[i] - interior.multipliers[i];
                math::add(gradient, change, model.constraint(structure, i));
            }
        }
    }

    /// Solves for a step, with the least shift, but at least `shift`, that makes it one of descent.
    fn find_direction(&mut self, mut shift: f64) -> bool {
        let Some(interior) = &mut self.interior else {
            return false;
        };
        let last = interior.shift;
        loop {
            self.model.shift_all(&self.structure, shift);
            let mut parts = Parts {
                structure: &self.structure,
                model: &mut self.model,
                trajectory: &self.current,
            };
            if self.riccati.minimize_free(&mut parts) {
                break;
            }
            shift = match (shift > 0.0, last > 0.0) {
                (false, false) => self.tuning.first_shift,
                (false, true) => math::max(self.tuning.min_shift, self.tuning.shift_decay * last),
                (true, false) => FIRST_GROWTH * shift,
                (true, true) => self.tuning.shift_growth * shift,
            };
            if shift > LARGEST_SHIFT || !self.model.is_finite() {
                return false;
            }
        }
        if shift > 0.0 {
            interior.shift = shift;
        }
        self.last_step.regularisation = shift;
        // Steps of slacks and multipliers.
        let Self {
            structure,
            model,
            riccati,
            current,
            ..
        } = self;
        let (nx, nu) = (structure.num_states, structure.num_inputs);
        for t in 0..=structure.horizon {
            let dx = &riccati.states[t * nx..(t + 1) * nx];
            let du = riccati.inputs.get(t * nu..(t + 1) * nu).unwrap_or_default();
            for i in structure.first_constraints[t]..structure.first_constraints[t + 1] {
                let row = model.constraint(structure, i);
                let rate = math::dot(&row[..nx], dx) + math::dot(&row[nx..nx + du.len()], du);
                let missing = current.point.constraints[i] - interior.values[i];
                interior.slack_step[i] = if interior.slacks.is_fixed(i) {
                    0.0
                } else {
                    rate + missing
                };
                let y = interior.slope[i] + interior.curvature[i] * rate;
                interior.multiplier_step[i] = y - interior.multipliers[i];
            }
        }
        true
    }

    /// Moves along the step as far as the filter allows.
    fn search_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
    ) -> Outcome {
        let Some(mut interior) = self.interior.take() else {
            return Outcome::Stalled;
        };
        let mu = interior.mu;
        let of_inputs = interior
            .inputs
            .longest(&self.current.point.u, &self.riccati.inputs, mu);
        let of_slacks = interior
            .slacks
            .longest(&interior.values, &interior.slack_step, mu);
        let dual = math::min(of_inputs.1, of_slacks.1);
        let mut tau = math::min(of_inputs.0, of_slacks.0);
        let slope = self.barrier_slope(&interior);
        let from = interior.measure(&self.current, &interior.values);
        let round_off = self.tuning.round_off * f64::EPSILON;
        let mut outcome = Outcome::Stalled;
        if tau < CREEPING_STEP {
            self.evaluate_interior(&mut interior, merit, stages, 1.0, true);
            let trial = interior.measure(&self.next, &interior.next_values);
            let is_finite = self.next.is_finite() && trial.1.is_finite();
            if is_finite && interior.filter.accept(from, trial, 1.0, slope, round_off) {
                outcome = Outcome::Continue;
                tau = 1.0;
            }
        }
        for _ in 0..MAX_HALVINGS {
            if outcome == Outcome::Continue {
                break;
            }
            self.evaluate_interior(&mut interior, merit, stages, tau, false);
            let trial = interior.measure(&self.next, &interior.next_values);
            let is_finite = self.next.is_finite() && trial.1.is_finite();
            if is_finite && interior.filter.accept(from, trial, tau, slope, round_off) {
                outcome = Outcome::Continue;
                break;
            }
            tau *= 0.5;
        }
        if outcome == Outcome::Continue {
            self.accept_interior(&mut interior, stages, tau, dual);
        }
        self.interior = Some(interior);
        outcome
    }

    /// Evaluates at the trial of length `tau`.
    fn evaluate_interior(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        tau: f64,
        is_clipped: bool,
    ) {
        let Self {
            structure,
            current,
            next,
            riccati,
            ..
        } = self;
        let clip = |barrier: &Barrier, i: usize, value: f64, step: f64| match is_clipped {
            true => barrier.shorten(i, value, step),
            false => tau * step,
        };
        for (i, u) in next.point.u.iter_mut().enumerate() {
            let from = current.point.u[i];
            *u = from + clip(&interior.inputs, i, from, riccati.inputs[i]);
        }
        for (i, x) in next.states.iter_mut().enumerate() {
            *x = current.states[i] + tau * riccati.states[i];
        }
        for (i, s) in interior.next_values.iter_mut().enumerate() {
            let from = interior.values[i];
            *s = from + clip(&interior.slacks, i, from, interior.slack_step[i]);
        }
        next.evaluate(structure, merit, stages, |_, _, _| None);
    }

    /// Moves to the trial of length `tau`; `dual` is the length of the step of the bounds' multipliers.
    fn accept_interior(
        &mut self,
        interior: &mut Interior,
        stages: &mut dyn StageFunctions,
        tau: f64,
        dual: f64,
    ) {
        let mu = interior.mu;
        let regularisation = self.last_step.regularisation;
        self.last_step = Step::new(StepKind::Interior, tau);
        self.last_step.regularisation = regularisation;
        interior.inputs.advance(
            &self.current.point.u,
            &self.riccati.inputs,
            &self.next.point.u,
            mu,
            dual,
        );
        interior.slacks.advance(
            &interior.values,
            &interior.slack_step,
            &interior.next_values,
            mu,
            dual,
        );
        math::add(&mut interior.multipliers, tau, &interior.multiplier_step);
        core::mem::swap(&mut interior.values, &mut interior.next_values);
        self.next.point.multipliers.copy_from_slice(&interior.multipliers);
        self.accept(stages, tau);
        self.residual = interior.error(&self.structure, &self.current, 0.0);
        interior.short_steps = if tau < SHORT_STEP {
            interior.short_steps + 1
        } else {
            0
        };
        if interior.short_steps >= self.tuning.interior_patience && interior.mu < interior.first_mu {
            interior.short_steps = 0;
            interior.mu = math::min(interior.first_mu, WEIGHT_GROWTH * interior.mu);
            let at = interior.measure(&self.current, &interior.values);
            interior.filter.clear(at.0);
        }
    }

    /// Slope of cost and barrier along the step.
    fn barrier_slope(&self, interior: &Interior) -> f64 {
        // That of the Lagrangian without what the equations contribute, which fall linearly.
        let mut slope = self.slope();
        let point = &self.current.point;
        for (i, y) in interior.multipliers.iter().enumerate() {
            let row_step = interior.slack_step[i] - (point.constraints[i] - interior.values[i]);
            let change = interior.slope[i] - y;
            let rate = if interior.slacks.is_fixed(i) {
                (interior.multiplier_step[i] - change) / interior.curvature[i]
            } else {
                row_step
            };
            // The gradients hold `slope` times the constraint's rate.
            slope -= interior.slope[i] * rate;
            slope += interior.slacks.slope(i, interior.values[i], interior.mu) * interior.slack_step[i];
        }
        slope
    }
}
