//! Evaluation of cost and gradient: the interpreter against a closure compiled by rustc.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use labwire_benches::expressions;
use labwire_benches::problems::{Navigation, rosenbrock_cost};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::solve::Functions;

fn interpreter(c: &mut Criterion, name: &str, problem: &Problem, parameters: &[f64]) {
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(parameters);
    let constraints = problem.num_f1() + problem.num_f2();
    let u = vec![0.7; problem.num_variables()];
    let (mut g, y) = (vec![0.0; constraints], vec![0.5; constraints]);
    let mut gradient = vec![0.0; problem.num_variables()];
    c.bench_function(&format!("{name}/interpreter"), |b| {
        b.iter(|| {
            let cost = evaluator.forward(black_box(&u), &mut g);
            evaluator.reverse(black_box(&y), &mut gradient);
            black_box((cost, gradient[0]))
        });
    });

    let mut evaluator = problem.block_evaluator::<8>();
    let spread = |values: &[f64]| values.iter().map(|value| [*value; 8]).collect::<Vec<_>>();
    evaluator.set_parameters_block(&spread(parameters));
    let (u, y, mut g, mut gradient) = (spread(&u), spread(&y), spread(&g), spread(&gradient));
    c.bench_function(&format!("{name}/interpreter, 8 points at once"), |b| {
        b.iter(|| {
            let cost = evaluator.forward_block(black_box(&u), &mut g);
            evaluator.reverse_block(black_box(&y), &mut gradient);
            black_box((cost, gradient[0]))
        });
    });
}

fn rosen50(c: &mut Criterion) {
    interpreter(c, "rosen50", &expressions::rosenbrock(50), &[1.0, 100.0]);
    let (u, mut gradient) = ([0.7; 50], [0.0; 50]);
    c.bench_function("rosen50/closure", |b| {
        b.iter(|| {
            let cost = rosenbrock_cost(black_box(&u), black_box(1.0), black_box(100.0), &mut gradient);
            black_box((cost, gradient[0]))
        });
    });
}

fn nav20(c: &mut Criterion) {
    let initial = [-1.0, 2.0, 0.0];
    interpreter(c, "nav20", &expressions::navigation(20), &initial);
    let mut closure = Navigation::new(20, initial, false);
    let (u, mut gradient) = ([0.7; 40], [0.0; 40]);
    c.bench_function("nav20/closure", |b| {
        b.iter(|| {
            let cost = closure.forward(black_box(&u), &mut []);
            closure.reverse(&u, &[], &mut gradient);
            black_box((cost, gradient[0]))
        });
    });
}

/// The time of an evaluation grows with the horizon; that of loading does not.
fn horizons(c: &mut Criterion) {
    for horizon in [20, 50, 100, 200] {
        for (name, has_obstacle) in [("nav", false), ("navobs", true)] {
            let problem = expressions::trailer(horizon, has_obstacle);
            interpreter(
                c,
                &format!("{name}{horizon} as stages"),
                &problem,
                &[-1.0, 2.0, 0.0],
            );
        }
        c.bench_function(&format!("navobs{horizon} as stages/load"), |b| {
            b.iter(|| expressions::trailer(black_box(horizon), true));
        });
    }
}

fn default_problem(c: &mut Criterion) {
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default());
    let problem = problem.unwrap_or_else(|error| panic!("{error}"));
    interpreter(c, "default", &problem, &[1.0, 50.0]);
    let (u, mut gradient) = ([0.7; 5], [0.0; 5]);
    c.bench_function("default/closure", |b| {
        b.iter(|| {
            let u = black_box(&u);
            let cost = rosenbrock_cost(u, black_box(1.0), black_box(50.0), &mut gradient);
            let g = [1.5 * u[0] - u[1], u[2] - u[3] + 0.1];
            let y = black_box([0.5; 2]);
            gradient[0] += 1.5 * y[0];
            gradient[1] -= y[0];
            gradient[2] += y[1];
            gradient[3] -= y[1];
            black_box((cost, g, gradient[0]))
        });
    });
}

fn loading(c: &mut Criterion) {
    c.bench_function("default/load", |b| {
        b.iter(|| Problem::from_json(black_box(DEFAULT_PROBLEM), &TextLimits::default()));
    });
    c.bench_function("rosen50/load", |b| {
        b.iter(|| expressions::rosenbrock(black_box(50)))
    });
}

criterion_group!(benches, rosen50, nav20, horizons, default_problem, loading);
criterion_main!(benches);
