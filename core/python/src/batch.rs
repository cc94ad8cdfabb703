//! Many solves at once, on all processors.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use labwire_core::problem::{Problem, ProblemSolver, Solution, SolveError, StartOptions};
use labwire_core::service::Busy;
use labwire_core::solve::{ParametricProblem, Settings};
use labwire_host::Clock;
use pyo3::prelude::*;

use crate::work::LOOK;
use crate::{arrays, ending, errors};

/// What a batch solves: rows of parameters and, perhaps, of initial guesses.
pub(crate) struct Batch {
    pub(crate) problem: Arc<Problem>,
    pub(crate) settings: Settings,
    /// Rows of `num_parameters` numbers.
    pub(crate) parameters: Vec<f64>,
    /// Rows of `num_variables` numbers.
    pub(crate) guesses: Option<Vec<f64>>,
    /// Number of rows.
    pub(crate) len: usize,
}

/// Rows that a thread takes at once: enough that taking them costs nothing, few enough that all end at the same time.
const CHUNK: usize = 8;

/// State that the threads share.
#[derive(Default)]
struct Shared {
    /// The next row that nobody has taken.
    next: AtomicUsize,
    /// Whether the results are no longer wanted.
    stop: AtomicBool,
}

impl Batch {
    /// Solves every row from cold, on `threads` threads. The results do not depend on their number.
    ///
    /// # Errors
    /// The first input that does not fit; the exception that a signal's handler raised.
    pub(crate) fn solve(&self, py: Python<'_>, threads: usize) -> PyResult<Vec<Solution>> {
        for row in 0..self.len {
            let (parameters, options) = self.inputs(row);
            let checked = self.problem.check_inputs(parameters, &options);
            checked.map_err(|error| errors::input(format!("row {row}: {error}")))?;
        }
        let threads = threads.min(self.len.div_ceil(CHUNK)).max(1);
        let shared = Shared::default();
        let mut signal = None;
        let outcome = ending::detach(py, || {
            thread::scope(|scope| {
                let mut workers = Vec::new();
                for _ in 0..threads {
                    let (waiter, shared) = (thread::current(), &shared);
                    let worker = thread::Builder::new().spawn_scoped(scope, move || {
                        let solved = self.work(shared);
                        waiter.unpark();
                        solved
                    });
                    // With fewer threads it takes longer.
                    let Ok(worker) = worker else { break };
                    workers.push(worker);
                }
                if workers.is_empty() {
                    return self.work(&shared);
                }
                while workers.iter().any(|worker| !worker.is_finished()) {
                    thread::park_timeout(LOOK);
                    match ending::attach(|py| py.check_signals()) {
                        Some(Ok(())) => continue,
                        Some(Err(error)) => {
                            signal.get_or_insert(error);
                        }
                        // The interpreter is ending: nobody waits for the results.
                        None => {}
                    }
                    shared.stop.store(true, Ordering::Relaxed);
                }
                let mut solved = Vec::with_capacity(self.len);
                for worker in workers {
                    match worker.join() {
                        Ok(part) => solved.extend(part?),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                }
                Ok(solved)
            })
        });
        if let Some(error) = signal {
            return Err(error);
        }
        let mut solved = outcome.map_err(|(row, error)| errors::input(format!("row {row}: {error}")))?;
        solved.sort_unstable_by_key(|(row, _)| *row);
        Ok(solved.into_iter().map(|(_, solution)| solution).collect())
    }

    /// Solves rows until none is left.
    fn work(&self, shared: &Shared) -> Result<Vec<(usize, Solution)>, (usize, SolveError)> {
        let clock = Clock::start();
        let mut solved = Vec::new();
        let solver = ProblemSolver::with_settings(self.problem.clone(), self.settings.clone());
        let mut solver = solver.map_err(|error| (0, error.into()))?;
        loop {
            let first = shared.next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= self.len {
                return Ok(solved);
            }
            for row in first..(first + CHUNK).min(self.len) {
                let solution = self.solve_row(&mut solver, row, clock, shared);
                if solution.is_err() {
                    shared.stop.store(true, Ordering::Relaxed);
                }
                match solution.map_err(|error| (row, error))? {
                    Some(solution) => solved.push((row, solution)),
                    None => return Ok(solved),
                }
            }
        }
    }

    /// Parameters and start of a row.
    fn inputs(&self, row: usize) -> (&[f64], StartOptions<'_>) {
        let mut options = StartOptions::default();
        options.is_cold = true;
        let width = self.problem.num_variables();
        options.initial_guess = self.guesses.as_ref().map(|guesses| row_of(guesses, row, width));
        (
            row_of(&self.parameters, row, self.problem.num_parameters()),
            options,
        )
    }

    /// Result of a row; none if it is no longer wanted.
    fn solve_row(
        &self,
        solver: &mut ProblemSolver,
        row: usize,
        clock: Clock,
        shared: &Shared,
    ) -> Result<Option<Solution>, SolveError> {
        let (parameters, options) = self.inputs(row);
        solver.start(clock.now(), parameters, &options)?;
        while solver.step(clock.now(), 1)? == Busy::Yes {
            if shared.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        Ok(Some(solver.finish(clock.now())?))
    }
}

/// Row of a matrix; shorter, or empty, where that ends.
fn row_of(matrix: &[f64], row: usize, width: usize) -> &[f64] {
    let rest = matrix.get(row * width..).unwrap_or_default();
    rest.get(..width).unwrap_or(rest)
}

/// `labwire.Batch`: the fields of all solutions, each as one array, in the order of `labwire/_solution.py`.
pub(crate) fn to_python<'py>(
    py: Python<'py>,
    problem: &Problem,
    solutions: Vec<Solution>,
) -> PyResult<Bound<'py, PyAny>> {
    let status: Vec<&str> = solutions.iter().map(|solution| solution.status.name()).collect();
    let numbers = |of: fn(&Solution) -> f64| arrays::array(py, solutions.iter().map(of).collect());
    let matrix = |of: fn(&Solution) -> &Vec<f64>, columns| {
        let rows = solutions.iter().flat_map(of).copied().collect();
        arrays::matrix_of(py, rows, [solutions.len(), columns])
    };
    let (m1, m2) = (problem.num_f1(), problem.num_f2());
    let class = py.import("labwire._solution")?.getattr("Batch")?;
    class.call1((
        status,
        matrix(|solution| &solution.u, problem.num_variables())?,
        numbers(|solution| solution.cost),
        numbers(|solution| solution.residual),
        numbers(|solution| solution.violation),
        matrix(|solution| &solution.f1_multipliers, m1)?,
        matrix(|solution| &solution.f2_multipliers, m2)?,
        numbers(|solution| solution.counters.evaluations as f64).call_method1("astype", (INTEGERS,))?,
        numbers(|solution| solution.solve_time_ms / 1e3),
    ))
}

/// dtype of counts.
const INTEGERS: &str = "int64";

/// Number of processors that this process may use.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
