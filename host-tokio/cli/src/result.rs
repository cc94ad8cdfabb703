//! Result of a solve, for people or for programs.

use std::process::ExitCode;

use labwire_core::open::{ExitStatus, Reply, RunIntegers, RunReply, RunSensitivities, Style, write_reply};
use labwire_core::solve::Compact;

use crate::console::{Stream, is_json, one_line};
use crate::failure::NOT_CONVERGED;

/// Prints a result; as JSON it is the object with which the socket answers Run. The exit status is 0 only if the solve converged.
pub(crate) fn print(result: RunReply, to: Stream) -> ExitCode {
    let status = match result.exit_status {
        ExitStatus::Converged => ExitCode::SUCCESS,
        _ => NOT_CONVERGED.into(),
    };
    if is_json() {
        let mut text = Vec::new();
        write_reply(&mut text, Style::Pretty, &Reply::Run(Box::new(result)));
        to.line(format_args!("{}", String::from_utf8_lossy(&text)));
    } else {
        to.text(format_args!("{}", for_people(&result)));
    }
    status
}

/// Columns for names, and the most that titles with units and labels may take.
const NAMES: usize = 13;
const MOST: usize = 40;

/// Name of a part of the solution, with its unit and label.
fn title(result: &RunReply, name: &str) -> String {
    let mut title = one_line(name);
    if let Some(unit) = result.units.get(name) {
        title += &format!(" [{}]", one_line(unit));
    }
    if let Some(label) = result.labels.get(name) {
        title += &format!(" ({})", one_line(label));
    }
    title
}

/// Counts of Hessians and of products with it, where there were any.
fn second_order(result: &RunReply) -> String {
    let counts = [
        (result.hessian_evaluations, "Hessians"),
        (result.hessian_products, "Hessian products"),
    ];
    let used = counts.iter().filter(|(count, _)| *count > 0);
    used.map(|(count, what)| format!(", {count} {what}")).collect()
}

/// The result in lines.
fn for_people(result: &RunReply) -> String {
    let status = match result.status.as_ref() {
        // Other servers report it only as one of three words.
        "" => format!("{:?}", result.exit_status),
        status => status.to_owned(),
    };
    let mut lines = vec![format!(
        "{status}: {} outer and {} inner iterations, {} evaluations{}, {:.3} ms",
        result.num_outer_iterations,
        result.num_inner_iterations,
        result.evaluations,
        second_order(result),
        result.solve_time_ms
    )];
    lines.extend(result.integers.as_ref().map(search));
    for warning in &result.warnings {
        lines.push(format!("warning: {}", one_line(warning)));
    }
    if !result.infeasible_constraints.is_empty() {
        lines.push(format!(
            "cannot be satisfied: {}",
            result.infeasible_constraints.join(", ")
        ));
    }
    lines.extend([
        format!("cost          {}", Compact(result.cost)),
        format!("residual      {:e}", result.last_problem_norm_fpr),
        format!("infeasibility {:e}", result.max_constraint_violation),
    ]);
    if result.variables.is_empty() {
        lines.push(format!("solution      {:?}", result.solution));
    }
    let titles: Vec<String> = result.variables.keys().map(|name| title(result, name)).collect();
    let width = titles.iter().map(|title| title.chars().count());
    let width = width.max().unwrap_or(0).clamp(NAMES, MOST);
    for (title, values) in titles.iter().zip(result.variables.values()) {
        lines.push(format!("{title:<width$} {values:?}"));
    }
    if !result.lagrange_multipliers.is_empty() {
        lines.push(format!("multipliers   {:?}", result.lagrange_multipliers));
    }
    if let Some(sensitivities) = &result.sensitivities {
        lines.extend(derivatives(sensitivities));
    }
    lines.join("\n") + "\n"
}

/// What is known of the solutions in integers.
fn search(search: &RunIntegers) -> String {
    let nodes = match search.nodes {
        1 => "1 node".to_owned(),
        nodes => format!("{nodes} nodes"),
    };
    let caveat = match search.is_global {
        true => "",
        false => " (of local minima: without integers the problem is not known to be convex)",
    };
    match (search.bound, search.gap) {
        (Some(bound), Some(gap)) => {
            let (percent, bound) = (100.0 * gap, Compact(bound));
            format!("integers      {nodes}, gap {percent:.4} %, bound {bound}{caveat}")
        }
        (Some(bound), None) => {
            let bound = Compact(bound);
            format!("integers      {nodes}, no solution yet, bound {bound}{caveat}")
        }
        (None, _) => format!("integers      {nodes}, no bound"),
    }
}

/// Matrices of derivatives, a line per row.
fn derivatives(sensitivities: &RunSensitivities) -> impl Iterator<Item = String> + '_ {
    let matrices = [
        ("solution", &sensitivities.solution),
        ("multipliers", &sensitivities.lagrange_multipliers),
        ("multipliers of F2", &sensitivities.f2_lagrange_multipliers),
    ];
    let matrices = matrices.into_iter().filter(|(_, rows)| !rows.is_empty());
    matrices.flat_map(|(name, rows)| {
        let title = format!("derivatives of {name}, a column per parameter");
        let rows = rows.iter().map(|row| format!("  {row:?}"));
        core::iter::once(title).chain(rows)
    })
}
