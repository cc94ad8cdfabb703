//! Decision variables that are whole numbers, against all combinations.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use labwire_model::problem::{Problem, ProblemSolver, Solution, StartOptions, TextLimits};
use labwire_session::Busy;
use labwire_session::time::Instant;
use labwire_solve::Status;

fn load(file: &str) -> Problem {
    Problem::from_json(file, &TextLimits::default()).unwrap_or_else(|error| panic!("{file}\n{error}"))
}

fn solve(file: &str, parameters: &[f64]) -> Solution {
    ProblemSolver::new(load(file)).unwrap().solve(parameters).unwrap()
}

fn relay(horizon: usize) -> String {
    format!(
        r#"{{"ocp": {{"horizon": {horizon}, "states": ["T"], "inputs": ["on"], "parameters": ["T0", "out"], "initial_state": ["T0"],
            "dynamics": {{"next": ["T+0.2*(out-T)+4*on"]}}, "stage_cost": "(T-21)^2+0.01*on", "terminal_cost": "(T-21)^2",
            "input_bounds": {{"min": 0, "max": 1}}, "integers": ["on"]}}}}"#
    )
}

/// Cost of a sequence of the relay's states.
fn relay_cost(sequence: u32, horizon: usize) -> f64 {
    let (mut temperature, mut cost) = (15.0_f64, 0.0);
    for t in 0..horizon {
        let on = f64::from(sequence >> t & 1);
        cost += (temperature - 21.0).powi(2) + 0.01 * on;
        temperature += 0.2 * (5.0 - temperature) + 4.0 * on;
    }
    cost + (temperature - 21.0).powi(2)
}

#[test]
fn a_relay_has_its_best_sequence() {
    // The case g08: of all 256 sequences the best.
    let costs = (0..256).map(|sequence| relay_cost(sequence, 8));
    let best = costs.reduce(labwire_solve::math::min).unwrap();
    let solution = solve(&relay(8), &[15.0, 5.0]);
    assert_eq!(solution.status, Status::Converged);
    assert!((solution.cost - best).abs() < 1e-6, "{} {best}", solution.cost);
    assert!(
        solution.u.iter().all(|on| *on == 0.0 || *on == 1.0),
        "{:?}",
        solution.u
    );
    assert_eq!(solution.gap, Some(0.0));
    // Again, warm, by the same solver.
    let mut solver = ProblemSolver::new(load(&relay(8))).unwrap();
    for _ in 0..2 {
        let again = solver.solve(&[15.0, 5.0]).unwrap();
        assert!((again.cost - best).abs() < 1e-6, "{}", again.cost);
    }
}

#[test]
fn a_knapsack_is_packed() {
    // Values and weights of ten things, at most 20 of weight; against all combinations.
    let (values, weights) = ([7, 2, 5, 9, 4, 6, 8, 3, 5, 1], [5, 1, 4, 7, 3, 4, 6, 2, 3, 1]);
    let file = format!(
        r#"{{"variables": {{"take": 10}}, "let": {{"value": {values:?}, "weight": {weights:?}}}, "cost": "-(value @ take)",
            "constraints": {{"take": {{"box": {{"min": 0, "max": 1}}}}}}, "f1": ["weight @ take <= 20"], "integers": "take"}}"#
    );
    let packed = |sequence: u32| {
        let sum = |of: &[i32; 10]| -> i32 { (0..10).map(|i| of[i] * (sequence >> i & 1) as i32).sum() };
        if sum(&weights) <= 20 { sum(&values) } else { 0 }
    };
    let best = (0..1024).map(packed).max().unwrap();
    let solution = solve(&file, &[]);
    assert_eq!(solution.status, Status::Converged);
    assert!(
        (solution.cost + f64::from(best)).abs() < 1e-4,
        "{} {best}",
        solution.cost
    );
}

#[test]
fn whole_numbers_stand_beside_others() {
    let file = r#"{"variables": {"n": 2, "x": 1}, "cost": "(n[0] - 2.4)^2 + (n[1] + 1.3)^2 + (x + n[0] - 3.5)^2",
        "constraints": {"n": {"box": {"min": -3, "max": 3}}}, "integers": ["n"]}"#;
    let solution = solve(file, &[]);
    for (found, expected) in solution.u.iter().zip([2.0, -1.0, 1.5]) {
        assert!((found - expected).abs() < 1e-3, "{:?}", solution.u);
    }
    let none = r#"{"variables": {"n": 1}, "cost": "n^2", "constraints": {"n": {"box": {"min": 0, "max": 3}}},
        "f1": ["n == 1.5"], "integers": ["n"]}"#;
    let solution = solve(none, &[]);
    assert!(
        matches!(solution.status, Status::LocallyInfeasible { .. }),
        "{:?}",
        solution.status
    );
    assert_eq!(solution.gap, None);
}

#[test]
fn a_limit_leaves_the_best_and_says_so() {
    // The time is up after the rounded sequence is known, and before the tree is searched.
    let mut solver = ProblemSolver::new(load(&relay(24))).unwrap();
    let options = StartOptions::default();
    solver.start(Instant::ZERO, &[15.0, 5.0], &options).unwrap();
    let mut steps: u64 = 0;
    loop {
        let now = Instant::from_nanos(steps);
        if solver.step(now, 1).unwrap() == Busy::No {
            break;
        }
        steps += 1;
        if steps == 200 {
            solver.cancel();
        }
    }
    let solution = solver.finish(Instant::from_nanos(steps)).unwrap();
    assert_eq!(solution.status, Status::Cancelled);
    assert!(solution.gap.unwrap() > 0.0, "{:?}", solution.gap);
    assert!(
        solution.u.iter().all(|on| *on == 0.0 || *on == 1.0),
        "{:?}",
        solution.u
    );
}

#[test]
fn whole_numbers_need_bounds() {
    for (keys, message) in [
        (r#""integers": ["x"]"#, "a whole number needs bounds"),
        (
            r#""constraints": {"x": {"box": {"min": 0}}}, "integers": "x""#,
            "a whole number needs bounds",
        ),
        (
            r#""constraints": {"x": {"box": {"min": 0, "max": 1}}}, "integers": "2*x""#,
            "expected a decision variable",
        ),
        (
            r#""constraints": {"x": {"box": {"min": 0, "max": 1}}}, "integers": "y""#,
            "unknown name `y`",
        ),
    ] {
        let text = format!(r#"{{"variables": {{"x": 1}}, "cost": "x^2", {keys}}}"#);
        let error = Problem::from_json(&text, &TextLimits::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{keys}: {error}");
    }
}
