//! Repeated solves of one problem.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use labwire_session::Busy;
use labwire_session::time::Instant;
use labwire_solve::{
    Constraint, Progress, Settings, Solver, SolverError, Start, Status, StopReason, Structure,
};

use super::inputs::{InputError, StartOptions};
use super::stages::Shooting;
use super::{BlockKind, Evaluator, Problem, Solution};

/// Solver of one problem, with all its memory. Each solve starts from the result of the previous one, unless options say
/// otherwise; if an optimal-control problem asks for it, shifted by one stage.
///
/// Solve a text for given parameters, warm, within 50 ms:
///
/// ```
/// # use std::time::Duration;
/// # use labwire_model::problem::{DEFAULT_PROBLEM as TEXT, Problem, ProblemSolver, TextLimits};
/// # use labwire_session::time::Instant;
/// let begun = std::time::Instant::now();
/// let clock = || Instant::from_nanos(begun.elapsed().as_nanos() as u64);
/// let problem = Problem::from_json(TEXT, &TextLimits::default())?;
/// let settings = problem.settings().clone().with_max_duration(Duration::from_millis(50));
/// let mut solver = ProblemSolver::with_settings(problem, settings)?;
/// for parameters in [[1.0, 50.0], [1.0, 51.0]] {
///     let solution = solver.solve_timed(&parameters, clock)?;
///     println!("{}: {:?}", solution.status.name(), solution.u);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`start`](Self::start), [`step`](Self::step) and [`finish`](Self::finish) do the same work in bounded steps, with the
/// same bits; a step does not allocate.
#[derive(Clone, Debug)]
pub struct ProblemSolver {
    pub(super) problem: Arc<Problem>,
    pub(super) evaluator: Evaluator,
    pub(super) solver: Solver,
    /// Starting point of the next solve.
    warm: Start,
    begun: Instant,
    /// Whether the result was taken.
    is_finished: bool,
}

/// Reason why a solve was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// An input does not fit the problem.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The solver refused.
    #[error(transparent)]
    Solver(#[from] SolverError),
}

impl ProblemSolver {
    /// Creates a solver with the problem's settings.
    ///
    /// # Errors
    /// If a setting or a set of a problem built in Rust is invalid.
    pub fn new(problem: impl Into<Arc<Problem>>) -> Result<Self, SolverError> {
        let problem = problem.into();
        let settings = problem.settings().clone();
        Self::with_settings(problem, settings)
    }

    /// Creates a solver with settings in place of the problem's.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn with_settings(problem: impl Into<Arc<Problem>>, settings: Settings) -> Result<Self, SolverError> {
        let problem = problem.into();
        let mut solver = problem.solver(settings)?;
        if let Some(sparsity) = problem.second_derivatives() {
            solver = solver.with_second_derivatives(sparsity)?;
        }
        Ok(Self {
            evaluator: problem.evaluator(),
            solver,
            warm: problem.start(),
            begun: Instant::ZERO,
            is_finished: false,
            problem,
        })
    }

    /// The problem.
    #[must_use]
    pub fn problem(&self) -> &Arc<Problem> {
        &self.problem
    }

    /// The solver, with the state of the last solve.
    #[must_use]
    pub fn solver(&self) -> &Solver {
        &self.solver
    }

    /// Memory of the solver, in bytes: the values of the problem's programs, and an upper estimate for the method, with n
    /// variables and m constraints about 140 n + 40 m numbers, and the matrices of exact Newton steps.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let n = self.problem.num_variables();
        let m = self.problem.num_f1() + self.problem.num_f2();
        let matrices = self.solver.matrix_memory();
        let numbers = self.evaluator.num_values() + 140 * n + 40 * m + matrices;
        numbers * size_of::<f64>()
    }

    /// Solves for `parameters`, without a time limit.
    ///
    /// # Errors
    /// As [`start`](Self::start); [`SolverError::NoClock`] if the settings limit the time.
    pub fn solve(&mut self, parameters: &[f64]) -> Result<Solution, SolveError> {
        match self.solver.settings().max_duration {
            Some(limit) => Err(SolverError::NoClock(limit).into()),
            None => self.run(parameters, || Instant::ZERO, u32::MAX),
        }
    }

    /// Solves for `parameters` within [`Settings::max_duration`]: `clock` tells the time, after every iteration.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn solve_timed(
        &mut self,
        parameters: &[f64],
        clock: impl FnMut() -> Instant,
    ) -> Result<Solution, SolveError> {
        self.run(parameters, clock, 1)
    }

    fn run(
        &mut self,
        parameters: &[f64],
        mut clock: impl FnMut() -> Instant,
        fuel: u32,
    ) -> Result<Solution, SolveError> {
        self.start(clock(), parameters, &StartOptions::default())?;
        while self.step(clock(), fuel)? == Busy::Yes {}
        Ok(self.finish(clock())?)
    }

    /// Begins a solve for `parameters` at the time `now`; [`step`](Self::step) does the work.
    ///
    /// # Errors
    /// If an input does not fit the problem, or a solve is in progress.
    pub fn start(
        &mut self,
        now: Instant,
        parameters: &[f64],
        options: &StartOptions<'_>,
    ) -> Result<(), SolveError> {
        if options.is_cold {
            self.start_from(now, &self.problem.start(), parameters, options)
        } else {
            self.start_from(now, &self.warm.clone(), parameters, options)
        }
    }

    /// As [`start`](Self::start), from the warm start `start` instead of the result of the last solve.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_from(
        &mut self,
        now: Instant,
        start: &Start,
        parameters: &[f64],
        options: &StartOptions<'_>,
    ) -> Result<(), SolveError> {
        self.problem.check_inputs(parameters, options)?;
        let (num_f1, m) = (
            self.problem.num_f1(),
            self.problem.num_f1() + self.problem.num_f2(),
        );
        let mut start = start.clone();
        if let Some(guess) = options.initial_guess {
            start.u = guess.to_vec();
            start.states = None;
            start.fallback = Some(guess.to_vec());
        }
        for (multipliers, range) in [
            (options.f1_multipliers, 0..num_f1),
            (options.f2_multipliers, num_f1..m),
        ] {
            if let Some(multipliers) = multipliers {
                let all = start.multipliers.get_or_insert_with(|| vec![0.0; m]);
                all[range].copy_from_slice(multipliers);
            }
        }
        if let Some(penalty) = options.penalty {
            start.penalties = Some(vec![penalty; m]);
        }
        self.solver.start(now, &start)?;
        if options.distrusts_warm_start {
            self.solver.compare_fallback();
        }
        if let Some(limit) = options.max_duration {
            self.solver.end_by(now + limit);
        }
        self.evaluator.set_parameters(parameters);
        (self.begun, self.is_finished) = (now, false);
        Ok(())
    }

    /// Continues for about `fuel` evaluations, or until the time is up: see [`Solver::step`]. Returns [`Busy::No`] when
    /// the solve has ended and [`finish`](Self::finish) can return its result.
    ///
    /// # Errors
    /// If no solve was started.
    pub fn step(&mut self, now: Instant, fuel: u32) -> Result<Busy, SolverError> {
        self.solver.step(&mut self.evaluator, now, fuel)
    }

    /// Ends the solve in progress, if any; its result is the best point so far.
    pub fn cancel(&mut self) {
        self.solver.stop(StopReason::Cancelled);
    }

    /// Result of the solve that has ended, at the time `now`. The next solve starts from it if it is useful.
    ///
    /// # Errors
    /// If no solve was started, or one is in progress.
    pub fn finish(&mut self, now: Instant) -> Result<Solution, SolverError> {
        if self.solver.is_running() {
            return Err(SolverError::Running);
        }
        if *self.solver.status() == Status::Unsolved {
            return Err(SolverError::NotStarted);
        }
        if !self.is_finished {
            self.is_finished = true;
            if self.solver.store_warm_start(&mut self.warm) {
                self.problem.advance(&mut self.warm);
            }
        }
        let solve_time = now.duration_since(self.begun);
        Ok(Solution::new(
            &self.problem,
            &mut self.evaluator,
            &self.solver,
            solve_time,
        ))
    }

    /// Copies the initial values for the next solve into `start`, shifted if the problem asks for it. Returns false,
    /// without copying, if there are no useful ones: see [`Solver::store_warm_start`].
    pub fn store_warm_start(&self, start: &mut Start) -> bool {
        let is_stored = self.solver.store_warm_start(start);
        if is_stored {
            self.problem.advance(start);
        }
        is_stored
    }

    /// The best point so far by name; see [`Solution::variables`].
    #[must_use]
    pub fn named_values(&self) -> BTreeMap<String, Vec<f64>> {
        // With its own evaluator, so that a solve in progress is not disturbed.
        let (u, states) = (self.solver.solution(), self.solver.states());
        self.problem
            .values_by_name(&mut self.evaluator.clone(), u, states)
    }

    /// State of the solve.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.solver.progress()
    }
}

impl Problem {
    fn solver(&self, settings: Settings) -> Result<Solver, SolverError> {
        match self
            .stages()
            .filter(|stages| stages.shooting != Shooting::Multiple)
        {
            Some(stages) => Solver::with_stages(self.into(), stages.structure(), settings),
            None => Solver::new(self.into(), settings),
        }
    }

    /// Cold start from the problem's initial guess, or from the origin.
    pub fn start(&self) -> Start {
        let origin = || vec![0.0; self.num_variables()];
        let guess = self.initial_guess().map_or_else(origin, <[f64]>::to_vec);
        let mut start = Start::cold(guess.clone());
        start.fallback = Some(guess);
        start
    }

    /// Advances a warm start to the next solve: if an optimal-control problem has its warm starts shifted, the first
    /// stage is dropped and the last repeated.
    pub fn advance(&self, start: &mut Start) {
        let Some(stages) = self.stages().filter(|_| self.shifts_warm_start()) else {
            return;
        };
        stages.shift_variables(&mut start.u);
        if let Some(states) = &mut start.states {
            stages.shift_states(states);
        }
        for values in [&mut start.multipliers, &mut start.penalties]
            .into_iter()
            .flatten()
        {
            stages.shift_constraints(values);
        }
    }
}

impl From<&Problem> for Arc<Problem> {
    fn from(problem: &Problem) -> Self {
        Self::new(problem.clone())
    }
}

impl From<&Problem> for Structure {
    fn from(problem: &Problem) -> Self {
        let constraint = |block: &super::Block| Constraint {
            len: block.range.len(),
            set: block.set.clone(),
            has_multipliers: block.kind != BlockKind::F2Penalty,
        };
        Self {
            num_variables: problem.num_variables(),
            set: problem.set().clone(),
            constraints: problem.blocks().iter().map(constraint).collect(),
        }
    }
}
