//! True residual and violation at a point, by code that no solver shares.

use labwire_core::sets::Set;
use labwire_core::solve::{Functions, Structure};
use nalgebra::{DMatrix, DVector};

/// Distance from a bound below which it counts as active.
const ACTIVE: f64 = 1e-4;

/// Quality of a point.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    /// Smallest `|grad f + J^T y + z|_inf` over the multipliers of the active bounds and constraints: that of bounded least
    /// squares, or that of the solver's own multipliers if it is less.
    pub residual: f64,
    /// Largest violation of a bound or a constraint.
    pub violation: f64,
    /// `|P(J^T d)|_inf / |d|_inf`, where `d` is the constraints' violation and P drops what the bounds block: 0 where the
    /// violation is stationary.
    pub violation_slope: f64,
    /// Cost.
    pub cost: f64,
}

/// Evaluates `u`; `multipliers` are the solver's, in the order of `g`, or none.
///
/// # Panics
/// If a set is not one of bounds.
pub fn judge(functions: &mut dyn Functions, structure: &Structure, u: &[f64], multipliers: &[f64]) -> Truth {
    let (n, m) = (structure.num_variables, structure.num_constraints());
    let mut g = vec![0.0; m];
    let cost = functions.forward(u, &mut g);
    let mut gradient = vec![0.0; n];
    functions.reverse(u, &vec![0.0; m], &mut gradient);
    let mut combine = |weights: &[f64]| {
        let mut sum = vec![0.0; n];
        functions.forward(u, &mut vec![0.0; m]);
        functions.reverse(u, weights, &mut sum);
        DVector::from_fn(n, |i, _| sum[i] - gradient[i])
    };
    let (min, max) = bounds(&structure.set, n);
    let blocked: Vec<_> = (0..n).map(|i| Sign::of(u[i], min[i], max[i])).collect();
    let mut violation = (0..n).fold(0.0_f64, |worst, i| worst.max(min[i] - u[i]).max(u[i] - max[i]));
    let mut columns = Vec::new();
    for (i, sign) in blocked.iter().enumerate() {
        if let Some(sign) = sign {
            columns.push((*sign, DVector::from_fn(n, |row, _| f64::from(u8::from(row == i)))));
        }
    }
    let (min, max) = constraint_bounds(structure);
    let mut excess = vec![0.0; m];
    let mut claimed = vec![0.0; m];
    for i in 0..m {
        excess[i] = (g[i] - max[i]).max(0.0) - (min[i] - g[i]).max(0.0);
        violation = violation.max(excess[i].abs());
        if let Some(sign) = Sign::of(g[i], min[i], max[i]) {
            let mut unit = vec![0.0; m];
            unit[i] = 1.0;
            columns.push((sign, combine(&unit)));
            claimed[i] = sign.allowed(multipliers.get(i).copied().unwrap_or(0.0));
        }
    }
    // The multipliers of bounds take what they may.
    let unblocked = |rates: &DVector<f64>| {
        let rest = |(rate, sign): (&f64, &Option<Sign>)| rate + sign.map_or(0.0, |sign| sign.allowed(-rate));
        rates
            .iter()
            .zip(&blocked)
            .map(rest)
            .fold(0.0, |worst: f64, rest| worst.max(rest.abs()))
    };
    let slope = unblocked(&combine(&excess))
        / excess
            .iter()
            .fold(f64::MIN_POSITIVE, |worst, e| worst.max(e.abs()));
    let own = unblocked(&(combine(&claimed) + DVector::from_column_slice(&gradient)));
    let residual = smallest_combination(DVector::from_vec(gradient), columns).min(own);
    Truth {
        residual,
        violation: if violation.is_nan() || g.iter().any(|g| g.is_nan()) {
            f64::NAN
        } else {
            violation
        },
        violation_slope: slope,
        cost,
    }
}

/// Bounds of all constraints, in the order of `g`.
fn constraint_bounds(structure: &Structure) -> (Vec<f64>, Vec<f64>) {
    let blocks = structure.constraints.iter();
    let (min, max): (Vec<_>, Vec<_>) = blocks.map(|block| bounds(&block.set, block.len)).unzip();
    (min.concat(), max.concat())
}

fn bounds(set: &Set, len: usize) -> (Vec<f64>, Vec<f64>) {
    set.bounds(len).expect("only sets of bounds can be judged")
}

/// Sign that a multiplier may have.
#[derive(Clone, Copy, Debug, PartialEq)]
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

    /// The multiplier, or 0 if it may not have its sign.
    fn allowed(self, multiplier: f64) -> f64 {
        match self {
            Self::Free => multiplier,
            Self::NotNegative => multiplier.max(0.0),
            Self::NotPositive => multiplier.min(0.0),
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
