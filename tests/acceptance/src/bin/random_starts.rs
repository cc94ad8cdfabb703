//! Solver on 500 random starts of the trailer: `cargo run --release -p labwire-acceptance --bin random_starts`.
//! Fails if fewer than 99.5 % converge, or if one claims convergence wrongly.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]

use std::process::ExitCode;

use labwire_benches::problems::{Navigation, random_states};
use labwire_core::sets::Set;
use labwire_core::solve::{Functions, Settings, Solver, SolverError, Start, Status, Structure};

const SEED: u64 = 1;
const STARTS: usize = 500;
const HORIZON: usize = 20;

fn main() -> Result<ExitCode, SolverError> {
    let set = Set::Box {
        min: vec![-3.0; 2 * HORIZON],
        max: vec![3.0; 2 * HORIZON],
    };
    let settings = Settings::default().with_tolerance(1e-6);
    let mut solver = Solver::new(Structure::unconstrained(2 * HORIZON, set), settings)?;
    let mut evaluations = Vec::new();
    let (mut converged, mut lies) = (0, 0);
    for initial in random_states(SEED).take(STARTS) {
        let mut functions = Navigation::new(HORIZON, initial, false);
        solver.solve(&mut functions, &Start::cold(vec![0.0; 2 * HORIZON]))?;
        evaluations.push(solver.counters().evaluations);
        if solver.status() == &Status::Converged {
            converged += 1;
            lies += u32::from(true_residual(&mut functions, solver.solution()) > 1e-6);
        }
    }
    evaluations.sort_unstable();
    let quantile = |q: f64| evaluations[((STARTS - 1) as f64 * q) as usize];
    println!(
        "seed {SEED}: {converged} of {STARTS} converged, {lies} of them with a true residual above 1e-6"
    );
    println!(
        "evaluations: median {}, 90 % {}, 99 % {}, most {}",
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        quantile(1.0)
    );
    let is_good = lies == 0 && converged * 1000 >= STARTS * 995;
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Residual on the bounds [-3, 3], computed by code that the solver does not use.
fn true_residual(functions: &mut Navigation, u: &[f64]) -> f64 {
    let mut gradient = vec![0.0; u.len()];
    functions.forward(u, &mut []);
    functions.reverse(u, &[], &mut gradient);
    let blocked = |u: f64, g: f64| (u <= -3.0 && g > 0.0) || (u >= 3.0 && g < 0.0);
    u.iter()
        .zip(&gradient)
        .filter(|(u, g)| !blocked(**u, **g))
        .fold(0.0, |worst, (_, g)| g.abs().max(worst))
}
