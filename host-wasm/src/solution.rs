//! Result of a solve.

use labwire_core::problem;
use labwire_core::solve::Status;
use serde::Serialize;
use tsify::Tsify;

/// Outcome of a solve, and its solution.
#[derive(Clone, Debug, PartialEq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Solution {
    /// Outcome. "converged" always means that residual and violation are below their tolerances.
    #[tsify(
        type = "\"converged\" | \"iteration limit\" | \"time limit\" | \"not finite\" | \"locally infeasible\" | \"unbounded below\" | \"no progress in double precision\" | \"cancelled\""
    )]
    pub status: String,
    /// Decision variables; if the solve did not converge, the best point seen.
    pub solution: Vec<f64>,
    /// The cost.
    pub cost: f64,
    /// The unscaled stationarity residual.
    pub residual: f64,
    /// The largest violation of the constraints.
    pub violation: f64,
    /// Values of the constraints, those of F1 before those of F2.
    pub constraints: Vec<f64>,
    /// Lagrange multipliers of the constraints.
    pub multipliers: Vec<f64>,
    /// Penalties of the constraints.
    pub penalties: Vec<f64>,
    /// Indices of the constraints that cannot be satisfied, if the status is "locally infeasible".
    pub infeasible_constraints: Vec<usize>,
    /// Search for integers, of a problem with such variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub integers: Option<IntegerSearch>,
    /// Evaluations of cost, constraints and gradient.
    pub evaluations: u64,
    /// Exact Hessians of the Lagrangian.
    pub hessian_evaluations: u64,
    /// Products of a vector with the Hessian.
    pub hessian_products: u64,
    /// Inner iterations.
    pub inner_iterations: u64,
    /// Outer iterations.
    pub outer_iterations: u64,
    /// Milliseconds from start to end, including pauses between steps.
    pub solve_time_ms: f64,
}

/// What is known of the solutions in integers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct IntegerSearch {
    /// Number of nodes: of solves without that condition.
    pub nodes: u64,
    /// Cost of the best solution, if one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub best: Option<f64>,
    /// Cost that no solution is below, if one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub bound: Option<f64>,
    /// Largest part of its cost by which another solution may be better than the best, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(optional)]
    pub gap: Option<f64>,
    /// Whether the bound holds for all solutions; otherwise it is made of local minima.
    pub is_global: bool,
}

impl From<labwire_core::solve::IntegerSearch> for IntegerSearch {
    fn from(search: labwire_core::solve::IntegerSearch) -> Self {
        Self {
            nodes: search.nodes,
            best: search.best,
            bound: search.bound,
            gap: search.gap,
            is_global: search.is_global,
        }
    }
}

/// Derivatives of the last solution with respect to the parameters: a row per entry, a column per parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Sensitivities {
    /// Derivatives of the decision variables.
    pub solution: Vec<Vec<f64>>,
    /// Derivatives of the Lagrange multipliers, those of F1 before those of F2.
    pub multipliers: Vec<Vec<f64>>,
}

impl From<labwire_core::solve::Sensitivities> for Sensitivities {
    fn from(sensitivities: labwire_core::solve::Sensitivities) -> Self {
        Self {
            solution: sensitivities.variables,
            multipliers: sensitivities.multipliers,
        }
    }
}

impl From<&problem::Solution> for Solution {
    fn from(solution: &problem::Solution) -> Self {
        let counters = solution.counters;
        Self {
            status: solution.status.name().into(),
            solution: solution.u.clone(),
            cost: solution.cost,
            residual: solution.residual,
            violation: solution.violation,
            constraints: solution.constraints.clone(),
            multipliers: [&solution.f1_multipliers[..], &solution.f2_multipliers].concat(),
            penalties: solution.penalties.clone(),
            infeasible_constraints: match &solution.status {
                Status::LocallyInfeasible { constraints } => constraints.clone(),
                _ => Vec::new(),
            },
            integers: solution.integers.map(IntegerSearch::from),
            evaluations: counters.evaluations,
            hessian_evaluations: counters.hessian_evaluations,
            hessian_products: counters.hessian_products,
            inner_iterations: counters.inner_iterations,
            outer_iterations: counters.outer_iterations,
            solve_time_ms: solution.solve_time_ms,
        }
    }
}
