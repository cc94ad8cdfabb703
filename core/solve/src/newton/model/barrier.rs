//! The model with the barrier of bounds on variables and constraints: a Newton step on the optimality conditions of a
//! barrier problem.

use super::{QuadraticModel, Side};
use crate::math;
use crate::outcome::Search;

/// Rows of a barrier problem: its variables, and the constraints with slacks, which are eliminated.
pub(crate) struct BarrierRows<'a> {
    /// Curvature of the barrier along each variable; infinite where its bounds are equal.
    pub(crate) curvatures: &'a [f64],
    /// Inverse curvature of each slack's barrier, subtracted from the constraint's diagonal; infinite where
    /// the constraint has no bounds.
    pub(crate) duals: &'a [f64],
}

impl QuadraticModel {
    /// Begins a search for the least shift, at least `shift`, that makes the step of a barrier problem one of descent.
    pub(crate) fn begin_barrier(&mut self, shift: f64) {
        self.begin_shifts(shift);
    }

    /// Factorises the barrier problem's matrix once, with the shift that is next.
    pub(crate) fn factorize_barrier(&mut self, rows: &BarrierRows<'_>) -> Search {
        for (i, curvature) in rows.curvatures.iter().enumerate() {
            self.is_free[i] = curvature.is_finite();
            self.curvatures[i] = if self.is_free[i] { *curvature } else { 0.0 };
        }
        for (side, dual) in self.sides.iter_mut().zip(rows.duals) {
            *side = if dual.is_finite() {
                Side::Above
            } else {
                Side::Inside
            };
        }
        self.factorize(|i| rows.duals[i])
    }

    /// Factorises the matrix whose solution are the multipliers that fit a gradient best, measured by the curvatures. The
    /// Hessian is lost. Returns whether the matrix, which needs no shift, is regular.
    pub(crate) fn factorize_multipliers(&mut self, rows: &BarrierRows<'_>) -> bool {
        self.hessian.fill(0.0);
        self.begin_barrier(0.0);
        self.factorize_barrier(rows) == Search::Found
    }

    /// Solves for the change of variables and multipliers, for the right-hand sides of their rows.
    pub(crate) fn solve_barrier(
        &mut self,
        of_variables: impl Fn(usize) -> f64,
        of_constraints: impl Fn(usize) -> f64,
        step: &mut [f64],
        change: &mut [f64],
    ) {
        let n = step.len();
        self.right.fill(0.0);
        for i in (0..n).filter(|i| self.is_free[*i]) {
            self.right[self.rows[i]] = of_variables(i);
        }
        for i in 0..change.len() {
            if self.sides[i] != Side::Inside {
                self.right[self.rows[n + i]] = of_constraints(i);
            }
        }
        self.factor.solve(&mut self.right);
        for (i, step) in step.iter_mut().enumerate() {
            *step = if self.is_free[i] {
                self.right[self.rows[i]]
            } else {
                0.0
            };
        }
        for (i, change) in change.iter_mut().enumerate() {
            *change = match self.sides[i] {
                Side::Inside => 0.0,
                _ => self.right[self.rows[n + i]],
            };
        }
    }

    /// Writes the rates of the constraints along `step`.
    pub(crate) fn rates(&self, step: &[f64], rates: &mut [f64]) {
        rates.fill(0.0);
        for (&(row, column), entry) in self.sparsity.jacobian.iter().zip(&self.jacobian) {
            rates[row as usize] += entry * step[column as usize];
        }
    }

    /// Whether all derivatives are numbers.
    pub(crate) fn is_finite(&self) -> bool {
        math::all_finite(&self.jacobian) && math::all_finite(&self.hessian)
    }
}
