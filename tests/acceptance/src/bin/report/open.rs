//! OpEn's solver (crate optimization_engine), with its default settings and the limits of the comparison.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use labwire_benches::problems::BenchmarkProblem;
use optimization_engine::SolverError;
use optimization_engine::alm::{AlmCache, AlmOptimizer, AlmProblem, NO_MAPPING};
use optimization_engine::constraints::Rectangle;
use optimization_engine::core::{ExitStatus, Problem};
use optimization_engine::panoc::{PANOCCache, PANOCOptimizer};

use crate::{Run, TIMED_SOLVES, median};

const MEMORY: usize = 10;
const MAX_INNER: usize = 5000;
const MAX_OUTER: usize = 50;

/// Solves `problem` at `tolerance`, `solves` times.
fn solve(problem: &mut BenchmarkProblem, tolerance: f64, solves: usize) -> Option<Run> {
    let structure = problem.structure.clone();
    let (n, m) = (structure.num_variables, structure.num_constraints());
    let (min, max) = structure.set.bounds(n)?;
    let set = Rectangle::new(Some(&min), Some(&max));
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for block in &structure.constraints {
        let (min, max) = block.set.bounds(block.len)?;
        low.extend(min);
        high.extend(max);
    }
    let costs = Cell::new(0);
    let gradients = Cell::new(0);
    let functions = RefCell::new(&mut problem.functions);
    let mut g = vec![0.0; m];
    let g = RefCell::new(&mut g);
    // Cost and constraints come from one sweep, as in labwire. The formulas are those of OpEn's AlmFactory.
    let weigh = |xi: &[f64], g: &mut [f64]| -> f64 {
        if xi.is_empty() {
            return 0.0;
        }
        let (penalty, multipliers) = (xi[0], &xi[1..]);
        let mut cost = 0.0;
        for (i, g) in g.iter_mut().enumerate() {
            let zeta = *g + multipliers[i] / penalty.max(1.0);
            let error = zeta - zeta.clamp(low[i], high[i]);
            cost += 0.5 * penalty * error * error;
            *g = penalty * error;
        }
        cost
    };
    let psi = |u: &[f64], xi: &[f64], cost: &mut f64| -> Result<(), SolverError> {
        costs.set(costs.get() + 1);
        let g = &mut **g.borrow_mut();
        *cost = functions.borrow_mut().forward(u, g) + weigh(xi, g);
        Ok(())
    };
    let d_psi = |u: &[f64], xi: &[f64], gradient: &mut [f64]| -> Result<(), SolverError> {
        gradients.set(gradients.get() + 1);
        let g = &mut **g.borrow_mut();
        let mut functions = functions.borrow_mut();
        functions.forward(u, g);
        weigh(xi, g);
        functions.reverse(u, g, gradient);
        Ok(())
    };
    let f1 = |u: &[f64], values: &mut [f64]| -> Result<(), SolverError> {
        functions.borrow_mut().forward(u, values);
        Ok(())
    };
    let start = problem.start.clone();
    let mut u = start.clone();
    let mut times = Vec::new();
    let mut outcome = (false, 0);
    let mut panoc_cache = PANOCCache::new(n, tolerance, MEMORY);
    let set_c = Rectangle::new(Some(&low), Some(&high));
    let (lowest, highest) = (vec![-1e12; m], vec![1e12; m]);
    let set_y = Rectangle::new(Some(&lowest), Some(&highest));
    for _ in 0..solves {
        // Created anew, outside the timed section: it keeps the penalty and multipliers of a solve.
        let mut alm_cache = AlmCache::new(PANOCCache::new(n, tolerance, MEMORY), m, 0);
        u.copy_from_slice(&start);
        costs.set(0);
        gradients.set(0);
        let begin = Instant::now();
        outcome = if m == 0 {
            let problem = Problem::new(
                &set,
                |u: &[f64], g: &mut [f64]| d_psi(u, &[], g),
                |u: &[f64], c: &mut f64| psi(u, &[], c),
            );
            let status = PANOCOptimizer::new(problem, &mut panoc_cache)
                .with_max_iter(MAX_INNER)
                .solve(&mut u)
                .ok()?;
            (status.has_converged(), status.iterations())
        } else {
            let problem = AlmProblem::new(
                set,
                Some(set_c),
                Some(set_y),
                psi,
                d_psi,
                Some(f1),
                NO_MAPPING,
                m,
                0,
            );
            let status = AlmOptimizer::new(&mut alm_cache, problem)
                .with_epsilon_tolerance(tolerance)
                .with_delta_tolerance(tolerance)
                .with_initial_inner_tolerance(tolerance.max(0.1))
                .with_max_inner_iterations(MAX_INNER)
                .with_max_outer_iterations(MAX_OUTER)
                .with_initial_lagrange_multipliers(&vec![0.0; m])
                .solve(&mut u)
                .ok()?;
            (
                status.exit_status() == ExitStatus::Converged,
                status.num_inner_iterations(),
            )
        };
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    Some(Run {
        solution: u,
        claims_converged: outcome.0,
        microseconds: median(&mut times),
        iterations: outcome.1 as u64,
        costs: costs.get(),
        gradients: gradients.get(),
        hessian_products: 0,
        tolerance,
    })
}

/// Sweeps OpEn's tolerance; takes its fastest run for which `is_good` holds.
pub(crate) fn best_run(
    problem: &mut BenchmarkProblem,
    is_good: impl Fn(&mut BenchmarkProblem, &[f64]) -> bool,
) -> Option<Run> {
    let mut best: Option<Run> = None;
    for exponent in 3..=12 {
        let tolerance = 10f64.powi(-exponent);
        if let Some(run) = solve(problem, tolerance, 3)
            && is_good(problem, &run.solution)
            && best
                .as_ref()
                .is_none_or(|best| run.microseconds < best.microseconds)
        {
            best = Some(run);
        }
    }
    solve(problem, best?.tolerance, TIMED_SOLVES)
}

/// Run at the requested tolerance.
pub(crate) fn plain_run(problem: &mut BenchmarkProblem) -> Option<Run> {
    solve(problem, 1e-6, TIMED_SOLVES)
}
