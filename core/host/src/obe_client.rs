//! Calls an OptBayesExpt server, ours or the original.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use labwire_core::obe::{Client, Limits};
use labwire_core::python_json::Value;

use crate::caller::{Caller, NoReply, Pending, connect};
use crate::clock::Clock;
use crate::runtime::Runtime;

/// One connection to a server, with the calls of upstream's `Socket`.
///
/// The original server answers one message a connection, so that every message to it takes a new `ObeClient`.
/// labwire's server answers any number.
pub struct ObeClient {
    caller: Caller<Client>,
    unreceived: VecDeque<Pending<Client>>,
}

impl ObeClient {
    /// Connects within `timeout`. The limit `request-timeout` is the longest wait for one reply.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn connect<R: Runtime>(
        address: SocketAddr,
        timeout: Duration,
        limits: Limits,
    ) -> io::Result<Self> {
        let stream = connect::<R>(address, timeout).await?;
        Ok(Self {
            caller: Caller::start::<R, _>(Client::new(limits), stream, Clock::start()),
            unreceived: VecDeque::new(),
        })
    }

    /// Sends a message: a [`Request`](labwire_core::obe::Request) as a value, or whatever else the server understands.
    pub async fn send(&mut self, message: Value) {
        let pending = self.caller.send(message).await;
        self.unreceived.push_back(pending);
    }

    /// The reply to the oldest message whose reply has not been received; `None` when there is no such message.
    ///
    /// # Errors
    /// When there is no reply. An error reply is a reply, see
    /// [`ErrorReply::from_value`](labwire_core::obe::ErrorReply::from_value).
    pub async fn receive(&mut self) -> Option<Result<Value, NoReply>> {
        match self.unreceived.pop_front() {
            Some(pending) => Some(pending.reply().await),
            None => None,
        }
    }

    /// Sends a message and waits for its reply.
    ///
    /// # Errors
    /// See [`receive`](Self::receive).
    pub async fn tcpcmd(&self, message: Value) -> Result<Value, NoReply> {
        self.caller.ask(message).await
    }

    /// Ends the connection after the last reply; returns when it has ended.
    pub async fn finish(self) {
        self.caller.finish().await;
    }
}
