//! Evaluating a problem, solving it and projecting a point do not allocate.

use allocation_counter::measure;
use labwire_benches::{expressions, problems};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, ProblemSolver, StartOptions, TextLimits};
use labwire_core::service::Busy;
use labwire_core::sets::{AffineSpace, Set};
use labwire_core::solve::{Settings, Solver, Start, Status, StepKind, Tuning};
use labwire_core::time::Instant;

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

/// PANOC on a ball, the projected method on bounds with Newton steps, truncated and exact (by a dense factorisation and by
/// a sparse one) and interior-point iterations, and stages with constraints.
#[test]
fn a_step_of_a_problem_allocates_nothing() {
    let load = |text| Problem::from_json(text, &TextLimits::default()).unwrap();
    let trailer = include_str!("../../core/model/problems/trailer.json");
    let links: Vec<String> = (0..40)
        .map(|i| format!("\"x[{}] - x[{i}] - 0.1*(u[{i}] - sin(x[{i}])^3)\"", i + 1))
        .collect();
    let chain = format!(
        r#"{{"variables": {{"x": 41, "u": 40}}, "parameters": {{"p": 1}}, "cost": "dot(x, x) + 0.1*dot(u, u)",
            "f2": ["x[0] - p[0]", {}], "constraints": {{"u": {{"box": {{"min": -1, "max": 1}}}}}}}}"#,
        links.join(", ")
    );
    let far: Vec<f64> = (0..200).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
    let (mut most_products, mut most_hessians, mut most_sparse) = (0, 0, 0);
    let (mut dense_interior, mut sparse_interior) = (0, 0);
    let mut no_sparse_ones = Tuning::default();
    no_sparse_ones.max_newton_fill = 1;
    let mut no_matrices = Tuning::default();
    (no_matrices.max_newton_size, no_matrices.max_newton_fill) = (1, 1);
    let mut no_dense_ones = Tuning::default();
    no_dense_ones.max_newton_size = 1;
    for (problem, parameters, guess, tuning) in [
        (load(DEFAULT_PROBLEM), &[1.0, 50.0][..], None, Tuning::default()),
        (
            expressions::rosenbrock(200),
            &[1.0, 100.0],
            Some(&far[..]),
            no_matrices,
        ),
        (
            expressions::rosenbrock(200),
            &[1.0, 100.0],
            Some(&far[..]),
            no_dense_ones,
        ),
        (load(&chain), &[2.0], None, no_dense_ones),
        (load(&chain), &[2.0], None, no_sparse_ones),
        (load(trailer), &[-1.0, 2.0, 0.0], None, Tuning::default()),
        (
            load(include_str!("../problems/hs/HS71.json")),
            &[],
            None,
            Tuning::default(),
        ),
        (
            load(include_str!("../problems/hs/HS118.json")),
            &[],
            None,
            Tuning::default(),
        ),
        (
            load(include_str!("../problems/hs/HS118.json")),
            &[],
            None,
            no_dense_ones,
        ),
    ] {
        let name = problem.name().to_owned();
        let settings = problem.settings().clone().with_tuning(tuning);
        let mut solver = ProblemSolver::with_settings(problem, settings).unwrap();
        let mut options = StartOptions::default();
        options.initial_guess = guess;
        solver.start(Instant::ZERO, parameters, &options).unwrap();
        let mut steps = 0;
        let allocations = measure(|| {
            while solver.step(Instant::ZERO, 1).unwrap() == Busy::Yes {
                steps += 1;
                let is_interior = u32::from(solver.progress().step.kind == StepKind::Interior);
                if tuning.max_newton_size == 1 {
                    sparse_interior += is_interior;
                } else {
                    dense_interior += is_interior;
                }
            }
        });
        assert_eq!(allocations.count_total, 0, "{name}");
        assert!(
            steps > 2 && solver.finish(Instant::ZERO).unwrap().is_converged(),
            "{name}"
        );
        let counters = solver.progress().counters;
        most_products = most_products.max(counters.hessian_products);
        let hessians = counters.hessian_evaluations;
        if tuning.max_newton_size == 1 {
            most_sparse = most_sparse.max(hessians);
        } else {
            most_hessians = most_hessians.max(hessians);
        }
    }
    assert!(
        dense_interior > 0 && sparse_interior > 0,
        "no interior-point step was taken"
    );
    assert!(most_sparse > 0, "no sparse Newton step was taken");
    assert!(most_products > 0, "no truncated Newton step was taken");
    assert!(most_hessians > 0, "no exact Newton step was taken");
}

/// Newton steps through the stages, with free states and on rollouts.
#[test]
fn a_newton_step_through_stages_allocates_nothing() {
    let trailer = include_str!("../../core/model/problems/trailer.json");
    let single = trailer.replace("\"horizon\"", "\"shooting\": \"single\", \"horizon\"");
    for file in [trailer, &single] {
        let problem = Problem::from_json(file, &TextLimits::default()).unwrap();
        let mut tuning = Tuning::default();
        tuning.stage_window = 0.0;
        let settings = problem.settings().clone().with_tuning(tuning);
        let mut solver = ProblemSolver::with_settings(problem, settings).unwrap();
        solver
            .start(Instant::ZERO, &[-1.0, 2.0, 0.0], &StartOptions::default())
            .unwrap();
        let allocations = measure(|| while solver.step(Instant::ZERO, 5).unwrap() == Busy::Yes {});
        assert_eq!(allocations.count_total, 0);
        let solution = solver.finish(Instant::ZERO).unwrap();
        assert!(solution.is_converged() && solution.counters.hessian_evaluations > 0);
    }
}

/// A cart-pole swings up by interior-point iterations through the stages.
#[test]
fn an_interior_point_iteration_allocates_nothing() {
    let file = include_str!("../problems/ocp/cart50.json");
    let problem = Problem::from_json(file, &TextLimits::default()).unwrap();
    let mut solver = ProblemSolver::new(&problem).unwrap();
    solver
        .start(Instant::ZERO, &[0.0; 4], &StartOptions::default())
        .unwrap();
    let mut interior = 0;
    let allocations = measure(|| {
        while solver.step(Instant::ZERO, 1).unwrap() == Busy::Yes {
            interior += u32::from(solver.progress().step.kind == StepKind::Interior);
        }
    });
    assert_eq!(allocations.count_total, 0);
    let solution = solver.finish(Instant::ZERO).unwrap();
    assert!(
        solution.is_converged() && interior > 10,
        "{interior} {solution:?}"
    );
    assert!((solution.cost - 717.7).abs() < 0.05, "{}", solution.cost);
}

/// A pendulum that stands, which is stationary, falls.
#[test]
fn leaving_a_maximum_through_the_stages_allocates_nothing() {
    for shooting in ["auto", "single", "multiple"] {
        let file = format!(
            r#"{{"ocp": {{"horizon": 20, "step": 0.1, "shooting": "{shooting}", "states": ["angle", "speed"],
                "inputs": ["torque"], "initial_state": ["pi", 0], "stage_cost": "1 - cos(angle) + 0.01*torque^2",
                "dynamics": {{"derivative": ["speed", "torque - sin(angle)"]}},
                "terminal_constraints": [{{"expression": "speed", "set": "zero"}}]}}}}"#
        );
        let problem = Problem::from_json(&file, &TextLimits::default()).unwrap();
        let mut solver = ProblemSolver::new(&problem).unwrap();
        solver
            .start(Instant::ZERO, &[], &StartOptions::default())
            .unwrap();
        let allocations = measure(|| while solver.step(Instant::ZERO, 1).unwrap() == Busy::Yes {});
        assert_eq!(allocations.count_total, 0, "{shooting}");
        let solution = solver.finish(Instant::ZERO).unwrap();
        assert!(solution.is_converged() && solution.cost < 39.0, "{solution:?}");
    }
}

#[test]
fn solving_closures_allocates_nothing() {
    for mut problem in problems::all() {
        let mut solver = Solver::new(problem.structure.clone(), Settings::default()).unwrap();
        let start = Start::cold(problem.start.clone());
        let mut is_converged = false;
        let allocations = measure(|| {
            let status = solver.solve(problem.functions.as_mut(), &start).unwrap();
            is_converged = *status == Status::Converged;
        });
        assert!(is_converged, "{}", problem.name);
        assert_eq!(allocations.count_total, 0, "{}", problem.name);
    }
}
