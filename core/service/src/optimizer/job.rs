//! Work of a request: a solve, or the compilation of a problem file.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use labwire_protocols::open::{ErrorReply, Reply, RunReply, Style};
use labwire_session::Counting;
use labwire_session::time::Instant;
use labwire_solve::{Differentiation, Sensitivities, Status};

#[cfg(feature = "problems")]
use super::load::Load;
use super::reply::{add_sensitivities, non_finite, refusal, run_reply};
use super::solvers::AnySolver;
use super::too_late;
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
    #[cfg(feature = "problems")]
    Load(Box<Load>),
}

/// Solve in progress.
#[derive(Debug)]
pub(super) struct Solve {
    pub(super) kept_open: bool,
    pub(super) problem_index: usize,
    pub(super) solver: AnySolver,
    /// Remarks on the request.
    pub(super) warnings: Vec<String>,
    pub(super) sensitivities: Asked,
    /// Limit `solver-memory`.
    pub(super) memory: usize,
    /// Memory of the sensitivities, in bytes.
    pub(super) extra: usize,
    /// Time at which sensitivities are given up.
    pub(super) end: Instant,
    /// Style of a reply that may be long.
    pub(super) long: Option<Style>,
    pub(super) counting: Option<Counting>,
    /// The reply, if it was made by the job.
    pub(super) reply: Option<Reply>,
}

/// Sensitivities of a solve.
#[derive(Debug)]
pub(super) enum Asked {
    No,
    Waiting,
    Begun(Box<Differentiation>),
    Done(Result<Sensitivities, String>),
}

/// Number of bytes of a reply that are counted per unit of fuel.
const BYTES_PER_FUEL: usize = 4 << 10;

impl Solve {
    /// Solves; then computes sensitivities, and counts a long reply.
    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        if self.solver.is_running() {
            // Invalid input was refused at the start; `finish_job` would answer with the error.
            let busy = self.solver.step(now, fuel).unwrap_or(Busy::No);
            return match self.sensitivities {
                Asked::No if self.long.is_none() => busy,
                _ => Busy::Yes,
            };
        }
        let asked = core::mem::replace(&mut self.sensitivities, Asked::No);
        self.sensitivities = match asked {
            Asked::Waiting | Asked::Begun(_) if now >= self.end => {
                Asked::Done(Err("the allowed time was over".into()))
            }
            Asked::Waiting => self.begin_sensitivities(),
            Asked::Begun(differentiation) => self.continue_sensitivities(differentiation, fuel),
            done => done,
        };
        match (&self.sensitivities, self.long) {
            (Asked::Begun(_), _) => Busy::Yes,
            (_, Some(style)) => self.make_reply(now, fuel, style),
            _ => Busy::No,
        }
    }

    fn begin_sensitivities(&mut self) -> Asked {
        let bytes = self.solver.sensitivities_bytes();
        if bytes > self.memory {
            let limit = self.memory;
            return Asked::Done(Err(format!(
                "they would take {bytes} bytes, more than the limit solver-memory of {limit}"
            )));
        }
        match self.solver.start_sensitivities() {
            Ok(differentiation) => Asked::Begun(Box::new(differentiation)),
            Err(reason) => Asked::Done(Err(reason.to_string())),
        }
    }

    fn continue_sensitivities(&mut self, mut differentiation: Box<Differentiation>, fuel: u32) -> Asked {
        match self
            .solver
            .continue_sensitivities(&mut differentiation, fuel as usize)
        {
            Ok(Some(sensitivities)) => Asked::Done(Ok(sensitivities)),
            Ok(None) => Asked::Begun(differentiation),
            Err(reason) => Asked::Done(Err(reason.to_string())),
        }
    }

    fn make_reply(&mut self, now: Instant, fuel: u32, style: Style) -> Busy {
        let Some(counting) = &mut self.counting else {
            let counting = reply(now, self).and_then(|reply| reply.counting(style).map_err(non_finite));
            match counting {
                Ok(counting) => self.counting = Some(counting),
                Err(error) => self.reply = Some(Reply::Error(error)),
            }
            return match self.reply {
                Some(_) => Busy::No,
                None => Busy::Yes,
            };
        };
        let Some(text) = counting.step((fuel as usize).saturating_mul(BYTES_PER_FUEL)) else {
            return Busy::Yes;
        };
        self.reply = Some(Reply::Long(text));
        Busy::No
    }
}

/// Reply to a solve that has ended.
pub(super) fn reply(now: Instant, solve: &mut Solve) -> Result<RunReply, ErrorReply> {
    let solution = solve.solver.finish(now).map_err(|error| refusal(&error.into()))?;
    // It has waited until then for its first step.
    if solution.status == Status::NotConvergedOutOfTime && solution.counters.evaluations == 0 {
        return Err(too_late());
    }
    let mut reply = run_reply(solution)?;
    reply.warnings = core::mem::take(&mut solve.warnings);
    if let Asked::Done(sensitivities) = core::mem::replace(&mut solve.sensitivities, Asked::No) {
        add_sensitivities(&mut reply, sensitivities);
    }
    Ok(reply)
}

impl OptimizerJob {
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

impl Job for OptimizerJob {
    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        if self.is_cancelled() {
            return Busy::No;
        }
        match &mut self.work {
            Work::Solve(solve) => solve.step(now, fuel),
            #[cfg(feature = "problems")]
            Work::Load(load) => load.step(),
        }
    }

    fn asker(&self) -> ConnectionId {
        self.from
    }
}
