//! Sensitivities against differences of problems that are solved again, and the cases in which there are none.

use labwire_core::problem::{NoSensitivities, Problem, ProblemSolver, TextLimits};
use labwire_core::solve::{
    Cost, Part, Sensitivities, SensitivityError, Settings, Solver, Start, Structure, Tuning, sets::Set,
};

/// Tolerance of a solve whose digits go into differences.
const FINE: f64 = 1e-9;

fn solver_of(text: &str, tolerance: f64) -> ProblemSolver {
    let problem = Problem::from_json(text, &TextLimits::default()).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let settings = problem.settings().clone();
    let settings = settings
        .with_tolerance(tolerance)
        .with_delta_tolerance(tolerance / 10.0);
    ProblemSolver::with_settings(problem, settings).unwrap_or_else(|e| panic!("{e}"))
}

/// Solution and multipliers.
fn solve(solver: &mut ProblemSolver, parameters: &[f64]) -> Vec<f64> {
    let solution = solver.solve(parameters).unwrap_or_else(|e| panic!("{e}"));
    assert!(
        solution.is_converged(),
        "{parameters:?}: {:?} {}",
        solution.status,
        solution.residual
    );
    [solution.u, solution.f1_multipliers, solution.f2_multipliers].concat()
}

fn sensitivities(text: &str, parameters: &[f64]) -> Result<Sensitivities, NoSensitivities> {
    let mut solver = solver_of(text, FINE);
    solve(&mut solver, parameters);
    solver.sensitivities()
}

#[track_caller]
fn refusal(text: &str, parameters: &[f64]) -> (SensitivityError, String) {
    let mut solver = solver_of(text, FINE);
    solver.solve(parameters).unwrap_or_else(|e| panic!("{e}"));
    let error = solver.sensitivities().expect_err("sensitivities");
    (error.reason.clone(), error.to_string())
}

/// Compares with central differences; returns the derivatives of the variables.
#[track_caller]
fn assert_differences(text: &str, parameters: &[f64], tolerance: f64) -> Vec<Vec<f64>> {
    assert_wide_differences(text, parameters, tolerance, (FINE, 1e-4))
}

/// With the tolerance of the solves and the step of the differences.
#[track_caller]
fn assert_wide_differences(
    text: &str,
    parameters: &[f64],
    tolerance: f64,
    (solved_to, width): (f64, f64),
) -> Vec<Vec<f64>> {
    let mut solver = solver_of(text, solved_to);
    solve(&mut solver, parameters);
    let found = solver.sensitivities().unwrap_or_else(|e| panic!("{e}\n{text}"));
    let rows: Vec<&Vec<f64>> = found.variables.iter().chain(&found.multipliers).collect();
    let largest = rows
        .iter()
        .flat_map(|row| row.iter())
        .fold(0.0_f64, |a, b| a.max(b.abs()));
    for k in 0..parameters.len() {
        let step = width * (1.0 + parameters[k].abs());
        let mut moved = |step: f64| {
            let mut moved = parameters.to_vec();
            moved[k] += step;
            solve(&mut solver, &moved)
        };
        // Richardson's extrapolation of central differences.
        let [wide, narrow] = [step, step / 2.0].map(|step| {
            let (ahead, behind) = (moved(step), moved(-step));
            let differences = ahead.iter().zip(&behind);
            differences
                .map(|(a, b)| (a - b) / (2.0 * step))
                .collect::<Vec<f64>>()
        });
        for (i, row) in rows.iter().enumerate() {
            let difference = (4.0 * narrow[i] - wide[i]) / 3.0;
            assert!(
                (row[k] - difference).abs() <= tolerance * (1.0 + largest),
                "entry {i} by parameter {k}: {} {difference}\n{text}",
                row[k]
            );
        }
    }
    found.variables
}

#[test]
fn active_bounds_hold_their_variables() {
    let text = r#"{"variables": {"u": 4}, "parameters": {"p": 3},
        "cost": "(u[0] - p[0])^2 + (u[1] - p[1]*u[0])^2 + exp(u[2] - p[0]*p[2]) - u[2] + (u[3] - 3)^2*p[1] + u[0]*u[3]",
        "constraints": {"u": {"box": {"min": [-2, null, -1, 0], "max": [2, 0.2, 5, 1]}}}}"#;
    let rows = assert_differences(text, &[0.8, 1.4, 0.3], 1e-6);
    assert_eq!((&rows[1], &rows[3]), (&vec![0.0; 3], &vec![0.0; 3]));
    assert!(rows[0].iter().chain(&rows[2]).any(|entry| entry.abs() > 0.1));
}

#[test]
fn equations_and_inequalities() {
    // HS071 with its constants as parameters.
    let text = r#"{"variables": {"x": 4}, "parameters": {"p": 3},
        "cost": "x[0]*x[3]*(x[0] + x[1] + p[2]*x[2]) + x[2]",
        "constraints": {"x": {"box": {"min": 1, "max": 5}}},
        "f1": {"expressions": ["prod(x)", "sum(i in 0..4, x[i]^2)"],
            "set": {"product": {"0..1": {"box": {"min": 0}}, "1..2": "all"}}},
        "f2": ["prod(x) - p[0]*1.0001", "dot(x, x) - p[1]"],
        "initial_guess": [1, 5, 5, 1]}"#;
    let text = text.replace(
        "\"f2\": [\"prod(x) - p[0]*1.0001\", ",
        "\"f2\": [\"max(0, p[0] - prod(x))\", ",
    );
    let rows = assert_differences(&text, &[25.0, 40.0, 1.0], 1e-5);
    assert_eq!(rows[0], vec![0.0; 3]);
    // Inequalities of F1 on either side, at rest, and an equation.
    let text = r#"{"variables": {"u": 3}, "parameters": {"p": 2},
        "cost": "(u[0] - 2)^2 + (u[1] - 1)^4/4 + (u[1] - u[2])^2 + p[0]*u[2]^2 + u[0]*u[2]",
        "f1": {"expressions": ["u[0]^2 + u[1]^2", "u[2] + p[1]*u[0]", "u[1] - 100*p[0]", "u[0]*u[1] - p[0]*u[2]"],
            "set": {"box": {"min": [null, 0.9, null, -0.9], "max": [1, null, 0, -0.9]}}}}"#;
    assert_differences(text, &[1.3, 0.4], 1e-5);
}

#[test]
fn sets_for_variables_and_constraints() {
    let cost = r#""cost": "sum(i in 0..4, (i + 1)*(u[i] - p[0]*(2 - i))^2) + u[0]*u[1]*p[1] + u[3]^4""#;
    let parameters = [1.2, 0.3];
    for set in [
        r#"{"ball2": {"radius": 1}}"#,
        r#"{"ball2": {"radius": 100}}"#,
        r#"{"ball2": {"radius": 0.5, "center": [1, 0, 0, 1]}}"#,
        r#"{"sphere2": {"radius": 1}}"#,
        r#"{"sphere2": {"radius": 6}}"#,
        r#"{"simplex": {"alpha": 1}}"#,
        r#"{"halfspace": {"normal": [1, 2, 3, 4], "offset": -1}}"#,
        r#"{"halfspace": {"normal": [1, 2, 3, 4], "offset": 100}}"#,
        r#"{"hyperplane": {"normal": [1, 2, 3, 4], "offset": 1}}"#,
        r#"{"affine_space": {"A": [[1, 1, 1, 1], [1, -1, 2, 0]], "b": [1, 0.5]}}"#,
        r#"{"ball1": {"radius": 100}}"#,
        r#"{"product": {"0..2": {"ball2": {"radius": 0.7}}, "2..4": {"box": {"min": 0.1, "max": 2}}}}"#,
    ] {
        let head =
            format!(r#"{{"variables": {{"u": 4}}, "parameters": {{"p": 2}}, {cost}, "initial_guess": 0.5"#);
        let of_variables = format!(r#"{head}, "constraints": {{"u": {set}}}}}"#);
        assert_differences(&of_variables, &parameters, 1e-5);
        if set.contains("sphere") {
            continue;
        }
        let of_constraints = format!(
            r#"{head}, "f1": {{"expressions": ["u[0]", "u[1] + 0.1*u[0]^2", "u[2]*p[1] + u[2]", "u[3] - p[0]*u[0]"], "set": {set}}}}}"#
        );
        assert_differences(&of_constraints, &parameters, 1e-5);
    }
}

#[test]
fn optimal_control() {
    let file = |shooting: &str, horizon: usize| {
        format!(
            r#"{{"ocp": {{"horizon": {horizon}, "states": ["x", "v"], "inputs": ["a"], "parameters": ["x0", "v0", "drag"],
            "initial_state": ["x0", "v0 + 0.1*x0*drag"], "shooting": "{shooting}",
            "dynamics": {{"next": ["x + 0.2*v", "v + 0.2*(a - drag*v^3)"]}},
            "stage_cost": "x^2 + 0.1*v^2 + 0.05*a^2*(1 + drag)", "terminal_cost": "10*x^2 + drag*v^2",
            "input_bounds": {{"min": -2, "max": 2}},
            "path_constraints": [{{"expression": "v + 0.3*drag", "set": {{"box": {{"min": -0.8}}}}, "from": 1}}],
            "terminal_constraints": [{{"expression": "x*(1 + drag)", "set": {{"box": {{"max": 0.05}}}}}}]}}}}"#
        )
    };
    let inputs = ["auto", "single", "multiple"].map(|shooting| {
        let rows = assert_wide_differences(&file(shooting, 12), &[1.5, 0.2, 0.3], 1e-3, (1e-7, 1e-3));
        rows[..12].to_vec()
    });
    let [auto, single, multiple] = &inputs;
    assert!(auto.iter().any(|row| row[0] == 0.0) && auto.iter().any(|row| row[0].abs() > 0.1));
    for (row, others) in auto.iter().zip(single.iter().zip(multiple)) {
        for (entry, others) in row.iter().zip(others.0.iter().zip(others.1)) {
            assert!(
                (entry - others.0).abs().max((entry - others.1).abs()) < 1e-6,
                "{entry} {others:?}"
            );
        }
    }
}

/// Where a dense system is singular to rounding: the states of an unstable system over a long horizon; and constraints that
/// hold on some of the stages.
#[test]
fn long_horizons() {
    let cart = include_str!("../problems/ocp/cart100.json").replace("shift", "keep");
    let rows = assert_wide_differences(&cart, &[0.0; 4], 1e-3, (1e-8, 1e-4));
    assert!(rows.iter().any(|row| row.iter().any(|entry| entry.abs() > 1.0)));
    let track = include_str!("../problems/ocp/race50.json").replace("shift", "keep");
    assert_wide_differences(&track, &[0.0, 0.2, 0.1, 1.5, 0.0], 1e-3, (1e-8, 1e-4));
}

/// A tolerance that leaves few digits in the solution leaves most of them in its derivatives.
#[test]
fn are_those_of_the_exact_solution() {
    let text = r#"{"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "exp(u[0]) - p[0]*u[0] + (u[1] - u[0])^4 + u[1]^2",
        "f1": {"expressions": ["u[0]*u[1]"], "set": {"box": {"max": 1}}}, "solver": {"tolerance": 1e-3, "delta_tolerance": 1e-3}}"#;
    let problem = Problem::from_json(text, &TextLimits::default()).unwrap_or_else(|e| panic!("{e}"));
    let mut rough = ProblemSolver::new(problem).unwrap_or_else(|e| panic!("{e}"));
    let _ = rough.solve(&[9.0]).unwrap_or_else(|e| panic!("{e}"));
    let rough = rough.sensitivities().unwrap_or_else(|e| panic!("{e}"));
    let fine = sensitivities(text, &[9.0]).unwrap_or_else(|e| panic!("{e}"));
    for (rough, fine) in rough
        .variables
        .iter()
        .chain(&rough.multipliers)
        .zip(fine.variables.iter().chain(&fine.multipliers))
    {
        assert!((rough[0] - fine[0]).abs() < 1e-7, "{rough:?} {fine:?}");
    }
}

#[test]
fn there_are_none_at_a_kink() {
    // The minimum lies on the bound, and would without it.
    let on_bound = r#"{"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "(u[0] - p[0])^2 + (u[1] + 1)^2",
        "constraints": {"u": {"box": {"min": -3, "max": 1}}}}"#;
    let (reason, text) = refusal(on_bound, &[1.0]);
    assert_eq!(reason, SensitivityError::WeaklyActive(Part::Variable(0)));
    assert!(
        text.starts_with("u[0] is at its bound with a multiplier of zero"),
        "{text}"
    );
    let constraint = r#"{"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "(u[0] - p[0])^2 + (u[1] + 1)^2",
        "f1": {"expressions": ["u[1]", "u[0] + u[1]"], "set": {"box": {"max": [5, 1]}}}}"#;
    let (reason, text) = refusal(constraint, &[2.0]);
    assert_eq!(reason, SensitivityError::WeaklyActive(Part::Constraint(1)));
    assert!(text.starts_with("F1[1] is"), "{text}");
    assert_differences(constraint, &[2.5], 1e-6);
    assert_differences(constraint, &[1.5], 1e-6);
    let ball = r#"{"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "(u[0] - p[0])^2 + u[1]^2",
        "constraints": {"u": {"ball2": {"radius": 1}}}}"#;
    assert_eq!(
        refusal(ball, &[1.0]).0,
        SensitivityError::WeaklyActive(Part::Variable(0))
    );
    let penalty = r#"{"variables": {"u": 1}, "parameters": {"p": 1}, "cost": "(u[0] - p[0])^2", "f2": ["abs(u[0] - 1)"]}"#;
    assert!(matches!(
        refusal(penalty, &[1.0]).0,
        SensitivityError::Kink(Part::Constraint(0))
    ));
    let corner = r#"{"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "(u[0] - p[0])^2 + u[1]^2",
        "constraints": {"u": {"ball1": {"radius": 1}}}}"#;
    assert_eq!(
        refusal(corner, &[2.0]).0,
        SensitivityError::Set(Part::Variable(0))
    );
}

#[test]
fn there_are_none_without_a_regular_solution() {
    let twice = r#"{"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "(u[0] - 1)^2 + u[1]^2",
        "f1": {"expressions": ["u[0] + u[1] - p[0]", "2*u[0] + 2*u[1] - 2*p[0]"], "set": "zero"}}"#;
    assert_eq!(refusal(twice, &[3.0]).0, SensitivityError::Singular);
    let flat = r#"{"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "(u[0] + u[1] - p[0])^2"}"#;
    assert_eq!(refusal(flat, &[3.0]).0, SensitivityError::Singular);
    let infeasible = r#"{"variables": {"u": 1}, "parameters": {"p": 1}, "cost": "u[0]", "f1": {"expressions": ["u[0]^2 + p[0]"], "set": "zero"}}"#;
    assert_eq!(refusal(infeasible, &[1.0]).0, SensitivityError::NotConverged);
    let mut solver = solver_of(infeasible, FINE);
    assert_eq!(
        solver.sensitivities().map_err(|error| error.reason),
        Err(SensitivityError::NotConverged)
    );
}

#[test]
fn functions_without_derivatives_and_problems_without_end_are_refused() {
    let mut bowl = Cost::new(2, |u: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[2.0 * u[0], 2.0 * u[1]]);
        u[0] * u[0] + u[1] * u[1]
    });
    let mut solver = Solver::new(Structure::unconstrained(2, Set::All), Settings::default())
        .unwrap_or_else(|e| panic!("{e}"));
    let _ = solver.solve(&mut bowl, &Start::cold(vec![1.0, 1.0]));
    assert_eq!(
        solver.sensitivities(&mut bowl, 1),
        Err(SensitivityError::NoDerivatives)
    );
    let long =
        r#"{"variables": {"u": 11}, "parameters": {"p": 1}, "cost": "sum(i in 0..11, (u[i] - p[0])^2)"}"#;
    let problem = Problem::from_json(long, &TextLimits::default()).unwrap_or_else(|e| panic!("{e}"));
    let mut tuning = Tuning::default();
    tuning.max_newton_size = 10;
    let settings = Settings::default().with_tuning(tuning);
    let mut solver = ProblemSolver::with_settings(problem, settings).unwrap_or_else(|e| panic!("{e}"));
    let _ = solver.solve(&[1.0]).unwrap_or_else(|e| panic!("{e}"));
    let error = solver.sensitivities().expect_err("sensitivities");
    assert_eq!(error.reason, SensitivityError::TooLarge { size: 11, limit: 10 });
    assert!(error.to_string().ends_with("(max_newton_size)"), "{error}");
}
