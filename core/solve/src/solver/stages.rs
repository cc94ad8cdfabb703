//! Solver for problems that consist of stages.

use super::Solver;
use crate::error::SolverError;
use crate::functions::{Functions, StageStructure, Structure};
use crate::method::Inner;
use crate::sensitivity::error::SensitivityError;
use crate::settings::Settings;
use crate::stagewise::sensitivity::Differential;
use crate::units::Units;

impl Solver {
    /// Creates a solver for problems that consist of stages, whose functions have
    /// [`Functions::stages`].
    ///
    /// If U and the sets of the constraints consist of bounds only, inputs, states, constraints or a cost whose sizes are far
    /// from 1 are solved for in other units, as those of [`with_second_derivatives`](Self::with_second_derivatives) are.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`SolverError::Stages`] if the lengths of the stages do not fit the structure.
    pub fn with_stages(
        structure: Structure,
        stages: StageStructure,
        settings: Settings,
    ) -> Result<Self, SolverError> {
        let (n, m) = (structure.num_variables, structure.num_constraints());
        stages.check(n, m)?;
        let num_states = (stages.horizon + 1) * stages.num_states;
        let lengths = stages.clone();
        let mut solver = Self::create(structure, settings, num_states, |structure, memory, settings| {
            Inner::with_stages(structure, stages, memory, settings)
        })?;
        let bounds = solver.merit.constraint_bounds();
        if let (Inner::Stagewise(inner), Some(bounds)) = (&mut solver.inner, bounds) {
            inner.choose_own_units();
            solver.units = Units::with_stages(lengths, inner.bounds().clone(), bounds);
            solver.merit.structure = solver.structure.with_boxes();
        }
        Ok(solver)
    }

    /// The optimality conditions of a problem of stages, for sensitivities; `None` for other problems.
    pub(crate) fn stage_differential(
        &self,
        functions: &mut dyn Functions,
    ) -> Result<Option<Differential>, SensitivityError> {
        match &self.inner {
            Inner::Stagewise(inner) => inner.differential(
                &self.merit,
                functions,
                &self.units,
                self.result(),
                &self.best_states,
            ),
            _ => Ok(None),
        }
    }
}
