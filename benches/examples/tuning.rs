//! Prints the sensitivity to each constant of the solver: `cargo run --release -p labwire-benches --example tuning`.
//!
//! Evaluations over all benchmark problems and 100 random starts of the trailer, in bounds and in a ball, with half and
//! with twice the default; a number after `+` is the number of solves that did not converge.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]

use std::error::Error;

use labwire_benches::problems::{self, Navigation, random_states};
use labwire_core::sets::Set;
use labwire_core::solve::{Functions, Settings, Solver, SolverError, Start, Status, Structure, Tuning};
use serde_json::Value;

const HORIZON: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let default = Tuning::default();
    println!("default: {}", cost(default)?);
    println!("| constant | default | half | twice |\n|---|---|---|---|");
    let fields = serde_json::to_value(default)?;
    for (name, value) in fields.as_object().into_iter().flatten() {
        let with = |factor: f64| -> Result<String, Box<dyn Error>> {
            let scaled = value.as_f64().unwrap_or_default() * factor;
            let mut changed = fields.clone();
            changed[name] = if value.is_u64() {
                Value::from((scaled as u64).max(1))
            } else {
                Value::from(scaled)
            };
            Ok(match cost(serde_json::from_value(changed)?) {
                Err(SolverError::Setting(_)) => "-".into(),
                cost => cost?,
            })
        };
        println!("| {name} | {value} | {} | {} |", with(0.5)?, with(2.0)?);
    }
    Ok(())
}

/// Evaluations, a Hessian product as two, and solves that did not converge.
fn cost(tuning: Tuning) -> Result<String, SolverError> {
    let settings = Settings::default()
        .with_tolerance(1e-6)
        .with_delta_tolerance(1e-6)
        .with_tuning(tuning);
    let (mut evaluations, mut failures) = (0, 0);
    let mut add = |structure: &Structure, functions: &mut dyn Functions, start: &[f64]| {
        let mut solver = Solver::new(structure.clone(), settings.clone())?;
        failures += u32::from(solver.solve(functions, &Start::cold(start.to_vec()))? != &Status::Converged);
        evaluations += solver.counters().evaluations + 2 * solver.counters().hessian_products;
        Ok::<(), SolverError>(())
    };
    for mut problem in problems::all() {
        add(&problem.structure, problem.functions.as_mut(), &problem.start)?;
    }
    let bounds = Set::Box {
        min: vec![-3.0; 2 * HORIZON],
        max: vec![3.0; 2 * HORIZON],
    };
    let ball = Set::Ball2 {
        center: None,
        radius: 12.0,
    };
    for set in [bounds, ball] {
        let structure = Structure::unconstrained(2 * HORIZON, set);
        for initial in random_states(1).take(100) {
            add(
                &structure,
                &mut Navigation::new(HORIZON, initial, false),
                &[0.0; 2 * HORIZON],
            )?;
        }
    }
    Ok(match failures {
        0 => format!("{evaluations}"),
        _ => format!("{evaluations} + {failures}"),
    })
}
