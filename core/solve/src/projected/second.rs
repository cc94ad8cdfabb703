//! State of Newton steps and interior-point iterations with exact second derivatives.

use alloc::vec::Vec;

use super::interior::Interior;
use crate::merit::AugmentedLagrangian;
use crate::newton::QuadraticModel;

/// State of Newton steps and interior-point iterations with exact second derivatives.
#[derive(Clone, Debug, Default)]
pub(super) struct Second {
    /// Present if second derivatives are exact.
    pub(super) exact: Option<ExactNewton>,
    /// Present where interior-point iterations are possible.
    pub(super) interior: Option<Interior>,
    pub(super) is_interior: bool,
    /// Whether they were tried in this solve.
    pub(super) has_tried_interior: bool,
    /// Whether Newton steps on the optimality conditions come first, from the multipliers of an earlier solve.
    pub(super) is_polishing: bool,
    /// Number of full steps in a row that met no curvature.
    pub(super) flat_steps: u32,
    /// Whether the model's derivatives are those at `current`: of the Hessian, with its multipliers.
    pub(super) is_model_fresh: bool,
    /// Whether the solution was shown to be a minimum.
    pub(super) is_confirmed: bool,
    /// Whether the last Newton step was round-off of the variables.
    pub(super) is_at_round_off: bool,
    /// Tolerances of residual and violation.
    pub(super) tolerances: (f64, f64),
}

impl Second {
    /// Forgets an earlier start.
    pub(super) fn reset(&mut self, merit: &AugmentedLagrangian) {
        if let Some(exact) = &mut self.exact {
            exact.model.reset();
        }
        (self.is_interior, self.is_confirmed, self.is_polishing) = (false, false, false);
        // Multipliers of an earlier solve are worth more than an interior point.
        self.has_tried_interior |= is_warm(merit);
    }
}

/// Model for Newton steps, and the rule when they begin.
#[derive(Clone, Debug)]
pub(super) struct ExactNewton {
    pub(super) model: QuadraticModel,
    /// Penalties of a Newton step on the optimality conditions.
    pub(super) exact_penalties: Vec<f64>,
    /// Quasi-Newton iterations before the first step.
    pub(super) delay: f64,
}

/// Whether there are multipliers of an earlier solve.
pub(super) fn is_warm(merit: &AugmentedLagrangian) -> bool {
    merit.multipliers.iter().any(|y| *y != 0.0)
}
