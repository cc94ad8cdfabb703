//! Prints the cost of each benchmark problem: `cargo run --release -p labwire-benches --example evaluations`.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]

use std::time::Instant;

use labwire_benches::problems;
use labwire_core::solve::{Settings, Solver, SolverError, Start};

fn main() -> Result<(), SolverError> {
    println!("| problem | status | evaluations | inner | outer | error of f | residual | violation | us |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for mut problem in problems::all() {
        let settings = Settings::default()
            .with_tolerance(1e-6)
            .with_delta_tolerance(1e-6);
        let mut solver = Solver::new(problem.structure.clone(), settings)?;
        let mut best = f64::INFINITY;
        for _ in 0..50 {
            let begin = Instant::now();
            solver.solve(problem.functions.as_mut(), &Start::cold(problem.start.clone()))?;
            best = best.min(begin.elapsed().as_secs_f64() * 1e6);
        }
        let counters = solver.counters();
        println!(
            "| {} | {:?} | {} | {} | {} | {:.1e} | {:.1e} | {:.1e} | {best:.1} |",
            problem.name,
            solver.status(),
            counters.evaluations,
            counters.inner_iterations,
            counters.outer_iterations,
            solver.cost() - problem.optimum,
            solver.residual(),
            solver.violation(),
        );
    }
    Ok(())
}
