//! Client of ZEISS INSPECT's script, or of a server in its place.

use std::io;
use std::time::Duration;

use labwire_core::zeiss::{self, Client, Limits};

use crate::caller::{Caller, NoReply};
use crate::clock::Clock;
use crate::remote::{Remote, RemoteError};
use crate::runtime::{Runtime, Transport};

/// Connection to one server: over TCP for one request, over WebSocket for any number.
#[derive(Debug)]
pub struct ZeissClient {
    remote: Remote,
    caller: Caller<Client>,
}

impl ZeissClient {
    /// Connects over TCP within `timeout`. The limit `request-timeout` is the longest wait for the answer.
    ///
    /// # Errors
    /// If the connection cannot be made.
    pub async fn connect<R: Runtime>(
        remote: impl Into<Remote>,
        timeout: Duration,
        limits: Limits,
    ) -> Result<Self, RemoteError<io::Error>> {
        let remote = remote.into();
        let session = Client::new(zeiss::Transport::Tcp, limits);
        let caller = Caller::connect::<R>(session, &remote, timeout).await?;
        Ok(Self { remote, caller })
    }

    /// Uses a WebSocket to `remote`: on `messages`, each message is preceded by its length in 32 bits.
    pub fn over_websocket<R: Runtime>(
        remote: impl Into<Remote>,
        messages: impl Transport<R> + 'static,
        limits: Limits,
    ) -> Self {
        let session = Client::new(zeiss::Transport::WebSocket, limits);
        Self {
            remote: remote.into(),
            caller: Caller::start::<R, _>(session, messages, Clock::start()),
        }
    }

    /// Sends a [`Request`](labwire_core::zeiss::Request) as text and returns the answer.
    ///
    /// # Errors
    /// If there is no answer. A failed import is an answer.
    pub async fn ask(&self, text: String) -> Result<String, RemoteError<NoReply>> {
        let asked = self.caller.ask(text).await;
        asked.map_err(|error| self.remote.error(error))
    }

    /// Ends the connection. Returns once it has ended.
    pub async fn finish(self) {
        self.caller.finish().await;
    }
}
