//! Sparsity of second derivatives.

use alloc::vec::Vec;

use crate::error::SolverError;

/// Entries of the Jacobian of `g` and of the Hessian of `f + y^T g` that are not always zero.
///
/// A problem that knows them gives its solver Newton steps with exact derivatives:
/// [`Solver::with_second_derivatives`](crate::Solver::with_second_derivatives).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SecondDerivatives {
    /// Entries (row, column) of the Jacobian, each at most once.
    pub jacobian: Vec<(u32, u32)>,
    /// Entries (row, column) of the lower triangle of the Hessian, row >= column, each at most once.
    pub hessian: Vec<(u32, u32)>,
    /// Number of operations to compute all of them.
    pub operations: f64,
    /// Number of operations of a fused evaluation of cost, constraints and gradient.
    pub evaluation: f64,
}

impl SecondDerivatives {
    /// Checks that every entry lies within the matrices of a problem with these dimensions.
    pub(crate) fn check(&self, num_variables: usize, num_constraints: usize) -> Result<(), SolverError> {
        let (n, m) = (num_variables as u64, num_constraints as u64);
        let is_outside = |row: u32, column: u32| u64::from(row) >= m || u64::from(column) >= n;
        if let Some(&(row, column)) = self.jacobian.iter().find(|entry| is_outside(entry.0, entry.1)) {
            return Err(SolverError::Sparsity {
                matrix: "Jacobian",
                row,
                column,
                expected: "a row per constraint and a column per variable, from 0",
            });
        }
        let is_outside = |row: u32, column: u32| u64::from(row) >= n || column > row;
        if let Some(&(row, column)) = self.hessian.iter().find(|entry| is_outside(entry.0, entry.1)) {
            return Err(SolverError::Sparsity {
                matrix: "Hessian",
                row,
                column,
                expected: "a row per variable, from 0, and a column up to the diagonal",
            });
        }
        Ok(())
    }
}
