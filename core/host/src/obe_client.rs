//! Client of an OptBayesExpt server, labwire's or the original.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use labwire_core::obe::{Client, Limits};
use labwire_core::python_json::Value;

use crate::caller::{Caller, NoReply, Pending};
use crate::remote::{Remote, RemoteError};
use crate::runtime::Runtime;

/// Connection to one server, with the calls of upstream's `Socket`.
///
/// The original server answers one message per connection, so that every message to it takes a new `ObeClient`.
/// labwire's server answers any number.
#[derive(Debug)]
pub struct ObeClient {
    remote: Remote,
    caller: Caller<Client>,
    unreceived: VecDeque<Pending<Client>>,
}

impl ObeClient {
    /// Connects within `timeout`. The limit `request-timeout` is the longest wait for one reply.
    ///
    /// # Errors
    /// If the connection cannot be made.
    pub async fn connect<R: Runtime>(
        remote: impl Into<Remote>,
        timeout: Duration,
        limits: Limits,
    ) -> Result<Self, RemoteError<io::Error>> {
        let remote = remote.into();
        Ok(Self {
            caller: Caller::connect::<R>(Client::new(limits), &remote, timeout).await?,
            remote,
            unreceived: VecDeque::new(),
        })
    }

    /// Sends a message: a [`Request`](labwire_core::obe::Request) as a value, or any other that the server
    /// understands.
    pub async fn send(&mut self, message: Value) {
        let pending = self.caller.send(message).await;
        self.unreceived.push_back(pending);
    }

    /// Receives the reply to the oldest message without one; `None` if there is no such message.
    ///
    /// # Errors
    /// If there is no reply. An error reply is a reply, see
    /// [`ErrorReply::from_value`](labwire_core::obe::ErrorReply::from_value).
    pub async fn receive(&mut self) -> Option<Result<Value, RemoteError<NoReply>>> {
        match self.unreceived.pop_front() {
            Some(pending) => Some(pending.reply().await.map_err(|error| self.remote.error(error))),
            None => None,
        }
    }

    /// Sends a message and waits for its reply.
    ///
    /// # Errors
    /// See [`receive`](Self::receive).
    pub async fn tcpcmd(&self, message: Value) -> Result<Value, RemoteError<NoReply>> {
        let asked = self.caller.ask(message).await;
        asked.map_err(|error| self.remote.error(error))
    }

    /// Ends the connection after the last reply. Returns once it has ended.
    pub async fn finish(self) {
        self.caller.finish().await;
    }
}
