//! A small service behind the OpEn protocol, whose work takes as long as a test wants.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{
    ErrorReply, ExitStatus, Permissions, Reply, Request, RunReply, RunRequest, Server, ServerEvent, code,
};
use labwire_core::service::{Busy, ConnectionId, Job, Peer, Service};
use labwire_core::session::CloseReason;
use labwire_core::time::Instant;

/// Service that answers Run with parameter (n) with the harmonic number `1 + 1/2 + ... + 1/n`, one term per unit of
/// fuel. If n is negative, the job panics after so many terms.
#[derive(Debug)]
pub struct Adder {
    limits: SessionLimits,
    started: Arc<AtomicUsize>,
    waiting: VecDeque<Sum>,
    /// Running sums, with the switches that stop them.
    running: Vec<(ConnectionId, Arc<AtomicBool>)>,
    replies: VecDeque<(ConnectionId, Reply)>,
    killers: Vec<ConnectionId>,
    is_shutting_down: bool,
    trap: Option<Arc<Trap>>,
}

/// Point at which a service stops and then panics.
#[derive(Debug, Default)]
pub struct Trap {
    /// Set when the service has reached the trap.
    pub holds: AtomicBool,
    /// Set when the service may continue, to its panic.
    pub is_open: AtomicBool,
}

/// Sum in progress.
#[derive(Debug)]
pub struct Sum {
    from: ConnectionId,
    is_cancelled: Arc<AtomicBool>,
    terms: u64,
    panics: bool,
    next: u64,
    sum: f64,
}

/// The `n`-th harmonic number.
pub fn harmonic(n: u64) -> f64 {
    (1..=n).fold(0.0, |sum, k| sum + 1.0 / k as f64)
}

/// A request for the `n`-th harmonic number.
pub fn request(n: u64) -> Request {
    Request::Run(RunRequest::new(vec![n as f64]))
}

impl Adder {
    /// Creates a service whose sessions have these limits.
    pub fn new(limits: SessionLimits) -> Self {
        Self {
            limits,
            started: Arc::default(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            replies: VecDeque::new(),
            killers: Vec::new(),
            is_shutting_down: false,
            trap: None,
        }
    }

    /// Lets the service walk into the trap when a sum is requested.
    #[must_use]
    pub fn with_trap(self, trap: Arc<Trap>) -> Self {
        Self {
            trap: Some(trap),
            ..self
        }
    }

    /// Counter of sums begun, which keeps counting while the service runs.
    pub fn started(&self) -> Arc<AtomicUsize> {
        self.started.clone()
    }

    fn run(&mut self, from: ConnectionId, run: &RunRequest) {
        if let Some(trap) = &self.trap {
            trap.holds.store(true, Ordering::Relaxed);
            while !trap.is_open.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            panic!("the panic that the test wants");
        }
        let [n] = run.parameter[..] else {
            let error = ErrorReply::new(code::PARAMETERS, "one parameter is expected");
            self.replies.push_back((from, Reply::Error(error)));
            return;
        };
        let is_cancelled = Arc::new(AtomicBool::new(false));
        self.running.push((from, is_cancelled.clone()));
        self.waiting.push_back(Sum {
            from,
            is_cancelled,
            terms: n.abs() as u64,
            panics: n < 0.0,
            next: 1,
            sum: 0.0,
        });
    }

    fn shut_down(&mut self) {
        self.is_shutting_down = true;
        self.answer_killers();
    }

    /// Answers Kill after everything else.
    fn answer_killers(&mut self) {
        if self.running.is_empty() {
            self.replies
                .extend(self.killers.drain(..).map(|from| (from, Reply::Killed)));
        }
    }
}

impl Service for Adder {
    type Session = Server;
    type Job = Sum;

    fn open_session(&mut self, now: Instant, peer: Peer) -> Server {
        let permissions = Permissions {
            kill: peer.is_local,
            load: false,
        };
        Server::new(now, self.limits.clone(), permissions)
    }

    fn handle_request(&mut self, _now: Instant, from: ConnectionId, event: ServerEvent) {
        match event.request {
            Request::Run(_) if self.is_shutting_down => {
                let error = ErrorReply::new(code::SHUTTING_DOWN, "shutting down");
                self.replies.push_back((from, Reply::Error(error)));
            }
            Request::Run(run) => self.run(from, &run),
            _ => {
                self.killers.push(from);
                self.shut_down();
            }
        }
    }

    fn handle_disconnect(&mut self, _now: Instant, from: ConnectionId, _reason: &CloseReason) {
        for (_, is_cancelled) in self.running.iter().filter(|(owner, _)| *owner == from) {
            is_cancelled.store(true, Ordering::Relaxed);
        }
    }

    fn take_job(&mut self, _now: Instant) -> Option<Sum> {
        let sum = self.waiting.pop_front()?;
        self.started.fetch_add(1, Ordering::Relaxed);
        Some(sum)
    }

    fn finish_job(&mut self, _now: Instant, job: Sum) {
        self.running
            .retain(|(_, switch)| !Arc::ptr_eq(switch, &job.is_cancelled));
        let reply = Reply::Run(Box::new(job.reply()));
        self.replies.push_back((job.from, reply));
        self.answer_killers();
    }

    fn handle_panic(&mut self, _now: Instant, job: Sum) -> bool {
        self.running
            .retain(|(_, switch)| !Arc::ptr_eq(switch, &job.is_cancelled));
        let error = ErrorReply::new(code::SOLVER_FAILED, "the sum panicked");
        self.replies.push_back((job.from, Reply::Error(error)));
        self.answer_killers();
        true
    }

    fn poll_reply(&mut self) -> Option<(ConnectionId, Reply)> {
        self.replies.pop_front()
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.shut_down();
    }

    fn is_finished(&self) -> bool {
        self.is_shutting_down && self.running.is_empty()
    }
}

impl Job for Sum {
    fn step(&mut self, _now: Instant, fuel: u32) -> Busy {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return Busy::No;
        }
        let end = self.terms.min(self.next + u64::from(fuel) - 1);
        while self.next <= end {
            self.sum += 1.0 / self.next as f64;
            self.next += 1;
        }
        if self.next > self.terms {
            assert!(!self.panics, "the panic that the test wants");
            Busy::No
        } else {
            Busy::Yes
        }
    }

    fn asker(&self) -> ConnectionId {
        self.from
    }
}

impl Sum {
    fn reply(&self) -> RunReply {
        let mut reply = RunReply::new(ExitStatus::Converged, vec![self.sum]);
        reply.num_outer_iterations = 1;
        reply.num_inner_iterations = self.next - 1;
        reply.last_problem_norm_fpr = 0.0;
        reply.delta_y_norm_over_c = 0.0;
        reply.f2_norm = 0.0;
        reply.solve_time_ms = 0.0;
        reply.penalty = 0.0;
        reply.cost = self.sum;
        reply.max_constraint_violation = 0.0;
        reply.kkt_residual = 0.0;
        reply.evaluations = self.next - 1;
        reply.status = "Converged".into();
        reply
    }
}
