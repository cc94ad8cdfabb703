//! A service and everything attached to it.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_channel::{Receiver, Sender, bounded};
use futures_lite::future::or;
use labwire_core::limits::HostLimits;
use labwire_core::service::{Busy, ConnectionId, Job, Peer, Service};
use labwire_core::session::{ServerSession, Session};
use labwire_core::time::Instant;

use crate::admission::{Admission, Refused};
use crate::clock::Clock;
use crate::drive::{Alarm, Application, Driven, drive};
use crate::pool::Pool;
use crate::runtime::{Runtime, Transport, timeout};
use crate::signal::Signal;

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

/// How much, of all connections, may wait for the service to look at it, which takes it a moment each.
const WAITING_INPUTS: usize = 256;
/// How many replies may wait for one connection to send them. A connection that lets more pile up is ended.
const WAITING_REPLIES: usize = 64;
/// What a job may take on the service's own task before it goes to the threads: less than going there costs others.
const FIRST_TURN: Duration = Duration::from_micros(200);

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
    runtime: PhantomData<fn() -> R>,
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
        let task = ServiceTask {
            service,
            clock,
            inputs,
            outputs: HashMap::new(),
            running: 0,
            max_running: limits.jobs.max(1),
            // Nobody waits for a job when the service has gone.
            pool: Pool::new(clock, limits.workers, move |job| {
                drop(jobs.send_blocking(Input::Finished(job)))
            }),
            signals: signals.clone(),
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
            runtime: PhantomData,
        }
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

/// What the service is told.
enum Input<S: HostedService> {
    Opened {
        id: ConnectionId,
        peer: Peer,
        replies: Sender<Reply<S>>,
        session: Sender<S::Session>,
    },
    Request(ConnectionId, Request<S>),
    Closed(ConnectionId),
    Finished(S::Job),
    Call(Call<S>),
    Shutdown,
}

type Call<S> = Box<dyn FnOnce(&mut S, Instant) + Send>;

/// One connection's task.
struct Connection<S: HostedService> {
    host: &'static str,
    id: ConnectionId,
    address: SocketAddr,
    clock: Clock,
    inputs: Sender<Input<S>>,
    signals: Signals,
}

impl<S: HostedService> Connection<S> {
    async fn run<T: Transport<R>, R: Runtime>(self, transport: T) {
        let (sender, replies) = bounded(WAITING_REPLIES);
        let (session, opened) = bounded(1);
        let open = Input::Opened {
            id: self.id,
            peer: Peer::at(self.address),
            replies: sender,
            session,
        };
        // The service's task outlives its connections, unless it panicked.
        if self.inputs.send(open).await.is_err() {
            return;
        }
        let Ok(mut session) = opened.recv().await else {
            return;
        };
        let mut client = Client::<S> {
            id: self.id,
            inputs: self.inputs.clone(),
            replies,
        };
        let start = self.clock.now();
        let driven = self.drive::<T, R>(&mut session, transport, &mut client).await;
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

    /// `None`: the connection was cut.
    async fn drive<T: Transport<R>, R: Runtime>(
        &self,
        session: &mut S::Session,
        transport: T,
        client: &mut Client<S>,
    ) -> Option<Driven> {
        let shutdown = self.signals.shutdown.wait();
        let driving =
            async { Some(drive::<R, _, _, _>(session, transport, client, self.clock, shutdown).await) };
        let cutting = async {
            self.signals.cut.wait().await;
            None
        };
        or(pin!(cutting), pin!(driving)).await
    }
}

/// The service, as one connection sees it.
struct Client<S: HostedService> {
    id: ConnectionId,
    inputs: Sender<Input<S>>,
    replies: Receiver<Reply<S>>,
}

impl<S: HostedService> Application<S::Session> for Client<S> {
    type Command = Reply<S>;

    async fn next_command(&mut self) -> Option<Reply<S>> {
        self.replies.recv().await.ok()
    }

    fn apply(&mut self, now: Instant, session: &mut S::Session, reply: Reply<S>) {
        session.reply(now, reply);
    }

    async fn handle_event(&mut self, request: Request<S>) {
        // When the service has gone, the replies end as well.
        let _ = self.inputs.send(Input::Request(self.id, request)).await;
    }
}

/// What the service's task waits for.
enum Next<S: HostedService> {
    Input(Input<S>),
    Timeout,
    End,
}

async fn next<S: HostedService, R: Runtime>(inputs: &Receiver<Input<S>>, alarm: &mut Alarm<R>) -> Next<S> {
    let mut input = pin!(inputs.recv());
    poll_fn(|context| match input.as_mut().poll(context) {
        Poll::Ready(Ok(input)) => Poll::Ready(Next::Input(input)),
        Poll::Ready(Err(_)) => Poll::Ready(Next::End),
        Poll::Pending => alarm.poll(context).map(|()| Next::Timeout),
    })
    .await
}

/// The task that owns the service.
struct ServiceTask<S: HostedService> {
    service: S,
    clock: Clock,
    inputs: Receiver<Input<S>>,
    outputs: HashMap<ConnectionId, Sender<Reply<S>>>,
    pool: Pool<S::Job>,
    /// Jobs that the pool has.
    running: usize,
    max_running: usize,
    signals: Signals,
}

impl<S: HostedService> ServiceTask<S> {
    async fn run<R: Runtime>(mut self) {
        let mut alarm = Alarm::<R>::new(self.clock);
        loop {
            alarm.set(self.service.poll_timeout().map(|(due, _)| due));
            match next(&self.inputs, &mut alarm).await {
                Next::Input(input) => self.handle(input),
                Next::Timeout => {}
                Next::End => return,
            }
            // Not only when nothing else happens.
            let now = self.clock.now();
            if self.service.poll_timeout().is_some_and(|(due, _)| due <= now) {
                self.service.handle_timeout(now);
            }
            self.work();
            self.deliver();
            if self.service.is_finished() {
                self.signals.finished.set();
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
                let _ = session.try_send(self.service.open_session(now, peer));
            }
            Input::Request(from, request) => self.service.handle_request(now, from, request),
            Input::Closed(id) => {
                self.outputs.remove(&id);
                self.service.handle_disconnect(now, id);
            }
            Input::Finished(job) => {
                self.running -= 1;
                self.service.finish_job(now, job);
            }
            Input::Call(call) => call(&mut self.service, now),
            Input::Shutdown => self.service.handle_shutdown(now),
        }
    }

    fn work(&mut self) {
        while self.running < self.max_running
            && let Some(mut job) = self.service.take_job(self.clock.now())
        {
            let first_turn = match job.may_block() {
                true => Busy::Yes,
                false => self.first_turn(&mut job),
            };
            match first_turn {
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

impl<S: HostedService> Drop for ServiceTask<S> {
    /// Should the service panic, the process is not to go on without it.
    fn drop(&mut self) {
        self.inputs.close();
        self.signals.finished.set();
        self.signals.ended.set();
    }
}
