//! Problem files: any text is read or refused; a problem that was read can be evaluated and solved a little.
#![no_main]

use labwire_core::problem::{Problem, ProblemLimits};
use labwire_core::solve::{Solver, Start};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut limits = ProblemLimits::default();
    (limits.graph_nodes, limits.expansion_steps, limits.variables) = (20_000, 100_000, 200);
    limits.stage_memory = 100_000;
    match Problem::from_json(text, &limits) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(problem) => {
            let mut evaluator = problem.evaluator();
            evaluator.set_parameters(&vec![1.0; problem.num_parameters()]);
            if let Ok(mut solver) = problem.solver() {
                let start = Start::cold(vec![0.5; problem.num_variables()]);
                if solver.start(&start).is_ok() {
                    solver.step(&mut evaluator, 50);
                }
            }
        }
    }
});
