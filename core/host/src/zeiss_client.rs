//! Client of ZEISS INSPECT's script, or of a server in its place.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use labwire_core::zeiss::{self, Client, Limits};

use crate::caller::{Caller, NoReply};
use crate::clock::Clock;
use crate::runtime::{Runtime, Transport, connect};

/// Connection to one server: over TCP for one request, over WebSocket for any number.
#[derive(Debug)]
pub struct ZeissClient(Caller<Client>);

impl ZeissClient {
    /// Connects over TCP within `timeout`. The limit `request-timeout` is the longest wait for the answer.
    ///
    /// # Errors
    /// If the connection cannot be made.
    pub async fn connect<R: Runtime>(
        address: SocketAddr,
        timeout: Duration,
        limits: Limits,
    ) -> io::Result<Self> {
        let stream = connect::<R>(address, timeout).await?;
        let session = Client::new(zeiss::Transport::Tcp, limits);
        Ok(Self(Caller::start::<R, _>(session, stream, Clock::start())))
    }

    /// Uses a WebSocket: on `messages`, each message is preceded by its length in 32 bits.
    pub fn over_websocket<R: Runtime>(messages: impl Transport<R> + 'static, limits: Limits) -> Self {
        let session = Client::new(zeiss::Transport::WebSocket, limits);
        Self(Caller::start::<R, _>(session, messages, Clock::start()))
    }

    /// Sends a [`Request`](labwire_core::zeiss::Request) as text and returns the answer.
    ///
    /// # Errors
    /// If there is no answer. A failed import is an answer.
    pub async fn ask(&self, text: String) -> Result<String, NoReply> {
        self.0.ask(text).await
    }

    /// Ends the connection. Returns once it has ended.
    pub async fn finish(self) {
        self.0.finish().await;
    }
}
