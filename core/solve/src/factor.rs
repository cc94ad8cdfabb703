//! Factorisations of symmetric indefinite matrices, with their inertia.

mod analysis;
mod dense;
mod sparse;

pub(crate) use analysis::FactorLimits;
pub(crate) use dense::Dense;
pub(crate) use sparse::Sparse;

/// Numbers of positive, negative and vanishing eigenvalues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inertia {
    pub(crate) positive: usize,
    pub(crate) negative: usize,
    pub(crate) zero: usize,
}
