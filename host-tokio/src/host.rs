//! A service and everything attached to it.

mod connection;
mod service_task;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use labwire_core::limits::HostLimits;
use labwire_core::service::{ConnectionId, Service};
use labwire_core::session::{ServerSession, Session};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::pool::Pool;
use crate::transport::Transport;
use connection::Connection;
use service_task::{Input, ServiceTask};

/// A service whose parts may move between threads: what a [`Host`] can run.
pub trait HostedService:
    Service<
        Session: ServerSession<Event: Send + 'static, Reply: Send + 'static> + Send + 'static,
        Job: Send + 'static,
    > + Send
    + 'static
{
}

impl<S> HostedService for S where
    S: Service<
            Session: ServerSession<Event: Send + 'static, Reply: Send + 'static> + Send + 'static,
            Job: Send + 'static,
        > + Send
        + 'static
{
}

type Request<S> = <<S as Service>::Session as Session>::Event;
type Reply<S> = <<S as Service>::Session as ServerSession>::Reply;

/// How many requests of all connections may wait for the service to look at them, which takes it a moment each.
const WAITING_REQUESTS: usize = 256;
/// Runs one service for any number of connections, over whatever they come.
///
/// One task owns the service; each connection is a task of its own. Work that is not done in a moment moves to
/// threads, where it takes turns.
pub struct Host<S: HostedService> {
    name: &'static str,
    clock: Clock,
    limits: HostLimits,
    inputs: mpsc::Sender<Input<S>>,
    next_connection: AtomicU64,
    admitted: Arc<Mutex<HashMap<IpAddr, usize>>>,
    connections: TaskTracker,
    tokens: Tokens,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone, Default)]
struct Tokens {
    /// Take nothing new, finish what runs.
    shutdown: CancellationToken,
    /// Drop the connections that are left.
    cut: CancellationToken,
    /// The service wants to end.
    finished: CancellationToken,
    /// The service's task ends.
    stop: CancellationToken,
}

/// Why a connection was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The limit `connections`.
    #[error("limit connections reached")]
    Connections,
    /// The limit `connections-per-peer`.
    #[error("limit connections-per-peer reached")]
    ConnectionsPerPeer,
    /// The host is shutting down.
    #[error("shutting down")]
    ShuttingDown,
}

impl<S: HostedService> Host<S> {
    /// Starts a service. `name` is what the log calls it.
    pub fn start(name: &'static str, service: S, limits: HostLimits) -> Self {
        let clock = Clock::start();
        let tokens = Tokens::default();
        let (inputs, receiver) = mpsc::channel(WAITING_REQUESTS);
        let (sender, finished_jobs) = mpsc::unbounded_channel();
        let task = ServiceTask {
            service,
            clock,
            inputs: receiver,
            outputs: HashMap::new(),
            pool: Pool::new(clock, limits.workers, sender),
            finished_jobs,
            running: 0,
            max_running: limits.jobs.max(1),
            tokens: tokens.clone(),
        };
        Self {
            name,
            clock,
            limits,
            inputs,
            next_connection: AtomicU64::new(0),
            admitted: Arc::default(),
            connections: TaskTracker::new(),
            tokens,
            task: Mutex::new(Some(tokio::spawn(task.run()))),
        }
    }

    /// Attaches a connection that comes from `address`; from then on it runs by itself.
    ///
    /// # Errors
    /// When a limit is reached; the transport is dropped.
    pub fn attach<T: Transport + 'static>(&self, transport: T, address: SocketAddr) -> Result<(), Refused> {
        let permit = self.admit(address.ip().to_canonical())?;
        let connection = Connection {
            host: self.name,
            id: ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed)),
            address,
            clock: self.clock,
            inputs: self.inputs.clone(),
            tokens: self.tokens.clone(),
        };
        self.connections.spawn(async move {
            connection.run(transport).await;
            drop(permit);
        });
        Ok(())
    }

    /// Returns when the service wants to end.
    pub async fn finished(&self) {
        self.tokens.finished.cancelled().await;
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Takes nothing new, waits until what runs has been answered, but no longer than the limit `grace-time`, and ends
    /// the service. How many connections had to be cut.
    pub async fn shutdown(&self) -> usize {
        self.tokens.shutdown.cancel();
        self.connections.close();
        let mut cut = 0;
        if tokio::time::timeout(self.limits.grace_time, self.connections.wait())
            .await
            .is_err()
        {
            cut = self.connections.len();
            self.tokens.cut.cancel();
            self.connections.wait().await;
        }
        self.tokens.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(service = self.name, %error, "service failed");
        }
        cut
    }

    fn admit(&self, peer: IpAddr) -> Result<Permit, Refused> {
        if self.tokens.shutdown.is_cancelled() {
            return Err(Refused::ShuttingDown);
        }
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        if admitted.values().sum::<usize>() >= self.limits.connections {
            return Err(Refused::Connections);
        }
        let from_peer = admitted.entry(peer).or_default();
        if *from_peer >= self.limits.connections_per_peer {
            return Err(Refused::ConnectionsPerPeer);
        }
        *from_peer += 1;
        let admitted = self.admitted.clone();
        Ok(Permit { peer, admitted })
    }
}

impl<S: HostedService> Drop for Host<S> {
    /// What was not shut down is cut.
    fn drop(&mut self) {
        self.tokens.cut.cancel();
        self.tokens.stop.cancel();
    }
}

/// Counts a connection while it lives.
struct Permit {
    peer: IpAddr,
    admitted: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = admitted.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                admitted.remove(&self.peer);
            }
        }
    }
}
