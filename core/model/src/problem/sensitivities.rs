//! Sensitivities of a solved problem.

use alloc::string::String;

use labwire_solve::{Part, Sensitivities, SensitivityError};

use super::{Problem, ProblemSolver};

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
    fn new(problem: &Problem, reason: SensitivityError) -> Self {
        let description = reason.describe(|part| match part {
            Part::Variable(index) => problem.variable_name(index),
            Part::Constraint(index) => problem.constraint_name(index),
        });
        Self { reason, description }
    }
}

impl ProblemSolver {
    /// Derivatives of the solution of the last solve, and of its multipliers (those of F1, then those of F2), with respect
    /// to the parameters: see [`Solver::sensitivities`](labwire_solve::Solver::sensitivities).
    ///
    /// # Errors
    /// If the solve did not converge, or the solution has no derivatives there, or too many variables.
    pub fn sensitivities(&mut self) -> Result<Sensitivities, NoSensitivities> {
        let num_parameters = self.problem.num_parameters();
        let sensitivities = self.solver.sensitivities(&mut self.evaluator, num_parameters);
        sensitivities.map_err(|reason| NoSensitivities::new(&self.problem, reason))
    }
}
