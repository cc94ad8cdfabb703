//! A service and everything attached to it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use labwire_core::limits::HostLimits;
use labwire_core::service::{Busy, ConnectionId, Job, Peer, Service};
use labwire_core::session::{ServerSession, Session};
use labwire_core::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::drive::{Application, drive};
use crate::pool::Pool;
use crate::transport::Transport;

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
/// How many replies may wait for one connection to send them. A connection that lets more pile up is ended.
const WAITING_REPLIES: usize = 64;
/// What a job may take on the service's own task before it goes to the threads: less than going there costs others.
const FIRST_TURN: Duration = Duration::from_micros(200);

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

/// What connections tell the service.
enum Input<S: HostedService> {
    Opened {
        id: ConnectionId,
        peer: Peer,
        replies: mpsc::Sender<Reply<S>>,
        session: oneshot::Sender<S::Session>,
    },
    Request(ConnectionId, Request<S>),
    Closed(ConnectionId),
}

/// One connection's task.
struct Connection<S: HostedService> {
    host: &'static str,
    id: ConnectionId,
    address: SocketAddr,
    clock: Clock,
    inputs: mpsc::Sender<Input<S>>,
    tokens: Tokens,
}

impl<S: HostedService> Connection<S> {
    async fn run<T: Transport>(self, transport: T) {
        let (sender, replies) = mpsc::channel(WAITING_REPLIES);
        let (session, opened) = oneshot::channel();
        let is_local = self.address.ip().to_canonical().is_loopback();
        let open = Input::Opened {
            id: self.id,
            peer: if is_local { Peer::LOCAL } else { Peer::REMOTE },
            replies: sender,
            session,
        };
        // The service's task outlives its connections, unless it panicked.
        if self.inputs.send(open).await.is_err() {
            return;
        }
        let Ok(mut session) = opened.await else {
            return;
        };
        let mut client = Client::<S> {
            id: self.id,
            inputs: self.inputs.clone(),
            replies,
        };
        let shutdown = &self.tokens.shutdown;
        let driving = drive(&mut session, transport, &mut client, self.clock, shutdown);
        let start = self.clock.now();
        let driven = self.tokens.cut.run_until_cancelled(driving).await;
        let seconds = self.clock.now().duration_since(start).as_secs_f64();
        let (service, connection, peer) = (self.host, self.id.0, self.address);
        match driven {
            Some(end) => tracing::info!(
                service, connection, %peer, reason = %end.reason, received = end.received, sent = end.sent, seconds,
                "connection closed"
            ),
            None => tracing::info!(service, connection, %peer, reason = "cut", seconds, "connection closed"),
        }
        // As above.
        let _ = self.inputs.send(Input::Closed(self.id)).await;
    }
}

/// The service, as one connection sees it.
struct Client<S: HostedService> {
    id: ConnectionId,
    inputs: mpsc::Sender<Input<S>>,
    replies: mpsc::Receiver<Reply<S>>,
}

impl<S: HostedService> Application<S::Session> for Client<S> {
    type Command = Reply<S>;

    async fn next_command(&mut self) -> Option<Reply<S>> {
        self.replies.recv().await
    }

    fn apply(&mut self, now: Instant, session: &mut S::Session, reply: Reply<S>) {
        session.reply(now, reply);
    }

    async fn handle_event(&mut self, request: Request<S>) {
        // When the service has gone, the replies end as well.
        let _ = self.inputs.send(Input::Request(self.id, request)).await;
    }
}

/// The task that owns the service.
struct ServiceTask<S: HostedService> {
    service: S,
    clock: Clock,
    inputs: mpsc::Receiver<Input<S>>,
    outputs: HashMap<ConnectionId, mpsc::Sender<Reply<S>>>,
    pool: Pool<S::Job>,
    finished_jobs: mpsc::UnboundedReceiver<S::Job>,
    /// Jobs that the pool has.
    running: usize,
    max_running: usize,
    tokens: Tokens,
}

impl<S: HostedService> ServiceTask<S> {
    async fn run(mut self) {
        let tokens = self.tokens.clone();
        // Should the service panic, the process is not to go on without it.
        let _guard = tokens.finished.clone().drop_guard();
        let mut is_shut_down = false;
        loop {
            tokio::select! {
                Some(input) = self.inputs.recv() => self.handle(input),
                Some(job) = self.finished_jobs.recv() => {
                    self.running -= 1;
                    self.service.finish_job(self.clock.now(), job);
                }
                () = tokens.shutdown.cancelled(), if !is_shut_down => {
                    is_shut_down = true;
                    self.service.handle_shutdown(self.clock.now());
                }
                () = tokens.stop.cancelled() => return,
            }
            self.work();
            self.deliver();
            if self.service.is_finished() {
                tokens.finished.cancel();
            }
        }
    }

    fn handle(&mut self, input: Input<S>) {
        let now = self.clock.now();
        match input {
            Input::Opened {
                id,
                peer,
                replies,
                session,
            } => {
                self.outputs.insert(id, replies);
                // A connection that has gone in the meantime says so next.
                let _ = session.send(self.service.open_session(now, peer));
            }
            Input::Request(from, request) => self.service.handle_request(now, from, request),
            Input::Closed(id) => {
                self.outputs.remove(&id);
                self.service.handle_disconnect(now, id);
            }
        }
    }

    fn work(&mut self) {
        while self.running < self.max_running
            && let Some(mut job) = self.service.take_job(self.clock.now())
        {
            match self.first_turn(&mut job) {
                Busy::No => self.service.finish_job(self.clock.now(), job),
                Busy::Yes => {
                    self.running += 1;
                    self.pool.push(job);
                }
            }
        }
    }

    fn first_turn(&self, job: &mut S::Job) -> Busy {
        if job.may_block() {
            return Busy::Yes;
        }
        let start = self.clock.now();
        let (mut now, mut fuel) = (start, 1);
        while now.duration_since(start) < FIRST_TURN {
            if job.step(now, fuel) == Busy::No {
                return Busy::No;
            }
            fuel *= 2;
            now = self.clock.now();
        }
        Busy::Yes
    }

    fn deliver(&mut self) {
        while let Some((to, reply)) = self.service.poll_reply() {
            let Some(output) = self.outputs.get(&to) else {
                continue;
            };
            // Without its sender the connection ends.
            if output.try_send(reply).is_err() {
                self.outputs.remove(&to);
            }
        }
    }
}
