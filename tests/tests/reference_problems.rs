//! The reference problems, as closures, to the digits of their published optima.

use labwire_benches::problems::rosenbrock_cost;
use labwire_core::sets::Set;
use labwire_core::solve::{
    Constrained, Constraint, Cost, Functions, Settings, Solver, Start, Status, Structure, check_derivatives,
};

fn ball2(radius: f64) -> Set {
    Set::Ball2 { center: None, radius }
}

fn solve(structure: Structure, functions: &mut dyn Functions, start: &[f64]) -> Solver {
    solve_with(Settings::default(), structure, functions, start)
}

#[allow(clippy::unwrap_used, reason = "test helper")]
fn solve_with(
    mut settings: Settings,
    structure: Structure,
    functions: &mut dyn Functions,
    start: &[f64],
) -> Solver {
    (settings.tolerance, settings.delta_tolerance) = (1e-9, 1e-9);
    let mut solver = Solver::new(structure, settings).unwrap();
    let status = solver.solve(functions, &Start::cold(start.to_vec())).unwrap();
    assert_eq!(status, &Status::Converged);
    let check = check_derivatives(functions, solver.solution()).unwrap();
    assert!(check.error < 1e-4, "{check}");
    solver
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }
}

/// f0(u) = 1/2 |u|^2 + sum u.
fn f0(u: &[f64], gradient: &mut [f64]) -> f64 {
    for (g, u) in gradient.iter_mut().zip(u) {
        *g = u + 1.0;
    }
    u.iter().map(|u| 0.5 * u * u + u).sum()
}

#[test]
fn problem_1_quadratic_on_a_ball() {
    let mut cost = Cost::new(2, |u: &[f64], g: &mut [f64]| {
        g[0] = u[0] + u[1] + 1.0;
        g[1] = 2.0 * u[1] + u[0] - 1.0;
        0.5 * (u[0] * u[0] + 2.0 * u[1] * u[1] + 2.0 * u[0] * u[1]) + u[0] - u[1] + 3.0
    });
    let solver = solve(Structure::unconstrained(2, ball2(0.2)), &mut cost, &[0.0, 0.0]);
    assert_near(solver.solution(), &[-0.14895971825577, 0.13345786727339], 1e-9);
}

#[test]
fn problem_2_ill_conditioned_quadratic_on_a_ball() {
    let mut cost = Cost::new(3, |u: &[f64], g: &mut [f64]| {
        let (a, b, c) = (u[0], u[1], u[2]);
        g[0] = 4.0 * a + 5.0 * b + 25.0 * c + 1.0;
        g[1] = 11.0 * b + 5.0 * a + 5.0 * c + 1.0;
        g[2] = 1001.0 * c + 25.0 * a + 5.0 * b + 1.0;
        2.0 * a * a + 5.5 * b * b + 500.5 * c * c + 5.0 * a * b + 25.0 * a * c + 5.0 * b * c + a + b + c
    });
    let solver = solve(
        Structure::unconstrained(3, ball2(0.05)),
        &mut cost,
        &[-20.0, 10.0, 0.2],
    );
    assert_near(
        solver.solution(),
        &[-0.041123164672281, -0.028440417469206, 0.000167276757790],
        1e-9,
    );
}

/// The published coordinates, such as (0.786415153087, 0.617698313900), are off from the ninth digit on; these are
/// from 40-digit arithmetic along the circle.
#[test]
fn problem_3_rosenbrock_on_a_ball() {
    for (b, solution, optimum) in [
        (100.0, [0.786415154168428, 0.617698312523393], 0.04567480871949),
        (200.0, [0.786283404532305, 0.617866011168350], 0.0457029954070),
    ] {
        let mut cost = Cost::new(2, move |u: &[f64], g: &mut [f64]| rosenbrock_cost(u, 1.0, b, g));
        let solver = solve(Structure::unconstrained(2, ball2(1.0)), &mut cost, &[-1.5, 0.9]);
        assert_near(solver.solution(), &solution, 1e-9);
        assert_near(&[solver.cost()], &[optimum], 1e-12);
    }
}

#[test]
fn problem_4_quadratic_on_a_sphere() {
    let mut cost = Cost::new(3, f0);
    let sphere = Set::Sphere2 {
        center: None,
        radius: 1.0,
    };
    let solver = solve(Structure::unconstrained(3, sphere), &mut cost, &[2.0, -1.0, 0.5]);
    assert_near(solver.solution(), &[-(1.0 / 3.0f64).sqrt(); 3], 1e-9);
    assert_near(&[solver.cost()], &[-1.2320508076], 1e-10);
}

#[test]
fn problems_5_and_6_constraints_in_a_ball() {
    for (offset, radius, solution, optimum) in [
        (-1.0, 1.0, [0.29075955, -0.24268315, -0.48083970], -0.245441778359),
        (0.5, 0.5, [-0.08168394, -0.08983433, -0.69253625], -0.616880051),
    ] {
        let mut functions = Constrained::new(
            3,
            2,
            move |u: &[f64], g: &mut [f64]| {
                g[0] = 2.0 * u[0] + u[2] + offset;
                g[1] = u[0] + 3.0 * u[1];
                f0(u, &mut [0.0; 3])
            },
            |u: &[f64], y: &[f64], d: &mut [f64]| {
                f0(u, d);
                d[0] += 2.0 * y[0] + y[1];
                d[1] += 3.0 * y[1];
                d[2] += y[0];
            },
        );
        let structure = Structure {
            num_variables: 3,
            set: ball2(10.0),
            constraints: vec![Constraint::new(2, ball2(radius))],
        };
        let solver = solve(structure, &mut functions, &[0.0; 3]);
        assert_near(solver.solution(), &solution, 1e-8);
        assert_near(&[solver.cost()], &[optimum], 1e-9);
    }
}

#[test]
fn problem_7_nearest_point_of_a_halfspace() {
    let mut cost = Cost::new(5, |u: &[f64], g: &mut [f64]| {
        for (g, u) in g.iter_mut().zip(u) {
            *g = 2.0 * u;
        }
        u.iter().map(|u| u * u).sum()
    });
    let normal = vec![1.0, 2.0, 1.0, 5.0, 2.0];
    let solution: Vec<f64> = normal.iter().map(|c| -10.39 / 35.0 * c).collect();
    let halfspace = Set::Halfspace {
        normal,
        offset: -10.39,
    };
    let solver = solve(Structure::unconstrained(5, halfspace), &mut cost, &[0.0; 5]);
    assert_near(solver.solution(), &solution, 1e-9);
    assert_near(&[solver.cost()], &[3.084345714286], 1e-10);
}

#[test]
fn problem_8_rosenbrock_of_five_on_a_ball() {
    for (a, b, optimum) in [(2.0, 10.0, 6.5928646472), (1.0, 50.0, 0.4160210987)] {
        let mut cost = Cost::new(5, move |u: &[f64], g: &mut [f64]| rosenbrock_cost(u, a, b, g));
        let solver = solve(Structure::unconstrained(5, ball2(1.5)), &mut cost, &[0.0; 5]);
        assert_near(&[solver.cost()], &[optimum], 1e-9);
        if a == 2.0 {
            assert_near(
                solver.solution(),
                &[0.888666, 0.816197, 0.698873, 0.507724, 0.218832],
                1e-6,
            );
        }
    }
}

/// The published example: F1 = 1.5 u1 - u2 = 0 and u3 - u4 + 0.1 <= 0.
#[test]
fn problem_9_rosenbrock_with_constraints() {
    for (b, solution, optimum) in [
        (
            50.0,
            [0.0211229, 0.0316843, -0.0314985, 0.0685015, 0.0046925],
            4.1570012325,
        ),
        (
            10.0,
            [0.134307, 0.201460, 0.072871, 0.172871, 0.029885],
            3.5584263,
        ),
    ] {
        let mut functions = Constrained::new(
            5,
            2,
            move |u: &[f64], g: &mut [f64]| {
                g[0] = 1.5 * u[0] - u[1];
                g[1] = u[2] - u[3] + 0.1;
                rosenbrock_cost(u, 1.0, b, &mut [0.0; 5])
            },
            move |u: &[f64], y: &[f64], d: &mut [f64]| {
                rosenbrock_cost(u, 1.0, b, d);
                d[0] += 1.5 * y[0];
                d[1] -= y[0];
                d[2] += y[1];
                d[3] -= y[1];
            },
        );
        let structure = Structure {
            num_variables: 5,
            set: ball2(1.5),
            constraints: vec![
                Constraint::new(1, Set::Zero),
                Constraint::new(
                    1,
                    Set::Box {
                        min: vec![f64::NEG_INFINITY],
                        max: vec![0.0],
                    },
                ),
            ],
        };
        // There are other local minima (18.69 for b = 50, 4.10174 for b = 10): a firm penalty keeps to this one.
        let mut settings = Settings::default();
        settings.initial_penalty = Some(100.0);
        let solver = solve_with(settings, structure, &mut functions, &[0.0; 5]);
        assert_near(solver.solution(), &solution, 1e-6);
        assert_near(&[solver.cost()], &[optimum], 1e-7);
    }
}

#[test]
fn problem_11_badly_scaled_quadratic() {
    let scale = [1.0, 1e3, 1e6];
    let mut cost = Cost::new(3, move |u: &[f64], g: &mut [f64]| {
        let mut cost = 0.0;
        for i in 0..3 {
            g[i] = scale[i] * u[i] - 1.0;
            cost += 0.5 * scale[i] * u[i] * u[i] - u[i];
        }
        cost
    });
    let solver = solve(Structure::unconstrained(3, Set::All), &mut cost, &[0.0; 3]);
    for i in 0..3 {
        assert_near(&[solver.solution()[i] * scale[i]], &[1.0], 1e-8);
    }
}

/// Trial points may be negative, where the logarithm is NaN: that must not end the solve.
#[test]
fn problem_12_logarithms() {
    let mut cost = Cost::new(2, |u: &[f64], g: &mut [f64]| {
        let mut cost = 0.0;
        for i in 0..2 {
            g[i] = -1.0 / u[i] + 20.0 * u[i];
            cost += -u[i].ln() + 10.0 * u[i] * u[i];
        }
        cost
    });
    let set = Set::Box {
        min: vec![-1.0; 2],
        max: vec![10.0; 2],
    };
    let solver = solve(Structure::unconstrained(2, set), &mut cost, &[1e-3, 5.0]);
    assert_near(solver.solution(), &[0.05f64.sqrt(); 2], 1e-9);
}
