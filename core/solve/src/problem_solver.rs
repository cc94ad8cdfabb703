//! Repeated solves of one problem with parameters.

#[cfg_attr(not(feature = "integers"), path = "problem_solver/no_search.rs")]
mod search;
mod sensitivities;
mod solution;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use labwire_session::Busy;
use labwire_session::time::Instant;
pub use sensitivities::NoSensitivities;
pub use solution::Solution;

use crate::error::SolverError;
use crate::functions::{Functions, Structure};
use crate::inputs::{InputError, StartOptions};
use crate::parametric::ParametricProblem;
use crate::settings::Settings;
use crate::solver::{Solver, Start};
use crate::status::{Progress, Status, StopReason};
use search::Search;

/// Solver of one problem, with all its memory. Each solve starts from the result of the previous one, unless options say
/// otherwise, advanced as the problem [asks for](ParametricProblem::advance).
///
/// The minimum of Rosenbrock's function for two values of its parameter:
///
/// ```
/// use labwire_solve::sets::Set;
/// use labwire_solve::{Functions, ParametricProblem, ProblemSolver, Structure};
///
/// struct Rosenbrock;
///
/// impl ParametricProblem for Rosenbrock {
///     fn structure(&self) -> Structure {
///         Structure::unconstrained(2, Set::All)
///     }
///     fn num_parameters(&self) -> usize {
///         1
///     }
///     fn functions(&self) -> Box<dyn Functions + Send> {
///         Box::new(AtParameter(0.0))
///     }
/// }
///
/// struct AtParameter(f64);
///
/// impl Functions for AtParameter {
///     fn num_variables(&self) -> usize {
///         2
///     }
///     fn num_constraints(&self) -> usize {
///         0
///     }
///     fn set_parameters(&mut self, parameters: &[f64]) -> bool {
///         self.0 = parameters[0];
///         true
///     }
///     fn forward(&mut self, u: &[f64], _g: &mut [f64]) -> f64 {
///         (self.0 - u[0]).powi(2) + 100.0 * (u[1] - u[0] * u[0]).powi(2)
///     }
///     fn reverse(&mut self, u: &[f64], _y: &[f64], gradient: &mut [f64]) {
///         let slope = 200.0 * (u[1] - u[0] * u[0]);
///         gradient.copy_from_slice(&[2.0 * (u[0] - self.0) - 2.0 * u[0] * slope, slope]);
///     }
/// }
///
/// let mut solver = ProblemSolver::new(Rosenbrock)?;
/// for parameter in [1.0, 1.1] {
///     let solution = solver.solve(&[parameter])?;
///     assert!(solution.is_converged() && (solution.u[0] - parameter).abs() < 1e-2);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`start`](Self::start), [`step`](Self::step) and [`finish`](Self::finish) do the same work in bounded steps, with the
/// same bits; a step does not allocate, unless it searches for [integers](crate::Integers).
pub struct ProblemSolver<P: ?Sized> {
    problem: Arc<P>,
    functions: Box<dyn Functions + Send>,
    solver: Solver,
    /// Parameters of the last solve.
    parameters: Vec<f64>,
    /// Starting point of the next solve.
    warm: Start,
    begun: Instant,
    /// Whether the result was taken.
    is_finished: bool,
    /// Search for integers of the last solve.
    search: Option<Box<Search>>,
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

impl<P: ?Sized> fmt::Debug for ProblemSolver<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProblemSolver")
            .field("parameters", &self.parameters)
            .field("status", active(&self.solver, &self.search).status())
            .finish_non_exhaustive()
    }
}

impl<P: ParametricProblem + ?Sized> ProblemSolver<P> {
    /// Creates a solver with the problem's settings.
    ///
    /// # Errors
    /// If a setting or a set of a problem built in Rust is invalid.
    pub fn new(problem: impl Into<Arc<P>>) -> Result<Self, SolverError> {
        let problem = problem.into();
        let settings = problem.settings();
        Self::with_settings(problem, settings)
    }

    /// Creates a solver with settings in place of the problem's.
    ///
    /// # Errors
    /// If a setting is out of range, or the problem's functions take no parameters although it has some.
    pub fn with_settings(problem: impl Into<Arc<P>>, settings: Settings) -> Result<Self, SolverError> {
        let problem = problem.into();
        let mut structure = problem.structure();
        check_numbers(&*problem, &structure)?;
        search::tighten(&*problem, &mut structure)?;
        let mut solver = problem.solver(structure, settings)?;
        solver.set_convex(problem.is_convex());
        let mut functions = problem.functions();
        let parameters = vec![0.0; problem.num_parameters()];
        if !functions.set_parameters(&parameters) {
            return Err(SolverError::Parameters(parameters.len()));
        }
        Ok(Self {
            functions,
            solver,
            parameters,
            warm: problem.start(),
            begun: Instant::ZERO,
            is_finished: false,
            search: None,
            problem,
        })
    }

    /// The problem.
    #[must_use]
    pub fn problem(&self) -> &Arc<P> {
        &self.problem
    }

    /// The solver, with the state of the last solve.
    #[must_use]
    pub fn solver(&self) -> &Solver {
        self.active()
    }

    /// Whether a solve is in progress.
    #[must_use]
    pub fn is_running(&self) -> bool {
        match &self.search {
            Some(search) => !search.is_ended(),
            None => self.solver.is_running(),
        }
    }

    /// Memory of the solver, in bytes: that of the problem's functions, and an upper estimate for the method, with n
    /// variables and m constraints about 140 n + 40 m numbers, and the matrices of exact Newton steps; several times that, and
    /// its open nodes, if it searches for integers.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let (n, m) = (self.problem.num_variables(), self.problem.num_constraints());
        let numbers = 140 * n + 40 * m + self.solver.matrix_memory();
        let numbers = search::memory(&*self.problem, numbers, n + 2 * m);
        self.problem.functions_bytes() + numbers * size_of::<f64>()
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
        let (num_f1, m) = (self.problem.num_f1(), self.problem.num_constraints());
        let mut start = start.clone();
        if let Some(guess) = options.initial_guess {
            start.u = guess.to_vec();
            (start.states, start.costates) = (None, None);
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
        if self.is_running() {
            return Err(SolverError::Running.into());
        }
        self.solver.start(now, &start)?;
        if options.distrusts_warm_start {
            self.solver.compare_fallback();
        }
        if let Some(limit) = options.max_duration {
            self.solver.end_by(now + limit);
        }
        let has_guess = start.is_warm() || options.initial_guess.is_some();
        self.search = search::begin(&*self.problem, &self.solver, &start, has_guess).map(Box::new);
        self.functions.set_parameters(parameters);
        self.parameters.copy_from_slice(parameters);
        (self.begun, self.is_finished) = (now, false);
        Ok(())
    }

    /// Continues for about `fuel` evaluations, or until the time is up: see [`Solver::step`]. Returns [`Busy::No`] when
    /// the solve has ended and [`finish`](Self::finish) can return its result.
    ///
    /// # Errors
    /// If no solve was started.
    pub fn step(&mut self, now: Instant, fuel: u32) -> Result<Busy, SolverError> {
        match &mut self.search {
            Some(search) => search.step(&*self.problem, &mut self.solver, &mut *self.functions, now, fuel),
            None => self.solver.step(&mut *self.functions, now, fuel),
        }
    }

    /// Ends the solve in progress, if any; its result is the best point so far.
    pub fn cancel(&mut self) {
        match &mut self.search {
            Some(search) => search.cancel(&*self.problem, &mut self.solver, &mut *self.functions),
            None => self.solver.stop(StopReason::Cancelled),
        }
    }

    /// Result of the solve that has ended, at the time `now`. The next solve starts from it if it is useful.
    ///
    /// # Errors
    /// If no solve was started, or one is in progress.
    pub fn finish(&mut self, now: Instant) -> Result<Solution, SolverError> {
        if self.is_running() {
            return Err(SolverError::Running);
        }
        if *self.active().status() == Status::Unsolved {
            return Err(SolverError::NotStarted);
        }
        if !self.is_finished {
            self.is_finished = true;
            if active(&self.solver, &self.search).store_warm_start(&mut self.warm) {
                self.problem.advance(&mut self.warm);
            }
        }
        let solve_time = now.duration_since(self.begun);
        Ok(self.solution(solve_time))
    }

    /// Copies the initial values for the next solve into `start`, shifted if the problem asks for it. Returns false,
    /// without copying, if there are no useful ones: see [`Solver::store_warm_start`].
    pub fn store_warm_start(&self, start: &mut Start) -> bool {
        let is_stored = self.active().store_warm_start(start);
        if is_stored {
            self.problem.advance(start);
        }
        is_stored
    }

    /// The best point so far by name; see [`Solution::variables`].
    #[must_use]
    pub fn named_values(&self) -> BTreeMap<String, Vec<f64>> {
        let (u, states) = (self.active().solution(), self.active().states());
        self.problem.named_values(&self.parameters, u, states)
    }

    /// State of the solve.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let progress = self.active().progress();
        match &self.search {
            None => progress,
            Some(search) => Progress {
                counters: search.counters(&self.solver),
                integers: Some(search.report()),
                ..progress
            },
        }
    }

    /// The solver of the current node, or of the result.
    fn active(&self) -> &Solver {
        active(&self.solver, &self.search)
    }
}

/// The solver of a search, if there is one.
fn active<'a>(solver: &'a Solver, search: &'a Option<Box<Search>>) -> &'a Solver {
    match search {
        Some(search) => search.solver(solver),
        None => solver,
    }
}

/// Checks that the numbers of a problem are those of its structure.
fn check_numbers(
    problem: &(impl ParametricProblem + ?Sized),
    structure: &Structure,
) -> Result<(), SolverError> {
    let (n, m) = (structure.num_variables, structure.num_constraints());
    for (what, found, expected) in [
        ("decision variables", problem.num_variables(), n),
        ("constraints", problem.num_constraints(), m),
    ] {
        if found != expected {
            return Err(SolverError::Problem {
                what,
                found,
                expected,
            });
        }
    }
    let num_f1 = problem.num_f1();
    if num_f1 > m {
        return Err(SolverError::F1 {
            num_f1,
            num_constraints: m,
        });
    }
    Ok(())
}
