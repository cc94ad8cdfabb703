//! Invalid inputs of the solvers: an error with the value found and the one expected, and a solver that keeps working.
#![allow(clippy::unwrap_used, reason = "stops when something is wrong")]

use std::cell::Cell;
use std::time::Duration;

use labwire_benches::problems;
use labwire_core::problem::{
    DEFAULT_PROBLEM, InputError, InputVector, Problem, ProblemSolver, Solution, SolveError, StartOptions,
    TextLimits,
};
use labwire_core::service::Busy;
use labwire_core::sets::Set;
use labwire_core::solve::{
    Constrained, Constraint, Cost, Derivative, Functions, ParametricCost, ParametricProblem,
    SecondDerivatives, Settings, Solver, SolverError, StageStructure, Start, Status, StopReason, Structure,
    Tuning, check_derivatives,
};
use labwire_core::time::Instant;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, MapDeserializer};

const NOW: Instant = Instant::ZERO;
const PARAMETERS: [f64; 2] = [1.0, 50.0];

fn default_problem() -> Problem {
    Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap()
}

/// `(u0 - 1)^2 + ... ` of `n` variables.
fn bowl(n: usize) -> impl Functions {
    Cost::new(n, |u: &[f64], gradient: &mut [f64]| {
        for (g, u) in gradient.iter_mut().zip(u) {
            *g = 2.0 * (u - 1.0);
        }
        u.iter().map(|u| (u - 1.0) * (u - 1.0)).sum()
    })
}

fn solver_of(n: usize) -> Solver {
    Solver::new(Structure::unconstrained(n, Set::All), Settings::default()).unwrap()
}

/// Clock that advances by a millisecond at every look.
fn ticking() -> impl FnMut() -> Instant {
    let ticks = Cell::new(0);
    move || {
        ticks.set(ticks.get() + 1);
        NOW + Duration::from_millis(ticks.get())
    }
}

fn text<T>(result: Result<T, impl ToString>) -> String {
    match result {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

/// Default tuning except for one field; JSON cannot express NaN.
fn tuning_with<'de>(name: &'de str, value: impl IntoDeserializer<'de>) -> Tuning {
    Tuning::deserialize(MapDeserializer::<_, Error>::new([(name, value)].into_iter())).unwrap()
}

#[test]
fn functions_of_another_problem_are_refused() {
    let mut solver = solver_of(2);
    let start = Start::cold(vec![0.0; 2]);
    let message = text(solver.solve(&mut bowl(3), &start));
    assert_eq!(
        message,
        "the functions have 3 decision variables and 0 constraints, expected 2 and 0"
    );
    assert!(!solver.is_running());
    // Also in the middle of a solve, which goes on with its own.
    solver.start(NOW, &start).unwrap();
    solver.step(&mut bowl(2), NOW, 1).unwrap();
    let mut constrained = Constrained::new(
        2,
        1,
        |_: &[f64], _: &mut [f64]| 0.0,
        |_: &[f64], _: &[f64], _: &mut [f64]| {},
    );
    assert!(matches!(
        solver.step(&mut constrained, NOW, 1),
        Err(SolverError::Functions {
            found_constraints: 1,
            expected_constraints: 0,
            ..
        })
    ));
    while solver.step(&mut bowl(2), NOW, 1).unwrap() == Busy::Yes {}
    assert_eq!(solver.status(), &Status::Converged);
    let mut evaluator = default_problem().evaluator();
    assert!(text(solver.solve(&mut evaluator, &start)).contains("5 decision variables and 2 constraints"));
}

#[test]
fn steps_and_starts_come_in_order() {
    let (mut solver, mut functions, start) = (solver_of(2), bowl(2), Start::cold(vec![0.0; 2]));
    assert_eq!(solver.status(), &Status::Unsolved);
    assert_eq!(solver.step(&mut functions, NOW, 1), Err(SolverError::NotStarted));
    solver.stop(StopReason::Cancelled);
    assert_eq!(solver.status(), &Status::Unsolved);
    solver.start(NOW, &start).unwrap();
    assert_eq!(solver.start(NOW, &start), Err(SolverError::Running));
    assert_eq!(solver.solve(&mut functions, &start), Err(SolverError::Running));
    assert_eq!(solver.status(), &Status::Unsolved);
    solver.stop(StopReason::Cancelled);
    assert_eq!(solver.step(&mut functions, NOW, 1), Ok(Busy::No));
    assert_eq!(solver.status(), &Status::Cancelled);
    assert_eq!(solver.solve(&mut functions, &start), Ok(&Status::Converged));

    let mut solver = ProblemSolver::new(default_problem()).unwrap();
    let options = StartOptions::default();
    assert_eq!(solver.step(NOW, 1), Err(SolverError::NotStarted));
    assert_eq!(solver.finish(NOW), Err(SolverError::NotStarted));
    solver.start(NOW, &PARAMETERS, &options).unwrap();
    assert_eq!(solver.finish(NOW), Err(SolverError::Running));
    let again = solver.start(NOW, &PARAMETERS, &options);
    assert_eq!(again, Err(SolveError::Solver(SolverError::Running)));
    solver.cancel();
    assert_eq!(solver.finish(NOW).unwrap().status, Status::Cancelled);
    assert!(solver.solve(&PARAMETERS).unwrap().is_converged());
}

#[test]
fn vectors_that_do_not_fit_are_named() {
    let mut solver = solver_of(2);
    let mut check = |start: Start, message: &str| {
        assert_eq!(text(solver.start(NOW, &start)), message);
    };
    let cold = || Start::cold(vec![0.0; 2]);
    check(Start::cold(vec![0.0; 3]), "initial guess: 3 numbers, expected 2");
    check(
        Start::cold(vec![0.0, f64::NAN]),
        "initial guess: entry 1 is NaN, expected a finite number",
    );
    let mut start = cold();
    start.multipliers = Some(vec![1.0]);
    check(start, "Lagrange multipliers: 1 numbers, expected 0");
    let mut start = cold();
    start.lipschitz = Some(f64::NAN);
    check(
        start,
        "Lipschitz constant: entry 0 is NaN, expected a number, not negative",
    );

    let mut solver = ProblemSolver::new(default_problem()).unwrap();
    assert_eq!(
        text(solver.solve(&[1.0])),
        "wrong number of parameters: provided 1, expected 2"
    );
    assert_eq!(
        text(solver.solve(&[1.0, f64::INFINITY])),
        "parameters: entry 1 is inf, expected a finite number"
    );
    let mut options = StartOptions::default();
    options.f2_multipliers = Some(&[1.0]);
    let refused = solver.start(NOW, &PARAMETERS, &options);
    let expected = InputError::Length {
        vector: InputVector::F2Multipliers,
        provided: 1,
        expected: 0,
    };
    assert_eq!(refused, Err(SolveError::Input(expected)));
    let mut options = StartOptions::default();
    options.penalty = Some(f64::NAN);
    assert!(text(solver.start(NOW, &PARAMETERS, &options)).starts_with("initial penalty is NaN"));
    assert!(solver.solve(&PARAMETERS).unwrap().is_converged());
}

/// Problem in Rust that says something about itself that is not so.
struct Inconsistent {
    num_variables: usize,
    num_f1: usize,
    num_parameters: usize,
}

impl ParametricProblem for Inconsistent {
    fn structure(&self) -> Structure {
        Structure::unconstrained(2, Set::All)
    }

    fn num_parameters(&self) -> usize {
        self.num_parameters
    }

    fn functions(&self) -> Box<dyn Functions + Send> {
        Box::new(bowl(2))
    }

    fn num_variables(&self) -> usize {
        self.num_variables
    }

    fn num_f1(&self) -> usize {
        self.num_f1
    }
}

#[test]
fn inconsistent_problems_are_refused() {
    let solver = |num_variables, num_f1, num_parameters| {
        labwire_core::solve::ProblemSolver::new(Inconsistent {
            num_variables,
            num_f1,
            num_parameters,
        })
    };
    assert!(solver(2, 0, 0).unwrap().solve(&[]).unwrap().is_converged());
    assert_eq!(
        text(solver(3, 0, 0)),
        "the problem has 3 decision variables, but its structure has 2"
    );
    assert_eq!(
        text(solver(2, 1, 0)),
        "the problem has 1 components of F1, but its structure has 0 constraints"
    );
    assert_eq!(
        text(solver(2, 0, 4)),
        "the problem has 4 parameters, but its functions take none: implement Functions::set_parameters"
    );
}

/// A closure with parameters is solved, named and checked as a problem file is.
#[test]
fn closures_have_parameters() {
    let nearest = ParametricCost::new(2, Set::All, 2, |p: &[f64], u: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[u[0] - p[0], u[1] - p[1]]);
        0.5 * (gradient[0].powi(2) + gradient[1].powi(2))
    })
    .with_name("nearest");
    let mut solver = labwire_core::solve::ProblemSolver::new(nearest).unwrap();
    assert_eq!(solver.problem().name(), "nearest");
    assert_eq!(
        text(solver.solve(&[1.0])),
        "wrong number of parameters: provided 1, expected 2"
    );
    for parameters in [[3.0, 4.0], [-2.0, 0.5]] {
        let solution = solver.solve(&parameters).unwrap();
        assert!(solution.is_converged() && solution.variables["u"] == solution.u);
        for (u, p) in solution.u.iter().zip(parameters) {
            assert!((u - p).abs() < 1e-4, "{u} {p}");
        }
    }
    let sensitivities = solver.sensitivities();
    assert!(text(sensitivities).contains("second derivatives"));
}

#[test]
fn second_derivatives_outside_of_their_matrices_are_named() {
    let refusal = |jacobian: &[(u32, u32)], hessian: &[(u32, u32)]| {
        let mut sparsity = SecondDerivatives::default();
        (sparsity.jacobian, sparsity.hessian) = (jacobian.to_vec(), hessian.to_vec());
        let mut structure = Structure::unconstrained(3, Set::All);
        structure.constraints.push(Constraint::new(2, Set::Zero));
        let solver = Solver::new(structure, Settings::default()).unwrap();
        solver.with_second_derivatives(&sparsity).map(|_| ())
    };
    assert_eq!(refusal(&[(1, 2)], &[(2, 2), (2, 0)]), Ok(()));
    for (row, column) in [(2, 0), (0, 3), (u32::MAX, 0)] {
        assert!(text(refusal(&[(0, 0), (row, column)], &[])).starts_with(&format!(
            "entry (row {row}, column {column}) of the Jacobian is out of range, expected a row per constraint"
        )));
    }
    for (row, column) in [(3, 0), (0, 1), (u32::MAX, 0)] {
        assert!(text(refusal(&[], &[(0, 0), (row, column)])).starts_with(&format!(
            "entry (row {row}, column {column}) of the Hessian is out of range, expected a row per variable"
        )));
    }
}

#[test]
fn stages_that_do_not_add_up_are_named() {
    let refusal = |horizon: usize, num_inputs: usize, first_constraints: &[usize]| {
        let stages = StageStructure {
            horizon,
            num_states: 1,
            num_inputs,
            first_constraints: first_constraints.to_vec(),
            has_free_states: false,
            expansion_work: 1.0,
        };
        let mut structure = Structure::unconstrained(4, Set::All);
        structure.constraints.push(Constraint::new(3, Set::Zero));
        Solver::with_stages(structure, stages, Settings::default()).map(|_| ())
    };
    assert_eq!(refusal(2, 2, &[0, 1, 2, 3]), Ok(()));
    for (result, message) in [
        (refusal(0, 2, &[0, 3]), "a horizon of 0, expected 1"),
        (
            refusal(2, 3, &[0, 1, 2, 3]),
            "a number of inputs of 6, expected 4",
        ),
        (
            refusal(2, 2, &[0, 1, 3]),
            "a number of first constraints of 3, expected 4",
        ),
        (
            refusal(2, 2, &[0, 1, 2, 4]),
            "a number of constraints of 4, expected 3",
        ),
        (
            refusal(2, 2, &[0, 2, 1, 3]),
            "a first constraint of 1, expected 2",
        ),
        (refusal(usize::MAX, 2, &[0, 3]), "a number of inputs of"),
    ] {
        assert!(
            text(result).starts_with(&format!("the stages have {message}")),
            "{message}"
        );
    }
}

/// Every number of the tuning, and the settings, one after the other.
#[test]
fn settings_out_of_range_are_named() {
    let structure = || Structure::unconstrained(2, Set::All);
    for settings in [
        Settings::default().with_tolerance(f64::NAN),
        Settings::default().with_delta_tolerance(0.0),
        Settings::default().with_initial_tolerance(f64::INFINITY),
        Settings::default().with_initial_penalty(f64::NAN),
        Settings::default().with_max_penalty(-1.0),
        Settings::default().with_max_multiplier(f64::NAN),
        Settings::default().with_max_inner_iterations(0),
        Settings::default().with_max_outer_iterations(0),
        Settings::default().with_lbfgs_memory(0),
        Settings::default().with_lbfgs_memory(usize::MAX),
    ] {
        let message = text(Solver::new(structure(), settings));
        assert!(
            message.starts_with("setting ") && message.contains(", expected "),
            "{message}"
        );
    }
    let defaults = serde_json::to_value(Tuning::default()).unwrap();
    for name in defaults.as_object().unwrap().keys() {
        for wrong in [f64::NAN, -1.0, f64::INFINITY] {
            let tuning = if defaults[name].is_u64() {
                tuning_with(name, 0_u32)
            } else {
                tuning_with(name, wrong)
            };
            let settings = Settings::default().with_tuning(tuning);
            if name == "newton_iterations" {
                assert!(settings.validate().is_ok(), "none at all");
                continue;
            }
            let message = text(Solver::new(structure(), settings));
            assert!(message.contains(&format!("setting {name} is")), "{message}");
        }
    }
    let mut structure = structure();
    structure.constraints.push(Constraint::new(
        1,
        Set::Ball2 {
            center: None,
            radius: f64::NAN,
        },
    ));
    assert!(text(Solver::new(structure, Settings::default())).contains("constraint block 0"));
}

#[test]
fn deadlines_are_honoured() {
    let settings = Settings::default().with_max_duration(Duration::from_millis(5));
    let problem = default_problem();
    let mut solver = ProblemSolver::with_settings(&problem, settings.clone().with_tolerance(1e-300)).unwrap();
    let message = text(solver.solve(&PARAMETERS));
    assert_eq!(
        message,
        "setting max_duration is 5ms, which needs a clock: use solve_timed, or start and step"
    );
    let solution = solver.solve_timed(&PARAMETERS, ticking()).unwrap();
    assert_eq!(solution.status, Status::NotConvergedOutOfTime);
    // One look to begin, five steps, one look at the end.
    assert!(
        (5.0..=6.0).contains(&solution.solve_time_ms),
        "{}",
        solution.solve_time_ms
    );
    assert!(solution.cost.is_finite() && solution.counters.inner_iterations <= 5);

    // Sufficient time changes no bit.
    let mut patient = ProblemSolver::with_settings(&problem, Settings::default()).unwrap();
    let enough = settings.with_max_duration(Duration::from_secs(60));
    let mut timed = ProblemSolver::with_settings(problem, enough).unwrap();
    let (expected, mut found) = (
        patient.solve(&PARAMETERS).unwrap(),
        timed.solve_timed(&PARAMETERS, ticking()).unwrap(),
    );
    assert!(expected.is_converged());
    found.solve_time_ms = expected.solve_time_ms;
    assert_eq!(found, expected);

    let limited = Settings::default().with_max_duration(Duration::from_millis(3));
    let mut solver = Solver::new(Structure::unconstrained(2, Set::All), limited).unwrap();
    let start = Start::cold(vec![0.0; 2]);
    assert!(matches!(
        solver.solve(&mut bowl(2), &start),
        Err(SolverError::NoClock(_))
    ));
    // A clock that runs backwards lets no time pass.
    let mut back = (0..10).rev().map(|ms| NOW + Duration::from_millis(ms));
    let status = solver.solve_timed(&mut bowl(2), &start, || back.next().unwrap_or(NOW));
    assert_eq!(status, Ok(&Status::Converged));
}

#[test]
fn settings_and_solutions_are_written_and_read() {
    let settings = Settings::default()
        .with_max_duration(Duration::from_micros(1500))
        .with_lbfgs_memory(7);
    let text = serde_json::to_string(&settings).unwrap();
    assert!(text.contains("\"max_duration_ms\":1.5"), "{text}");
    assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    let partial: Settings =
        serde_json::from_str(r#"{"tolerance": 1e-7, "tuning": {"max_trials": 9}}"#).unwrap();
    assert_eq!((partial.tolerance, partial.tuning.max_trials), (1e-7, 9));
    for wrong in [
        r#"{"tolerence": 1}"#,
        r#"{"tuning": {"trials": 1}}"#,
        r#"{"max_duration_ms": -1}"#,
    ] {
        assert!(serde_json::from_str::<Settings>(wrong).is_err(), "{wrong}");
    }
    let solution = ProblemSolver::new(default_problem())
        .unwrap()
        .solve(&PARAMETERS)
        .unwrap();
    let text = serde_json::to_string(&solution).unwrap();
    assert_eq!(serde_json::from_str::<Solution>(&text).unwrap(), solution);
}

#[test]
fn wrong_derivatives_are_named() {
    for mut problem in problems::all() {
        let check = check_derivatives(problem.functions.as_mut(), &problem.start).unwrap();
        assert!(check.error < 1e-6, "{}: {check}", problem.name);
    }
    let mut functions = Constrained::new(
        3,
        2,
        |u: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (u[0] * u[1], u[1] * u[2]);
            u[0]
        },
        |u: &[f64], y: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0 + y[0] * u[1];
            gradient[1] = y[0] * u[0] + y[1] * u[2];
            gradient[2] = -y[1] * u[1];
        },
    );
    let check = check_derivatives(&mut functions, &[0.3, 0.5, 0.7]).unwrap();
    let (constraint, variable) = (1, 2);
    assert_eq!(check.worst, Derivative::Constraint { constraint, variable });
    assert_eq!(
        check.to_string(),
        "d g[1] / d u[2] is -0.5, by differences 0.500000"
    );
    assert!(text(check_derivatives(&mut functions, &[0.3])).contains("u: 1 numbers, expected 3"));
    assert!(text(check_derivatives(&mut functions, &[0.3, f64::NAN, 0.1])).contains("entry 1 is NaN"));
}
