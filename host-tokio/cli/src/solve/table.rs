//! `labwire solve --verbose`: a line per iteration, on standard error.

use labwire_core::solve::{Counters, Progress, Status};

use crate::console::note;

/// Lines between two headers.
const PAGE: u32 = 20;

/// Table of iterations.
#[derive(Debug, Default)]
pub(crate) struct Table {
    last: Counters,
    lines: u32,
}

impl Table {
    /// Prints a line if an iteration has ended.
    pub(crate) fn push(&mut self, progress: &Progress, status: &Status) {
        let counters = progress.counters;
        let is_end = *status != Status::Unsolved;
        let is_new = counters.inner_iterations != self.last.inner_iterations
            || counters.outer_iterations != self.last.outer_iterations;
        if !(is_new || is_end) || counters == self.last {
            return;
        }
        self.last = counters;
        if self.lines.is_multiple_of(PAGE) {
            let nodes = if progress.integers.is_some() {
                " nodes  "
            } else {
                ""
            };
            note!(
                "{nodes}outer  iter  objective       infeasibility  residual  penalty  regularisation  step     kind          \
                 evaluations"
            );
        }
        self.lines += 1;
        note!("{}", line(progress));
    }
}

fn line(progress: &Progress) -> String {
    let Progress { counters, step, .. } = progress;
    let small = |value: f64| match value {
        0.0 => "-".to_owned(),
        value => format!("{value:.1e}"),
    };
    let nodes = progress.integers.map(|search| format!("{:>6}  ", search.nodes));
    format!(
        "{}{:>5} {:>5}  {:>14.7e}  {:>13.2e}  {:>8.2e}  {:>7}  {:>14}  {:<7}  {:<12}  {:>11}",
        nodes.unwrap_or_default(),
        counters.outer_iterations,
        counters.inner_iterations,
        progress.cost,
        progress.violation,
        progress.residual,
        small(progress.penalty),
        small(step.regularisation),
        small(step.length),
        step.kind.name(),
        work(counters),
    )
}

/// Evaluations, Hessians and products with it, as far as there were any.
pub(crate) fn work(counters: &Counters) -> String {
    let mut text = counters.evaluations.to_string();
    if counters.hessian_evaluations > 0 {
        text += &format!(" + {} H", counters.hessian_evaluations);
    }
    if counters.hessian_products > 0 {
        text += &format!(" + {} Hv", counters.hessian_products);
    }
    text
}
