//! Constraints as files write them: comparisons, names, and what is refused.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use labwire_model::problem::{BlockKind, Problem, ProblemSolver, Solution, TextLimits};
use labwire_solve::Status;
use labwire_solve::sets::Set;

fn load(file: &str) -> Problem {
    Problem::from_json(file, &TextLimits::default()).unwrap_or_else(|error| panic!("{file}\n{error}"))
}

fn error(file: &str) -> String {
    match Problem::from_json(file, &TextLimits::default()) {
        Ok(_) => panic!("accepted: {file}"),
        Err(error) => error.to_string(),
    }
}

fn solve(file: &str, parameters: &[f64]) -> Solution {
    let mut solver = ProblemSolver::new(load(file)).unwrap();
    let solution = solver.solve(parameters).unwrap();
    assert_eq!(solution.status, Status::Converged, "{file}");
    solution
}

fn problem(keys: &str) -> String {
    format!(r#"{{"variables": {{"x": 1, "y": 2}}, "parameters": {{"p": 1}}, "cost": "x^2", {keys}}}"#)
}

fn boxed(min: &[f64], max: &[f64]) -> Set {
    Set::Box {
        min: min.to_vec(),
        max: max.to_vec(),
    }
}

/// Values of the constraints at x = 2, y = (3, 5), p = 7.
fn values(problem: &Problem) -> Vec<f64> {
    let mut g = vec![0.0; problem.num_f1() + problem.num_f2()];
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&[7.0]);
    evaluator.forward(&[2.0, 3.0, 5.0], &mut g);
    g
}

#[test]
fn a_comparison_is_a_value_and_its_bounds() {
    const INF: f64 = f64::INFINITY;
    for (expression, expected, min, max) in [
        ("x <= 2", &[2.0][..], &[-INF][..], &[2.0][..]),
        ("x < 2", &[2.0], &[-INF], &[2.0]),
        ("x >= 2", &[2.0], &[2.0], &[INF]),
        ("2 >= x", &[2.0], &[-INF], &[2.0]),
        ("1 <= x + y[0] <= 3", &[5.0], &[1.0], &[3.0]),
        ("3 > x + y[0] > 1", &[5.0], &[1.0], &[3.0]),
        ("x <= p", &[-5.0], &[-INF], &[0.0]),
        ("-p <= x <= p", &[-9.0, -5.0], &[-INF; 2], &[0.0; 2]),
        ("0 <= x <= p", &[2.0, -5.0], &[0.0, -INF], &[INF, 0.0]),
        ("y <= 4", &[3.0, 5.0], &[-INF; 2], &[4.0; 2]),
        ("-1 <= y <= [4, 6]", &[3.0, 5.0], &[-1.0; 2], &[4.0, 6.0]),
        ("y <= x", &[1.0, 3.0], &[-INF; 2], &[0.0; 2]),
        ("x <= inf", &[2.0], &[-INF], &[INF]),
    ] {
        let problem = load(&problem(&format!(r#""f1": ["{expression}"]"#)));
        assert_eq!(values(&problem), expected, "{expression}");
        assert_eq!(problem.blocks()[0].set, boxed(min, max), "{expression}");
        assert_eq!(problem.blocks()[0].kind, BlockKind::F1);
        assert_eq!(
            problem
                .constraint_name(0)
                .split('`')
                .nth(1)
                .unwrap()
                .split('[')
                .next()
                .unwrap(),
            expression.split('[').next().unwrap()
        );
    }
    let equal = load(&problem(r#""f1": {"expressions": ["x == y[0]", "y <= 1"]}"#));
    assert_eq!(values(&equal), [-1.0, 3.0, 5.0]);
    assert_eq!(equal.blocks()[0].set, Set::Zero);
    assert_eq!(equal.blocks()[1].set, boxed(&[-INF; 2], &[1.0; 2]));
}

#[test]
fn comparisons_in_f2_are_penalised_where_they_do_not_hold() {
    let problem = load(&problem(
        r#""f2": ["x <= 1", "1 <= y <= 4", "x == p", "x*y[0] - 6"]"#,
    ));
    // x - 1, then 1 - y and y - 4 of both elements, x - p, and what must be 0 as written.
    assert_eq!(values(&problem), [1.0, -2.0, -1.0, -4.0, 1.0, -5.0, 0.0]);
    let kinds: Vec<BlockKind> = problem.blocks().iter().map(|block| block.kind).collect();
    assert_eq!(kinds, [BlockKind::F2Inequality, BlockKind::F2Equality]);
    assert_eq!(problem.constraint_name(0), "F2[0] (`x <= 1`)");
    assert_eq!(problem.constraint_name(6), "F2[6]");
}

#[test]
fn a_solve_meets_comparisons() {
    // The case k2a: driven to 0 as a number, the comparison asked for u > 2.
    let solution = solve(
        r#"{"variables": {"u": 1}, "cost": "(u[0]-5)^2", "f2": ["u[0]<=2"]}"#,
        &[],
    );
    assert!((solution.u[0] - 2.0).abs() < 1e-4, "{:?}", solution.u);
    let file = r#"{"variables": {"x": 2}, "parameters": {"most": 1}, "cost": "sum((x - 3)^2)",
        "f1": ["1 <= x[0] + x[1] <= 4", "x[0] <= most"]}"#;
    let solution = solve(file, &[1.5]);
    assert!(
        (solution.u[0] - 1.5).abs() < 1e-4 && (solution.u[1] - 2.5).abs() < 1e-4,
        "{:?}",
        solution.u
    );
    let file = r#"{"ocp": {"horizon": 3, "states": ["x"], "inputs": ["v"], "parameters": ["fast"], "initial_state": [0],
        "dynamics": {"next": ["x + v"]}, "stage_cost": "v^2", "terminal_cost": "(x - 9)^2",
        "path_constraints": [{"name": "speed", "expression": "v <= fast"}], "terminal_constraints": ["x >= 3"]}}"#;
    let solution = solve(file, &[2.0]);
    assert!(
        solution.u.iter().all(|v| (v - 2.0).abs() < 1e-4),
        "{:?}",
        solution.u
    );
}

#[test]
fn names_stand_in_messages() {
    let file = problem(
        r#""f1": [{"name": "reach", "expression": "y >= p"}, {"expression": "x", "set": "zero"}], "f2": [{"name": "tie", "expression": "x - y"}]"#,
    );
    let problem = load(&file);
    let names: Vec<String> = (0..5).map(|i| problem.constraint_name(i)).collect();
    let expected = [
        "F1[0] (`reach[0]`)",
        "F1[1] (`reach[1]`)",
        "F1[2]",
        "F2[0] (`tie[0]`)",
        "F2[1] (`tie[1]`)",
    ];
    assert_eq!(names, expected);
    let ocp = load(
        r#"{"ocp": {"horizon": 2, "states": ["x"], "inputs": ["v"], "initial_state": [1], "dynamics": {"next": ["x + v"]},
        "stage_cost": "x^2", "path_constraints": [{"name": "speed", "expression": "v <= 3", "from": 1}, "v >= -3"],
        "terminal_constraints": [{"name": "dock", "expression": "x", "set": "zero"}]}}"#,
    );
    assert_eq!(
        ocp.constraint_name(1),
        "F1[1] (path constraint 0 `speed` at stage 1)"
    );
    assert_eq!(
        ocp.constraint_name(2),
        "F1[2] (path constraint 1 `v >= -3` at stage 1)"
    );
    assert_eq!(ocp.constraint_name(3), "F1[3] (terminal constraint 0 `dock`)");
    let file = r#"{"variables": {"x": 1}, "cost": "x^2", "f1": [{"name": "high", "expression": "x >= 2"}, "x <= 1"]}"#;
    let mut solver = ProblemSolver::new(load(file)).unwrap();
    let solution = solver.solve(&[]).unwrap();
    assert_eq!(
        solution.infeasible_constraints,
        ["F1[0] (`high`)", "F1[1] (`x <= 1`)"]
    );
}

#[test]
fn what_is_no_constraint_is_refused_in_words() {
    for (keys, message) in [
        (
            r#""f1": ["x != 2"]"#,
            "`f1[0]`: no constraint excludes a single value",
        ),
        (r#""f1": ["1 <= x >= 2"]"#, "these comparisons form no chain"),
        (
            r#""f1": ["1 <= x <= 2 <= y"]"#,
            "help: a chain is low <= expression <= high",
        ),
        (r#""f1": ["x == y[0] == 2"]"#, "these comparisons form no chain"),
        (r#""f1": ["y <= [1, 2, 3]"]"#, "`<=` needs equal lengths"),
        (
            r#""f1": ["x"]"#,
            "the key `set` is missing, and the expression is not a comparison such as \"x <= 2\"",
        ),
        (
            r#""f1": [{"expression": "x <= 1", "set": "zero"}]"#,
            "`f1[0].set`: a comparison says what it must be: leave out `set`",
        ),
        (
            r#""f1": {"expressions": ["x <= 1"], "set": "zero"}"#,
            "`f1.expressions[0]`: the constraints around share one `set`",
        ),
        (
            r#""f1": [{"expression": ["x <= 1", "x"]}]"#,
            "`f1[0].expression[1]`: comparisons and other expressions are mixed",
        ),
        (r#""f1": [{"name": "a"}]"#, "the key `expression` is missing"),
        (
            r#""f1": [{"name": 3, "expression": "x <= 1"}]"#,
            "expected a name",
        ),
        (
            r#""f2": [{"expression": "x", "set": "zero"}]"#,
            "unknown key `set`",
        ),
        (r#""f1": ["(x <= 1)*2 <= 3"]"#, "changes only in steps"),
        (r#""f1": ["x = 1"]"#, "help: equality is written `==`"),
        (r#""f1": ["x <="]"#, "found the end of the expression"),
    ] {
        let error = error(&problem(keys));
        assert!(error.contains(message), "{keys}: {error}");
    }
}
