//! The loop that moves a session's bytes.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use labwire_core::session::{CloseReason, Event, Session, TransmitState};
use labwire_core::time::Instant;
use tokio::io::ReadBuf;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::transport::Transport;

/// What stands behind a session.
pub trait Application<S: Session>: Send {
    /// What it wants of the session from time to time: a reply to be sent, a request.
    type Command: Send;

    /// The next command; `None`: the application has gone, shut the session down. Not called again after that. May be
    /// dropped and called anew without losing a command.
    fn next_command(&mut self) -> impl Future<Output = Option<Self::Command>> + Send;

    /// Gives a command to the session.
    fn apply(&mut self, now: Instant, session: &mut S, command: Self::Command);

    /// Takes an event. The connection stands still until it is taken.
    fn handle_event(&mut self, event: S::Event) -> impl Future<Output = ()> + Send;
}

/// How a connection went.
#[derive(Clone, Debug)]
pub struct Driven {
    /// Why it ended.
    pub reason: CloseReason,
    /// Bytes from the peer.
    pub received: u64,
    /// Bytes to the peer.
    pub sent: u64,
}

/// Moves bytes between `session` and `transport`, and commands and events between it and `application`, until nothing
/// is left to do. Once `shutdown` is cancelled the session is told to finish.
pub async fn drive<S, T, A>(
    session: &mut S,
    transport: T,
    application: &mut A,
    clock: Clock,
    shutdown: &CancellationToken,
) -> Driven
where
    S: Session,
    T: Transport,
    A: Application<S>,
{
    let mut reason = CloseReason::Lost;
    let mut wire = Wire::new(transport, clock);
    let mut timer = pin!(Timer::new(clock));
    let mut shutdown = pin!(shutdown.cancelled());
    let (mut is_shut_down, mut has_application) = (false, true);
    loop {
        while let Some(event) = session.poll_event() {
            match event {
                Event::Application(event) => application.handle_event(event).await,
                Event::Closed(why) => reason = why,
            }
        }
        if session.is_drained() {
            break;
        }
        timer.as_mut().arm(session.poll_timeout().map(|(due, _)| due));
        tokio::select! {
            biased;
            result = poll_fn(|context| wire.poll(context, session)) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "transport failed");
                    session.handle_lost(clock.now());
                }
            }
            command = application.next_command(), if has_application => match command {
                Some(command) => application.apply(clock.now(), session, command),
                None => {
                    has_application = false;
                    session.handle_shutdown(clock.now());
                }
            },
            () = &mut shutdown, if !is_shut_down => {
                is_shut_down = true;
                session.handle_shutdown(clock.now());
            }
            () = timer.as_mut() => session.handle_timeout(clock.now()),
        }
    }
    if session.transmit_state() == TransmitState::Abort {
        wire.transport.abort();
    }
    let Wire { received, sent, .. } = wire;
    Driven {
        reason,
        received,
        sent,
    }
}

const READ_BUFFER_BYTES: usize = 64 << 10;

thread_local! {
    /// Sessions consume what was read before anything else happens on the thread, so that all share one buffer and
    /// an idle connection has none.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_BYTES].into());
}

/// The transport, and how far its two directions have come.
struct Wire<T> {
    transport: T,
    clock: Clock,
    is_flushed: bool,
    has_sent_fin: bool,
    has_seen_eof: bool,
    received: u64,
    sent: u64,
}

impl<T: Transport> Wire<T> {
    fn new(transport: T, clock: Clock) -> Self {
        Self {
            transport,
            clock,
            is_flushed: true,
            has_sent_fin: false,
            has_seen_eof: false,
            received: 0,
            sent: 0,
        }
    }

    /// Moves what can be moved now. Ready when something was.
    fn poll<S: Session>(&mut self, context: &mut Context<'_>, session: &mut S) -> Poll<io::Result<()>> {
        let written = self.poll_write(context, session)?;
        let read = self.poll_read(context, session)?;
        if written.is_ready() || read.is_ready() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll_write<S: Session>(&mut self, context: &mut Context<'_>, session: &mut S) -> Poll<io::Result<()>> {
        let mut moved = Poll::Pending;
        while !session.transmit().is_empty() {
            let bytes = session.transmit();
            match Pin::new(&mut self.transport).poll_write(context, bytes)? {
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
        if !self.is_flushed && Pin::new(&mut self.transport).poll_flush(context)?.is_ready() {
            self.is_flushed = true;
        }
        let is_finishing = session.transmit_state() != TransmitState::Open;
        if is_finishing && !self.has_sent_fin && self.is_flushed {
            // That the peer has already gone is for the reading side to tell.
            if Pin::new(&mut self.transport).poll_shutdown(context).is_ready() {
                self.has_sent_fin = true;
                moved = Poll::Ready(Ok(()));
            }
        }
        moved
    }

    fn poll_read<S: Session>(&mut self, context: &mut Context<'_>, session: &mut S) -> Poll<io::Result<()>> {
        if self.has_seen_eof || !session.wants_input() {
            return Poll::Pending;
        }
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            let result = Pin::new(&mut self.transport).poll_read(context, &mut buffer);
            if let Poll::Ready(Ok(())) = result {
                let bytes = buffer.filled();
                tracing::trace!(bytes = %bytes.escape_ascii(), "received");
                self.received += bytes.len() as u64;
                self.has_seen_eof = bytes.is_empty();
                if self.has_seen_eof {
                    session.handle_eof(self.clock.now());
                } else {
                    session.handle_input(self.clock.now(), bytes);
                }
            }
            result
        })
    }
}

pin_project_lite::pin_project! {
    /// Wakes when the session's timer may be due. It is set anew only to wake earlier; a session whose timer has moved
    /// on in the meantime ignores the call.
    struct Timer {
        #[pin]
        sleep: Sleep,
        clock: Clock,
        armed: Option<Instant>,
        is_wanted: bool,
    }
}

impl Timer {
    fn new(clock: Clock) -> Self {
        Self {
            sleep: tokio::time::sleep_until(clock.at(Instant::ZERO)),
            clock,
            armed: None,
            is_wanted: false,
        }
    }

    fn arm(self: Pin<&mut Self>, due: Option<Instant>) {
        let this = self.project();
        *this.is_wanted = due.is_some();
        if let Some(due) = due
            && this.armed.is_none_or(|armed| due < armed)
        {
            this.sleep.reset(this.clock.at(due));
            *this.armed = Some(due);
        }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if !*this.is_wanted || this.sleep.poll(context).is_pending() {
            return Poll::Pending;
        }
        *this.armed = None;
        Poll::Ready(())
    }
}
