//! One solve on its way.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use labwire_model::problem::{Evaluator, Problem};
use labwire_protocols::open::ErrorReply;
use labwire_session::time::Instant;
use labwire_solve::{Progress, Solver, SolverError, Start, Status};

use super::{Queued, reply};
use crate::{Busy, ConnectionId, Job};

/// What a solve needs: made once, used again.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) evaluator: Evaluator,
    pub(super) solver: Solver,
}

impl Workspace {
    pub(super) fn new(problem: &Problem) -> Result<Self, SolverError> {
        Ok(Self {
            evaluator: problem.evaluator(),
            solver: problem.solver()?,
        })
    }
}

/// A solve that waits to be worked on. Dropping it cancels it without an answer; bring it back by
/// [`Service::finish_job`](crate::Service::finish_job).
#[derive(Debug)]
pub struct OptimizerJob {
    pub(super) from: ConnectionId,
    pub(super) kept_open: bool,
    pub(super) problem_index: usize,
    pub(super) problem: Arc<Problem>,
    /// Taken when the job is finished.
    pub(super) workspace: Option<Workspace>,
    pub(super) begun: Instant,
    deadline: Instant,
    pub(super) cancelled: Arc<AtomicBool>,
}

impl OptimizerJob {
    pub(super) fn begin(
        now: Instant,
        queued: &Queued,
        problem: &Arc<Problem>,
        mut workspace: Workspace,
        start: &Start,
        longest: Duration,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Self, ErrorReply> {
        workspace.evaluator.set_parameters(&queued.request.parameter);
        workspace.solver.start(start).map_err(reply::refused)?;
        let allowed = workspace
            .solver
            .settings()
            .max_duration
            .map_or(longest, |asked| asked.min(longest));
        Ok(Self {
            from: queued.from,
            kept_open: queued.kept_open,
            problem_index: queued.problem,
            problem: problem.clone(),
            workspace: Some(workspace),
            begun: now,
            deadline: now + allowed,
            cancelled,
        })
    }

    /// Where the solve stands.
    pub fn progress(&self) -> Option<Progress> {
        self.workspace
            .as_ref()
            .map(|workspace| workspace.solver.progress())
    }
}

impl Job for OptimizerJob {
    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        let Some(workspace) = &mut self.workspace else {
            return Busy::No;
        };
        if self.cancelled.load(Ordering::Relaxed) {
            workspace.solver.stop(Status::Cancelled);
        } else if now >= self.deadline {
            workspace.solver.stop(Status::NotConvergedOutOfTime);
        }
        workspace.solver.step(&mut workspace.evaluator, fuel)
    }

    fn asker(&self) -> ConnectionId {
        self.from
    }
}
