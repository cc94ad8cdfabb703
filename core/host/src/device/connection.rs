//! A device connection as a handle that tasks share.

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
use crate::runtime::Runtime;

/// How many events wait for a subscriber that is slow; then it misses the oldest.
const WAITING_EVENTS: usize = 16;

/// How to connect to a device.
#[derive(Clone, Debug, Default)]
pub struct DeviceOptions {
    /// Times and limits.
    pub settings: Settings,
    /// How a device that has gone without a word is found out.
    pub keepalive: Keepalive,
    /// Decides the jitter of the back-off. None: another every time.
    pub seed: Option<u64>,
}

/// A connection to one device, which heals itself. Clones share it; what they ask is done one at a time, in order.
///
/// Every call may be dropped before it has ended: what was not sent then is not sent, and what was is seen through, so
/// that nobody gets another's answer. When the last clone has gone, what was asked is still done, then it closes.
#[derive(Debug)]
pub struct DeviceConnection<R> {
    commands: Sender<Command>,
    next_ticket: Arc<AtomicU64>,
    bulletin: Bulletin,
    runtime: PhantomData<fn() -> R>,
}

impl<R> Clone for DeviceConnection<R> {
    fn clone(&self) -> Self {
        Self {
            commands: self.commands.clone(),
            next_ticket: self.next_ticket.clone(),
            bulletin: self.bulletin.clone(),
            runtime: PhantomData,
        }
    }
}

/// How a connection does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Where it stands.
    pub state: State,
    /// Why the device is unusable; none while it is well.
    pub degraded: Option<Cause>,
    /// What was counted.
    pub statistics: Statistics,
}

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// It was tried.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It was not taken.
    #[error(transparent)]
    Refused(#[from] Misuse),
}

impl<R: Runtime> DeviceConnection<R> {
    /// Connects to `address`, `host:port`, now and whenever the connection is lost. Whether that succeeds is told by
    /// [`degraded`](Self::degraded), [`events`](Self::events) and the log.
    pub fn open(address: impl Into<String>, options: DeviceOptions) -> Self {
        let address = address.into();
        let dialer = TcpDialer::<R>::new(address.clone(), options.keepalive);
        Self::over(dialer, address, options)
    }

    /// Connects by `dialer`; the log calls the device `name`.
    pub fn over(dialer: impl Dial<R> + 'static, name: impl Into<String>, options: DeviceOptions) -> Self {
        let (commands, receiver) = async_channel::unbounded();
        let bulletin = Bulletin::default();
        let seed = options.seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        let mut connection = Connection::new(options.settings, seed);
        let mut users = Users {
            name: name.into(),
            commands: receiver,
            waiting: HashMap::new(),
            bulletin: bulletin.clone(),
        };
        R::spawn(async move {
            drive_connector(&mut connection, &dialer, &mut users, Clock::start()).await;
        });
        Self {
            commands,
            next_ticket: Arc::default(),
            bulletin,
            runtime: PhantomData,
        }
    }

    /// Sends a message that the device does not answer, or whose answer [`recv`](Self::recv) takes.
    ///
    /// # Errors
    /// When there is no connection and none can be made, or it is lost before all of the message was handed to it.
    pub async fn send(&self, message: impl Into<Vec<u8>>) -> Result<(), DeviceError> {
        self.perform(Request::send(message)).await.map(drop)
    }

    /// What the device says next, up to `until`.
    ///
    /// # Errors
    /// When nothing comes in time, or there is no connection that it could come from.
    pub async fn recv(&self, until: Until) -> Result<Vec<u8>, DeviceError> {
        self.perform(Request::recv(until)).await
    }

    /// Sends a message and gives its answer, which ends with `until`.
    ///
    /// # Errors
    /// When the answer does not come, see [`Failure`].
    pub async fn query(&self, message: impl Into<Vec<u8>>, until: Until) -> Result<Vec<u8>, DeviceError> {
        self.perform(Request::query(message, until)).await
    }

    /// Performs a request, with a time limit of its own, several steps, or leave to be sent twice.
    ///
    /// # Errors
    /// When the answer does not come, see [`Failure`].
    pub async fn perform(&self, request: Request) -> Result<Vec<u8>, DeviceError> {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
        let (answer, waiting) = async_channel::bounded(1);
        let mut claim = Claim {
            ticket: Some(ticket),
            commands: &self.commands,
        };
        // That the task has gone shows below.
        let _ = self.commands.try_send(Command::Submit {
            ticket,
            request,
            answer,
        });
        let result = waiting.recv().await;
        claim.ticket = None;
        result.unwrap_or(Err(Misuse::Closed.into()))
    }

    /// Why the device is unusable; none while it is well.
    pub fn degraded(&self) -> Option<Cause> {
        let news = self.bulletin.lock();
        news.degraded.as_ref().map(|(cause, _)| cause.clone())
    }

    /// Events from now on, each once; the first is that the device is degraded, if it is. A subscriber that lags behind
    /// misses the oldest.
    pub fn events(&self) -> Receiver<Health> {
        let (sender, receiver) = async_channel::bounded(WAITING_EVENTS);
        let mut news = self.bulletin.lock();
        if let Some((cause, unconfirmed)) = news.degraded.clone() {
            // There is room for the first.
            let _ = sender.try_send(Health::Degraded { cause, unconfirmed });
        }
        news.subscribers.push(sender);
        receiver
    }

    /// How the connection does.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub async fn status(&self) -> Result<DeviceStatus, DeviceError> {
        let (sender, status) = async_channel::bounded(1);
        // That the task has gone shows below.
        let _ = self.commands.try_send(Command::Status(sender));
        status.recv().await.map_err(|_| Misuse::Closed.into())
    }
}

type Answer = Sender<Result<Vec<u8>, DeviceError>>;

/// What the handles ask of the task that owns the connection.
enum Command {
    Submit {
        ticket: u64,
        request: Request,
        answer: Answer,
    },
    Cancel(u64),
    Status(Sender<DeviceStatus>),
}

/// Cancels a call that is dropped before its end.
struct Claim<'a> {
    ticket: Option<u64>,
    commands: &'a Sender<Command>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            // Without a task there is nothing to cancel.
            let _ = self.commands.try_send(Command::Cancel(ticket));
        }
    }
}

/// All users of a connection, as it sees them.
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
            // Who has gone needs no answer; so below.
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
        // A subscriber that is slow misses the oldest; one that has gone is forgotten.
        news.subscribers
            .retain(|subscriber| subscriber.force_send(health.clone()).is_ok());
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.bulletin.lock().subscribers.clear();
    }
}

/// What all users may know.
#[derive(Clone, Debug, Default)]
struct Bulletin(Arc<Mutex<News>>);

#[derive(Debug, Default)]
struct News {
    /// Why, and how many sends are unconfirmed.
    degraded: Option<(Cause, u32)>,
    subscribers: Vec<Sender<Health>>,
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
            DeviceEvent::Finished { id, result } => {
                if let Some((_, answer)) = self.waiting.remove(&id) {
                    let _ = answer.try_send(result.map_err(DeviceError::from));
                }
            }
        }
    }
}
