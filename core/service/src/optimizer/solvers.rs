//! Solvers that are not in use, and the memory of all.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use labwire_solve::{ParametricProblem, ProblemSolver, SolverError};

/// Problem of any kind, which jobs on other threads may solve.
pub(super) type AnyProblem = dyn ParametricProblem + Send + Sync;
/// Solver of a problem of any kind. It is large and goes from hand to hand, hence the box.
pub(super) type AnySolver = Box<ProblemSolver<AnyProblem>>;

/// Solvers of all problems: those in use are counted, idle ones are kept as far as the limit allows.
#[derive(Debug)]
pub(super) struct Solvers {
    /// Most memory of all solvers, in bytes.
    limit: usize,
    /// Memory of the solvers in use and of their sensitivities, in bytes.
    in_use: usize,
    /// Oldest first.
    idle: Vec<AnySolver>,
}

impl Solvers {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            in_use: 0,
            idle: Vec::new(),
        }
    }

    /// Whether a solver of this memory may be used now. One may always.
    pub(super) fn have_room(&self, bytes: usize) -> bool {
        self.in_use == 0 || self.in_use.saturating_add(bytes) <= self.limit
    }

    /// Solver of `problem`, for use until it is [given back](Self::give_back), and as much memory besides as its `extra`
    /// work takes.
    pub(super) fn take(
        &mut self,
        problem: &Arc<AnyProblem>,
        extra: usize,
        time_limit: Duration,
    ) -> Result<AnySolver, SolverError> {
        let is_its = |solver: &AnySolver| Arc::ptr_eq(solver.problem(), problem);
        let solver = match self.idle.iter().rposition(is_its) {
            Some(index) => self.idle.remove(index),
            None => new(problem, time_limit)?,
        };
        self.in_use += solver.memory_bytes() + extra;
        self.shrink();
        Ok(solver)
    }

    /// Takes back a solver, and what it took besides, to keep it if `is_wanted` and the limit allows.
    pub(super) fn give_back(&mut self, solver: AnySolver, extra: usize, is_wanted: bool) {
        self.in_use = self.in_use.saturating_sub(solver.memory_bytes() + extra);
        if is_wanted {
            self.keep(solver);
        }
    }

    /// Keeps a solver that was not in use, if the limit allows.
    pub(super) fn keep(&mut self, solver: AnySolver) {
        self.idle.push(solver);
        self.shrink();
    }

    /// Drops the idle solvers of a problem that exists no longer.
    pub(super) fn forget(&mut self, problem: &Arc<AnyProblem>) {
        self.idle.retain(|solver| !Arc::ptr_eq(solver.problem(), problem));
    }

    /// Memory of all solvers, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let idle = self.idle.iter().map(|solver| solver.memory_bytes());
        idle.fold(self.in_use, usize::saturating_add)
    }

    fn shrink(&mut self) {
        while self.bytes() > self.limit && !self.idle.is_empty() {
            self.idle.remove(0);
        }
    }
}

/// Solver of `problem` whose solves take at most `time_limit`.
pub(super) fn new(problem: &Arc<AnyProblem>, time_limit: Duration) -> Result<AnySolver, SolverError> {
    let settings = problem.settings();
    let solver = ProblemSolver::with_settings(problem.clone(), settings.limit_duration(time_limit));
    solver.map(Box::new)
}
