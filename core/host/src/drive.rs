//! Driver loop that moves a session's bytes.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_lite::future::{poll_once, yield_now};
use labwire_core::session::{CloseReason, Event, Session, TransmitState};
use labwire_core::time::Instant;

use crate::clock::Clock;
use crate::memory::{Account, Waits};
use crate::runtime::{Runtime, Timer, Transport};

/// Application behind a session.
pub trait Application<S: Session>: Send {
    /// Command to the session, such as a reply or a request.
    type Command: Send;

    /// The next command; `None`: the application has gone. Not called again after that. May be dropped and called anew
    /// without losing a command.
    fn next_command(&mut self) -> impl Future<Output = Option<Self::Command>> + Send;

    /// Applies a command to the session.
    fn apply(&mut self, now: Instant, session: &mut S, command: Self::Command);

    /// Ends the session once the application has ended. By default outstanding requests are still completed.
    fn leave(&mut self, now: Instant, session: &mut S) {
        session.handle_shutdown(now);
    }

    /// Notes that the peer sends nothing after the events that have been taken. It may still be listening. By default this is
    /// of no interest.
    fn handle_eof(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Takes an event. The connection pauses until the future completes.
    fn handle_event(&mut self, event: S::Event) -> impl Future<Output = ()> + Send;
}

/// Result of driving a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Driven {
    /// Reason why the connection ended.
    pub reason: CloseReason,
    /// Error of the transport, if it failed.
    pub failure: Option<String>,
    /// Number of bytes from the peer.
    pub received: u64,
    /// Number of bytes to the peer.
    pub sent: u64,
}

/// Moves bytes between `session` and `transport`, and commands and events between it and `application`,
/// until nothing is left to do. Once `shutdown` completes, the session is told to finish.
pub async fn drive<R, S, T, A>(
    session: &mut S,
    transport: T,
    application: &mut A,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send,
) -> Driven
where
    R: Runtime,
    S: Session,
    T: Transport<R>,
    A: Application<S>,
{
    drive_within(session, transport, application, clock, shutdown, None).await
}

/// As [`drive`], within what `account` allows.
pub(crate) async fn drive_within<R, S, T, A>(
    session: &mut S,
    transport: T,
    application: &mut A,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send,
    mut account: Option<Account>,
) -> Driven
where
    R: Runtime,
    S: Session,
    T: Transport<R>,
    A: Application<S>,
{
    let mut wire = Wire::new(transport, clock);
    let mut alarm = Alarm::<R>::new(clock);
    let mut shutdown = pin!(shutdown);
    let mut turns = Turns::default();
    let (mut reason, mut course) = (CloseReason::Lost, Course::default());
    if account.is_some() {
        session.handle_room(clock.now(), false);
    }
    loop {
        turns.next().await;
        let now = clock.now();
        handle_due(session, now);
        let waits = match &mut account {
            Some(account) => account.settle(now, session, wire.transport.held()),
            None => Waits::default(),
        };
        wire.must_not_read = waits.input;
        if let Some(why) = deliver(session, application).await {
            reason = why;
        }
        if wire.has_seen_eof && !std::mem::replace(&mut course.has_told_eof, true) {
            application.handle_eof().await;
        }
        if session.is_drained() {
            break;
        }
        let due = session.poll_timeout().map(|(due, _)| due);
        let again = (waits != Waits::default()).then(|| now + ROOM_INTERVAL);
        alarm.set(due.into_iter().chain(again).min());
        let command = (!course.has_no_application).then(|| application.next_command());
        let moved = |context: &mut Context<'_>| wire.poll(context, session).map(Happened::Moved);
        let happened = turns.first_of(command, moved, |context| {
            if !course.is_shut_down && shutdown.as_mut().poll(context).is_ready() {
                return Poll::Ready(Happened::Shutdown);
            }
            alarm.poll(context).map(|()| Happened::Timeout)
        });
        let happened = happened.await;
        course.take(happened, clock.now(), session, application);
    }
    wire.end(session.transmit_state()).await;
    Driven {
        reason,
        failure: course.failure,
        received: wire.received,
        sent: wire.sent,
    }
}

/// Course of a connection.
#[derive(Default)]
struct Course {
    has_no_application: bool,
    has_told_eof: bool,
    is_shut_down: bool,
    failure: Option<String>,
}

impl Course {
    fn take<S: Session, A: Application<S>>(
        &mut self,
        happened: Happened<A::Command>,
        now: Instant,
        session: &mut S,
        application: &mut A,
    ) {
        match happened {
            Happened::Moved(Ok(())) => {}
            Happened::Moved(Err(error)) => {
                tracing::debug!(%error, "transport failed");
                self.failure = Some(error.to_string());
                session.handle_lost(now);
            }
            Happened::Command(Some(command)) => application.apply(now, session, command),
            Happened::Command(None) => {
                self.has_no_application = true;
                application.leave(now, session);
            }
            Happened::Shutdown => {
                self.is_shut_down = true;
                session.handle_shutdown(now);
            }
            Happened::Timeout => session.handle_timeout(now),
        }
    }
}

/// Turns of a loop that waits for commands and for its peer.
#[derive(Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// Begins the next turn. Keeps a busy peer from starving other tasks, on runtimes without cooperative scheduling.
    pub(crate) async fn next(&mut self) {
        self.0 = self.0.wrapping_add(1);
        if self.0.is_multiple_of(TURNS) {
            yield_now().await;
        }
    }

    /// First of three events: the next `command`, one of the peer, any other. Command and peer come first in turns, so that
    /// a peer that never stops does not starve the application, nor the reverse.
    pub(crate) async fn first_of<C, H: From<Option<C>>>(
        &self,
        command: Option<impl Future<Output = Option<C>>>,
        mut peer: impl FnMut(&mut Context<'_>) -> Poll<H>,
        mut otherwise: impl FnMut(&mut Context<'_>) -> Poll<H>,
    ) -> H {
        let mut command = pin!(command);
        let mut command = |context: &mut Context<'_>| match command.as_mut().as_pin_mut() {
            Some(command) => command.poll(context).map(H::from),
            None => Poll::Pending,
        };
        let is_command_first = self.0.is_multiple_of(2);
        poll_fn(|context| {
            if is_command_first && let Poll::Ready(command) = command(context) {
                return Poll::Ready(command);
            }
            if let Poll::Ready(peer) = peer(context) {
                return Poll::Ready(peer);
            }
            if !is_command_first && let Poll::Ready(command) = command(context) {
                return Poll::Ready(command);
            }
            otherwise(context)
        })
        .await
    }
}

/// Handles a timer that is due. By the clock: while bytes move, nobody looks at the alarm.
pub(crate) fn handle_due(session: &mut impl Session, now: Instant) {
    if session.poll_timeout().is_some_and(|(due, _)| due <= now) {
        session.handle_timeout(now);
    }
}

/// Hands all events to the application; the reason, once the session has closed.
pub(crate) async fn deliver<S: Session, A: Application<S>>(
    session: &mut S,
    application: &mut A,
) -> Option<CloseReason> {
    let mut reason = None;
    while let Some(event) = session.poll_event() {
        match event {
            Event::Application(event) => application.handle_event(event).await,
            Event::Closed(why) => reason = Some(why),
        }
    }
    reason
}

/// Event that a connection waits for.
enum Happened<C> {
    /// Bytes were moved, or the transport failed.
    Moved(io::Result<()>),
    Command(Option<C>),
    Shutdown,
    Timeout,
}

impl<C> From<Option<C>> for Happened<C> {
    fn from(command: Option<C>) -> Self {
        Self::Command(command)
    }
}

/// Number of events after which other tasks get a turn.
const TURNS: u32 = 64;
/// Number of writes in a row, when the peer reads as fast as output is produced.
const WRITES: usize = 16;
/// Time after which a connection that waits for memory asks again.
const ROOM_INTERVAL: Duration = Duration::from_millis(20);
const READ_BUFFER_BYTES: usize = 64 << 10;

thread_local! {
    /// Sessions consume their input before anything else runs on the thread, so that all share one buffer
    /// and an idle connection has none.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_BYTES].into());
}

/// Transport, and the progress of its two directions.
pub(crate) struct Wire<T> {
    pub(crate) transport: T,
    clock: Clock,
    is_flushed: bool,
    has_sent_fin: bool,
    has_seen_eof: bool,
    must_not_read: bool,
    received: u64,
    sent: u64,
}

impl<T> Wire<T> {
    pub(crate) fn new(transport: T, clock: Clock) -> Self {
        Self {
            transport,
            clock,
            is_flushed: true,
            has_sent_fin: false,
            has_seen_eof: false,
            must_not_read: false,
            received: 0,
            sent: 0,
        }
    }

    /// Ends the connection of a drained session.
    async fn end<R>(&mut self, state: TransmitState)
    where
        T: Transport<R>,
    {
        if state == TransmitState::Abort {
            self.transport.abort();
        } else if !self.has_sent_fin {
            // On some transports the end is a message of its own, sent if there is room for it.
            let _ = poll_once(poll_fn(|context| self.transport.poll_finish(context))).await;
        }
    }

    /// Moves as many bytes as possible now. Ready if there were any.
    fn poll<R, S>(&mut self, context: &mut Context<'_>, session: &mut S) -> Poll<io::Result<()>>
    where
        T: Transport<R>,
        S: Session,
    {
        let written = self.poll_write(context, session)?;
        let read = self.poll_read(context, session)?;
        if written.is_ready() || read.is_ready() {
            return Poll::Ready(Ok(()));
        }
        match self.has_seen_eof {
            true => self.transport.poll_lost(context).map(Err),
            false if !self.can_read(session) => self.transport.poll_overdue(context).map(Err),
            false => Poll::Pending,
        }
    }

    pub(crate) fn poll_write<R, S>(
        &mut self,
        context: &mut Context<'_>,
        session: &mut S,
    ) -> Poll<io::Result<()>>
    where
        T: Transport<R>,
        S: Session,
    {
        let mut moved = Poll::Pending;
        for _ in 0..WRITES {
            if session.transmit().is_empty() {
                break;
            }
            let bytes = session.transmit();
            match self.transport.poll_write(context, bytes)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(count) => {
                    tracing::trace!(bytes = %bytes[..count].escape_ascii(), "sent");
                    session.transmitted(self.clock.now(), count);
                    self.sent += count as u64;
                    self.is_flushed = false;
                    moved = Poll::Ready(Ok(()));
                }
                Poll::Pending => return moved,
            }
        }
        if !session.transmit().is_empty() {
            return moved;
        }
        if !self.is_flushed && self.transport.poll_flush(context)?.is_ready() {
            self.is_flushed = true;
        }
        let is_finishing = session.transmit_state() != TransmitState::Open;
        if is_finishing && !self.has_sent_fin && self.is_flushed {
            // A peer that has already gone is reported by the reading side.
            if self.transport.poll_finish(context).is_ready() {
                self.has_sent_fin = true;
                moved = Poll::Ready(Ok(()));
            }
        }
        moved
    }

    pub(crate) fn can_read<S: Session>(&self, session: &S) -> bool {
        !self.has_seen_eof && !self.must_not_read && session.wants_input()
    }

    pub(crate) fn poll_read<R, S>(
        &mut self,
        context: &mut Context<'_>,
        session: &mut S,
    ) -> Poll<io::Result<()>>
    where
        T: Transport<R>,
        S: Session,
    {
        if !self.can_read(session) {
            return Poll::Pending;
        }
        READ_BUFFER.with_borrow_mut(|buffer| {
            let count = ready!(self.transport.poll_read(context, buffer))?;
            let bytes = &buffer[..count];
            tracing::trace!(bytes = %bytes.escape_ascii(), "received");
            self.received += count as u64;
            self.has_seen_eof = bytes.is_empty();
            if self.has_seen_eof {
                session.handle_eof(self.clock.now());
            } else {
                session.handle_input(self.clock.now(), bytes);
            }
            Poll::Ready(Ok(()))
        })
    }
}

/// Wakes the task when the timer of a session or service may be due. It is set again only for an earlier
/// time; a call that has become obsolete is ignored.
pub(crate) struct Alarm<R: Runtime> {
    timer: R::Timer,
    clock: Clock,
    set: Option<Instant>,
    is_wanted: bool,
}

impl<R: Runtime> Alarm<R> {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            timer: R::timer(),
            clock,
            set: None,
            is_wanted: false,
        }
    }

    pub(crate) fn set(&mut self, due: Option<Instant>) {
        self.is_wanted = due.is_some();
        if let Some(due) = due
            && self.set.is_none_or(|set| due < set)
        {
            self.timer.set(self.clock.at(due));
            self.set = Some(due);
        }
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_wanted || self.timer.poll(context).is_pending() {
            return Poll::Pending;
        }
        self.set = None;
        Poll::Ready(())
    }
}
