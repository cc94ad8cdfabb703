//! What a problem says about how it wants to be solved.

use core::time::Duration;

/// The `solver` object of a problem file. What is not given is left to the solver.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SolverOptions {
    /// `tolerance`: the largest stationarity residual of a solution, unscaled. Positive.
    pub tolerance: Option<f64>,
    /// `initial_tolerance`: the tolerance of the first inner problem, as a fraction of the residual where it starts;
    /// tightened from one to the next. Positive.
    pub initial_tolerance: Option<f64>,
    /// `delta_tolerance`: the largest infeasibility of a solution. Positive.
    pub delta_tolerance: Option<f64>,
    /// `max_inner_iterations`: for each inner problem.
    pub max_inner_iterations: Option<u32>,
    /// `max_outer_iterations`: the number of inner problems.
    pub max_outer_iterations: Option<u32>,
    /// `max_duration_ms`: the time a solve may take, in milliseconds. Positive.
    pub max_duration: Option<Duration>,
    /// `lbfgs_memory`: the number of pairs that L-BFGS keeps. At least 1.
    pub lbfgs_memory: Option<u32>,
}
