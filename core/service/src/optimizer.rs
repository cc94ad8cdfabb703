//! The optimizer behind OpEn's protocol: problems, warm starts, the queue of solves.

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

pub use self::job::OptimizerJob;
use self::job::Workspace;
use super::{ConnectionId, Peer, Permission, Service};
use labwire_model::problem::{Problem, TextLimits};
use labwire_protocols::open::{
    ErrorReply, Permissions, Reply, Request, RunRequest, Server, ServerEvent, code,
};
use labwire_session::CloseReason;
use labwire_session::limits::SessionLimits;
use labwire_session::time::Instant;
use labwire_solve::{Solver, SolverError, Start};

/// Limits and permissions of an optimizer server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OptimizerConfig {
    /// Limits of each connection.
    pub session: SessionLimits,
    /// Limits of problem files that are uploaded.
    pub problem: TextLimits,
    /// `queue`: solves that may wait. One more is refused with code 2104. Default 256.
    pub queue: usize,
    /// `solve-time`: the longest solve, whatever a problem file asks for; what was found until then is answered as
    /// `NotConvergedOutOfTime`. Default 60 s.
    pub solve_time: Duration,
    /// `problems`: how many problems may be loaded; one more is refused with code 2102. Default 16.
    pub problems: usize,
    /// Who may end the server by Kill. Default: peers on this machine.
    pub kill: Permission,
    /// Who may upload problem files by Load. Default: nobody.
    pub load: Permission,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            session: SessionLimits::default(),
            problem: TextLimits::default(),
            queue: 256,
            solve_time: Duration::from_secs(60),
            problems: 16,
            kill: Permission::Local,
            load: Permission::Nobody,
        }
    }
}

/// Answers OpEn's requests by solving problems.
///
/// Warm starts: one-shot connections share one state per problem, a kept-open connection has states of its own. A
/// solve starts from the state at the moment it is taken from the queue, and stores what [`Solver::store_warm_start`]
/// says is worth it.
#[derive(Debug)]
pub struct OptimizerService {
    config: OptimizerConfig,
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
    idle: Vec<Workspace>,
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
    /// A service that solves `problem` (and others that are added or loaded).
    pub fn new(problem: Problem, config: OptimizerConfig) -> Result<Self, SolverError> {
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

    /// Adds a problem, or replaces the one of the same name (its warm starts are forgotten). Requests choose it by its
    /// name; those that name none get the first.
    pub fn add_problem(&mut self, problem: Problem) -> Result<(), SolverError> {
        let problem = Arc::new(problem);
        let loaded = Loaded {
            shared_start: problem.start(),
            idle: vec![Workspace::new(&problem)?],
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

    /// The problems, the default one first.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().map(|loaded| &*loaded.problem)
    }

    /// Solves that wait for a worker.
    pub fn queue_len(&self) -> usize {
        self.queue.len()
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
        check_request(&self.problems[problem].problem, &request)?;
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
            Problem::from_json(text, &self.config.problem).map_err(|error| invalid(format!("{error}")))?;
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

    /// The state that a request starts from, with what the request itself gives put in its place.
    fn start_for(&mut self, queued: &Queued) -> Start {
        let loaded = &self.problems[queued.problem];
        let problem = &loaded.problem;
        let mut start = if queued.kept_open {
            let own = self.own_starts.entry(queued.from).or_default();
            own.entry(queued.problem)
                .or_insert_with(|| problem.start())
                .clone()
        } else {
            loaded.shared_start.clone()
        };
        let num_constraints = problem.num_f1() + problem.num_f2();
        if let Some(guess) = &queued.request.initial_guess {
            start.u.clone_from(guess);
            start.fallback = Some(guess.clone());
        }
        if let Some(multipliers) = &queued.request.initial_lagrange_multipliers {
            let all = start
                .multipliers
                .get_or_insert_with(|| vec![0.0; num_constraints]);
            all[..multipliers.len()].copy_from_slice(multipliers);
        }
        if let Some(penalty) = queued.request.initial_penalty {
            start.penalties = Some(vec![penalty; num_constraints]);
        }
        start
    }

    fn store(&mut self, job: &OptimizerJob, solver: &Solver) {
        // The problem may have been replaced while its old version was being solved.
        let loaded = &mut self.problems[job.problem_index];
        if !Arc::ptr_eq(&loaded.problem, &job.problem) {
            return;
        }
        let start = if job.kept_open {
            let own = self.own_starts.get_mut(&job.from);
            own.and_then(|own| own.get_mut(&job.problem_index))
        } else {
            Some(&mut loaded.shared_start)
        };
        if let Some(start) = start
            && solver.store_warm_start(start)
        {
            job.problem.advance(start);
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
            // Sessions act on it themselves; there is nothing to answer.
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
            let start = self.start_for(&queued);
            let loaded = &mut self.problems[queued.problem];
            // The problem may have been replaced while the request waited.
            let begun = check_request(&loaded.problem, &queued.request).and_then(|()| {
                let workspace = match loaded.idle.pop() {
                    Some(workspace) => workspace,
                    None => Workspace::new(&loaded.problem).map_err(reply::refused)?,
                };
                let cancelled = Arc::new(AtomicBool::new(false));
                OptimizerJob::begin(
                    now,
                    &queued,
                    &loaded.problem,
                    workspace,
                    &start,
                    self.config.solve_time,
                    cancelled,
                )
            });
            match begun {
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
        let Some(mut workspace) = job.workspace.take() else {
            return;
        };
        if !job.cancelled.load(Ordering::Relaxed) {
            self.store(&job, &workspace.solver);
            let duration = now.duration_since(job.begun);
            let reply = match reply::run_reply(&job.problem, &mut workspace, duration) {
                Ok(reply) => Reply::Run(Box::new(reply)),
                Err(error) => Reply::Error(error),
            };
            self.answer(job.from, reply);
        }
        let loaded = &mut self.problems[job.problem_index];
        if Arc::ptr_eq(&loaded.problem, &job.problem) {
            loaded.idle.push(workspace);
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

/// The checks of OpEn in its order, and ours after them.
fn check_request(problem: &Problem, request: &RunRequest) -> Result<(), ErrorReply> {
    if let Some(guess) = &request.initial_guess {
        let expected = problem.num_variables();
        if guess.len() != expected {
            let provided = guess.len();
            let message = format!(
                "initial guess has incompatible dimensions: provided {provided}, expected {expected}"
            );
            return Err(ErrorReply::new(code::INITIAL_GUESS, message));
        }
        check_finite(code::INITIAL_GUESS, "initial guess", guess)?;
    }
    if let Some(multipliers) = &request.initial_lagrange_multipliers {
        let expected = problem.num_f1();
        if multipliers.len() != expected {
            let provided = multipliers.len();
            // "Langrange": the text that clients of OpEn compare with.
            let message =
                format!("wrong dimension of Langrange multipliers: provided {provided}, expected {expected}");
            return Err(ErrorReply::new(code::LAGRANGE_MULTIPLIERS, message));
        }
        check_finite(code::LAGRANGE_MULTIPLIERS, "Lagrange multipliers", multipliers)?;
    }
    let (provided, expected) = (request.parameter.len(), problem.num_parameters());
    if provided != expected {
        let message = format!("wrong number of parameters: provided {provided}, expected {expected}");
        return Err(ErrorReply::new(code::PARAMETERS, message));
    }
    check_finite(code::PARAMETERS, "parameters", &request.parameter)?;
    match request.initial_penalty {
        Some(penalty) if !(penalty > 0.0 && penalty.is_finite()) => {
            let message = format!("initial penalty is {penalty}, expected a positive, finite number");
            Err(ErrorReply::new(code::INITIAL_PENALTY, message))
        }
        _ => Ok(()),
    }
}

fn check_finite(code: u32, what: &str, vector: &[f64]) -> Result<(), ErrorReply> {
    match vector.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(index) => {
            let message = format!(
                "{what}: entry {index} is {}, expected a finite number",
                vector[index]
            );
            Err(ErrorReply::new(code, message))
        }
    }
}
