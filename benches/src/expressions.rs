//! The benchmark problems written as expressions, for the interpreter and the other back ends.

use labwire_core::problem::{Expression, Problem, ProblemBuilder, ProblemLimits};
use labwire_core::sets::Set;

/// The Rosenbrock function of `n` variables as a problem file, with parameters (a, b).
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
    Problem::from_json(&file, &ProblemLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The trailer of [`Navigation`](crate::problems::Navigation) rolled out over `horizon` steps, with the initial state
/// as parameters.
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

/// The trailer of [`Navigation`](crate::problems::Navigation) as stages, with or without its obstacle: the example file
/// `trailer.json` of the core with another horizon.
pub fn trailer(horizon: usize, has_obstacle: bool) -> Problem {
    const FILE: &str = include_str!("../../core/problems/trailer.json");
    let mut file = FILE.replace("\"horizon\": 20", &format!("\"horizon\": {horizon}"));
    if !has_obstacle {
        for constraints in [
            r#"[{"expression": "obstacle", "set": {"box": {"max": 0}}, "from": 1}]"#,
            r#"[{"expression": "obstacle", "set": {"box": {"max": 0}}}]"#,
        ] {
            file = file.replace(constraints, "[]");
        }
    }
    Problem::from_json(&file, &ProblemLimits::default()).unwrap_or_else(|error| panic!("{error}"))
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
