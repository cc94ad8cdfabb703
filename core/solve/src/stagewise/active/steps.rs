//! Newton steps on the optimality conditions with the bounds and constraints that hold at a nearby solution: sequential
//! quadratic programmes, each solved by a primal-dual active set strategy through the stages. They need a start near a
//! solution, such as that of the last solve, and then few steps.

use super::{Active, Origin};
use crate::functions::{Functions, StageFunctions, StageStructure};
use crate::inner::InnerSolver;
use crate::math;
use crate::merit::AugmentedLagrangian;
use crate::outcome::Outcome;
use crate::stagewise::interior::FirstStates;
use crate::stagewise::model::Model;
use crate::stagewise::riccati::{Parts, Riccati};
use crate::stagewise::trajectory::Trajectory;
use crate::stagewise::{Method, Stagewise};
use crate::status::{Step, StepKind};

/// Work since the last attempt, in units of what the derivatives of all stages cost, that makes another one worthwhile.
const ATTEMPT_WORK: f64 = 4.0;

impl Stagewise {
    /// One step near a solution; other iterations if that was not near enough.
    pub(in crate::stagewise) fn active(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        let outcome = self.iterate_active(merit, stages);
        if outcome != Outcome::Stalled {
            return outcome;
        }
        self.forget_active(merit);
        match self.origin {
            Origin::Start => {
                self.restore(merit, stages);
                if let Some(outcome) = self.try_interior(merit, functions, FirstStates::Present) {
                    return outcome;
                }
                self.return_to_newton(merit, functions)
            }
            Origin::QuasiNewton => {
                self.method = Method::QuasiNewton;
                self.attempted = merit.work();
                // The functions were evaluated elsewhere since.
                merit.evaluate(functions, self.quasi.start_point());
                self.resume(merit, functions)
            }
            Origin::Interior => {
                self.method = Method::Interior;
                self.restore(merit, stages);
                Outcome::Continue
            }
            Origin::Newton => {
                self.restore(merit, stages);
                self.return_to_newton(merit, functions)
            }
        }
    }

    /// Begins steps near a solution at the quasi-Newton method's, with the multipliers of `merit`, if they cost little in
    /// comparison with what was spent since the last attempt.
    pub(in crate::stagewise) fn try_active(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        let spent = merit.work().saturating_sub(self.attempted) as f64;
        if self.active.is_none() || spent <= ATTEMPT_WORK * self.structure.expansion_work {
            return false;
        }
        let Some(stages) = functions.stages() else {
            return false;
        };
        self.attempted = merit.work();
        self.current.point.u.copy_from_slice(&self.quasi.solution().u);
        self.evaluate_current(merit, stages, true);
        self.current.differentiate(&self.structure, stages, true);
        let has_begun = self.begin_active(merit, stages, Origin::QuasiNewton);
        if !has_begun {
            self.method = Method::QuasiNewton;
        }
        has_begun
    }

    /// Goes back to the saved trajectory.
    pub(in crate::stagewise) fn restore(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
    ) {
        self.current.copy_from(&self.saved);
        self.evaluate_current(merit, stages, false);
        self.current
            .point
            .multipliers
            .copy_from_slice(&self.saved.point.multipliers);
        self.current.differentiate(&self.structure, stages, false);
    }

    /// Goes on at the present trajectory with Newton steps on the augmented Lagrangian.
    fn return_to_newton(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        (self.method, self.is_free) = (Method::Newton, self.structure.has_free_states);
        self.evaluate_current(merit, stages, false);
        self.current.differentiate(&self.structure, stages, true);
        self.begin()
    }

    /// Begins with the multipliers of `merit` at the present inputs and states. Returns false where sets do not consist of
    /// bounds.
    pub(in crate::stagewise) fn begin_active(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        origin: Origin,
    ) -> bool {
        self.origin = origin;
        let Some(active) = &mut self.active else {
            return false;
        };
        for (i, y) in merit.multipliers.iter().enumerate() {
            active.held[i] = active.choose(i, self.current.point.constraints[i], *y);
        }
        active.steps = 0;
        active.first_multipliers.copy_from_slice(&merit.multipliers);
        self.current.point.multipliers.copy_from_slice(&merit.multipliers);
        self.current.differentiate(&self.structure, stages, false);
        (self.method, self.is_free) = (Method::Active, true);
        self.measure_active();
        self.active
            .as_ref()
            .is_some_and(|active| active.error.is_finite())
    }

    /// Takes the multipliers of the start again, after steps that failed.
    fn forget_active(&mut self, merit: &mut AugmentedLagrangian) {
        self.is_confirmed = false;
        if let Some(active) = &self.active {
            merit.multipliers.copy_from_slice(&active.first_multipliers);
        }
    }

    /// What the present point lacks to the optimality conditions, in units of the tolerances.
    fn measure_active(&mut self) {
        let point = &self.current.point;
        let inputs = self.riccati.residual(&point.u, &point.gradient);
        self.residual = inputs.max(self.current.state_residual(&self.structure));
        let Some(active) = &mut self.active else { return };
        let mut missing = self.current.violation();
        for (i, y) in point.multipliers.iter().enumerate() {
            if let (true, Some(bound)) = (*y != 0.0, active.held[i]) {
                missing.include((point.constraints[i] - bound).abs(), active.units[i]);
            }
        }
        active.error = self.tolerances.excess(self.residual, missing);
    }

    pub(in crate::stagewise) fn active_error(&self) -> f64 {
        self.active.as_ref().map_or(f64::INFINITY, |active| active.error)
    }

    /// One step, or the end.
    fn iterate_active(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
    ) -> Outcome {
        let Some(active) = &mut self.active else {
            return Outcome::Stalled;
        };
        if active.error <= 1.0 {
            self.is_final = true;
            return Outcome::Converged;
        }
        active.steps += 1;
        let growth = match self.origin {
            Origin::Start => self.tuning.active_growth,
            _ => 1.0,
        };
        if active.steps > self.tuning.max_active_steps || !self.step_active(merit, stages, growth) {
            return Outcome::Stalled;
        }
        Outcome::Continue
    }

    /// Moves by one step, unless it multiplies the error by more than `growth`. Returns whether it did.
    pub(in crate::stagewise) fn step_active(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        growth: f64,
    ) -> bool {
        let last = self.active_error();
        merit.hessian_evaluations += 1;
        self.model
            .expand(&self.structure, stages, &self.current, false, |_| 0.0);
        if !self.solve_active() {
            return false;
        }
        let Self {
            structure,
            current,
            next,
            riccati,
            active: Some(active),
            ..
        } = self
        else {
            return false;
        };
        for (i, u) in next.point.u.iter_mut().enumerate() {
            *u = riccati.clamp(i, current.point.u[i] + riccati.inputs[i]);
        }
        for (i, x) in next.states.iter_mut().enumerate() {
            *x = current.states[i] + riccati.states[i];
        }
        next.evaluate(structure, merit, stages, |_, _, _| None);
        next.point.multipliers.copy_from_slice(&active.multipliers);
        self.accept(stages, 1.0);
        self.measure_active();
        self.last_step = Step::new(StepKind::Stages, 1.0);
        if !self.current.is_finite() || !(self.active_error() <= growth * last) {
            core::mem::swap(&mut self.current, &mut self.next);
            return false;
        }
        merit.multipliers.copy_from_slice(&self.current.point.multipliers);
        self.is_confirmed = true;
        true
    }

    /// Gives the constraints that hold their curvature and slope.
    pub(in crate::stagewise) fn weigh_active(&mut self) {
        let Self {
            structure,
            current,
            model,
            active: Some(active),
            ..
        } = self
        else {
            return;
        };
        let largest = model.largest_curvature();
        active.unit = if largest > 0.0 { largest } else { 1.0 };
        active.curvature.fill(0.0);
        active.slope.fill(0.0);
        for t in 0..=structure.horizon {
            for i in structure.first_constraints[t]..structure.first_constraints[t + 1] {
                active.weigh(structure, model, current, (t, i));
            }
        }
    }

    /// Solves the quadratic programme. Returns false if its active set is not found, or a curvature is negative.
    fn solve_active(&mut self) -> bool {
        self.weigh_active();
        let Self {
            structure,
            current,
            model,
            riccati,
            active: Some(active),
            ..
        } = self
        else {
            return false;
        };
        riccati.hold_at_bounds(current);
        for _ in 0..self.tuning.stage_sweeps {
            let mut parts = Parts {
                structure,
                model,
                trajectory: current,
            };
            let Some(mut is_changed) = riccati.solve_held(&mut parts) else {
                return false;
            };
            is_changed |= revise(structure, model, riccati, current, active);
            if !is_changed {
                riccati.weigh_states(structure);
                return riccati.is_finite();
            }
        }
        false
    }
}

/// Releases and holds constraints as the present step asks for, and computes the multipliers at its end. Returns whether
/// anything has changed.
fn revise(
    structure: &StageStructure,
    model: &mut Model,
    riccati: &Riccati,
    current: &mut Trajectory,
    active: &mut Active,
) -> bool {
    let (nx, nu) = (structure.num_states, structure.num_inputs);
    let mut is_changed = false;
    for t in 0..=structure.horizon {
        let dx = &riccati.states[t * nx..(t + 1) * nx];
        let du = riccati.inputs.get(t * nu..(t + 1) * nu).unwrap_or_default();
        for i in structure.first_constraints[t]..structure.first_constraints[t + 1] {
            let row = model.constraint(structure, i);
            let rate = math::dot(&row[..nx], dx) + math::dot(&row[nx..nx + du.len()], du);
            let value = current.point.constraints[i] + rate;
            let y = match active.held[i] {
                Some(_) => current.point.multipliers[i] + active.slope[i] + active.curvature[i] * rate,
                None => 0.0,
            };
            active.multipliers[i] = y;
            let held = match active.held[i] {
                None => active.choose(i, value, 0.0),
                Some(bound) => {
                    let (min, max) = (active.bounds.min[i], active.bounds.max[i]);
                    let is_kept = min >= max || (bound == max && y >= 0.0) || (bound == min && y <= 0.0);
                    is_kept.then_some(bound)
                }
            };
            if held != active.held[i] {
                active.held[i] = held;
                active.weigh(structure, model, current, (t, i));
                is_changed = true;
            }
        }
    }
    is_changed
}
