//! Sensitivities of a solved problem.

use alloc::string::String;

use super::{ProblemSolver, active};
use crate::parametric::ParametricProblem;
use crate::sensitivity::error::{Part, SensitivityError};
use crate::sensitivity::{Differentiation, Sensitivities};

/// Reason why there are no sensitivities, with the names of the problem.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{description}")]
pub struct NoSensitivities {
    /// Reason.
    #[source]
    pub reason: SensitivityError,
    description: String,
}

impl NoSensitivities {
    fn new(problem: &(impl ParametricProblem + ?Sized), reason: SensitivityError) -> Self {
        let description = reason.describe(|part| match part {
            Part::Variable(index) => problem.variable_name(index),
            Part::Constraint(index) => problem.constraint_name(index),
        });
        Self { reason, description }
    }
}

impl<P: ParametricProblem + ?Sized> ProblemSolver<P> {
    /// Derivatives of the solution of the last solve, and of its multipliers (those of F1, then those of F2), with respect
    /// to the parameters: see [`Solver::sensitivities`](crate::Solver::sensitivities). [Integers](crate::Integers) are held:
    /// their own derivatives are 0.
    ///
    /// # Errors
    /// If the solve did not converge, or the solution has no derivatives there, or too many variables.
    pub fn sensitivities(&mut self) -> Result<Sensitivities, NoSensitivities> {
        let num_parameters = self.problem.num_parameters();
        let solver = active(&self.solver, &self.search);
        let sensitivities = solver.sensitivities(&mut *self.functions, num_parameters);
        sensitivities.map_err(|reason| NoSensitivities::new(&*self.problem, reason))
    }

    /// First part of [`sensitivities`](Self::sensitivities), for callers that spread the work over several calls. Until it
    /// is done, the solver must not be used for anything else.
    ///
    /// # Errors
    /// Those of [`sensitivities`](Self::sensitivities).
    pub fn start_sensitivities(&mut self) -> Result<Differentiation, NoSensitivities> {
        let num_parameters = self.problem.num_parameters();
        let solver = active(&self.solver, &self.search);
        let begun = solver.start_sensitivities(&mut *self.functions, num_parameters);
        begun.map_err(|reason| NoSensitivities::new(&*self.problem, reason))
    }

    /// Goes on for up to `parameters` parameters. The sensitivities, once all are done.
    ///
    /// # Errors
    /// Those of [`Differentiation::step`].
    pub fn continue_sensitivities(
        &mut self,
        differentiation: &mut Differentiation,
        parameters: usize,
    ) -> Result<Option<Sensitivities>, NoSensitivities> {
        let step = differentiation.step(&mut *self.functions, parameters);
        step.map_err(|reason| NoSensitivities::new(&*self.problem, reason))
    }

    /// Memory that [`sensitivities`](Self::sensitivities) take, in bytes: an upper estimate.
    #[must_use]
    pub fn sensitivities_bytes(&self) -> usize {
        self.solver.sensitivities_bytes(self.problem.num_parameters())
    }
}
