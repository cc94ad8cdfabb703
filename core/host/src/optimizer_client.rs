//! Calls an OpEn server, ours or the original.

use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, ErrorReply, Reply, Request, RunReply, RunRequest};
use labwire_core::session::{CloseReason, Misuse};

use crate::caller::{Caller, NoReply, connect};
use crate::clock::Clock;
use crate::runtime::Runtime;

/// How to call.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Ask everything on one connection. Only labwire understands that; OpEn itself answers one request a connection.
    pub keep_open: bool,
    /// How long connecting may take. Default 10 s.
    pub connect_timeout: Duration,
    /// Limits of each connection; `request_timeout` is the longest wait for one reply. Default: no limit worth
    /// mentioning on that, 64 MiB a reply.
    pub limits: SessionLimits,
}

impl Default for ClientOptions {
    fn default() -> Self {
        let mut limits = SessionLimits::default();
        limits.request_timeout = Duration::from_secs(24 * 60 * 60);
        limits.message_bytes = 64 << 20;
        Self {
            keep_open: false,
            connect_timeout: Duration::from_secs(10),
            limits,
        }
    }
}

/// Calls one OpEn server.
///
/// A kept-open connection that has ended is not made again: its warm start went with it, and the caller should know.
#[derive(Debug)]
pub struct OptimizerClient<R> {
    address: SocketAddr,
    options: ClientOptions,
    kept: Option<Caller<Client>>,
    runtime: PhantomData<fn() -> R>,
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    /// The connection ended before the reply.
    #[error("no reply: {0}")]
    NoReply(CloseReason),
    /// The server's error reply.
    #[error("error {}: {}", .0.code, .0.message)]
    Server(ErrorReply),
    /// A reply to another question than the one asked.
    #[error("the reply does not fit the request")]
    Unexpected(Reply),
    /// The request cannot be sent on this connection.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl<R: Runtime> OptimizerClient<R> {
    /// Connects, or, when the connection is not to be kept open, only remembers where to.
    ///
    /// # Errors
    /// When a kept-open connection cannot be made.
    pub async fn connect(address: SocketAddr, options: ClientOptions) -> Result<Self, ClientError> {
        let mut client = Self {
            address,
            options,
            kept: None,
            runtime: PhantomData,
        };
        if client.options.keep_open {
            client.kept = Some(client.open().await?);
        }
        Ok(client)
    }

    /// Asks whether the server is there; it answers with the same number.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ping(&self, number: i32) -> Result<i32, ClientError> {
        match self.ask(Request::Ping(number)).await? {
            Reply::Pong(number) => Ok(number),
            other => Err(ClientError::Unexpected(other)),
        }
    }

    /// Has the server solve its problem.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn run(&self, request: RunRequest) -> Result<RunReply, ClientError> {
        match self.ask(Request::Run(request)).await? {
            Reply::Run(reply) => Ok(*reply),
            other => Err(ClientError::Unexpected(other)),
        }
    }

    /// Ends the server.
    ///
    /// # Errors
    /// See [`ClientError`]; among others when the server does not permit it.
    pub async fn kill(&self, number: i32) -> Result<(), ClientError> {
        match self.ask(Request::Kill(number)).await? {
            Reply::Killed => Ok(()),
            other => Err(ClientError::Unexpected(other)),
        }
    }

    async fn ask(&self, request: Request) -> Result<Reply, ClientError> {
        let reply = match &self.kept {
            Some(caller) => caller.ask(request).await?,
            None => self.open().await?.ask(request).await?,
        };
        match reply {
            Reply::Error(error) => Err(ClientError::Server(error)),
            reply => Ok(reply),
        }
    }

    async fn open(&self) -> io::Result<Caller<Client>> {
        let stream = connect::<R>(self.address, self.options.connect_timeout).await?;
        let clock = Clock::start();
        let limits = self.options.limits.clone();
        let session = if self.options.keep_open {
            Client::kept_open(clock.now(), limits)
        } else {
            Client::one_shot(limits)
        };
        Ok(Caller::start::<R, _>(session, stream, clock))
    }
}

impl From<NoReply> for ClientError {
    fn from(error: NoReply) -> Self {
        match error {
            NoReply::Ended(reason) => Self::NoReply(reason),
            NoReply::Misuse(misuse) => Self::Misuse(misuse),
        }
    }
}
