//! Benchmark problems: formulas, bounds, starts and optima.
//!
//! Sources: Hock and Schittkowski 1981 (HS), Rosenbrock 1960, and the trailer navigation problem of OpEn's
//! documentation with and without an obstacle.

mod hock_schittkowski;
mod navigation;

use labwire_core::sets::Set;
use labwire_core::solve::{Constraint, Cost, Functions, Structure};

pub use navigation::{Navigation, random_states};

/// Problem with a known optimum.
pub struct BenchmarkProblem {
    /// Name in the tables.
    pub name: String,
    /// Number of variables, their set, and the constraints.
    pub structure: Structure,
    /// Starting point of a solve.
    pub start: Vec<f64>,
    /// Known optimal cost.
    pub optimum: f64,
    /// Cost, constraints and derivatives.
    pub functions: Box<dyn Functions>,
}

/// Every row of the benchmark tables.
pub fn all() -> Vec<BenchmarkProblem> {
    vec![
        rosenbrock(2),
        rosenbrock(10),
        rosenbrock(50),
        rosenbrock_bounded(10, 6.0010164),
        rosenbrock_bounded(50, 45.596891),
        hock_schittkowski::hs071(),
        hock_schittkowski::hs026(),
        hock_schittkowski::hs039(),
        hock_schittkowski::hs100(),
        hock_schittkowski::hs113(),
        navigation(20, 213.593_321_31),
        navigation(50, 213.577_954_70),
        navigation_with_obstacle(20, 227.10395),
        navigation_with_obstacle(50, 227.08801),
    ]
}

/// Problem of this name.
pub fn by_name(name: &str) -> Option<BenchmarkProblem> {
    all().into_iter().find(|problem| problem.name == name)
}

/// `sum b (u[i+1] - u[i]^2)^2 + (a - u[i])^2`; writes the gradient.
pub fn rosenbrock_cost(u: &[f64], a: f64, b: f64, gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut cost = 0.0;
    for i in 0..u.len() - 1 {
        let curve = u[i + 1] - u[i] * u[i];
        let offset = a - u[i];
        cost += b * curve * curve + offset * offset;
        gradient[i] += -4.0 * b * curve * u[i] - 2.0 * offset;
        gradient[i + 1] += 2.0 * b * curve;
    }
    cost
}

fn rosenbrock(n: usize) -> BenchmarkProblem {
    rosenbrock_in(format!("rosen{n}"), n, 2.0, 0.0)
}

fn rosenbrock_bounded(n: usize, optimum: f64) -> BenchmarkProblem {
    rosenbrock_in(format!("rosen{n}b"), n, 0.8, optimum)
}

fn rosenbrock_in(name: String, n: usize, max: f64, optimum: f64) -> BenchmarkProblem {
    BenchmarkProblem {
        name,
        structure: Structure::unconstrained(
            n,
            Set::Box {
                min: vec![-2.0; n],
                max: vec![max; n],
            },
        ),
        start: (0..n)
            .map(|i| if i % 2 == 0 { -1.2 } else { max.min(1.0) })
            .collect(),
        optimum,
        functions: Box::new(Cost::new(n, |u: &[f64], gradient: &mut [f64]| {
            rosenbrock_cost(u, 1.0, 100.0, gradient)
        })),
    }
}

fn navigation(horizon: usize, optimum: f64) -> BenchmarkProblem {
    BenchmarkProblem {
        name: format!("nav{horizon}"),
        structure: Structure::unconstrained(2 * horizon, navigation_bounds(horizon)),
        start: vec![1.0; 2 * horizon],
        optimum,
        functions: Box::new(Navigation::new(horizon, [-1.0, 2.0, 0.0], false)),
    }
}

fn navigation_with_obstacle(horizon: usize, optimum: f64) -> BenchmarkProblem {
    BenchmarkProblem {
        name: format!("navobs{horizon}"),
        structure: Structure {
            num_variables: 2 * horizon,
            set: navigation_bounds(horizon),
            constraints: vec![Constraint::new(horizon, at_most_zero(horizon))],
        },
        start: vec![1.0; 2 * horizon],
        optimum,
        functions: Box::new(Navigation::new(horizon, [-1.0, 2.0, 0.0], true)),
    }
}

fn navigation_bounds(horizon: usize) -> Set {
    Set::Box {
        min: vec![-3.0; 2 * horizon],
        max: vec![3.0; 2 * horizon],
    }
}

fn at_most_zero(len: usize) -> Set {
    Set::Box {
        min: vec![f64::NEG_INFINITY; len],
        max: vec![0.0; len],
    }
}

fn at_least_zero(len: usize) -> Set {
    Set::Box {
        min: vec![0.0; len],
        max: vec![f64::INFINITY; len],
    }
}
