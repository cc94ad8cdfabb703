//! How a solve went.

use alloc::vec::Vec;

/// How a solve ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The unscaled residual and the violation at the returned point are below their tolerances.
    Converged,
    /// An iteration limit was hit.
    NotConvergedIterations,
    /// The time limit was hit.
    NotConvergedOutOfTime,
    /// Cost or gradient is not finite at the initial guess.
    NotFinite,
    /// A stationary point of the violation: these constraints (indices into `g`) cannot be met from here.
    LocallyInfeasible {
        /// Indices of the components of `g` that are violated.
        constraints: Vec<usize>,
    },
    /// The cost falls below any bound: -1e20 was passed.
    Unbounded,
    /// No step betters the point in double precision: a function jumps there, or the tolerance asks for more than
    /// round-off leaves.
    Stalled,
    /// Somebody stopped it.
    Cancelled,
}

impl Status {
    /// Its name in replies and on screens.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::NotConvergedIterations => "iteration limit",
            Self::NotConvergedOutOfTime => "time limit",
            Self::NotFinite => "not finite",
            Self::LocallyInfeasible { .. } => "locally infeasible",
            Self::Unbounded => "unbounded below",
            Self::Stalled => "no progress in double precision",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a solve has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Fused evaluations of cost, constraints and gradient.
    pub evaluations: u64,
    /// Products of a vector with the Hessian of the augmented Lagrangian.
    pub hessian_products: u64,
    /// Inner iterations, over all inner problems.
    pub inner_iterations: u64,
    /// Outer (multiplier) iterations.
    pub outer_iterations: u64,
    /// Solves started again from cold because the warm start did not converge (0 or 1).
    pub cold_restarts: u64,
}

/// Where a solve stands, for progress displays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Cost so far.
    pub counters: Counters,
    /// Unscaled stationarity residual of the current inner problem.
    pub residual: f64,
    /// Largest violation of the constraints.
    pub violation: f64,
    /// Cost `f`.
    pub cost: f64,
    /// Largest penalty.
    pub penalty: f64,
}
