//! Solves of one problem.

use core::ffi::{CStr, c_char};
use core::time::Duration;
use std::time::Instant as Clock;

use labwire_core::problem::{ProblemSolver, Solution, StartOptions};
use labwire_core::service::Busy;
use labwire_core::solve::{SolveError, SolverError, Status};
use labwire_core::time::Instant;

use crate::argument::{array, clear, exclusive, free, give, put, put_text, shared};
use crate::error::{Failure, labwire_code, labwire_error, run};
use crate::problem::labwire_problem;

/// Solver of one problem, with all its memory. Each solve starts from the result of the one before.
#[derive(Debug)]
pub struct labwire_solver {
    solver: ProblemSolver,
    created: Clock,
    time_limit: Option<Duration>,
    /// Initial values of the next solve.
    guess: Option<Vec<f64>>,
    multipliers: Option<Vec<f64>>,
    is_cold: bool,
    /// Result of the last solve that has ended, until the next one begins.
    solution: Option<Solution>,
}

/// Outcome of a solve.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "C knows no other")]
pub enum labwire_status {
    /// No solve has ended.
    Unsolved = 0,
    /// Residual and violation are below their tolerances.
    Converged = 1,
    /// As converged, but no minimum: the curvature is negative.
    Stationary = 2,
    /// An iteration limit was reached.
    IterationLimit = 3,
    /// The time limit was reached.
    TimeLimit = 4,
    /// Cost or gradient is not finite at the initial guess.
    NotFinite = 5,
    /// The constraints cannot be satisfied near the point.
    LocallyInfeasible = 6,
    /// The cost falls without end.
    Unbounded = 7,
    /// No step improves the point in double precision.
    NoProgress = 8,
    /// The solve was cancelled.
    Cancelled = 9,
    /// An outcome that this header does not know.
    Other = 10,
}

/// Summary of a solve.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "its size is part of the interface")]
pub struct labwire_summary {
    /// Outcome.
    pub status: labwire_status,
    /// Cost.
    pub cost: f64,
    /// Unscaled stationarity residual, in the infinity norm.
    pub residual: f64,
    /// Largest violation of a constraint.
    pub violation: f64,
    /// Time from start to end, in milliseconds.
    pub solve_time_ms: f64,
    /// Evaluations of cost, constraints and gradient.
    pub evaluations: u64,
    /// Exact Hessians of the Lagrangian.
    pub hessian_evaluations: u64,
    /// Products of a vector with the Hessian.
    pub hessian_products: u64,
    /// Inner iterations.
    pub inner_iterations: u64,
    /// Outer iterations.
    pub outer_iterations: u64,
}

/// Search for integers, of a problem with such variables.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "its size is part of the interface")]
pub struct labwire_integers {
    /// Number of nodes, of solves without that condition; 0 if the problem has no integers.
    pub nodes: u64,
    /// Whether the solution has integers and meets the constraints.
    pub has_solution: i32,
    /// Whether the bound holds for all solutions; otherwise it is made of local minima.
    pub is_global: i32,
    /// Cost that no solution is below; NaN if none is known.
    pub bound: f64,
    /// Largest part of its cost by which another solution may be better; NaN if none is known.
    pub gap: f64,
}

impl labwire_status {
    fn of(status: &Status) -> Self {
        match status {
            Status::Unsolved => Self::Unsolved,
            Status::Converged => Self::Converged,
            Status::Stationary => Self::Stationary,
            Status::NotConvergedIterations => Self::IterationLimit,
            Status::NotConvergedOutOfTime => Self::TimeLimit,
            Status::NotFinite => Self::NotFinite,
            Status::LocallyInfeasible { .. } => Self::LocallyInfeasible,
            Status::Unbounded => Self::Unbounded,
            Status::Stalled => Self::NoProgress,
            Status::Cancelled => Self::Cancelled,
            _ => Self::Other,
        }
    }
}

impl labwire_solver {
    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.created.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn start(&mut self, parameters: &[f64]) -> Result<(), Failure> {
        let num_f1 = self.solver.problem().num_f1();
        let mut options = StartOptions::default();
        options.initial_guess = self.guess.as_deref();
        if let Some(multipliers) = &self.multipliers {
            // Their number was checked when they were set.
            let (f1, f2) = multipliers.split_at(num_f1.min(multipliers.len()));
            (options.f1_multipliers, options.f2_multipliers) = (Some(f1), Some(f2));
        }
        options.is_cold = self.is_cold;
        options.max_duration = self.time_limit;
        let now = Instant::from_nanos(u64::try_from(self.created.elapsed().as_nanos()).unwrap_or(u64::MAX));
        self.solver.start(now, parameters, &options).map_err(refused)?;
        (self.guess, self.multipliers, self.is_cold, self.solution) = (None, None, false, None);
        Ok(())
    }

    /// Whether the solve goes on.
    fn step(&mut self, fuel: u32) -> Result<bool, Failure> {
        let now = self.now();
        if self.solver.step(now, fuel).map_err(Failure::wrong_state)? == Busy::Yes {
            return Ok(true);
        }
        self.finish()?;
        Ok(false)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if self.solution.is_none() {
            let now = self.now();
            self.solution = Some(self.solver.finish(now).map_err(Failure::wrong_state)?);
        }
        Ok(())
    }

    fn solution(&self) -> Result<&Solution, Failure> {
        let none = || Failure::wrong_state("no solve has ended since the last one began");
        self.solution.as_ref().ok_or_else(none)
    }

    fn num_constraints(&self) -> usize {
        self.solver.problem().num_f1() + self.solver.problem().num_f2()
    }
}

fn refused(error: SolveError) -> Failure {
    use labwire_core::solve::InputError;
    let code = match &error {
        SolveError::Input(InputError::Length { .. }) => labwire_code::WrongLength,
        SolveError::Solver(SolverError::Running) => labwire_code::WrongState,
        _ => labwire_code::InvalidValue,
    };
    Failure::new(code, error)
}

/// Makes a solver with the settings of the problem file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_new(
    problem: *const labwire_problem,
    solver: *mut *mut labwire_solver,
    error: *mut labwire_error,
) -> labwire_code {
    // SAFETY: so the header asks of the caller; as everywhere below.
    unsafe {
        run(error, || {
            clear(solver)?;
            let problem = &shared("the problem", problem)?.problem;
            let made = ProblemSolver::new(problem.clone()).map_err(Failure::invalid_value)?;
            let made = labwire_solver {
                solver: made,
                created: Clock::now(),
                time_limit: None,
                guess: None,
                multipliers: None,
                is_cold: false,
                solution: None,
            };
            give(solver, made)
        })
    }
}

/// Frees a solver.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_free(solver: *mut labwire_solver) {
    unsafe { free(solver) }
}

/// Limits the time of each solve from now on, besides the limit of the problem file, to `seconds`; 0 for no limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_set_time_limit(
    solver: *mut labwire_solver,
    seconds: f64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solver = exclusive("the solver", solver)?;
            let limit = Duration::try_from_secs_f64(seconds).map_err(|_| {
                Failure::invalid_value(format_args!(
                    "the time limit is {seconds}: expected seconds, or 0 for no limit"
                ))
            })?;
            solver.time_limit = (!limit.is_zero()).then_some(limit);
            Ok(())
        })
    }
}

/// Initial guess of the next solve, one number per variable, in place of the result of the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_set_guess(
    solver: *mut labwire_solver,
    values: *const f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solver = exclusive("the solver", solver)?;
            let values = array("the guess", values, length)?;
            crate::argument::expect_length("the guess", length, solver.solver.problem().num_variables())?;
            solver.guess = Some(values.to_vec());
            Ok(())
        })
    }
}

/// Lagrange multipliers for the next solve, those of F1 before those of F2, in place of those of the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_set_multipliers(
    solver: *mut labwire_solver,
    values: *const f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solver = exclusive("the solver", solver)?;
            let values = array("the multipliers", values, length)?;
            crate::argument::expect_length("the multipliers", length, solver.num_constraints())?;
            solver.multipliers = Some(values.to_vec());
            Ok(())
        })
    }
}

/// Lets the next solve ignore the result of the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_forget(
    solver: *mut labwire_solver,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            exclusive("the solver", solver)?.is_cold = true;
            Ok(())
        })
    }
}

/// Solves for `parameters`. LABWIRE_CODE_OK says that the solve has ended; `labwire_solver_summary` says how.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_solve(
    solver: *mut labwire_solver,
    parameters: *const f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solver = exclusive("the solver", solver)?;
            solver.start(array("the parameters", parameters, length)?)?;
            while solver.step(1)? {}
            Ok(())
        })
    }
}

/// Begins a solve for `parameters`; `labwire_solver_step` does the work.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_start(
    solver: *mut labwire_solver,
    parameters: *const f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solver = exclusive("the solver", solver)?;
            solver.start(array("the parameters", parameters, length)?)
        })
    }
}

/// Continues for about `fuel` evaluations. `is_running` becomes 0 when the solve has ended, else 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_step(
    solver: *mut labwire_solver,
    fuel: u32,
    is_running: *mut i32,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solver = exclusive("the solver", solver)?;
            let is_running = exclusive("the place of is_running", is_running)?;
            *is_running = i32::from(solver.step(fuel)?);
            Ok(())
        })
    }
}

/// Ends the solve in progress, if any; its result is the best point so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_cancel(
    solver: *mut labwire_solver,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solver = exclusive("the solver", solver)?;
            if solver.solver.is_running() {
                solver.solver.cancel();
                solver.finish()?;
            }
            Ok(())
        })
    }
}

/// Summary of the last solve.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_summary(
    solver: *const labwire_solver,
    summary: *mut labwire_summary,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solution = shared("the solver", solver)?.solution()?;
            let counters = solution.counters;
            *exclusive("the place of the summary", summary)? = labwire_summary {
                status: labwire_status::of(&solution.status),
                cost: solution.cost,
                residual: solution.residual,
                violation: solution.violation,
                solve_time_ms: solution.solve_time_ms,
                evaluations: counters.evaluations,
                hessian_evaluations: counters.hessian_evaluations,
                hessian_products: counters.hessian_products,
                inner_iterations: counters.inner_iterations,
                outer_iterations: counters.outer_iterations,
            };
            Ok(())
        })
    }
}

/// Search for integers of the last solve.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_integers(
    solver: *const labwire_solver,
    integers: *mut labwire_integers,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let search = shared("the solver", solver)?.solution()?.integers;
            *exclusive("the place of the integers", integers)? = labwire_integers {
                nodes: search.map_or(0, |search| search.nodes),
                has_solution: search.map_or(0, |search| search.best.is_some().into()),
                is_global: search.map_or(0, |search| search.is_global.into()),
                bound: search.and_then(|search| search.bound).unwrap_or(f64::NAN),
                gap: search.and_then(|search| search.gap).unwrap_or(f64::NAN),
            };
            Ok(())
        })
    }
}

/// Decision variables of the last solve, one number per variable; the best point seen if it did not converge.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_solution(
    solver: *const labwire_solver,
    values: *mut f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solution = shared("the solver", solver)?.solution()?;
            put("the solution", values, length, &solution.u)
        })
    }
}

/// Lagrange multipliers of the last solve, those of F1 before those of F2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_multipliers(
    solver: *const labwire_solver,
    values: *mut f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solution = shared("the solver", solver)?.solution()?;
            let all = [&solution.f1_multipliers[..], &solution.f2_multipliers].concat();
            put("the multipliers", values, length, &all)
        })
    }
}

/// Values of the constraints at the last solution, those of F1 before those of F2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_constraints(
    solver: *const labwire_solver,
    values: *mut f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solution = shared("the solver", solver)?.solution()?;
            put("the constraints", values, length, &solution.constraints)
        })
    }
}

/// Derivatives of the last solution with respect to the parameters, by rows: a row per variable, a column per parameter.
/// The last solve must have converged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_sensitivities(
    solver: *mut labwire_solver,
    values: *mut f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solver = exclusive("the solver", solver)?;
            let problem = solver.solver.problem();
            let expected = problem.num_variables() * problem.num_parameters();
            crate::argument::expect_length("the sensitivities", length, expected)?;
            solver.solution()?;
            let sensitivities = solver.solver.sensitivities().map_err(Failure::wrong_state)?;
            put(
                "the sensitivities",
                values,
                length,
                &sensitivities.variables.concat(),
            )
        })
    }
}

/// The last solve as JSON, with all its numbers and the values of the variables by name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_solver_json(
    solver: *const labwire_solver,
    json: *mut c_char,
    size: usize,
    length: *mut usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let solution = shared("the solver", solver)?.solution()?;
            let text = serde_json::to_string(solution)
                .map_err(|error| Failure::new(labwire_code::Internal, error))?;
            put_text(&text, json, size, length)
        })
    }
}

/// Name of a status, such as "converged".
#[unsafe(no_mangle)]
pub extern "C" fn labwire_status_name(status: i32) -> *const c_char {
    let name: &CStr = match status {
        0 => c"unsolved",
        1 => c"converged",
        2 => c"stationary",
        3 => c"iteration limit",
        4 => c"time limit",
        5 => c"not finite",
        6 => c"locally infeasible",
        7 => c"unbounded below",
        8 => c"no progress in double precision",
        9 => c"cancelled",
        _ => c"other",
    };
    name.as_ptr()
}
