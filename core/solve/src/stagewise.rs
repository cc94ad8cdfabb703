//! Inner solver for optimal control: quasi-Newton iterations on the inputs where they are fast, else Newton steps that
//! go through the stages (Riccati), at a cost that is linear in the horizon.
//!
//! A Newton step is that of sequential quadratic programming on inputs and states, with the exact Hessian of every
//! stage's Hamiltonian and the penalties' curvature (Dunn and Bertsekas, JOTA 63, 1989; with free states: Giftthaler et
//! al., IROS 2018). States may leave the trajectory of the inputs on the way (multiple shooting), as long as a filter finds
//! progress in merit or gaps; else, and in single shooting, a step is a rollout with the feedback of the backward sweep.

mod active;
mod curvature;
mod inner;
mod interior;
mod line_search;
mod measure;
mod model;
mod newton;
mod pace;
mod riccati;
pub(crate) mod sensitivity;
#[cfg(test)]
mod tests;
mod trajectory;
mod units;

use alloc::vec;
use alloc::vec::Vec;

use super::functions::{StageFunctions, StageStructure, Structure};
use super::merit::AugmentedLagrangian;
use super::outcome::Outcome;
use super::projected::Projected;
use super::settings::Settings;
use super::status::Step;
use super::tuning::Tuning;
use crate::interior::Filter;
use crate::math;
use active::{Active, Origin};
use interior::Interior;
use measure::{Measured, Tolerances};
use model::Model;
use pace::Pace;
use riccati::Riccati;
use trajectory::Trajectory;

/// Weight of the last barrier, in units of the tolerances.
const INTERIOR_TOLERANCE: f64 = 0.1;

/// State of one inner solve. All memory is allocated once.
#[derive(Clone, Debug)]
pub(crate) struct Stagewise {
    structure: StageStructure,
    tuning: Tuning,
    /// Tolerances of the whole solve.
    tolerances: Tolerances,
    quasi: Projected,
    method: Method,
    /// Interior-point iterations, where states are free and the sets of the constraints consist of bounds.
    interior: Option<Interior>,
    interior_tolerance: f64,
    /// Steps near a solution, under the same conditions.
    active: Option<Active>,
    /// Whether they have led nowhere.
    has_left_interior: bool,
    /// Newton steps of this solve; one that needed more than the exact Hessian counts as several.
    newton_steps: u32,
    /// Inputs at the start.
    start: Vec<f64>,
    /// Whether the present inner solve obeys the tolerances of the whole solve.
    is_final: bool,
    max_multiplier: f64,
    max_penalty: f64,
    /// Whether states may leave the trajectory of the inputs.
    is_free: bool,
    /// Whether Newton steps have led nowhere.
    has_given_up: bool,
    /// Whether the last step was Newton's, with the Hessian of a minimum.
    is_confirmed: bool,
    /// Whether the start was a solution of an earlier solve.
    is_warm: bool,
    /// Whether the bounds of a constraint are equal.
    equations: Vec<bool>,
    pace: Pace,
    current: Trajectory,
    next: Trajectory,
    /// Trajectory to go back to.
    saved: Trajectory,
    /// Where steps near a solution began, and the work at the end of those that failed.
    origin: Origin,
    attempted: u64,
    model: Model,
    riccati: Riccati,
    filter: Filter,
    /// Curvature added along every input.
    shift: f64,
    last_step: Step,
    /// Iterations for which the dynamics count as linear, and how often in a row that was necessary.
    linear_steps: u32,
    linear_failures: u32,
    residual: Measured,
    /// Lowest residual of this inner problem, and number of iterations since it improved.
    best: f64,
    best_value: f64,
    idle_iterations: u32,
    /// Whether the functions were last evaluated at `current`.
    is_last_evaluated: bool,
}

impl Stagewise {
    /// `bounds` are the lower and the upper ones of the inputs.
    pub(crate) fn new(
        structure: StageStructure,
        problem: &Structure,
        bounds: (Vec<f64>, Vec<f64>),
        memory: usize,
        settings: &Settings,
    ) -> Self {
        let tuning = settings.tuning;
        let num_constraints = problem.num_constraints();
        let has_multipliers = problem.constraints.iter().all(|block| block.has_multipliers);
        let constraints = problem
            .constraint_bounds()
            .filter(|_| structure.has_free_states && has_multipliers);
        let trajectory = Trajectory::new(&structure, num_constraints);
        Self {
            tuning,
            tolerances: Tolerances::new(settings),
            quasi: Projected::new(num_constraints, bounds.clone(), memory, tuning),
            method: Method::QuasiNewton,
            active: constraints
                .clone()
                .map(|constraints| Active::new(constraints, settings.delta_tolerance)),
            interior: constraints.map(|constraints| Interior::new(bounds.clone(), constraints)),
            interior_tolerance: INTERIOR_TOLERANCE * math::min(settings.tolerance, settings.delta_tolerance),
            has_left_interior: false,
            newton_steps: 0,
            start: bounds.0.clone(),
            is_final: false,
            max_multiplier: settings.max_multiplier,
            max_penalty: settings.max_penalty,
            is_free: structure.has_free_states,
            has_given_up: false,
            is_confirmed: false,
            is_warm: false,
            equations: equations(problem),
            pace: Pace::default(),
            current: trajectory.clone(),
            saved: trajectory.clone(),
            origin: Origin::Start,
            attempted: 0,
            next: trajectory,
            model: Model::new(&structure),
            riccati: Riccati::new(&structure, bounds),
            filter: Filter::new(),
            shift: 0.0,
            last_step: Step::default(),
            linear_steps: 0,
            linear_failures: 0,
            residual: Measured::INFINITY,
            best: f64::INFINITY,
            best_value: f64::INFINITY,
            idle_iterations: 0,
            is_last_evaluated: true,
            structure,
        }
    }

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

    /// Evaluates at the inputs and, with `follow`, the states they lead to.
    fn evaluate_current(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        follow: bool,
    ) {
        stages.initial_state(&mut self.current.states[..self.structure.num_states]);
        if follow {
            self.current.gaps.fill(0.0);
        }
        let kept = if follow { Some(0.0) } else { None };
        self.current
            .evaluate(&self.structure, merit, stages, |_, _, _| kept);
        self.is_last_evaluated = true;
    }

    fn begin(&mut self) -> Outcome {
        self.best = f64::INFINITY;
        self.best_value = f64::INFINITY;
        self.idle_iterations = 0;
        self.filter.clear(self.current.measure().0);
        self.shift = 0.0;
        (self.linear_steps, self.linear_failures) = (0, 0);
        if !self.current.is_finite() {
            self.residual = Measured::INFINITY;
            return Outcome::NotFinite;
        }
        self.take();
        Outcome::Continue
    }

    /// Measures the residual at `current`.
    fn take(&mut self) {
        let point = &self.current.point;
        let inputs = self.riccati.residual(&point.u, &point.gradient);
        self.residual = inputs.max(self.current.state_residual(&self.structure));
        self.idle_iterations += 1;
        if self.residual.scaled < self.best {
            self.best = self.residual.scaled;
            self.idle_iterations = 0;
        }
        if point.psi < self.best_value && self.tolerances.is_closed(self.current.gap()) {
            self.best_value = point.psi;
            self.idle_iterations = 0;
        }
    }
}

/// Whether the bounds of each constraint are equal.
fn equations(problem: &Structure) -> Vec<bool> {
    match problem.constraint_bounds() {
        Some(bounds) => bounds
            .min
            .iter()
            .zip(&bounds.max)
            .map(|(min, max)| min == max)
            .collect(),
        None => vec![false; problem.num_constraints()],
    }
}

/// Kind of the iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    QuasiNewton,
    Interior,
    Newton,
    Active,
}
