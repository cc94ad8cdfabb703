//! The same problems in other units: the same solution and status, and at most twice the evaluations.

use labwire_acceptance::{
    HOCK_SCHITTKOWSKI, MORE_GARBOW_HILLSTROM, OptimalControl, Row, STAGE_UNIT_CHANGES, StageUnits,
    UNIT_CHANGES, Units, optimal_control, same_in_stage_units, same_in_units,
};
use labwire_core::problem::{Problem, ProblemSolver, Solution, TextLimits};
use labwire_core::sets::Set;
use labwire_core::solve::{Magnitudes, Settings, Solver, Structure};

/// Parts of a hundred of the changes that make no difference: raised when the solver improves. In release,
/// `--bin units` solves each problem in all of them.
const REACHED: f64 = 92.0;
/// Problems in which no change makes a difference.
const INVARIANT: [&str; 20] = [
    "HS1",
    "HS3",
    "HS4",
    "HS5",
    "HS7",
    "HS8",
    "HS12",
    "HS18",
    "HS21",
    "HS28",
    "HS35",
    "HS43",
    "HS44",
    "HS48",
    "HS71",
    "HS76",
    "HS86",
    "HS100",
    "HS113",
    "rosenbrock",
];

fn solved() -> Vec<Row> {
    let mut rows = HOCK_SCHITTKOWSKI.solve();
    rows.extend(MORE_GARBOW_HILLSTROM.solve());
    rows.retain(Row::is_optimum);
    rows
}

/// Every problem in two of the changes.
#[test]
fn problems_have_the_same_solution_in_other_units() {
    let (mut count, mut differences) = (0, Vec::new());
    for (i, row) in solved().iter().enumerate() {
        for place in [i, i + 6] {
            let (name, choose) = UNIT_CHANGES[place % UNIT_CHANGES.len()];
            let Some(units) = Units::chosen(&row.known.problem, choose, i as u64) else {
                continue;
            };
            count += 1;
            if let Some((_, text)) = same_in_units(row, &units) {
                differences.push(format!("{name}: {text}"));
            }
        }
    }
    let same = 100.0 * (1.0 - differences.len() as f64 / f64::from(count));
    assert!(
        count > 200 && same >= REACHED,
        "{same:.1} % of {count} are the same, before {REACHED} %\n{}",
        differences.join("\n")
    );
}

#[test]
fn some_problems_are_the_same_in_all_units() {
    let rows = solved();
    for name in INVARIANT {
        let row = rows.iter().find(|row| row.known.problem.name() == name);
        let row = row.unwrap_or_else(|| panic!("{name} is not solved"));
        for (change, choose) in UNIT_CHANGES {
            if let Some(units) = Units::chosen(&row.known.problem, choose, 1) {
                let difference = same_in_units(row, &units);
                assert_eq!(difference, None, "{change}");
            }
        }
    }
}

/// Problems of stages in which no change makes a difference.
const INVARIANT_STAGES: [&str; 5] = ["nav20", "navobs20", "race20", "chain3_40", "quad20"];

fn of_stages(name: &str) -> OptimalControl {
    let found = optimal_control().into_iter().find(|problem| problem.name == name);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn problems_of_stages_are_the_same_in_all_units() {
    for name in INVARIANT_STAGES {
        let problem = of_stages(name);
        let mut solver = ProblemSolver::new(&problem.problem).unwrap();
        let own = solver.solve(&problem.parameters).unwrap();
        assert!(own.is_converged(), "{own:?}");
        for (change, choose) in STAGE_UNIT_CHANGES {
            if let Some(units) = StageUnits::chosen(&problem, choose, 1) {
                let difference = same_in_stage_units(&problem, &own, &units);
                assert_eq!(difference, None, "{change}");
            }
        }
    }
}

/// What a solve gives besides its solution is in the units of the problem: multipliers, states, sensitivities.
#[test]
fn results_of_stages_are_in_the_units_of_the_problem() {
    let problem = of_stages("race20");
    let units = StageUnits {
        states: vec![1e3, 1e-2, 1.0, 1e4, 1e2],
        inputs: vec![1e3, 1e-3],
        cost: 1e4,
        constraints: vec![1e3, 1.0, 1e-3, 1e2],
    };
    let results = |problem: &OptimalControl| {
        let mut solver = ProblemSolver::new(&problem.problem).unwrap();
        let solution = solver.solve(&problem.parameters).unwrap();
        assert!(solution.is_converged(), "{solution:?}");
        let rates = solver.sensitivities().unwrap();
        let again = solver.solve(&problem.parameters).unwrap();
        assert!(again.is_converged(), "{again:?}");
        assert!(
            again.counters.inner_iterations <= solution.counters.inner_iterations / 2,
            "{again:?}"
        );
        (solution, rates)
    };
    let same = |found: f64, expected: f64, size: f64| {
        assert!((found - expected).abs() <= 1e-4 * size, "{found} for {expected}");
    };
    let ((own, rates), (other, other_rates)) = (results(&problem), results(&units.express(&problem)));
    for (i, unit) in (0..own.u.len()).zip(units.inputs.iter().cycle()) {
        same(other.u[i] / unit, own.u[i], 1.0);
        for (rate, own) in other_rates.variables[i].iter().zip(&rates.variables[i]) {
            same(rate / unit, *own, 1.0 + own.abs());
        }
    }
    for ((name, values), unit) in ["s", "n", "mu", "v", "delta"]
        .iter()
        .map(|name| (format!("{name}_in_units"), &own.variables[*name]))
        .zip(&units.states)
    {
        for (value, own) in other.variables[&name].iter().zip(values) {
            same(value / unit, *own, 1.0 + own.abs());
        }
    }
    // Three constraints on the way, from the second stage on, then the last.
    let m = own.f1_multipliers.len();
    let constraint_units = units.constraints[..3]
        .iter()
        .cycle()
        .take(m - 1)
        .chain(&units.constraints[3..]);
    for (i, unit) in constraint_units.enumerate() {
        same(
            other.f1_multipliers[i] * unit / units.cost,
            own.f1_multipliers[i],
            1.0,
        );
    }
}

/// Problem with and without typical magnitudes, and its cost.
const SCALED: [(&str, &str); 2] = [
    (
        r#"{"variables": {"force": {"scale": 1e6}, "gap": {"scale": 1e-4}}, "initial_guess": [1, 0],
        "cost": "(force/1e6 - 1)^4 + 10*(force/1e6 - 1 + gap*1e4)^2 + (gap*1e4 - 0.5)^4 + exp(gap*1e4)*1e-2",
        "f1": [{"expression": "force*gap <= 30", "scale": 100}], "solver": {"tolerance": 1e-9}}"#,
        r#"{"variables": {"force": 1, "gap": 1}, "initial_guess": [1, 0],
        "cost": "(force/1e6 - 1)^4 + 10*(force/1e6 - 1 + gap*1e4)^2 + (gap*1e4 - 0.5)^4 + exp(gap*1e4)*1e-2",
        "f1": ["force*gap <= 30"], "solver": {"tolerance": 1e-9}}"#,
    ),
    (
        r#"{"ocp": {"horizon": 20, "states": {"p": {"scale": 1e5}, "v": {"scale": 1e-2}}, "inputs": {"a": {"scale": 1e4}},
        "initial_state": [1, 0], "dynamics": {"next": ["p + 1e7*v", "v + 1e-6*a - 0.1*v"]},
        "stage_cost": "((p - 1e5)/1e5)^2 + 0.01*(a/1e4)^2 + 0.1*sin(p/1e5)"}}"#,
        r#"{"ocp": {"horizon": 20, "states": {"p": 1, "v": 1}, "inputs": {"a": 1},
        "initial_state": [1, 0], "dynamics": {"next": ["p + 1e7*v", "v + 1e-6*a - 0.1*v"]},
        "stage_cost": "((p - 1e5)/1e5)^2 + 0.01*(a/1e4)^2 + 0.1*sin(p/1e5)"}}"#,
    ),
];

/// Where the start says nothing of the sizes, those that the file says save work. The solution is the same, or more exact: the
/// tolerance is one in the units of the file.
#[test]
fn magnitudes_of_the_file_take_the_place_of_measured_ones() {
    for (scaled, measured) in SCALED {
        let solve = |text: &str| {
            let problem = Problem::from_json(text, &TextLimits::default()).unwrap();
            let solution = ProblemSolver::new(problem).unwrap().solve(&[]).unwrap();
            assert!(solution.is_converged(), "{solution:?}");
            solution
        };
        let (with, without) = (solve(scaled), solve(measured));
        let work = |solution: &Solution| solution.counters.evaluations;
        assert!(
            work(&with) < work(&without),
            "{} for {}",
            work(&with),
            work(&without)
        );
        let gain = without.cost - with.cost;
        let size = without.cost.abs();
        assert!(
            (-1e-9 * size..1e-4 * size).contains(&gain),
            "{} for {}",
            with.cost,
            without.cost
        );
    }
}

#[test]
fn magnitudes_that_do_not_fit_are_refused() {
    let solver = || Solver::new(Structure::unconstrained(2, Set::All), Settings::default()).unwrap();
    for (variables, message) in [
        (
            vec![Some(1.0)],
            "magnitudes of the variables: 1 numbers, expected 2",
        ),
        (
            vec![None, Some(-1.0)],
            "magnitudes of the variables: entry 1 is -1, expected a positive number",
        ),
        (
            vec![None, Some(f64::INFINITY)],
            "magnitudes of the variables: entry 1 is inf, expected a positive number",
        ),
    ] {
        let magnitudes = Magnitudes {
            variables,
            ..Magnitudes::default()
        };
        assert_eq!(
            solver().with_magnitudes(magnitudes).unwrap_err().to_string(),
            message
        );
    }
}
