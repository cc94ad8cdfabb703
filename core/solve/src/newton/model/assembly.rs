//! The matrix of a model, written to where it is factorised.

use super::factor::Factor;
use super::{QuadraticModel, Side};

impl QuadraticModel {
    /// Writes the matrix of `size` rows, with these numbers subtracted from the diagonal of the constraints, and with
    /// the curvatures added to that of the variables.
    pub(super) fn assemble(&mut self, duals: impl Fn(usize) -> f64, size: usize) {
        let Self {
            factor,
            sparsity,
            hessian,
            jacobian,
            is_free,
            sides,
            rows,
            metric,
            shift,
            curvatures,
            ..
        } = self;
        let n = is_free.len();
        let hessian = sparsity
            .hessian
            .iter()
            .zip(hessian)
            .map(|(&(row, column), entry)| {
                let (row, column) = (row as usize, column as usize);
                (rows[row], rows[column], *entry, is_free[row] && is_free[column])
            });
        let jacobian = sparsity
            .jacobian
            .iter()
            .zip(jacobian)
            .map(|(&(row, column), entry)| {
                let (row, column) = (row as usize, column as usize);
                let is_active = sides[row] != Side::Inside;
                (rows[n + row], rows[column], *entry, is_active && is_free[column])
            });
        let shifts = (0..n).map(|i| (rows[i], curvatures[i] + *shift * metric[i], is_free[i]));
        let duals = (0..sides.len()).map(|i| (rows[n + i], -duals(i), sides[i] != Side::Inside));
        let off_diagonal = hessian.chain(jacobian);
        match factor {
            Factor::Dense(dense) => {
                dense.clear(size);
                let places = off_diagonal.chain(
                    shifts
                        .chain(duals)
                        .map(|(row, entry, is_in)| (row, row, entry, is_in)),
                );
                for (row, column, entry, _) in places.filter(|(.., is_in)| *is_in) {
                    dense.add(row, column, entry);
                }
            }
            Factor::Sparse(sparse) => {
                let off_diagonal = off_diagonal.map(|(_, _, entry, is_in)| if is_in { entry } else { 0.0 });
                let shifts = shifts.map(|(_, entry, is_in)| if is_in { entry } else { 1.0 });
                let duals = duals.map(|(_, entry, is_in)| if is_in { entry } else { -1.0 });
                let entries = off_diagonal.chain(shifts).chain(duals);
                for (value, entry) in sparse.values_mut().iter_mut().zip(entries) {
                    *value = entry;
                }
            }
        }
    }
}
