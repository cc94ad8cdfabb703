//! Outcome and progress of a solve.

use alloc::vec::Vec;

#[cfg(feature = "integers")]
use crate::math;

/// Outcome of a solve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Status {
    /// No solve has ended: none was started, or one is running.
    #[default]
    Unsolved,
    /// The unscaled residual and the violation at the returned point are below their tolerances.
    Converged,
    /// As converged, but the point is no minimum: the curvature is negative, though no lower point was found nearby.
    Stationary,
    /// An iteration limit was reached.
    NotConvergedIterations,
    /// The time limit was reached.
    NotConvergedOutOfTime,
    /// Cost or gradient is not finite at the initial guess.
    NotFinite,
    /// A stationary point of the violation: the constraints cannot be satisfied near it.
    LocallyInfeasible {
        /// Indices of the violated components of `g`.
        constraints: Vec<usize>,
    },
    /// The cost is unbounded below: at feasible points it falls without end.
    Unbounded,
    /// No step improves the point in double precision: a function jumps there, or the tolerance is below round-off.
    Stalled,
    /// The solve was stopped from outside.
    Cancelled,
}

/// Reason to stop a running solve from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The result is no longer wanted: [`Status::Cancelled`].
    Cancelled,
    /// There is no time left: [`Status::NotConvergedOutOfTime`].
    OutOfTime,
}

impl From<StopReason> for Status {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Cancelled => Self::Cancelled,
            StopReason::OutOfTime => Self::NotConvergedOutOfTime,
        }
    }
}

impl Status {
    /// Name in replies and for display.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unsolved => "unsolved",
            Self::Converged => "converged",
            Self::Stationary => "stationary",
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

/// Work done by a solve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Counters {
    /// Fused evaluations of cost, constraints and gradient.
    pub evaluations: u64,
    /// Products of a vector with the Hessian of the augmented Lagrangian.
    pub hessian_products: u64,
    /// Exact Hessians of the Lagrangian, each with the Jacobian of the constraints.
    #[cfg_attr(feature = "serde", serde(default))]
    pub hessian_evaluations: u64,
    /// Inner iterations, over all inner problems.
    pub inner_iterations: u64,
    /// Outer (multiplier) iterations.
    pub outer_iterations: u64,
    /// Solves started again: from cold because the warm start did not converge, or with larger penalties before a problem
    /// is called infeasible or unbounded.
    pub cold_restarts: u64,
}

impl core::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.evaluations += other.evaluations;
        self.hessian_products += other.hessian_products;
        self.hessian_evaluations += other.hessian_evaluations;
        self.inner_iterations += other.inner_iterations;
        self.outer_iterations += other.outer_iterations;
        self.cold_restarts += other.cold_restarts;
    }
}

/// What is known of the solutions in [integers](crate::Integers).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct IntegerSearch {
    /// Number of nodes: of solves without that condition, within narrower and narrower bounds.
    pub nodes: u64,
    /// Cost of the best solution; `None` if none is known.
    pub best: Option<f64>,
    /// Cost that no solution is below; `None` if none is known, or there is no solution.
    pub bound: Option<f64>,
    /// Largest part of its cost by which another solution may be better than the best: `best - bound` by the larger magnitude of the two.
    pub gap: Option<f64>,
    /// Whether the bound holds for all solutions. Otherwise the problem is not known to be convex: the bound is made of local
    /// minima, and there may be better ones.
    pub is_global: bool,
}

#[cfg(feature = "integers")]
impl IntegerSearch {
    pub(crate) fn new(nodes: u64, best: Option<f64>, bound: f64, is_global: bool) -> Self {
        let bound = bound.is_finite().then_some(bound);
        let gap = |(best, bound): (f64, f64)| match best - bound {
            0.0 => 0.0,
            difference => difference / math::max(best.abs(), bound.abs()),
        };
        Self {
            nodes,
            best,
            bound,
            gap: best.zip(bound).map(gap).filter(|gap| gap.is_finite()),
            is_global,
        }
    }
}

/// Direction of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepKind {
    /// No step was taken yet.
    #[default]
    None,
    /// Limited-memory BFGS among the free coordinates.
    QuasiNewton,
    /// Newton's, by conjugate gradients in a trust region.
    TrustRegion,
    /// Newton's, with the exact Hessian of the augmented Lagrangian.
    Newton,
    /// Newton's on the optimality conditions: variables and multipliers together.
    Optimality,
    /// Newton's through the stages of an optimal-control problem.
    Stages,
    /// Newton's on the optimality conditions of a barrier problem.
    Interior,
    /// A proximal gradient step, or a quasi-Newton step from its end.
    Proximal,
}

impl StepKind {
    /// Name for display.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::QuasiNewton => "quasi-Newton",
            Self::TrustRegion => "trust region",
            Self::Newton => "Newton",
            Self::Optimality => "optimality",
            Self::Stages => "stages",
            Self::Interior => "interior point",
            Self::Proximal => "proximal",
        }
    }
}

/// Last step of a solve.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// Direction.
    pub kind: StepKind,
    /// Length relative to the direction: 1 is a full step.
    pub length: f64,
    /// Multiple of the identity that was added to the Hessian; 0 if none was needed, or there was no Hessian.
    pub regularisation: f64,
}

impl Step {
    /// Step of this length, without regularisation.
    pub(crate) fn new(kind: StepKind, length: f64) -> Self {
        Self {
            kind,
            length,
            regularisation: 0.0,
        }
    }
}

/// State of a running solve, for progress displays.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Work so far.
    pub counters: Counters,
    /// Unscaled stationarity residual of the current inner problem.
    pub residual: f64,
    /// Largest violation of the constraints.
    pub violation: f64,
    /// Cost `f`.
    pub cost: f64,
    /// Largest penalty.
    pub penalty: f64,
    /// Last step.
    pub step: Step,
    /// Search for integers, of a problem with such variables.
    pub integers: Option<IntegerSearch>,
}
