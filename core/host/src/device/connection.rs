//! Shared handle of a device connection.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_channel::{Receiver, Sender};
use labwire_core::device::{
    Cause, Connection, DeviceEvent, Failure, Health, Request, RequestId, Settings, State, Statistics,
};
use labwire_core::framing::until::Until;
use labwire_core::session::{Asker, Misuse};
use labwire_core::time::Instant;

use super::dialer::{Keepalive, TcpDialer};
use crate::clock::Clock;
use crate::connector::{Dial, drive_connector};
use crate::drive::Application;
use crate::remote::RemoteError;
use crate::runtime::Runtime;

/// Number of events buffered for a slow subscriber, which then misses the oldest.
const WAITING_EVENTS: usize = 16;

/// Options of a device connection.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DeviceSettings {
    /// Times and limits of the connection.
    pub settings: Settings,
    /// Keepalive, which detects a device that has disappeared silently.
    pub keepalive: Keepalive,
    /// Seed of the jitter of the back-off. `None`: a different one each time.
    pub seed: Option<u64>,
}

impl DeviceSettings {
    labwire_core::session::setters! {
        with_settings settings: Settings,
        with_keepalive keepalive: Keepalive,
        with_seed seed: u64,
    }
}

/// Self-healing connection to one device. Clones share it; their requests are carried out one at a time, in
/// order.
///
/// Every call may be dropped before it has completed: a request that was not sent is cancelled, one that was
/// sent is seen through, so that no answer goes to the wrong call. After the last clone is dropped,
/// outstanding requests are completed and the connection closes.
#[derive(Debug)]
pub struct DeviceConnection<R> {
    name: Arc<str>,
    commands: Sender<Command>,
    next_ticket: Arc<AtomicU64>,
    bulletin: Bulletin,
    runtime: PhantomData<fn() -> R>,
}

impl<R> Clone for DeviceConnection<R> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            commands: self.commands.clone(),
            next_ticket: self.next_ticket.clone(),
            bulletin: self.bulletin.clone(),
            runtime: PhantomData,
        }
    }
}

/// Status of a device connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceStatus {
    /// State of the connection.
    pub state: State,
    /// Reason why the device is unusable; `None` while it is well.
    pub degraded: Option<Cause>,
    /// Counters.
    pub statistics: Statistics,
}

/// Reason why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The request was attempted and failed.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The request was not accepted.
    #[error(transparent)]
    Refused(#[from] Misuse),
}

impl<R: Runtime> DeviceConnection<R> {
    /// Connects to `address`, `host:port`, now and whenever the connection is lost. The outcome is reported
    /// by [`degraded`](Self::degraded), [`events`](Self::events) and the log.
    pub fn open(address: impl Into<String>, options: DeviceSettings) -> Self {
        let address = address.into();
        let dialer = TcpDialer::<R>::new(address.clone(), options.keepalive);
        Self::over(dialer, address, options)
    }

    /// Connects with `dialer`; the log and errors call the device `name`.
    pub fn over(dialer: impl Dial<R> + 'static, name: impl Into<String>, options: DeviceSettings) -> Self {
        let (commands, receiver) = async_channel::unbounded();
        let bulletin = Bulletin::default();
        let seed = options.seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        let mut connection = Connection::new(options.settings, seed);
        let name = name.into();
        let shared = Arc::from(&*name);
        let mut users = Users {
            name,
            commands: receiver,
            waiting: HashMap::new(),
            bulletin: bulletin.clone(),
        };
        R::spawn(async move {
            drive_connector(&mut connection, &dialer, &mut users, Clock::start()).await;
        });
        Self {
            name: shared,
            commands,
            next_ticket: Arc::default(),
            bulletin,
            runtime: PhantomData,
        }
    }

    /// Sends a message that has no answer, or whose answer [`recv`](Self::recv) takes.
    ///
    /// # Errors
    /// If there is no connection and none can be made, or it is lost before the whole message was handed to
    /// it.
    pub async fn send(&self, message: impl Into<Vec<u8>>) -> Result<(), RemoteError<DeviceError>> {
        self.perform(Request::send(message)).await.map(drop)
    }

    /// Receives the device's next message, which ends with `until`.
    ///
    /// # Errors
    /// If nothing arrives in time, or there is no connection on which it could arrive.
    pub async fn recv(&self, until: Until) -> Result<Vec<u8>, RemoteError<DeviceError>> {
        self.perform(Request::recv(until)).await
    }

    /// Sends a message and returns its answer, which ends with `until`.
    ///
    /// # Errors
    /// If the answer does not arrive, see [`Failure`].
    pub async fn query(
        &self,
        message: impl Into<Vec<u8>>,
        until: Until,
    ) -> Result<Vec<u8>, RemoteError<DeviceError>> {
        self.perform(Request::query(message, until)).await
    }

    /// Performs a request, which may have its own time limit, several steps, or permission to be sent twice.
    ///
    /// # Errors
    /// If the answer does not arrive, see [`Failure`].
    pub async fn perform(&self, request: Request) -> Result<Vec<u8>, RemoteError<DeviceError>> {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
        let (answer, waiting) = async_channel::bounded(1);
        let mut claim = Claim {
            ticket: Some(ticket),
            commands: &self.commands,
        };
        // If the task has ended, the answer's channel reports it below.
        let _ = self.commands.try_send(Command::Submit {
            ticket,
            request,
            answer,
        });
        let result = waiting.recv().await;
        claim.ticket = None;
        let result = result.unwrap_or(Err(Misuse::Closed.into()));
        result.map_err(|error| self.error(error))
    }

    /// Reason why the device is unusable; `None` while it is well.
    #[must_use]
    pub fn degraded(&self) -> Option<Cause> {
        let news = self.bulletin.lock();
        news.degraded.as_ref().map(|(cause, _)| cause.clone())
    }

    /// Events from now on, each delivered once; the first says that the device is degraded, if it is. A slow
    /// subscriber misses the oldest.
    #[must_use]
    pub fn events(&self) -> Receiver<Health> {
        let (sender, receiver) = async_channel::bounded(WAITING_EVENTS);
        let mut news = self.bulletin.lock();
        if let Some((cause, unconfirmed)) = news.degraded.clone() {
            // The new channel has room for the first event.
            let _ = sender.try_send(Health::Degraded { cause, unconfirmed });
        }
        news.subscribers.push(sender);
        receiver
    }

    /// Messages that the device sends unasked, from now on; see [`DeviceEvent::Unasked`]. A slow subscriber
    /// misses the oldest.
    #[must_use]
    pub fn unasked(&self) -> Receiver<Vec<u8>> {
        let (sender, receiver) = async_channel::bounded(WAITING_EVENTS);
        self.bulletin.lock().listeners.push(sender);
        receiver
    }

    /// Current status of the connection.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn status(&self) -> Result<DeviceStatus, RemoteError<DeviceError>> {
        let (sender, status) = async_channel::bounded(1);
        // If the task has ended, the answer's channel reports it below.
        let _ = self.commands.try_send(Command::Status(sender));
        status.recv().await.map_err(|_| self.error(Misuse::Closed.into()))
    }

    fn error(&self, error: DeviceError) -> RemoteError<DeviceError> {
        RemoteError {
            remote: self.name.to_string(),
            error,
        }
    }
}

type Answer = Sender<Result<Vec<u8>, DeviceError>>;

/// Commands from the handles to the task that owns the connection.
enum Command {
    Submit {
        ticket: u64,
        request: Request,
        answer: Answer,
    },
    Cancel(u64),
    Status(Sender<DeviceStatus>),
}

/// Cancels a call that is dropped before it has completed.
struct Claim<'a> {
    ticket: Option<u64>,
    commands: &'a Sender<Command>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            // If the task has ended, there is nothing to cancel.
            let _ = self.commands.try_send(Command::Cancel(ticket));
        }
    }
}

/// Users of the connection, as its task sees them.
struct Users {
    name: String,
    commands: Receiver<Command>,
    waiting: HashMap<RequestId, (u64, Answer)>,
    bulletin: Bulletin,
}

impl Users {
    fn submit(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        ticket: u64,
        request: Request,
        answer: Answer,
    ) {
        if answer.is_closed() {
            return;
        }
        match connection.request(now, &request) {
            Ok(id) => {
                self.waiting.insert(id, (ticket, answer));
            }
            // A caller that is gone needs no answer, here and below.
            Err(error) => drop(answer.try_send(Err(error.into()))),
        }
    }

    fn cancel(&mut self, now: Instant, connection: &mut Connection, ticket: u64) {
        let found = self.waiting.iter().find(|(_, waiting)| waiting.0 == ticket);
        if let Some((&id, _)) = found {
            self.waiting.remove(&id);
            connection.cancel(now, id);
        }
    }

    fn report(&self, health: Health) {
        let degraded = match &health {
            Health::Degraded { cause, unconfirmed } => {
                tracing::warn!(device = self.name, %cause, unconfirmed, "device degraded");
                Some((cause.clone(), *unconfirmed))
            }
            Health::Restored { after } => {
                tracing::info!(device = self.name, ?after, "device restored");
                None
            }
        };
        let mut news = self.bulletin.lock();
        news.degraded = degraded;
        // A slow subscriber misses the oldest event; one that is gone is removed.
        news.subscribers
            .retain(|subscriber| subscriber.force_send(health.clone()).is_ok());
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        let mut news = self.bulletin.lock();
        news.subscribers.clear();
        news.listeners.clear();
    }
}

/// State visible to all users.
#[derive(Clone, Debug, Default)]
struct Bulletin(Arc<Mutex<News>>);

#[derive(Debug, Default)]
struct News {
    /// Cause, and number of unconfirmed sends.
    degraded: Option<(Cause, u32)>,
    subscribers: Vec<Sender<Health>>,
    listeners: Vec<Sender<Vec<u8>>>,
}

impl Bulletin {
    fn lock(&self) -> MutexGuard<'_, News> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Application<Connection> for Users {
    type Command = Command;

    async fn next_command(&mut self) -> Option<Command> {
        self.commands.recv().await.ok()
    }

    fn apply(&mut self, now: Instant, connection: &mut Connection, command: Command) {
        match command {
            Command::Submit {
                ticket,
                request,
                answer,
            } => self.submit(now, connection, ticket, request, answer),
            Command::Cancel(ticket) => self.cancel(now, connection, ticket),
            Command::Status(sender) => {
                let _ = sender.try_send(DeviceStatus {
                    state: connection.state(),
                    degraded: connection.degraded().cloned(),
                    statistics: connection.statistics().clone(),
                });
            }
        }
    }

    async fn handle_event(&mut self, event: DeviceEvent) {
        match event {
            DeviceEvent::Health(health) => self.report(health),
            DeviceEvent::Unasked(bytes) => {
                tracing::debug!(device = self.name, bytes = %bytes.escape_ascii(), "sent unasked");
                let mut news = self.bulletin.lock();
                news.listeners
                    .retain(|listener| listener.force_send(bytes.clone()).is_ok());
            }
            DeviceEvent::Finished { id, result } => {
                if let Some((_, answer)) = self.waiting.remove(&id) {
                    let _ = answer.try_send(result.map_err(DeviceError::from));
                }
            }
        }
    }
}
