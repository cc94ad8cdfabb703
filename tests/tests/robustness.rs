//! What the solver does where a quasi-Newton method alone has a hard time.

use labwire_benches::expressions;
use labwire_benches::problems::rosenbrock_cost;
use labwire_core::service::Busy;
use labwire_core::sets::Set;
use labwire_core::solve::{Cost, Counters, Functions, Settings, Solver, Start, Status, Structure};

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
    solver.start(&Start::cold(start)).unwrap();
    while solver.step(functions, 100) == Busy::Yes {}
    assert_eq!(solver.status(), Some(&Status::Converged));
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

    // A closure knows no second derivatives: its products are differences of gradients.
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
