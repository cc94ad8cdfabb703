//! Optimizer behind OpEn's protocol: problems, warm starts, the queue of solves.

mod job;
mod reply;
mod solvers;
mod starts;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::job::OptimizerJob;
use self::job::{Asked, Load, Solve, Work, reply};
pub use self::reply::{add_sensitivities, refusal, remarks, run_reply};
use self::solvers::Solvers;
use self::starts::OwnStarts;
use super::{ConnectionId, Peer, Permission, Service};
use labwire_model::problem::{Problem, ProblemSolver, SolveError, StartOptions, TextLimits};
use labwire_protocols::open::{
    ErrorReply, Permissions, Reply, ReplyBounds, Request, RunRequest, Server, ServerEvent, Style, code,
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
    /// `solver-memory`: memory of all solvers, in bytes. A solve for which there is no room waits until others have
    /// ended; one may always run. Solvers that are not in use are kept as far as there is room. Sensitivities that take
    /// more than all of it are refused, with a warning in the reply. The warm starts of kept-open connections may take a
    /// quarter of it besides: beyond, those of the oldest connections are forgotten. Default 128 MiB.
    pub solver_memory: usize,
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
        with_solver_memory solver_memory: usize,
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
            solver_memory: 128 << 20,
            problems: 16,
            kill: Permission::Local,
            load: Permission::Nobody,
        }
    }
}

/// Share of the limit `solver-memory` that the warm starts of kept-open connections may take: one over this.
const STARTS_SHARE: usize = 4;
/// Length of a number in a reply, in bytes, at most, with what separates it from the next.
const NUMBER_BYTES: usize = 36;
/// Number of numbers from which a reply is written as it is read.
const LONG_REPLY: usize = 2000;

/// Service that answers OpEn's requests by solving problems.
///
/// Warm starts: one-shot connections share one state per problem, a kept-open connection has its own states. A
/// solve starts from the state at the moment it is taken from the queue, and stores it as
/// [`ProblemSolver::store_warm_start`] does.
#[derive(Debug)]
pub struct OptimizerService {
    config: OptimizerSettings,
    problems: Vec<Loaded>,
    solvers: Solvers,
    own_starts: OwnStarts,
    bounds: ReplyBounds,
    queue: VecDeque<Queued>,
    running: Vec<Running>,
    replies: VecDeque<(ConnectionId, Reply)>,
    is_ending: bool,
}

#[derive(Debug)]
struct Loaded {
    problem: Arc<Problem>,
    shared_start: Start,
    /// Memory of a solver, in bytes.
    solver_bytes: usize,
    /// Number of numbers in a reply, at most: without sensitivities, and with them.
    reply_numbers: [usize; 2],
}

#[derive(Debug)]
struct Queued {
    from: ConnectionId,
    task: Task,
}

#[derive(Debug)]
enum Task {
    Solve {
        kept_open: bool,
        problem: usize,
        request: RunRequest,
        deadline: Option<Instant>,
    },
    Load(String),
}

#[derive(Debug)]
struct Running {
    from: ConnectionId,
    is_cancelled: Arc<AtomicBool>,
}

impl OptimizerService {
    /// Creates a service that solves `problem` (and others that are added or loaded).
    pub fn new(problem: Problem, config: OptimizerSettings) -> Result<Self, SolverError> {
        let mut service = Self {
            solvers: Solvers::new(config.solver_memory),
            own_starts: OwnStarts::new(config.solver_memory / STARTS_SHARE),
            bounds: ReplyBounds::default(),
            config,
            problems: Vec::new(),
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
        let solver = solvers::new(&Arc::new(problem), self.config.solve_time)?;
        self.add_solver(solver);
        Ok(())
    }

    /// Adds the problem of `solver`.
    fn add_solver(&mut self, solver: ProblemSolver) {
        let problem = solver.problem().clone();
        let loaded = Loaded {
            shared_start: problem.start(),
            solver_bytes: solver.memory_bytes(),
            reply_numbers: reply_numbers(&problem),
            problem,
        };
        match self.find(loaded.problem.name()) {
            Some(index) => {
                self.own_starts.forget_problem(index);
                self.solvers.forget(&self.problems[index].problem);
                self.problems[index] = loaded;
            }
            None => self.problems.push(loaded),
        }
        self.solvers.keep(solver);
        for (kind, bound) in [&self.bounds.plain, &self.bounds.sensitivities]
            .into_iter()
            .enumerate()
        {
            let numbers = self.problems.iter().map(|loaded| loaded.reply_numbers[kind]);
            bound.set(numbers.max().unwrap_or_default().saturating_mul(NUMBER_BYTES));
        }
    }

    /// Problems, the default one first.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().map(|loaded| &*loaded.problem)
    }

    /// Number of requests that wait for a worker.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// Memory of all solvers, in use or kept for the next solves, in bytes.
    #[must_use]
    pub fn solver_bytes(&self) -> usize {
        self.solvers.bytes()
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

    fn enqueue(&mut self, from: ConnectionId, task: Task) -> Result<(), ErrorReply> {
        if self.is_ending {
            return Err(ErrorReply::new(code::SHUTTING_DOWN, "the server is about to end"));
        }
        if self.queue.len() >= self.config.queue {
            let message = format!("{} requests wait already (limit queue)", self.queue.len());
            return Err(ErrorReply::new(code::QUEUE_FULL, message));
        }
        self.queue.push_back(Queued { from, task });
        Ok(())
    }

    fn solve(&self, now: Instant, kept_open: bool, request: RunRequest) -> Result<Task, ErrorReply> {
        let problem = match &request.problem {
            None => 0,
            Some(name) => self.find(name).ok_or_else(|| self.unknown_problem(name))?,
        };
        self.problems[problem]
            .problem
            .check_inputs(&request.parameter, &options(&request))
            .map_err(|error| refusal(&error.into()))?;
        Ok(Task::Solve {
            deadline: deadline(now, &request)?,
            kept_open,
            problem,
            request,
        })
    }

    fn unknown_problem(&self, name: &str) -> ErrorReply {
        let names: Vec<_> = self
            .problems()
            .map(|problem| format!("`{}`", problem.name()))
            .collect();
        let message = format!("no problem `{name}` is loaded; there is {}", names.join(", "));
        ErrorReply::new(code::UNKNOWN_PROBLEM, message)
    }

    /// Makes a task a job. The start of a solve is the state of its connection or problem at this moment.
    fn begin(&mut self, now: Instant, queued: Queued) -> Result<OptimizerJob, ErrorReply> {
        let Queued { from, task } = queued;
        let work = match task {
            Task::Load(text) => Work::Load(Box::new(Load::new(text, self.config.clone()))),
            Task::Solve {
                kept_open,
                problem,
                request,
                deadline,
            } => {
                if deadline.is_some_and(|deadline| now >= deadline) {
                    return Err(too_late());
                }
                let Loaded {
                    problem: loaded,
                    reply_numbers: [plain, with_sensitivities],
                    ..
                } = &self.problems[problem];
                let asks_sensitivities = request.sensitivities == Some(true);
                let numbers = if asks_sensitivities {
                    with_sensitivities
                } else {
                    plain
                };
                let long = (*numbers > LONG_REPLY).then_some(match kept_open {
                    true => Style::Line,
                    false => Style::Pretty,
                });
                let allowed = [Some(now + self.config.solve_time), deadline];
                let end = allowed.into_iter().flatten().min().unwrap_or(now);
                let solver = self.solvers.take(loaded, self.config.solve_time);
                let solver = solver.map_err(|error| refusal(&error.into()))?;
                let mut solve = Solve {
                    kept_open,
                    problem_index: problem,
                    solver,
                    warnings: remarks(&request),
                    sensitivities: match asks_sensitivities {
                        true => Asked::Waiting,
                        false => Asked::No,
                    },
                    memory: self.config.solver_memory,
                    end,
                    long,
                    counting: None,
                    reply: None,
                };
                let limit = deadline.map(|deadline| deadline.duration_since(now));
                // The problem may have been replaced while the request waited.
                if let Err(error) = self.start(now, from, &mut solve, &request, limit) {
                    self.solvers.give_back(solve.solver, true);
                    return Err(refusal(&error));
                }
                Work::Solve(Box::new(solve))
            }
        };
        Ok(OptimizerJob {
            from,
            is_cancelled: Arc::default(),
            work,
        })
    }

    fn start(
        &mut self,
        now: Instant,
        from: ConnectionId,
        solve: &mut Solve,
        request: &RunRequest,
        limit: Option<Duration>,
    ) -> Result<(), SolveError> {
        let index = solve.problem_index;
        let loaded = &self.problems[index];
        let fresh;
        let start = match self.own_starts.start(from, index) {
            _ if !solve.kept_open => &loaded.shared_start,
            Some(own) => own,
            None => {
                fresh = loaded.problem.start();
                &fresh
            }
        };
        let mut options = options(request);
        options.max_duration = limit;
        // What another client has left may be far from any useful answer.
        options.distrusts_warm_start = !solve.kept_open;
        solve.solver.start_from(now, start, &request.parameter, &options)
    }

    /// Whether there is room for the solver of the next task.
    fn has_room(&self, task: &Task) -> bool {
        match task {
            Task::Load(_) => true,
            Task::Solve { problem, .. } => self.solvers.have_room(self.problems[*problem].solver_bytes),
        }
    }

    fn finish_load(&mut self, load: Load) -> Reply {
        match load.outcome {
            Some(Ok(solver)) => {
                let name = String::from(solver.problem().name());
                if self.find(&name).is_none() && self.problems.len() >= self.config.problems {
                    let message = format!(
                        "{} problems are loaded already (limit problems)",
                        self.problems.len()
                    );
                    return Reply::Error(ErrorReply::new(code::INVALID_PROBLEM, message));
                }
                self.add_solver(solver);
                Reply::Loaded(name)
            }
            Some(Err(error)) => Reply::Error(error),
            None => Reply::Error(ErrorReply::new(
                code::INVALID_PROBLEM,
                "the problem could not be compiled",
            )),
        }
    }

    /// Reply to a solve that has ended; `None` if it was cancelled.
    fn finish_solve(
        &mut self,
        now: Instant,
        from: ConnectionId,
        mut solve: Solve,
        is_wanted: bool,
    ) -> Option<Reply> {
        // A job whose step has panicked is still running.
        solve.solver.cancel();
        // The problem may have been replaced while its old version was being solved.
        let loaded = &self.problems[solve.problem_index].problem;
        let is_current = Arc::ptr_eq(loaded, solve.solver.problem());
        let reply = is_wanted.then(|| {
            if is_current {
                self.store(from, &solve);
            }
            solve.reply.take().unwrap_or_else(|| {
                reply(now, &mut solve).map_or_else(Reply::Error, |reply| Reply::Run(Box::new(reply)))
            })
        });
        self.solvers.give_back(solve.solver, is_current);
        reply
    }

    fn store(&mut self, from: ConnectionId, solve: &Solve) {
        let index = solve.problem_index;
        let loaded = &mut self.problems[index];
        if !solve.kept_open {
            solve.solver.store_warm_start(&mut loaded.shared_start);
            return;
        }
        let own = self.own_starts.start(from, index).cloned();
        let mut start = own.unwrap_or_else(|| loaded.problem.start());
        if solve.solver.store_warm_start(&mut start) {
            self.own_starts.keep(from, index, start);
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
        Server::new(now, self.config.session.clone(), permissions).with_reply_bounds(self.bounds.clone())
    }

    fn handle_request(&mut self, now: Instant, from: ConnectionId, event: ServerEvent) {
        let task = match event.request {
            Request::Run(request) => self.solve(now, event.kept_open, request),
            Request::Load(text) => Ok(Task::Load(String::from(text.get()))),
            Request::Kill(_) => {
                self.is_ending = true;
                return self.answer(from, Reply::Killed);
            }
            Request::Ping(number) => return self.answer(from, Reply::Pong(number)),
            // Sessions handle it themselves; there is nothing to answer.
            Request::KeepAlive(_) => return,
        };
        if let Err(error) = task.and_then(|task| self.enqueue(from, task)) {
            self.refuse(from, error);
        }
    }

    fn handle_disconnect(&mut self, _now: Instant, from: ConnectionId, _reason: &CloseReason) {
        self.queue.retain(|queued| queued.from != from);
        for running in self.running.iter().filter(|running| running.from == from) {
            running.is_cancelled.store(true, Ordering::Relaxed);
        }
        self.own_starts.forget_connection(from);
    }

    fn take_job(&mut self, now: Instant) -> Option<OptimizerJob> {
        loop {
            let next = self.queue.front()?;
            if !self.has_room(&next.task) {
                return None;
            }
            let queued = self.queue.pop_front()?;
            let from = queued.from;
            match self.begin(now, queued) {
                Ok(job) => {
                    let is_cancelled = job.is_cancelled.clone();
                    self.running.push(Running { from, is_cancelled });
                    return Some(job);
                }
                Err(error) => self.refuse(from, error),
            }
        }
    }

    fn finish_job(&mut self, now: Instant, job: OptimizerJob) {
        self.running
            .retain(|running| !Arc::ptr_eq(&running.is_cancelled, &job.is_cancelled));
        let is_wanted = !job.is_cancelled();
        let reply = match job.work {
            Work::Solve(solve) => self.finish_solve(now, job.from, *solve, is_wanted),
            Work::Load(load) => is_wanted.then(|| self.finish_load(*load)),
        };
        if let Some(reply) = reply {
            self.answer(job.from, reply);
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

/// Number of numbers in a reply to Run, at most: without sensitivities, and with them.
fn reply_numbers(problem: &Problem) -> [usize; 2] {
    let rows = problem.num_variables() + problem.num_f1() + problem.num_f2();
    // The variables come once more by name, with the states.
    let plain = rows + problem.num_variables() + problem.num_states();
    [
        plain,
        plain.saturating_add(rows.saturating_mul(problem.num_parameters())),
    ]
}

/// Inputs of a request besides its parameters.
fn options(request: &RunRequest) -> StartOptions<'_> {
    let mut options = StartOptions::default();
    options.initial_guess = request.initial_guess.as_deref();
    options.f1_multipliers = request.initial_lagrange_multipliers.as_deref();
    options.penalty = request.initial_penalty;
    options
}

/// Time after which the answer is of no use.
fn deadline(now: Instant, request: &RunRequest) -> Result<Option<Instant>, ErrorReply> {
    let Some(limit) = request.max_solve_time_ms else {
        return Ok(None);
    };
    if !(limit > 0.0 && limit.is_finite()) {
        let message = format!("max_solve_time_ms is {limit}, expected a positive, finite number");
        return Err(ErrorReply::new(code::MAX_SOLVE_TIME, message));
    }
    // One that no clock reaches is none.
    let limit = Duration::try_from_secs_f64(limit / 1e3).unwrap_or(Duration::MAX);
    Ok(Some(now + limit))
}

pub(super) fn too_late() -> ErrorReply {
    ErrorReply::new(
        code::TOO_LATE,
        "the allowed time was over before the solve began: nothing was solved",
    )
}
