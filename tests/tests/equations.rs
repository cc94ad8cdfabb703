//! Problems whose states are variables and whose dynamics are equations, as other modelling tools write them, and equations
//! that cannot be solved or say nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

use labwire_core::problem::{Problem, ProblemSolver, Solution, TextLimits};
use labwire_core::solve::{Counters, Settings, Status, Tuning};

fn load(text: &str) -> Problem {
    Problem::from_json(text, &TextLimits::default()).unwrap()
}

fn work(counters: &Counters) -> u64 {
    counters.evaluations + counters.hessian_evaluations + 2 * counters.hessian_products
}

/// A pendulum that swings to the upright position, by Runge-Kutta steps of 0.1: the problem that `tests/peers/casadi` writes
/// with `Opti`.
fn pendulum() -> Problem {
    const HORIZON: usize = 20;
    let mut definitions = Vec::new();
    let mut equations = vec!["x[0] - start[0]".to_owned(), "x[1] - start[1]".to_owned()];
    let mut cost = vec!["0.1*dot(u, u)".to_owned()];
    for t in 0..=HORIZON {
        let (angle, speed) = (format!("x[{}]", 2 * t), format!("x[{}]", 2 * t + 1));
        cost.push(format!("({angle} - 3.141592653589793)^2 + 0.1*{speed}^2"));
        if t == HORIZON {
            break;
        }
        let rate = |k: &str, angle: &str, speed: &str| {
            format!("\"{k}_{t}\": \"[{speed}, u[{t}] - 9.81*sin({angle}) - 0.1*({speed})]\"")
        };
        let moved = |x: &str, step: f64, k: &str, i: usize| format!("{x} + {step}*{k}_{t}[{i}]");
        definitions.push(rate("k1", &angle, &speed));
        for (k, last, step) in [("k2", "k1", 0.05), ("k3", "k2", 0.05), ("k4", "k3", 0.1)] {
            definitions.push(rate(
                k,
                &moved(&angle, step, last, 0),
                &moved(&speed, step, last, 1),
            ));
        }
        for i in 0..2 {
            equations.push(format!(
                "x[{}] - x[{}] - 0.1/6*(k1_{t}[{i}] + 2*k2_{t}[{i}] + 2*k3_{t}[{i}] + k4_{t}[{i}])",
                2 * t + 2 + i,
                2 * t + i
            ));
        }
    }
    load(&format!(
        r#"{{"variables": {{"x": 42, "u": 20}}, "parameters": {{"start": 2}}, "let": {{{}}}, "cost": "{}",
            "f2": ["{}"], "constraints": {{"u": {{"box": {{"min": -5, "max": 5}}}}}},
            "solver": {{"tolerance": 1e-6, "delta_tolerance": 1e-6}}}}"#,
        definitions.join(", "),
        cost.join(" + "),
        equations.join("\", \"")
    ))
}

#[test]
fn a_pendulum_of_equations_takes_as_much_as_one_of_stages() {
    let mut sparse = Tuning::default();
    sparse.max_newton_size = 1;
    let mut dense = Tuning::default();
    dense.max_newton_fill = 1;
    for tuning in [Tuning::default(), sparse, dense] {
        let problem = pendulum();
        let settings = problem.settings().clone().with_tuning(tuning);
        let mut solver = ProblemSolver::with_settings(problem, settings).unwrap();
        let cold = solver.solve(&[2.5, 0.0]).unwrap();
        assert_eq!(cold.status, Status::Converged);
        assert!((cold.cost - 149.347_365_04).abs() < 1e-6, "{}", cold.cost);
        assert!(work(&cold.counters) <= 30, "{:?}", cold.counters);
        // A start near the solution keeps to it.
        let warm = solver.solve(&[2.5025, 0.0]).unwrap();
        assert_eq!(warm.status, Status::Converged);
        assert!(work(&warm.counters) <= 10, "{:?}", warm.counters);
    }
}

fn solve(text: &str) -> Solution {
    let problem = load(text);
    let settings: Settings = problem
        .settings()
        .clone()
        .with_tolerance(1e-6)
        .with_delta_tolerance(1e-6);
    let mut solver = ProblemSolver::with_settings(problem, settings).unwrap();
    solver.solve(&[]).unwrap()
}

#[test]
fn equations_that_say_nothing_new_do_no_harm() {
    let chain: Vec<String> = (0..11).map(|i| format!("\"x[{i}] - x[{}]\"", i + 1)).collect();
    let chain = chain.join(", ");
    for (text, cost) in [
        // The same row three times.
        (
            r#"{"variables": {"x": 4}, "parameters": {}, "cost": "dot(x, x)",
                "f2": ["x[0] + x[1] - 1", "x[0] + x[1] - 1", "2*x[0] + 2*x[1] - 2"]}"#
                .to_owned(),
            0.5,
        ),
        // A curved one twice.
        (
            r#"{"variables": {"x": 3}, "parameters": {}, "cost": "(x[0] - 2)^2 + x[1]^2 + x[2]^4",
                "f2": ["x[0]^2 + x[1]^2 - 1", "x[0]^2 + x[1]^2 - 1"], "initial_guess": [0.5, 0.5, 0.5]}"#
                .to_owned(),
            1.0,
        ),
        // 0 = 0.
        (
            r#"{"variables": {"x": 3}, "parameters": {}, "cost": "dot(x, x)", "f2": ["x[0] - x[0]", "x[1] - 1"]}"#.to_owned(),
            1.0,
        ),
        // Inequalities that leave no interior.
        (
            r#"{"variables": {"x": 3}, "parameters": {}, "cost": "dot(x, x)",
                "f1": {"expressions": ["x[0] + x[1]", "x[0] + x[1]"],
                       "set": {"box": {"min": [1, null], "max": [null, 1]}}}}"#
                .to_owned(),
            0.5,
        ),
        // Bounds that leave no interior.
        (
            format!(
                r#"{{"variables": {{"x": 12}}, "parameters": {{}}, "cost": "dot(x, x)", "f2": [{chain}],
                    "constraints": {{"x": {{"box": {{"min": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1],
                                                     "max": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]}}}}}}}}"#
            ),
            0.0,
        ),
        // A minimum at corners: the centre is a maximum.
        (
            format!(
                r#"{{"variables": {{"x": 12}}, "parameters": {{}}, "cost": "-dot(x, x)", "f2": [{chain}],
                    "constraints": {{"x": {{"box": {{"min": -1, "max": 2}}}}}}}}"#
            ),
            -48.0,
        ),
        // Variables without curvature, which nothing holds.
        (
            r#"{"variables": {"x": 4}, "parameters": {}, "cost": "x[0]^2", "f2": ["x[0] + x[1] - 1"]}"#.to_owned(),
            0.0,
        ),
        // All variables are fixed.
        (
            r#"{"variables": {"x": 2}, "parameters": {}, "cost": "dot(x, x)", "f2": ["x[0] - 1"],
                "constraints": {"x": {"box": {"min": [1, 2], "max": [1, 2]}}}}"#
                .to_owned(),
            5.0,
        ),
    ] {
        let solution = solve(&text);
        assert_eq!(solution.status, Status::Converged, "{text}");
        assert!((solution.cost - cost).abs() < 1e-5, "{text}: {}", solution.cost);
        assert!(work(&solution.counters) < 100, "{text}: {:?}", solution.counters);
    }
}

#[test]
fn equations_that_contradict_each_other_are_named() {
    let links: Vec<String> = (0..11).map(|i| format!("\"x[{i}] - {i}\"")).collect();
    for (text, culprits) in [
        (
            r#"{"variables": {"x": 3}, "parameters": {}, "cost": "dot(x, x)", "f2": ["x[0] + x[1] - 1", "x[0] + x[1] - 2", "x[2]"]}"#
                .to_owned(),
            vec![0, 1],
        ),
        (
            format!(
                r#"{{"variables": {{"x": 12}}, "parameters": {{}}, "cost": "dot(x, x)", "f2": [{}, "x[0] - 5"]}}"#,
                links.join(", ")
            ),
            vec![0, 11],
        ),
        (
            r#"{"variables": {"x": 2}, "parameters": {}, "cost": "x[0]", "f2": ["x[0]^2 + x[1]^2 + 1"], "initial_guess": [1, 1]}"#
                .to_owned(),
            vec![0],
        ),
    ] {
        let solution = solve(&text);
        let constraints = culprits;
        assert_eq!(solution.status, Status::LocallyInfeasible { constraints }, "{text}");
        assert!(work(&solution.counters) < 400, "{text}: {:?}", solution.counters);
    }
}
