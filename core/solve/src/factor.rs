//! Factorisations of symmetric indefinite matrices, with their inertia.

#[cfg(feature = "second-derivatives")]
mod analysis;
mod dense;
#[cfg(feature = "second-derivatives")]
mod sparse;

#[cfg(feature = "second-derivatives")]
pub(crate) use analysis::FactorLimits;
pub(crate) use dense::Dense;
#[cfg(feature = "second-derivatives")]
pub(crate) use sparse::Sparse;

/// Numbers of positive, negative and vanishing eigenvalues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inertia {
    pub(crate) positive: usize,
    pub(crate) negative: usize,
    pub(crate) zero: usize,
}
