//! Initial values of a solve.

use alloc::vec::Vec;

use crate::units::KnownUnits;

/// Initial values of a solve.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Start {
    /// Initial guess of the decision variables (length n_u). It is projected onto U.
    pub u: Vec<f64>,
    /// Lagrange multipliers (length n_g), clamped to the largest that the settings allow, in the units of the method;
    /// `None`: zero.
    pub multipliers: Option<Vec<f64>>,
    /// Penalties (length n_g, positive), clamped to [1e-9, the largest that the settings allow], in the units of the method;
    /// `None`: from the settings.
    pub penalties: Option<Vec<f64>>,
    /// States over the horizon, x_0 first, of a problem of stages; `None`: those that `u` leads to.
    pub states: Option<Vec<f64>>,
    /// Multipliers of the dynamics that lead to the states, as many; without effect where these are not known. `None`: those
    /// that follow from the others.
    pub costates: Option<Vec<f64>>,
    /// Lipschitz constant of the gradient at the end of an earlier solve of a similar problem, in the units of the method;
    /// not negative.
    pub lipschitz: Option<f64>,
    /// Initial guess of a second, cold attempt if a warm solve does not converge (length n_u); `None`: `u`.
    pub fallback: Option<Vec<f64>>,
    /// Units of the method in an earlier solve; `None`: chosen at the start.
    pub(crate) units: Option<KnownUnits>,
}

impl Start {
    /// Creates a cold start from `u`.
    #[must_use]
    pub fn cold(u: Vec<f64>) -> Self {
        Self {
            u,
            multipliers: None,
            penalties: None,
            states: None,
            costates: None,
            lipschitz: None,
            fallback: None,
            units: None,
        }
    }

    pub(crate) fn is_warm(&self) -> bool {
        self.multipliers.is_some() && self.penalties.is_some()
    }
}
