//! Affine spaces: solutions of linear equations.

use alloc::vec::Vec;

use nalgebra::DMatrix;

use super::{SetError, check_finite, check_len};
use crate::math;

/// `A x = b`, stored as orthonormal rows q of the same space: `<q_i, x> = c_i`. Each of these equations can
/// be met in turn without disturbing the previous ones, so that a projection needs neither a linear solve
/// nor memory.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineSpace {
    dimension: usize,
    /// Rows q, one after the other.
    rows: Vec<f64>,
    offsets: Vec<f64>,
}

/// Relative distance from the span of the other rows below which a row counts as dependent.
const DEPENDENT: f64 = 1e-12;

impl AffineSpace {
    /// Creates the space of vectors x of length `a.len() / b.len()` with `A x = b`; `a` holds the rows of A
    /// one after the other.
    ///
    /// # Errors
    /// If there are no equations or no unknowns, the lengths do not match, an entry is not finite, or the
    /// rows are not linearly independent (which includes equations that contradict each other).
    pub fn new(a: &[f64], b: &[f64]) -> Result<Self, SetError> {
        let equations = b.len();
        let dimension = a.len().checked_div(equations).unwrap_or(0);
        if dimension == 0 {
            return Err(SetError::Empty);
        }
        check_len("A", a.len(), equations * dimension)?;
        check_finite("A", a)?;
        check_finite("b", b)?;
        if equations > dimension {
            return Err(SetError::DependentRow(dimension));
        }
        // A^T = Q R. nalgebra's factorisation runs dot products and additions in an order that does not
        // depend on its features; only its matrix products do.
        let factors = DMatrix::from_column_slice(dimension, equations, a).qr();
        let (q, r) = (factors.q(), factors.r());
        let mut offsets: Vec<f64> = Vec::with_capacity(equations);
        for (i, row) in a.chunks_exact(dimension).enumerate() {
            let diagonal = r[(i, i)];
            if !(diagonal.abs() > DEPENDENT * math::norm2(row)) {
                return Err(SetError::DependentRow(i));
            }
            let known = (0..i).fold(0.0, |sum, j| sum + r[(j, i)] * offsets[j]);
            offsets.push((b[i] - known) / diagonal);
        }
        Ok(Self {
            dimension,
            rows: q.as_slice().to_vec(),
            offsets,
        })
    }

    /// Length of x.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of equations.
    #[must_use]
    pub fn equations(&self) -> usize {
        self.offsets.len()
    }

    /// Orthonormal rows q with their offsets c.
    pub(crate) fn orthonormal_equations(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let rows = self.rows.chunks_exact(self.dimension);
        rows.zip(self.offsets.iter().copied())
    }

    pub(super) fn project(&self, x: &mut [f64]) {
        for (row, offset) in self.orthonormal_equations() {
            let step = math::dot(row, x) - offset;
            for (x, row) in x.iter_mut().zip(row) {
                *x -= step * row;
            }
        }
    }
}
