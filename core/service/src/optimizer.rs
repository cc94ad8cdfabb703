//! Optimizer behind OpEn's protocol: problems, warm starts, the queue of solves.

mod job;
mod reply;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::job::OptimizerJob;
pub use self::reply::{refusal, run_reply};
use super::{ConnectionId, Peer, Permission, Service};
use labwire_model::problem::{Problem, ProblemSolver, StartOptions, TextLimits};
use labwire_protocols::open::{
    ErrorReply, Permissions, Reply, Request, RunRequest, Server, ServerEvent, code,
};
use labwire_session::CloseReason;
use labwire_session::limits::SessionLimits;
use labwire_session::time::Instant;
use labwire_solve::{SolverError, Start};

/// Limits and permissions of an optimizer server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct OptimizerSettings {
    /// Limits of each connection.
    pub session: SessionLimits,
    /// Limits of problem files that are uploaded.
    pub text: TextLimits,
    /// `queue`: number of solves that may wait. One more is refused with code 2104. Default 256.
    pub queue: usize,
    /// `solve-time`: time limit of a solve, regardless of the problem file; the best result until then is returned as
    /// `NotConvergedOutOfTime`. Default 60 s.
    #[serde(with = "labwire_session::seconds")]
    pub solve_time: Duration,
    /// `problems`: number of problems that may be loaded; one more is refused with code 2102. Default 16.
    pub problems: usize,
    /// Permission to end the server by Kill. Default: peers on this machine.
    pub kill: Permission,
    /// Permission to upload problem files by Load. Default: nobody.
    pub load: Permission,
}

impl OptimizerSettings {
    labwire_session::setters! {
        with_session session: SessionLimits,
        with_text text: TextLimits,
        with_queue queue: usize,
        with_solve_time solve_time: Duration,
        with_problems problems: usize,
        with_kill kill: Permission,
        with_load load: Permission,
    }
}

impl Default for OptimizerSettings {
    fn default() -> Self {
        Self {
            session: SessionLimits::default(),
            text: TextLimits::default(),
            queue: 256,
            solve_time: Duration::from_secs(60),
            problems: 16,
            kill: Permission::Local,
            load: Permission::Nobody,
        }
    }
}

/// Service that answers OpEn's requests by solving problems.
///
/// Warm starts: one-shot connections share one state per problem, a kept-open connection has its own states. A
/// solve starts from the state at the moment it is taken from the queue, and stores it as
/// [`ProblemSolver::store_warm_start`] does.
#[derive(Debug)]
pub struct OptimizerService {
    config: OptimizerSettings,
    problems: Vec<Loaded>,
    /// States of kept-open connections: by connection, then by problem.
    own_starts: BTreeMap<ConnectionId, BTreeMap<usize, Start>>,
    queue: VecDeque<Queued>,
    running: Vec<Running>,
    replies: VecDeque<(ConnectionId, Reply)>,
    is_ending: bool,
}

#[derive(Debug)]
struct Loaded {
    problem: Arc<Problem>,
    shared_start: Start,
    /// Solvers that are not in use.
    idle: Vec<ProblemSolver>,
}

#[derive(Debug)]
struct Queued {
    from: ConnectionId,
    kept_open: bool,
    problem: usize,
    request: RunRequest,
}

#[derive(Debug)]
struct Running {
    from: ConnectionId,
    cancelled: Arc<AtomicBool>,
}

impl OptimizerService {
    /// Creates a service that solves `problem` (and others that are added or loaded).
    pub fn new(problem: Problem, config: OptimizerSettings) -> Result<Self, SolverError> {
        let mut service = Self {
            config,
            problems: Vec::new(),
            own_starts: BTreeMap::new(),
            queue: VecDeque::new(),
            running: Vec::new(),
            replies: VecDeque::new(),
            is_ending: false,
        };
        service.add_problem(problem)?;
        Ok(service)
    }

    /// Adds a problem, or replaces the one of the same name (its warm starts are discarded). Requests select it by
    /// its name; those without a name get the first.
    pub fn add_problem(&mut self, problem: Problem) -> Result<(), SolverError> {
        let problem = Arc::new(problem);
        let loaded = Loaded {
            shared_start: problem.start(),
            idle: vec![self.solver(&problem)?],
            problem,
        };
        match self.find(loaded.problem.name()) {
            Some(index) => {
                for starts in self.own_starts.values_mut() {
                    starts.remove(&index);
                }
                self.problems[index] = loaded;
            }
            None => self.problems.push(loaded),
        }
        Ok(())
    }

    /// Problems, the default one first.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().map(|loaded| &*loaded.problem)
    }

    /// Number of solves that wait for a worker.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    fn solver(&self, problem: &Arc<Problem>) -> Result<ProblemSolver, SolverError> {
        let settings = problem.settings().clone();
        ProblemSolver::with_settings(problem.clone(), settings.limit_duration(self.config.solve_time))
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.problems
            .iter()
            .position(|loaded| loaded.problem.name() == name)
    }

    fn answer(&mut self, to: ConnectionId, reply: Reply) {
        self.replies.push_back((to, reply));
    }

    fn refuse(&mut self, to: ConnectionId, error: ErrorReply) {
        self.answer(to, Reply::Error(error));
    }

    fn enqueue(
        &mut self,
        from: ConnectionId,
        kept_open: bool,
        request: RunRequest,
    ) -> Result<(), ErrorReply> {
        if self.is_ending {
            return Err(ErrorReply::new(code::SHUTTING_DOWN, "the server is about to end"));
        }
        let problem = match &request.problem {
            None => 0,
            Some(name) => self.find(name).ok_or_else(|| self.unknown_problem(name))?,
        };
        self.problems[problem]
            .problem
            .check_inputs(&request.parameter, &options(&request))
            .map_err(|error| refusal(&error.into()))?;
        if self.queue.len() >= self.config.queue {
            let message = format!("{} solves wait already (limit queue)", self.queue.len());
            return Err(ErrorReply::new(code::QUEUE_FULL, message));
        }
        self.queue.push_back(Queued {
            from,
            kept_open,
            problem,
            request,
        });
        Ok(())
    }

    fn unknown_problem(&self, name: &str) -> ErrorReply {
        let names: Vec<_> = self
            .problems()
            .map(|problem| format!("`{}`", problem.name()))
            .collect();
        let message = format!("no problem `{name}` is loaded; there is {}", names.join(", "));
        ErrorReply::new(code::UNKNOWN_PROBLEM, message)
    }

    fn load(&mut self, text: &str) -> Result<String, ErrorReply> {
        let invalid = |message| ErrorReply::new(code::INVALID_PROBLEM, message);
        let problem =
            Problem::from_json(text, &self.config.text).map_err(|error| invalid(format!("{error}")))?;
        if self.find(problem.name()).is_none() && self.problems.len() >= self.config.problems {
            return Err(invalid(format!(
                "{} problems are loaded already (limit problems)",
                self.problems.len()
            )));
        }
        let name = String::from(problem.name());
        self.add_problem(problem)
            .map_err(|error| invalid(format!("{error}")))?;
        Ok(name)
    }

    /// Starts the solve of `queued`, from the state of its connection or problem.
    fn begin(&mut self, now: Instant, queued: &Queued) -> Result<OptimizerJob, ErrorReply> {
        let index = queued.problem;
        let solver = match self.problems[index].idle.pop() {
            Some(solver) => solver,
            None => self
                .solver(&self.problems[index].problem)
                .map_err(|error| refusal(&error.into()))?,
        };
        let loaded = &mut self.problems[index];
        let start = if queued.kept_open {
            let own = self.own_starts.entry(queued.from).or_default();
            own.entry(index).or_insert_with(|| loaded.problem.start())
        } else {
            &mut loaded.shared_start
        };
        let mut job = OptimizerJob::new(queued, solver);
        let request = &queued.request;
        match job
            .solver
            .start_from(now, start, &request.parameter, &options(request))
        {
            Ok(()) => Ok(job),
            // The problem may have been replaced while the request waited.
            Err(error) => {
                loaded.idle.push(job.solver);
                Err(refusal(&error))
            }
        }
    }

    fn store(&mut self, job: &OptimizerJob) {
        let start = if job.kept_open {
            let own = self.own_starts.get_mut(&job.from);
            own.and_then(|own| own.get_mut(&job.problem_index))
        } else {
            Some(&mut self.problems[job.problem_index].shared_start)
        };
        if let Some(start) = start {
            job.solver.store_warm_start(start);
        }
    }
}

impl Service for OptimizerService {
    type Session = Server;
    type Job = OptimizerJob;

    fn open_session(&mut self, now: Instant, peer: Peer) -> Server {
        let permissions = Permissions {
            kill: self.config.kill.includes(peer),
            load: self.config.load.includes(peer),
        };
        Server::new(now, self.config.session.clone(), permissions)
    }

    fn handle_request(&mut self, _now: Instant, from: ConnectionId, event: ServerEvent) {
        match event.request {
            Request::Run(request) => {
                if let Err(error) = self.enqueue(from, event.kept_open, request) {
                    self.refuse(from, error);
                }
            }
            Request::Kill(_) => {
                self.is_ending = true;
                self.answer(from, Reply::Killed);
            }
            Request::Load(text) => match self.load(text.get()) {
                Ok(name) => self.answer(from, Reply::Loaded(name)),
                Err(error) => self.refuse(from, error),
            },
            Request::Ping(number) => self.answer(from, Reply::Pong(number)),
            // Sessions handle it themselves; there is nothing to answer.
            Request::KeepAlive(_) => {}
        }
    }

    fn handle_disconnect(&mut self, _now: Instant, from: ConnectionId, _reason: &CloseReason) {
        self.queue.retain(|queued| queued.from != from);
        for running in self.running.iter().filter(|running| running.from == from) {
            running.cancelled.store(true, Ordering::Relaxed);
        }
        self.own_starts.remove(&from);
    }

    fn take_job(&mut self, now: Instant) -> Option<OptimizerJob> {
        loop {
            let queued = self.queue.pop_front()?;
            match self.begin(now, &queued) {
                Ok(job) => {
                    self.running.push(Running {
                        from: queued.from,
                        cancelled: job.cancelled.clone(),
                    });
                    return Some(job);
                }
                Err(error) => self.refuse(queued.from, error),
            }
        }
    }

    fn finish_job(&mut self, now: Instant, mut job: OptimizerJob) {
        self.running
            .retain(|running| !Arc::ptr_eq(&running.cancelled, &job.cancelled));
        // A job whose step has panicked is still running.
        job.solver.cancel();
        // The problem may have been replaced while its old version was being solved.
        let is_current = Arc::ptr_eq(&self.problems[job.problem_index].problem, job.solver.problem());
        if !job.cancelled.load(Ordering::Relaxed) {
            if is_current {
                self.store(&job);
            }
            let solution = job.solver.finish(now);
            let reply = match solution
                .map_err(|error| refusal(&error.into()))
                .and_then(run_reply)
            {
                Ok(reply) => Reply::Run(Box::new(reply)),
                Err(error) => Reply::Error(error),
            };
            self.answer(job.from, reply);
        }
        if is_current {
            self.problems[job.problem_index].idle.push(job.solver);
        }
    }

    fn poll_reply(&mut self) -> Option<(ConnectionId, Reply)> {
        self.replies.pop_front()
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.is_ending = true;
    }

    fn is_finished(&self) -> bool {
        self.is_ending && self.queue.is_empty() && self.running.is_empty() && self.replies.is_empty()
    }
}

/// Inputs of a request besides its parameters.
fn options(request: &RunRequest) -> StartOptions<'_> {
    let mut options = StartOptions::default();
    options.initial_guess = request.initial_guess.as_deref();
    options.f1_multipliers = request.initial_lagrange_multipliers.as_deref();
    options.penalty = request.initial_penalty;
    options
}
