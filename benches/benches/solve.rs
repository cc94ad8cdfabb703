//! Cold solve of every benchmark problem, to residual and violation 1e-6: from closures, and from the problem's text.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use labwire_benches::{expressions, problems};
use labwire_core::solve::{Functions, Settings, Solver, Start, Structure};

fn solve(c: &mut Criterion, name: &str, structure: &Structure, start: &[f64], functions: &mut dyn Functions) {
    let settings = Settings::default()
        .with_tolerance(1e-6)
        .with_delta_tolerance(1e-6);
    let solver = Solver::new(structure.clone(), settings);
    let mut solver = solver.unwrap_or_else(|error| panic!("{error}"));
    let start = Start::cold(start.to_vec());
    c.bench_function(name, |b| {
        b.iter(|| {
            let status = solver.solve(functions, &start);
            assert!(status.is_ok());
        });
    });
}

fn every_problem(c: &mut Criterion) {
    for mut problem in problems::all() {
        let (name, structure, start) = (&problem.name, &problem.structure, &problem.start);
        solve(
            c,
            &format!("{name}/closure"),
            structure,
            start,
            problem.functions.as_mut(),
        );
        if let Some(mut text) = expressions::evaluator(name) {
            solve(c, &format!("{name}/text"), structure, start, &mut text);
        }
    }
}

criterion_group!(benches, every_problem);
criterion_main!(benches);
