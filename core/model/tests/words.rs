//! Words of expressions: values, first and second derivatives against differences, and what is refused.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use labwire_model::problem::{DataTable, DataTables, Problem, ProblemSolver, Solution, TextLimits};
use labwire_solve::{Functions, Status};

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

/// Problem with x of 1, v of 3, a 2 x 3 matrix of parameters and constants.
fn problem(cost: &str) -> String {
    format!(
        r#"{{"variables": {{"x": 1, "v": 3}}, "parameters": {{"P": [2, 3]}},
            "let": {{"A": [[2, 1, 0], [1, 3, "x"], [0, 0, 1]], "b": [1, 2, 3], "xs": [0, 1, 3, 4], "ys": [0, 1, 9, 16],
                     "grid": [[0, 1], [2, 5], [4, 4]]}},
            "cost": "{cost}"}}"#
    )
}

const POINT: [f64; 4] = [1.5, 0.5, -2.0, 3.0];
const PARAMETERS: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// Value, gradient, and the Hessian times a direction, at `u`.
fn derivatives(file: &str, u: &[f64], direction: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let problem = load(file);
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&PARAMETERS[..problem.num_parameters()]);
    let cost = evaluator.forward(u, &mut []);
    let mut gradient = vec![0.0; u.len()];
    evaluator.reverse(&[], &mut gradient);
    let (mut rates, mut product) = ([0.0; 0], vec![0.0; u.len()]);
    Functions::forward_tangent(&mut evaluator, direction, &mut rates);
    Functions::reverse_tangent(&mut evaluator, &[], &mut product);
    (cost, gradient, product)
}

/// Checks a value, and both derivatives against differences.
fn check(cost: &str, expected: f64) {
    let file = problem(cost);
    let direction = [0.3, -0.7, 0.4, 0.9];
    let (value, gradient, product) = derivatives(&file, &POINT, &direction);
    assert!(
        (value - expected).abs() <= 1e-12 * (1.0 + expected.abs()),
        "{cost}: {value} {expected}"
    );
    let step = 1e-5;
    let at = |factor: f64| {
        let u: Vec<f64> = POINT
            .iter()
            .zip(&direction)
            .map(|(u, d)| u + factor * d)
            .collect();
        derivatives(&file, &u, &direction)
    };
    let (ahead, behind) = (at(step), at(-step));
    let slope: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
    let difference = (ahead.0 - behind.0) / (2.0 * step);
    assert!(
        (slope - difference).abs() < 1e-7 * (1.0 + slope.abs()),
        "{cost}: slope {slope} {difference}"
    );
    for (i, product) in product.iter().enumerate() {
        let difference = (ahead.1[i] - behind.1[i]) / (2.0 * step);
        assert!(
            (product - difference).abs() < 1e-6 * (1.0 + product.abs()),
            "{cost}: {i} {product} {difference}"
        );
    }
}

#[test]
fn functions_have_values_and_derivatives() {
    check("log10(1000*x)", 1500.0_f64.log10());
    check("norm1(v)", 5.5);
    check("smooth_abs(x, 0.5)", 2.5_f64.sqrt() - 0.5);
    check("smooth_max(x, v[0], 2)", (2.0 + 5.0_f64.sqrt()) / 2.0);
    check("softplus(x)", (1.0 + 1.5_f64.exp()).ln());
    check("softplus(v[1], 0.5)", 0.5 * (1.0 + (-4.0_f64).exp()).ln());
    check("huber(x, 2)", 1.125);
    check("huber(v[1], 0.5)", 0.5 * 1.75);
    check("sum(huber(v, 1))", 0.125 + 1.5 + 2.5);
    assert_eq!(
        derivatives(&problem("log10(x)"), &[1e3, 0.0, 0.0, 0.0], &[0.0; 4]).0,
        3.0
    );
    // Where the exponential would overflow, at the middle, and far out.
    for (x, value, slope) in [
        (2000.0, 2000.0, 1.0),
        (-2000.0, 0.0, 0.0),
        (0.0, 2.0_f64.ln(), 0.5),
    ] {
        let (found, gradient, _) = derivatives(&problem("softplus(x)"), &[x, 0.0, 0.0, 0.0], &[0.0; 4]);
        assert_eq!((found, gradient[0]), (value, slope), "{x}");
    }
}

#[test]
fn tables_interpolate() {
    check("interp(x, xs, ys)", 3.0);
    check("interp(-1*x, xs, ys)", -1.5);
    check("interp(4*x, xs, ys)", 16.0 + 7.0 * 2.0);
    check("sum(interp(0.9*v, xs, ys))", 0.45 - 1.8 + 7.8);
    check("interp(x, xs, [P[0, 0], x, 2*x, 0])", 1.875);
    // Catmull-Rom reproduces parabolas away from the ends.
    check(
        "interp_cubic(2 + 0.1*x, [0, 1, 2, 2.5, 4], [0, 1, 4, 6.25, 16])",
        2.15 * 2.15,
    );
    check(
        "interp2(x, v[0], [0, 1, 3], [0, 1], grid)",
        0.75 * 3.5 + 0.25 * 4.0,
    );
    check(
        "interp2(x, 2*x, [0, 1, 3], [0, 1], grid)",
        0.75 * 11.0 + 0.25 * 4.0,
    );
    // At the points the values are exact, and the slope of the cubic is the same from both sides.
    for (i, (x, y)) in [(0.0, 0.0), (1.0, 1.0), (3.0, 9.0), (4.0, 16.0)]
        .into_iter()
        .enumerate()
    {
        for name in ["interp", "interp_cubic"] {
            let file = problem(&format!("{name}(x, xs, ys)"));
            assert_eq!(
                derivatives(&file, &[x, 0.0, 0.0, 0.0], &[0.0; 4]).0,
                y,
                "{name} {i}"
            );
        }
        let slope = |x: f64| {
            derivatives(
                &problem("interp_cubic(x, xs, ys)"),
                &[x, 0.0, 0.0, 0.0],
                &[0.0; 4],
            )
            .1[0]
        };
        assert!((slope(x - 1e-9) - slope(x + 1e-9)).abs() < 1e-6, "{x}");
    }
    // The case g05: a pump's curve in the cost.
    let file = r#"{"variables": {"x": 1}, "initial_guess": 2.5, "let": {"tab": [0, 1, 4, 9]},
        "cost": "(interp_cubic(x, [0, 1, 2, 3], tab) - 6.25)^2"}"#;
    let solution = solve(file, &[]);
    assert!((solution.u[0] - 2.5).abs() < 0.05, "{:?}", solution.u);
}

#[test]
fn matrices_multiply() {
    // A = [2 1 0; 1 3 x; 0 0 1], b = [1 2 3], P = [1 2 3; 4 5 6], x = 1.5, v = [0.5 -2 3].
    check("(A @ v)[1]", 0.5 - 6.0 + 4.5);
    check("v @ A @ b", -12.0);
    check("quad(v, A)", 10.5);
    check("quad(v, 2)", 2.0 * 13.25);
    check("(P @ v)[0] + (P @ A)[1][2]", 5.5 + 5.0 * 1.5 + 6.0);
    check("dot(transpose(P) @ [1, x], v)", v_p());
    check("sum([x; v; 2])", 1.5 + 1.5 + 2.0);
    check("sum([1, x; v[0], v[1]][.., 1])", -0.5);
    check("[A[0..2, 0..2], [7; 8]; 1, 2, x][1, 2] + [A; b][3, 0]", 9.0);
    check(
        "A[1, 2] + sum(A[1..][0]) + sum(A[..2, 0]) + A[2][2]",
        1.5 + 5.5 + 3.0 + 1.0,
    );
    check("[x, 2*x] @ [x, x]", 6.75);
    check("dot(x, x) + norm2([x, x])^2", 2.25 + 4.5);
    check("sum(v[..2]) + v[2..][0]", 1.5);
}

fn v_p() -> f64 {
    let p = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    (0..3).map(|j| (p[0][j] + 1.5 * p[1][j]) * POINT[1 + j]).sum()
}

#[test]
fn quadratic_programs_are_written_with_matrices() {
    // The case g06 as it is meant: the minimum of u'Au/2 - b'u is where A u = b.
    let file =
        r#"{"variables": {"u": 2}, "parameters": {"A": [2, 2], "b": 2}, "cost": "quad(u, A)/2 - b @ u"}"#;
    let solution = solve(file, &[2.0, 1.0, 1.0, 3.0, 1.0, 2.0]);
    for (found, expected) in solution.u.iter().zip([0.2, 0.6]) {
        assert!((found - expected).abs() < 1e-4, "{:?}", solution.u);
    }
}

#[test]
fn what_is_wrong_with_a_word_is_said() {
    for (cost, message) in [
        ("interp(x, v, b)", "the points of `interp` must be numbers"),
        (
            "interp(x, [0, 2, 1], b)",
            "the points of `interp` must grow, found 2 and then 1",
        ),
        ("interp(x, [0, 0], [1, 2])", "must grow, found 0 and then 0"),
        (
            "interp(x, [0], [1])",
            "`interp` needs two points or more, found 1",
        ),
        ("interp(x, xs, b)", "`interp` has 4 points, and 3 values for them"),
        ("interp(x, xs)", "`interp` takes 3 arguments, found 2"),
        (
            "interp2(x, x, xs, [0, 1], grid)",
            "`interp2` needs a 4 x 2 table for these xs and ys, found a 3 x 2 matrix",
        ),
        (
            "interp2(x, x, b, xs, grid)",
            "`interp2` has 4 points, and 2 values for them",
        ),
        ("smooth_abs(x)", "`smooth_abs` takes 2 arguments, found 1"),
        ("smooth_max(x, x)", "`smooth_max` takes 3 arguments, found 2"),
        (
            "sum(A @ [x, x])",
            "help: `A` is a 3 x 3 matrix, the right side is a vector of 2",
        ),
        ("sum(P @ b @ P @ A[0..2])", "`@` needs equal inner lengths, found"),
        ("sum(v + xs)", "help: `v` is a vector of 3, `xs` is a vector of 4"),
        (
            "dot(v, A*v)",
            "help: `A` is a 3 x 3 matrix, `v` is a vector of 3; a product with a matrix is written `A @ x`; `*` multiplies",
        ),
        (
            "quad(v, b)",
            "`quad` takes a vector and a matrix, found a vector of 3 as the matrix",
        ),
        ("transpose(v)", "`transpose` takes a matrix, found a vector of 3"),
        ("v[0, 1]", "two indices are for a matrix, found a vector of 3"),
        ("A[0, 3]", "index 3 is outside of 3 elements"),
        ("sum(A[0, 1..5])", "1..5 is outside of 3 elements"),
        (
            "[A; xs][0, 0]",
            "rows of 3 and of 4 elements stand under one another",
        ),
        ("[A, xs; A, xs][0, 0]", "3 and 4 rows stand side by side"),
        ("[x; ]", "expected a number, a name"),
        ("v[0", "expected `]`, `,` or `..`"),
    ] {
        let error = error(&problem(cost));
        assert!(error.contains(message), "{cost}: {error}");
    }
    for (text, message) in [
        (
            r#"{"variables": {"u": [2, 3, 4]}, "cost": 0}"#,
            "expected 2 numbers, found 3",
        ),
        (
            r#"{"variables": {"u": [0, 3]}, "cost": 0}"#,
            "expected a whole number from 1",
        ),
        (
            r#"{"variables": {"u": [9999, 9999]}, "cost": 0}"#,
            "more than 10000 in total (limit `variables`)",
        ),
        (
            r#"{"variables": {"u": 1}, "let": {"a": [[1], 2]}, "cost": 0}"#,
            "a list holds numbers, or rows of numbers",
        ),
    ] {
        let error = error(text);
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn definitions_of_a_file_go_before_later_functions() {
    let file = r#"{"variables": {"u": 1}, "let": {"huber(x)": "2*x", "quad": "u[0]"}, "cost": "huber(u[0]) + quad"}"#;
    assert_eq!(derivatives(file, &[3.0], &[0.0]).0, 9.0);
}

#[test]
fn tables_are_read_where_the_host_allows_it() {
    let file = |table: &str| {
        format!(
            r#"{{"variables": {{"x": 1}}, "let": {{"t": {table}, "speed": {{"csv": "pump.csv", "column": "speed"}}}}, "cost": "sum(t)*x + sum(speed)"}}"#
        )
    };
    let read = |name: &str| match name {
        "pump.csv" => Ok(DataTable::new(
            vec!["speed".into(), "head".into()],
            vec![vec![1.0, 10.0], vec![2.0, 20.0]],
        )),
        _ => Err("no such file".into()),
    };
    let with =
        |text: &str| Problem::from_json_with_tables(text, &TextLimits::default(), DataTables::new(&read));
    let problem = with(&file(r#"{"csv": "pump.csv", "column": 1}"#)).unwrap();
    let mut evaluator = problem.evaluator();
    assert_eq!(evaluator.forward(&[2.0], &mut []), 63.0);
    for (table, message) in [
        (r#"{"csv": "fan.csv"}"#, "`let.t.csv`: `fan.csv`: no such file"),
        (
            r#"{"csv": "pump.csv", "column": "flow"}"#,
            "there is no column `flow`",
        ),
        (
            r#"{"csv": "pump.csv", "column": 2}"#,
            "there is no column 2: `pump.csv` has 2",
        ),
        (r#"{"column": 2}"#, "the key `csv` is missing"),
        (r#"{"cvs": "a"}"#, "did you mean `csv`?"),
    ] {
        let error = with(&file(table)).unwrap_err().to_string();
        assert!(error.contains(message), "{table}: {error}");
    }
    let refused = error(&file("[1, 2]"));
    assert!(
        refused.contains(
            "`let.speed.csv`: `pump.csv`: a file is read only for a problem that is named on the command line"
        ),
        "{refused}"
    );
}

#[test]
fn slack_has_its_price() {
    // min (x - 3)^2 with x <= 1 to be paid for: by l2, 2(x - 3) + 2*9*(x - 1) = 0; by l1 above the multiplier 4, x is 1 up to the
    // smoothing, below it 2(x - 3) + price = 0.
    for (soft, expected, accuracy) in [
        (r#"{"l2": 9}"#, 1.2, 2e-4),
        (r#"{"l1": 100}"#, 1.0, 1e-3),
        (r#"{"l1": 1}"#, 2.5, 2e-4),
        (r#"{"l1": "2*p", "l2": 1}"#, 1.5, 2e-4),
    ] {
        for list in ["f1", "f2"] {
            let file = format!(
                r#"{{"variables": {{"x": 1}}, "parameters": {{"p": 1}}, "cost": "(x - 3)^2",
                    "{list}": [{{"expression": "x <= 1", "soft": {soft}}}, "x >= -5"]}}"#
            );
            let solution = solve(&file, &[1.0]);
            assert!(
                (solution.u[0] - expected).abs() < accuracy,
                "{soft} {list}: {:?}",
                solution.u
            );
        }
    }
    // Stages from 1 on pay, and the end.
    let file = r#"{"ocp": {"horizon": 2, "states": ["x"], "inputs": ["v"], "initial_state": [0],
        "dynamics": {"next": ["x + v"]}, "stage_cost": "(v - 3)^2",
        "path_constraints": [{"name": "speed", "expression": "v <= 1", "from": 1, "soft": {"l2": 9}}],
        "terminal_constraints": [{"expression": "x == 9", "soft": {"l2": 1e-9}}]}}"#;
    let solution = solve(file, &[]);
    assert!(
        (solution.u[0] - 3.0).abs() < 2e-4 && (solution.u[1] - 1.2).abs() < 2e-4,
        "{:?}",
        solution.u
    );
    for (constraint, message) in [
        (
            r#"{"expression": "x <= 1", "soft": {}}"#,
            "give the price of the slack",
        ),
        (
            r#"{"expression": "x <= 1", "soft": 3}"#,
            "expected prices of the slack",
        ),
        (
            r#"{"expression": "x <= 1", "soft": {"l1": 0}}"#,
            "expected a positive price, found 0",
        ),
        (
            r#"{"expression": "x <= 1", "soft": {"l1": "x"}}"#,
            "a price must be a number, of constants and parameters",
        ),
        (
            r#"{"expression": "x", "set": {"ball2": {"radius": 1}}, "soft": {"l1": 1}}"#,
            "a soft constraint is a comparison",
        ),
        (
            r#"{"expression": "x <= 1", "soft": {"l3": 1}}"#,
            "unknown key `l3`",
        ),
    ] {
        let text = format!(r#"{{"variables": {{"x": 1}}, "cost": 0, "f1": [{constraint}]}}"#);
        let error = error(&text);
        assert!(error.contains(message), "{constraint}: {error}");
    }
}
