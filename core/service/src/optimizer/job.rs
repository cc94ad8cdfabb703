//! Solve in progress.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use labwire_model::problem::ProblemSolver;
use labwire_session::time::Instant;
use labwire_solve::Progress;

use super::Queued;
use crate::{Busy, ConnectionId, Job};

/// Solve that is waiting or in progress. Dropping it cancels it without an answer; it is returned by
/// [`Service::finish_job`](crate::Service::finish_job).
#[derive(Debug)]
pub struct OptimizerJob {
    pub(super) from: ConnectionId,
    pub(super) kept_open: bool,
    pub(super) problem_index: usize,
    pub(super) solver: ProblemSolver,
    pub(super) cancelled: Arc<AtomicBool>,
}

impl OptimizerJob {
    pub(super) fn new(queued: &Queued, solver: ProblemSolver) -> Self {
        Self {
            from: queued.from,
            kept_open: queued.kept_open,
            problem_index: queued.problem,
            solver,
            cancelled: Arc::new(AtomicBool::new(false)),
        }
    }

    /// State of the solve.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.solver.progress()
    }
}

impl Job for OptimizerJob {
    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        if self.cancelled.load(Ordering::Relaxed) {
            self.solver.cancel();
        }
        // Invalid input was refused at the start; `finish_job` would answer with the error.
        self.solver.step(now, fuel).unwrap_or(Busy::No)
    }

    fn asker(&self) -> ConnectionId {
        self.from
    }
}
