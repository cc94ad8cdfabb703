//! Dynamics: integrators against closed forms, stiff ones, algebraic equations.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use labwire_model::problem::{Problem, ProblemSolver, TextLimits};
use labwire_solve::{Functions, Status};

fn load(file: &str) -> Problem {
    Problem::from_json(file, &TextLimits::default()).unwrap_or_else(|error| panic!("{file}\n{error}"))
}

/// Value, gradient and product of the Hessian with `direction` of the terminal cost, as functions of the inputs.
fn end(file: &str, u: &[f64], direction: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let problem = load(file);
    let mut evaluator = problem.evaluator();
    let mut g = vec![0.0; problem.num_f1()];
    let cost = evaluator.forward(u, &mut g);
    let (mut gradient, mut product) = (vec![0.0; u.len()], vec![0.0; u.len()]);
    let zeros = vec![0.0; g.len()];
    evaluator.reverse(&zeros, &mut gradient);
    Functions::forward_tangent(&mut evaluator, direction, &mut g);
    Functions::reverse_tangent(&mut evaluator, &zeros, &mut product);
    (cost, gradient, product)
}

fn check_derivatives(file: &str, u: &[f64], direction: &[f64]) {
    let at = |factor: f64| {
        let u: Vec<f64> = u.iter().zip(direction).map(|(u, d)| u + factor * d).collect();
        end(file, &u, direction)
    };
    let ((_, gradient, product), step) = (at(0.0), 1e-5);
    let (ahead, behind) = (at(step), at(-step));
    let slope: f64 = gradient.iter().zip(direction).map(|(g, d)| g * d).sum();
    let difference = (ahead.0 - behind.0) / (2.0 * step);
    assert!(
        (slope - difference).abs() < 1e-6 * (1.0 + slope.abs()),
        "{slope} {difference}\n{file}"
    );
    for (i, product) in product.iter().enumerate() {
        let difference = (ahead.1[i] - behind.1[i]) / (2.0 * step);
        assert!(
            (product - difference).abs() < 1e-6 * (1.0 + product.abs()),
            "{product} {difference}\n{file}"
        );
    }
}

/// x' = -x^3 + u from 2 over a time of 1, in ten stages.
fn cubic(how: &str) -> String {
    format!(
        r#"{{"ocp": {{"horizon": 10, "step": 0.1, "states": ["x"], "inputs": ["u"], "initial_state": [2],
            "dynamics": {{"derivative": ["u - x^3"], {how}}}, "terminal_cost": "x"}}}}"#
    )
}

#[test]
fn integrators_have_their_order() {
    // With u = 0, x(1) = 1/sqrt(1/4 + 2).
    let exact = 1.0 / 2.25_f64.sqrt();
    for (integrator, order, accuracy) in [
        ("euler", 1, 0.1),
        ("backward_euler", 1, 0.1),
        ("rk4", 4, 1e-3),
        ("radau2", 3, 1e-3),
        ("gauss2", 4, 1e-3),
        ("gauss4", 8, 1e-7),
    ] {
        let error = |substeps: u32| {
            let file = cubic(&format!(
                r#""integrator": "{integrator}", "substeps": {substeps}"#
            ));
            (end(&file, &[0.0; 10], &[0.0; 10]).0 - exact).abs()
        };
        let (coarse, fine) = (error(1), error(2));
        assert!(coarse < accuracy, "{integrator}: {coarse}");
        let ratio = (coarse / labwire_solve::math::max(fine, 1e-14)).log2();
        assert!(
            fine < 1e-12 || ratio > f64::from(order) - 1.0,
            "{integrator}: {coarse} {fine}"
        );
        let file = cubic(&format!(r#""integrator": "{integrator}", "substeps": 2"#));
        let u: Vec<f64> = (0..10).map(|i| 0.1 * f64::from(i)).collect();
        let direction: Vec<f64> = (0..10).map(|i| 0.5 - 0.1 * f64::from(i)).collect();
        check_derivatives(&file, &u, &direction);
    }
}

/// The case g07: a heater with a rate of 200 and a step of 1.
fn heater(how: &str) -> String {
    format!(
        r#"{{"ocp": {{"horizon": 10, "step": 1, "states": ["T", "w"], "inputs": ["u"], "parameters": ["T0"],
            "initial_state": ["T0", "T0"],
            "dynamics": {{"derivative": ["-0.1*(T-20)+0.5*(w-T)", "200*(T+10*u-w)"], {how}}},
            "stage_cost": "(T-25)^2+0.1*u^2", "terminal_cost": "(T-25)^2", "input_bounds": {{"min": 0, "max": 3}}}}}}"#
    )
}

#[test]
fn stiff_dynamics_have_implicit_steps() {
    let solve = |how: &str| {
        let mut solver = ProblemSolver::new(load(&heater(how))).unwrap();
        let solution = solver.solve(&[15.0]).unwrap();
        assert_eq!(solution.status, Status::Converged, "{how}");
        solution
    };
    // A reference of 400 explicit substeps, stable at a rate of 200.
    let reference = solve(r#""integrator": "rk4", "substeps": 400"#);
    for (how, accuracy) in [
        (r#""integrator": "radau2""#, 0.1),
        (r#""integrator": "radau2", "substeps": 8"#, 0.01),
        (r#""integrator": "backward_euler", "substeps": 20"#, 0.1),
        (r#""integrator": "gauss2", "substeps": 8"#, 0.2),
    ] {
        let solution = solve(how);
        assert!(
            (solution.cost - reference.cost).abs() < accuracy * reference.cost,
            "{how}: {} {}",
            solution.cost,
            reference.cost
        );
    }
    // Linear equations take one Newton step, of constants: few operations.
    let operations = |how: &str| load(&heater(how)).summary().operations.forward;
    assert!(operations(r#""integrator": "backward_euler""#) < 60);
}

#[test]
fn algebraic_equations_are_solved_inside_of_a_stage() {
    // z + z^3 = x + u, whose solution of x + u = 2 is 1; x' = -z.
    let file = |dynamics: &str| {
        format!(
            r#"{{"ocp": {{"horizon": 2, "step": 0.1, "states": ["x"], "inputs": ["u"], "initial_state": [1.5],
            "let": {{"flow": "2*z"}}, "algebraic": {{"z": {{"equation": "z + z^3 == x + u", "guess": "(x + u)/2"}}}},
            "dynamics": {dynamics}, "stage_cost": "flow", "path_constraints": ["z <= 5"], "terminal_cost": "x^2"}}}}"#
        )
    };
    let explicit = file(r#"{"next": ["x - z"]}"#);
    let problem = load(&explicit);
    let mut evaluator = problem.evaluator();
    let mut g = [0.0; 2];
    // x = 1.5, z = 1; then x = 0.5, z = 1.
    let cost = evaluator.forward(&[0.5, 1.5], &mut g);
    assert!((cost - (2.0 + 2.0 + 0.25)).abs() < 1e-12, "{cost}");
    assert!(g.iter().all(|z| (z - 1.0).abs() < 1e-12), "{g:?}");
    check_derivatives(&explicit, &[0.5, 1.5], &[0.4, -0.9]);
    for integrator in ["rk4", "backward_euler", "gauss2"] {
        let implicit = file(&format!(
            r#"{{"derivative": ["-z"], "integrator": "{integrator}"}}"#
        ));
        check_derivatives(&implicit, &[0.5, 1.5], &[0.4, -0.9]);
    }
}

#[test]
fn operations_do_not_grow_with_the_horizon() {
    let operations = |horizon: usize| {
        let file = heater(r#""integrator": "gauss2", "substeps": 2"#)
            .replace("\"horizon\": 10", &format!("\"horizon\": {horizon}"));
        load(&file).summary().operations
    };
    assert_eq!(operations(10), operations(1000));
}

#[test]
fn dynamics_that_cannot_be_are_refused_in_words() {
    let file = |keys: &str| {
        format!(
            r#"{{"ocp": {{"horizon": 2, "step": 1, "states": ["x", "y"], "inputs": ["u"], "initial_state": [0, 1], "stage_cost": "x^2", {keys}}}}}"#
        )
    };
    for (keys, message) in [
        (
            r#""dynamics": {"derivative": ["y", "u"], "integrator": "gauss3"}"#,
            "expected \"euler\" or \"rk4\" or \"backward_euler\"",
        ),
        (
            r#""dynamics": {"derivative": ["y", "u"], "substeps": 0}"#,
            "expected a whole number from 1 to 1000, found 0",
        ),
        (
            r#""dynamics": {"next": ["y", "u"], "substeps": 2}"#,
            "`next` takes no integrator and no substeps",
        ),
        (
            r#""dynamics": {"next": ["y", "z"]}, "algebraic": {"z": "x + y"}"#,
            "the equations do not determine all of their unknowns",
        ),
        (
            r#""dynamics": {"next": ["y", "z"]}, "algebraic": {"z": "z <= 1"}"#,
            "expected one equation, \"a == b\"",
        ),
        (
            r#""dynamics": {"next": ["y", "z"]}, "algebraic": {"z": {"guess": 1}}"#,
            "the key `equation` is missing",
        ),
        (
            r#""dynamics": {"next": ["y", "z"]}, "algebraic": {"z": {"equation": "z - x", "guess": "z"}}"#,
            "a guess is a number that depends on no unknown",
        ),
        (
            r#""dynamics": {"next": ["y", "z"]}, "algebraic": {"x": "x - 1"}"#,
            "`x` is already defined",
        ),
        (
            r#""dynamics": {"next": ["y", "u"]}, "algebraic": {"z": "z - u"}, "terminal_cost": "z""#,
            "depends on the input `u`, which does not exist there",
        ),
    ] {
        let error = Problem::from_json(&file(keys), &TextLimits::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{keys}: {error}");
    }
    let states: Vec<String> = (0..60).map(|i| format!("\"x{i}\"")).collect();
    let rates: Vec<String> = (0..60)
        .map(|i| format!("\"-x{i}*x{}^2\"", (i + 1) % 60))
        .collect();
    let large = format!(
        r#"{{"ocp": {{"horizon": 2, "step": 1, "states": [{}], "inputs": ["u"], "initial_state": [{}], "stage_cost": "u^2",
            "dynamics": {{"derivative": [{}], "integrator": "gauss4"}}}}}}"#,
        states.join(","),
        vec!["1"; 60].join(","),
        rates.join(",")
    );
    let error = Problem::from_json(&large, &TextLimits::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("limit `graph-nodes`"), "{error}");
}
