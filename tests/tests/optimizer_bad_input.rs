//! Problems that are ill posed, or nearly so: an answer or an honest status, within the limits.
#![allow(clippy::unwrap_used, reason = "tests")]

use labwire_acceptance::{Truth, Verdict, judge};
use labwire_core::problem::{Problem, ProblemSolver, Solution, TextLimits};
use labwire_core::solve::{Status, Structure};

/// Solves a problem, and asserts that the claim about it is true.
#[track_caller]
fn solve_honestly(text: &str) -> (Solution, Truth) {
    let problem = Problem::from_json(text, &TextLimits::default()).unwrap();
    let solution = ProblemSolver::new(&problem).unwrap().solve(&[]).unwrap();
    let multipliers = [&*solution.f1_multipliers, &solution.f2_multipliers].concat();
    let truth = judge(
        &mut problem.evaluator(),
        &Structure::from(&problem),
        &solution.u,
        &multipliers,
    );
    let verdict = Verdict::new(&solution.status, &truth, problem.settings().tolerance);
    assert!(
        !verdict.is_false(),
        "{}: {solution:?} {truth:?}",
        verdict.remark()
    );
    assert!(solution.u.iter().all(|u| u.is_finite()), "{solution:?}");
    (solution, truth)
}

/// Asserts convergence to `expected` within 1e-4.
#[track_caller]
fn assert_converges(text: &str, expected: &[f64]) {
    let (solution, _) = solve_honestly(text);
    assert!(solution.is_converged(), "{solution:?}");
    for (u, expected) in solution.u.iter().zip(expected) {
        assert!((u - expected).abs() < 1e-4, "{solution:?}");
    }
}

/// Asserts that these constraints are named as those that cannot be met.
#[track_caller]
fn assert_infeasible(text: &str, names: &[&str]) -> Solution {
    let (solution, _) = solve_honestly(text);
    assert!(
        matches!(solution.status, Status::LocallyInfeasible { .. }),
        "{solution:?}"
    );
    assert_eq!(solution.infeasible_constraints, names, "{solution:?}");
    solution
}

#[test]
fn equations_that_say_the_same_twice() {
    let text = r#"{"variables": {"x": 2}, "cost": "x[0]^2 + 2*x[1]^2", "f2": ["x[0] + x[1] - 3", "2*x[0] + 2*x[1] - 6"]}"#;
    assert_converges(text, &[2.0, 1.0]);
}

#[test]
fn the_same_row_twice() {
    let text = r#"{"variables": {"x": 2}, "cost": "(x[0] - 2)^2 + (x[1] - 2)^2",
        "f1": {"expressions": ["x[0] + x[1]", "x[0] + x[1]"], "set": {"box": {"max": 2}}}}"#;
    assert_converges(text, &[1.0, 1.0]);
}

#[test]
fn a_row_of_zeros() {
    let text = r#"{"variables": {"x": 1}, "cost": "(x[0] - 2)^2", "f2": ["0*x[0]"]}"#;
    assert_converges(text, &[2.0]);
}

#[test]
fn equations_that_contradict_each_other() {
    let text =
        r#"{"variables": {"x": 2}, "cost": "x[0]^2 + x[1]^2", "f2": ["x[0] + x[1] - 1", "x[0] + x[1] - 2"]}"#;
    let solution = assert_infeasible(text, &["F2[0]", "F2[1]"]);
    // The least violation is half of the gap.
    assert!((solution.violation - 0.5).abs() < 1e-3, "{solution:?}");
}

#[test]
fn a_linear_programme_without_a_solution() {
    // The weights of the violation are those of the constraints: none can be lowered alone.
    let text = r#"{"variables": {"x": 4}, "cost": "x[0] + 2*x[1] - x[2]", "constraints": {"x": {"box": {"min": 0, "max": 4}}},
        "f2": ["x[0] + x[1] + x[2] - 3", "x[1] - x[2] + x[3] - 1", "2*x[0] + 3*x[1] + x[2] + x[3] - 9"]}"#;
    assert_infeasible(text, &["F2[0]", "F2[1]", "F2[2]"]);
}

#[test]
fn an_equation_without_a_solution() {
    assert_infeasible(
        r#"{"variables": {"x": 1}, "cost": "x[0]", "f2": ["x[0]^2 + 1"], "initial_guess": 1}"#,
        &["F2[0]"],
    );
}

#[test]
fn only_the_contradiction_is_named() {
    let text = r#"{"variables": {"x": 2}, "cost": "(x[1] - 5)^2", "constraints": {"x": {"box": {"min": 0, "max": 10}}},
        "f1": {"expressions": ["x[1]", "x[0]"], "set": {"box": {"min": [null, 11], "max": [3, null]}}}}"#;
    assert_infeasible(text, &["F1[1]"]);
}

#[test]
fn an_empty_interior() {
    let text = r#"{"variables": {"x": 2}, "cost": "x[0]^2 + x[1]",
        "f1": {"expressions": ["x[0]", "x[0]", "x[1]^2"], "set": {"box": {"min": [1, null, null], "max": [null, 1, 0.25]}}}}"#;
    assert_converges(text, &[1.0, -0.5]);
}

#[test]
fn a_square_that_is_at_most_zero() {
    // No multiplier exists: the constraint has no slope where it is active.
    let text = r#"{"variables": {"x": 1}, "cost": "x[0]", "f1": {"expressions": ["x[0]^2"], "set": {"box": {"max": 0}}},
        "initial_guess": 1}"#;
    let (solution, _) = solve_honestly(text);
    assert!(solution.u[0].abs() < 0.1, "{solution:?}");
}

#[test]
fn variables_fixed_by_their_bounds() {
    let text = r#"{"variables": {"x": 3}, "cost": "sum(i in 0..3, (x[i] - i)^2) + x[0]*x[2]",
        "constraints": {"x": {"box": {"min": [1, 0, -5], "max": [1, 0, 5]}}}}"#;
    assert_converges(text, &[1.0, 0.0, 1.5]);
    let text = r#"{"variables": {"x": 2}, "cost": "x[0]^2 + x[1]^2", "constraints": {"x": {"box": {"min": [1, 2], "max": [1, 2]}}},
        "f1": {"expressions": ["x[0]*x[1]"], "set": {"box": {"max": 2}}}}"#;
    assert_converges(text, &[1.0, 2.0]);
}

#[test]
fn fixed_variables_that_violate_a_constraint() {
    let text = r#"{"variables": {"x": 2}, "cost": "x[0]^2 + x[1]^2", "constraints": {"x": {"box": {"min": [1, 2], "max": [1, 2]}}},
        "f1": {"expressions": ["x[0]*x[1]"], "set": {"box": {"max": 1}}}}"#;
    assert_infeasible(text, &["F1[0]"]);
}

#[test]
fn variables_that_nothing_depends_on() {
    let text = r#"{"variables": {"x": 3}, "cost": "(x[0] - 1)^2", "f2": ["x[0] + x[1] - 3"], "initial_guess": [0, 0, 7]}"#;
    assert_converges(text, &[1.0, 2.0, 7.0]);
}

#[test]
fn a_cost_that_is_constant() {
    assert_converges(
        r#"{"variables": {"x": 2}, "cost": "5", "initial_guess": [3, 4]}"#,
        &[3.0, 4.0],
    );
    let text = r#"{"variables": {"x": 2}, "cost": "0", "f2": ["x[0] - 1", "x[0]*x[1] - 2"], "initial_guess": [3, 4]}"#;
    assert_converges(text, &[1.0, 2.0]);
}

#[test]
fn costs_without_a_lower_bound() {
    for cost in ["x[0]", "-x[0]^2", "-x[0]^3", "-exp(x[0])"] {
        let (solution, _) = solve_honestly(&format!(
            r#"{{"variables": {{"x": 1}}, "cost": "{cost}", "initial_guess": 0.5}}"#
        ));
        assert_ne!(solution.status, Status::Converged, "{cost}: {solution:?}");
    }
}

/// Behind a saddle point, which is stationary, the cost has no bound.
#[test]
fn saddle_points_are_no_solutions() {
    for (cost, guess) in [
        ("x[0]*x[1]", "[0, 0]"),
        ("x[0]*x[1]", "[1, 2]"),
        ("x[0]^2 - x[1]^2", "[0, 0]"),
        ("x[0]*x[1] + x[1]*x[2] - x[2]*x[0]", "[0, 0, 0]"),
        ("x[0]*x[1] - x[2]*x[3] + x[2]^2", "[3, 3, 3, 3]"),
    ] {
        let count = guess.split(',').count();
        let (solution, _) = solve_honestly(&format!(
            r#"{{"variables": {{"x": {count}}}, "cost": "{cost}", "initial_guess": {guess}}}"#
        ));
        assert_eq!(
            solution.status,
            Status::Unbounded,
            "{cost} from {guess}: {solution:?}"
        );
        assert!(solution.cost < -1e10, "{cost}: {solution:?}");
    }
}

#[test]
fn linear_programmes_without_a_bound() {
    for text in [
        r#"{"variables": {"x": 1}, "cost": "-x[0]"}"#,
        r#"{"variables": {"x": 2}, "cost": "-x[0]", "f2": ["x[0] - x[1]"]}"#,
        r#"{"variables": {"x": 2}, "cost": "-x[0] - x[1]", "constraints": {"x": {"box": {"min": 0}}},
            "f1": {"expressions": ["x[0] - x[1]"], "set": {"box": {"min": -1, "max": 1}}}}"#,
        r#"{"variables": {"x": 3}, "cost": "x[0] + x[1] - 2*x[2]", "constraints": {"x": {"box": {"min": 0}}},
            "f2": ["x[0] + x[1] - x[2] - 1"]}"#,
        r#"{"variables": {"x": 4}, "cost": "-x[0] - x[3]", "constraints": {"x": {"box": {"min": 0, "max": [null, 10, 10, 5]}}},
            "f1": {"expressions": ["x[1] - x[0] + x[2]", "x[2] + x[1]"], "set": {"box": {"max": 1}}}}"#,
    ] {
        let (solution, _) = solve_honestly(text);
        assert_eq!(solution.status, Status::Unbounded, "{text}: {solution:?}");
        let counters = &solution.counters;
        assert!(
            counters.evaluations + counters.hessian_evaluations < 1_000,
            "{text}: {solution:?}"
        );
    }
}

#[test]
fn what_is_far_away_is_not_without_a_bound() {
    let text = r#"{"variables": {"x": 2}, "cost": "-1e20*(x[0] + x[1])", "f2": ["x[0]^2 + x[1]^2 - 2"], "initial_guess": [1, -1]}"#;
    let (solution, _) = solve_honestly(text);
    assert!((solution.cost / -2e20 - 1.0).abs() < 1e-3, "{solution:?}");
    let text = r#"{"variables": {"x": 1}, "cost": "-x[0]", "constraints": {"x": {"box": {"max": 1e13}}}}"#;
    assert_converges(text, &[1e13]);
}

#[test]
fn equations_beside_a_cost_of_any_size() {
    for size in ["1e20", "1e50", "1e100", "1e200", "1e300", "1e-100", "1e-300"] {
        for (cost, equation, start) in [
            ("(x[0] - 1)^2 + x[1]^2", "x[0] + x[1] - 3", "[3, 0]"),
            ("(x[0] - 1)^2 + x[1]^2", "x[0] + x[1] - 3", "[5, 5]"),
            ("x[0] + x[1]", "x[0]^2 + x[1]^2 - 2", "[1, -1]"),
        ] {
            let text = format!(
                r#"{{"variables": {{"x": 2}}, "cost": "{size}*({cost})", "f2": ["{equation}"], "initial_guess": {start}}}"#
            );
            let (solution, _) = solve_honestly(&text);
            assert!(
                !matches!(
                    solution.status,
                    Status::LocallyInfeasible { .. } | Status::Unbounded
                ),
                "{text}: {solution:?}"
            );
        }
    }
}

#[test]
fn costs_near_the_end_of_the_range() {
    for cost in [
        "1e300*(x[0] - 1)^2",
        "1e300*(x[0] - 1)^4",
        "1e300 + (x[0] - 1)^2",
        "1e-300*(x[0] - 1)^2",
        "exp(1e3*x[0])",
    ] {
        let text =
            format!(r#"{{"variables": {{"x": 2}}, "cost": "{cost} + 0*x[1]", "initial_guess": [3, 0]}}"#);
        solve_honestly(&text);
    }
}

#[test]
fn constraints_near_the_end_of_the_range() {
    for unit in ["1e300", "1e-300"] {
        let text = format!(
            r#"{{"variables": {{"x": 2}}, "cost": "x[0]^2 + x[1]^2", "f2": ["{unit}*(x[0] + x[1] - 2)"], "initial_guess": [3, 0]}}"#
        );
        solve_honestly(&text);
    }
}

#[test]
fn edges_of_a_domain() {
    // A derivative that is infinite at the bound, a value that is, and starts on either.
    for (cost, start) in [
        ("sqrt(x[0]) + (x[0] - 1)^2", 0.0),
        ("sqrt(x[0]) + (x[0] - 1)^2", 4.0),
        ("x[0] - log(x[0])", 0.0),
        ("x[0] - log(x[0])", 3.0),
        ("x[0]*log(x[0])", 2.0),
        ("-sqrt(1 - x[0]^2)", 0.9),
        ("1/x[0] + x[0]", 5.0),
    ] {
        let text = format!(
            r#"{{"variables": {{"x": 1}}, "cost": "{cost}", "constraints": {{"x": {{"box": {{"min": 0}}}}}}, "initial_guess": {start}}}"#
        );
        let (solution, truth) = solve_honestly(&text);
        assert!(start == 0.0 || truth.is_kkt_point(1e-5), "{cost}: {solution:?}");
    }
}

#[test]
fn minima_where_a_derivative_is_infinite() {
    // The slope holds the variable at its bound.
    for (cost, start, solution) in [
        ("sqrt(x[0]) + x[0]", 5.0, 0.0),
        ("sqrt(x[0]) + x[0]", 0.0, 0.0),
        ("x[0]^0.5 + x[0]", 0.01, 0.0),
        ("sqrt(x[0]) + (x[0] - 1)^2", 0.0, 0.0),
        ("asin(1 - x[0]) - x[0]", 0.5, 2.0),
        ("acos(1 - x[0]) + x[0]", 0.5, 0.0),
    ] {
        let text = format!(
            r#"{{"variables": {{"x": 1}}, "cost": "{cost}", "constraints": {{"x": {{"box": {{"min": 0, "max": 2}}}}}}, "initial_guess": {start}}}"#
        );
        let (found, _) = solve_honestly(&text);
        assert!(found.is_converged() && found.u == [solution], "{cost}: {found:?}");
        assert!(found.counters.evaluations < 30, "{cost}: {found:?}");
    }
    let text = r#"{"variables": {"x": 2}, "cost": "x[1]", "constraints": {"x": {"box": {"min": [0, null]}}},
        "f1": {"expressions": ["x[1] - sqrt(x[0]) - x[0]"], "set": {"box": {"min": 0}}}}"#;
    assert_converges(text, &[0.0, 0.0]);
}

#[test]
fn starts_on_the_edge_of_a_domain() {
    let text = r#"{"variables": {"x": 2}, "cost": "x[0] + x[1]", "constraints": {"x": {"box": {"min": 0}}},
        "f2": ["sqrt(x[0]) + sqrt(x[1]) - 1"]}"#;
    assert_converges(text, &[0.25, 0.25]);
    let text = r#"{"variables": {"x": 3}, "cost": "sum(i in 0..3, x[i]*log(x[i]))", "constraints": {"x": {"box": {"min": 0, "max": 1}}},
        "f2": ["x[0] + x[1] + x[2] - 1"], "initial_guess": [1, 0, 0]}"#;
    assert_converges(text, &[1.0 / 3.0; 3]);
}

#[test]
fn no_minimum_but_an_edge() {
    for (cost, min) in [
        ("log(x[0])", "0"),
        ("sqrt(x[0] - 1) + x[0]", "null"),
        ("-1/x[0]", "0"),
    ] {
        let text = format!(
            r#"{{"variables": {{"x": 1}}, "cost": "{cost}", "constraints": {{"x": {{"box": {{"min": {min}}}}}}}, "initial_guess": 5}}"#
        );
        let (solution, _) = solve_honestly(&text);
        assert_eq!(solution.status, Status::Stalled, "{cost}: {solution:?}");
        assert!(solution.counters.evaluations < 500, "{cost}: {solution:?}");
        let problem = Problem::from_json(&text, &TextLimits::default()).unwrap();
        let mut evaluator = problem.evaluator();
        evaluator.forward(&solution.u, &mut []);
        let edge = evaluator.edge().unwrap();
        let function = cost.trim_start_matches(['-', '1']).get(..1);
        assert!(edge.function.starts_with(function.unwrap()), "{cost}: {edge}");
        assert!(edge.slope.abs() > 1e3, "{cost}: {edge}");
    }
}

#[test]
fn a_start_outside_of_the_domain() {
    let (solution, _) =
        solve_honestly(r#"{"variables": {"x": 1}, "cost": "x[0] - log(x[0])", "initial_guess": -1}"#);
    assert_eq!(solution.status, Status::NotFinite);
}

#[test]
fn three_hundred_dense_variables() {
    // Each pair of variables has a product in the cost.
    let text = r#"{"variables": {"x": 300},
        "cost": "sum(i in 0..300, (i + 1)*(x[i] - 1)^2)/2 + (sum(i in 0..300, x[i]) - 300)^2 + sum(i in 0..300, cos(i)*x[i])^4/1e4",
        "solver": {"tolerance": 1e-6}}"#;
    let (solution, _) = solve_honestly(text);
    assert!(solution.is_converged(), "{:?}", solution.status);
}

#[allow(clippy::unwrap_used, reason = "test helper")]
fn solve_stages(dynamics: &str, bound: f64, shooting: &str) -> (Solution, ProblemSolver) {
    let text = format!(
        r#"{{"ocp": {{"horizon": 400, "step": 0.1, "states": ["x"], "inputs": ["u"], "initial_state": [1], "shooting": "{shooting}",
        "dynamics": {{"next": ["{dynamics}"]}}, "stage_cost": "x^2 + u^2", "input_bounds": {{"min": -{bound}, "max": {bound}}}}}}}"#
    );
    let problem = Problem::from_json(&text, &TextLimits::default()).unwrap();
    let mut solver = ProblemSolver::new(&problem).unwrap();
    let solution = solver.solve(&[]).unwrap();
    assert!(solution.u.iter().all(|u| u.is_finite()));
    (solution, solver)
}

/// With free states the inputs are found that hold the state; without, the stage is named at which it is lost.
#[test]
fn stages_that_explode() {
    let (solution, solver) = solve_stages("3*x + x^2 + u", 5.0, "auto");
    assert!(solution.is_converged(), "{:?}", solution.status);
    let (problem, states) = (solver.problem(), solver.solver().states().unwrap());
    let gap = problem.largest_gap(&[], &solution.u, states).unwrap();
    assert!(gap.value.abs() < 1e-4, "{gap:?}");
    let (solution, solver) = solve_stages("3*x + x^2 + u", 5.0, "single");
    assert_eq!(solution.status, Status::NotFinite);
    let lost = solver
        .problem()
        .runaway(&[], &solution.u)
        .map(|defect| (defect.state, defect.stage));
    // 1, 4, 28, 868, 7.6e5, 5.8e11, 3.3e23, 1.1e47, 1.2e94, 1.5e188
    assert_eq!(lost, Some(("x".into(), 9)));
}

/// No input holds the state.
#[test]
fn stages_that_explode_in_any_case() {
    let (solution, solver) = solve_stages("3*x + x^2 + u", 0.1, "auto");
    assert!(!solution.is_converged(), "{:?}", solution.status);
    assert!(solver.problem().runaway(&[], &solution.u).is_some());
}

/// The most power there is at stage 3 is 100, and 150 are asked for. Of a convex problem one verdict is enough.
#[test]
fn plants_that_cannot_meet_the_demand() {
    let text = include_str!("../../host-tokio/cli/src/example/unit-commitment.json");
    let text = text.replace(r#""integers": ["on"],"#, "");
    for on in ["0, 1, 1", "0, 0, 0", "1, 0, 0", "0, 0, 1"] {
        let fixed = format!(r#"{{"min": [{on}, 0, 0, 0, 0, 0, 0], "max": [{on}, 1, 1, 1, 100, 60, 40]}}"#);
        let text = text.replace(r#"{"min": 0, "max": [1, 1, 1, 1, 1, 1, 100, 60, 40]}"#, &fixed);
        let problem = Problem::from_json(&text, &TextLimits::default()).unwrap();
        assert!(problem.is_convex() && problem.integers().is_none(), "{text}");
        let solution = ProblemSolver::new(problem).unwrap().solve(&[0.0; 6]).unwrap();
        assert!(
            matches!(solution.status, Status::LocallyInfeasible { .. }),
            "{on}: {solution:?}"
        );
        let names = &solution.infeasible_constraints;
        assert!(
            names.iter().any(|name| name.starts_with("F1[39] ")),
            "{on}: {names:?}"
        );
        let counters = &solution.counters;
        assert_eq!(counters.cold_restarts, 0, "{on}");
        let work = counters.evaluations + counters.hessian_evaluations;
        assert!(work < 1500, "{on}: {counters:?}");
    }
}

/// Least violations at kinks, where it has slopes on all sides: seen by its not falling, and not called converged.
#[test]
fn kinks_of_least_violation_end_soon() {
    for text in [
        r#"{"variables": {"x": 2}, "cost": "x[0]^2 + x[1]^2", "initial_guess": [0.3, 2], "f1": {"set": {"box": {"min": 0}},
            "expressions": ["interp(x[0], [-1, 0, 1, 2], [0, 1, 0, 0.5]) + interp(x[1], [-1, 0, 1], [0, 1, -3]) - 5"]}}"#,
        r#"{"variables": {"x": 1}, "cost": "x[0]^2", "initial_guess": [3],
            "f1": {"expressions": ["interp(x[0], [0, 1, 3], [2, 1, 3])"], "set": {"box": {"max": 0}}}}"#,
        r#"{"variables": {"x": 2}, "cost": "(x[0] - 1)^2 + x[1]", "initial_guess": [3, 1],
            "f2": ["interp(x[0], [0, 1, 3], [2, 1, 3]) + x[1]^2", "abs(x[1] - 1) + 1"]}"#,
        r#"{"ocp": {"horizon": 20, "step": 0.1, "states": ["x", "v"], "inputs": ["a"], "initial_state": [0, 0],
            "dynamics": {"derivative": ["v", "a - interp(v, [-2, -1, 0, 1, 2], [-3, -1, 0, 1, 3])"]},
            "stage_cost": "a^2", "input_bounds": {"min": -1, "max": 1}, "terminal_constraints":
                [{"expression": "interp(x, [-1, 0, 0.5, 1], [1, 0.8, 0.2, 0.6])", "set": {"box": {"max": 0}}}]}}"#,
    ] {
        let problem = Problem::from_json(text, &TextLimits::default()).unwrap();
        let solution = ProblemSolver::new(&problem).unwrap().solve(&[]).unwrap();
        let is_honest = matches!(
            solution.status,
            Status::Stalled | Status::LocallyInfeasible { .. }
        );
        assert!(is_honest, "{text}: {solution:?}");
        assert!(
            solution.counters.evaluations < 50_000,
            "{text}: {:?}",
            solution.counters
        );
    }
}
