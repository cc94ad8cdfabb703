//! Progress of a solve.

use labwire_core::problem::ProblemSolver;
use serde::Serialize;
use tsify::Tsify;

use crate::solution::IntegerSearch;

/// Progress of a solve after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Whether the solve has ended, so that `result()` gives the solution.
    pub done: bool,
    /// The cost.
    pub cost: f64,
    /// Unscaled stationarity residual of the current inner problem.
    pub residual: f64,
    /// The largest violation of the constraints.
    pub violation: f64,
    /// The largest penalty.
    pub penalty: f64,
    /// Evaluations of cost, constraints and gradient so far.
    pub evaluations: u64,
    /// Inner iterations so far.
    pub inner_iterations: u64,
    /// Outer iterations so far.
    pub outer_iterations: u64,
    /// Search for integers so far, of a problem with such variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub integers: Option<IntegerSearch>,
}

impl Progress {
    pub(crate) fn new(solver: &ProblemSolver) -> Self {
        let progress = solver.progress();
        Self {
            done: !solver.is_running(),
            cost: progress.cost,
            residual: progress.residual,
            violation: progress.violation,
            penalty: progress.penalty,
            evaluations: progress.counters.evaluations,
            inner_iterations: progress.counters.inner_iterations,
            outer_iterations: progress.counters.outer_iterations,
            integers: progress.integers.map(IntegerSearch::from),
        }
    }
}
