//! Nothing is allocated while a problem is evaluated.

use allocation_counter::measure;
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, ProblemLimits};

#[test]
fn evaluating_allocates_nothing() {
    let problem = Problem::from_json(DEFAULT_PROBLEM, &ProblemLimits::default()).unwrap();
    let mut evaluator = problem.evaluator();
    let mut block = problem.block_evaluator::<4>();
    let (mut g, mut gradient) = ([0.0; 2], [0.0; 5]);
    let (mut block_g, mut block_gradient) = ([[0.0; 4]; 2], [[0.0; 4]; 5]);
    let allocations = measure(|| {
        evaluator.set_parameters(&[1.0, 50.0]);
        evaluator.forward(&[0.1; 5], &mut g);
        evaluator.reverse(&[0.5; 2], &mut gradient);
        block.set_parameters_block(&[[1.0; 4], [50.0; 4]]);
        block.forward_block(&[[0.1; 4]; 5], &mut block_g);
        block.reverse_block(&[[0.5; 4]; 2], &mut block_gradient);
    });
    assert_eq!(allocations.count_total, 0);
    // The counter does count.
    assert_eq!(
        measure(|| drop(std::hint::black_box(vec![0_u8; 8]))).count_total,
        1
    );
    assert_ne!(gradient, [0.0; 5]);
}
