//! Pump between a service and its sessions.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use core::fmt;

use labwire_session::time::Instant;
use labwire_session::{CloseReason, Event, Responder, Session, TransmitState};

use super::{Busy, ConnectionId, Job, Peer, Service};

/// Service with the sessions of its connections: bytes and time in, bytes out, without I/O.
///
/// The host numbers its connections; the methods have the names of [`Session`]'s. Requests go to the service and replies
/// to their session within each call, so that the state is up to date afterwards: after any call that takes `now`,
/// [`transmit`](Endpoint::transmit) of any connection and [`poll_timeout`](Endpoint::poll_timeout) may have changed. [`step`](Endpoint::step) does long work, on the caller's thread, one job after the other.
///
/// A connection lasts from [`open`](Endpoint::open) to [`handle_disconnect`](Endpoint::handle_disconnect). Before and
/// after that it is unknown: calls for it have no effect, it has no bytes to send, and it counts as drained. Memory is
/// bounded by the limits of the service, for each connection and for waiting work; the host limits their number.
///
/// ```
/// use labwire_session::time::Instant;
/// use labwire_service::{Busy, ConnectionId, Endpoint, Peer, Permission, importer};
/// use labwire_protocols::zeiss::{Limits, Outcome, Transport};
///
/// let import = |_: &_| Outcome::Failed;
/// let mut server = Endpoint::new(importer::service(Transport::Tcp, Limits::default(), Permission::Local, import));
/// let (now, id) = (Instant::ZERO, ConnectionId(1));
/// server.open(now, id, Peer::LOCAL)?;
/// server.handle_input(now, id, b"nonsense\x04");
/// while server.step(now, 1000) == Busy::Yes {}
/// assert!(server.transmit(id).starts_with(b"Error"));
/// # Ok::<(), labwire_service::ConnectionInUse>(())
/// ```
pub struct Endpoint<S: Service> {
    service: S,
    connections: BTreeMap<ConnectionId, Connection<S::Session>>,
    job: Option<S::Job>,
    is_job_done: bool,
    is_shutting_down: bool,
}

struct Connection<T> {
    session: T,
    /// Reason why it has closed, once it has; the service has then been told.
    reason: Option<CloseReason>,
}

/// The number passed to [`Endpoint::open`] belongs to an open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection {} is open already: expected a number that no connection has", .0.0)]
#[non_exhaustive]
pub struct ConnectionInUse(pub ConnectionId);

impl<S: Service> Endpoint<S> {
    /// Creates an endpoint without connections.
    pub fn new(service: S) -> Self {
        Self {
            service,
            connections: BTreeMap::new(),
            job: None,
            is_job_done: false,
            is_shutting_down: false,
        }
    }

    /// The service.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// The service, for the host's own requests. The next call that takes `now` delivers their replies.
    pub fn service_mut(&mut self) -> &mut S {
        &mut self.service
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// If `id` belongs to an open connection, which is not affected.
    pub fn open(&mut self, now: Instant, id: ConnectionId, peer: Peer) -> Result<(), ConnectionInUse> {
        let Entry::Vacant(entry) = self.connections.entry(id) else {
            return Err(ConnectionInUse(id));
        };
        let mut session = self.service.open_session(now, peer);
        if self.is_shutting_down {
            session.handle_shutdown(now);
        }
        entry.insert(Connection {
            session,
            reason: None,
        });
        self.pump(now, Some(id));
        Ok(())
    }

    /// Takes bytes from the peer, all of them. Must not be called while [`wants_input`](Endpoint::wants_input) is false.
    pub fn handle_input(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) {
        self.change(now, id, |session| session.handle_input(now, bytes));
    }

    /// Reports that the peer has closed its sending side.
    pub fn handle_eof(&mut self, now: Instant, id: ConnectionId) {
        self.change(now, id, |session| session.handle_eof(now));
        let connection = self.connections.get(&id);
        if connection.is_some_and(|it| it.reason.is_none()) {
            self.service.handle_eof(now, id);
        }
    }

    /// Reports that the transport has failed: nothing more can be read or written.
    pub fn handle_lost(&mut self, now: Instant, id: ConnectionId) {
        self.change(now, id, |session| session.handle_lost(now));
    }

    /// Reports that the host has dropped the transport, because the connection [is drained](Endpoint::is_drained) or for
    /// its own `reason`, and removes the session. Returns the reason that the service was told: that of the session if
    /// it has closed, else `reason`; `None` for an unknown connection.
    pub fn handle_disconnect(
        &mut self,
        now: Instant,
        id: ConnectionId,
        reason: CloseReason,
    ) -> Option<CloseReason> {
        let connection = self.connections.remove(&id)?;
        let told = connection.reason.is_some();
        let reason = connection.reason.unwrap_or(reason);
        if !told {
            self.service.handle_disconnect(now, id, &reason);
        }
        self.pump(now, None);
        Some(reason)
    }

    /// Reports that time has passed. A call before [`poll_timeout`](Endpoint::poll_timeout) is due does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.service.handle_timeout(now);
        self.change_all(now, |session| session.handle_timeout(now));
    }

    /// Asks the service and its sessions to end: requests in progress are still answered, new ones refused, and new
    /// connections end at once.
    pub fn handle_shutdown(&mut self, now: Instant) {
        self.is_shutting_down = true;
        self.service.handle_shutdown(now);
        self.change_all(now, |session| session.handle_shutdown(now));
    }

    /// Does a bounded amount of long work, with `fuel` as in [`Job::step`]. Returns [`Busy::No`] if nothing is waiting.
    /// Work that [may block](Job::may_block) blocks the caller.
    pub fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        if self.is_job_done {
            // Only now is the end of the job's last step known.
            if let Some(job) = self.job.take() {
                self.service.finish_job(now, job);
            }
            self.is_job_done = false;
        }
        self.pump(now, None);
        if self.job.is_none() {
            self.job = self.service.take_job(now);
            // A service may answer instead of making a job.
            self.pump(now, None);
        }
        let Some(job) = &mut self.job else {
            return Busy::No;
        };
        self.is_job_done = job.step(now, fuel) == Busy::No;
        Busy::Yes
    }

    /// Time at which [`handle_timeout`](Endpoint::handle_timeout) is due: the earliest of the service and all sessions,
    /// each of which is asked.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let service = self.service.poll_timeout().map(|(due, _)| due);
        let sessions = self.connections.values();
        let sessions = sessions.filter_map(|connection| Some(connection.session.poll_timeout()?.0));
        sessions.chain(service).min()
    }

    /// Open connections, in the order of their numbers.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.connections.keys().copied()
    }

    /// Whether the connection accepts more input now. While it does not, the host stops reading.
    pub fn wants_input(&self, id: ConnectionId) -> bool {
        self.session(id).is_some_and(Session::wants_input)
    }

    /// Bytes to be sent; more may follow.
    pub fn transmit(&self, id: ConnectionId) -> &[u8] {
        self.session(id).map_or(&[], Session::transmit)
    }

    /// Reports that the first `count` bytes of [`transmit`](Endpoint::transmit) were handed to the transport.
    pub fn transmitted(&mut self, now: Instant, id: ConnectionId, count: usize) {
        self.change(now, id, |session| session.transmitted(now, count));
    }

    /// State of the sending side once [`transmit`](Endpoint::transmit) is empty; [`TransmitState::Abort`] for an unknown
    /// connection.
    pub fn transmit_state(&self, id: ConnectionId) -> TransmitState {
        self.session(id)
            .map_or(TransmitState::Abort, Session::transmit_state)
    }

    /// Reason why the connection has closed for the service, once it has; its last bytes may still be on their way.
    pub fn close_reason(&self, id: ConnectionId) -> Option<&CloseReason> {
        self.connections.get(&id)?.reason.as_ref()
    }

    /// Whether nothing is left to do: the host then drops the transport and calls
    /// [`handle_disconnect`](Endpoint::handle_disconnect).
    pub fn is_drained(&self, id: ConnectionId) -> bool {
        self.session(id).is_none_or(Session::is_drained)
    }

    fn session(&self, id: ConnectionId) -> Option<&S::Session> {
        self.connections.get(&id).map(|connection| &connection.session)
    }

    fn change(&mut self, now: Instant, id: ConnectionId, change: impl FnOnce(&mut S::Session)) {
        if let Some(connection) = self.connections.get_mut(&id) {
            change(&mut connection.session);
        }
        self.pump(now, Some(id));
    }

    fn change_all(&mut self, now: Instant, mut change: impl FnMut(&mut S::Session)) {
        let mut next = self.connections.keys().next().copied();
        while let Some(id) = next {
            self.change(now, id, &mut change);
            next = self.connections.range(id..).nth(1).map(|(id, _)| *id);
        }
        self.pump(now, None);
    }

    /// Moves events of `changed` to the service and replies to their sessions, until nothing moves.
    fn pump(&mut self, now: Instant, changed: Option<ConnectionId>) {
        let mut changed = changed.or_else(|| self.deliver(now));
        while let Some(id) = changed {
            self.take_events(now, id);
            changed = self.deliver(now);
        }
    }

    fn take_events(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        while let Some(event) = connection.session.poll_event() {
            match event {
                Event::Application(request) => self.service.handle_request(now, id, request),
                Event::Closed(reason) => {
                    self.service.handle_disconnect(now, id, &reason);
                    connection.reason = Some(reason);
                }
            }
        }
    }

    /// Gives the next reply to its session; replies for unknown connections are dropped.
    fn deliver(&mut self, now: Instant) -> Option<ConnectionId> {
        while let Some((to, reply)) = self.service.poll_reply() {
            if let Some(connection) = self.connections.get_mut(&to) {
                connection.session.reply(now, reply);
                return Some(to);
            }
        }
        None
    }
}

impl<S: Service + fmt::Debug> fmt::Debug for Endpoint<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Endpoint")
            .field("service", &self.service)
            .field("connections", &self.connections.len())
            .field("is_working", &self.job.is_some())
            .finish_non_exhaustive()
    }
}
