//! What differs from stage to stage in an optimal-control problem: index and time, data, parameters of stages, steps.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use labwire_model::problem::{Problem, ProblemSolver, TextLimits};
use labwire_solve::check_derivatives;

fn load(file: &str) -> Problem {
    Problem::from_json(file, &TextLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn error(file: &str) -> String {
    match Problem::from_json(file, &TextLimits::default()) {
        Ok(_) => panic!("accepted: {file}"),
        Err(error) => error.to_string(),
    }
}

/// Problem of one state and one input over 5 stages, `x + u` its next state, with further keys.
fn ocp(keys: &str) -> String {
    format!(
        r#"{{"ocp": {{"horizon": 5, "states": ["x"], "inputs": ["u"], "dynamics": {{"next": ["x + u"]}}, {keys}}}}}"#
    )
}

/// Cost at `u`, after a check of gradient and second derivatives against differences.
fn cost(problem: &Problem, parameters: &[f64], u: &[f64]) -> f64 {
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(parameters);
    let check = check_derivatives(&mut evaluator, u).unwrap();
    assert!(check.error < 1e-6, "{check}");
    evaluator.forward(u, &mut vec![0.0; problem.num_f1() + problem.num_f2()])
}

/// The derivatives of a solution with respect to the parameters, against solutions nearby.
fn check_sensitivities(problem: &Problem, parameters: &[f64]) {
    let solve = |parameters: &[f64]| {
        let mut settings = problem.settings().clone();
        (settings.tolerance, settings.delta_tolerance) = (1e-10, 1e-10);
        let mut solver = ProblemSolver::with_settings(problem, settings).unwrap();
        let solution = solver.solve(parameters).unwrap();
        assert!(solution.is_converged(), "{solution:?}");
        (solution.u, solver)
    };
    let (u, mut solver) = solve(parameters);
    let sensitivities = solver.sensitivities().unwrap();
    for j in 0..parameters.len() {
        let mut moved = parameters.to_vec();
        moved[j] += 1e-5;
        let (ahead, _) = solve(&moved);
        moved[j] -= 2e-5;
        let (behind, _) = solve(&moved);
        for i in 0..u.len() {
            let slope = (ahead[i] - behind[i]) / 2e-5;
            let found = sensitivities.variables[i][j];
            assert!(
                (found - slope).abs() < 1e-4 * (1.0 + slope.abs()),
                "{i} {j}: {found} {slope}"
            );
        }
    }
}

const U: [f64; 5] = [0.3, -0.2, 0.5, 0.1, -0.4];
/// States that [`U`] leads to from 1.
const X: [f64; 6] = [1.0, 1.3, 1.1, 1.6, 1.7, 1.3];

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

#[test]
fn index_and_time_are_names() {
    let problem = load(&ocp(
        r#""step": 0.5, "initial_state": [1], "stage_cost": "(k + 1)*x^2 + u*t", "terminal_cost": "k*x + t""#,
    ));
    let stages: f64 = (0..5)
        .map(|k| (k as f64 + 1.0) * X[k] * X[k] + U[k] * 0.5 * k as f64)
        .sum();
    assert_close(cost(&problem, &[], &U), stages + 5.0 * X[5] + 2.5);
    // One program for all stages.
    assert_eq!(problem.stages().unwrap().phases.len(), 1);
}

#[test]
fn names_of_the_file_shadow_index_and_time() {
    let problem = load(&ocp(
        r#""parameters": ["k"], "let": {"t": "2*k"}, "initial_state": [1], "stage_cost": "t*u + sum(k in 0..2, k*x)""#,
    ));
    let stages: f64 = (0..5).map(|i| 14.0 * U[i] + X[i]).sum();
    assert_close(cost(&problem, &[7.0], &U), stages);
}

#[test]
fn the_index_selects_elements() {
    // Case g01.
    let problem = load(&ocp(
        r#""parameters": {"x0": 1, "ref": 6}, "initial_state": ["x0[0]"], "stage_cost": "(x-ref[k])^2+0.01*u^2",
           "terminal_cost": "(x-ref[5])^2""#,
    ));
    let p = [1.0, 0.3, 0.1, -0.2, 0.4, 0.6, 0.5];
    let stages: f64 = (0..6).map(|k| (X[k] - p[k + 1]).powi(2)).sum();
    let inputs: f64 = U.iter().map(|u| 0.01 * u * u).sum();
    assert_close(cost(&problem, &p, &U), stages + inputs);
    check_sensitivities(&problem, &p);
}

#[test]
fn an_index_may_be_computed() {
    let problem = load(&ocp(
        r#""let": {"rows": "[[1, 2], [3, 4], [5, 6]]"}, "initial_state": [1],
           "stage_cost": "rows[floor(k/2)][1]*x + sum(i in 0..2, rows[min(k + i, 2)][0])*u""#,
    ));
    let expected: f64 = (0..5)
        .map(|k| {
            let first = |k: usize| [1.0, 3.0, 5.0][k.min(2)];
            [2.0, 4.0, 6.0][k / 2] * X[k] + (first(k) + first(k + 1)) * U[k]
        })
        .sum();
    assert_close(cost(&problem, &[], &U), expected);
}

#[test]
fn data_and_parameters_of_stages_have_their_values() {
    let problem = load(&ocp(
        r#""data": {"ref": [1, 2, 3, 4, 5, 6], "w": [[1, 0], [2, 1], [3, 0], [4, 1], [5, 0]]},
           "parameters": {"x0": 1, "price": {"per_stage": 1}, "goal": {"per_stage": 2, "at_end": true}, "a": 1},
           "initial_state": ["x0"], "stage_cost": "w[0]*(x - ref)^2 + price*u + a*w[1] + goal[1]*x^2 + u^2",
           "terminal_cost": "(x - ref)^2 + goal[0]*x""#,
    ));
    let parameters = problem.parameters();
    let lengths: Vec<usize> = parameters.iter().map(|named| named.len).collect();
    assert_eq!(lengths, [1, 5, 12, 1]);
    let price = [0.3, 0.4, 0.1, 0.2, 0.6];
    let mut p = vec![1.0];
    p.extend(price);
    p.extend((0..12).map(|i| 0.1 * f64::from(i)));
    p.push(0.7);
    let stages: f64 = (0..5)
        .map(|k| {
            let (n, goal) = (k as f64, 0.1 * (2 * k + 1) as f64);
            (n + 1.0) * (X[k] - n - 1.0).powi(2)
                + price[k] * U[k]
                + 0.7 * (k % 2) as f64
                + goal * X[k] * X[k]
                + U[k] * U[k]
        })
        .sum();
    assert_close(cost(&problem, &p, &U), stages + (X[5] - 6.0).powi(2) + X[5]);
    check_sensitivities(&problem, &p);
}

#[test]
fn what_each_stage_has_is_known_of_other_stages() {
    let problem = load(&ocp(
        r#""data": {"ref": [1, 4, 9, 16, 25, 36]}, "parameters": {"p": {"per_stage": 1}}, "initial_state": [1],
           "stage_cost": "x*ref[k]*p[0] + u*(ref[k + 1] - ref)""#,
    ));
    let square = |k: usize| ((k + 1) * (k + 1)) as f64;
    let stages: f64 = (0..5)
        .map(|k| X[k] * square(k) * 0.5 + U[k] * (square(k + 1) - square(k)))
        .sum();
    assert_close(cost(&problem, &[0.5, 0.0, 0.0, 0.0, 0.0], &U), stages);
}

#[test]
fn several_points_at_once_have_the_bits_of_each() {
    let problem = load(&ocp(
        r#""step": 0.5, "parameters": {"price": {"per_stage": 1}}, "initial_state": [1], "stage_cost": "price*u + t*x^2""#,
    ));
    let mut block = problem.block_evaluator::<2>();
    let p: Vec<[f64; 2]> = (0..5).map(|i| [0.1 * f64::from(i), 1.0]).collect();
    block.set_parameters_block(&p);
    let cost_of = block.forward_block(&U.map(|u| [u; 2]), &mut []);
    for (lane, expected) in cost_of.into_iter().enumerate() {
        let p: Vec<f64> = p.iter().map(|p| p[lane]).collect();
        assert_eq!(cost(&problem, &p, &U).to_bits(), expected.to_bits());
    }
}

#[test]
fn steps_may_be_unequal_or_parametric() {
    let file = |step: &str, rest: &str| {
        load(&format!(
            r#"{{"ocp": {{"horizon": 3, "step": {step}, "states": ["x"], "inputs": ["u"], "parameters": ["h"], {rest}
               "initial_state": [1], "dynamics": {{"derivative": ["u"], "integrator": "euler"}},
               "stage_cost": "x^2 + t*u", "terminal_cost": "t*x"}}}}"#
        ))
    };
    let u = [0.3, -0.2, 0.5];
    let expected = |steps: [f64; 3]| {
        let (mut x, mut t, mut sum) = (1.0, 0.0, 0.0);
        for (h, u) in steps.into_iter().zip(u) {
            sum += x * x + t * u;
            x += h * u;
            t += h;
        }
        sum + t * x
    };
    // Case g03.
    assert_close(
        cost(&file("[0.1, 0.2, 0.4]", ""), &[0.0], &u),
        expected([0.1, 0.2, 0.4]),
    );
    assert_close(
        cost(&file("\"0.1*2^k\"", ""), &[0.0], &u),
        expected([0.1, 0.2, 0.4]),
    );
    assert_close(cost(&file("\"2*h\"", ""), &[0.2], &u), expected([0.4; 3]));
}

#[test]
fn load_time_and_operations_do_not_grow_with_the_horizon() {
    let file = |horizon: usize| {
        load(&format!(
            r#"{{"ocp": {{"horizon": {horizon}, "step": 0.1, "states": ["x"], "inputs": ["u"], "initial_state": [1],
               "parameters": {{"price": {{"per_stage": 1}}}}, "dynamics": {{"derivative": ["u*sin(t)"]}},
               "stage_cost": "price*u + k*x^2"}}}}"#
        ))
    };
    let (short, long) = (file(3), file(50_000));
    let program = |problem: &Problem| problem.stages().unwrap().phases[0].program.clone();
    assert_eq!(program(&short), program(&long));
    assert_eq!(short.summary().operations, long.summary().operations);
}

#[test]
fn what_is_not_known_at_a_stage_is_refused_by_name() {
    for (keys, message) in [
        (
            r#""initial_state": [1], "data": {"ref": [1, 2, 3]}, "stage_cost": "x""#,
            "`ocp.data.ref`: expected 5 numbers, one for each stage, or 6, with one for the end, found 3",
        ),
        (
            r#""initial_state": [1], "data": {"ref": [[1, 2], [1, 2], [3], [1, 2], [1, 2]]}, "stage_cost": "x""#,
            "`ocp.data.ref[2]`: expected 2 numbers, as in the first row, found 1",
        ),
        (
            r#""initial_state": [1], "data": {"ref": [1, 2, 3, 4, 5]}, "terminal_cost": "(x - ref)^2""#,
            "`ocp.terminal_cost`: `ref` has no value at stage 5",
        ),
        (
            r#""initial_state": [1], "parameters": {"ref": {"per_stage": 1}}, "terminal_cost": "(x - ref)^2""#,
            "help: add \"at_end\": true to its \"per_stage\" for a value at the end of the horizon",
        ),
        (
            r#""initial_state": [1], "parameters": {"ref": {"at_end": true}}, "terminal_cost": "x""#,
            "`ocp.parameters.ref`: the key `per_stage` is missing",
        ),
        (
            r#""initial_state": [1], "parameters": {"ref": {"per_stage": 1, "at_end": 1}}, "terminal_cost": "x""#,
            "`ocp.parameters.ref.at_end`: expected true or false, found a number",
        ),
        (
            r#""initial_state": [1], "parameters": {"ref": 5}, "stage_cost": "(x - ref[k + 1])^2""#,
            "`ocp.stage_cost`: `ref[...]` has no value at stage 4",
        ),
        (
            r#""initial_state": [1], "parameters": {"ref": 5}, "stage_cost": "(x - ref[k + 9])^2""#,
            "index 9 of stage 0 is outside of 5 elements",
        ),
        (
            r#""initial_state": [1], "parameters": {"ref": 5}, "let": {"r": "2*ref"}, "stage_cost": "r[k]*x""#,
            "help: index the parameter itself, and compute with what that gives",
        ),
        (
            r#""initial_state": [1], "data": {"ref": [1, 2, 3, 4, 5]}, "stage_cost": "ref[k + 1]*x""#,
            "`ocp.stage_cost`: `ref[...]` has no value at stage 4",
        ),
        (
            r#""initial_state": [1], "stage_cost": "x[k]""#,
            "a number has no elements",
        ),
        (
            r#""initial_state": [1], "stage_cost": "x*t""#,
            "`t` is the time of a stage, which needs `step`",
        ),
        (
            r#""initial_state": [1], "step": [0.1, 0.2], "stage_cost": "x""#,
            "`ocp.step`: expected 5 steps, one for each stage, found 2",
        ),
        (
            r#""initial_state": [1], "step": "0.1*x", "stage_cost": "x""#,
            "`ocp.step`: the step may depend only on parameters, data, horizon variables and `k`",
        ),
        (
            r#""initial_state": [1], "parameters": ["h"], "step": "h*(k + 1)", "stage_cost": "x*t""#,
            "`t` is not known, because steps of different lengths are not numbers",
        ),
    ] {
        let error = error(&ocp(keys));
        assert!(error.contains(message), "{keys}\n{error}");
    }
}
