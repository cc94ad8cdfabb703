//! The Hock-Schittkowski problems, solved and judged: `cargo run --release -p labwire-acceptance --bin hock_schittkowski`.
//! Fails if one claim is false, or the totals fall below what the solver has reached before.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]

use std::process::ExitCode;

use labwire_acceptance::{HockSchittkowski, Truth, Verdict, hock_schittkowski, judge};
use labwire_core::problem::{ProblemSolver, Solution, SolveError};
use labwire_core::solve::{Counters, Structure};

/// Tolerance of residual and violation in every file.
const TOLERANCE: f64 = 1e-6;

/// Totals that have been reached: raised when the solver improves.
const REACHED: Totals = Totals {
    optima: 96,
    kkt_points: 107,
    false_claims: 7,
    work: 56.5,
};

#[derive(Clone, Copy, Debug)]
struct Totals {
    /// Problems that converged, to the listed optimum or a better one.
    optima: usize,
    /// Problems solved to a KKT point.
    kkt_points: usize,
    /// Claims that are untrue.
    false_claims: usize,
    /// Geometric mean of the evaluations.
    work: f64,
}

fn main() -> Result<ExitCode, SolveError> {
    println!(
        "problem        n   m  class          evals  prods  cost             above optimum  residual  violation  status"
    );
    let mut rows = Vec::new();
    for problem in hock_schittkowski() {
        let solution = ProblemSolver::new(&problem.problem)?.solve(&[])?;
        rows.push(Row::new(&problem, &solution));
    }
    let totals = Totals {
        optima: rows.iter().filter(|row| row.is_optimum).count(),
        kkt_points: rows
            .iter()
            .filter(|row| row.truth.is_kkt_point(TOLERANCE))
            .count(),
        false_claims: rows.iter().filter(|row| row.verdict.is_false()).count(),
        work: (rows.iter().map(|row| row.work.ln()).sum::<f64>() / rows.len() as f64).exp(),
    };
    println!(
        "{} problems: {} to the listed optimum or a better one, {} to a KKT point, {} false claims; \
         geometric mean of the evaluations {:.1}",
        rows.len(),
        totals.optima,
        totals.kkt_points,
        totals.false_claims,
        totals.work
    );
    println!("reached before: {REACHED:?}");
    let holds = totals.optima >= REACHED.optima
        && totals.kkt_points >= REACHED.kkt_points
        && totals.false_claims <= REACHED.false_claims
        && totals.work <= REACHED.work;
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Row {
    truth: Truth,
    verdict: Verdict,
    is_optimum: bool,
    work: f64,
}

impl Row {
    /// Judges an answer, and prints it.
    fn new(problem: &HockSchittkowski, solution: &Solution) -> Self {
        let structure = Structure::from(&problem.problem);
        let multipliers = [&*solution.f1_multipliers, &solution.f2_multipliers].concat();
        let truth = judge(
            &mut problem.problem.evaluator(),
            &structure,
            &solution.u,
            &multipliers,
        );
        let verdict = Verdict::new(&solution.status, &truth, TOLERANCE);
        let counters = &solution.counters;
        let is_optimum = verdict == Verdict::Converged && truth.reaches(problem.optimum, TOLERANCE);
        println!(
            "{:<10} {:>5} {:>3}  {:<12} {:>7} {:>6}  {:<15.9e} {:>14.1e} {:>9.1e} {:>10.1e}  {}{} {}",
            problem.problem.name(),
            structure.num_variables,
            structure.num_constraints(),
            problem.class,
            counters.evaluations,
            counters.hessian_products,
            truth.cost,
            truth.cost - problem.optimum,
            truth.residual,
            truth.violation,
            solution.status.name(),
            if is_optimum { "" } else { ", not the optimum" },
            verdict.remark(),
        );
        Self {
            truth,
            verdict,
            is_optimum,
            work: work(counters),
        }
    }
}

/// Evaluations: cost and gradient count as one, a product with the Hessian as two.
fn work(counters: &Counters) -> f64 {
    (counters.evaluations + 2 * counters.hessian_products) as f64
}
