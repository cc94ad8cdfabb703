//! labwire's solver.

use std::time::Instant;

use labwire_benches::problems::BenchmarkProblem;
use labwire_core::solve::{Functions, Settings, Solver, SolverError, Start, Status, Structure};

use crate::{Run, median};

/// Solves `problem` `solves` times at the tolerance 1e-6, with `functions` in place of its own.
pub(crate) fn run(
    problem: &BenchmarkProblem,
    functions: &mut dyn Functions,
    solves: usize,
) -> Result<Run, SolverError> {
    let settings = Settings::default()
        .with_tolerance(1e-6)
        .with_delta_tolerance(1e-6);
    let structure: Structure = problem.structure.clone();
    let mut solver = Solver::new(structure, settings)?;
    let start = Start::cold(problem.start.clone());
    let mut times = Vec::new();
    for _ in 0..solves {
        let begin = Instant::now();
        solver.solve(functions, &start)?;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let counters = solver.counters();
    Ok(Run {
        solution: solver.solution().to_vec(),
        claims_converged: solver.status() == &Status::Converged,
        microseconds: median(&mut times),
        iterations: counters.inner_iterations,
        costs: counters.evaluations,
        gradients: counters.evaluations,
        hessian_products: counters.hessian_products,
        tolerance: 1e-6,
    })
}
