//! Benchmark problems written as expressions, for the interpreter and the other back ends.

use labwire_core::problem::{Evaluator, Expression, Problem, ProblemBuilder, TextLimits};
use labwire_core::sets::Set;

/// Rosenbrock function of `n` variables as a problem file, with parameters (a, b).
pub fn rosenbrock(n: usize) -> Problem {
    let file = format!(
        r#"{{
            "name": "rosen{n}",
            "variables": {{"u": {n}}},
            "parameters": {{"p": 2}},
            "cost": "sum(i in 0..{}, p[1]*(u[i+1] - u[i]^2)^2 + (p[0] - u[i])^2)",
            "constraints": {{"u": {{"box": {{"min": -2, "max": 2}}}}}}
        }}"#,
        n - 1
    );
    Problem::from_json(&file, &TextLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Trailer of [`Navigation`](crate::problems::Navigation) rolled out over `horizon` steps, with the initial state as
/// parameters.
pub fn navigation(horizon: usize) -> Problem {
    let mut builder = ProblemBuilder::new(&format!("nav{horizon}"));
    let u = builder.variables("u", 2 * horizon);
    let mut state = builder.parameters("initial_state", 3);
    let mut costs = Vec::with_capacity(horizon + 1);
    for input in u.chunks(2) {
        costs.push(distance(&state, 10.0, 0.1) + input[0].pow(2.0) + input[1].pow(2.0));
        state = next_state(&state, &input[0], &input[1]);
    }
    costs.push(distance(&state, 200.0, 2.0));
    builder.set = Set::Box {
        min: vec![-3.0; 2 * horizon],
        max: vec![3.0; 2 * horizon],
    };
    let cost = builder.sum(&costs);
    builder.build(cost).unwrap_or_else(|error| panic!("{error}"))
}

/// Trailer of [`Navigation`](crate::problems::Navigation) as stages, with or without its obstacle: the example file
/// `trailer.json` of the core with another horizon.
pub fn trailer(horizon: usize, has_obstacle: bool) -> Problem {
    const FILE: &str = include_str!("../../core/model/problems/trailer.json");
    let mut file = FILE.replace("\"horizon\": 20", &format!("\"horizon\": {horizon}"));
    if !has_obstacle {
        for constraints in [
            r#"[{"expression": "obstacle", "set": {"box": {"max": 0}}, "from": 1}]"#,
            r#"[{"expression": "obstacle", "set": {"box": {"max": 0}}}]"#,
        ] {
            file = file.replace(constraints, "[]");
        }
    }
    Problem::from_json(&file, &TextLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Functions of a row of [`problems::all`](crate::problems::all), from text, with the row's parameters set; `None`
/// for an unknown name. The sets are the row's.
pub fn evaluator(name: &str) -> Option<Evaluator> {
    let (problem, parameters) = match name {
        "HS071" | "HS026" | "HS039" | "HS100" | "HS113" => (hock_schittkowski(name), vec![]),
        _ if name.starts_with("rosen") => {
            let n = name.strip_prefix("rosen")?.trim_end_matches('b').parse().ok()?;
            (rosenbrock(n), vec![1.0, 100.0])
        }
        _ => {
            let horizon = name.trim_start_matches(char::is_alphabetic).parse().ok()?;
            (trailer(horizon, name.starts_with("navobs")), vec![-1.0, 2.0, 0.0])
        }
    };
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&parameters);
    Some(evaluator)
}

fn hock_schittkowski(name: &str) -> Problem {
    let text = match name {
        "HS071" => hs(
            4,
            "x[0]*x[3]*(x[0] + x[1] + x[2]) + x[2]",
            &["x[0]*x[1]*x[2]*x[3]", "dot(x, x)"],
        ),
        "HS026" => hs(
            3,
            "(x[0] - x[1])^2 + (x[1] - x[2])^4",
            &["(1 + x[1]^2)*x[0] + x[2]^4 - 3"],
        ),
        "HS039" => hs(4, "-x[0]", &["x[1] - x[0]^3 - x[2]^2", "x[0]^2 - x[1] - x[3]^2"]),
        "HS100" => hs(
            7,
            "(x[0]-10)^2 + 5*(x[1]-12)^2 + x[2]^4 + 3*(x[3]-11)^2 + 10*x[4]^6 + 7*x[5]^2 + x[6]^4 - 4*x[5]*x[6] - 10*x[5] - 8*x[6]",
            &[
                "127 - 2*x[0]^2 - 3*x[1]^4 - x[2] - 4*x[3]^2 - 5*x[4]",
                "282 - 7*x[0] - 3*x[1] - 10*x[2]^2 - x[3] + x[4]",
                "196 - 23*x[0] - x[1]^2 - 6*x[5]^2 + 8*x[6]",
                "-4*x[0]^2 - x[1]^2 + 3*x[0]*x[1] - 2*x[2]^2 - 5*x[5] + 11*x[6]",
            ],
        ),
        _ => hs(
            10,
            "x[0]^2 + x[1]^2 + x[0]*x[1] - 14*x[0] - 16*x[1] + (x[2]-10)^2 + 4*(x[3]-5)^2 + (x[4]-3)^2 + 2*(x[5]-1)^2 \
             + 5*x[6]^2 + 7*(x[7]-11)^2 + 2*(x[8]-10)^2 + (x[9]-7)^2 + 45",
            &[
                "105 - 4*x[0] - 5*x[1] + 3*x[6] - 9*x[7]",
                "-10*x[0] + 8*x[1] + 17*x[6] - 2*x[7]",
                "8*x[0] - 2*x[1] - 5*x[8] + 2*x[9] + 12",
                "-3*(x[0]-2)^2 - 4*(x[1]-3)^2 - 2*x[2]^2 + 7*x[3] + 120",
                "-5*x[0]^2 - 8*x[1] - (x[2]-6)^2 + 2*x[3] + 40",
                "-(x[0]-8)^2/2 - 2*(x[1]-4)^2 - 3*x[4]^2 + x[5] + 30",
                "-x[0]^2 - 2*(x[1]-2)^2 + 2*x[0]*x[1] - 14*x[4] + 6*x[5]",
                "3*x[0] - 6*x[1] - 12*(x[8]-8)^2 + 7*x[9]",
            ],
        ),
    };
    Problem::from_json(&text, &TextLimits::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn hs(n: usize, cost: &str, constraints: &[&str]) -> String {
    let list: Vec<_> = constraints
        .iter()
        .map(|expression| format!("\"{expression}\""))
        .collect();
    format!(
        r#"{{"variables": {{"x": {n}}}, "cost": "{cost}", "f1": {{"expressions": [{}], "set": "zero"}}}}"#,
        list.join(", ")
    )
}

fn distance(state: &[Expression], position: f64, heading: f64) -> Expression {
    let offset = (&state[0] - 1.0).pow(2.0) + (&state[1] - 1.0).pow(2.0);
    position * offset + heading * state[2].pow(2.0)
}

fn next_state(state: &[Expression], ux: &Expression, uy: &Expression) -> Vec<Expression> {
    let (sin, cos) = (state[2].sin(), state[2].cos());
    let w = (uy * &cos - ux * &sin) / 0.5;
    vec![
        &state[0] + 0.1 * (ux + 0.5 * &sin * &w),
        &state[1] + 0.1 * (uy - 0.5 * &cos * &w),
        &state[2] + 0.1 * &w,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::{Navigation, rosenbrock_cost};
    use labwire_core::solve::Functions;

    fn assert_close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-11 * (1.0 + b.abs()), "{a} {b}");
    }

    #[test]
    fn rosenbrock_is_the_closure() {
        let mut evaluator = rosenbrock(50).evaluator();
        evaluator.set_parameters(&[1.0, 100.0]);
        let u: Vec<f64> = (0..50).map(|i| f64::from(i % 7) * 0.3 - 0.9).collect();
        let (mut gradient, mut expected) = ([0.0; 50], [0.0; 50]);
        assert_close(
            evaluator.forward(&u, &mut []),
            rosenbrock_cost(&u, 1.0, 100.0, &mut expected),
        );
        evaluator.reverse(&[], &mut gradient);
        gradient
            .iter()
            .zip(expected)
            .for_each(|(a, b)| assert_close(*a, b));
    }

    #[test]
    fn navigation_is_the_closure() {
        let initial = [-1.0, 2.0, 0.0];
        let mut evaluator = navigation(20).evaluator();
        evaluator.set_parameters(&initial);
        let mut closure = Navigation::new(20, initial, false);
        let u: Vec<f64> = (0..40).map(|i| f64::from(i % 5) * 0.5 - 1.0).collect();
        let (mut gradient, mut expected) = ([0.0; 40], [0.0; 40]);
        assert_close(evaluator.forward(&u, &mut []), closure.forward(&u, &mut []));
        evaluator.reverse(&[], &mut gradient);
        closure.reverse(&u, &[], &mut expected);
        gradient
            .iter()
            .zip(expected)
            .for_each(|(a, b)| assert_close(*a, b));
    }
}
