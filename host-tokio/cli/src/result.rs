//! Result of a solve, for people or for programs.

use std::process::ExitCode;

use labwire_core::open::{ExitStatus, Reply, RunReply, Style, write_reply};

use crate::failure::NOT_CONVERGED;

/// Prints a result. The exit status is 0 only if the solve converged.
pub(crate) fn print(result: RunReply, as_json: bool) -> ExitCode {
    let status = match result.exit_status {
        ExitStatus::Converged => ExitCode::SUCCESS,
        _ => NOT_CONVERGED.into(),
    };
    if as_json {
        let mut text = Vec::new();
        write_reply(&mut text, Style::Pretty, &Reply::Run(Box::new(result)));
        println!("{}", String::from_utf8_lossy(&text));
    } else {
        print_for_people(&result);
    }
    status
}

fn print_for_people(result: &RunReply) {
    let status = match result.status.as_ref() {
        // Other servers report it only as one of three words.
        "" => format!("{:?}", result.exit_status),
        status => status.to_owned(),
    };
    println!(
        "{status}: {} outer and {} inner iterations, {} evaluations, {:.3} ms",
        result.num_outer_iterations, result.num_inner_iterations, result.evaluations, result.solve_time_ms
    );
    if !result.infeasible_constraints.is_empty() {
        println!(
            "cannot be satisfied: {}",
            result.infeasible_constraints.join(", ")
        );
    }
    println!("cost          {}", result.cost);
    println!("residual      {:e}", result.last_problem_norm_fpr);
    println!("infeasibility {:e}", result.max_constraint_violation);
    if result.variables.is_empty() {
        println!("solution      {:?}", result.solution);
    }
    for (name, values) in &result.variables {
        println!("{name:<13} {values:?}");
    }
    if !result.lagrange_multipliers.is_empty() {
        println!("multipliers   {:?}", result.lagrange_multipliers);
    }
}
