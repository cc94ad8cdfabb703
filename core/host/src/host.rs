//! Service with its connections.

mod connection;
mod service_task;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_channel::{Receiver, Sender, bounded};
use labwire_core::limits::HostLimits;
use labwire_core::service::{ConnectionId, Service};
use labwire_core::session::{Responder, Session};
use labwire_core::time::Instant;

use crate::admission::{Admission, Peers, Refused};
use crate::clock::Clock;
use crate::memory::Memory;
use crate::pool::Pool;
use crate::runtime::{Runtime, Transport, timeout};
use crate::sampled::Sampled;
use crate::signal::Signal;
use connection::Connection;
use service_task::{Input, ServiceTask, SetOnDrop};

/// Service whose parts may move between threads, as a [`Host`] requires.
pub trait HostedService:
    Service<
        Session: Responder<Event: Send + 'static, Reply: Send + 'static> + Send + 'static,
        Job: Send + 'static,
    > + Send
    + 'static
{
}

impl<S> HostedService for S where
    S: Service<
            Session: Responder<Event: Send + 'static, Reply: Send + 'static> + Send + 'static,
            Job: Send + 'static,
        > + Send
        + 'static
{
}

type Request<S> = <<S as Service>::Session as Session>::Event;
type Reply<S> = <<S as Service>::Session as Responder>::Reply;

/// Number of inputs, over all connections, that may be queued for the service.
const WAITING_INPUTS: usize = 256;

/// Host of one service for any number of connections over any transports.
///
/// One task owns the service; each connection has its own task. Work that takes longer moves to a pool of
/// threads, where jobs take turns.
pub struct Host<S: HostedService, R> {
    name: &'static str,
    clock: Clock,
    limits: HostLimits,
    memory: Memory,
    /// Whether one of the connections parses a long message.
    is_parsing: Arc<AtomicBool>,
    inputs: Sender<Input<S>>,
    next_connection: AtomicU64,
    admission: Admission,
    peers: Peers,
    signals: Signals,
    work: Arc<Work>,
    runtime: PhantomData<fn() -> R>,
}

impl<S: HostedService, R> std::fmt::Debug for Host<S, R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Host")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Counters of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Number of open connections.
    pub connections: usize,
    /// Number of connections accepted.
    pub accepted: u64,
    /// Number of connections refused at a limit.
    pub refused: u64,
    /// Number of requests that reached the service.
    pub requests: u64,
    /// Number of jobs started.
    pub jobs: u64,
    /// Number of jobs in progress.
    pub running: u64,
}

/// Counters of the service's task.
#[derive(Debug, Default)]
struct Work {
    requests: AtomicU64,
    jobs: AtomicU64,
    running: AtomicU64,
}

#[derive(Clone, Default)]
struct Signals {
    /// Accept nothing new, finish what is in progress.
    shutdown: Signal,
    /// Drop the remaining connections.
    cut: Signal,
    /// The service wants to end.
    finished: Signal,
    /// The service's task has ended, and the service is dropped.
    ended: Signal,
}

impl<S: HostedService, R: Runtime> Host<S, R> {
    /// Starts a service with memory of its own. `name` identifies it in the log.
    pub fn start(name: &'static str, service: S, limits: HostLimits) -> Self {
        let memory = Memory::new(limits.memory);
        Self::start_sharing(name, service, limits, &memory)
    }

    /// Starts a service that shares `memory` with others; the limit `memory` has no effect.
    pub fn start_sharing(name: &'static str, service: S, limits: HostLimits, memory: &Memory) -> Self {
        let clock = Clock::start();
        let signals = Signals::default();
        let (sender, inputs) = bounded(WAITING_INPUTS);
        let jobs = sender.clone();
        let work = Arc::<Work>::default();
        let task = ServiceTask {
            service,
            clock,
            inputs,
            outputs: HashMap::new(),
            running: 0,
            max_running: limits.jobs.max(1),
            // If the service has ended, nobody waits for the job.
            pool: Pool::new(clock, limits.workers, move |job, end| {
                drop(jobs.send_blocking(Input::Finished(job, end)))
            }),
            signals: signals.clone(),
            work: work.clone(),
            name,
            remarks: Sampled::new(),
            _ended: SetOnDrop(signals.ended.clone()),
        };
        R::spawn(task.run::<R>());
        Self {
            name,
            clock,
            peers: limits.peers.clone().into(),
            limits,
            memory: memory.clone(),
            is_parsing: Arc::default(),
            inputs: sender,
            next_connection: AtomicU64::new(0),
            admission: Admission::default(),
            signals,
            work,
            runtime: PhantomData,
        }
    }

    /// Name in the log.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Checks whether a connection from `address` would be accepted now.
    ///
    /// # Errors
    /// If it would not.
    pub fn admits(&self, address: SocketAddr) -> Result<(), Refused> {
        if self.signals.shutdown.is_set() || self.signals.finished.is_set() {
            return Err(Refused::ShuttingDown);
        }
        self.admission.check(address.ip().to_canonical(), &self.limits)
    }

    /// List of the peers whose connections [`serve`](crate::serve) accepts; at first the limit `peers`.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Attaches a connection to `address`, made by either side, which then runs on its own task.
    ///
    /// # Errors
    /// If a limit is reached; the transport is dropped.
    pub fn attach<T: Transport<R> + 'static>(
        &self,
        transport: T,
        address: SocketAddr,
    ) -> Result<Attached, Refused> {
        if self.signals.shutdown.is_set() {
            return Err(Refused::ShuttingDown);
        }
        let permit = self.admission.admit(address.ip().to_canonical(), &self.limits)?;
        let connection = Connection {
            host: self.name,
            id: ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed)),
            address,
            clock: self.clock,
            inputs: self.inputs.clone(),
            signals: self.signals.clone(),
            memory: self.memory.clone(),
            is_parsing: self.is_parsing.clone(),
        };
        let (ending, ended) = bounded(1);
        R::spawn(async move {
            connection.run::<T, R>(transport).await;
            drop(permit);
            drop(ending);
        });
        Ok(Attached { ended })
    }

    /// Runs `f` on the service, between its other work. Returns its result, or `None` if the service has
    /// ended.
    pub async fn call<O: Send + 'static>(
        &self,
        f: impl FnOnce(&mut S, Instant) -> O + Send + 'static,
    ) -> Option<O> {
        let (sender, output) = bounded(1);
        let call = move |service: &mut S, now: Instant| {
            // The caller may have stopped waiting.
            let _ = sender.try_send(f(service, now));
        };
        self.inputs.send(Input::Call(Box::new(call))).await.ok()?;
        output.recv().await.ok()
    }

    /// Returns once the service wants to end.
    pub async fn finished(&self) {
        self.signals.finished.wait().await;
    }

    /// Number of open connections.
    pub fn connections(&self) -> usize {
        self.admission.count()
    }

    /// Current counters.
    pub fn statistics(&self) -> Statistics {
        let (accepted, refused) = self.admission.totals();
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Statistics {
            connections: self.admission.count(),
            accepted,
            refused,
            requests: count(&self.work.requests),
            jobs: count(&self.work.jobs),
            running: count(&self.work.running),
        }
    }

    /// Accepts nothing new, waits until everything in progress has been answered, at most for the limit
    /// `grace-time`, and ends the service. Returns the number of connections that had to be cut.
    pub async fn shutdown(&self) -> usize {
        self.signals.shutdown.set();
        // An error means that the service has already ended.
        let _ = self.inputs.send(Input::Shutdown).await;
        let mut cut = 0;
        if timeout::<R, _>(self.limits.grace_time, self.admission.empty())
            .await
            .is_none()
        {
            cut = self.admission.count();
            self.signals.cut.set();
            self.admission.empty().await;
        }
        self.inputs.close();
        self.signals.ended.wait().await;
        cut
    }
}

impl<S: HostedService, R> Drop for Host<S, R> {
    /// Cuts the connections of a host that was not shut down.
    fn drop(&mut self) {
        self.signals.cut.set();
        self.inputs.close();
    }
}

/// Handle of an attached connection.
#[derive(Debug)]
pub struct Attached {
    ended: Receiver<()>,
}

impl Attached {
    /// Returns once the connection has ended.
    pub async fn ended(self) {
        // The channel carries no message, only its end.
        let _ = self.ended.recv().await;
    }
}
