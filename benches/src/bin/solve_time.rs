//! Prints the time of a cold solve of a problem file in microseconds: the fastest of many batches of solves. `cargo
//! run --release -p labwire-benches --bin solve_time -- FILE 1,100 SECONDS`; `host-wasm/tests/speed.js` compares
//! it with the same in a browser.
#![allow(clippy::print_stdout, reason = "the number is its purpose")]

use std::error::Error;
use std::time::Instant;

use labwire_core::problem::{Problem, TextLimits};
use labwire_core::solve::{ParametricProblem, Solver};

/// Number of solves timed together, because a browser's clock is coarse.
const ROW: u32 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || {
        arguments
            .next()
            .ok_or("usage: solve_time FILE PARAMETERS SECONDS")
    };
    let text = std::fs::read_to_string(argument()?)?;
    let parameters: Vec<f64> = argument()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let seconds: f64 = argument()?.parse()?;
    let problem = Problem::from_json(&text, &TextLimits::default())?;
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&parameters);
    let mut solver = Solver::new((&problem).into(), problem.settings().clone())?;
    let start = problem.start();
    let mut best = f64::INFINITY;
    let begun = Instant::now();
    while best == f64::INFINITY || begun.elapsed().as_secs_f64() < seconds {
        let row = Instant::now();
        for _ in 0..ROW {
            solver.solve(&mut evaluator, &start)?;
        }
        best = best.min(row.elapsed().as_secs_f64() * 1e6 / f64::from(ROW));
    }
    println!("{best}");
    Ok(())
}
