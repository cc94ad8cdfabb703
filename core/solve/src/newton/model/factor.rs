//! The factorisation of a model's matrix: dense in the rows of F and A, or sparse with a row for every variable and
//! constraint, where those outside of F and A are rows of the identity.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::factor::{Dense, FactorLimits, Inertia, Sparse};
use crate::second::SecondDerivatives;
use crate::tuning::Tuning;

/// Multiplications of a dense factorisation in the time of one operation of an evaluation, and of a sparse one.
const DENSE_SPEED: f64 = 8.0;
const SPARSE_SPEED: f64 = 2.0;
/// Multiplications of a sparse factorisation that go with each of its rows: its memory is visited in no order.
const SPARSE_ROW: f64 = 40.0;

#[derive(Clone, Debug)]
pub(super) enum Factor {
    Dense(Dense),
    Sparse(Box<Sparse>),
}

impl Factor {
    /// The cheaper of the two for matrices of `n` variables and `m` constraints; `None` if neither is allowed.
    pub(super) fn new(sparsity: &SecondDerivatives, n: usize, m: usize, tuning: &Tuning) -> Option<Self> {
        let size = n + m;
        let is_small = size <= tuning.max_newton_size as usize;
        // Variables without curvature are stable pivots together with their constraints only.
        let curved = sparsity.hessian.iter().filter(|(row, column)| row == column);
        let limits = FactorLimits {
            has_delays: 2 * curved.count() < n,
            fill: tuning.max_newton_fill as usize,
            multiplications: if is_small {
                dense_work(size) * SPARSE_SPEED - SPARSE_ROW * size as f64
            } else {
                f64::INFINITY
            },
        };
        let sparse = match limits.multiplications > 0.0 {
            true => Sparse::new(size, &entries(sparsity, n, m), n, limits),
            false => None,
        };
        match sparse {
            Some(sparse) => Some(Self::Sparse(Box::new(sparse))),
            None => is_small.then(|| Self::Dense(Dense::new(size))),
        }
    }

    /// Work of a factorisation of `size` rows, in operations of an evaluation.
    pub(super) fn work(&self, size: usize) -> f64 {
        match self {
            Self::Dense(_) => dense_work(size),
            Self::Sparse(sparse) => sparse_work(sparse, size),
        }
    }

    pub(super) fn factorize(&mut self) -> Inertia {
        match self {
            Self::Dense(dense) => dense.factorize(),
            Self::Sparse(sparse) => sparse.factorize(),
        }
    }

    pub(super) fn solve(&mut self, x: &mut [f64]) {
        match self {
            Self::Dense(dense) => dense.solve(x),
            Self::Sparse(sparse) => sparse.solve(x),
        }
    }

    /// Whether there is a row for every variable and constraint.
    pub(super) fn has_all_rows(&self) -> bool {
        matches!(self, Self::Sparse(_))
    }

    /// Numbers that it holds.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.memory(),
            Self::Sparse(sparse) => sparse.memory(),
        }
    }
}

fn dense_work(size: usize) -> f64 {
    let size = size as f64;
    size * size * size / 6.0 / DENSE_SPEED
}

fn sparse_work(sparse: &Sparse, size: usize) -> f64 {
    (sparse.multiplications() + SPARSE_ROW * size as f64) / SPARSE_SPEED
}

/// Entries of the sparse matrix: the Hessian, the Jacobian, the diagonal.
fn entries(sparsity: &SecondDerivatives, n: usize, m: usize) -> Vec<(u32, u32)> {
    let jacobian = sparsity
        .jacobian
        .iter()
        .map(|&(row, column)| (n as u32 + row, column));
    let diagonal = (0..(n + m) as u32).map(|i| (i, i));
    sparsity
        .hessian
        .iter()
        .copied()
        .chain(jacobian)
        .chain(diagonal)
        .collect()
}
