//! True residual and violation at a point, by code that no solver shares.

use labwire_benches::problems::BenchmarkProblem;
use labwire_core::sets::Set;
use nalgebra::{DMatrix, DVector};

/// Distance from a bound below which it counts as active.
const ACTIVE: f64 = 1e-4;

/// Quality of a point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    /// Smallest `|grad f + J^T y + z|_inf` over the multipliers of the active bounds and constraints, by bounded
    /// least squares.
    pub(crate) residual: f64,
    /// Largest violation of a bound or a constraint.
    pub(crate) violation: f64,
    /// Cost.
    pub(crate) cost: f64,
}

/// Evaluates `u`.
pub(crate) fn judge(problem: &mut BenchmarkProblem, u: &[f64]) -> Truth {
    let structure = problem.structure.clone();
    let (n, m) = (structure.num_variables, structure.num_constraints());
    let mut g = vec![0.0; m];
    let cost = problem.functions.forward(u, &mut g);
    let mut gradient = vec![0.0; n];
    problem.functions.reverse(u, &vec![0.0; m], &mut gradient);
    let mut columns = Vec::new();
    let mut violation = 0.0_f64;
    let (min, max) = bounds(&structure.set, n);
    for i in 0..n {
        violation = violation.max(min[i] - u[i]).max(u[i] - max[i]);
        if let Some(sign) = Sign::of(u[i], min[i], max[i]) {
            columns.push((sign, DVector::from_fn(n, |row, _| f64::from(u8::from(row == i)))));
        }
    }
    let mut index = 0;
    for block in &structure.constraints {
        let (min, max) = bounds(&block.set, block.len);
        for i in 0..block.len {
            violation = violation.max(min[i] - g[index]).max(g[index] - max[i]);
            if let Some(sign) = Sign::of(g[index], min[i], max[i]) {
                let mut unit = vec![0.0; m];
                unit[index] = 1.0;
                let mut row = vec![0.0; n];
                problem.functions.forward(u, &mut g);
                problem.functions.reverse(u, &unit, &mut row);
                columns.push((sign, DVector::from_fn(n, |i, _| row[i] - gradient[i])));
            }
            index += 1;
        }
    }
    let residual = smallest_combination(DVector::from_vec(gradient), columns);
    Truth {
        residual,
        violation,
        cost,
    }
}

fn bounds(set: &Set, len: usize) -> (Vec<f64>, Vec<f64>) {
    set.bounds(len).expect("the benchmark problems have bounds only")
}

/// Sign that a multiplier may have.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Free,
    NotNegative,
    NotPositive,
}

impl Sign {
    fn of(value: f64, min: f64, max: f64) -> Option<Self> {
        match (value <= min + ACTIVE, value >= max - ACTIVE) {
            (true, true) => Some(Self::Free),
            (false, true) => Some(Self::NotNegative),
            (true, false) => Some(Self::NotPositive),
            (false, false) => None,
        }
    }
}

/// `min |target + sum y_j column_j|_2` over multipliers of the given signs, as the infinity norm of the remainder:
/// Lawson and Hanson's active-set method. A free multiplier is a pair of opposite columns.
fn smallest_combination(target: DVector<f64>, columns: Vec<(Sign, DVector<f64>)>) -> f64 {
    let mut directions = Vec::new();
    for (sign, column) in columns {
        if sign != Sign::NotPositive {
            directions.push(column.clone());
        }
        if sign != Sign::NotNegative {
            directions.push(-column);
        }
    }
    let mut weights = vec![0.0; directions.len()];
    let remainder = |weights: &[f64]| {
        directions
            .iter()
            .zip(weights)
            .fold(target.clone(), |sum, (direction, weight)| {
                sum + direction * *weight
            })
    };
    for _ in 0..10 * directions.len() + 10 {
        let rest = remainder(&weights);
        let descent = |j: usize| -directions[j].dot(&rest) / directions[j].norm().max(1e-300);
        let candidate = (0..directions.len())
            .filter(|&j| weights[j] == 0.0)
            .max_by(|&a, &b| descent(a).total_cmp(&descent(b)));
        let Some(enter) = candidate.filter(|&j| descent(j) > 1e-13) else {
            break;
        };
        let mut used: Vec<usize> = (0..directions.len())
            .filter(|&j| weights[j] > 0.0 || j == enter)
            .collect();
        loop {
            let matrix =
                DMatrix::from_columns(&used.iter().map(|&j| directions[j].clone()).collect::<Vec<_>>());
            let Ok(solution) = matrix.svd(true, true).solve(&-&target, 1e-12) else {
                break;
            };
            // As far towards the unconstrained solution as the signs allow.
            let step = used
                .iter()
                .zip(solution.iter())
                .filter(|(_, new)| **new <= 0.0)
                .fold(1.0_f64, |step, (&j, new)| {
                    step.min(if weights[j] > *new {
                        weights[j] / (weights[j] - new)
                    } else {
                        0.0
                    })
                });
            for (&j, new) in used.iter().zip(solution.iter()) {
                weights[j] += step * (new - weights[j]);
                if weights[j] <= 1e-300 {
                    weights[j] = 0.0;
                }
            }
            if step >= 1.0 {
                break;
            }
            used.retain(|&j| weights[j] > 0.0);
            if used.is_empty() {
                break;
            }
        }
    }
    remainder(&weights).amax()
}
