//! Solves optimal-control files cold, then ten steps of a receding horizon (the state moved on by one stage and
//! disturbed by 1e-3), and prints the cost of each:
//! `cargo run --release -p labwire-benches --example ocp -- FOLDER [NAME...]`.
//! The environment variable `TUNING` may hold constants of the method, as JSON: `{"stage_window": 0}`;
//! `SHOOTING`, the way of shooting of all files.
//! `FOLDER` holds `NAME.json` and `params.txt`, a JSON object of the parameters by name.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use labwire_core::problem::{Problem, ProblemSolver, Solution, StartOptions, TextLimits};
use labwire_core::time::Instant as Time;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("expected a folder")?);
    let names: Vec<String> = arguments.collect();
    let parameters = std::fs::read_to_string(folder.join("params.txt"))?;
    let parameters: BTreeMap<String, Vec<f64>> = serde_json::from_str(&parameters)?;
    println!(
        "| problem | status | evaluations | Hessians | products | inner | outer | cost | residual | violation | ms | warm: iterations | ms, median | worst |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, parameters) in &parameters {
        if names.is_empty() || names.iter().any(|asked| name == asked) {
            let text = std::fs::read_to_string(folder.join(format!("{name}.json")))?;
            let text = match std::env::var("SHOOTING") {
                Ok(way) => text.replacen("\"horizon\"", &format!("\"shooting\": \"{way}\", \"horizon\""), 1),
                Err(_) => text,
            };
            let problem = Problem::from_json(&text, &TextLimits::default())?;
            report(name, problem, parameters)?;
        }
    }
    Ok(())
}

fn report(name: &str, problem: Problem, parameters: &[f64]) -> Result<(), Box<dyn Error>> {
    let mut best = f64::INFINITY;
    let mut total = 0.0;
    let tuning = std::env::var("TUNING").unwrap_or_else(|_| "{}".into());
    let settings = problem
        .settings()
        .clone()
        .with_tuning(serde_json::from_str(&tuning)?);
    let mut solver = ProblemSolver::with_settings(problem, settings)?;
    let mut runs = 0;
    let solution = loop {
        let (solution, ms) = solve(&mut solver, parameters, true)?;
        best = best.min(ms);
        total += ms;
        runs += 1;
        if runs >= 20 || total > 100.0 || std::env::var("COLD").is_ok() {
            break solution;
        }
    };
    let counters = solution.counters;
    print!(
        "| {name} | {} | {} | {} | {} | {} | {} | {:.6} | {:.1e} | {:.1e} | {best:.2} |",
        solution.status.name(),
        counters.evaluations,
        counters.hessian_evaluations,
        counters.hessian_products,
        counters.inner_iterations,
        counters.outer_iterations,
        solution.cost,
        solution.residual,
        solution.violation,
    );
    if std::env::var("COLD").is_ok() {
        println!();
        return Ok(());
    }
    let (mut iterations, mut times) = (Vec::new(), Vec::new());
    let mut last = solution;
    for step in 0..10 {
        let parameters = next_state(&solver, &last, step);
        let (solution, ms) = solve(&mut solver, &parameters, false)?;
        let is_converged = solution.is_converged();
        iterations.push(if is_converged {
            solution.counters.inner_iterations
        } else {
            99_999
        });
        times.push(ms);
        last = solution;
    }
    iterations.sort_unstable();
    times.sort_by(f64::total_cmp);
    println!(" {} | {:.2} | {:.2} |", iterations[4], times[4], times[9]);
    Ok(())
}

fn solve(
    solver: &mut ProblemSolver,
    parameters: &[f64],
    is_cold: bool,
) -> Result<(Solution, f64), Box<dyn Error>> {
    let mut options = StartOptions::default();
    options.is_cold = is_cold;
    let begin = Instant::now();
    solver.start(Time::ZERO, parameters, &options)?;
    while solver.step(Time::ZERO, u32::MAX)? == labwire_core::service::Busy::Yes {}
    let ms = begin.elapsed().as_secs_f64() * 1e3;
    Ok((solver.finish(Time::ZERO)?, ms))
}

/// The state after the first stage, disturbed.
fn next_state(solver: &ProblemSolver, solution: &Solution, step: usize) -> Vec<f64> {
    let problem = solver.problem();
    let stages = problem
        .stages()
        .map(|stages| stages.states.as_slice())
        .unwrap_or_default();
    let states = stages.iter().flat_map(|named| {
        let trajectory = &solution.variables[&named.name];
        (0..named.len).map(move |i| trajectory[named.len + i])
    });
    let states = states.enumerate().map(|(i, x)| {
        let sign = if (i + step).is_multiple_of(2) { 1.0 } else { -1.0 };
        x + 1e-3 * sign
    });
    states.take(problem.num_parameters()).collect()
}
