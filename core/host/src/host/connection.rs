//! One connection of a host.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_channel::{Receiver, Sender, bounded};
use futures_lite::future::or;
use labwire_core::service::{ConnectionId, Peer};
use labwire_core::session::{CloseReason, Responder, Session};
use labwire_core::time::Instant;

use super::service_task::Input;
use super::{HostedService, Reply, Request, Signals};
use crate::clock::Clock;
use crate::drive::{Application, Driven, drive_within};
use crate::memory::Memory;
use crate::runtime::{Runtime, Transport};

/// Number of replies that may be queued for one connection. A connection that lets more pile up is ended.
const WAITING_REPLIES: usize = 64;

/// Task of one connection.
pub(super) struct Connection<S: HostedService> {
    pub(super) host: &'static str,
    pub(super) id: ConnectionId,
    pub(super) address: SocketAddr,
    pub(super) clock: Clock,
    pub(super) inputs: Sender<Input<S>>,
    pub(super) signals: Signals,
    pub(super) memory: Memory,
    /// Whether one of the host's connections parses a long message.
    pub(super) is_parsing: Arc<AtomicBool>,
}

impl<S: HostedService> Connection<S> {
    pub(super) async fn run<T: Transport<R>, R: Runtime>(self, transport: T) {
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
        match &driven {
            Some(end) => tracing::debug!(
                service, connection, %peer, reason = %end.reason, received = end.received, sent = end.sent, seconds,
                "connection closed"
            ),
            None => tracing::debug!(service, connection, %peer, reason = "cut", seconds, "connection closed"),
        }
        let reason = driven.map_or(CloseReason::Shutdown, |end| end.reason);
        // As above.
        let _ = self.inputs.send(Input::Closed(self.id, reason)).await;
    }

    /// Drives the connection. `None` if it was cut.
    async fn drive<T: Transport<R>, R: Runtime>(
        &self,
        session: &mut S::Session,
        transport: T,
        client: &mut Client<S>,
    ) -> Option<Driven> {
        let shutdown = self.signals.shutdown.wait();
        let account = Some(self.memory.account(&self.is_parsing));
        let driving = async {
            let (clock, shutdown) = (self.clock, shutdown);
            Some(drive_within::<R, _, _, _>(session, transport, client, clock, shutdown, account).await)
        };
        let cutting = async {
            self.signals.cut.wait().await;
            None
        };
        or(pin!(cutting), pin!(driving)).await
    }
}

/// The service, as seen by one connection.
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

    /// The service no longer exists to answer requests.
    fn leave(&mut self, now: Instant, session: &mut S::Session) {
        session.handle_lost(now);
    }

    async fn handle_eof(&mut self) {
        // As below.
        let _ = self.inputs.send(Input::Eof(self.id)).await;
    }

    async fn handle_event(&mut self, request: Request<S>) {
        // If the service has ended, the replies end as well.
        let _ = self.inputs.send(Input::Request(self.id, request)).await;
    }
}
