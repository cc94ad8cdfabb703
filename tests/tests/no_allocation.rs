//! Evaluating a problem and projecting a point do not allocate.

use allocation_counter::measure;
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::sets::{AffineSpace, Set};

#[test]
fn evaluating_allocates_nothing() {
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap();
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
    // The counter works.
    assert_eq!(
        measure(|| drop(std::hint::black_box(vec![0_u8; 8]))).count_total,
        1
    );
    assert_ne!(gradient, [0.0; 5]);
}

#[test]
fn projecting_allocates_nothing() {
    let center = || Some(vec![0.5; 3]);
    let (radius, offset, normal) = (1.0, 1.0, || vec![1.0, 2.0, 3.0]);
    let sets = [
        Set::Ball1 {
            center: center(),
            radius,
        },
        Set::Ball2 {
            center: center(),
            radius,
        },
        Set::BallP {
            p: 3.0,
            center: center(),
            radius,
        },
        Set::Sphere2 {
            center: center(),
            radius,
        },
        Set::Simplex { alpha: 1.0 },
        Set::Halfspace {
            normal: normal(),
            offset: -5.0,
        },
        Set::Hyperplane {
            normal: normal(),
            offset,
        },
        Set::AffineSpace(AffineSpace::new(&normal(), &[1.0]).unwrap()),
        Set::SecondOrderCone { alpha: 1.0 },
        Set::EpigraphSquaredNorm,
        Set::Finite(vec![normal(), vec![0.0; 3]]),
        Set::Product(vec![(3, Set::Zero)]),
    ];
    for set in sets {
        let mut x = [3.0, -2.0, 1.0];
        let allocations = measure(|| set.project(&mut x));
        assert_eq!(allocations.count_total, 0, "{set}");
        assert_ne!(x, [3.0, -2.0, 1.0], "{set}");
    }
}

#[test]
fn rolling_stages_allocates_nothing() {
    let trailer = include_str!("../../core/model/problems/trailer.json");
    let multiple = trailer.replace("\"horizon\"", "\"shooting\": \"multiple\", \"horizon\"");
    for file in [trailer, &multiple] {
        let problem = Problem::from_json(file, &TextLimits::default()).unwrap();
        let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
        let (u, y) = (vec![0.5; n], vec![0.5; m]);
        let (mut g, mut gradient) = (vec![0.0; m], vec![0.0; n]);
        let mut evaluator = problem.evaluator();
        let allocations = measure(|| {
            evaluator.set_parameters(&[-1.0, 2.0, 0.0]);
            evaluator.forward(&u, &mut g);
            evaluator.reverse(&y, &mut gradient);
            evaluator.forward_tangent(&u, &mut g);
            evaluator.reverse_tangent(&y, &mut gradient);
        });
        assert_eq!(allocations.count_total, 0);
        assert!(gradient.iter().all(|entry| *entry != 0.0));
    }
}
