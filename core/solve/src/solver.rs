//! The outer loop: an augmented Lagrangian method around the inner solver, in bounded steps.

use alloc::vec;
use alloc::vec::Vec;

use labwire_session::Busy;

use super::functions::{Functions, Structure};
use super::inner::{Inner, Outcome};
use super::merit::{AugmentedLagrangian, Point};
use super::scaling::{MIN_PENALTY, choose_penalties};
use super::settings::{InvalidSetting, Settings};
use super::status::{Counters, Progress, Status};
use crate::math;
use crate::sets::SetError;

/// A merit that falls below this has no minimum.
const UNBOUNDED: f64 = -1e20;

/// Where a solve starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The initial guess of the decision variables (length n_u). It is projected onto U.
    pub u: Vec<f64>,
    /// Lagrange multipliers (length n_g), clamped to the largest that the settings allow; `None`: zero.
    pub multipliers: Option<Vec<f64>>,
    /// Penalties (length n_g, positive), clamped to [1e-9, the largest that the settings allow]; `None`: as the
    /// settings say.
    pub penalties: Option<Vec<f64>>,
    /// The Lipschitz constant of the gradient that an earlier solve of a similar problem ended with.
    pub lipschitz: Option<f64>,
    /// Where to start again, cold, when a warm solve does not converge; `None`: from `u`.
    pub fallback: Option<Vec<f64>>,
}

impl Start {
    /// A cold start from `u`.
    pub fn cold(u: Vec<f64>) -> Self {
        Self {
            u,
            multipliers: None,
            penalties: None,
            lipschitz: None,
            fallback: None,
        }
    }

    fn is_warm(&self) -> bool {
        self.multipliers.is_some() && self.penalties.is_some()
    }
}

/// Why a solver or a start was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SolverError {
    /// A setting is out of range.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The set U does not fit.
    #[error("set of the decision variables: {0}")]
    Set(SetError),
    /// A constraint's set does not fit.
    #[error("set of constraint block {index}: {error}")]
    Constraint {
        /// Index of the block.
        index: usize,
        /// What is wrong.
        error: SetError,
    },
    /// A start vector has the wrong length.
    #[error("{what} has length {found}, expected {expected}")]
    Dimension {
        /// Which vector.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The right length.
        expected: usize,
    },
    /// A start vector holds a number that cannot be used.
    #[error("{what} has an entry that is not {expected}")]
    Value {
        /// Which vector.
        what: &'static str,
        /// What the entries must be.
        expected: &'static str,
    },
}

/// Solves `min f(u)` over `u` in U with `g(u)` in D. All memory is allocated by [`Solver::new`]; a solve allocates
/// nothing.
///
/// ```
/// use labwire_session::Busy;
/// use labwire_solve::{Cost, Settings, Solver, Start, Status, Structure, sets::Set};
///
/// let mut cost = Cost::new(2, |u: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * (u[0] - 3.0);
///     gradient[1] = 2.0 * (u[1] + 1.0);
///     (u[0] - 3.0) * (u[0] - 3.0) + (u[1] + 1.0) * (u[1] + 1.0)
/// });
/// let set = Set::Box { min: vec![-1.0, -5.0], max: vec![1.0, 5.0] };
/// let mut solver = Solver::new(Structure::unconstrained(2, set), Settings::default())?;
/// solver.start(&Start::cold(vec![0.0, 0.0]))?;
/// while solver.step(&mut cost, 100) == Busy::Yes {}
/// assert_eq!(solver.status(), Some(&Status::Converged));
/// assert!((solver.solution()[0] - 1.0).abs() < 1e-5 && (solver.solution()[1] + 1.0).abs() < 1e-5);
/// # Ok::<(), labwire_solve::SolverError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Solver {
    settings: Settings,
    merit: AugmentedLagrangian,
    inner: Inner,
    phase: Phase,
    status: Option<Status>,
    counters: Counters,
    /// Tolerance of the current inner problem.
    tolerance: f64,
    inner_iterations: u32,
    /// Whether this attempt began with multipliers and penalties of an earlier solve.
    warm: bool,
    lipschitz: Option<f64>,
    start: Vec<f64>,
    fallback: Vec<f64>,
    /// Feasible first, then cheapest, of the points seen; returned when the solve stops early.
    best: Point,
    best_residual: f64,
    result_is_best: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing to do: not started, or ended.
    Idle,
    /// Evaluate at the initial guess, choose penalties, begin the first inner solve.
    Start,
    /// Inner iterations.
    Inner,
    /// An inner solve has ended as told: update multipliers and penalties.
    Outer(Outcome),
}

impl Solver {
    /// A solver for problems of this structure.
    pub fn new(structure: Structure, settings: Settings) -> Result<Self, SolverError> {
        settings.validate()?;
        let (n, m) = (structure.num_variables, structure.num_constraints());
        structure.set.check(n).map_err(SolverError::Set)?;
        for (index, block) in structure.constraints.iter().enumerate() {
            block
                .set
                .check(block.len)
                .map_err(|error| SolverError::Constraint { index, error })?;
        }
        // Long memories pay where constraints come and go, and where an evaluation costs more than they do.
        let default_memory = if m == 0 { (n + 5).min(10) } else { 20 };
        let memory = settings.lbfgs_memory.unwrap_or(default_memory);
        Ok(Self {
            inner: Inner::new(n, m, &structure.set, memory),
            merit: AugmentedLagrangian::new(structure),
            settings,
            phase: Phase::Idle,
            status: None,
            counters: Counters::default(),
            tolerance: 0.0,
            inner_iterations: 0,
            warm: false,
            lipschitz: None,
            start: vec![0.0; n],
            fallback: vec![0.0; n],
            best: Point::new(n, m),
            best_residual: f64::INFINITY,
            result_is_best: false,
        })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Begins a solve; [`step`](Solver::step) does the work. A solve that runs is dropped.
    pub fn start(&mut self, start: &Start) -> Result<(), SolverError> {
        let structure = &self.merit.structure;
        let (n, m) = (structure.num_variables, structure.num_constraints());
        check_vector("initial guess", &start.u, n)?;
        if let Some(multipliers) = &start.multipliers {
            check_vector("Lagrange multipliers", multipliers, m)?;
        }
        if let Some(penalties) = &start.penalties {
            check_vector("penalties", penalties, m)?;
            if !penalties.iter().all(|sigma| *sigma > 0.0) {
                return Err(SolverError::Value {
                    what: "penalties",
                    expected: "positive",
                });
            }
        }
        if let Some(fallback) = &start.fallback {
            check_vector("fallback", fallback, n)?;
        }
        self.start.copy_from_slice(&start.u);
        self.fallback
            .copy_from_slice(start.fallback.as_ref().unwrap_or(&start.u));
        match &start.multipliers {
            Some(y) => self.merit.multipliers.copy_from_slice(y),
            None => self.merit.multipliers.fill(0.0),
        }
        match &start.penalties {
            Some(sigma) => self.merit.penalties.copy_from_slice(sigma),
            None => self.merit.penalties.fill(0.0),
        }
        let (smallest, largest) = (MIN_PENALTY, self.settings.max_penalty);
        for sigma in self.merit.penalties.iter_mut().filter(|sigma| **sigma > 0.0) {
            *sigma = math::clamp(*sigma, smallest, largest);
        }
        let limit = self.settings.max_multiplier;
        for y in &mut self.merit.multipliers {
            *y = math::clamp(*y, -limit, limit);
        }
        self.warm = start.is_warm();
        self.lipschitz = start.lipschitz;
        self.merit.evaluations = 0;
        self.merit.hessian_products = 0;
        self.counters = Counters::default();
        self.status = None;
        self.result_is_best = true;
        self.best.u.copy_from_slice(&start.u);
        (self.best.violation, self.best.cost) = (f64::INFINITY, f64::INFINITY);
        self.best_residual = f64::INFINITY;
        self.phase = Phase::Start;
        Ok(())
    }

    /// Works on for about `fuel` evaluations, of which a Hessian product counts as two; at least for one iteration, or one
    /// Hessian product of it. [`Busy::No`] when the solve has ended.
    pub fn step(&mut self, functions: &mut dyn Functions, fuel: u32) -> Busy {
        let limit = self.merit.work() + u64::from(fuel);
        // Also what needs no evaluation comes to an end.
        let mut turns = 0;
        while self.phase != Phase::Idle {
            match self.phase {
                Phase::Idle => {}
                Phase::Start => self.begin(functions),
                Phase::Inner => self.iterate(functions),
                Phase::Outer(outcome) => self.update(functions, outcome),
            }
            turns += 1;
            if (self.merit.work() >= limit || turns >= fuel) && self.phase != Phase::Idle {
                return Busy::Yes;
            }
        }
        Busy::No
    }

    /// Ends a running solve with `status`; the best point so far is the solution.
    pub fn stop(&mut self, status: Status) {
        if self.phase != Phase::Idle {
            self.end(status);
        }
    }

    /// How the last solve ended; `None` while it runs.
    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    /// The solution (or the best point so far), in U.
    pub fn solution(&self) -> &[f64] {
        &self.result().u
    }

    /// The Lagrange multipliers at the solution, in the order of `g`.
    pub fn multipliers(&self) -> &[f64] {
        &self.result().multipliers
    }

    /// The constraint values `g` at the solution.
    pub fn constraints(&self) -> &[f64] {
        &self.result().constraints
    }

    /// The cost at the solution.
    pub fn cost(&self) -> f64 {
        self.result().cost
    }

    /// The largest componentwise distance of `g` from its sets at the solution.
    pub fn violation(&self) -> f64 {
        self.result().violation
    }

    /// The unscaled stationarity residual at the solution: `|grad f + J_g^T y + N_U|_inf`.
    pub fn residual(&self) -> f64 {
        if self.result_is_best {
            self.best_residual
        } else {
            self.inner.residual()
        }
    }

    /// The penalties after the last outer iteration, in the order of `g`.
    pub fn penalties(&self) -> &[f64] {
        &self.merit.penalties
    }

    /// What the solve has cost.
    pub fn counters(&self) -> Counters {
        Counters {
            evaluations: self.merit.evaluations,
            hessian_products: self.merit.hessian_products,
            ..self.counters
        }
    }

    /// Where the solve stands.
    pub fn progress(&self) -> Progress {
        let point = self.inner.solution();
        Progress {
            counters: self.counters(),
            residual: self.inner.residual(),
            violation: point.violation,
            cost: point.cost,
            penalty: math::norm_inf(&self.merit.penalties),
        }
    }

    /// Copies into `start` what a later solve of a similar problem should start from. Nothing is copied, and false
    /// returned, when nothing good is known.
    ///
    /// [`Status::Converged`] gives point, multipliers, penalties and step size; a stop at a limit gives the point only.
    pub fn store_warm_start(&self, start: &mut Start) -> bool {
        let result = self.result();
        match self.status {
            Some(Status::Converged) => {
                start.u.clone_from(&result.u);
                start
                    .multipliers
                    .get_or_insert_default()
                    .clone_from(&result.multipliers);
                start
                    .penalties
                    .get_or_insert_default()
                    .clone_from(&self.merit.penalties);
                start.lipschitz = Some(self.inner.lipschitz());
                true
            }
            Some(Status::NotConvergedIterations | Status::NotConvergedOutOfTime)
                if result.cost.is_finite() && math::all_finite(&result.u) =>
            {
                start.u.clone_from(&result.u);
                true
            }
            _ => false,
        }
    }

    fn result(&self) -> &Point {
        if self.result_is_best {
            &self.best
        } else {
            self.inner.solution()
        }
    }

    /// Evaluates at the initial guess, chooses penalties where none were given, and begins the first inner solve.
    fn begin(&mut self, functions: &mut dyn Functions) {
        let point = self.inner.start_point();
        point.u.copy_from_slice(&self.start);
        self.merit.structure.set.project(&mut point.u);
        self.merit.forward(functions, point);
        if self.merit.penalties.first() == Some(&0.0) {
            match self.settings.initial_penalty {
                Some(penalty) => {
                    let penalty = math::clamp(penalty, MIN_PENALTY, self.settings.max_penalty);
                    self.merit.penalties.fill(penalty);
                }
                None => {
                    let (merit, probe) = (&mut self.merit, &mut self.best);
                    choose_penalties(merit, functions, point, probe, self.settings.max_penalty);
                    self.best.u.copy_from_slice(&point.u);
                }
            }
        }
        self.merit.reverse(functions, point);
        self.merit.reset_errors();
        let outcome = self.inner.start(&mut self.merit, functions, self.lipschitz);
        self.tolerance = if self.warm || self.merit.penalties.is_empty() {
            self.settings.tolerance
        } else {
            math::max(
                self.settings.tolerance,
                self.settings.initial_tolerance * self.inner.residual(),
            )
        };
        self.begin_inner(outcome);
    }

    fn begin_inner(&mut self, outcome: Outcome) {
        self.counters.outer_iterations += 1;
        self.inner_iterations = 0;
        match outcome {
            Outcome::NotFinite => self.give_up(Status::NotFinite),
            Outcome::Continue => {
                self.phase = Phase::Inner;
                self.remember_best();
            }
            other => self.phase = Phase::Outer(other),
        }
    }

    fn iterate(&mut self, functions: &mut dyn Functions) {
        let outcome = self.inner.iterate(&mut self.merit, functions, self.tolerance);
        match outcome {
            Outcome::Continue => {
                self.counters.inner_iterations += 1;
                self.inner_iterations += 1;
                self.remember_best();
                if self.inner.solution().psi < UNBOUNDED {
                    return self.give_up(Status::Unbounded);
                }
                if self.inner_iterations >= self.settings.max_inner_iterations {
                    self.phase = Phase::Outer(Outcome::Continue);
                }
            }
            Outcome::Unfinished => {}
            other => self.phase = Phase::Outer(other),
        }
    }

    /// After an inner solve: done, or new multipliers and penalties.
    fn update(&mut self, functions: &mut dyn Functions, outcome: Outcome) {
        let settings = &self.settings;
        let solution = self.inner.solution();
        // The error bounds the violation, but for round-off; the claim is about the violation.
        let error = math::max(self.merit.measure_errors(solution), solution.violation);
        let is_feasible = error <= settings.delta_tolerance;
        if outcome == Outcome::Converged && is_feasible && self.tolerance <= settings.tolerance {
            return self.end(Status::Converged);
        }
        // The multipliers of constraints that cannot be met grow without bound, and the residual with them.
        let negligible = math::max(settings.tolerance, 1e-8 * math::norm_inf(&solution.multipliers));
        let is_stationary = self.inner.residual() <= negligible;
        if !is_feasible
            && is_stationary
            && self
                .merit
                .is_at_limit(settings.delta_tolerance, settings.max_penalty)
        {
            let constraints = self.merit.violated(settings.delta_tolerance).collect();
            return self.give_up(Status::LocallyInfeasible { constraints });
        }
        // A warm attempt may use half of the budget; the rest is for a cold one.
        let limit = u64::from(settings.max_outer_iterations) / if self.warm { 2 } else { 1 };
        if self.merit.penalties.is_empty() || self.counters.outer_iterations >= limit {
            return self.give_up(match outcome {
                Outcome::Stalled => Status::Stalled,
                _ => Status::NotConvergedIterations,
            });
        }
        self.merit.update(solution, settings);
        self.tolerance = math::max(settings.tolerance, 0.1 * self.tolerance);
        let outcome = self.inner.resume(&mut self.merit, functions);
        self.begin_inner(outcome);
    }

    fn remember_best(&mut self) {
        let point = self.inner.solution();
        let delta = self.settings.delta_tolerance;
        let is_better = if point.violation <= delta && self.best.violation <= delta {
            point.cost < self.best.cost
        } else {
            point.violation < self.best.violation
        };
        if is_better {
            self.best.copy_from(point);
            self.best_residual = self.inner.residual();
        }
    }

    /// Ends the solve, or starts it again cold when this attempt was warm.
    fn give_up(&mut self, status: Status) {
        if !self.warm {
            return self.end(status);
        }
        self.warm = false;
        self.counters.cold_restarts += 1;
        self.lipschitz = None;
        self.merit.multipliers.fill(0.0);
        self.merit.penalties.fill(0.0);
        self.start.copy_from_slice(&self.fallback);
        self.phase = Phase::Start;
    }

    fn end(&mut self, status: Status) {
        self.result_is_best = status != Status::Converged;
        self.status = Some(status);
        self.phase = Phase::Idle;
    }
}

fn check_vector(what: &'static str, vector: &[f64], expected: usize) -> Result<(), SolverError> {
    if vector.len() != expected {
        return Err(SolverError::Dimension {
            what,
            found: vector.len(),
            expected,
        });
    }
    if math::all_finite(vector) {
        Ok(())
    } else {
        Err(SolverError::Value {
            what,
            expected: "finite",
        })
    }
}
