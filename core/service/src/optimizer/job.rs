//! Work of a request: a solve, or the compilation of a problem file.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use labwire_model::problem::{NoSensitivities, Problem, ProblemSolver};
use labwire_protocols::open::{ErrorReply, code};
use labwire_session::time::Instant;
use labwire_solve::Sensitivities;

use super::OptimizerSettings;
use super::solvers;
use crate::{Busy, ConnectionId, Job};

/// Work of a request that is waiting or in progress. Dropping it cancels it without an answer; it is returned by
/// [`Service::finish_job`](crate::Service::finish_job).
#[derive(Debug)]
pub struct OptimizerJob {
    pub(super) from: ConnectionId,
    pub(super) is_cancelled: Arc<AtomicBool>,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Solve(Box<Solve>),
    Load(Box<Load>),
}

/// Solve in progress.
#[derive(Debug)]
pub(super) struct Solve {
    pub(super) kept_open: bool,
    pub(super) problem_index: usize,
    pub(super) solver: ProblemSolver,
    /// Remarks on the request.
    pub(super) warnings: Vec<String>,
    pub(super) asks_sensitivities: bool,
    pub(super) sensitivities: Option<Result<Sensitivities, NoSensitivities>>,
}

impl Solve {
    /// Solves; then computes sensitivities in a step of their own, bounded by `max_newton_size`.
    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        if self.solver.solver().is_running() {
            // Invalid input was refused at the start; `finish_job` would answer with the error.
            let busy = self.solver.step(now, fuel).unwrap_or(Busy::No);
            return if self.asks_sensitivities { Busy::Yes } else { busy };
        }
        if self.asks_sensitivities && self.sensitivities.is_none() {
            self.sensitivities = Some(self.solver.sensitivities());
        }
        Busy::No
    }
}

/// Problem file that is being compiled.
#[derive(Debug)]
pub(super) struct Load {
    text: String,
    settings: OptimizerSettings,
    compiled: Option<Arc<Problem>>,
    /// The problem and a first solver, or the error reply.
    pub(super) outcome: Option<Result<ProblemSolver, ErrorReply>>,
}

impl OptimizerJob {
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

impl Load {
    pub(super) fn new(text: String, settings: OptimizerSettings) -> Self {
        Self {
            text,
            settings,
            compiled: None,
            outcome: None,
        }
    }

    /// Compiles, then creates a solver: each is bounded by the limits of the text.
    fn step(&mut self) -> Busy {
        let invalid = |error: &dyn fmt::Display| ErrorReply::new(code::INVALID_PROBLEM, format!("{error}"));
        match &self.compiled {
            None => match Problem::from_json(&self.text, &self.settings.text) {
                Ok(problem) => {
                    self.compiled = Some(Arc::new(problem));
                    return Busy::Yes;
                }
                Err(error) => self.outcome = Some(Err(invalid(&error))),
            },
            Some(problem) => {
                let solver = solvers::new(problem, self.settings.solve_time);
                self.outcome = Some(solver.map_err(|error| invalid(&error)));
            }
        }
        Busy::No
    }
}

impl Job for OptimizerJob {
    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        if self.is_cancelled() {
            return Busy::No;
        }
        match &mut self.work {
            Work::Solve(solve) => solve.step(now, fuel),
            Work::Load(load) => load.step(),
        }
    }

    fn asker(&self) -> ConnectionId {
        self.from
    }
}
