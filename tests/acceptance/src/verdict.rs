//! Whether a solver's claim about its answer is true.

use labwire_core::solve::Status;

use crate::Truth;

/// The claim of a solve, held against the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// "Converged", and it is a KKT point to the tolerance.
    Converged,
    /// Another end that is true, or claims nothing.
    Unsolved,
    /// "Converged", but residual or violation is above the tolerance.
    FalselyConverged,
    /// "Locally infeasible" beside a point that is feasible, or whose violation is not stationary.
    FalselyInfeasible,
    /// "Unbounded below" at a point that is infeasible, or whose cost is not low.
    FalselyUnbounded,
}

/// Slope of the violation, relative to it, below which it counts as stationary: penalties are finite.
const STATIONARY: f64 = 1e-3;
/// Cost above which "unbounded below" is not believed.
const LOW: f64 = -1e10;

impl Verdict {
    /// Judges `status` at a tolerance for residual and violation.
    #[must_use]
    pub fn new(status: &Status, truth: &Truth, tolerance: f64) -> Self {
        match status {
            Status::Converged | Status::Stationary if truth.is_kkt_point(tolerance) => Self::Converged,
            Status::Converged | Status::Stationary => Self::FalselyConverged,
            Status::LocallyInfeasible { .. }
                if !(truth.violation > tolerance && truth.violation_slope <= STATIONARY) =>
            {
                Self::FalselyInfeasible
            }
            Status::Unbounded if !(truth.violation <= tolerance && truth.cost < LOW) => {
                Self::FalselyUnbounded
            }
            _ => Self::Unsolved,
        }
    }

    /// Whether the claim is untrue.
    #[must_use]
    pub fn is_false(self) -> bool {
        !matches!(self, Self::Converged | Self::Unsolved)
    }

    /// Remark in a table.
    #[must_use]
    pub fn remark(self) -> &'static str {
        match self {
            Self::Converged | Self::Unsolved => "",
            Self::FalselyConverged => "FALSE: not converged",
            Self::FalselyInfeasible => "FALSE: not shown infeasible",
            Self::FalselyUnbounded => "FALSE: not shown unbounded",
        }
    }
}

impl Truth {
    /// Whether residual and violation are at most `tolerance`.
    #[must_use]
    pub fn is_kkt_point(&self, tolerance: f64) -> bool {
        // Two evaluations of the same sum differ by round-off.
        let tolerance = 1.001 * tolerance;
        self.residual <= tolerance && self.violation <= tolerance
    }

    /// Whether the point is feasible, and its cost the optimum or lower. Listed optima have four to nine digits.
    #[must_use]
    pub fn reaches(&self, optimum: f64, tolerance: f64) -> bool {
        const DIGITS: f64 = 1e-4;
        self.violation <= 1.001 * tolerance && self.cost <= optimum + DIGITS * optimum.abs().max(1.0)
    }
}
