//! Newton steps: exact ones by factorisation, and truncated ones by conjugate gradients.

mod model;
mod trust_region;

pub(crate) use model::{BarrierRows, QuadraticModel, Weights};
pub(crate) use trust_region::TrustRegion;
