//! Inner solver for optimal control: quasi-Newton iterations on the inputs where they are fast, else Newton steps that
//! go through the stages (Riccati), at a cost that is linear in the horizon.
//!
//! A Newton step is that of sequential quadratic programming on inputs and states, with the exact Hessian of every
//! stage's Hamiltonian and the penalties' curvature (Dunn and Bertsekas, JOTA 63, 1989; with free states: Giftthaler et
//! al., IROS 2018). States may leave the trajectory of the inputs on the way (multiple shooting), as long as a filter finds
//! progress in merit or gaps; else, and in single shooting, a step is a rollout with the feedback of the backward sweep.

mod active;
mod functions;
mod interior;
mod line_search;
mod measure;
mod model;
mod pace;
mod riccati;
mod sensitivity;
#[cfg(test)]
mod tests;
mod trajectory;
mod units;

use alloc::vec::Vec;

pub use functions::{StageFunctions, StageStructure};
pub(crate) use sensitivity::Differential;

use super::functions::{Functions, Structure};
use super::inner::{Horizon, InnerSolver, Outcome, Search};
use super::merit::{AugmentedLagrangian, Point};
use super::projected::Projected;
use super::settings::Settings;
use super::status::{Step, StepKind};
use super::tuning::Tuning;
use super::units::{Scaled, Units};
use crate::interior::Filter;
use crate::math;
use active::{Active, Origin};
use interior::Interior;
use measure::{Measured, Tolerances};
use model::{Model, penalty};
use pace::Pace;
use riccati::{Parts, Riccati};
use trajectory::Trajectory;

/// Largest number of iterations in a row whose dynamics count as linear.
const MAX_LINEAR_STEPS: u32 = 3;
/// Iterations without progress after which states are free no longer.
const FREE_IDLE_ITERATIONS: u32 = 15;
/// Newton steps that one which needed more than the exact Hessian counts as.
const TROUBLED_STEPS: u32 = 3;
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

    /// Changes from the quasi-Newton method to Newton steps at its point.
    fn begin_newton(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        is_free: bool,
    ) -> Outcome {
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        (self.method, self.is_free) = (Method::Newton, is_free);
        self.current.point.u.copy_from_slice(&self.quasi.solution().u);
        self.evaluate_current(merit, stages, true);
        // Free states begin without multipliers: those of a trajectory that is far from a solution may be huge.
        self.current.adjoints.fill(0.0);
        self.current.differentiate(&self.structure, stages, !is_free);
        self.begin()
    }

    /// Changes from Newton steps that are no longer Newton's, or become too many, to interior-point iterations from the
    /// start.
    fn try_interior(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        is_warm: bool,
    ) -> Option<Outcome> {
        if self.interior.is_none() || self.has_left_interior {
            return None;
        }
        if self.begin_interior(merit, functions, is_warm) == Outcome::Continue {
            return Some(Outcome::Continue);
        }
        self.has_left_interior = true;
        Some(self.begin_newton(merit, functions, self.structure.has_free_states))
    }

    /// One interior-point iteration; at their end Newton steps from their solution, with its multipliers, take away what
    /// is left of the barrier.
    fn interior(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
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

    /// Goes on from the last rollout with the quasi-Newton method, for the rest of the solve.
    fn end_newton(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
        (self.method, self.has_given_up) = (Method::QuasiNewton, true);
        self.is_final = false;
        let point = self.quasi.start_point();
        point.u.copy_from_slice(&self.current.point.u);
        merit.evaluate(functions, point);
        self.quasi.resume(merit, functions)
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

    /// One Newton iteration, or the change to states that obey the dynamics where free ones lead nowhere.
    fn newton(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerance: f64,
    ) -> Outcome {
        let is_small =
            self.tolerances.is_small(self.residual) || (!self.is_final && self.residual.scaled <= tolerance);
        if is_small && self.tolerances.is_closed(self.current.gap()) {
            return Outcome::Converged;
        }
        if self.newton_steps >= self.tuning.stage_newton_limit
            && let Some(outcome) = self.try_interior(merit, functions, false)
        {
            return outcome;
        }
        let idle = if self.is_free {
            FREE_IDLE_ITERATIONS
        } else {
            self.tuning.max_idle_iterations
        };
        let outcome = if self.idle_iterations >= idle {
            Outcome::Stalled
        } else {
            self.newton_iteration(merit, functions)
        };
        match outcome {
            Outcome::Stalled if self.is_free => self.begin_newton(merit, functions, false),
            Outcome::Stalled => self.end_newton(merit, functions),
            outcome => outcome,
        }
    }

    fn newton_iteration(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        if !self.is_last_evaluated {
            self.evaluate_current(merit, stages, false);
            self.current.differentiate(&self.structure, stages, false);
        }
        merit.hessian_evaluations += 1;
        let is_linear = self.linear_steps > 0;
        self.model.expand(
            &self.structure,
            stages,
            &self.current,
            is_linear,
            penalty(merit, &self.current),
        );
        self.linear_steps = self.linear_steps.saturating_sub(1);
        let mut is_troubled = false;
        for attempt in 0..self.tuning.max_trials {
            self.model.raise_shift(&self.structure, self.shift);
            let mut parts = Parts {
                structure: &self.structure,
                model: &mut self.model,
                trajectory: &self.current,
            };
            let is_solved = self.riccati.minimize(&mut parts, self.tuning.stage_sweeps);
            is_troubled |= !is_solved || attempt > 0;
            if !is_solved && !self.model.is_linear {
                self.linear_failures += 1;
                self.linear_steps = self.linear_failures.min(MAX_LINEAR_STEPS);
                self.model.expand(
                    &self.structure,
                    stages,
                    &self.current,
                    true,
                    penalty(merit, &self.current),
                );
                continue;
            }
            if is_solved && !self.model.is_linear {
                self.linear_failures = 0;
            }
            if is_solved && let Some(tau) = self.line_search(merit, stages, attempt) {
                self.finish_step(tau, is_troubled);
                return Outcome::Continue;
            }
            if !self.model.is_finite() {
                return Outcome::Stalled;
            }
            self.shift = math::max(1e-4, 10.0 * self.shift);
        }
        Outcome::Stalled
    }

    /// Takes note of a step of length `tau`.
    fn finish_step(&mut self, tau: f64, is_troubled: bool) {
        self.last_step = Step::new(StepKind::Stages, tau);
        self.last_step.regularisation = self.shift;
        self.shift = if tau == 1.0 { self.shift / 10.0 } else { self.shift };
        if self.shift < 1e-8 {
            self.shift = 0.0;
        }
        self.take();
        self.newton_steps += self.effort(is_troubled);
    }

    /// Steps that one counts as. With constraints, one that needed more than the exact Hessian is the last.
    fn effort(&self, is_troubled: bool) -> u32 {
        match (is_troubled, self.structure.num_constraints() > 0) {
            (false, _) => 1,
            (true, false) => TROUBLED_STEPS,
            (true, true) => self.tuning.stage_newton_limit,
        }
    }
}

impl InnerSolver for Stagewise {
    fn solution(&self) -> &Point {
        if self.method != Method::QuasiNewton {
            &self.current.point
        } else {
            self.quasi.solution()
        }
    }

    fn last_step(&self) -> Step {
        if self.method != Method::QuasiNewton {
            self.last_step
        } else {
            self.quasi.last_step()
        }
    }

    fn states(&self) -> Option<Horizon<'_>> {
        (self.method != Method::QuasiNewton).then_some(Horizon {
            states: &self.current.states,
            costates: Some(&self.current.adjoints),
        })
    }

    fn residual(&self) -> f64 {
        if self.method != Method::QuasiNewton {
            self.residual.callers
        } else {
            self.quasi.residual()
        }
    }

    fn scaled_residual(&self) -> f64 {
        if self.method != Method::QuasiNewton {
            self.residual.scaled
        } else {
            self.quasi.scaled_residual()
        }
    }

    fn lipschitz(&self) -> f64 {
        self.quasi.lipschitz()
    }

    fn start_point(&mut self) -> &mut Point {
        self.quasi.start_point()
    }

    fn choose_units(&mut self, _merit: &mut AugmentedLagrangian, functions: &mut Scaled<'_>) {
        self.choose_stage_units(functions);
    }

    fn choose_constraint_units(&mut self, merit: &mut AugmentedLagrangian, functions: &mut Scaled<'_>) {
        functions
            .units
            .measure_constraints(&mut merit.penalties, self.quasi.start_point());
        merit.take_constraint_units(functions.units);
        self.take_units(functions.units);
    }

    fn set_units(&mut self, units: &Units) {
        self.take_units(units);
    }

    fn obeys_penalties(&self) -> bool {
        !matches!(self.method, Method::Interior | Method::Active)
    }

    /// After interior-point iterations the multipliers are known.
    fn polish(&mut self, _merit: &mut AugmentedLagrangian, _functions: &mut dyn Functions) -> Search {
        match core::mem::take(&mut self.is_final) {
            true => Search::Found,
            false => Search::Failed,
        }
    }

    fn start(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        lipschitz: Option<f64>,
    ) -> Outcome {
        self.method = Method::QuasiNewton;
        (self.has_given_up, self.has_left_interior, self.is_final) = (false, false, false);
        self.start.copy_from_slice(&self.quasi.solution().u);
        (self.newton_steps, self.attempted) = (0, merit.work());
        let outcome = self.quasi.start(merit, functions, lipschitz);
        self.pace = Pace::begin(merit.work(), self.quasi.scaled_residual());
        match outcome {
            Outcome::Continue if self.tuning.stage_window == 0.0 => {
                self.begin_newton(merit, functions, self.structure.has_free_states)
            }
            // Where the dynamics run away, free states do not.
            Outcome::NotFinite => self.try_interior(merit, functions, false).unwrap_or(outcome),
            other => other,
        }
    }

    fn start_from_states(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        states: Horizon<'_>,
    ) -> Outcome {
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        (self.method, self.is_free) = (Method::Newton, self.structure.has_free_states);
        (self.has_given_up, self.has_left_interior, self.is_final) = (false, false, false);
        self.start.copy_from_slice(&self.quasi.solution().u);
        (self.newton_steps, self.attempted) = (0, merit.work());
        // That of an earlier solve counted another work.
        self.pace = Pace::begin(merit.work(), f64::INFINITY);
        self.current.point.u.copy_from_slice(&self.quasi.solution().u);
        self.current.set_states(states);
        self.evaluate_current(merit, stages, false);
        self.current
            .differentiate(&self.structure, stages, states.costates.is_none());
        self.saved.copy_from(&self.current);
        if self.begin_active(merit, stages, Origin::Start) {
            return Outcome::Continue;
        }
        self.begin()
    }

    fn resume(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
        if self.method == Method::QuasiNewton {
            if self.try_active(merit, functions) {
                return Outcome::Continue;
            }
            let outcome = self.quasi.resume(merit, functions);
            self.pace = Pace::begin(merit.work(), self.quasi.scaled_residual());
            return outcome;
        }
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        if self.is_last_evaluated {
            merit.weigh_constraints(&mut self.current.point);
        } else {
            self.evaluate_current(merit, stages, false);
        }
        self.current.differentiate(&self.structure, stages, !self.is_free);
        if self.is_free && self.method == Method::Newton {
            self.saved.copy_from(&self.current);
            if self.begin_active(merit, stages, Origin::Newton) {
                return Outcome::Continue;
            }
            self.method = Method::Newton;
            self.current.copy_from(&self.saved);
        }
        self.begin()
    }

    fn iterate(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerance: f64,
    ) -> Outcome {
        match self.method {
            Method::Interior => return self.interior(merit, functions),
            Method::Newton => return self.newton(merit, functions, tolerance),
            Method::Active => return self.active(merit, functions),
            Method::QuasiNewton => {}
        }
        let outcome = self.quasi.iterate(merit, functions, tolerance);
        let steps = self.tuning.stage_window * self.structure.expansion_work;
        let is_slow = match outcome {
            Outcome::Continue => {
                let horizon = self.tuning.stage_newton_steps * self.structure.expansion_work;
                let residual = self.quasi.scaled_residual();
                let missing = self.quasi.excess(tolerance);
                self.pace.is_slow(merit.work(), residual, missing, steps, horizon)
            }
            Outcome::Stalled => true,
            _ => false,
        };
        if !is_slow || self.has_given_up {
            return outcome;
        }
        // With constraints, Newton steps on the augmented Lagrangian take several times the iterations.
        if self.structure.num_constraints() > 0
            && let Some(outcome) = self.try_interior(merit, functions, false)
        {
            return outcome;
        }
        self.begin_newton(merit, functions, self.structure.has_free_states)
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
