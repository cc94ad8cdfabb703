//! Optimal-control problems as stages: values, gradients, trajectories, both ways of shooting, warm starts, errors.

use labwire_benches::expressions::trailer;
use labwire_benches::problems::Navigation;
use labwire_core::problem::{Evaluator, Problem, ProblemSolver, Solution, TextLimits};
use labwire_core::sets::Set;
use labwire_core::solve::{Functions, ParametricProblem, Start, Tuning};

const TRAILER: &str = include_str!("../../core/model/problems/trailer.json");
const INITIAL: [f64; 3] = [-1.0, 2.0, 0.0];

fn load(file: &str) -> Problem {
    Problem::from_json(file, &TextLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn error(file: &str) -> String {
    match Problem::from_json(file, &TextLimits::default()) {
        Ok(_) => panic!("accepted: {file}"),
        Err(error) => error.to_string(),
    }
}

fn point(len: usize) -> Vec<f64> {
    (0..len).map(|i| 1.4 * (0.7 + 1.3 * i as f64).sin()).collect()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let scale = 1.0 + expected.abs();
        assert!(
            (found - expected).abs() <= tolerance * scale,
            "{i}: {found} {expected}"
        );
    }
}

#[test]
fn trailers_are_the_closures() {
    for (horizon, has_obstacle) in [(20, false), (50, false), (20, true), (1, true)] {
        let problem = trailer(horizon, has_obstacle);
        let m = if has_obstacle { horizon } else { 0 };
        assert_eq!((problem.num_variables(), problem.num_f1()), (2 * horizon, m));
        let (u, y) = (point(2 * horizon), point(m));
        let mut closure = Navigation::new(horizon, INITIAL, has_obstacle);
        let mut evaluator = problem.evaluator();
        evaluator.set_parameters(&INITIAL);
        let [mut g, mut expected_g] = [vec![0.0; m], vec![0.0; m]];
        let cost = evaluator.forward(&u, &mut g);
        assert_close(&[cost], &[closure.forward(&u, &mut expected_g)], 1e-12);
        assert_close(&g, &expected_g, 1e-12);
        let [mut gradient, mut expected] = [vec![0.0; 2 * horizon], vec![0.0; 2 * horizon]];
        evaluator.reverse(&y, &mut gradient);
        closure.reverse(&u, &y, &mut expected);
        assert_close(&gradient, &expected, 1e-12);
    }
}

/// Problem with every feature: vectors as states, a set that does not consist of bounds, constraints from different
/// stages on, in an order other than that of the stages, parameters everywhere.
fn everything(shooting: &str) -> Problem {
    load(&format!(
        r#"{{
        "name": "everything",
        "ocp": {{
            "horizon": 5, "step": 0.2, "shooting": "{shooting}",
            "states": {{"q": 2, "v": 1}}, "inputs": {{"f": 2}}, "parameters": {{"p": 2, "q0": 2}},
            "initial_state": ["q0", "p[0]*p[1]"],
            "let": {{"drag": "p[0]*v^2", "pull(a)": "sin(a)*exp(-p[1]*a^2)"}},
            "dynamics": {{"derivative": ["v*cos(q[1]) + f[1]", "f[0]*v", "pull(q[0]) - drag + f[0]"]}},
            "stage_cost": "dot(f, f) + (q[0] - p[1])^2*v",
            "terminal_cost": "exp(q[0]) + q[1]^2*v",
            "input_bounds": {{"ball2": {{"radius": 4}}}},
            "path_constraints": [
                {{"expression": ["q[0]*f[0]", "v"], "set": {{"ball2": {{"radius": 2}}}}, "from": 2}},
                {{"expression": "q[1] - f[1]^2", "set": {{"box": {{"max": 1}}}}}},
                {{"expression": "log(q[0]^2 + v^2)", "set": {{"box": {{"max": 3}}}}, "from": 1}}
            ],
            "terminal_constraints": [{{"expression": "q", "set": {{"ball2": {{"radius": 1}}}}}}]
        }}}}"#
    ))
}

const PARAMETERS: [f64; 4] = [0.3, 0.8, 0.2, -0.4];

/// Gradient of the cost plus `y` times the constraints, against central differences.
fn check_gradient(problem: &Problem, parameters: &[f64], u: &[f64]) {
    let m = problem.num_f1() + problem.num_f2();
    let (mut g, mut gradient) = (vec![0.0; m], vec![0.0; u.len()]);
    let y = point(m);
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(parameters);
    assert!(evaluator.forward(u, &mut g).is_finite());
    evaluator.reverse(&y, &mut gradient);
    let mut differences = Vec::new();
    for i in 0..u.len() {
        let mut lagrangian = |step: f64| {
            let mut u = u.to_vec();
            u[i] += step;
            evaluator.forward(&u, &mut g) + g.iter().zip(&y).map(|(g, y)| g * y).sum::<f64>()
        };
        differences.push((lagrangian(1e-6) - lagrangian(-1e-6)) / 2e-6);
    }
    assert_close(&gradient, &differences, 1e-7);
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for shooting in ["single", "multiple"] {
        let problem = everything(shooting);
        check_gradient(&problem, &PARAMETERS, &point(problem.num_variables()));
    }
}

/// Tangents against central differences of values and gradients.
fn check_tangents(problem: &Problem, parameters: &[f64]) {
    let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
    let (u, y) = (point(n), point(m));
    let v: Vec<f64> = u.iter().map(|u| 0.3 - u * u).collect();
    let w: Vec<f64> = y.iter().map(|y| 0.8 + y).collect();
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(parameters);
    let at = |evaluator: &mut Evaluator, step: f64| {
        let along = |x: &[f64], rate: &[f64]| -> Vec<f64> {
            x.iter().zip(rate).map(|(x, rate)| x + step * rate).collect()
        };
        let (mut values, mut gradient) = (vec![0.0; m], vec![0.0; n]);
        let cost = evaluator.forward(&along(&u, &v), &mut values);
        evaluator.reverse(&along(&y, &w), &mut gradient);
        values.push(cost);
        (values, gradient)
    };
    let difference = |ahead: Vec<f64>, behind: Vec<f64>| -> Vec<f64> {
        let pairs = ahead.iter().zip(behind);
        pairs.map(|(ahead, behind)| (ahead - behind) / 2e-6).collect()
    };
    let (ahead, behind) = (at(&mut evaluator, 1e-6), at(&mut evaluator, -1e-6));
    let expected_rates = difference(ahead.0, behind.0);
    let expected_product = difference(ahead.1, behind.1);
    let (values, _) = at(&mut evaluator, 0.0);

    let (mut rates, mut product) = (vec![0.0; m], vec![0.0; n]);
    let rate = evaluator.forward_tangent(&v, &mut rates);
    evaluator.reverse_tangent(&w, &mut product);
    rates.push(rate);
    assert_close(&rates, &expected_rates, 1e-7);
    assert_close(&product, &expected_product, 1e-6);
    // Neither disturbs the values it builds on.
    let mut again = vec![0.0; n];
    evaluator.forward_tangent(&v, &mut rates);
    evaluator.reverse_tangent(&w, &mut again);
    assert_eq!(product, again);
    let (same, _) = at(&mut evaluator, 0.0);
    assert_eq!(values, same);
}

#[test]
fn tangents_are_those_of_finite_differences() {
    for shooting in ["single", "multiple"] {
        check_tangents(&everything(shooting), &PARAMETERS);
    }
    check_tangents(&trailer(20, true), &INITIAL);
    check_tangents(&load(labwire_core::problem::DEFAULT_PROBLEM), &[1.0, 50.0]);
    let kinks = r#"{"variables": {"u": 3}, "cost": "if(u[0] > 0, exp(u[1])*u[0]^3, u[2]^4)",
                    "f1": {"expressions": ["max(u[0]*u[1], u[2]^2)", "norm2(u)", "u[0]"], "set": "zero"},
                    "f2": ["abs(u[1])^3*u[0]", "max(0, sin(u[2]))"]}"#;
    check_tangents(&load(kinks), &[]);
}

/// Against products with the unit vectors.
#[test]
fn second_derivatives_of_multiple_shooting_are_those_of_products() {
    let problem = everything("multiple");
    assert!(everything("single").second_derivatives().is_none());
    let sparsity = problem.second_derivatives().unwrap();
    let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&PARAMETERS);
    let (mut rates, mut product) = (vec![0.0; m], vec![0.0; n]);
    evaluator.forward(&point(n), &mut rates);
    evaluator.reverse(&point(m), &mut product);
    let mut jacobian = vec![f64::NAN; sparsity.jacobian.len()];
    let mut hessian = vec![f64::NAN; sparsity.hessian.len()];
    evaluator.second_derivatives(&mut jacobian, &mut hessian);
    for column in 0..n {
        let unit: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == column))).collect();
        evaluator.forward_tangent(&unit, &mut rates);
        evaluator.reverse_tangent(&vec![0.0; m], &mut product);
        let (mut own_rates, mut own_product) = (vec![0.0; m], vec![0.0; n]);
        for (place, entry) in sparsity.jacobian.iter().zip(&jacobian) {
            if place.1 as usize == column {
                own_rates[place.0 as usize] += entry;
            }
        }
        for (&(row, other), entry) in sparsity.hessian.iter().zip(&hessian) {
            match column {
                _ if other as usize == column => own_product[row as usize] += entry,
                _ if row as usize == column => own_product[other as usize] += entry,
                _ => {}
            }
        }
        assert_close(&own_rates, &rates, 1e-12);
        assert_close(&own_product, &product, 1e-12);
    }
}

#[test]
fn constraints_come_stage_by_stage() {
    let problem = everything("multiple");
    // 1 at stage 0, 2 at stage 1, 4 at stages 2 to 4, 2 at the end; 5 times 3 that tie the states.
    assert_eq!((problem.num_f1(), problem.num_f2()), (1 + 2 + 3 * 4 + 2, 15));
    assert_eq!(problem.num_variables(), 10 + 15);
    let balls = |block: &&labwire_core::problem::Block| matches!(block.set, Set::Ball2 { .. });
    let ranges: Vec<_> = problem
        .blocks()
        .iter()
        .filter(balls)
        .map(|block| block.range.clone())
        .collect();
    assert_eq!(ranges, [3..5, 7..9, 11..13, 15..17]);

    let u = point(25);
    let (mut g, mut evaluator) = (vec![0.0; 32], problem.evaluator());
    evaluator.set_parameters(&PARAMETERS);
    evaluator.forward(&u, &mut g);
    let (input, x) = (|t: usize| &u[2 * t..], |t: usize| &u[10 + 3 * (t - 1)..]);
    assert_close(&g[..1], &[-0.4 - input(0)[1].powi(2)], 1e-14);
    let at_2 = [x(2)[0] * input(2)[0], x(2)[2], x(2)[1] - input(2)[1].powi(2)];
    assert_close(&g[3..6], &at_2, 1e-14);
    assert_close(&g[15..17], &x(5)[..2], 1e-14);
}

#[test]
fn both_ways_of_shooting_mean_the_same_problem() {
    let (single, multiple) = (everything("single"), everything("multiple"));
    let inputs = point(10);
    let mut evaluator = single.evaluator();
    evaluator.set_parameters(&PARAMETERS);
    let mut g = vec![0.0; 17];
    let cost = evaluator.forward(&inputs, &mut g);
    let mut u = inputs.clone();
    evaluator.states().skip(1).for_each(|state| u.extend(state));
    assert_eq!(u.len(), 25);

    let mut evaluator = multiple.evaluator();
    evaluator.set_parameters(&PARAMETERS);
    let mut all = vec![1.0; 32];
    assert_eq!(evaluator.forward(&u, &mut all).to_bits(), cost.to_bits());
    assert_eq!(all[..17], g);
    assert_eq!(all[17..], [0.0; 15]);
}

#[test]
fn several_points_at_once_give_the_bits_of_each() {
    for shooting in ["single", "multiple"] {
        let problem = everything(shooting);
        let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
        let points = [point(n), point(n).iter().map(|u| 0.5 - u).collect()];
        let parameters = [PARAMETERS, [0.1, 0.2, 0.3, 0.4]];
        let mut block = problem.block_evaluator::<2>();
        let lanes = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| [*a, *b]).collect::<Vec<_>>();
        block.set_parameters_block(&lanes(&parameters[0], &parameters[1]));
        let (mut block_g, mut block_gradient) = (vec![[0.0; 2]; m], vec![[0.0; 2]; n]);
        let costs = block.forward_block(&lanes(&points[0], &points[1]), &mut block_g);
        block.reverse_block(&lanes(&point(m), &point(m)), &mut block_gradient);
        for lane in 0..2 {
            let (mut g, mut gradient) = (vec![0.0; m], vec![0.0; n]);
            let mut evaluator = problem.evaluator();
            evaluator.set_parameters(&parameters[lane]);
            assert_eq!(evaluator.forward(&points[lane], &mut g), costs[lane]);
            evaluator.reverse(&point(m), &mut gradient);
            assert!(g.iter().eq(block_g.iter().map(|g| &g[lane])));
            assert!(
                gradient
                    .iter()
                    .eq(block_gradient.iter().map(|entry| &entry[lane]))
            );
        }
    }
}

/// x'' = -x over one unit of time, by each method and in steps of two lengths.
#[test]
fn integrators_have_their_orders() {
    let end = |integrator: &str, horizon: usize| {
        let problem = load(&format!(
            r#"{{"ocp": {{"horizon": {horizon}, "step": {}, "states": ["x", "v"], "inputs": ["f"],
                 "initial_state": [1, 0], "stage_cost": "f^2",
                 "dynamics": {{"derivative": ["v", "f - x"], "integrator": "{integrator}"}}}}}}"#,
            1.0 / horizon as f64
        ));
        let mut evaluator = problem.evaluator();
        evaluator.forward(&vec![0.0; horizon], &mut []);
        let last = evaluator.states().last().unwrap();
        (last[0] - 1f64.cos()).hypot(last[1] + 1f64.sin())
    };
    for (integrator, order) in [("euler", 1.0), ("rk4", 4.0)] {
        let rate = (end(integrator, 20) / end(integrator, 40)).log2();
        assert!((rate - order).abs() < 0.1, "{integrator}: {rate}");
    }
    assert!(end("rk4", 20) < 1e-6 && end("euler", 20) > 1e-2);
}

/// For linear dynamics the methods are polynomials in the step.
#[test]
fn a_step_is_what_the_textbook_says() {
    let h: f64 = 0.3;
    for (integrator, growth) in [
        ("euler", 1.0 + h),
        (
            "rk4",
            1.0 + h + h.powi(2) / 2.0 + h.powi(3) / 6.0 + h.powi(4) / 24.0,
        ),
    ] {
        let problem = load(&format!(
            r#"{{"ocp": {{"horizon": 1, "step": 0.3, "states": ["x"], "inputs": ["u"], "parameters": ["x0"],
                 "initial_state": ["x0"], "terminal_cost": "x",
                 "dynamics": {{"derivative": "x", "integrator": "{integrator}"}}}}}}"#
        ));
        let mut evaluator = problem.evaluator();
        evaluator.set_parameters(&[2.0]);
        assert_close(&[evaluator.forward(&[0.0], &mut [])], &[2.0 * growth], 1e-15);
    }
}

#[allow(clippy::unwrap_used, reason = "test helper")]
fn solve(problem: &Problem, parameters: &[f64]) -> Solution {
    let solution = ProblemSolver::new(problem).unwrap().solve(parameters).unwrap();
    assert!(solution.is_converged(), "{solution:?}");
    solution
}

#[test]
fn the_example_is_solved() {
    let solution = solve(&load(TRAILER), &INITIAL);
    assert!((solution.cost - 227.10395).abs() < 1e-4, "{}", solution.cost);
    let named = &solution.variables;
    let names: Vec<&String> = named.keys().collect();
    assert_eq!(names, ["theta", "ux", "uy", "x", "y"]);
    assert_eq!((named["x"].len(), named["ux"].len()), (21, 20));
    assert_eq!((named["x"][0], named["y"][0]), (-1.0, 2.0));
    assert!((named["x"][20] - 1.0).abs() < 0.1 && (named["y"][20] - 1.0).abs() < 0.1);
    assert_eq!(named["uy"][3], solution.u[7]);
    for (x, y) in named["x"].iter().zip(&named["y"]) {
        assert!((x - 0.1).hypot(y - 1.4) > 0.4 - 1e-5, "{x} {y}");
    }
}

#[test]
fn both_ways_of_shooting_have_the_same_solution() {
    let solution = |shooting: &str| {
        let problem = load(&format!(
            r#"{{"ocp": {{
                "horizon": 8, "step": 0.25, "shooting": "{shooting}",
                "states": ["angle", "speed"], "inputs": ["torque"], "parameters": ["angle0"],
                "initial_state": ["angle0", 0], "input_bounds": {{"min": -1, "max": 1}},
                "dynamics": {{"derivative": ["speed", "torque - sin(angle)"]}},
                "stage_cost": "angle^2 + 0.1*speed^2 + 0.05*torque^2", "terminal_cost": "5*angle^2 + speed^2",
                "path_constraints": [{{"expression": "speed", "set": {{"box": {{"min": -0.7}}}}}}]
            }}, "solver": {{"tolerance": 1e-7, "delta_tolerance": 1e-7}}}}"#
        ));
        solve(&problem, &[1.2]).variables
    };
    let (single, multiple) = (solution("single"), solution("multiple"));
    for (name, values) in &single {
        assert_close(&multiple[name], values, 1e-4);
    }
    // The bound on the speed is reached.
    assert!(single["speed"].iter().any(|speed| (speed + 0.7).abs() < 1e-5));
}

#[test]
fn a_shifted_start_is_one_stage_further_on() {
    let file = |shooting: &str| {
        format!(
            r#"{{"ocp": {{"horizon": 4, "states": ["x"], "inputs": ["a", "b"], "initial_state": [0],
                 "dynamics": {{"next": "x + a + b"}}, "stage_cost": "a^2", "shooting": "{shooting}",
                 "path_constraints": [{{"expression": "a", "set": {{"box": {{"max": 1}}}}, "from": 2}},
                                      {{"expression": ["x", "b"], "set": "all"}}],
                 "terminal_constraints": [{{"expression": "x", "set": "zero"}}], "warm_start": "shift"}}}}"#
        )
    };
    let mut start = Start::cold((0..8).map(f64::from).collect());
    start.multipliers = Some((0..11).map(f64::from).collect());
    load(&file("single")).advance(&mut start);
    assert_eq!(start.u, [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 6.0, 7.0]);
    // (x, b), (x, b), (a, x, b), (a, x, b), end.
    let expected = [2.0, 3.0, 5.0, 6.0, 7.0, 8.0, 9.0, 7.0, 8.0, 9.0, 10.0];
    assert_eq!(start.multipliers.as_deref(), Some(&expected[..]));

    let mut start = Start::cold((0..12).map(f64::from).collect());
    start.penalties = Some((0..15).map(f64::from).collect());
    load(&file("multiple")).advance(&mut start);
    assert_eq!(start.u[8..], [9.0, 10.0, 11.0, 11.0]);
    assert_eq!(start.penalties.unwrap()[10..], [10.0, 12.0, 13.0, 14.0, 14.0]);

    let keeps = Start::cold(vec![1.0, 2.0]);
    let mut kept = keeps.clone();
    load(&file("single").replace("\"shift\"", "\"keep\"")).advance(&mut kept);
    assert_eq!(kept, keeps);
}

#[test]
fn long_horizons_load_and_take_memory_in_proportion() {
    let memory = |horizon| trailer(horizon, true).stages().unwrap().memory();
    let step = memory(3) - memory(2);
    let problem = trailer(100_000, true);
    assert_eq!(
        problem.stages().unwrap().memory(),
        memory(2) + (100_000 - 2) * step
    );
    // Programs are those of a short horizon.
    assert_eq!(
        problem.stages().unwrap().phases[1].program,
        trailer(20, true).stages().unwrap().phases[1].program
    );
    assert_eq!(problem.blocks().len(), 1);
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&INITIAL);
    let (u, mut g, mut gradient) = (vec![0.0; 200_000], vec![0.0; 100_000], vec![0.0; 200_000]);
    let cost = evaluator.forward(&u, &mut g);
    // The trailer stands still.
    assert_close(&[cost], &[50.0 * 100_000.0 + 1000.0], 1e-12);
    evaluator.reverse(&vec![0.0; 100_000], &mut gradient);
    assert!(gradient.iter().all(|entry| entry.is_finite()));
}

#[test]
fn vectors_of_the_wrong_length_give_no_result() {
    let mut evaluator = trailer(2, true).evaluator();
    assert!(evaluator.forward(&[0.0; 4], &mut [0.0]).is_nan());
    assert!(evaluator.forward(&[0.0; 3], &mut [0.0; 2]).is_nan());
    let mut gradient = [0.0; 4];
    evaluator.reverse(&[0.0], &mut gradient);
    assert!(gradient.iter().all(|entry| entry.is_nan()));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (from, to, message) in [
        (
            "\"horizon\": 20",
            "\"horizon\": 0",
            "`ocp.horizon`: expected a whole number from 1 to 4294967295, found 0",
        ),
        (
            "\"horizon\": 20",
            "\"horizon\": 4000000000",
            "`ocp.horizon`: 4000000000 stages need",
        ),
        ("\"horizon\": 20,", "", "`ocp`: the key `horizon` is missing"),
        ("\"horizon\"", "\"horizn\"", "did you mean `horizon`?"),
        (
            "[\"ux\", \"uy\"]",
            "[]",
            "`ocp.inputs`: expected at least one name",
        ),
        (
            "[\"ux\", \"uy\"]",
            "[]",
            "help: where only `horizon_variables` or a free initial state are decided, add an input that nothing uses",
        ),
        (
            "[\"ux\", \"uy\"]",
            "[\"ux\", \"x\"]",
            "`ocp.inputs[1]`: `x` is already defined",
        ),
        (
            "[\"ux\", \"uy\"]",
            "[\"ux\", \"sin\"]",
            "`ocp.inputs[1]`: `sin` is part of the language",
        ),
        (
            "[\"x0\", \"y0\", \"theta0\"],\n    \"let\"",
            "[\"x0\", \"y0\"],\n    \"let\"",
            "`ocp.initial_state`: expected 3 expressions, one for each state, found 2",
        ),
        (
            "[\"x0\", \"y0\", \"theta0\"],\n    \"let\"",
            "[\"x0\", \"y0\", \"ux\"],\n    \"let\"",
            "`ocp.initial_state`: the initial state may depend only on parameters",
        ),
        (
            "\"next\": [",
            "\"next\": [0, ",
            "`ocp.dynamics.next`: expected 3 expressions, one for each state, found 4",
        ),
        (
            "\"next\"",
            "\"derivative\"",
            "`ocp.dynamics`: continuous dynamics also need `step`",
        ),
        (
            "\"next\":",
            "\"integrator\": \"rk5\", \"derivative\":",
            "`ocp.dynamics.integrator`: expected \"euler\" or \"rk4\" or \"backward_euler\" or \"radau2\" or \"gauss2\" or \"gauss4\", found \"rk5\"",
        ),
        (
            "\"next\":",
            "\"integrator\": \"rk4\", \"next\":",
            "`ocp.dynamics.integrator`: `next` takes no integrator",
        ),
        (
            "+ 2*theta^2",
            "+ 2*w^2",
            "`ocp.terminal_cost`: depends on the input `ux`",
        ),
        (
            "[{\"expression\": \"obstacle\", \"set\": {\"box\": {\"max\": 0}}}]",
            "[{\"expression\": \"uy\", \"set\": \"zero\"}]",
            "`ocp.terminal_constraints`: depends on the input `uy`",
        ),
        (
            "\"from\": 1",
            "\"from\": 21",
            "`ocp.path_constraints[0].from`: expected a whole number from 0 to 20, found 21",
        ),
        (
            "{\"min\": -3, \"max\": 3}",
            "{\"min\": 3, \"max\": -3}",
            "`ocp.input_bounds`: the bounds of component 0 exclude each other: min 3, max -3",
        ),
        (
            "\"warm_start\": \"shift\"",
            "\"warm_start\": \"shifted\"",
            "`ocp.warm_start`: expected \"keep\" or \"shift\", found \"shifted\"",
        ),
        (
            "\"initial_guess\": 1",
            "\"cost\": 1",
            "`cost` cannot be combined with `ocp`",
        ),
        (
            "\"initial_guess\": 1",
            "\"initial_guess\": [1, 2, 3]",
            "`initial_guess`: expected 40 numbers, found 3",
        ),
    ] {
        assert!(TRAILER.contains(from), "{from}");
        let error = error(&TRAILER.replacen(from, to, 1));
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_summary_tells_the_stages() {
    let summary = load(TRAILER).summary().to_string();
    for line in [
        "stages       20, shooting chosen by the solver",
        "states       3: x[1], y[1], theta[1]",
        "inputs       2: ux[1], uy[1]",
        "u in         a box, min -3, max 3",
        "g[0..20]      F1 in a box, min -inf, max 0",
    ] {
        assert!(summary.contains(line), "{summary}");
    }
}

/// The same minimum by quasi-Newton iterations, by Newton steps with free states, and by Newton steps on rollouts.
#[test]
fn newton_steps_through_the_stages_find_the_same_minimum() {
    let solve = |shooting: &str, window: f64| {
        let way = format!("\"shooting\": \"{shooting}\", \"horizon\"");
        let problem = load(&TRAILER.replacen("\"horizon\"", &way, 1));
        let mut tuning = Tuning::default();
        tuning.stage_window = window;
        let settings = problem
            .settings()
            .clone()
            .with_tuning(tuning)
            .with_tolerance(1e-9)
            .with_delta_tolerance(1e-9);
        let mut solver = ProblemSolver::with_settings(problem, settings).unwrap();
        let solution = solver.solve(&[-1.0, 2.0, 0.0]).unwrap();
        assert!(
            solution.is_converged(),
            "{shooting} {window}: {:?}",
            solution.status
        );
        solution
    };
    let expected = solve("single", f64::MAX);
    // The look at the curvature of the solution.
    assert_eq!(expected.counters.hessian_evaluations, 1);
    for shooting in ["auto", "single"] {
        let solution = solve(shooting, 0.0);
        assert!(solution.counters.hessian_evaluations > 0);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!((solution.cost - expected.cost).abs() < 1e-6, "{shooting}");
        assert!(close(&solution.u, &expected.u), "{shooting}");
        assert_eq!(solution.variables.len(), 5);
        for (name, values) in &solution.variables {
            assert!(close(values, &expected.variables[name]), "{shooting} {name}");
        }
    }
}
