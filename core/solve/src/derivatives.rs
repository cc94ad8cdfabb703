//! Comparison of derivatives with central differences.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::error::{SolverError, check_vector};
use super::functions::Functions;
use crate::math;

/// Step of a difference, relative to the variable: the cube root of the round-off of a double, which balances the errors
/// of truncation and cancellation (Nocedal and Wright, Numerical Optimization, 2006, section 8.1).
const STEP: f64 = 6e-6;

/// The derivative that differs most from its central difference.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DerivativeCheck {
    /// The derivative.
    pub worst: Derivative,
    /// Value returned by the functions.
    pub found: f64,
    /// Value of the central difference.
    pub difference: f64,
    /// `|found - difference| / max(1, |found|, |difference|)`; infinite if one of them is not finite.
    pub error: f64,
}

/// A derivative of the functions of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Derivative {
    /// Derivative of the cost with respect to a decision variable.
    Cost {
        /// Index of the variable.
        variable: usize,
    },
    /// Derivative of a constraint with respect to a decision variable.
    Constraint {
        /// Index of the constraint.
        constraint: usize,
        /// Index of the variable.
        variable: usize,
    },
    /// Second derivative of the cost plus the sum of the constraints, with respect to two decision variables.
    Second {
        /// Index of the first variable.
        row: usize,
        /// Index of the second variable.
        column: usize,
    },
}

/// Compares the derivatives of `functions` at `u` with central differences: gradient of the cost, Jacobian of the
/// constraints by both sweeps, and, where tangents are available, second derivatives. An error of at most 1e-6 is usual
/// for a correct derivative. It takes about `n_u (n_g + 4)` evaluations, where n_u is at least 1.
///
/// ```
/// use labwire_solve::{Cost, Derivative, check_derivatives};
///
/// let mut cost = Cost::new(2, |u: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * u[0] * u[1];
///     gradient[1] = u[0]; // should be squared
///     u[0] * u[0] * u[1]
/// });
/// let check = check_derivatives(&mut cost, &[3.0, 2.0])?;
/// assert_eq!(check.worst, Derivative::Cost { variable: 1 });
/// assert_eq!(check.to_string(), "d f / d u[1] is 3, by differences 9.000000");
/// # Ok::<(), labwire_solve::SolverError>(())
/// ```
///
/// # Errors
/// If the length of `u` is not the number of variables, or an entry is not finite.
pub fn check_derivatives(functions: &mut dyn Functions, u: &[f64]) -> Result<DerivativeCheck, SolverError> {
    let (n, m) = (functions.num_variables(), functions.num_constraints());
    check_vector("u", u, n)?;
    let mut check = DerivativeCheck {
        worst: Derivative::Cost { variable: 0 },
        found: 0.0,
        difference: 0.0,
        error: 0.0,
    };
    let mut differences = Differences {
        cost: 0.0,
        constraints: vec![0.0; m],
        gradient: vec![0.0; n],
    };
    for variable in 0..n {
        differences.take(functions, u, variable);
        check.first_derivatives(functions, u, variable, &differences);
        check.tangents(functions, u, variable, &differences);
    }
    Ok(check)
}

/// Central differences with respect to one variable: of the cost, the constraints, and the gradient of the cost plus all
/// constraints.
struct Differences {
    cost: f64,
    constraints: Vec<f64>,
    gradient: Vec<f64>,
}

impl Differences {
    fn take(&mut self, functions: &mut dyn Functions, u: &[f64], variable: usize) {
        let ones = vec![1.0; self.constraints.len()];
        let mut evaluate = |at: f64| {
            let mut point = u.to_vec();
            point[variable] = at;
            let (mut g, mut gradient) = (ones.clone(), vec![0.0; u.len()]);
            let cost = functions.forward(&point, &mut g);
            functions.reverse(&point, &ones, &mut gradient);
            (cost, g, gradient)
        };
        let step = STEP * (1.0 + u[variable].abs());
        let (high, low) = (u[variable] + step, u[variable] - step);
        let (above, below) = (evaluate(high), evaluate(low));
        // The rounded step.
        let divide = |a: f64, b: f64| (a - b) / (high - low);
        self.cost = divide(above.0, below.0);
        let differences = [
            (&mut self.constraints, above.1, below.1),
            (&mut self.gradient, above.2, below.2),
        ];
        for (difference, above, below) in differences {
            for ((difference, above), below) in difference.iter_mut().zip(above).zip(below) {
                *difference = divide(above, below);
            }
        }
    }
}

impl DerivativeCheck {
    /// Gradient and rows of the Jacobian, by the reverse sweep.
    fn first_derivatives(
        &mut self,
        functions: &mut dyn Functions,
        u: &[f64],
        variable: usize,
        differences: &Differences,
    ) {
        let m = differences.constraints.len();
        let (mut g, mut y) = (vec![0.0; m], vec![0.0; m]);
        let (mut gradient, mut row) = (vec![0.0; u.len()], vec![0.0; u.len()]);
        functions.forward(u, &mut g);
        functions.reverse(u, &y, &mut gradient);
        self.add(
            Derivative::Cost { variable },
            gradient[variable],
            differences.cost,
        );
        for (constraint, difference) in differences.constraints.iter().enumerate() {
            y[constraint] = 1.0;
            functions.reverse(u, &y, &mut row);
            y[constraint] = 0.0;
            let derivative = Derivative::Constraint { constraint, variable };
            self.add(derivative, row[variable] - gradient[variable], *difference);
        }
    }

    /// A column of the Jacobian and a row of the Hessian, if the functions have tangents.
    fn tangents(
        &mut self,
        functions: &mut dyn Functions,
        u: &[f64],
        variable: usize,
        differences: &Differences,
    ) {
        let m = differences.constraints.len();
        let (mut rates, mut direction) = (vec![0.0; m], vec![0.0; u.len()]);
        functions.forward(u, &mut rates);
        functions.reverse(u, &vec![1.0; m], &mut direction);
        direction.fill(0.0);
        direction[variable] = 1.0;
        if !functions.forward_tangent(&direction, &mut rates) {
            return;
        }
        for (constraint, difference) in differences.constraints.iter().enumerate() {
            let derivative = Derivative::Constraint { constraint, variable };
            self.add(derivative, rates[constraint], *difference);
        }
        let mut product = direction;
        functions.reverse_tangent(&vec![0.0; m], &mut product);
        for (column, difference) in differences.gradient.iter().enumerate() {
            let derivative = Derivative::Second {
                row: variable,
                column,
            };
            self.add(derivative, product[column], *difference);
        }
    }

    fn add(&mut self, derivative: Derivative, found: f64, difference: f64) {
        let scale = math::max(1.0, math::max(found.abs(), difference.abs()));
        let error = (found - difference).abs() / scale;
        let error = if error.is_finite() { error } else { f64::INFINITY };
        if error > self.error {
            *self = Self {
                worst: derivative,
                found,
                difference,
                error,
            };
        }
    }
}

impl fmt::Display for DerivativeCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.worst {
            Derivative::Cost { variable } => write!(f, "d f / d u[{variable}]"),
            Derivative::Constraint { constraint, variable } => {
                write!(f, "d g[{constraint}] / d u[{variable}]")
            }
            Derivative::Second { row, column } => write!(f, "d2 (f + sum g) / d u[{row}] d u[{column}]"),
        }?;
        write!(f, " is {}, by differences {:.6}", self.found, self.difference)
    }
}
