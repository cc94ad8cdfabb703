//! Stationary points of optimal-control problems that are no minima: they are left, or called what they are.

use labwire_core::problem::{Problem, ProblemSolver, Solution, TextLimits};
use labwire_core::solve::Status;

#[allow(clippy::unwrap_used, reason = "test helper")]
fn solve(text: &str) -> Solution {
    let problem = Problem::from_json(text, &TextLimits::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
    ProblemSolver::new(problem).unwrap().solve(&[]).unwrap()
}

/// A pendulum whose cost has no slope at rest, with more keys of `ocp`.
fn pendulum(shooting: &str, angle: &str, cost: &str, more: &str) -> String {
    format!(
        r#"{{"ocp": {{"horizon": 20, "step": 0.1, "shooting": "{shooting}", "states": ["angle", "speed"], "inputs": ["torque"],
            "initial_state": ["{angle}", 0], "dynamics": {{"derivative": ["speed", "torque - sin(angle)"], "integrator": "rk4"}},
            "stage_cost": "{cost} + 0.01*torque^2"{more}}}}}"#
    )
}

/// The costs are those that are found from a start beside the maximum.
#[test]
fn a_pendulum_leaves_the_maximum() {
    for (more, cost) in [
        ("", 18.107637),
        (r#", "input_bounds": {"min": -0.5, "max": 0.5}"#, 37.516035),
        (
            r#", "terminal_constraints": [{"expression": "speed", "set": {"box": {"max": 9}}}]"#,
            18.107637,
        ),
        (
            r#", "terminal_constraints": [{"expression": "speed", "set": "zero"}]"#,
            18.127453,
        ),
    ] {
        for shooting in ["auto", "single", "multiple"] {
            let solution = solve(&pendulum(shooting, "pi", "1 - cos(angle)", more));
            assert_eq!(solution.status, Status::Converged, "{more}: {solution:?}");
            assert!(
                solution.cost < cost + 1e-5,
                "{shooting}, {more}: {}",
                solution.cost
            );
        }
    }
}

/// With states as decision variables the start is the maximum, too, where all of them are 0.
#[test]
fn a_pendulum_that_hangs_swings_up() {
    for shooting in ["auto", "single", "multiple"] {
        let solution = solve(&pendulum(shooting, "0", "1 + cos(angle)", ""));
        assert_eq!(solution.status, Status::Converged, "{shooting}: {solution:?}");
        assert!(
            solution.cost < 17.884589 && solution.counters.evaluations < 50,
            "{shooting}: {} {:?}",
            solution.cost,
            solution.counters
        );
    }
}

#[test]
fn a_pendulum_stays_at_the_minimum() {
    for shooting in ["auto", "single"] {
        let solution = solve(&pendulum(shooting, "0", "1 - cos(angle)", ""));
        assert_eq!(solution.status, Status::Converged);
        assert_eq!((solution.cost, solution.counters.inner_iterations), (0.0, 0));
        assert_eq!(solution.counters.hessian_evaluations, 1);
    }
}

/// The constraint is curved, and the way around it is free on either side.
#[test]
fn a_vehicle_goes_around_an_obstacle_on_its_way() {
    let solution = solve(
        r#"{"ocp": {"horizon": 20, "step": 0.2, "states": ["x", "y"], "inputs": ["vx", "vy"],
            "initial_state": [-2, 0], "dynamics": {"derivative": ["vx", "vy"]},
            "stage_cost": "0.01*(vx^2 + vy^2)", "terminal_cost": "(x - 2)^2 + y^2",
            "path_constraints": [{"expression": "x^2 + y^2", "set": {"box": {"min": 1}}, "from": 1}]}}"#,
    );
    assert_eq!(solution.status, Status::Converged, "{solution:?}");
    // Straight through, from 1 to 1 in one stage, it is 1.8.
    assert!(solution.cost < 0.252, "{}", solution.cost);
    let nearest_to_axis = solution.variables["y"][8..13].iter().map(|y| y.abs());
    assert!(
        nearest_to_axis.fold(f64::INFINITY, f64::min) > 0.8,
        "{:?}",
        solution.variables
    );
}

/// A bound without a slope does not hold an input.
#[test]
fn inputs_leave_a_bound_where_the_cost_is_highest() {
    for shooting in ["auto", "single"] {
        let solution = solve(&format!(
            r#"{{"ocp": {{"horizon": 5, "shooting": "{shooting}", "states": ["x"], "inputs": ["u"], "initial_state": [0],
                "dynamics": {{"next": "x/2 + u"}}, "stage_cost": "-x^2 - u^2", "input_bounds": {{"min": 0, "max": 1}}}}}}"#
        ));
        assert_eq!(solution.status, Status::Converged);
        assert_eq!(solution.u, [1.0; 5]);
    }
}

/// The cost falls only within 1e-7 of the start.
#[test]
fn what_has_no_lower_point_nearby_is_called_stationary() {
    for shooting in ["auto", "single"] {
        let solution = solve(&format!(
            r#"{{"ocp": {{"horizon": 5, "shooting": "{shooting}", "states": ["x"], "inputs": ["u"], "initial_state": [0],
                "dynamics": {{"next": "x/2 + u"}}, "stage_cost": "1e14*u^4 - u^2"}}}}"#
        ));
        assert_eq!(solution.status, Status::Stationary, "{solution:?}");
        assert_eq!(solution.cost, 0.0);
    }
}

#[test]
fn saddle_points_of_stages_are_no_solutions() {
    for (cost, dynamics) in [
        ("-u^2", "x/2 + u"),
        ("x*u", "x/2 + u"),
        ("x^2 - u^2", "u/4"),
        ("-x^2", "u"),
    ] {
        for shooting in ["auto", "single"] {
            let solution = solve(&format!(
                r#"{{"ocp": {{"horizon": 5, "shooting": "{shooting}", "states": ["x"], "inputs": ["u"], "initial_state": [0],
                    "dynamics": {{"next": "{dynamics}"}}, "stage_cost": "{cost}"}}}}"#
            ));
            assert_eq!(solution.status, Status::Unbounded, "{cost}: {solution:?}");
        }
    }
}

/// Straight ahead, nothing says on which side to pass. The cost is the one from a start beside the line.
#[test]
fn an_obstacle_exactly_ahead_is_passed() {
    for (shooting, most) in [("single", 1_000), ("auto", 4_000)] {
        let solution = solve(&format!(
            r#"{{"ocp": {{"horizon": 30, "step": 0.1, "shooting": "{shooting}", "states": ["x", "y", "vx", "vy"],
                "inputs": ["ax", "ay"], "initial_state": [0, 0, 0, 0], "input_bounds": {{"min": -5, "max": 5}},
                "dynamics": {{"derivative": ["vx", "vy", "ax", "ay"], "integrator": "rk4"}},
                "stage_cost": "0.1*(ax^2 + ay^2) + (x - 4)^2 + y^2", "terminal_cost": "10*((x - 4)^2 + y^2 + vx^2 + vy^2)",
                "path_constraints": [{{"expression": "1 - (x - 2)^2 - y^2", "set": {{"box": {{"max": 0}}}}, "from": 1}}]}}}}"#
        ));
        assert_eq!(solution.status, Status::Converged, "{solution:?}");
        assert!((solution.cost - 169.049).abs() < 1e-2, "{}", solution.cost);
        assert!(solution.counters.evaluations < most, "{:?}", solution.counters);
    }
}
