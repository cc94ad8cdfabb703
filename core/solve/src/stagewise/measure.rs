//! Residuals and gaps in the caller's units and in those of the method, and their tolerances.

use crate::math;
use crate::settings::Settings;

/// Largest of some sizes, in both units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) callers: f64,
    pub(crate) scaled: f64,
}

impl Measured {
    pub(crate) const ZERO: Self = Self {
        callers: 0.0,
        scaled: 0.0,
    };
    pub(crate) const INFINITY: Self = Self {
        callers: f64::INFINITY,
        scaled: f64::INFINITY,
    };

    /// Includes a size in the units of the method, with its unit in those of the caller.
    pub(crate) fn include(&mut self, size: f64, unit: f64) {
        self.callers = math::max(self.callers, size * unit);
        self.scaled = math::max(self.scaled, size);
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            callers: math::max(self.callers, other.callers),
            scaled: math::max(self.scaled, other.scaled),
        }
    }

    pub(crate) fn over(self, divisor: f64) -> Self {
        Self {
            callers: self.callers / divisor,
            scaled: self.scaled / divisor,
        }
    }
}

/// Tolerances of residual and violation in the caller's units, and in those of the method, where the method chooses its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerances {
    pub(crate) residual: f64,
    pub(crate) violation: f64,
    pub(crate) scaled_residual: f64,
    pub(crate) scaled_violation: f64,
}

impl Tolerances {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            residual: settings.tolerance,
            violation: settings.delta_tolerance,
            scaled_residual: f64::INFINITY,
            scaled_violation: f64::INFINITY,
        }
    }

    /// Those where the method chooses units.
    pub(crate) fn with_own_units(self, small_residual: f64, scaled_tolerance: f64) -> Self {
        Self {
            // Who asks for little gets it in any units.
            scaled_residual: math::max(small_residual, self.residual),
            scaled_violation: scaled_tolerance * self.violation,
            ..self
        }
    }

    pub(crate) fn is_small(&self, residual: Measured) -> bool {
        residual.callers <= self.residual && residual.scaled <= self.scaled_residual
    }

    pub(crate) fn is_closed(&self, gaps: Measured) -> bool {
        gaps.callers <= self.violation && gaps.scaled <= self.scaled_violation
    }

    /// Residual and violation in units of their tolerances.
    pub(crate) fn excess(&self, residual: Measured, violation: Measured) -> f64 {
        let residuals = math::max(
            residual.callers / self.residual,
            residual.scaled / self.scaled_residual,
        );
        let violations = math::max(
            violation.callers / self.violation,
            violation.scaled / self.scaled_violation,
        );
        math::max(residuals, violations)
    }
}
