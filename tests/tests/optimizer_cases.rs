//! Small problems as users bring them, with the right answer: units, feasible starts, kinks, flat directions.

use labwire_core::problem::{Problem, ProblemSolver, Solution, TextLimits};

fn solve(text: &str) -> Solution {
    solve_for(text, &[])
}

#[allow(clippy::unwrap_used, reason = "test helper")]
fn solve_for(text: &str, parameters: &[f64]) -> Solution {
    let problem = Problem::from_json(text, &TextLimits::default()).unwrap();
    ProblemSolver::new(&problem).unwrap().solve(parameters).unwrap()
}

/// Asserts convergence to `expected`, within `tolerance` times the expected entry, or 1 if that is more.
#[track_caller]
fn assert_converges(text: &str, expected: &[f64], tolerance: f64) -> Solution {
    let solution = solve(text);
    assert!(solution.is_converged(), "{solution:?}");
    for (u, expected) in solution.u.iter().zip(expected) {
        let error = (u - expected).abs() / expected.abs().max(1.0);
        assert!(error <= tolerance, "{u} for {expected}: {solution:?}");
    }
    solution
}

#[test]
fn a_constraint_in_millionths() {
    let text = r#"{"variables": {"x": 1}, "cost": "x[0]",
        "f1": {"expressions": ["x[0]/1e6"], "set": {"box": {"min": 0.2}}}}"#;
    // The constraint's tolerance of 1e-5 is 10 in the units of x.
    assert_converges(text, &[2e5], 1e-4);
}

#[test]
fn a_cost_in_millions() {
    let text = r#"{"variables": {"w": 1, "h": 1}, "cost": "1e6*(w[0] + h[0])",
        "f1": {"expressions": ["w[0]*h[0]"], "set": {"box": {"min": 0.04}}},
        "constraints": {"w": {"box": {"min": 0.001, "max": 1}}, "h": {"box": {"min": 0.001, "max": 1}}},
        "initial_guess": 0.5}"#;
    assert_converges(text, &[0.2, 0.2], 1e-4);
}

#[test]
fn a_frequency_in_hertz() {
    let text = r#"{"variables": {"f": 1}, "cost": "((f[0] - 2.6e9)/1e8)^2",
        "constraints": {"f": {"box": {"min": 1e9, "max": 4e9}}}, "initial_guess": 2.5e9}"#;
    assert_converges(text, &[2.6e9], 1e-4);
}

#[test]
fn one_of_two_variables_in_millions() {
    let text = r#"{"variables": {"x": 2}, "cost": "(x[0] - 1)^2 + (x[1]/1e6 - 2)^2 + x[0]*x[1]/1e6",
        "constraints": {"x": {"box": {"min": 0, "max": [3, 3e6]}}}}"#;
    let solution = assert_converges(text, &[0.0, 2e6], 1e-4);
    assert!((solution.cost - 1.0).abs() < 1e-4, "{solution:?}");
}

#[test]
fn a_direction_without_curvature_leads_far() {
    let text = r#"{"variables": {"x": 2}, "cost": "(x[0] - 0.3)^2 - x[1]",
        "constraints": {"x": {"box": {"min": 0, "max": [1, 1e7]}}}}"#;
    let solution = assert_converges(text, &[0.3, 1e7], 1e-4);
    assert!(solution.counters.evaluations < 100, "{solution:?}");
}

#[test]
fn four_variables_that_end_at_their_bounds() {
    let text = r#"{"variables": {"a": 1, "y": 3},
        "cost": "-0.7*(y[0] + y[1] + y[2] - 175000)*(a[0]^2 + 3*a[0] + 3)",
        "constraints": {"a": {"box": {"min": 0.5, "max": 1.5}},
            "y": {"box": {"min": [45000, 10000, 5000], "max": [250000, 125000, 75000]}}}}"#;
    let solution = assert_converges(text, &[1.5, 250_000.0, 125_000.0, 75_000.0], 1e-6);
    assert!(solution.counters.evaluations < 100, "{solution:?}");
}

/// A battery that trades on a price, with powers and energies in `unit` kWh.
fn battery(unit: f64) -> String {
    format!(
        r#"{{"ocp": {{"horizon": 48, "states": ["soc", "k"], "inputs": ["c", "d"], "parameters": ["s0"],
            "initial_state": ["s0", "0"], "dynamics": {{"next": ["soc + 0.95*c - d/0.95", "k + 1"]}},
            "stage_cost": "(0.2 + 0.1*sin(k/3.8) + 0.03*sin(1.7*k))*(c - d)*{unit}", "terminal_cost": "-0.15*soc*{unit}",
            "input_bounds": {{"min": 0, "max": {max}}},
            "path_constraints": [{{"expression": "soc", "set": {{"box": {{"min": 0, "max": {full}}}}}, "from": 1}}],
            "terminal_constraints": [{{"expression": "soc", "set": {{"box": {{"min": 0, "max": {full}}}}}}}]}}}}"#,
        max = 3.0 / unit,
        full = 10.0 / unit
    )
}

#[test]
fn a_battery_in_kilowatt_hours() {
    let solution = solve_for(&battery(1.0), &[5.0]);
    assert!(solution.is_converged(), "{solution:?}");
    assert!((solution.cost + 4.32056).abs() < 1e-4, "{solution:?}");
}

/// In joules, watt-hours, and megawatt-hours.
#[test]
fn a_battery_in_other_units() {
    let work = |solution: &Solution| solution.counters.evaluations + solution.counters.hessian_evaluations;
    let own = solve_for(&battery(1.0), &[5.0]);
    for unit in [1.0 / 3.6e6, 1e-3, 1e3] {
        let solution = solve_for(&battery(unit), &[5.0 / unit]);
        assert!(solution.is_converged(), "{solution:?}");
        assert!((solution.cost + 4.32056).abs() < 1e-4, "{solution:?}");
        assert!(work(&solution) <= 2 * work(&own), "{solution:?}");
    }
}

#[test]
fn the_square_is_at_least_four() {
    let text = r#"{"variables": {"x": 1}, "cost": "x[0]", "constraints": {"x": {"box": {"min": 0, "max": 5}}},
        "f1": {"expressions": ["x[0]^2 - 4"], "set": {"box": {"min": 0}}}, "initial_guess": [3]}"#;
    assert_converges(text, &[2.0], 1e-5);
}

#[test]
fn a_start_that_is_optimal_is_kept() {
    let text = r#"{"variables": {"x": 2}, "cost": "-x[0]*x[1]", "constraints": {"x": {"box": {"min": 0, "max": 42}}},
        "f1": {"expressions": ["x[0] + x[1]"], "set": {"box": {"max": 20}}}, "initial_guess": [10, 10]}"#;
    assert_converges(text, &[10.0, 10.0], 1e-5);
}

#[test]
fn a_parcel_is_not_made_of_nothing() {
    let text = r#"{"variables": {"x": 3}, "cost": "-x[0]*x[1]*x[2]",
        "constraints": {"x": {"box": {"min": 0, "max": 42}}},
        "f1": {"expressions": ["x[0] + 2*x[1] + 2*x[2]"], "set": {"box": {"min": 0, "max": 72}}},
        "initial_guess": [10, 10, 10]}"#;
    assert_converges(text, &[24.0, 12.0, 12.0], 1e-5);
}

#[test]
fn a_cubic_that_only_a_constraint_bounds() {
    let text = r#"{"variables": {"x": 1}, "cost": "-x[0]^3",
        "f1": {"expressions": ["x[0]"], "set": {"box": {"min": -1, "max": 1}}}, "initial_guess": [0.5]}"#;
    assert_converges(text, &[1.0], 1e-5);
}

#[test]
fn a_root_of_a_square_at_zero() {
    let text = r#"{"variables": {"x": 1}, "cost": "sqrt(x[0]^2) + (x[0] - 1)^2", "initial_guess": [0]}"#;
    assert_converges(text, &[0.5], 1e-5);
}

#[test]
fn a_kink_under_a_root() {
    let text = r#"{"variables": {"x": 2}, "cost": "x[0] + x[1]", "constraints": {"x": {"box": {"min": 0}}},
        "f1": {"expressions": ["2*x[0] + 3*x[1] - 1 - sqrt(x[0]^2 + 2*x[1]^2)"], "set": {"box": {"min": 0}}},
        "initial_guess": [1, 1]}"#;
    // The gradient of the constraint there is 5/3 (1, 1).
    assert_converges(text, &[0.2, 0.4], 1e-5);
}

/// A rocket of which full thrust burns more than it has: beyond that its mass is negative, and it falls for ever. Limits hold
/// there too.
#[test]
fn a_rocket_without_fuel_ends() {
    let text = r#"{"ocp": {"states": ["h", "v", "m"], "inputs": ["thrust"], "initial_state": [0, 0, 1],
        "phases": [
            {"stages": 10, "step": 0.1, "input_bounds": {"min": 0, "max": 3.5},
             "dynamics": {"derivative": ["v", "(thrust - 0.1*v^2)/m - 1", "-thrust/2"]}},
            {"stages": 10, "step": 0.05, "input_bounds": {"min": 0, "max": 0.5}, "path_constraints": ["m >= 0.3"],
             "dynamics": {"derivative": ["v", "(thrust - 0.1*v^2)/m - 1", "-thrust/4"]}}],
        "state_bounds": {"min": [null, null, 0.2]}, "terminal_cost": "-h"}}"#;
    let solution = solve(text);
    assert!(solution.counters.outer_iterations < 1000, "{solution:?}");
}
