//! Random linear and quadratic programmes with known solutions: they are found, with a bounded number of evaluations.
#![allow(clippy::unwrap_used, reason = "tests")]

use labwire_core::problem::{Problem, ProblemSolver, TextLimits};
use labwire_core::solve::Status;
use proptest::prelude::*;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Variables that a row or a square holds, about.
const ROW: usize = 6;

/// `min c^T x + |M x|^2 / 2`, with `A x = b` or `A x >= b`, and `x >= 0`.
struct Programme {
    text: String,
    /// Cost at the solution.
    cost: f64,
}

/// Numbers from 0 to 1.
struct Uniform(SplitMix64);

impl Uniform {
    fn next(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / f64::from(u32::MAX)
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }

    /// Sparse row of the matrix, of which no column stays empty.
    fn row(&mut self, n: usize, row: usize, rows: usize) -> Vec<f64> {
        let density = ROW as f64 / n as f64;
        let entry = |j| match self.next() < density || j % rows == row {
            true => self.within(-1.0, 1.0),
            false => 0.0,
        };
        (0..n).map(entry).collect()
    }
}

/// Builds a programme around a solution that obeys the optimality conditions.
fn programme(n: usize, m: usize, seed: u64, is_quadratic: bool, has_equations: bool) -> Programme {
    let mut random = Uniform(SplitMix64::seed_from_u64(seed));
    let rows: Vec<Vec<f64>> = (0..m).map(|i| random.row(n, i, m)).collect();
    let squares = if is_quadratic { n } else { 0 };
    let squares: Vec<Vec<f64>> = (0..squares).map(|i| random.row(n, i, n)).collect();
    let product = |row: &[f64], x: &[f64]| row.iter().zip(x).map(|(a, x)| a * x).sum::<f64>();
    // Half of the variables are at their bounds, with a multiplier.
    let (mut x, mut c) = (vec![0.0; n], vec![0.0; n]);
    for j in 0..n {
        match random.next() < 0.5 {
            true => x[j] = random.within(0.1, 2.0),
            false => c[j] = random.within(0.1, 1.0),
        }
    }
    let mut limits = Vec::new();
    for row in &rows {
        let value = product(row, &x);
        let is_active = has_equations || random.next() < 0.5;
        let y = match () {
            () if has_equations => random.within(-1.0, 1.0),
            () if is_active => random.within(0.1, 1.0),
            () => 0.0,
        };
        limits.push(if is_active {
            value
        } else {
            value - random.within(0.1, 1.0)
        });
        row.iter().zip(&mut c).for_each(|(a, c)| *c += a * y);
    }
    let mut cost = 0.0;
    for square in &squares {
        let value = product(square, &x);
        cost += value * value / 2.0;
        square.iter().zip(&mut c).for_each(|(a, c)| *c -= a * value);
    }
    cost += product(&c, &x);
    let linear = |row: &[f64]| {
        let terms = row.iter().enumerate().filter(|(_, a)| **a != 0.0);
        let terms: Vec<String> = terms.map(|(j, a)| format!("({a:e})*x[{j}]")).collect();
        if terms.is_empty() {
            "0".to_owned()
        } else {
            terms.join(" + ")
        }
    };
    let mut objective = vec![linear(&c)];
    objective.extend(squares.iter().map(|square| format!("({})^2/2", linear(square))));
    let constraints = match has_equations {
        true => {
            let equations = rows.iter().zip(&limits);
            let equations: Vec<String> = equations
                .map(|(row, b)| format!("{} - ({b:e})", linear(row)))
                .collect();
            format!("\"f2\": {equations:?}")
        }
        false => {
            let rows: Vec<String> = rows.iter().map(|row| linear(row)).collect();
            format!("\"f1\": {{\"expressions\": {rows:?}, \"set\": {{\"box\": {{\"min\": {limits:?}}}}}}}")
        }
    };
    let text = format!(
        r#"{{"variables": {{"x": {n}}}, "cost": "{}", "constraints": {{"x": {{"box": {{"min": 0}}}}}}, {constraints},
            "solver": {{"tolerance": 1e-6, "delta_tolerance": 1e-6}}}}"#,
        objective.join(" + ")
    );
    Programme { text, cost }
}

/// Asserts that the solution is found, with so many evaluations and Hessians at most.
#[track_caller]
fn assert_solved(programme: &Programme, most: u64) {
    let problem = Problem::from_json(&programme.text, &TextLimits::default()).unwrap();
    let solution = ProblemSolver::new(&problem).unwrap().solve(&[]).unwrap();
    let expected = programme.cost;
    let counters = &solution.counters;
    assert_eq!(
        solution.status,
        Status::Converged,
        "{} {counters:?}",
        programme.text
    );
    let error = (solution.cost - expected).abs() / (1.0 + expected.abs());
    assert!(
        error < 1e-4,
        "{} for {expected}: {}",
        solution.cost,
        programme.text
    );
    let work = counters.evaluations + counters.hessian_evaluations + 2 * counters.hessian_products;
    assert!(work <= most, "{counters:?}: {}", programme.text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn small_programmes(n in 2..40_usize, share in 1..9_usize, seed: u64, is_quadratic: bool, has_equations: bool) {
        let m = (n * share / 20).max(1);
        assert_solved(&programme(n, m, seed, is_quadratic, has_equations), 250);
    }
}

/// Of a quadratic model whose active sets went round in circles, and of linear programmes that are solved to round-off.
#[test]
fn programmes_that_were_given_up_or_took_long() {
    assert_solved(&programme(6, 1, 5_825_865_206_251_970_513, true, false), 250);
    for (n, m, seed) in [
        (25, 10, 8_062_203_784_365_221_952),
        (35, 1, 7_131_883_073_411_933_065),
        (36, 9, 15_435_566_337_400_686_080),
    ] {
        assert_solved(&programme(n, m, seed, false, false), 250);
    }
}

#[test]
fn programmes_of_a_hundred_variables() {
    for has_equations in [true, false] {
        for is_quadratic in [true, false] {
            assert_solved(&programme(100, 40, 1, is_quadratic, has_equations), 150);
        }
    }
}

#[test]
fn programmes_of_three_hundred_variables() {
    for has_equations in [true, false] {
        assert_solved(&programme(300, 100, 2, false, has_equations), 150);
    }
}
