//! Newton steps on the optimality conditions with the bounds and constraints that hold at a nearby solution: sequential
//! quadratic programmes, each solved by a primal-dual active set strategy through the stages. They need a start near a
//! solution, such as that of the last solve, and then few steps.

use alloc::vec;
use alloc::vec::Vec;

use super::functions::{StageFunctions, StageStructure};
use super::model::Model;
use super::riccati::Parts;
use super::trajectory::Trajectory;
use super::{Method, Stagewise};
use crate::functions::Functions;
use crate::inner::{InnerSolver, Outcome};
use crate::math;
use crate::merit::{AugmentedLagrangian, Bounds};
use crate::status::{Step, StepKind};

/// Curvature that stands for an equation between constraint and bound, in units of the largest curvature of the problem.
/// A step leaves about the inverse of it, relative to the change of the multiplier.
const EQUATION_CURVATURE: f64 = 1e6;
/// Work since the last attempt, in units of what the derivatives of all stages cost, that makes another one worthwhile.
const ATTEMPT_WORK: f64 = 4.0;
/// Violation, in units of the tolerance, from which on a constraint becomes active.
const NEGLIGIBLE_VIOLATION: f64 = 0.1;

/// Where steps near a solution began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// At the start of the solve.
    Start,
    /// At the minimiser of a barrier problem, or of the augmented Lagrangian.
    Interior,
    Newton,
    QuasiNewton,
}

/// Constraints that count as equations.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) bounds: Bounds,
    /// Bound that each constraint is held at.
    held: Vec<Option<f64>>,
    /// Multipliers at the end of the present step, and at the start.
    multipliers: Vec<f64>,
    first_multipliers: Vec<f64>,
    /// Curvature and slope that stand for each constraint in its stage's Hessian and gradient.
    curvature: Vec<f64>,
    slope: Vec<f64>,
    slack: f64,
    /// Unit of each constraint in the caller's.
    pub(super) units: Vec<f64>,
    /// Largest curvature of the problem.
    unit: f64,
    /// Steps since the beginning, and what the last one left of the optimality conditions, in units of the tolerances.
    steps: u32,
    error: f64,
}

impl Active {
    pub(super) fn new(bounds: Bounds, gap_tolerance: f64) -> Self {
        let zeros = vec![0.0; bounds.min.len()];
        Self {
            held: vec![None; zeros.len()],
            multipliers: zeros.clone(),
            first_multipliers: zeros.clone(),
            curvature: zeros.clone(),
            units: vec![1.0; zeros.len()],
            slope: zeros,
            slack: NEGLIGIBLE_VIOLATION * gap_tolerance,
            unit: 1.0,
            steps: 0,
            error: f64::INFINITY,
            bounds,
        }
    }

    /// Bound at which a constraint is held that has this multiplier or lies behind it.
    fn choose(&self, i: usize, value: f64, y: f64) -> Option<f64> {
        let (min, max) = (self.bounds.min[i], self.bounds.max[i]);
        let slack = self.slack(i);
        if min >= max || y < 0.0 || value < min - slack {
            return Some(min);
        }
        (y > 0.0 || value > max + slack).then_some(max)
    }

    /// Violation from which on constraint `i` becomes active: negligible in both units.
    fn slack(&self, i: usize) -> f64 {
        self.slack / math::max(1.0, self.units[i])
    }

    /// Curvature that stands for constraint `i`; 0 if it does not hold.
    pub(super) fn curvature(&self, i: usize) -> f64 {
        self.curvature[i]
    }

    /// Whether constraint `i` is held at a bound that it could leave.
    pub(super) fn is_bound_held(&self, i: usize) -> bool {
        self.held[i].is_some() && self.bounds.min[i] < self.bounds.max[i]
    }

    /// Whether constraint `i` is at a bound that does not hold it.
    pub(super) fn is_weak(&self, i: usize, value: f64) -> bool {
        let distance = math::min(value - self.bounds.min[i], self.bounds.max[i] - value);
        self.held[i].is_none() && distance <= self.slack(i)
    }

    /// Changes what stands for constraint `i`, in the model and in the gradient.
    fn weigh(
        &mut self,
        structure: &StageStructure,
        model: &mut Model,
        trajectory: &mut Trajectory,
        (t, i): (usize, usize),
    ) {
        let y = trajectory.point.multipliers[i];
        let (curvature, slope) = match self.held[i] {
            None => (0.0, -y),
            Some(bound) => {
                let row = model.constraint(structure, i);
                let curvature =
                    EQUATION_CURVATURE * self.unit / math::max(f64::MIN_POSITIVE, math::dot(row, row));
                (curvature, curvature * (trajectory.point.constraints[i] - bound))
            }
        };
        model.curve(structure, t, i, curvature - self.curvature[i]);
        let nz = structure.num_stage_variables();
        let row = model.constraint(structure, i);
        math::add(
            &mut trajectory.gradients[t * nz..(t + 1) * nz],
            slope - self.slope[i],
            row,
        );
        (self.curvature[i], self.slope[i]) = (curvature, slope);
    }
}

impl Stagewise {
    /// Numbers that the solver holds, about; `None` if it takes no steps near a solution.
    pub(crate) fn memory(&self) -> Option<usize> {
        self.active.as_ref()?;
        let StageStructure {
            num_states: nx,
            num_inputs: nu,
            ..
        } = self.structure;
        let nz = nx + nu;
        let stage = nz * nx + nz * nz + nx * nx + nu * nx + 30 * nz + 40 * nu;
        let stages = (self.structure.horizon + 1).saturating_mul(stage);
        Some(stages.saturating_add(self.structure.num_constraints().saturating_mul(nz + 30)))
    }

    /// One step near a solution; other iterations if that was not near enough.
    pub(super) fn active(
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
                if let Some(outcome) = self.try_interior(merit, functions, true) {
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
    pub(super) fn try_active(
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
    pub(super) fn restore(&mut self, merit: &mut AugmentedLagrangian, stages: &mut dyn StageFunctions) {
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
    pub(super) fn begin_active(
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
    pub(super) fn forget_active(&mut self, merit: &mut AugmentedLagrangian) {
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

    pub(super) fn active_error(&self) -> f64 {
        self.active.as_ref().map_or(f64::INFINITY, |active| active.error)
    }

    /// One step, or the end.
    pub(super) fn iterate_active(
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
    pub(super) fn step_active(
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
        true
    }

    /// Gives the constraints that hold their curvature and slope.
    pub(super) fn weigh_active(&mut self) {
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
    riccati: &super::riccati::Riccati,
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
