//! Conversion of a finished solve to its reply.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use labwire_model::problem::{Evaluator, Problem};
use labwire_protocols::open::{ErrorReply, ExitStatus, RunReply, code};
use labwire_solve::{SolverError, Status, math};

use super::job::Workspace;

/// Reply to Run; an error if there is no finite result.
pub(super) fn run_reply(
    problem: &Problem,
    workspace: &mut Workspace,
    duration: Duration,
) -> Result<RunReply, ErrorReply> {
    let Workspace { evaluator, solver } = workspace;
    let status = solver.status().cloned().unwrap_or(Status::Cancelled);
    if status == Status::NotFinite {
        // OpEn's words.
        return Err(failed(
            "non-finite computation: initial PANOC cost or gradient is non-finite",
        ));
    }
    let num_f1 = problem.num_f1();
    let distances = Distances::new(problem, solver.constraints());
    let counters = solver.counters();
    let reply = RunReply {
        exit_status: exit_status(&status),
        num_outer_iterations: counters.outer_iterations,
        num_inner_iterations: counters.inner_iterations,
        last_problem_norm_fpr: solver.residual(),
        delta_y_norm_over_c: distances.f1_norm,
        f2_norm: distances.f2_norm,
        solve_time_ms: duration.as_nanos() as f64 / 1e6,
        penalty: math::norm_inf(solver.penalties()),
        solution: solver.solution().to_vec(),
        lagrange_multipliers: solver.multipliers()[..num_f1].to_vec(),
        cost: solver.cost(),
        max_constraint_violation: distances.largest,
        kkt_residual: solver.residual(),
        evaluations: counters.evaluations,
        f2_lagrange_multipliers: solver.multipliers()[num_f1..].to_vec(),
        status: Cow::Borrowed(status.name()),
        infeasible_constraints: match status {
            Status::LocallyInfeasible { constraints } => constraints
                .into_iter()
                .map(|index| constraint_name(index, num_f1))
                .collect(),
            _ => Default::default(),
        },
        variables: named_variables(problem, evaluator, solver.solution()),
    };
    match reply.non_finite_field() {
        Some(field) => Err(failed(&format!(
            "non-finite computation: {field} contains a non-finite value"
        ))),
        None => Ok(reply),
    }
}

/// Error reply for a solver or a start that was refused.
pub(super) fn refused(error: SolverError) -> ErrorReply {
    failed(&error.to_string())
}

fn failed(reason: &str) -> ErrorReply {
    ErrorReply::new(code::SOLVER_FAILED, format!("problem solution failed: {reason}"))
}

fn exit_status(status: &Status) -> ExitStatus {
    match status {
        Status::Converged => ExitStatus::Converged,
        Status::NotConvergedOutOfTime => ExitStatus::NotConvergedOutOfTime,
        _ => ExitStatus::NotConvergedIterations,
    }
}

fn constraint_name(index: usize, num_f1: usize) -> String {
    if index < num_f1 {
        format!("F1[{index}]")
    } else {
        format!("F2[{}]", index - num_f1)
    }
}

/// Solution by name, if there are several names; for an optimal-control problem the trajectories.
fn named_variables(
    problem: &Problem,
    evaluator: &mut Evaluator,
    solution: &[f64],
) -> BTreeMap<String, Vec<f64>> {
    if problem.variables().len() > 1 || problem.stages().is_some() {
        problem.named_values(evaluator, solution)
    } else {
        BTreeMap::new()
    }
}

/// Distances of the constraints from their sets.
struct Distances {
    /// 2-norm of the distance of F1 from C.
    f1_norm: f64,
    /// 2-norm of F2 as written.
    f2_norm: f64,
    /// Largest component of either.
    largest: f64,
}

impl Distances {
    fn new(problem: &Problem, g: &[f64]) -> Self {
        // For F2, too, the distance from the block's set is the value as written: |g| from {0}, max(0, g) from g <=
        // 0.
        let mut distances = g.to_vec();
        for block in problem.blocks() {
            block.set.project(&mut distances[block.range.clone()]);
        }
        for (distance, g) in distances.iter_mut().zip(g) {
            *distance -= g;
        }
        let (f1, f2) = distances.split_at(problem.num_f1());
        Self {
            f1_norm: math::norm2(f1),
            f2_norm: math::norm2(f2),
            largest: math::norm_inf(&distances),
        }
    }
}
