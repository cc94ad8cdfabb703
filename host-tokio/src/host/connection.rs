//! One connection of a host.

use std::net::SocketAddr;

use labwire_core::service::{ConnectionId, Peer};
use labwire_core::session::ServerSession;
use labwire_core::time::Instant;
use tokio::sync::{mpsc, oneshot};

use super::service_task::Input;
use super::{HostedService, Reply, Request, Tokens};
use crate::clock::Clock;
use crate::drive::{Application, drive};
use crate::transport::Transport;

/// How many replies may wait for one connection to send them. A connection that lets more pile up is ended.
const WAITING_REPLIES: usize = 64;

/// One connection's task.
pub(super) struct Connection<S: HostedService> {
    pub(super) host: &'static str,
    pub(super) id: ConnectionId,
    pub(super) address: SocketAddr,
    pub(super) clock: Clock,
    pub(super) inputs: mpsc::Sender<Input<S>>,
    pub(super) tokens: Tokens,
}

impl<S: HostedService> Connection<S> {
    pub(super) async fn run<T: Transport>(self, transport: T) {
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
