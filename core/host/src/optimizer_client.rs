//! Client of an OpEn server, labwire's or the original.

use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, ErrorReply, Reply, Request, RunReply, RunRequest};
use labwire_core::session::{CloseReason, Misuse};

use crate::caller::{Caller, NoReply};
use crate::clock::Clock;
use crate::remote::{Remote, RemoteError};
use crate::runtime::Runtime;

/// Options of the client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientSettings {
    /// Whether to send all requests on one connection. Only labwire supports that; OpEn answers one request
    /// per connection.
    pub keep_open: bool,
    /// Time limit for connecting. Default 10 s.
    pub connect_timeout: Duration,
    /// Limits of each connection; `request_timeout` is the longest wait for one reply. Default: practically
    /// unlimited waiting, 64 MiB per reply.
    pub limits: SessionLimits,
}

impl Default for ClientSettings {
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

impl ClientSettings {
    labwire_core::session::setters! {
        with_keep_open keep_open: bool,
        with_connect_timeout connect_timeout: Duration,
        with_limits limits: SessionLimits,
    }
}

/// Client of one OpEn server.
///
/// A kept-open connection that has ended is not renewed: its warm start is lost, and the caller should know.
#[derive(Debug)]
pub struct OptimizerClient<R> {
    remote: Remote,
    options: ClientSettings,
    kept: Option<Caller<Client>>,
    runtime: PhantomData<fn() -> R>,
}

/// Error of a call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The connection could not be made.
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    /// The connection ended before the reply.
    #[error("no reply: {0}")]
    NoReply(#[source] CloseReason),
    /// The connection failed before the reply.
    #[error("no reply: {0}")]
    Failed(String),
    /// The server sent an error reply.
    #[error("error {}: {}", .0.code, .0.message)]
    Server(ErrorReply),
    /// The problem to load is not a text that can be sent.
    #[error("the problem is not JSON: {0}")]
    NotJson(String),
    /// The reply does not belong to the request.
    #[error("the reply does not fit the request")]
    Unexpected(Reply),
    /// The request cannot be sent on this connection.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl<R: Runtime> OptimizerClient<R> {
    /// Creates a client, and connects if the connection is to be kept open.
    ///
    /// # Errors
    /// If a kept-open connection cannot be made.
    pub async fn connect(
        remote: impl Into<Remote>,
        options: ClientSettings,
    ) -> Result<Self, RemoteError<ClientError>> {
        let mut client = Self {
            remote: remote.into(),
            options,
            kept: None,
            runtime: PhantomData,
        };
        if client.options.keep_open {
            client.kept = Some(client.open().await.map_err(|error| client.remote.error(error))?);
        }
        Ok(client)
    }

    /// Pings the server, which answers with the same number.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ping(&self, number: i32) -> Result<i32, RemoteError<ClientError>> {
        match self.ask(Request::Ping(number)).await? {
            Reply::Pong(number) => Ok(number),
            other => Err(self.remote.error(ClientError::Unexpected(other))),
        }
    }

    /// Solves the server's problem.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn run(&self, request: RunRequest) -> Result<RunReply, RemoteError<ClientError>> {
        match self.ask(Request::Run(request)).await? {
            Reply::Run(reply) => Ok(*reply),
            other => Err(self.remote.error(ClientError::Unexpected(other))),
        }
    }

    /// Loads a problem file, given as its text, onto the server. Returns the problem's name.
    ///
    /// # Errors
    /// See [`ClientError`]; for example if the text is not JSON, or the server does not permit it.
    pub async fn load(&self, problem: String) -> Result<String, RemoteError<ClientError>> {
        let request = Request::load(problem);
        let request = request.map_err(|error| self.remote.error(ClientError::NotJson(error.to_string())))?;
        match self.ask(request).await? {
            Reply::Loaded(name) => Ok(name),
            other => Err(self.remote.error(ClientError::Unexpected(other))),
        }
    }

    /// Asks the server to end.
    ///
    /// # Errors
    /// See [`ClientError`]; for example if the server does not permit it.
    pub async fn kill(&self, number: i32) -> Result<(), RemoteError<ClientError>> {
        match self.ask(Request::Kill(number)).await? {
            Reply::Killed => Ok(()),
            other => Err(self.remote.error(ClientError::Unexpected(other))),
        }
    }

    async fn ask(&self, request: Request) -> Result<Reply, RemoteError<ClientError>> {
        match self.call(request).await {
            Ok(Reply::Error(error)) => Err(self.remote.error(ClientError::Server(error))),
            Ok(reply) => Ok(reply),
            Err(error) => Err(self.remote.error(error)),
        }
    }

    async fn call(&self, request: Request) -> Result<Reply, ClientError> {
        Ok(match &self.kept {
            Some(caller) => caller.ask(request).await?,
            None => self.open().await?.ask(request).await?,
        })
    }

    async fn open(&self) -> io::Result<Caller<Client>> {
        let stream = self.remote.connect::<R>(self.options.connect_timeout).await?;
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
            NoReply::Failed(why) => Self::Failed(why),
            NoReply::Misuse(misuse) => Self::Misuse(misuse),
        }
    }
}
