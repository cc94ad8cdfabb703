//! Settings of the solver.

use core::time::Duration;

use crate::range::{InvalidSetting, in_range, positive};
use crate::tuning::Tuning;

/// Settings of the solver. Every field has a sensible default.
///
/// ```
/// use labwire_solve::Settings;
///
/// let settings = Settings::default().with_tolerance(1e-8).with_max_inner_iterations(500);
/// assert!(settings.validate().is_ok());
/// assert!(settings.with_tolerance(f64::NAN).validate().is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Settings {
    /// Tolerance of the stationarity residual `|grad L + N_U|_inf`, unscaled, at the returned point. Default 1e-5.
    pub tolerance: f64,
    /// Tolerance of the constraints: the largest violation, in the units of the constraints. Default 1e-5.
    pub delta_tolerance: f64,
    /// Largest number of inner iterations per inner problem. Default 5000.
    pub max_inner_iterations: u32,
    /// Largest number of outer iterations (multiplier updates). Default 50.
    pub max_outer_iterations: u32,
    /// Number of pairs that the quasi-Newton method stores, at most 1000; `None`: 20 with constraints, without them 10
    /// and at most five more than there are variables. Default `None`.
    pub lbfgs_memory: Option<usize>,
    /// Tolerance of the first inner problem of a cold start, as a fraction of the residual there; reduced tenfold per
    /// outer iteration. Default 0.1.
    pub initial_tolerance: f64,
    /// Penalty of every constraint at the start of a cold solve; `None`: for each constraint the one that makes the
    /// solve independent of its units and of those of the cost, `|grad f| / (|grad g|^2 (1 + |u|))` at the initial
    /// guess. Default `None`.
    pub initial_penalty: Option<f64>,
    /// The largest penalty; of a penalty that the solver chooses, in units of its first value where that is above 1. Default
    /// 1e9.
    pub max_penalty: f64,
    /// The largest absolute value of a multiplier. Default 1e9.
    pub max_multiplier: f64,
    /// Largest number of nodes of a search for [integers](crate::Integers): of solves without that condition. Default 100,000.
    pub max_nodes: u32,
    /// Part of the cost up to which a better solution in integers is given up; besides `tolerance`. Default 1e-6.
    pub integer_gap: f64,
    /// Time limit of a solve (serde: `max_duration_ms`, in milliseconds); `None`: no limit. Default `None`.
    #[cfg_attr(feature = "serde", serde(rename = "max_duration_ms", with = "milliseconds"))]
    pub max_duration: Option<Duration>,
    /// Constants of the method.
    pub tuning: Tuning,
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
            max_nodes: 100_000,
            integer_gap: 1e-6,
            max_duration: None,
            tuning: Tuning::default(),
        }
    }
}

impl Settings {
    labwire_session::setters! {
        with_tolerance tolerance: f64,
        with_delta_tolerance delta_tolerance: f64,
        with_max_inner_iterations max_inner_iterations: u32,
        with_max_outer_iterations max_outer_iterations: u32,
        with_lbfgs_memory lbfgs_memory: usize,
        with_initial_tolerance initial_tolerance: f64,
        with_initial_penalty initial_penalty: f64,
        with_max_penalty max_penalty: f64,
        with_max_multiplier max_multiplier: f64,
        with_max_nodes max_nodes: u32,
        with_integer_gap integer_gap: f64,
        with_max_duration max_duration: Duration,
        with_tuning tuning: Tuning,
    }

    /// These settings with a [`max_duration`](Self::max_duration) of at most `longest`.
    #[must_use]
    pub fn limit_duration(self, longest: Duration) -> Self {
        let allowed = self.max_duration.map_or(longest, |asked| asked.min(longest));
        self.with_max_duration(allowed)
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        positive("tolerance", self.tolerance)?;
        positive("delta_tolerance", self.delta_tolerance)?;
        positive("initial_tolerance", self.initial_tolerance)?;
        positive("max_penalty", self.max_penalty)?;
        positive("max_multiplier", self.max_multiplier)?;
        positive("max_inner_iterations", f64::from(self.max_inner_iterations))?;
        positive("max_outer_iterations", f64::from(self.max_outer_iterations))?;
        positive("max_nodes", f64::from(self.max_nodes))?;
        positive("integer_gap", self.integer_gap)?;
        if let Some(memory) = self.lbfgs_memory {
            let is_in_range = (1..=1000).contains(&memory);
            in_range(
                "lbfgs_memory",
                memory as f64,
                is_in_range,
                "a whole number from 1 to 1000",
            )?;
        }
        if let Some(penalty) = self.initial_penalty {
            positive("initial_penalty", penalty)?;
        }
        self.tuning.validate()
    }
}

/// An optional duration as a number of milliseconds.
#[cfg(feature = "serde")]
mod milliseconds {
    use core::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .map(|duration| duration.as_nanos() as f64 / 1e6)
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let value: Option<f64> = Option::deserialize(deserializer)?;
        let duration = |value: f64| {
            Duration::try_from_secs_f64(value / 1e3)
                .map_err(|_| D::Error::custom("expected a number of milliseconds, at least 0"))
        };
        value.map(duration).transpose()
    }
}
