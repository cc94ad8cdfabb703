//! Optimal-control problems on which no default was chosen, judged by code of their own: every one is solved, and costs no more
//! than has been reached.

use labwire_acceptance::{StagesTruth, Verdict, judge_stages, optimal_control, optimal_control_in};
use labwire_core::problem::ProblemSolver;

const TOLERANCE: f64 = 1e-6;

/// Costs that were reached.
const COSTS: [(&str, f64); 12] = [
    ("crane", 10.181400),
    ("gap", 25.107733),
    ("goddard", -101.281330),
    ("pendulum", 2.773852),
    ("reactor", 0.894843),
    ("rocket", 3.505437),
    ("spin", 6.923478),
    ("springs", 3.049520),
    ("tanks", 2.373311),
    ("transfer", 15.037594),
    ("transfer_bounded", -0.98),
    ("van_der_pol", 30.108548),
];

#[test]
fn every_problem_is_solved() {
    let problems = optimal_control_in("control");
    assert_eq!(problems.len(), COSTS.len());
    for problem in problems {
        let settings = problem.problem.settings().clone();
        let settings = settings.with_tolerance(TOLERANCE).with_delta_tolerance(TOLERANCE);
        let mut solver =
            ProblemSolver::with_settings(&problem.problem, settings).unwrap_or_else(|e| panic!("{e}"));
        let solution = solver
            .solve(&problem.parameters)
            .unwrap_or_else(|e| panic!("{e}"));
        let StagesTruth { truth, .. } = judge_stages(&problem, &solution);
        let verdict = Verdict::new(&solution.status, &truth, TOLERANCE);
        let name = &problem.name;
        assert_eq!(
            verdict,
            Verdict::Converged,
            "{name}: {:?} {truth:?}",
            solution.status
        );
        let reached = COSTS.iter().find(|(known, _)| known == name);
        let (_, cost) = reached.unwrap_or_else(|| panic!("{name} has no cost"));
        assert!(
            truth.cost <= cost + 1e-5 * (1.0 + cost.abs()),
            "{name}: {} instead of {cost}",
            truth.cost
        );
    }
}

/// The cheapest transfer of a double integrator over N steps of length h: the least-norm solution of its two end conditions.
#[test]
fn the_transfer_is_that_of_the_closed_form() {
    let problem = named("transfer");
    let mut solver = ProblemSolver::new(&problem.problem).unwrap_or_else(|e| panic!("{e}"));
    let solution = solver
        .solve(&problem.parameters)
        .unwrap_or_else(|e| panic!("{e}"));
    let (steps, h) = (20, 0.1);
    // `p = sum_t h^2 (N - 1 - t) a_t` and `v = sum_t h a_t`.
    let reach: Vec<f64> = (0..steps).map(|t| h * h * f64::from(steps - 1 - t)).collect();
    let (pp, pv, vv) = (
        reach.iter().map(|r| r * r).sum::<f64>(),
        reach.iter().map(|r| r * h).sum::<f64>(),
        f64::from(steps) * h * h,
    );
    let determinant = pp * vv - pv * pv;
    let (of_p, of_v) = (vv / determinant, -pv / determinant);
    for (a, r) in solution.u.iter().zip(&reach) {
        let expected = of_p * r + of_v * h;
        assert!((a - expected).abs() < 1e-4, "{a} {expected}");
    }
}

/// The farthest that a bounded input goes and comes to rest: full power ahead, then full power back.
#[test]
fn the_bounded_transfer_switches_once() {
    let problem = named("transfer_bounded");
    let mut solver = ProblemSolver::new(&problem.problem).unwrap_or_else(|e| panic!("{e}"));
    let solution = solver
        .solve(&problem.parameters)
        .unwrap_or_else(|e| panic!("{e}"));
    let (ahead, back) = solution.u.split_at(10);
    assert!(ahead.iter().all(|a| (a - 1.0).abs() < 1e-4), "{ahead:?}");
    assert!(back.iter().all(|a| (a + 1.0).abs() < 1e-4), "{back:?}");
}

fn named(name: &str) -> labwire_acceptance::OptimalControl {
    let problems = optimal_control_in("control").into_iter();
    let mut named = problems.filter(|problem| problem.name == name);
    named.next().unwrap_or_else(|| panic!("there is no {name}"))
}

/// A cart-pole as a newcomer writes it, whose inputs meet their bounds one after the other.
#[test]
fn the_newcomers_cart_swings_up_within_a_hundred_iterations() {
    let mut problems = optimal_control().into_iter();
    let problem = problems.find(|problem| problem.name == "newcomer-cart");
    let problem = problem.unwrap_or_else(|| panic!("there is no such problem"));
    let solved = ProblemSolver::new(&problem.problem).map(|mut solver| solver.solve(&problem.parameters));
    let Ok(Ok(solution)) = solved else {
        panic!("{solved:?}");
    };
    assert!(solution.is_converged(), "{solution:?}");
    assert!((solution.cost - 293.23027).abs() < 1e-4, "{}", solution.cost);
    assert!(
        solution.counters.inner_iterations <= 100,
        "{:?}",
        solution.counters
    );
}
