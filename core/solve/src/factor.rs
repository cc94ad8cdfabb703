//! Factorisations of symmetric indefinite matrices, with their inertia.

mod dense;

pub(crate) use dense::Dense;

/// Numbers of positive, negative and vanishing eigenvalues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inertia {
    pub(crate) positive: usize,
    pub(crate) negative: usize,
    pub(crate) zero: usize,
}
