//! Integers in problem files, against enumeration and dynamic programming.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use labwire_model::problem::{Problem, ProblemSolver, Solution, StartOptions, TextLimits};
use labwire_session::Busy;
use labwire_session::time::Instant;
use labwire_solve::Status;

const UNIT_COMMITMENT: &str = include_str!("../../../host-tokio/cli/src/example/unit-commitment.json");

fn load(file: &str) -> Problem {
    Problem::from_json(file, &TextLimits::default()).unwrap_or_else(|error| panic!("{file}\n{error}"))
}

fn solve(file: &str, parameters: &[f64]) -> Solution {
    ProblemSolver::new(load(file)).unwrap().solve(parameters).unwrap()
}

/// The case g08.
fn relay(horizon: usize) -> String {
    format!(
        r#"{{"ocp": {{"horizon": {horizon}, "states": ["T"], "inputs": ["on"], "parameters": ["T0", "out"], "initial_state": ["T0"],
            "dynamics": {{"next": ["T+0.2*(out-T)+4*on"]}}, "stage_cost": "(T-21)^2+0.01*on", "terminal_cost": "(T-21)^2",
            "input_bounds": {{"min": 0, "max": 1}}, "integers": ["on"]}}}}"#
    )
}

/// Cost of a sequence of the relay's states.
fn relay_cost(on: impl Iterator<Item = f64>) -> f64 {
    let (mut temperature, mut cost) = (15.0_f64, 0.0);
    for on in on {
        cost += (temperature - 21.0).powi(2) + 0.01 * on;
        temperature += 0.2 * (5.0 - temperature) + 4.0 * on;
    }
    cost + (temperature - 21.0).powi(2)
}

fn best_relay_cost(horizon: u32) -> f64 {
    let sequence = |bits: u32| (0..horizon).map(move |t| f64::from(bits >> t & 1));
    let costs = (0..1_u32 << horizon).map(|bits| relay_cost(sequence(bits)));
    costs.reduce(labwire_solve::math::min).unwrap()
}

fn are_on_or_off(values: &[f64]) -> bool {
    values.iter().all(|on| *on == 0.0 || *on == 1.0)
}

#[test]
fn a_relay_has_its_best_sequence() {
    let solution = solve(&relay(8), &[15.0, 5.0]);
    assert_eq!(solution.status, Status::Converged);
    let best = best_relay_cost(8);
    assert!((solution.cost - best).abs() < 1e-6, "{} {best}", solution.cost);
    assert!(are_on_or_off(&solution.u), "{:?}", solution.u);
    let search = solution.integers.unwrap();
    assert!(search.is_global && search.gap.unwrap() <= 1e-6, "{search:?}");
    assert!((search.best.unwrap() - best).abs() < 1e-6, "{search:?}");
    // Again by the same solver, warm: the last solution is the first candidate.
    let mut solver = ProblemSolver::new(load(&relay(8))).unwrap();
    for _ in 0..2 {
        let again = solver.solve(&[15.0, 5.0]).unwrap();
        assert!((again.cost - best).abs() < 1e-6, "{}", again.cost);
    }
}

#[test]
fn a_long_horizon_of_relays_is_rounded_well() {
    // 120 stages are too many to be searched: what there is at the first limit is near the optimum.
    let file = relay(120).replacen('{', r#"{"solver": {"max_nodes": 2}, "#, 1);
    let solution = solve(&file, &[15.0, 5.0]);
    assert_eq!(solution.status, Status::NotConvergedIterations);
    assert!(are_on_or_off(&solution.u));
    let search = solution.integers.unwrap();
    assert_eq!(search.nodes, 2);
    let gap = search.gap.unwrap();
    assert!(gap > 0.0 && gap < 1.0, "{search:?}");
    assert!((relay_cost(solution.u.iter().copied()) - solution.cost).abs() < 1e-6);
    assert!(search.bound.unwrap() < solution.cost);
}

#[test]
fn a_limit_before_the_first_candidate_gives_rounded_values() {
    let mut solver = ProblemSolver::new(load(&relay(24))).unwrap();
    solver
        .start(Instant::ZERO, &[15.0, 5.0], &StartOptions::default())
        .unwrap();
    assert_eq!(solver.step(Instant::ZERO, 1).unwrap(), Busy::Yes);
    solver.cancel();
    assert!(!solver.is_running());
    let solution = solver.finish(Instant::ZERO).unwrap();
    assert_eq!(solution.status, Status::Cancelled);
    assert!(are_on_or_off(&solution.u), "{:?}", solution.u);
    assert!((relay_cost(solution.u.iter().copied()) - solution.cost).abs() < 1e-9);
    let search = solution.integers.unwrap();
    assert_eq!((search.bound, search.gap), (None, None));
    assert_eq!(search.best, Some(solution.cost));
    // The time is up: the same, with the other name; then the whole search by the same solver.
    let mut options = StartOptions::default();
    options.max_duration = Some(core::time::Duration::from_nanos(30));
    solver.start(Instant::ZERO, &[15.0, 5.0], &options).unwrap();
    let mut now = 0;
    while solver.step(Instant::from_nanos(now), 1).unwrap() == Busy::Yes {
        now += 1;
    }
    assert!(now <= 30, "{now}");
    let solution = solver.finish(Instant::from_nanos(now)).unwrap();
    assert_eq!(solution.status, Status::NotConvergedOutOfTime);
    assert!(are_on_or_off(&solution.u), "{:?}", solution.u);
}

#[test]
fn a_knapsack_is_packed() {
    let (values, weights) = ([7, 2, 5, 9, 4, 6, 8, 3, 5, 1], [5, 1, 4, 7, 3, 4, 6, 2, 3, 1]);
    let file = format!(
        r#"{{"variables": {{"take": 10}}, "let": {{"value": {values:?}, "weight": {weights:?}}}, "cost": "-(value @ take)",
            "constraints": {{"take": {{"box": {{"min": 0, "max": 1}}}}}}, "f1": ["weight @ take <= 20"], "integers": "take"}}"#
    );
    let packed = |bits: u32| {
        let sum = |of: &[i32; 10]| -> i32 { (0..10).map(|i| of[i] * (bits >> i & 1) as i32).sum() };
        if sum(&weights) <= 20 { sum(&values) } else { 0 }
    };
    let best = f64::from((0..1024).map(packed).max().unwrap());
    let solution = solve(&file, &[]);
    assert_eq!(solution.status, Status::Converged);
    assert!((solution.cost + best).abs() < 1e-9, "{} {best}", solution.cost);
    assert!(are_on_or_off(&solution.u), "{:?}", solution.u);
    let search = solution.integers.unwrap();
    assert!(search.is_global && search.gap.unwrap() < 1e-5, "{search:?}");
}

#[test]
fn integers_stand_beside_other_variables() {
    let file = r#"{"variables": {"n": 2, "x": 1}, "cost": "(n[0] - 2.4)^2 + (n[1] - 7.7)^2 + (x + n[0] - 3.5)^2",
        "constraints": {"n": {"box": {"min": 0, "max": 10}}}, "integers": ["n"]}"#;
    let solution = solve(file, &[]);
    assert_eq!((solution.u[0], solution.u[1]), (2.0, 8.0));
    assert!((solution.u[2] - 1.5).abs() < 1e-4, "{:?}", solution.u);
    // Beside variables in a ball.
    let file = r#"{"variables": {"n": 1, "x": 2}, "cost": "(n - 2.4)^2 + (x[0] - n)^2 + x[1]^2",
        "constraints": {"n": {"box": {"min": 0.5, "max": 10.5}}, "x": {"ball2": {"radius": 1}}}, "integers": ["n[0]"]}"#;
    let solution = solve(file, &[]);
    assert_eq!(solution.status, Status::Converged);
    // n = 1: 1.96 + 0; n = 2: 0.16 + 1.
    assert_eq!(solution.u[0], 2.0);
    assert!((solution.cost - 1.16).abs() < 1e-6, "{}", solution.cost);
}

#[test]
fn without_an_integer_solution_the_problem_is_infeasible() {
    // Feasible without the condition, and only so.
    let none = r#"{"variables": {"n": 2}, "cost": "n[0]^2", "constraints": {"n": {"box": {"min": 0, "max": 3}}},
        "f1": [{"name": "odd", "expression": "2*n[0] + 2*n[1] == 5"}], "integers": ["n"]}"#;
    let solution = solve(none, &[]);
    assert!(
        matches!(solution.status, Status::LocallyInfeasible { .. }),
        "{solution:?}"
    );
    assert_eq!(solution.infeasible_constraints, ["F1[0] (`odd`)"]);
    let search = solution.integers.unwrap();
    assert!(search.nodes > 1, "{search:?}");
    assert_eq!((search.best, search.bound, search.gap), (None, None, None));
    // Not a word of that where a limit came before the last node.
    let limited = none.replacen('{', r#"{"solver": {"max_nodes": 2}, "#, 1);
    assert_eq!(solve(&limited, &[]).status, Status::NotConvergedIterations);
}

#[test]
fn what_is_not_convex_has_local_bounds() {
    let file = |cost: &str| {
        format!(
            r#"{{"variables": {{"n": 1, "x": 1}}, "parameters": {{"p": 1}}, "cost": "{cost}", "constraints":
                {{"n": {{"box": {{"min": -2, "max": 2}}}}}}, "integers": "n"}}"#
        )
    };
    for (cost, is_convex) in [
        ("(n - 0.3)^2 + (x - n)^2", true),
        ("(n - p)^2 + abs(x - n) + p*x + exp(x)", true),
        ("cos(n) + x^2", false),
        ("p*n^2 + x^2", false),
        ("n*x + x^2", false),
    ] {
        let problem = load(&file(cost));
        let integers = problem.integers().unwrap();
        assert_eq!(integers.is_convex, is_convex, "{cost}");
    }
    let solution = solve(&file("cos(n) + x^2"), &[1.0]);
    assert!(!solution.integers.unwrap().is_global);
}

/// Machines of the example: least and most power, price of an hour, of power, and of its square, and of a start.
const MACHINES: [[f64; 6]; 3] = [
    [30.0, 100.0, 90.0, 18.0, 0.02, 400.0],
    [20.0, 60.0, 60.0, 22.0, 0.04, 180.0],
    [10.0, 40.0, 30.0, 30.0, 0.05, 60.0],
];
const DEMAND: [f64; 8] = [55.0, 80.0, 120.0, 150.0, 130.0, 90.0, 60.0, 40.0];

/// Least cost of meeting the demand with these machines; infinite if they cannot.
fn dispatch(machines: u32, demand: f64) -> f64 {
    let running: Vec<_> = (0..3)
        .filter(|i| machines >> i & 1 == 1)
        .map(|i| MACHINES[i])
        .collect();
    let at = |price: f64| -> Vec<f64> {
        let power = |[least, most, _, slope, curve, _]: &[f64; 6]| {
            labwire_solve::math::clamp((price - slope) / (2.0 * curve), *least, *most)
        };
        running.iter().map(power).collect()
    };
    let total = |price: f64| at(price).iter().sum::<f64>();
    if total(-1e6) > demand || total(1e6) < demand {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (-1e6, 1e6);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if total(middle) < demand {
            low = middle
        } else {
            high = middle
        }
    }
    let cost = |([_, _, idle, slope, curve, _], power): (&[f64; 6], f64)| {
        idle + slope * power + curve * power * power
    };
    running.iter().zip(at(high)).map(cost).sum()
}

/// Least cost by dynamic programming over the machines that are on, and those that were started an hour ago.
fn best_commitment(on: u32) -> f64 {
    let mut costs = vec![f64::INFINITY; 64];
    costs[on as usize] = 0.0;
    for demand in DEMAND {
        let mut next = vec![f64::INFINITY; 64];
        for (state, cost) in costs.iter().enumerate().filter(|(_, cost)| cost.is_finite()) {
            let (on, started) = (state as u32 & 7, state as u32 >> 3);
            // What was started must stay for a second hour.
            for now in (0..8).filter(|now| now & started == started) {
                let starts = now & !on;
                let price: f64 = (0..3)
                    .filter(|i| starts >> i & 1 == 1)
                    .map(|i| MACHINES[i][5])
                    .sum();
                let total = cost + price + dispatch(now, demand);
                let place = &mut next[(now | starts << 3) as usize];
                *place = labwire_solve::math::min(*place, total);
            }
        }
        costs = next;
    }
    costs.into_iter().fold(f64::INFINITY, labwire_solve::math::min)
}

#[test]
fn machines_are_committed_as_dynamic_programming_does() {
    let mut solver = ProblemSolver::new(load(UNIT_COMMITMENT)).unwrap();
    assert_eq!(solver.problem().integers().unwrap().indices.len(), 24);
    // With the first two machines, the nodes that are tried first cannot meet the demand.
    for on in [1_u32, 0, 7, 3] {
        let before = |i: u32| f64::from(on >> i & 1);
        let parameters = [before(0), before(1), before(2), 0.0, 0.0, 0.0];
        let solution = solver.solve(&parameters).unwrap();
        assert_eq!(solution.status, Status::Converged, "{solution:?}");
        let best = best_commitment(on);
        assert!(
            (solution.cost - best).abs() < 1e-5 * best,
            "{} {best}",
            solution.cost
        );
        assert!(are_on_or_off(&solution.variables["on"]));
        let search = solution.integers.unwrap();
        assert!(search.is_global && search.gap.unwrap() < 1e-5, "{search:?}");
        println!("{on}: {} nodes, {:?}", search.nodes, solution.counters);
    }
}

#[test]
fn steps_of_any_length_give_the_same_bits() {
    let whole = solve(&relay(12), &[15.0, 5.0]);
    for fuel in [1, 7, 100] {
        let mut solver = ProblemSolver::new(load(&relay(12))).unwrap();
        let now = Instant::ZERO;
        solver.start(now, &[15.0, 5.0], &StartOptions::default()).unwrap();
        while solver.step(now, fuel).unwrap() == Busy::Yes {
            let search = solver.progress().integers.unwrap();
            assert!(search.bound.is_none_or(|bound| bound <= whole.cost), "{search:?}");
            assert!(search.best.is_none_or(|best| best >= whole.cost), "{search:?}");
        }
        assert_eq!(solver.finish(now).unwrap(), whole);
    }
}

#[test]
fn sensitivities_hold_the_integers() {
    let file = r#"{"variables": {"n": 1, "x": 1}, "parameters": {"p": 1}, "cost": "(n - 0.3)^2 + (x - n - p)^2",
        "constraints": {"n": {"box": {"min": 0, "max": 5}}}, "integers": "n"}"#;
    let mut solver = ProblemSolver::new(load(file)).unwrap();
    let solution = solver.solve(&[2.0]).unwrap();
    assert!((solution.u[1] - 2.0).abs() < 1e-4, "{:?}", solution.u);
    let sensitivities = solver.sensitivities().unwrap();
    assert!((sensitivities.variables[1][0] - 1.0).abs() < 1e-9 && sensitivities.variables[0][0] == 0.0);
}

#[test]
fn what_cannot_be_an_integer_is_named() {
    let plain = |keys: &str| {
        format!(r#"{{"variables": {{"x": 2}}, "parameters": {{"p": 1}}, "cost": "x[0]^2 + x[1]^2", {keys}}}"#)
    };
    let bounded = |bounds: &str, integers: &str| {
        plain(&format!(
            r#""constraints": {{"x": {bounds}}}, "integers": {integers}"#
        ))
    };
    let unit = r#"{"box": {"min": 0, "max": 1}}"#;
    let stages = |bounds: &str, integers: &str| {
        format!(
            r#"{{"ocp": {{"horizon": 2, "states": ["T"], "inputs": ["on", "heat"], "initial_state": [1], "dynamics": {{"next": ["T + on"]}},
                "stage_cost": "T^2", {bounds}"integers": {integers}}}}}"#
        )
    };
    for (text, message) in [
        (
            plain(r#""integers": ["x"]"#),
            "`x[0]` has the bounds -inf and inf",
        ),
        (
            bounded(r#"{"box": {"min": 0}}"#, r#""x""#),
            "`x[0]` has the bounds 0 and inf",
        ),
        (
            bounded(r#"{"box": {"min": 0.2, "max": 0.8}}"#, r#""x[1]""#),
            "`x[1]` has the bounds 0.2 and 0.8, between which there is no integer",
        ),
        (
            bounded(r#"{"ball2": {"radius": 2}}"#, r#""x""#),
            "`x[0]` is in a set that gives it no bounds of its own",
        ),
        (
            bounded(r#"{"box": {"min": 0, "max": "p[0]"}}"#, r#""x""#),
            "`x[0]` has the bounds 0 and inf",
        ),
        (bounded(unit, r#""2*x""#), "expected a decision variable"),
        (bounded(unit, r#""p""#), "expected a decision variable"),
        (bounded(unit, r#"["y"]"#), "unknown name `y`"),
        (bounded(unit, "7"), "the name of a decision variable"),
        (bounded(unit, r#""x[2]""#), "index 2"),
        (stages("", r#"["on"]"#), "`on` has the bounds -inf and inf"),
        (
            stages(r#""input_bounds": {"min": 0, "max": 1}, "#, r#"["T"]"#),
            "expected an input; a state follows from the inputs",
        ),
        (
            stages(r#""input_bounds": {"min": 0, "max": 1}, "#, r#"["off"]"#),
            "unknown name `off`",
        ),
        (
            stages(
                r#""input_bounds": {"finite_set": {"points": [[0, 0], [1, 0]]}}, "#,
                r#"["on"]"#,
            ),
            "`on` is in a set that gives it no bounds of its own",
        ),
    ] {
        let error = Problem::from_json(&text, &TextLimits::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{text}: {error}");
        assert!(error.contains("integers"), "{error}");
    }
}

/// A day of relays with a price of each hour: what bounds have cost before says where to divide.
#[test]
fn a_day_of_relays_is_searched_to_its_end() {
    let file = r#"{"ocp": {"horizon": 24, "step": 1, "states": ["inside"], "inputs": ["on"], "parameters": ["start", "outside"],
        "initial_state": "start", "dynamics": {"derivative": ["(outside - inside)/8 + 3*on"]}, "stage_cost": "2*price*on",
        "data": {"price": [0.2, 0.2, 0.2, 0.2, 0.2, 0.25, 0.3, 0.4, 0.45, 0.4, 0.35, 0.3, 0.25, 0.25, 0.3, 0.35, 0.4, 0.5, 0.5,
                           0.45, 0.4, 0.3, 0.25, 0.2]},
        "input_bounds": {"min": 0, "max": 1}, "integers": "on",
        "path_constraints": [{"expression": "19 <= inside <= 22", "at": "after_first", "soft": {"l2": 2}}]}}"#;
    let solution = solve(file, &[20.0, 5.0]);
    let search = solution.integers.unwrap();
    println!("{} nodes, {:?}", search.nodes, solution.counters);
    assert!(
        solution.status == Status::Converged && (solution.cost - 9.472_748_149_323).abs() < 1e-6,
        "{solution:?}"
    );
    // The integer that is farthest from one took 4,724.
    assert!(search.nodes < 3000, "{search:?}");
}
