//! The solver's settings.

use core::time::Duration;

/// Settings of the solver. Every field has a sensible default.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Tolerance of the stationarity residual `|grad L + N_U|_inf`, unscaled, at the returned point. Default 1e-5.
    pub tolerance: f64,
    /// Tolerance of the constraints: the largest violation, in the units of the constraints. Default 1e-5.
    pub delta_tolerance: f64,
    /// Inner iterations at most, per inner problem. Default 5000.
    pub max_inner_iterations: u32,
    /// Outer iterations (multiplier updates) at most. Default 50.
    pub max_outer_iterations: u32,
    /// Pairs that the quasi-Newton method remembers; `None`: 20 with constraints, without them 10 and at most five more
    /// than there are variables. Default `None`.
    pub lbfgs_memory: Option<usize>,
    /// Tolerance of the first inner problem of a cold start, as a fraction of the residual there; reduced tenfold per
    /// outer iteration. Default 0.1.
    pub initial_tolerance: f64,
    /// Penalty of every constraint at the start of a cold solve; `None`: for each constraint the one that makes the solve
    /// independent of its units and of those of the cost, `|grad f| / (|grad g|^2 (1 + |u|))` at the initial guess.
    /// Default `None`.
    pub initial_penalty: Option<f64>,
    /// The largest penalty. Default 1e9.
    pub max_penalty: f64,
    /// The largest absolute value of a multiplier. Default 1e9.
    pub max_multiplier: f64,
    /// Time a solve may take; `None`: no limit. Default `None`.
    pub max_duration: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tolerance: 1e-5,
            delta_tolerance: 1e-5,
            max_inner_iterations: 5000,
            max_outer_iterations: 50,
            lbfgs_memory: None,
            initial_tolerance: 0.1,
            initial_penalty: None,
            max_penalty: 1e9,
            max_multiplier: 1e9,
            max_duration: None,
        }
    }
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("setting {name} is {value}: {expected}")]
pub struct InvalidSetting {
    /// The setting's name.
    pub name: &'static str,
    /// What it was.
    pub value: f64,
    /// What it may be.
    pub expected: &'static str,
}

impl Settings {
    /// Checks every field.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let positive = |name, value: f64| {
            if value > 0.0 && value.is_finite() {
                Ok(())
            } else {
                Err(InvalidSetting {
                    name,
                    value,
                    expected: "a positive, finite number",
                })
            }
        };
        positive("tolerance", self.tolerance)?;
        positive("delta_tolerance", self.delta_tolerance)?;
        positive("initial_tolerance", self.initial_tolerance)?;
        positive("max_penalty", self.max_penalty)?;
        positive("max_multiplier", self.max_multiplier)?;
        positive("max_inner_iterations", f64::from(self.max_inner_iterations))?;
        positive("max_outer_iterations", f64::from(self.max_outer_iterations))?;
        if let Some(memory) = self.lbfgs_memory {
            positive("lbfgs_memory", memory as f64)?;
        }
        self.initial_penalty
            .map_or(Ok(()), |value| positive("initial_penalty", value))
    }
}
