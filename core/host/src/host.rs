//! A service and everything attached to it.

mod connection;
mod service_task;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_channel::{Receiver, Sender, bounded};
use labwire_core::limits::HostLimits;
use labwire_core::service::{ConnectionId, Service};
use labwire_core::session::{Responder, Session};
use labwire_core::time::Instant;

use crate::admission::{Admission, Refused};
use crate::clock::Clock;
use crate::pool::Pool;
use crate::runtime::{Runtime, Transport, timeout};
use crate::signal::Signal;
use connection::Connection;
use service_task::{Input, ServiceTask};

/// A service whose parts may move between threads: what a [`Host`] can run.
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

/// How much, of all connections, may wait for the service to look at it, which takes it a moment each.
const WAITING_INPUTS: usize = 256;

/// Runs one service for any number of connections, over whatever they come.
///
/// One task owns the service; each connection is a task of its own. Work that is not done in a moment moves to
/// threads, where it takes turns.
pub struct Host<S: HostedService, R> {
    name: &'static str,
    clock: Clock,
    limits: HostLimits,
    inputs: Sender<Input<S>>,
    next_connection: AtomicU64,
    admission: Admission,
    signals: Signals,
    work: Arc<Work>,
    runtime: PhantomData<fn() -> R>,
}

/// What a host has done and is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections that are open.
    pub connections: usize,
    /// Connections that were taken.
    pub accepted: u64,
    /// Connections that were refused at a limit.
    pub refused: u64,
    /// Requests that reached the service.
    pub requests: u64,
    /// Long work that has begun.
    pub jobs: u64,
    /// Long work that is under way.
    pub running: u64,
}

/// What the service's task counts.
#[derive(Debug, Default)]
struct Work {
    requests: AtomicU64,
    jobs: AtomicU64,
    running: AtomicU64,
}

#[derive(Clone, Default)]
struct Signals {
    /// Take nothing new, finish what runs.
    shutdown: Signal,
    /// Drop the connections that are left.
    cut: Signal,
    /// The service wants to end.
    finished: Signal,
    /// The service's task has ended.
    ended: Signal,
}

impl<S: HostedService, R: Runtime> Host<S, R> {
    /// Starts a service. `name` is what the log calls it.
    pub fn start(name: &'static str, service: S, limits: HostLimits) -> Self {
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
            // Nobody waits for a job when the service has gone.
            pool: Pool::new(clock, limits.workers, move |job, end| {
                drop(jobs.send_blocking(Input::Finished(job, end)))
            }),
            signals: signals.clone(),
            work: work.clone(),
        };
        R::spawn(task.run::<R>());
        Self {
            name,
            clock,
            limits,
            inputs: sender,
            next_connection: AtomicU64::new(0),
            admission: Admission::default(),
            signals,
            work,
            runtime: PhantomData,
        }
    }

    /// What the log calls it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a connection from `address` would be taken now.
    ///
    /// # Errors
    /// When it would not.
    pub fn admits(&self, address: SocketAddr) -> Result<(), Refused> {
        if self.signals.shutdown.is_set() || self.signals.finished.is_set() {
            return Err(Refused::ShuttingDown);
        }
        self.admission.check(address.ip().to_canonical(), &self.limits)
    }

    /// Attaches a connection to `address`, whoever made it; from then on it runs by itself.
    ///
    /// # Errors
    /// When a limit is reached; the transport is dropped.
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
        };
        let (ending, ended) = bounded(1);
        R::spawn(async move {
            connection.run::<T, R>(transport).await;
            drop(permit);
            drop(ending);
        });
        Ok(Attached { ended })
    }

    /// Lets `f` use the service, between its other work; what it returns, or `None` when the service has ended.
    pub async fn call<O: Send + 'static>(
        &self,
        f: impl FnOnce(&mut S, Instant) -> O + Send + 'static,
    ) -> Option<O> {
        let (sender, output) = bounded(1);
        let call = move |service: &mut S, now: Instant| {
            // Who called may have stopped waiting.
            let _ = sender.try_send(f(service, now));
        };
        self.inputs.send(Input::Call(Box::new(call))).await.ok()?;
        output.recv().await.ok()
    }

    /// Returns when the service wants to end.
    pub async fn finished(&self) {
        self.signals.finished.wait().await;
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.admission.count()
    }

    /// What it has done and is doing.
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

    /// Takes nothing new, waits until what runs has been answered, but no longer than the limit `grace-time`, and ends
    /// the service. How many connections had to be cut.
    pub async fn shutdown(&self) -> usize {
        self.signals.shutdown.set();
        // An error: the service has ended already.
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
    /// What was not shut down is cut.
    fn drop(&mut self) {
        self.signals.cut.set();
        self.inputs.close();
    }
}

/// A connection that was attached.
#[derive(Debug)]
pub struct Attached {
    ended: Receiver<()>,
}

impl Attached {
    /// Returns when it has ended.
    pub async fn ended(self) {
        // Nothing is ever sent: its end is the answer.
        let _ = self.ended.recv().await;
    }
}
