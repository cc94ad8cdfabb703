//! The solver on problems that are difficult for a quasi-Newton method alone.

use std::mem;

use labwire_benches::expressions;
use labwire_benches::problems::{self, Navigation, random_states, rosenbrock_cost};
use labwire_core::problem::{Problem, ProblemSolver, StartOptions, TextLimits};
use labwire_core::service::Busy;
use labwire_core::sets::Set;
use labwire_core::solve::{Cost, Counters, Functions, Settings, Solver, Start, Status, Structure};
use labwire_core::time::Instant;

/// Solves the Rosenbrock function of `n` variables from (-1.2, 1, -1.2, 1, ...).
#[allow(clippy::unwrap_used, reason = "test helper")]
fn solve_rosenbrock(n: usize, functions: &mut dyn Functions) -> Counters {
    let set = Set::Box {
        min: vec![-2.0; n],
        max: vec![2.0; n],
    };
    let start = (0..n).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
    let mut settings = Settings::default();
    settings.tolerance = 1e-8;
    let mut solver = Solver::new(Structure::unconstrained(n, set), settings).unwrap();
    solver.start(Instant::ZERO, &Start::cold(start)).unwrap();
    let mut products = 0;
    // A host can look at its clock after every one.
    while solver.step(functions, Instant::ZERO, 1).unwrap() == Busy::Yes {
        let before = mem::replace(&mut products, solver.counters().hessian_products);
        assert!(products <= before + 1);
    }
    assert_eq!(solver.status(), &Status::Converged);
    let mut gradient = vec![0.0; n];
    rosenbrock_cost(solver.solution(), 1.0, 100.0, &mut gradient);
    assert!(gradient.iter().all(|g| g.abs() <= 1e-8));
    solver.counters()
}

#[test]
fn newton_steps_lead_out_of_a_long_valley() {
    let n = 200;
    let mut text = expressions::rosenbrock(n).evaluator();
    text.set_parameters(&[1.0, 100.0]);
    let exact = solve_rosenbrock(n, &mut text);
    assert!(exact.hessian_products > 0, "{exact:?}");

    // Closures have no second derivatives: their products are differences of gradients.
    let mut closure = Cost::new(n, |u: &[f64], gradient: &mut [f64]| {
        rosenbrock_cost(u, 1.0, 100.0, gradient)
    });
    let differences = solve_rosenbrock(n, &mut closure);
    assert_eq!(differences.hessian_products, 0);
    assert!(
        exact.evaluations + 2 * exact.hessian_products < 5_000,
        "{exact:?}"
    );
    assert!(differences.evaluations < 5_000, "{differences:?}");
}

/// Problem whose constraints have other units: row i times `units[i % 2]`, the cost times `cost_unit`.
struct InOtherUnits<'a> {
    functions: &'a mut dyn Functions,
    cost_unit: f64,
    units: [f64; 2],
    multipliers: Vec<f64>,
}

impl Functions for InOtherUnits<'_> {
    fn num_variables(&self) -> usize {
        self.functions.num_variables()
    }

    fn num_constraints(&self) -> usize {
        self.functions.num_constraints()
    }

    fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        let cost = self.functions.forward(u, g);
        for (i, g) in g.iter_mut().enumerate() {
            *g *= self.units[i % 2];
        }
        self.cost_unit * cost
    }

    fn reverse(&mut self, u: &[f64], y: &[f64], gradient: &mut [f64]) {
        self.multipliers.clear();
        let in_units = |(i, y)| self.units[i % 2] * y / self.cost_unit;
        self.multipliers.extend(y.iter().enumerate().map(in_units));
        self.functions.reverse(u, &self.multipliers, gradient);
        gradient.iter_mut().for_each(|g| *g *= self.cost_unit);
    }
}

#[test]
#[allow(clippy::unwrap_used, reason = "stops when something is wrong")]
fn the_units_of_cost_and_constraints_do_not_matter() {
    for (cost_unit, units) in [
        (1.0, [1.0; 2]),
        (1e3, [1.0; 2]),
        (1e-3, [1.0; 2]),
        (1.0, [1e3; 2]),
        (1.0, [1e-3; 2]),
        (1.0, [1.0, 1e4]),
        (1.0, [1e-2, 1e2]),
    ] {
        for mut problem in problems::all() {
            let num_constraints = problem.structure.num_constraints();
            if num_constraints == 0 {
                continue;
            }
            let mut structure = problem.structure.clone();
            let mut row = 0;
            for block in &mut structure.constraints {
                let (mut min, mut max) = block.set.bounds(block.len).unwrap();
                for (min, max) in min.iter_mut().zip(&mut max) {
                    *min *= units[row % 2];
                    *max *= units[row % 2];
                    row += 1;
                }
                block.set = Set::Box { min, max };
            }
            let mut settings = Settings::default();
            settings.tolerance = 1e-6 * cost_unit;
            settings.delta_tolerance = 1e-6 * units[0];
            let mut solver = Solver::new(structure, settings).unwrap();
            let mut functions = InOtherUnits {
                functions: problem.functions.as_mut(),
                cost_unit,
                units,
                multipliers: Vec::new(),
            };
            let start = Start::cold(problem.start.clone());
            let status = solver.solve(&mut functions, &start).unwrap().clone();
            let (name, evaluations) = (&problem.name, solver.counters().evaluations);
            assert_eq!(status, Status::Converged, "{name}, {cost_unit} {units:?}");
            assert!(
                evaluations <= 200,
                "{name}, {cost_unit} {units:?}: {evaluations} evaluations"
            );
        }
    }
}

#[test]
#[allow(clippy::unwrap_used, reason = "stops when something is wrong")]
fn ends_that_are_no_solutions_are_told_apart() {
    let status = |cost: fn(f64) -> (f64, f64)| {
        let mut functions = Cost::new(1, move |u: &[f64], gradient: &mut [f64]| {
            let (value, slope) = cost(u[0]);
            gradient[0] = slope;
            value
        });
        let structure = Structure::unconstrained(1, Set::All);
        let mut solver = Solver::new(structure, Settings::default()).unwrap();
        let status = solver
            .solve(&mut functions, &Start::cold(vec![0.25]))
            .unwrap()
            .clone();
        assert!(solver.counters().evaluations < 4_000);
        status
    };
    assert_eq!(status(|u| (u, 1.0)), Status::Unbounded);
    assert_eq!(status(|u| (-u.exp(), -u.exp())), Status::Unbounded);
    assert_eq!(
        status(|u| (u.ln(), 1.0 / u)),
        Status::Stalled,
        "no minimum: -inf at 0"
    );
    let jump = |u: f64| {
        (
            if u > 0.5 { 1.0 } else { 0.0 } + (u - 1.0) * (u - 1.0),
            2.0 * (u - 1.0),
        )
    };
    assert_eq!(status(jump), Status::Stalled);
    assert_eq!(status(|_| (f64::NAN, 0.0)), Status::NotFinite);
}

#[test]
#[allow(clippy::unwrap_used, reason = "stops when something is wrong")]
fn multiple_shooting_finds_what_single_shooting_finds() {
    const FILE: &str = include_str!("../../core/model/problems/trailer.json");
    let solve = |text: &str| {
        let problem = Problem::from_json(text, &TextLimits::default()).unwrap();
        let solution = ProblemSolver::new(problem)
            .unwrap()
            .solve(&[-1.0, 2.0, 0.0])
            .unwrap();
        assert!(solution.is_converged(), "{:?}", solution.counters);
        solution.cost
    };
    let multiple = FILE.replace("\"horizon\"", "\"shooting\": \"multiple\", \"horizon\"");
    assert!((solve(FILE) - solve(&multiple)).abs() < 1e-3);
}

#[test]
#[allow(clippy::unwrap_used, reason = "stops when something is wrong")]
fn the_trailer_arrives_from_anywhere() {
    let set = Set::Box {
        min: vec![-3.0; 40],
        max: vec![3.0; 40],
    };
    let mut settings = Settings::default();
    settings.tolerance = 1e-6;
    let mut solver = Solver::new(Structure::unconstrained(40, set), settings).unwrap();
    for initial in random_states(1).take(200) {
        let mut functions = Navigation::new(20, initial, false);
        let status = solver.solve(&mut functions, &Start::cold(vec![0.0; 40])).unwrap();
        assert_eq!(status, &Status::Converged, "from {initial:?}");
        let mut gradient = [0.0; 40];
        functions.forward(solver.solution(), &mut []);
        functions.reverse(solver.solution(), &[], &mut gradient);
        for (u, g) in solver.solution().iter().zip(&gradient) {
            let is_blocked = (*u <= -3.0 && *g > 0.0) || (*u >= 3.0 && *g < 0.0);
            assert!(is_blocked || g.abs() <= 1e-6, "from {initial:?}");
        }
    }
}

/// A solve that stalls on every inner problem, and whose outer iterations need no evaluation.
#[test]
#[allow(clippy::unwrap_used, reason = "stops when something is wrong")]
fn a_step_ends_even_if_nothing_is_evaluated() {
    let text = r#"{
        "variables": {"u": 50},
        "cost": "sum(i in 0..49, exp(u[i] + 0.1*u[i+1]) - 1.3*u[i]) + u[49]^2",
        "f1": {"expressions": ["u[0]"], "set": {"box": {"max": 500}}},
        "solver": {"tolerance": 1e-300, "max_outer_iterations": 4000000000}
    }"#;
    let problem = Problem::from_json(text, &TextLimits::default()).unwrap();
    let mut solver = ProblemSolver::new(problem).unwrap();
    solver
        .start(Instant::ZERO, &[], &StartOptions::default())
        .unwrap();
    for _ in 0..1000 {
        solver.step(Instant::ZERO, 100).unwrap();
    }
    assert!(solver.progress().counters.outer_iterations <= 100_000);
}
