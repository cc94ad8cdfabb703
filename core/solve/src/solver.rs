//! Outer loop: an augmented Lagrangian method around the inner solver, in bounded steps.

#[cfg(any(feature = "second-derivatives", feature = "stages"))]
mod magnitudes;
mod phase;
mod phases;
#[cfg(feature = "stages")]
mod stages;
mod start;

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use labwire_session::Busy;
use labwire_session::time::Instant;

use super::error::{SolverError, check_entries, check_vector};
use super::functions::{Functions, Structure};
use super::merit::{AugmentedLagrangian, Point};
use super::method::Inner;
#[cfg(feature = "second-derivatives")]
use super::second::SecondDerivatives;
use super::settings::Settings;
use super::states::{Horizon, States};
use super::status::{Counters, Progress, Status, StopReason};
use super::units::{Scaled, Units};
use crate::math;
use phase::Phase;
pub use start::Start;

/// Solver of `min f(u)` over `u` in U with `g(u)` in D. [`Solver::new`] allocates all memory; a solve does not allocate.
///
/// ```
/// use labwire_solve::{Cost, Settings, Solver, Start, Status, Structure, sets::Set};
///
/// let mut cost = Cost::new(2, |u: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * (u[0] - 3.0);
///     gradient[1] = 2.0 * (u[1] + 1.0);
///     (u[0] - 3.0) * (u[0] - 3.0) + (u[1] + 1.0) * (u[1] + 1.0)
/// });
/// let set = Set::Box { min: vec![-1.0, -5.0], max: vec![1.0, 5.0] };
/// let mut solver = Solver::new(Structure::unconstrained(2, set), Settings::default())?;
/// assert_eq!(solver.solve(&mut cost, &Start::cold(vec![0.0, 0.0]))?, &Status::Converged);
/// assert!((solver.solution()[0] - 1.0).abs() < 1e-5 && (solver.solution()[1] + 1.0).abs() < 1e-5);
/// # Ok::<(), labwire_solve::SolverError>(())
/// ```
///
/// [`solve_timed`](Solver::solve_timed) observes [`Settings::max_duration`] with a clock; [`start`](Solver::start) and
/// [`step`](Solver::step) do the same work in bounded steps, with the same bits.
#[derive(Clone, Debug)]
pub struct Solver {
    settings: Settings,
    structure: Structure,
    units: Units,
    merit: AugmentedLagrangian,
    inner: Inner,
    phase: Phase,
    status: Status,
    deadline: Option<Instant>,
    counters: Counters,
    /// Tolerance of the current inner problem.
    tolerance: f64,
    inner_iterations: u32,
    /// Whether this attempt started from the multipliers and penalties of an earlier solve.
    warm: bool,
    /// Whether this attempt has larger penalties than the first cold one.
    has_retried: bool,
    /// Verdict of the first, if that was local infeasibility.
    verdict: Option<Status>,
    /// Whether the problem is known to be convex: where no step lowers the violation, no point does.
    is_convex: bool,
    lipschitz: Option<f64>,
    /// Whether the fallback replaces the initial guess where it is better.
    compares_fallback: bool,
    /// Cost at the initial guess.
    first_cost: f64,
    /// Point at the start of the inner solve.
    origin: Vec<f64>,
    origin_states: States,
    /// Distance from the constraints, in their units, that is too far from the start; the smallest of these units.
    far: f64,
    smallest_unit: f64,
    /// Violation at the start of the inner solve, or some iterations ago.
    last_violation: f64,
    start: Vec<f64>,
    fallback: Vec<f64>,
    /// Whether an iterate was feasible.
    was_feasible: bool,
    /// Whether this inner solve has no multipliers, to find a point whose violation is stationary.
    is_settling: bool,
    /// Number of inner solves that ended at the edge of a function's domain.
    edge_ends: u32,
    probe: Point,
    /// Best point seen, by feasibility first and cost second, and the penalties: the result, in the caller's units.
    best: Point,
    penalties: Vec<f64>,
    best_residual: f64,
    best_states: States,
    start_states: States,
    /// Whether this attempt begins in the units of an earlier solve.
    has_units: bool,
    /// Work at which a search beyond the first solution ends; the best point is that solution then.
    confirmation_limit: Option<u64>,
}

impl Solver {
    /// Creates a solver for problems of this structure.
    ///
    /// # Errors
    /// If a setting is out of range, or a set does not fit its dimension.
    pub fn new(structure: Structure, settings: Settings) -> Result<Self, SolverError> {
        Self::create(structure, settings, 0, Inner::new)
    }

    fn create(
        structure: Structure,
        settings: Settings,
        num_states: usize,
        inner: impl FnOnce(&Structure, usize, &Settings) -> Inner,
    ) -> Result<Self, SolverError> {
        settings.validate()?;
        let (n, m) = (structure.num_variables, structure.num_constraints());
        structure.set.check(n).map_err(SolverError::Set)?;
        for (index, block) in structure.constraints.iter().enumerate() {
            block
                .set
                .check(block.len)
                .map_err(|error| SolverError::Constraint { index, error })?;
        }
        // A long memory pays off if constraints change between active and inactive, and if an evaluation costs more
        // than it does.
        let default_memory = if m == 0 { (n + 5).min(10) } else { 20 };
        let memory = settings.lbfgs_memory.unwrap_or(default_memory);
        Ok(Self {
            inner: inner(&structure, memory, &settings),
            best_states: States::new(num_states),
            start_states: States::new(num_states),
            has_units: false,
            merit: AugmentedLagrangian::new(structure.clone(), settings.tuning),
            structure,
            units: Units::own(),
            settings,
            phase: Phase::Idle,
            status: Status::Unsolved,
            deadline: None,
            counters: Counters::default(),
            tolerance: 0.0,
            inner_iterations: 0,
            warm: false,
            has_retried: false,
            verdict: None,
            is_convex: false,
            lipschitz: None,
            compares_fallback: false,
            first_cost: 0.0,
            origin: vec![0.0; n],
            origin_states: States::new(num_states),
            far: 0.0,
            smallest_unit: 1.0,
            last_violation: 0.0,
            start: vec![0.0; n],
            fallback: vec![0.0; n],
            was_feasible: false,
            is_settling: false,
            edge_ends: 0,
            probe: Point::new(n, m),
            best: Point::new(n, m),
            penalties: vec![0.0; m],
            best_residual: f64::INFINITY,
            confirmation_limit: None,
        })
    }

    /// Says whether the problem is known to be convex.
    pub(crate) fn set_convex(&mut self, is_convex: bool) {
        self.is_convex = is_convex;
    }

    /// Takes Newton steps with the exact second derivatives of functions that compute these entries, if U and the sets of
    /// the constraints consist of bounds only. The factorisation is dense or sparse, whichever takes less work; there are no
    /// such steps where the one would have more rows than [`Tuning::max_newton_size`](crate::Tuning::max_newton_size), and the
    /// other more entries than [`Tuning::max_newton_fill`](crate::Tuning::max_newton_fill).
    ///
    /// The problem is solved in other units then: a variable is measured by its initial guess and its bounds, the cost by its
    /// gradient and curvature, a constraint by its gradient. What the solver takes and gives stays in the caller's units, and
    /// so do the tolerances, which hold in the others too where that is possible.
    ///
    /// # Errors
    /// If an entry lies outside of the matrices.
    #[cfg(feature = "second-derivatives")]
    pub fn with_second_derivatives(mut self, sparsity: &SecondDerivatives) -> Result<Self, SolverError> {
        let (n, m) = (self.start.len(), self.merit.penalties.len());
        sparsity.check(n, m)?;
        if let (Inner::Projected(inner), Some(bounds)) = (&mut self.inner, self.merit.constraint_bounds()) {
            let has_multipliers = self
                .merit
                .structure
                .constraints
                .iter()
                .all(|block| block.has_multipliers);
            let tolerances = (self.settings.tolerance, self.settings.delta_tolerance);
            let own = inner.bounds().clone();
            if inner.set_second_derivatives(sparsity, bounds.clone(), has_multipliers, tolerances) {
                self.units = Units::new(sparsity.clone(), own, bounds);
                self.merit.structure = self.structure.with_boxes();
            }
        }
        Ok(self)
    }

    /// Numbers that the matrices of Newton steps with exact second derivatives hold.
    #[must_use]
    pub fn matrix_memory(&self) -> usize {
        match &self.inner {
            #[cfg(feature = "second-derivatives")]
            Inner::Projected(inner) => inner.matrix_memory(),
            _ => 0,
        }
    }

    /// Settings of the solver.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Solves from `start`, without a limit on time; the outcome is also the [`status`](Solver::status).
    ///
    /// # Errors
    /// As [`start`](Solver::start) and [`step`](Solver::step); [`SolverError::NoClock`] if the settings limit the time.
    pub fn solve(&mut self, functions: &mut dyn Functions, start: &Start) -> Result<&Status, SolverError> {
        if let Some(limit) = self.settings.max_duration {
            return Err(SolverError::NoClock(limit));
        }
        self.check_functions(functions)?;
        self.start(Instant::ZERO, start)?;
        while self.step(functions, Instant::ZERO, u32::MAX)? == Busy::Yes {}
        Ok(&self.status)
    }

    /// Solves from `start` within [`Settings::max_duration`]: `clock` tells the time, after every iteration.
    ///
    /// # Errors
    /// As [`start`](Solver::start) and [`step`](Solver::step).
    pub fn solve_timed(
        &mut self,
        functions: &mut dyn Functions,
        start: &Start,
        mut clock: impl FnMut() -> Instant,
    ) -> Result<&Status, SolverError> {
        self.check_functions(functions)?;
        self.start(clock(), start)?;
        while self.step(functions, clock(), 1)? == Busy::Yes {}
        Ok(&self.status)
    }

    /// Begins a solve at the time `now`; [`step`](Solver::step) does the work.
    ///
    /// # Errors
    /// If a solve is in progress, or a vector of `start` has the wrong length or an invalid entry.
    pub fn start(&mut self, now: Instant, start: &Start) -> Result<(), SolverError> {
        self.check_start(start)?;
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
        self.penalties.copy_from_slice(&self.merit.penalties);
        self.merit.limits.fill(self.settings.max_penalty);
        self.merit.units.fill(1.0);
        if !self.units.are_chosen() {
            self.merit.clamp_weights(&self.settings);
        }
        self.start_states
            .set(start.states.as_deref().map(|states| Horizon {
                states,
                costates: start.costates.as_deref(),
            }));
        self.has_units = self.units.take_known(start.units.as_ref());
        self.warm = start.is_warm();
        (self.has_retried, self.was_feasible) = (false, false);
        (self.is_settling, self.edge_ends) = (false, 0);
        (self.verdict, self.confirmation_limit) = (None, None);
        (self.lipschitz, self.compares_fallback) = (start.lipschitz, false);
        self.inner.begin_solve();
        (self.merit.evaluations, self.merit.hessian_evaluations) = (0, 0);
        self.merit.hessian_products = 0;
        (self.counters, self.status) = (Counters::default(), Status::Unsolved);
        self.deadline = self.settings.max_duration.map(|limit| now + limit);
        self.best.u.copy_from_slice(&start.u);
        self.forget_best();
        self.phase = Phase::Start;
        Ok(())
    }

    /// Continues for about `fuel` evaluations, of which a Hessian product counts as two; at least for one iteration, or
    /// one Hessian product of it. Returns [`Busy::No`] when the solve has ended, which it does with
    /// [`Status::NotConvergedOutOfTime`] once `now` is [`Settings::max_duration`] after its start.
    ///
    /// # Errors
    /// If no solve was started, or the dimensions of the functions differ from the structure.
    pub fn step(
        &mut self,
        functions: &mut dyn Functions,
        now: Instant,
        fuel: u32,
    ) -> Result<Busy, SolverError> {
        if self.phase == Phase::Idle {
            return match self.status {
                Status::Unsolved => Err(SolverError::NotStarted),
                _ => Ok(Busy::No),
            };
        }
        self.check_functions(functions)?;
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.stop(StopReason::OutOfTime);
            return Ok(Busy::No);
        }
        let mut units = mem::take(&mut self.units);
        let busy = self.run(&mut Scaled::new(functions, &mut units), fuel);
        for (i, sigma) in self.penalties.iter_mut().enumerate() {
            *sigma = self.merit.penalties[i] * units.penalty(i);
        }
        self.units = units;
        Ok(busy)
    }

    /// Goes through the phases for about `fuel` evaluations.
    fn run(&mut self, functions: &mut Scaled<'_>, fuel: u32) -> Busy {
        let limit = self.merit.work() + u64::from(fuel);
        // Phases that need no evaluation are bounded too.
        let mut turns = 0;
        loop {
            match self.phase {
                Phase::Idle => return Busy::No,
                Phase::Start => self.begin(functions),
                Phase::Inner => self.iterate(functions),
                Phase::Outer(outcome) => self.update(functions, outcome),
                Phase::Polish(has_changed) => self.polish(functions, has_changed),
                Phase::Confirm => self.conclude(functions),
            }
            turns += 1;
            if (self.merit.work() >= limit || turns >= fuel) && self.is_running() {
                return Busy::Yes;
            }
        }
    }

    /// Lets the solve that was just started begin at the fallback, cold, if the initial guess is worse: if its merit, with
    /// the multipliers and penalties of the start, is higher; or where there are none, its violation, then its cost. Takes
    /// one evaluation. Without effect on a start with states.
    pub fn compare_fallback(&mut self) {
        // A start with states of its own does not begin at the roll-out that would be judged.
        let can_be_judged = self.phase == Phase::Start && !self.start_states.is_known;
        self.compares_fallback = can_be_judged && self.start != self.fallback;
    }

    /// Ends the solve in progress by `deadline`, or before by [`Settings::max_duration`].
    pub fn end_by(&mut self, deadline: Instant) {
        let earliest = self.deadline.map_or(deadline, |own| own.min(deadline));
        self.deadline = Some(earliest);
    }

    /// Time by which the solve in progress ends.
    #[cfg(feature = "integers")]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Gives a solve that has ended another outcome.
    #[cfg(feature = "integers")]
    pub(crate) fn end_as(&mut self, status: Status) {
        self.status = status;
    }

    /// Ends the solve in progress, if any; the best point so far is the solution.
    pub fn stop(&mut self, reason: StopReason) {
        if self.is_running() {
            self.end(reason.into());
        }
    }

    /// Whether a solve is in progress.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// Outcome of the last solve; [`Status::Unsolved`] before the first, and while one runs.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The solution (or the best point so far), in U.
    #[must_use]
    pub fn solution(&self) -> &[f64] {
        &self.result().u
    }

    /// The states over the horizon at the solution, x_0 first, if a problem of stages was solved with states of their
    /// own. They obey the dynamics up to the [`violation`](Self::violation), which the inputs alone need not do over a
    /// long horizon.
    #[must_use]
    pub fn states(&self) -> Option<&[f64]> {
        self.horizon().map(|horizon| horizon.states)
    }

    fn horizon(&self) -> Option<Horizon<'_>> {
        self.best_states.known()
    }

    /// The Lagrange multipliers at the solution, in the order of `g`.
    #[must_use]
    pub fn multipliers(&self) -> &[f64] {
        &self.result().multipliers
    }

    /// The constraint values `g` at the solution.
    #[must_use]
    pub fn constraints(&self) -> &[f64] {
        &self.result().constraints
    }

    /// The cost at the solution.
    #[must_use]
    pub fn cost(&self) -> f64 {
        self.result().cost
    }

    /// The largest componentwise distance of `g` from its sets at the solution.
    #[must_use]
    pub fn violation(&self) -> f64 {
        self.result().violation
    }

    /// The unscaled stationarity residual at the solution: `|grad f + J_g^T y + N_U|_inf`.
    #[must_use]
    pub fn residual(&self) -> f64 {
        self.best_residual
    }

    /// The penalties after the last outer iteration, in the order of `g`.
    #[must_use]
    pub fn penalties(&self) -> &[f64] {
        &self.penalties
    }

    /// Work done by the solve.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            evaluations: self.merit.evaluations,
            hessian_evaluations: self.merit.hessian_evaluations,
            hessian_products: self.merit.hessian_products,
            ..self.counters
        }
    }

    /// State of the solve.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let point = self.inner.solution();
        Progress {
            counters: self.counters(),
            residual: self.inner.residual(),
            violation: point.violation,
            cost: point.cost * self.units.cost,
            penalty: math::norm_inf(&self.penalties),
            step: self.inner.last_step(),
            integers: None,
        }
    }

    /// Copies the initial values for a later solve of a similar problem into `start`. Returns false, without copying, if
    /// there are no useful ones.
    ///
    /// [`Status::Converged`] and [`Status::Stationary`] give point, multipliers, penalties and step size; a stop at a limit
    /// gives only the point.
    pub fn store_warm_start(&self, start: &mut Start) -> bool {
        let result = self.result();
        match self.status {
            Status::Converged | Status::Stationary => {
                start.u.clone_from(&result.u);
                start
                    .multipliers
                    .get_or_insert_default()
                    .clone_from(&result.multipliers);
                start
                    .penalties
                    .get_or_insert_default()
                    .clone_from(&self.penalties);
                let lipschitz = Some(self.inner.lipschitz()).filter(|estimate| estimate.is_finite());
                // A method that looks at no curvature from a solution is not told that this is one.
                start.lipschitz = lipschitz.filter(|_| self.status == Status::Converged);
                self.store_states(start);
                start.units = self.units.known();
                true
            }
            Status::NotConvergedIterations | Status::NotConvergedOutOfTime
                if result.cost.is_finite() && math::all_finite(&result.u) =>
            {
                start.u.clone_from(&result.u);
                self.store_states(start);
                true
            }
            _ => false,
        }
    }

    fn store_states(&self, start: &mut Start) {
        let horizon = self.horizon();
        start.states = horizon.map(|horizon| horizon.states.to_vec());
        let costates = horizon.and_then(|horizon| horizon.costates);
        start.costates = costates.map(<[f64]>::to_vec);
    }

    /// Numbers that the sensitivities of a problem of stages hold: an upper estimate; `None` for other problems.
    pub(crate) fn stage_memory(&self) -> Option<usize> {
        match &self.inner {
            #[cfg(feature = "stages")]
            Inner::Stagewise(inner) => inner.memory(),
            _ => None,
        }
    }

    /// Structure of the problem.
    pub(crate) fn structure(&self) -> &Structure {
        &self.structure
    }

    fn check_functions(&self, functions: &dyn Functions) -> Result<(), SolverError> {
        let found = (functions.num_variables(), functions.num_constraints());
        let expected = (self.start.len(), self.merit.penalties.len());
        if found == expected {
            return Ok(());
        }
        Err(SolverError::Functions {
            found_variables: found.0,
            found_constraints: found.1,
            expected_variables: expected.0,
            expected_constraints: expected.1,
        })
    }

    fn check_start(&self, start: &Start) -> Result<(), SolverError> {
        if self.is_running() {
            return Err(SolverError::Running);
        }
        let (n, m) = (self.start.len(), self.merit.penalties.len());
        check_vector("initial guess", &start.u, n)?;
        if let Some(multipliers) = &start.multipliers {
            check_vector("Lagrange multipliers", multipliers, m)?;
        }
        if let Some(penalties) = &start.penalties {
            check_vector("penalties", penalties, m)?;
            check_entries("penalties", penalties, "a positive number", |sigma| sigma > 0.0)?;
        }
        if let Some(states) = &start.states {
            check_vector("states", states, self.start_states.values.len())?;
        }
        if let Some(costates) = &start.costates {
            check_vector("costates", costates, self.start_states.values.len())?;
        }
        if let Some(fallback) = &start.fallback {
            check_vector("fallback", fallback, n)?;
        }
        let lipschitz = start.lipschitz.as_slice();
        check_entries("Lipschitz constant", lipschitz, "a number, not negative", |l| {
            l >= 0.0
        })
    }

    fn forget_best(&mut self) {
        (self.best.violation, self.best.cost) = (f64::INFINITY, f64::INFINITY);
        self.best_residual = f64::INFINITY;
        self.best_states.is_known = false;
    }

    fn result(&self) -> &Point {
        &self.best
    }
}
