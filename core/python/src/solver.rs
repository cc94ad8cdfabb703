//! `labwire.Solver`.

use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use labwire_core::problem::{self, NoSensitivities, ProblemSolver, Solution, StartOptions};
use labwire_core::service::Busy;
use labwire_core::solve::{Counters, IntegerSearch, Progress, Settings, SolverError};
use labwire_host::Clock;
use numpy::{Ix2, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::batch::{self, Batch};
use crate::ending;
use crate::problem::Problem;
use crate::work::until_done;
use crate::{arrays, errors};

/// Solver of one problem, with all its memory. Each solve starts from the result of the last one.
///
/// Solver(problem, **settings): settings take the place of those in the problem's text: `tolerance` (of the stationarity
/// residual), `delta_tolerance` (of the constraints, in their units), `max_inner_iterations`, `max_outer_iterations`,
/// `lbfgs_memory`, `initial_tolerance`, `initial_penalty`, `max_duration` (seconds, of each solve). Raises InputError for
/// values out of range.
#[pyclass(frozen, module = "labwire")]
pub(crate) struct Solver {
    /// The problem.
    #[pyo3(get)]
    problem: Py<Problem>,
    inner: Arc<problem::Problem>,
    pub(crate) settings: Settings,
    solver: Mutex<ProblemSolver>,
    clock: Clock,
}

#[pymethods]
impl Solver {
    #[new]
    #[pyo3(signature = (problem, *, tolerance=None, delta_tolerance=None, max_inner_iterations=None,
        max_outer_iterations=None, lbfgs_memory=None, initial_tolerance=None, initial_penalty=None, max_duration=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords")]
    fn new(
        problem: Bound<'_, Problem>,
        tolerance: Option<f64>,
        delta_tolerance: Option<f64>,
        max_inner_iterations: Option<u32>,
        max_outer_iterations: Option<u32>,
        lbfgs_memory: Option<usize>,
        initial_tolerance: Option<f64>,
        initial_penalty: Option<f64>,
        max_duration: Option<f64>,
    ) -> PyResult<Self> {
        let inner = problem.get().problem.clone();
        let mut settings = inner.settings().clone();
        let set = |setting: &mut f64, value: Option<f64>| *setting = value.unwrap_or(*setting);
        set(&mut settings.tolerance, tolerance);
        set(&mut settings.delta_tolerance, delta_tolerance);
        set(&mut settings.initial_tolerance, initial_tolerance);
        settings.max_inner_iterations = max_inner_iterations.unwrap_or(settings.max_inner_iterations);
        settings.max_outer_iterations = max_outer_iterations.unwrap_or(settings.max_outer_iterations);
        settings.lbfgs_memory = lbfgs_memory.or(settings.lbfgs_memory);
        settings.initial_penalty = initial_penalty.or(settings.initial_penalty);
        settings.max_duration = duration("max_duration", max_duration)?.or(settings.max_duration);
        let solver = ProblemSolver::with_settings(inner.clone(), settings.clone());
        Ok(Self {
            problem: problem.unbind(),
            inner,
            settings,
            solver: Mutex::new(solver.map_err(|error| errors::solver(&error))?),
            clock: Clock::start(),
        })
    }

    /// solve(p, *, initial_guess, multipliers, f2_multipliers, penalty, cold, max_duration, progress) -> Solution
    ///
    /// Solves for the parameters `p`, shape (parameters,), or a dictionary of vectors by name.
    ///
    /// Starts from the result of the last solve, unless `cold`; of it, `initial_guess` (n,), `multipliers` of F1 (m1,),
    /// `f2_multipliers` (m2,) and the `penalty` of every constraint take the place of what they name. `max_duration` limits
    /// the time, in seconds. `progress` is called with a Progress after every iteration; if it returns False, the solve ends
    /// with the status "cancelled", and if it raises, with that exception.
    ///
    /// Raises InputError for wrong lengths and values that are not finite, BusyError while another thread solves with this
    /// solver. Other threads run meanwhile, and Ctrl-C ends the solve.
    #[pyo3(signature = (p=None, *, initial_guess=None, multipliers=None, f2_multipliers=None, penalty=None, cold=false,
        max_duration=None, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords")]
    fn solve<'py>(
        &self,
        py: Python<'py>,
        p: Option<Bound<'py, PyAny>>,
        initial_guess: Option<Bound<'py, PyAny>>,
        multipliers: Option<Bound<'py, PyAny>>,
        f2_multipliers: Option<Bound<'py, PyAny>>,
        penalty: Option<f64>,
        cold: bool,
        max_duration: Option<f64>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _call = ending::enter(py);
        let p = p
            .map(|p| arrays::parameters(&p, self.inner.parameters()))
            .transpose()?;
        let vector = |values: Option<Bound<'py, PyAny>>, what| {
            values.map(|values| arrays::vector(&values, what)).transpose()
        };
        let guess = vector(initial_guess, "initial guess")?;
        let f1_multipliers = vector(multipliers, "Lagrange multipliers")?;
        let f2_multipliers = vector(f2_multipliers, "Lagrange multipliers of F2")?;
        let mut options = StartOptions::default();
        options.initial_guess = guess.as_ref().map(arrays::slice).transpose()?;
        options.f1_multipliers = f1_multipliers.as_ref().map(arrays::slice).transpose()?;
        options.f2_multipliers = f2_multipliers.as_ref().map(arrays::slice).transpose()?;
        options.penalty = penalty;
        options.is_cold = cold;
        options.max_duration = duration("max_duration", max_duration)?;
        let p = p.as_ref().map(arrays::slice).transpose()?.unwrap_or_default();
        let mut solver = self.lock()?;
        let solution = self.run(py, &mut solver, p, &options, progress.as_ref())?;
        to_python(py, solution)
    }

    /// solve_batch(p, *, initial_guesses, threads) -> Batch
    ///
    /// Solves for every row of `p`, shape (k, parameters), on all processors, or on as many `threads`. Each solve starts
    /// from the problem's initial guess, or from its row of `initial_guesses` (k, n), so that results do not depend on the
    /// threads, nor on solves before. Raises InputError, with the row, for the first input that does not fit.
    #[pyo3(signature = (p, *, initial_guesses=None, threads=None))]
    fn solve_batch<'py>(
        &self,
        py: Python<'py>,
        p: Bound<'py, PyAny>,
        initial_guesses: Option<Bound<'py, PyAny>>,
        threads: Option<NonZero<usize>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _call = ending::enter(py);
        let p = arrays::matrix(&p, "parameters")?;
        let guesses = initial_guesses.map(|guesses| arrays::matrix(&guesses, "initial guesses"));
        let guesses = guesses.transpose()?;
        let len = p.dims()[0];
        expect_shape("parameters", p.dims(), len, self.inner.num_parameters())?;
        if let Some(guesses) = &guesses {
            expect_shape("initial guesses", guesses.dims(), len, self.inner.num_variables())?;
        }
        let batch = Batch {
            problem: self.inner.clone(),
            settings: self.settings.clone(),
            // Copies: other threads could write to the arrays meanwhile.
            parameters: p.as_slice()?.to_vec(),
            guesses: guesses
                .map(|guesses| Ok::<_, PyErr>(guesses.as_slice()?.to_vec()))
                .transpose()?,
            len,
        };
        let threads = threads.map_or_else(batch::processors, NonZero::get);
        batch::to_python(py, &self.inner, batch.solve(py, threads)?)
    }

    /// sensitivities() -> Sensitivities
    ///
    /// Derivatives of the solution of the last solve, and of its multipliers, with respect to the parameters. Raises
    /// NoSensitivities where there are none, with the reason.
    fn sensitivities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let _call = ending::enter(py);
        let mut guard = self.lock()?;
        let solver = &mut *guard;
        let none = |error: NoSensitivities| errors::no_sensitivities(&error);
        let mut work = ending::detach(py, || solver.start_sensitivities()).map_err(none)?;
        let mut done = None;
        let step = || {
            done = solver.continue_sensitivities(&mut work, 1)?;
            Ok(done.is_none())
        };
        until_done(py, step, none)?;
        let Some(sensitivities) = done else {
            return Err(errors::solver(&SolverError::NotStarted));
        };
        let columns = self.inner.num_parameters();
        let class = py.import("labwire._solution")?.getattr("Sensitivities")?;
        class.call1((
            rows(py, &sensitivities.variables, columns)?,
            rows(py, &sensitivities.multipliers, columns)?,
        ))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let problem = self.problem.bind(py).repr()?;
        Ok(format!("<labwire.Solver of {problem}>"))
    }
}

impl Solver {
    /// The solver, unless it is at work: waiting for another thread could take forever, and for this one would.
    fn lock(&self) -> PyResult<MutexGuard<'_, ProblemSolver>> {
        match self.solver.try_lock() {
            Ok(guard) => Ok(guard),
            // Whatever state it was left in, the next solve begins anew.
            Err(TryLockError::Poisoned(error)) => Ok(error.into_inner()),
            Err(TryLockError::WouldBlock) => Err(errors::solver(&SolverError::Running)),
        }
    }

    fn run(
        &self,
        py: Python<'_>,
        solver: &mut ProblemSolver,
        parameters: &[f64],
        options: &StartOptions<'_>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Solution> {
        let clock = self.clock;
        solver
            .start(clock.now(), parameters, options)
            .map_err(errors::solve)?;
        let outcome = match progress {
            None => {
                let step = || Ok(solver.step(clock.now(), 1)? == Busy::Yes);
                until_done(py, step, |error: SolverError| errors::solver(&error))
            }
            Some(call) => report(py, solver, clock, call),
        };
        if outcome.is_err() {
            solver.cancel();
        }
        outcome?;
        solver.finish(clock.now()).map_err(|error| errors::solver(&error))
    }
}

/// Solves, and calls `call` after every iteration.
fn report(py: Python<'_>, solver: &mut ProblemSolver, clock: Clock, call: &Bound<'_, PyAny>) -> PyResult<()> {
    let mut last = Counters::default();
    loop {
        let step = ending::detach(py, || solver.step(clock.now(), 1));
        let busy = step.map_err(|error| errors::solver(&error))?;
        let progress = solver.progress();
        let counters = progress.counters;
        let is_new = (counters.outer_iterations, counters.inner_iterations)
            != (last.outer_iterations, last.inner_iterations);
        last = counters;
        if is_new {
            let arguments = (progress_to_python(py, &progress)?,);
            let answer = call.call1(arguments)?;
            if answer.is(&*false.into_pyobject(py)?) {
                solver.cancel();
                return Ok(());
            }
        }
        py.check_signals()?;
        if busy == Busy::No {
            return Ok(());
        }
    }
}

fn progress_to_python<'py>(py: Python<'py>, progress: &Progress) -> PyResult<Bound<'py, PyAny>> {
    let class = py.import("labwire._solution")?.getattr("Progress")?;
    class.call1((
        progress.counters.outer_iterations,
        progress.counters.inner_iterations,
        progress.counters.evaluations,
        progress.cost,
        progress.residual,
        progress.violation,
        progress.penalty,
        progress.step.kind.name(),
        search_to_python(py, progress.integers)?,
    ))
}

/// `labwire.IntegerSearch`, or None.
fn search_to_python(py: Python<'_>, search: Option<IntegerSearch>) -> PyResult<Bound<'_, PyAny>> {
    let Some(search) = search else {
        return Ok(py.None().into_bound(py));
    };
    let class = py.import("labwire._solution")?.getattr("IntegerSearch")?;
    class.call1((
        search.nodes,
        search.best,
        search.bound,
        search.gap,
        search.is_global,
    ))
}

/// The fields in the order of `labwire/_solution.py`.
fn to_python(py: Python<'_>, solution: Solution) -> PyResult<Bound<'_, PyAny>> {
    static SOLUTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = SOLUTION.import(py, "labwire._solution", "Solution")?;
    let variables = PyDict::new(py);
    for (name, values) in solution.variables {
        variables.set_item(name, arrays::array(py, values))?;
    }
    let counters = solution.counters;
    let fields = PyTuple::new(
        py,
        [
            solution.status.name().into_pyobject(py)?.into_any(),
            arrays::array(py, solution.u).into_any(),
            variables.into_any(),
            solution.cost.into_pyobject(py)?.into_any(),
            solution.residual.into_pyobject(py)?.into_any(),
            solution.violation.into_pyobject(py)?.into_any(),
            solution.f1_distance.into_pyobject(py)?.into_any(),
            solution.f2_norm.into_pyobject(py)?.into_any(),
            arrays::array(py, solution.constraints).into_any(),
            arrays::array(py, solution.f1_multipliers).into_any(),
            arrays::array(py, solution.f2_multipliers).into_any(),
            arrays::array(py, solution.penalties).into_any(),
            solution.infeasible_constraints.into_pyobject(py)?.into_any(),
            counters.outer_iterations.into_pyobject(py)?.into_any(),
            counters.inner_iterations.into_pyobject(py)?.into_any(),
            counters.evaluations.into_pyobject(py)?.into_any(),
            counters.hessian_products.into_pyobject(py)?.into_any(),
            counters.hessian_evaluations.into_pyobject(py)?.into_any(),
            counters.cold_restarts.into_pyobject(py)?.into_any(),
            (solution.solve_time_ms / 1e3).into_pyobject(py)?.into_any(),
            search_to_python(py, solution.integers)?,
        ],
    )?;
    class.call1(fields)
}

fn rows<'py>(py: Python<'py>, rows: &[Vec<f64>], columns: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
    arrays::matrix_of(py, rows.concat(), [rows.len(), columns])
}

fn expect_shape(what: &str, found: Ix2, rows: usize, columns: usize) -> PyResult<()> {
    if found != Ix2(rows, columns) {
        let (found, expected) = ((found[0], found[1]), (rows, columns));
        return Err(errors::input(format!(
            "{what}: found shape {found:?}, expected {expected:?}"
        )));
    }
    Ok(())
}

/// A time in seconds.
pub(crate) fn duration(name: &str, seconds: Option<f64>) -> PyResult<Option<Duration>> {
    let Some(seconds) = seconds else { return Ok(None) };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => Ok(Some(duration)),
        Err(_) => Err(errors::input(format!(
            "{name} is {seconds}, expected a number of seconds, at least 0"
        ))),
    }
}
