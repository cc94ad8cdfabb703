//! Result of a solve.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::ProblemSolver;
use crate::functions::Structure;
use crate::math;
use crate::parametric::ParametricProblem;
use crate::status::{Counters, IntegerSearch, Status};

/// Result of a solve. If it did not converge, the point is the best one seen, by feasibility first and cost second.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Solution {
    /// Outcome.
    pub status: Status,
    /// Decision variables u.
    pub u: Vec<f64>,
    /// Decision variables by name; for an optimal-control problem, each input over the stages, and each state over the
    /// stages and at the end.
    pub variables: BTreeMap<String, Vec<f64>>,
    /// Units of these values, by name, as far as the problem has any.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "BTreeMap::is_empty"))]
    pub units: BTreeMap<String, String>,
    /// Labels of these values for people, by name, as far as the problem has any.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "BTreeMap::is_empty"))]
    pub labels: BTreeMap<String, String>,
    /// Cost f.
    pub cost: f64,
    /// Unscaled stationarity residual, in the infinity norm.
    pub residual: f64,
    /// Largest violation of a constraint.
    pub violation: f64,
    /// 2-norm of the distance of F1 from the set C.
    pub f1_distance: f64,
    /// 2-norm of F2.
    pub f2_norm: f64,
    /// Constraint values: F1, then F2 (for a component `max(0, h)`, the value of h).
    pub constraints: Vec<f64>,
    /// Lagrange multipliers of F1.
    pub f1_multipliers: Vec<f64>,
    /// Lagrange multipliers of F2.
    pub f2_multipliers: Vec<f64>,
    /// Penalties: of F1, then of F2.
    pub penalties: Vec<f64>,
    /// Names of the constraints that cannot be satisfied, such as `F1[0]`, if the status is local infeasibility.
    pub infeasible_constraints: Vec<String>,
    /// Search for integers, of a problem with such variables.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub integers: Option<IntegerSearch>,
    /// Work done.
    pub counters: Counters,
    /// Time from start to end in milliseconds, including pauses between steps; 0 without a clock.
    pub solve_time_ms: f64,
}

impl<P: ParametricProblem + ?Sized> ProblemSolver<P> {
    /// The result in the solver.
    pub(super) fn solution(&self, solve_time: Duration) -> Solution {
        let (problem, solver) = (&*self.problem, self.active());
        let num_f1 = problem.num_f1();
        let (f1_distance, f2_norm) = distances(solver.structure(), num_f1, solver.constraints());
        let (f1_multipliers, f2_multipliers) = solver.multipliers().split_at(num_f1);
        let infeasible = match solver.status() {
            Status::LocallyInfeasible { constraints } => constraints.as_slice(),
            _ => &[],
        };
        Solution {
            status: solver.status().clone(),
            u: solver.solution().to_vec(),
            variables: self.named_values(),
            units: problem.units(),
            labels: problem.labels(),
            cost: solver.cost(),
            residual: solver.residual(),
            violation: solver.violation(),
            f1_distance,
            f2_norm,
            constraints: solver.constraints().to_vec(),
            f1_multipliers: f1_multipliers.to_vec(),
            f2_multipliers: f2_multipliers.to_vec(),
            penalties: solver.penalties().to_vec(),
            infeasible_constraints: infeasible.iter().map(|&i| problem.constraint_name(i)).collect(),
            integers: self.search.as_ref().map(|search| search.report()),
            counters: self.progress().counters,
            solve_time_ms: solve_time.as_nanos() as f64 / 1e6,
        }
    }
}

impl Solution {
    /// Whether the solve converged.
    #[must_use]
    pub fn is_converged(&self) -> bool {
        self.status == Status::Converged
    }

    /// Largest penalty; 0 without constraints.
    #[must_use]
    pub fn penalty(&self) -> f64 {
        math::norm_inf(&self.penalties)
    }
}

/// 2-norms of the distance of F1 from C, and of F2.
fn distances(structure: &Structure, num_f1: usize, g: &[f64]) -> (f64, f64) {
    // For F2, too, the distance from the block's set is the value as written: |g| from {0}, max(0, g) from g <= 0.
    let mut distances = g.to_vec();
    let mut rest = distances.as_mut_slice();
    for block in &structure.constraints {
        let (values, others) = rest.split_at_mut(block.len);
        block.set.project(values);
        rest = others;
    }
    for (distance, g) in distances.iter_mut().zip(g) {
        *distance -= g;
    }
    let (f1, f2) = distances.split_at(num_f1);
    (math::norm2(f1), math::norm2(f2))
}
