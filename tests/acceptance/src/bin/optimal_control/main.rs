//! The optimal-control problems, solved and judged: `cargo run --release -p labwire-acceptance --bin optimal_control`; with
//! names as arguments only these. Fails if a claim is false, or a problem is no longer solved. With `warm` as the first
//! argument: steps of model predictive control.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]
#![allow(clippy::expect_used, reason = "it stops when something is wrong")]

mod warm;

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use labwire_acceptance::{OptimalControl, StagesTruth, Verdict, judge_stages, optimal_control};
use labwire_core::problem::{ProblemSolver, Solution};
use labwire_core::solve::Settings;
use labwire_core::time;

/// Tolerance of residual and violation.
const TOLERANCE: f64 = 1e-6;
/// Time after which a solve is given up.
const LONGEST: Duration = Duration::from_secs(10);
/// Solves whose median time is printed, if they take no longer together than `ENOUGH`.
const SOLVES: usize = 15;
const ENOUGH: Duration = Duration::from_millis(500);

/// Problems that are not solved yet, or not within `LONGEST`: shortened when the solver improves.
const UNSOLVED: [&str; 0] = [];

fn main() -> ExitCode {
    let names: Vec<String> = env::args().skip(1).collect();
    if names.first().is_some_and(|name| name == "warm") {
        return match warm::run(&names[1..]) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        };
    }
    let chosen = |problem: &OptimalControl| names.is_empty() || names.contains(&problem.name);
    println!(
        "problem         n    ms         evals  hess   prods  iterations  cost           residual  violation  defect   status"
    );
    let (mut is_good, mut solved, mut count) = (true, 0, 0);
    let mut logarithms = 0.0;
    for problem in optimal_control().into_iter().filter(chosen) {
        let (solution, milliseconds) = solve(&problem);
        let StagesTruth { truth, defect } = judge_stages(&problem, &solution);
        let verdict = Verdict::new(&solution.status, &truth, TOLERANCE);
        let counters = &solution.counters;
        println!(
            "{:<14} {:>4} {:>10.3} {:>8} {:>5} {:>7} {:>6}/{:<4} {:>14.7e} {:>9.1e} {:>9.1e} {:>8.1e}  {} {}",
            problem.name,
            solution.u.len(),
            milliseconds,
            counters.evaluations,
            counters.hessian_evaluations,
            counters.hessian_products,
            counters.inner_iterations,
            counters.outer_iterations,
            truth.cost,
            truth.residual,
            truth.violation,
            defect,
            solution.status.name(),
            verdict.remark(),
        );
        count += 1;
        solved += usize::from(verdict == Verdict::Converged);
        logarithms += milliseconds.ln();
        is_good &= !verdict.is_false();
        is_good &= verdict == Verdict::Converged || UNSOLVED.contains(&problem.name.as_str());
    }
    let mean = (logarithms / f64::from(count.max(1))).exp();
    println!("{count} problems: {solved} solved; geometric mean of the times {mean:.2} ms");
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Solves from cold; the median time in milliseconds of some solves.
fn solve(problem: &OptimalControl) -> (Solution, f64) {
    let settings = settings(problem).with_max_duration(LONGEST);
    let begun = Instant::now();
    let clock = || time::Instant::from_nanos(begun.elapsed().as_nanos() as u64);
    let mut times = Vec::new();
    loop {
        let mut solver =
            ProblemSolver::with_settings(&problem.problem, settings.clone()).expect("the settings are valid");
        let start = Instant::now();
        let solution = solver
            .solve_timed(&problem.parameters, clock)
            .expect("the parameters fit");
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if times.len() >= SOLVES || begun.elapsed() >= ENOUGH {
            times.sort_by(f64::total_cmp);
            return (solution, times[times.len() / 2]);
        }
    }
}

fn settings(problem: &OptimalControl) -> Settings {
    let settings = problem.problem.settings().clone();
    settings.with_tolerance(TOLERANCE).with_delta_tolerance(TOLERANCE)
}
