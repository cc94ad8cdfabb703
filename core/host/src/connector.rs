//! Driver loop for a state machine that makes its own connections.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use labwire_core::session::{Action, CloseReason, ConnectError, Connector};

use crate::clock::Clock;
use crate::drive::{Alarm, Application, Turns, Wire, deliver, handle_due};
use crate::runtime::{Runtime, Transport};

/// Connection attempt in progress.
pub type Dialing<T> = Pin<Box<dyn Future<Output = Result<T, ConnectError>> + Send>>;

/// Source of connections to one peer. `R` is their runtime.
pub trait Dial<R>: Send + Sync {
    /// Type of the connections.
    type Transport: Transport<R>;

    /// Starts one attempt, which is given up when it is dropped.
    fn dial(&self) -> Dialing<Self::Transport>;
}

/// Drives `connector`: connects and closes on its request, and moves bytes, commands and events as
/// [`drive`](crate::drive) does, until `application` has ended and nothing is left to do.
pub async fn drive_connector<R, C, D, A>(
    connector: &mut C,
    dialer: &D,
    application: &mut A,
    clock: Clock,
) -> CloseReason
where
    R: Runtime,
    C: Connector,
    D: Dial<R>,
    A: Application<C>,
{
    let mut reason = CloseReason::Lost;
    let mut place = Place::Nowhere;
    let mut alarm = Alarm::<R>::new(clock);
    let mut has_application = true;
    let mut turns = Turns::default();
    loop {
        turns.next().await;
        handle_due(connector, clock.now());
        while let Some(action) = connector.poll_action() {
            place = match action {
                Action::Connect => Place::Dialing(dialer.dial()),
                Action::Close => Place::Nowhere,
            };
        }
        if let Some(why) = deliver(connector, application).await {
            reason = why;
        }
        if connector.is_drained() {
            return reason;
        }
        alarm.set(connector.poll_timeout().map(|(due, _)| due));
        let command = has_application.then(|| application.next_command());
        let changed =
            |context: &mut Context<'_>| place.poll(context, connector, clock).map(|()| Happened::Other);
        let happened = turns.first_of(command, changed, |context| {
            alarm.poll(context).map(|()| Happened::Other)
        });
        match happened.await {
            Happened::Command(Some(command)) => application.apply(clock.now(), connector, command),
            Happened::Command(None) => {
                has_application = false;
                application.leave(clock.now(), connector);
            }
            Happened::Other => {}
        }
    }
}

/// Event that the loop waits for.
enum Happened<C> {
    Command(Option<C>),
    /// The connector was notified, or its timer may be due.
    Other,
}

impl<C> From<Option<C>> for Happened<C> {
    fn from(command: Option<C>) -> Self {
        Self::Command(command)
    }
}

/// State of the connection.
enum Place<T> {
    Nowhere,
    Dialing(Dialing<T>),
    Connected(Wire<T>),
}

impl<T> Place<T> {
    /// Ready once the connector was notified of something.
    fn poll<R, C>(&mut self, context: &mut Context<'_>, connector: &mut C, clock: Clock) -> Poll<()>
    where
        T: Transport<R>,
        C: Connector,
    {
        match self {
            Self::Nowhere => return Poll::Pending,
            Self::Dialing(dialing) => match ready!(dialing.as_mut().poll(context)) {
                Ok(transport) => {
                    *self = Self::Connected(Wire::new(transport, clock));
                    connector.handle_connected(clock.now());
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot connect");
                    *self = Self::Nowhere;
                    connector.handle_connect_failed(clock.now(), error);
                }
            },
            Self::Connected(wire) => {
                if let Err(error) = ready!(wire.poll_both(context, connector)) {
                    tracing::debug!(%error, "transport failed");
                    *self = Self::Nowhere;
                    connector.handle_lost(clock.now());
                }
            }
        }
        Poll::Ready(())
    }
}

/// Largest number of reads before a write, when there is always more to read.
const READS: usize = 16;

impl<T> Wire<T> {
    /// Reads what is available before writing.
    fn poll_both<R, C>(&mut self, context: &mut Context<'_>, connector: &mut C) -> Poll<io::Result<()>>
    where
        T: Transport<R>,
        C: Connector,
    {
        let mut moved = Poll::Pending;
        for _ in 0..READS {
            if self.poll_read(context, connector)?.is_ready() {
                moved = Poll::Ready(Ok(()));
                continue;
            }
            if connector.transmit().is_empty() {
                return moved;
            }
            // Input of which the runtime has not been notified yet: it will be.
            if self.can_read(connector) && self.transport.has_input() {
                return moved;
            }
            break;
        }
        if self.poll_write(context, connector)?.is_ready() {
            moved = Poll::Ready(Ok(()));
        }
        moved
    }
}
