//! Newton steps: exact ones by factorisation, and truncated ones by conjugate gradients.

#[cfg(feature = "second-derivatives")]
mod model;
mod trust_region;

#[cfg(feature = "second-derivatives")]
pub(crate) use model::{BarrierRows, QuadraticModel};
pub(crate) use trust_region::TrustRegion;
