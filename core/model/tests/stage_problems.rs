//! What an optimal-control problem can say beyond states, inputs and bounds that are numbers: bounds that parameters and
//! stages decide, where constraints hold, free initial states and horizon variables, last inputs, blocks, phases.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use labwire_model::problem::{Problem, ProblemSolver, Solution, TextLimits};
use labwire_solve::{ParametricProblem, Start, check_derivatives};

const LEAST_TIME: &str = include_str!("../problems/least-time.json");
const ESTIMATION: &str = include_str!("../problems/estimation.json");

fn load(file: &str) -> Problem {
    Problem::from_json(file, &TextLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn error(file: &str) -> String {
    match Problem::from_json(file, &TextLimits::default()) {
        Ok(_) => panic!("accepted: {file}"),
        Err(error) => error.to_string(),
    }
}

/// Problem of one state and one input over 4 stages, `x + u` its next state, with further keys.
fn ocp(keys: &str) -> String {
    format!(
        r#"{{"ocp": {{"horizon": 4, "states": ["x"], "inputs": ["u"], "dynamics": {{"next": ["x + u"]}}, {keys}}}}}"#
    )
}

/// Cost and constraints at `u`, after a check of all derivatives against differences.
fn evaluate(problem: &Problem, parameters: &[f64], u: &[f64]) -> (f64, Vec<f64>) {
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(parameters);
    let check = check_derivatives(&mut evaluator, u).unwrap();
    assert!(check.error < 1e-5, "{check}");
    let mut g = vec![0.0; problem.num_f1() + problem.num_f2()];
    (evaluator.forward(u, &mut g), g)
}

fn solve(problem: &Problem, parameters: &[f64]) -> Solution {
    let solution = ProblemSolver::new(problem).unwrap().solve(parameters).unwrap();
    assert!(solution.is_converged(), "{solution:?}");
    solution
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} {expected}");
    }
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

#[test]
fn bounds_of_inputs_may_depend_on_stages_and_parameters() {
    let problem = load(&ocp(
        r#""parameters": {"x0": 1, "most": 1, "least": {"per_stage": 1}}, "data": {"cap": [1, 0.5, 2, 1]},
           "initial_state": ["x0"], "stage_cost": "(x - 5)^2 + 0.1*u^2", "input_bounds": {"min": "least", "max": "cap"}"#,
    ));
    let p = [0.0, 9.0, -0.1, -0.2, 0.3, -0.4];
    // Numbers of each stage are projections; what parameters decide is a constraint.
    assert_eq!(problem.num_f1(), 4);
    let bounds = problem.set().bounds(4).unwrap();
    assert_eq!(bounds.1, [1.0, 0.5, 2.0, 1.0]);
    let (_, g) = evaluate(&problem, &p, &[0.1, 0.2, 0.3, 0.4]);
    assert_close(&g, &[0.2, 0.4, 0.0, 0.8], 1e-12);
    assert!(problem.constraint_name(2).contains("`u >= least` at stage 2"));
    assert_close(&solve(&problem, &p).u[..2], &[1.0, 0.5], 1e-6);
}

#[test]
fn bounds_that_a_parameter_decides_hold_and_have_sensitivities() {
    // Case g04, and the same with stages.
    let plain = load(
        r#"{"variables": {"u": 2}, "parameters": {"umax": 1}, "cost": "(u[0]-5)^2 + u[1]^2",
            "f1": {"expressions": ["u[0] + u[1]"], "set": {"box": {"max": 100}}},
            "constraints": {"u": {"box": {"min": [0, "umax"], "max": "umax[0]"}}}}"#,
    );
    assert_eq!(plain.num_f1(), 4);
    assert_eq!(plain.set().bounds(2).unwrap().0, [0.0, f64::NEG_INFINITY]);
    assert_close(&solve(&plain, &[3.0]).u, &[3.0, 3.0], 1e-4);
    let case = load(
        r#"{"variables": {"u": 2}, "parameters": {"umax": 1}, "cost": "(u[0]-5)^2",
            "constraints": {"u": {"box": {"min": 0, "max": "umax[0]"}}}}"#,
    );
    assert_close(&solve(&case, &[3.0]).u[..1], &[3.0], 1e-4);
    let stages = load(&ocp(
        r#""parameters": ["x0", "most"], "initial_state": ["x0"], "stage_cost": "(x - 5)^2 + u^2",
           "input_bounds": {"max": "most"}"#,
    ));
    check_sensitivities(&stages, &[0.0, 0.7]);
}

#[test]
fn constraints_say_where_they_hold() {
    let stages_of = |at: &str| {
        let problem = load(&ocp(&format!(
            r#""initial_state": [0], "stage_cost": "u^2",
               "path_constraints": [{{"expression": "x", "set": {{"box": {{"max": 2}}}} {at}}}]"#
        )));
        let (_, g) = evaluate(&problem, &[], &[1.0; 4]);
        // The state is the number of its stage.
        (g, problem.stages().unwrap().notes.clone())
    };
    for (at, expected, num_notes) in [
        ("", vec![0.0, 1.0, 2.0, 3.0], 2),
        (r#", "from": 1"#, vec![1.0, 2.0, 3.0], 1),
        (r#", "from": 4"#, vec![], 0),
        (r#", "at": "stages""#, vec![0.0, 1.0, 2.0, 3.0], 1),
        (r#", "at": "all""#, vec![0.0, 1.0, 2.0, 3.0, 4.0], 1),
        (r#", "at": "after_first""#, vec![1.0, 2.0, 3.0, 4.0], 0),
        (r#", "at": 3"#, vec![3.0], 0),
        (r#", "at": "2..5""#, vec![2.0, 3.0, 4.0], 0),
    ] {
        let (g, notes) = stages_of(at);
        assert_eq!(g, expected, "{at}");
        assert_eq!(notes.len(), num_notes, "{at}: {notes:?}");
    }
    let (_, notes) = stages_of("");
    assert!(
        notes[0].contains("path constraint 0 `x` holds at stage 0 too"),
        "{notes:?}"
    );
    assert!(
        notes[1].contains("does not hold at the last state, of stage 4"),
        "{notes:?}"
    );
}

#[test]
fn bounds_of_states_hold_at_all_that_a_solve_decides() {
    // Case t01.
    let problem = load(&ocp(
        r#""parameters": ["x0", "most"], "initial_state": ["x0"], "terminal_cost": "-x", "stage_cost": "0.1*u^2",
           "input_bounds": {"min": -1, "max": 1}, "state_bounds": {"min": "-most", "max": 2}"#,
    ));
    assert_eq!(problem.num_f1(), 8);
    assert!(problem.stages().unwrap().notes.is_empty());
    for x0 in [0.0, 2.5] {
        let solution = solve(&problem, &[x0, 5.0]);
        assert_close(&solution.variables["x"][4..], &[2.0], 1e-4);
    }
    assert_eq!(
        problem.constraint_name(7),
        "F1[7] (path constraint 1 `x >= -most` at stage 4)"
    );
}

#[test]
fn warm_starts_shift_constraints_from_stage_to_stage() {
    let problem = load(&ocp(
        r#""initial_state": [0], "stage_cost": "u^2", "warm_start": "shift", "path_constraints": [
            {"expression": "x", "set": {"box": {"max": 2}}, "at": "after_first"},
            {"expression": "u", "set": {"box": {"max": 2}}}]"#,
    ));
    // Stage 0 has `u`; 1 to 3 have `x`, `u`; the end has `x`.
    let mut start = Start::cold(vec![1.0, 2.0, 3.0, 4.0]);
    start.multipliers = Some(vec![0.1, 1.0, 1.1, 2.0, 2.1, 3.0, 3.1, 4.0]);
    problem.advance(&mut start);
    assert_eq!(start.u, [2.0, 3.0, 4.0, 4.0]);
    assert_eq!(
        start.multipliers.unwrap(),
        [1.1, 2.0, 2.1, 3.0, 3.1, 4.0, 3.1, 4.0]
    );
}

/// From rest, bang-bang with the switch halfway, which the grid has: `T = 2 sqrt(x)`. With speed the switch lies between
/// stages; then `T = v + 2 sqrt(x + v^2/2)` is a lower bound.
#[test]
fn the_double_integrator_takes_the_least_time() {
    let problem = load(LEAST_TIME);
    for x in [1.0_f64, 0.3, 4.0] {
        let solution = solve(&problem, &[x, 0.0]);
        assert_close(&solution.variables["duration"], &[2.0 * x.sqrt()], 1e-6);
        assert_close(&[solution.cost], &[2.0 * x.sqrt()], 1e-6);
        let force = &solution.variables["force"];
        assert_close(force, &[[-1.0; 10], [1.0; 10]].concat(), 1e-5);
    }
    for (x, v) in [(1.0_f64, 0.5_f64), (2.0, -0.7)] {
        let least = v + 2.0 * (x + v * v / 2.0).sqrt();
        let duration = solve(&problem, &[x, v]).variables["duration"][0];
        assert!(
            duration > least - 1e-6 && duration < 1.005 * least,
            "{duration} {least}"
        );
    }
    check_sensitivities(&problem, &[2.0, -0.7]);
    evaluate(&problem, &[1.0, 0.5], &[&[2.5][..], &[0.3; 20]].concat());
}

/// Trailer with known inputs: measured positions at 21 times, and its states.
fn drive(noise: f64) -> (Vec<f64>, Vec<[f64; 3]>) {
    let (mut parameters, mut positions) = (Vec::new(), Vec::new());
    let inputs: Vec<[f64; 2]> = (0..20)
        .map(|k| [1.0 + (0.3 * f64::from(k)).sin(), (0.2 * f64::from(k)).cos()])
        .collect();
    let mut state = [0.4_f64, -0.2, 0.7];
    let mut states = vec![state];
    for [ux, uy] in &inputs {
        let [x, y, theta] = state;
        let w = (uy * theta.cos() - ux * theta.sin()) / 0.5;
        state = [
            x + 0.1 * (ux + 0.5 * theta.sin() * w),
            y + 0.1 * (uy - 0.5 * theta.cos() * w),
            theta + 0.1 * w,
        ];
        states.push(state);
    }
    for (i, state) in states.iter().enumerate() {
        for (j, x) in state[..2].iter().enumerate() {
            positions.push(x + noise * (7.3 * (2 * i + j) as f64 + 0.5).sin());
        }
    }
    parameters.extend(inputs.iter().map(|input| input[0]));
    parameters.extend(inputs.iter().map(|input| input[1]));
    parameters.extend(&positions);
    (parameters, states)
}

#[test]
fn moving_horizon_estimation_finds_the_states_of_the_trailer() {
    let problem = load(ESTIMATION);
    let (mut parameters, states) = drive(0.0);
    parameters.extend(states[0]);
    let names = ["x", "y", "theta"];
    // Exact measurements: the states themselves.
    let solution = solve(&problem, &parameters);
    for (j, name) in names.iter().enumerate() {
        let expected: Vec<f64> = states.iter().map(|state| state[j]).collect();
        assert_close(&solution.variables[*name], &expected, 1e-5);
    }
    // With errors of 0.01 and a prior that knows little, states are closer than measurements, in either way of shooting.
    let (mut parameters, states) = drive(0.014);
    parameters.extend([0.5, 0.0, 0.0]);
    let solution = solve(&problem, &parameters);
    let multiple = solve(
        &load(&ESTIMATION.replace("\"horizon\"", "\"shooting\": \"multiple\", \"horizon\"")),
        &parameters,
    );
    for (j, name) in names.iter().enumerate() {
        let found = &solution.variables[*name];
        assert_close(found, &multiple.variables[*name], 1e-4);
        let squares = found.iter().zip(&states).map(|(x, state)| (x - state[j]).powi(2));
        let error = (squares.sum::<f64>() / 21.0).sqrt();
        assert!(error < if j < 2 { 0.006 } else { 0.03 }, "{name}: {error}");
    }
}

#[test]
fn free_values_come_before_the_inputs() {
    // Two free values and a horizon variable with one input: three stages before the first.
    let problem = load(
        r#"{"ocp": {"horizon": 3, "states": ["x", "y"], "inputs": ["u"], "parameters": ["p"],
            "horizon_variables": {"a": {"min": -1, "max": 2, "guess": 0.5}},
            "initial_state": [{"min": 0, "max": 3}, "p*a"], "initial_cost": "(x - p)^2 + y",
            "dynamics": {"next": ["x + a*u", "y + x"]}, "stage_cost": "x*y + u^2", "terminal_cost": "a^2*x"}}"#,
    );
    let lengths: Vec<usize> = problem.variables().iter().map(|named| named.len).collect();
    assert_eq!(lengths, [2, 3]);
    assert_eq!(problem.initial_guess().unwrap(), [0.5, 0.0, 0.0, 0.0, 0.0]);
    let bounds = problem.set().bounds(5).unwrap();
    assert_eq!(
        (bounds.0[0], bounds.1[0], bounds.0[1], bounds.1[1]),
        (-1.0, 2.0, 0.0, 3.0)
    );
    assert_eq!(problem.variable_name(0), "a");
    assert_eq!(problem.variable_name(1), "initial x");
    assert_eq!(problem.variable_name(2), "u at stage 0");
    let (a, first, p) = (0.7, 1.2, 1.5);
    let u = [0.3, -0.4, 0.2];
    let (mut x, mut y) = (first, p * a);
    let mut expected = (x - p) * (x - p) + y;
    for u in u {
        expected += x * y + u * u;
        (x, y) = (x + a * u, y + x);
    }
    let (cost, _) = evaluate(&problem, &[p], &[a, first, u[0], u[1], u[2]]);
    assert_close(&[cost], &[expected + a * a * x], 1e-12);
    let named = problem.named_values(&[p], &[a, first, u[0], u[1], u[2]], None);
    assert_eq!(named["a"], [a]);
    assert_eq!((named["x"].len(), named["u"].as_slice()), (4, &u[..]));
    assert_close(&named["y"][..1], &[p * a], 1e-12);
}

#[test]
fn parameters_are_estimated_as_horizon_variables() {
    // A decay with an unknown rate and an unknown beginning, measured exactly.
    let problem = load(
        r#"{"ocp": {"horizon": 10, "step": 0.2, "states": ["x"], "inputs": ["w"], "parameters": {"y": {"per_stage": 1, "at_end": true}},
            "horizon_variables": {"rate": {"min": 0, "max": 10, "guess": 1}}, "initial_state": "free",
            "dynamics": {"derivative": ["w - rate*x"]}, "stage_cost": "(x - y)^2 + 100*w^2", "terminal_cost": "(x - y)^2"},
            "solver": {"tolerance": 1e-10}}"#,
    );
    let y: Vec<f64> = (0..=10)
        .map(|k| 3.0 * (-0.7 * 0.2 * f64::from(k)).exp())
        .collect();
    let solution = solve(&problem, &y);
    // To the error of the integration.
    assert_close(&solution.variables["rate"], &[0.7], 1e-4);
    assert_close(&solution.variables["x"][..1], &[3.0], 1e-4);
}

#[test]
fn last_inputs_have_a_name_and_a_first_value() {
    let problem = load(&ocp(
        r#""parameters": ["x0"], "previous": "u", "initial_state": ["x0"], "stage_cost": "(x - 1)^2 + 3*(u - u_previous)^2",
           "path_constraints": [{"expression": "u - u_previous", "set": {"box": {"min": -0.2, "max": 0.2}}}]"#,
    ));
    let names: Vec<&str> = problem
        .parameters()
        .iter()
        .map(|named| named.name.as_str())
        .collect();
    assert_eq!(names, ["x0", "u_previous"]);
    let u = [0.3, -0.2, 0.5, 0.1];
    let (cost, g) = evaluate(&problem, &[0.5, 0.4], &u);
    assert_close(&g, &[-0.1, -0.5, 0.7, -0.4], 1e-12);
    let (mut x, mut expected) = (0.5, 0.0);
    for (u, change) in u.iter().zip(&g) {
        expected += (x - 1.0) * (x - 1.0) + 3.0 * change * change;
        x += u;
    }
    assert_close(&[cost], &[expected], 1e-12);
    let solution = solve(&problem, &[0.0, 0.9]);
    assert_close(&solution.u[..1], &[0.7], 1e-5);
    assert!(!solution.variables.contains_key("u_previous"));
    check_sensitivities(&problem, &[0.0, 0.9]);
}

#[test]
fn blocks_hold_inputs() {
    let problem = load(&ocp(
        r#""parameters": ["x0"], "initial_state": ["x0"], "stage_cost": "(x - 1)^2 + u^2", "warm_start": "shift",
           "blocks": [1, 2, 1], "input_bounds": {"max": 0.3}"#,
    ));
    let bounds = problem.set().bounds(4).unwrap();
    assert_eq!((bounds.0[2], bounds.1), (0.0, vec![0.3, 0.3, 0.0, 0.3]));
    // The third stage has the input of the second.
    let (cost, _) = evaluate(&problem, &[0.5], &[0.2, 0.1, 0.0, -0.1]);
    let states = [0.5, 0.7, 0.8, 0.9];
    let inputs = [0.2, 0.1, 0.1, -0.1];
    let expected: f64 = (0..4)
        .map(|k| f64::powi(states[k] - 1.0, 2) + inputs[k] * inputs[k])
        .sum();
    assert_close(&[cost], &[expected], 1e-12);
    let solution = solve(&problem, &[0.0]);
    let u = &solution.variables["u"];
    assert_eq!(u[1], u[2]);
    // The best of all such inputs.
    let cost_of = |u: &[f64]| evaluate(&problem, &[0.0], u).0;
    let best = cost_of(&solution.u);
    for i in [0, 1, 3] {
        for change in [-1e-3, 1e-3] {
            let mut u = solution.u.clone();
            u[i] = labwire_solve::math::min(u[i] + change, 0.3);
            assert!(cost_of(&u) >= best - 1e-9);
        }
    }
    let mut start = Start::cold(vec![1.0, 2.0, 0.0, 4.0]);
    problem.advance(&mut start);
    assert_eq!(start.u, [2.0, 2.0, 0.0, 4.0]);
}

#[test]
fn phases_have_their_own_functions() {
    let problem = load(
        r#"{"ocp": {"states": ["x"], "inputs": ["u"], "parameters": ["x0"], "initial_state": ["x0"],
            "stage_cost": "u^2 + t", "terminal_cost": "x", "phases": [
                {"stages": 2, "step": 0.1, "dynamics": {"derivative": ["u"], "integrator": "euler"},
                 "input_bounds": {"max": 1}},
                {"stages": 1, "dynamics": {"next": ["2*x"]}, "stage_cost": "0", "step": 1, "input_bounds": "zero"},
                {"stages": 2, "step": [0.2, 0.4], "dynamics": {"derivative": ["-u"], "integrator": "euler"},
                 "path_constraints": [{"expression": "x + k", "set": {"box": {"max": 9}}}]}
            ]}}"#,
    );
    let u = [0.3, -0.2, 0.5, 0.1, -0.4];
    let (cost, g) = evaluate(&problem, &[1.0], &u);
    let x = [1.0, 1.03, 1.01, 2.02, 2.0, 2.16];
    assert_close(&g, &[x[3] + 3.0, x[4] + 4.0], 1e-12);
    let times = [0.0, 0.1, 0.2, 1.2, 1.4];
    let stages: f64 = [0, 1, 3, 4].iter().map(|k| u[*k] * u[*k] + times[*k]).sum();
    assert_close(&[cost], &[stages + x[5]], 1e-12);
    assert_eq!(problem.set().bounds(5).unwrap().1[..3], [1.0, 1.0, 0.0]);
    assert_eq!(
        problem.constraint_name(1),
        "F1[1] (path constraint 0 `x + k` at stage 4)"
    );
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let states = r#""parameters": ["p"], "initial_state": ["p"], "stage_cost": "x + u""#;
    for (keys, message) in [
        (
            r#""input_bounds": {"max": [1, 2]}"#,
            "`ocp.input_bounds.max`: expected 1 numbers, found 2",
        ),
        (
            r#""input_bounds": {"max": ["p", 2]}"#,
            "`ocp.input_bounds.max`: expected 1 bounds, found 2",
        ),
        (
            r#""input_bounds": {"min": 1, "max": "2 - k"}"#,
            "`ocp.input_bounds`: stage 2: the bounds of component 0 exclude each other: min 1, max 0",
        ),
        (
            r#""input_bounds": {"max": "q"}"#,
            "`ocp.input_bounds.max`: unknown name `q`",
        ),
        (
            r#""path_constraints": [{"expression": "x", "set": "zero", "at": "everywhere"}]"#,
            "`ocp.path_constraints[0].at`: expected \"all\", \"stages\", \"after_first\", a stage such as 5, or a range such \
             as \"2..5\", found \"everywhere\"",
        ),
        (
            r#""path_constraints": [{"expression": "x", "set": "zero", "at": "3..9"}]"#,
            "`ocp.path_constraints[0].at`: expected a range that is not empty, to 5 at most, found \"3..9\"",
        ),
        (
            r#""path_constraints": [{"expression": "x", "set": "zero", "at": 5}]"#,
            "`ocp.path_constraints[0].at`: expected a whole number from 0 to 4, found 5",
        ),
        (
            r#""path_constraints": [{"expression": "u", "set": "zero", "at": "all"}]"#,
            "`ocp.path_constraints[0].at`: depends on the input `u`",
        ),
        (
            r#""path_constraints": [{"expression": "x", "set": "zero", "at": "all", "from": 1}]"#,
            "`ocp.path_constraints[0].at`: give either `from` or `at`",
        ),
        (
            r#""state_bounds": {"max": "u"}"#,
            "`ocp.state_bounds`: depends on the input `u`",
        ),
        (
            r#""horizon_variables": {"T": {"min": 2, "max": 1}}"#,
            "`ocp.horizon_variables.T`: the bounds exclude each other: min 2, max 1",
        ),
        (
            r#""horizon_variables": {"T": 1}"#,
            "`ocp.horizon_variables.T`: expected an object with \"min\", \"max\" and \"guess\"",
        ),
        (r#""horizon_variables": ["x"]"#, "`x` is already defined"),
        (
            r#""initial_cost": "x^2""#,
            "`ocp.initial_cost`: needs something to decide before the first stage",
        ),
        (
            r#""previous": "v""#,
            "`ocp.previous`: `v` is not an input; the inputs are u",
        ),
        (
            r#""blocks": [1, 2]"#,
            "`ocp.blocks`: the blocks have 3 stages, the horizon 4",
        ),
        (
            r#""blocks": [4, 0]"#,
            "`ocp.blocks[1]`: expected a whole number from 1 to",
        ),
        (
            r#""phases": [{"stages": 2}, {"stages": 3}]"#,
            "`ocp.horizon`: the phases have 5 stages together; leave `horizon` out",
        ),
        (
            r#""phases": [{"step": 1}]"#,
            "`ocp.phases[0]`: the key `stages` is missing",
        ),
        (
            r#""phases": []"#,
            "`ocp.phases`: expected 1 to 32 phases, found 0",
        ),
        (
            r#""terminal_set": {"ball": {"radius": 1}}"#,
            "`ocp.terminal_set`: unknown set `ball`",
        ),
    ] {
        let error = error(&ocp(&format!("{states}, {keys}")));
        assert!(error.contains(message), "{keys}\n{error}");
    }
    let decided = error(&ocp(r#""initial_state": ["u"], "stage_cost": "x""#));
    assert!(
        decided.contains("help: write \"free\" in place of what a solve is to decide"),
        "{decided}"
    );
    let plain = r#"{"variables": {"u": 2}, "cost": "u[0]", "constraints": {"u": {"box": {"max": "u[1]"}}}}"#;
    let error = error(plain);
    assert!(
        error.contains("`constraints.u.box`: a bound may depend only on parameters"),
        "{error}"
    );
}
