//! Units of a problem of stages, and everything that depends on them.

use super::Stagewise;
use crate::functions::Functions;
use crate::inner::InnerSolver;
use crate::merit::Bounds;
use crate::units::{Scaled, Units};

impl Stagewise {
    /// Bounds of the inputs.
    pub(crate) fn bounds(&self) -> &Bounds {
        self.quasi.bounds()
    }

    /// Lets the method choose units, in which the tolerances must hold, too.
    pub(crate) fn choose_own_units(&mut self) {
        let tuning = &self.tuning;
        self.tolerances = self
            .tolerances
            .with_own_units(tuning.small_residual, tuning.scaled_tolerance);
        self.quasi
            .set_tolerances(self.tolerances.residual, self.tolerances.scaled_residual);
    }

    /// Chooses units at the starting point, where the functions were evaluated last.
    pub(super) fn choose_stage_units(&mut self, functions: &mut Scaled<'_>) {
        let point = self.quasi.start_point();
        point.multipliers.fill(0.0);
        functions.reverse(&point.u, &point.multipliers, &mut point.gradient);
        functions.measure_stages(point);
        functions.units.scale_point(point);
        self.take_units(functions.units);
    }

    /// Takes bounds, and what residuals and gaps are measured in.
    pub(super) fn take_units(&mut self, units: &Units) {
        self.quasi.take_units(units);
        self.riccati
            .set_units(self.quasi.bounds(), self.quasi.gradient_units());
        if let Some(active) = &mut self.active {
            units.write_constraint_bounds(&mut active.bounds);
            active.units.copy_from_slice(&units.constraints);
            if let Some(interior) = &mut self.interior {
                interior.set_units(self.quasi.bounds(), &active.bounds, units);
            }
        }
        let Some(states) = units.states() else { return };
        for trajectory in [&mut self.current, &mut self.next, &mut self.saved] {
            trajectory.state_units.copy_from_slice(states);
            for (slope, unit) in trajectory.slope_units.iter_mut().zip(states) {
                *slope = units.cost / unit;
            }
        }
    }
}
