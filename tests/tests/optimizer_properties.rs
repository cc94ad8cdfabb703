//! Random quadratic and linear programmes whose solutions are known by construction: a point, the constraints that are active
//! there, and multipliers of the right signs are drawn first; the cost is the one for which they satisfy the optimality
//! conditions.

use labwire_core::random::Random;
use labwire_core::sets::Set;
use labwire_core::solve::{Constraint, Functions, Settings, Solver, Start, Status, Structure};
use proptest::prelude::*;

/// Programme `1/2 u'Hu + c'u`, `A u` in a box, with its solution.
#[derive(Debug)]
struct Programme {
    hessian: Vec<Vec<f64>>,
    linear: Vec<f64>,
    rows: Vec<Vec<f64>>,
    structure: Structure,
    solution: Vec<f64>,
}

fn uniform(random: &mut Random, min: f64, max: f64) -> f64 {
    min + (max - min) * random.uniform()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Bounds around `value` and a multiplier: active at the lower or the upper bound, on both (`may_be_fixed`), or at none.
fn bounds(random: &mut Random, value: f64, kind: usize) -> (f64, f64, f64) {
    let slack = uniform(random, 0.2, 1.0);
    let multiplier = uniform(random, 0.1, 1.0);
    match kind {
        0 => (value - slack, value + slack, 0.0),
        1 => (value, value + slack, -multiplier),
        2 => (value - slack, value, multiplier),
        _ => (value, value, 2.0 * multiplier - 1.0),
    }
}

impl Programme {
    /// `num_active` of the constraints and bounds are active, equalities among them.
    fn new(seed: u64, n: usize, m: usize, num_active: usize, is_linear: bool) -> Self {
        let random = &mut Random::new(seed, 0);
        let vector =
            |random: &mut Random| -> Vec<f64> { (0..n).map(|_| uniform(random, -1.0, 1.0)).collect() };
        let solution = vector(random);
        let rows: Vec<_> = (0..m).map(|_| vector(random)).collect();
        let factors: Vec<_> = (0..n).map(|_| vector(random)).collect();
        let hessian = (0..n)
            .map(|i| {
                let entry = |j: usize| match is_linear {
                    true => 0.0,
                    false => dot(&factors[i], &factors[j]) + if i == j { 0.1 } else { 0.0 },
                };
                (0..n).map(entry).collect()
            })
            .collect::<Vec<Vec<f64>>>();
        let mut gradient: Vec<f64> = hessian.iter().map(|row| dot(row, &solution)).collect();
        // At most all bounds can be active.
        let active_rows = num_active.div_ceil(2).min(m).max(num_active.saturating_sub(n));
        let (mut min, mut max) = (Vec::new(), Vec::new());
        for (i, row) in rows.iter().enumerate() {
            let kind = if i < active_rows { 1 + i % 3 } else { 0 };
            let (low, high, multiplier) = bounds(random, dot(row, &solution), kind);
            min.push(low);
            max.push(high);
            gradient
                .iter_mut()
                .zip(row)
                .for_each(|(gradient, row)| *gradient += multiplier * row);
        }
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        for i in 0..n {
            let kind = if i < num_active - active_rows {
                1 + i % 2
            } else {
                0
            };
            let (low, high, multiplier) = bounds(random, solution[i], kind);
            lower.push(low);
            upper.push(high);
            gradient[i] += multiplier;
        }
        Self {
            hessian,
            linear: gradient.iter().map(|gradient| -gradient).collect(),
            rows,
            structure: Structure {
                num_variables: n,
                set: Set::Box {
                    min: lower,
                    max: upper,
                },
                constraints: vec![Constraint::new(m, Set::Box { min, max })],
            },
            solution,
        }
    }

    fn cost(&self, u: &[f64]) -> f64 {
        let curvature: f64 = self
            .hessian
            .iter()
            .zip(u)
            .map(|(row, u_i)| u_i * dot(row, u))
            .sum();
        0.5 * curvature + dot(&self.linear, u)
    }

    #[allow(clippy::unwrap_used, reason = "test helper")]
    fn solve(&mut self) -> Solver {
        let settings = Settings::default()
            .with_tolerance(1e-9)
            .with_delta_tolerance(1e-9);
        let mut solver = Solver::new(self.structure.clone(), settings).unwrap();
        let start = Start::cold(vec![0.0; self.linear.len()]);
        solver.solve(self, &start).unwrap();
        solver
    }
}

impl Functions for Programme {
    fn num_variables(&self) -> usize {
        self.linear.len()
    }

    fn num_constraints(&self) -> usize {
        self.rows.len()
    }

    fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        g.iter_mut().zip(&self.rows).for_each(|(g, row)| *g = dot(row, u));
        self.cost(u)
    }

    fn reverse(&mut self, u: &[f64], y: &[f64], gradient: &mut [f64]) {
        for (i, gradient) in gradient.iter_mut().enumerate() {
            let multiplied: f64 = self.rows.iter().zip(y).map(|(row, y)| y * row[i]).sum();
            *gradient = dot(&self.hessian[i], u) + self.linear[i] + multiplied;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convex_quadratic_programmes(seed: u64, n in 2_usize..9, m in 1_usize..6, active in 0_usize..8) {
        let mut programme = Programme::new(seed, n, m, active.min(n), false);
        let solver = programme.solve();
        prop_assert_eq!(solver.status(), &Status::Converged);
        for (u, expected) in solver.solution().iter().zip(&programme.solution) {
            prop_assert!((u - expected).abs() < 1e-4, "{:?} for {:?}", solver.solution(), programme.solution);
        }
    }

    /// As many active constraints as variables: the solution is a vertex.
    #[test]
    fn linear_programmes(seed: u64, n in 2_usize..9, m in 1_usize..6) {
        let mut programme = Programme::new(seed, n, m, n, true);
        let solver = programme.solve();
        prop_assert_eq!(solver.status(), &Status::Converged);
        let expected = programme.cost(&programme.solution);
        prop_assert!((solver.cost() - expected).abs() < 1e-5, "{} for {expected}", solver.cost());
    }
}
