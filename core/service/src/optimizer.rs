//! Optimizer behind OpEn's protocol: problems, warm starts, the queue of solves.

mod job;
#[cfg(feature = "problems")]
mod load;
mod reply;
mod settings;
mod solvers;
mod starts;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

pub use self::job::OptimizerJob;
use self::job::{Asked, Solve, Work, reply};
#[cfg(feature = "problems")]
use self::load::Load;
pub use self::reply::{add_sensitivities, refusal, remarks, run_reply};
pub use self::settings::OptimizerSettings;
use self::solvers::{AnyProblem, AnySolver, Solvers};
use self::starts::OwnStarts;
use super::{ConnectionId, Peer, Service};
use labwire_protocols::open::{
    ErrorReply, Reply, ReplyBounds, Request, RunRequest, Server, ServerEvent, Style, code,
};
use labwire_session::CloseReason;
use labwire_session::time::Instant;
use labwire_solve::{Compact, ParametricProblem, SolveError, SolverError, Start, StartOptions};

/// Share of the limit `solver-memory` that the warm starts of kept-open connections may take: one over this.
const STARTS_SHARE: usize = 4;
/// Largest length of a number in a reply, with its separator, in bytes.
const NUMBER_BYTES: usize = 36;
/// Number of numbers from which a reply is written as it is read.
const LONG_REPLY: usize = 2000;

/// Service that answers OpEn's requests by solving problems: those of text files with feature `problems`, or your own.
///
/// ```
/// use labwire_service::Endpoint;
/// use labwire_service::optimizer::{OptimizerService, OptimizerSettings};
/// use labwire_solve::ParametricCost;
/// use labwire_solve::sets::Set;
///
/// let nearest = ParametricCost::new(2, Set::All, 2, |p, u, gradient| {
///     gradient.copy_from_slice(&[u[0] - p[0], u[1] - p[1]]);
///     0.5 * (gradient[0].powi(2) + gradient[1].powi(2))
/// });
/// let service = OptimizerService::new(nearest, OptimizerSettings::default())?;
/// let mut server = Endpoint::new(service);
/// # use labwire_service::{Busy, ConnectionId, Peer};
/// # use labwire_session::time::Instant;
/// # let (now, id) = (Instant::ZERO, ConnectionId(0));
/// # server.open(now, id, Peer::LOCAL)?;
/// # server.handle_input(now, id, b"{\"Run\": {\"parameter\": [3.0, 4.0]}}");
/// # server.handle_eof(now, id);
/// # while server.step(now, 100) == Busy::Yes {}
/// # let reply = String::from_utf8_lossy(server.transmit(id));
/// # assert!(reply.contains("Converged"), "{reply}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Warm starts: one-shot connections share one state per problem, a kept-open connection has its own states. A
/// solve starts from the state at the moment it is taken from the queue, and stores it as
/// [`ProblemSolver::store_warm_start`](labwire_solve::ProblemSolver::store_warm_start) does.
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

struct Loaded {
    problem: Arc<AnyProblem>,
    shared_start: Start,
    /// Memory of a solver, in bytes, and of its sensitivities.
    solver_bytes: usize,
    sensitivities_bytes: usize,
    /// Number of numbers in a reply, at most: without sensitivities, and with them.
    reply_numbers: [usize; 2],
}

impl fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Loaded")
            .field("problem", &self.problem.name())
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Queued {
    from: ConnectionId,
    task: Task,
}

#[derive(Debug)]
enum Task {
    Solve(Waiting),
    #[cfg(feature = "problems")]
    Load(alloc::string::String),
}

/// Solve that has not begun.
#[derive(Debug)]
struct Waiting {
    kept_open: bool,
    problem: usize,
    request: RunRequest,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    from: ConnectionId,
    is_cancelled: Arc<AtomicBool>,
}

impl OptimizerService {
    /// Creates a service that solves `problem` (and others that are added or loaded).
    pub fn new(
        problem: impl ParametricProblem + Send + Sync + 'static,
        config: OptimizerSettings,
    ) -> Result<Self, SolverError> {
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
    pub fn add_problem(
        &mut self,
        problem: impl ParametricProblem + Send + Sync + 'static,
    ) -> Result<(), SolverError> {
        let problem: Arc<AnyProblem> = Arc::new(problem);
        let solver = solvers::new(&problem, self.config.solve_time)?;
        self.add_solver(solver);
        Ok(())
    }

    /// Adds the problem of `solver`.
    fn add_solver(&mut self, solver: AnySolver) {
        let problem = solver.problem().clone();
        let loaded = Loaded {
            shared_start: problem.start(),
            solver_bytes: solver.memory_bytes(),
            sensitivities_bytes: solver.sensitivities_bytes(),
            reply_numbers: reply_numbers(&*problem),
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

    /// Names of the problems, that of the default one first.
    pub fn problem_names(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(|loaded| loaded.problem.name())
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
        self.problem_names().position(|known| known == name)
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
        Ok(Task::Solve(Waiting {
            deadline: deadline(now, &request)?,
            kept_open,
            problem,
            request,
        }))
    }

    fn unknown_problem(&self, name: &str) -> ErrorReply {
        let names: Vec<_> = self.problem_names().map(|name| format!("`{name}`")).collect();
        let message = format!("no problem `{name}` is loaded; there is {}", names.join(", "));
        ErrorReply::new(code::UNKNOWN_PROBLEM, message)
    }

    /// Makes a task a job.
    fn begin(&mut self, now: Instant, queued: Queued) -> Result<OptimizerJob, ErrorReply> {
        let from = queued.from;
        let work = match queued.task {
            #[cfg(feature = "problems")]
            Task::Load(text) => Work::Load(Box::new(Load::new(text, self.config.clone()))),
            Task::Solve(waiting) => Work::Solve(Box::new(self.begin_solve(now, from, &waiting)?)),
        };
        Ok(OptimizerJob {
            from,
            is_cancelled: Arc::default(),
            work,
        })
    }

    /// Begins a solve from the state of its connection or problem at this moment.
    fn begin_solve(
        &mut self,
        now: Instant,
        from: ConnectionId,
        waiting: &Waiting,
    ) -> Result<Solve, ErrorReply> {
        let Waiting {
            kept_open,
            problem,
            deadline,
            request,
        } = waiting;
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Err(too_late());
        }
        let loaded = &self.problems[*problem];
        let asks_sensitivities = request.sensitivities == Some(true);
        let numbers = loaded.reply_numbers[usize::from(asks_sensitivities)];
        let allowed = [Some(now + self.config.solve_time), *deadline];
        let extra = self.extra(waiting);
        let time_limit = self.config.solve_time;
        let solver = self.solvers.take(&loaded.problem, extra, time_limit);
        let mut solve = Solve {
            kept_open: *kept_open,
            problem_index: *problem,
            solver: solver.map_err(|error| refusal(&error.into()))?,
            warnings: remarks(request),
            sensitivities: match asks_sensitivities {
                true => Asked::Waiting,
                false => Asked::No,
            },
            memory: self.config.solver_memory,
            extra,
            end: allowed.into_iter().flatten().min().unwrap_or(now),
            long: (numbers > LONG_REPLY).then_some(match kept_open {
                true => Style::Line,
                false => Style::Pretty,
            }),
            counting: None,
            reply: None,
        };
        let limit = deadline.map(|deadline| deadline.duration_since(now));
        // The problem may have been replaced while the request waited.
        if let Err(error) = self.start(now, from, &mut solve, request, limit) {
            self.solvers.give_back(solve.solver, extra, true);
            return Err(refusal(&error));
        }
        Ok(solve)
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
            #[cfg(feature = "problems")]
            Task::Load(_) => true,
            Task::Solve(waiting) => {
                let bytes = self.problems[waiting.problem].solver_bytes;
                self.solvers.have_room(bytes.saturating_add(self.extra(waiting)))
            }
        }
    }

    /// Memory of the sensitivities that a request asks for, in bytes; none if they are refused.
    fn extra(&self, waiting: &Waiting) -> usize {
        let bytes = self.problems[waiting.problem].sensitivities_bytes;
        match waiting.request.sensitivities == Some(true) && bytes <= self.config.solver_memory {
            true => bytes,
            false => 0,
        }
    }

    fn forget_running(&mut self, job: &OptimizerJob) {
        self.running
            .retain(|running| !Arc::ptr_eq(&running.is_cancelled, &job.is_cancelled));
    }

    /// Reply to a solve that has ended; `None` if it was cancelled.
    fn finish_solve(
        &mut self,
        now: Instant,
        from: ConnectionId,
        mut solve: Solve,
        is_wanted: bool,
    ) -> Option<Reply> {
        // If the job was cancelled, the solver does not know yet.
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
        self.solvers.give_back(solve.solver, solve.extra, is_current);
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
        let permissions = self.config.permissions(peer);
        Server::new(now, self.config.session.clone(), permissions).with_reply_bounds(self.bounds.clone())
    }

    fn handle_request(&mut self, now: Instant, from: ConnectionId, event: ServerEvent) {
        let task = match event.request {
            Request::Run(request) => self.solve(now, event.kept_open, request),
            #[cfg(feature = "problems")]
            Request::Load(text) => Ok(Task::Load(text.get().into())),
            Request::Kill(_) => {
                self.is_ending = true;
                return self.answer(from, Reply::Killed);
            }
            Request::Ping(number) => return self.answer(from, Reply::Pong(number)),
            // Sessions handle or refuse the others themselves; there is nothing to answer.
            _ => return,
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
        self.forget_running(&job);
        let is_wanted = !job.is_cancelled();
        let reply = match job.work {
            Work::Solve(solve) => self.finish_solve(now, job.from, *solve, is_wanted),
            #[cfg(feature = "problems")]
            Work::Load(load) => is_wanted.then(|| self.finish_load(*load)),
        };
        if let Some(reply) = reply {
            self.answer(job.from, reply);
        }
    }

    fn handle_panic(&mut self, _now: Instant, job: OptimizerJob) -> bool {
        self.forget_running(&job);
        let error = match job.work {
            Work::Solve(solve) => {
                self.solvers.give_back(solve.solver, solve.extra, false);
                reply::failed("the solver, or a function of the problem, panicked")
            }
            #[cfg(feature = "problems")]
            Work::Load(_) => {
                ErrorReply::new(code::INVALID_PROBLEM, "the compilation of the problem panicked")
            }
        };
        self.refuse(job.from, error);
        true
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
fn reply_numbers(problem: &AnyProblem) -> [usize; 2] {
    let rows = problem.num_variables() + problem.num_constraints();
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
        let message = format!(
            "max_solve_time_ms is {}, expected a positive, finite number",
            Compact(limit)
        );
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
