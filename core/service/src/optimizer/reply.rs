//! Conversion of a finished solve to its reply.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use labwire_protocols::open::{
    ErrorReply, ExitStatus, RunIntegers, RunReply, RunRequest, RunSensitivities, code,
};
use labwire_session::suggestion;
use labwire_solve::{InputError, InputVector, Sensitivities, Solution, SolveError, Status};

/// Reply to Run with `solution`.
///
/// # Errors
/// The error reply, if there is no finite result.
pub fn run_reply(solution: Solution) -> Result<RunReply, ErrorReply> {
    if solution.status == Status::NotFinite {
        // OpEn's words.
        return Err(failed(
            "non-finite computation: initial PANOC cost or gradient is non-finite",
        ));
    }
    let penalty = solution.penalty();
    let mut reply = RunReply::new(exit_status(&solution.status), solution.u);
    reply.num_outer_iterations = solution.counters.outer_iterations;
    reply.num_inner_iterations = solution.counters.inner_iterations;
    reply.last_problem_norm_fpr = solution.residual;
    reply.delta_y_norm_over_c = solution.f1_distance;
    reply.f2_norm = solution.f2_norm;
    reply.solve_time_ms = solution.solve_time_ms;
    reply.penalty = penalty;
    reply.lagrange_multipliers = solution.f1_multipliers;
    reply.cost = solution.cost;
    reply.max_constraint_violation = solution.violation;
    reply.kkt_residual = solution.residual;
    reply.evaluations = solution.counters.evaluations;
    reply.hessian_evaluations = solution.counters.hessian_evaluations;
    reply.hessian_products = solution.counters.hessian_products;
    reply.f2_lagrange_multipliers = solution.f2_multipliers;
    reply.status = Cow::Borrowed(solution.status.name());
    reply.infeasible_constraints = solution.infeasible_constraints;
    reply.integers = solution.integers.map(|search| RunIntegers {
        nodes: search.nodes,
        bound: search.bound,
        gap: search.gap,
        is_global: search.is_global,
    });
    let has_titles = !(solution.units.is_empty() && solution.labels.is_empty());
    // A single name that is not described adds nothing to `solution`.
    if solution.variables.len() > 1 || has_titles {
        reply.variables = solution.variables;
    }
    reply.units = solution.units;
    reply.labels = solution.labels;
    match reply.non_finite_field() {
        Some(field) => Err(non_finite(field)),
        None => Ok(reply),
    }
}

/// Error reply to a solve whose result JSON cannot express.
pub(super) fn non_finite(field: &str) -> ErrorReply {
    failed(&format!(
        "non-finite computation: {field} contains a non-finite value"
    ))
}

/// Adds sensitivities to the reply to Run, or the reason why there are none.
pub fn add_sensitivities<E: fmt::Display>(reply: &mut RunReply, sensitivities: Result<Sensitivities, E>) {
    match sensitivities {
        Ok(Sensitivities {
            variables,
            mut multipliers,
            ..
        }) => {
            let f2_lagrange_multipliers = multipliers.split_off(reply.lagrange_multipliers.len());
            reply.sensitivities = Some(RunSensitivities {
                solution: variables,
                lagrange_multipliers: multipliers,
                f2_lagrange_multipliers,
            });
        }
        Err(reason) => reply.warnings.push(format!("no sensitivities: {reason}")),
    }
}

/// Remarks on a request: its unknown keys, and the known ones that were probably meant.
#[must_use]
pub fn remarks(request: &RunRequest) -> Vec<String> {
    let remark = |key: &String| {
        let meant = suggestion(key, RunRequest::KEYS.into_iter());
        let rest = match (meant, key.as_str()) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, "tolerance" | "delta_tolerance" | "max_duration") => {
                "it is a setting of the problem file, there in `solver`".to_string()
            }
            (None, _) => format!("expected {}", RunRequest::KEYS.join(", ")),
        };
        format!("Run has no key `{key}`, which was ignored: {rest}")
    };
    request.unknown_keys.iter().map(remark).collect()
}

/// Error reply to a refused request.
#[must_use]
pub fn refusal(error: &SolveError) -> ErrorReply {
    let SolveError::Input(error) = error else {
        return failed(&error.to_string());
    };
    ErrorReply::new(code_of(error), text_of(error))
}

fn code_of(error: &InputError) -> u32 {
    match error {
        InputError::Length { vector, .. } | InputError::NotFinite { vector, .. } => match vector {
            InputVector::InitialGuess => code::INITIAL_GUESS,
            InputVector::Parameters => code::PARAMETERS,
            _ => code::LAGRANGE_MULTIPLIERS,
        },
        InputError::Penalty(_) => code::INITIAL_PENALTY,
        _ => code::SOLVER_FAILED,
    }
}

fn text_of(error: &InputError) -> String {
    match error {
        // "Langrange": the text that clients of OpEn compare with.
        InputError::Length {
            vector: InputVector::F1Multipliers,
            ..
        } => error.to_string().replace("Lagrange", "Langrange"),
        _ => error.to_string(),
    }
}

pub(super) fn failed(reason: &str) -> ErrorReply {
    ErrorReply::new(code::SOLVER_FAILED, format!("problem solution failed: {reason}"))
}

fn exit_status(status: &Status) -> ExitStatus {
    match status {
        // What `stationary` adds stands in `status`.
        Status::Converged | Status::Stationary => ExitStatus::Converged,
        Status::NotConvergedOutOfTime => ExitStatus::NotConvergedOutOfTime,
        _ => ExitStatus::NotConvergedIterations,
    }
}
