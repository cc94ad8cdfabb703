//! Client side of protocols in which every request has a reply.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::pending;
#[cfg(any(feature = "obe", feature = "zeiss"))]
use std::io;
use std::sync::{Arc, OnceLock};
#[cfg(any(feature = "obe", feature = "zeiss"))]
use std::time::Duration;

use async_channel::{Receiver, Sender, bounded};
use labwire_core::session::{Asker, CloseReason, Misuse, Session};
use labwire_core::time::Instant;

use crate::clock::Clock;
use crate::drive::{Application, drive};
#[cfg(any(feature = "obe", feature = "zeiss"))]
use crate::remote::{Remote, RemoteError};
use crate::runtime::{Runtime, Transport};

/// Client session whose events are replies, in the order of the requests.
pub trait ClientSession:
    Asker<Request: ToOwned<Owned: Send + 'static>, Ticket = (), Event: Send + 'static> + Send + 'static
{
}

impl<S> ClientSession for S where
    S: Asker<Request: ToOwned<Owned: Send + 'static>, Ticket = (), Event: Send + 'static> + Send + 'static
{
}

/// Reason why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoReply {
    /// The connection ended before the reply.
    #[error("no reply: {0}")]
    Ended(#[source] CloseReason),
    /// The connection failed before the reply.
    #[error("no reply: {0}")]
    Failed(String),
    /// The request cannot be sent on this connection.
    #[error(transparent)]
    Misuse(Misuse),
}

type Answer<S> = Result<<S as Session>::Event, NoReply>;
type Request<S> = <<S as Asker>::Request as ToOwned>::Owned;

/// Client end of one connection. Requests may be pipelined; dropping it ends the connection after the last reply.
pub struct Caller<S: ClientSession> {
    questions: Sender<Question<S>>,
    /// Closed when the connection's task ends.
    ended: Receiver<Infallible>,
    end: Arc<OnceLock<NoReply>>,
}

/// Pending reply of a [`Caller`].
pub struct Pending<S: ClientSession> {
    answer: Receiver<Answer<S>>,
    /// End of the connection, for requests that come after it.
    end: Arc<OnceLock<NoReply>>,
}

impl<S: ClientSession> std::fmt::Debug for Pending<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pending").finish_non_exhaustive()
    }
}

struct Question<S: ClientSession> {
    request: Request<S>,
    answer: Sender<Answer<S>>,
}

/// Number of requests that may be queued for the connection's task, which picks them up at once.
const WAITING_REQUESTS: usize = 64;

impl<S: ClientSession> Caller<S> {
    /// Runs `session` over `transport`, on its own task.
    pub fn start<R: Runtime, T: Transport<R> + 'static>(session: S, transport: T, clock: Clock) -> Self {
        let (questions, receiver) = bounded(WAITING_REQUESTS);
        let (ending, ended) = bounded(1);
        let end = Arc::new(OnceLock::new());
        let known = end.clone();
        R::spawn(async move {
            answer::<R, S, T>(session, transport, clock, receiver, &known).await;
            drop(ending);
        });
        Self {
            questions,
            ended,
            end,
        }
    }

    /// Runs `session` over a new connection to `remote`, made within `limit`.
    #[cfg(any(feature = "obe", feature = "zeiss"))]
    pub(crate) async fn connect<R: Runtime>(
        session: S,
        remote: &Remote,
        limit: Duration,
    ) -> Result<Self, RemoteError<io::Error>> {
        let connected = remote.connect::<R>(limit).await;
        let stream = connected.map_err(|error| remote.error(error))?;
        Ok(Self::start::<R, _>(session, stream, Clock::start()))
    }

    /// Sends a request; its reply can be awaited later.
    pub async fn send(&self, request: Request<S>) -> Pending<S> {
        let (answer, answered) = bounded(1);
        // If the task has ended, the dropped sender makes the reply an error.
        let _ = self.questions.send(Question { request, answer }).await;
        Pending {
            answer: answered,
            end: self.end.clone(),
        }
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    /// If there is no reply.
    pub async fn ask(&self, request: Request<S>) -> Result<S::Event, NoReply> {
        self.send(request).await.reply().await
    }

    /// Ends the connection after the last reply, and returns when it has ended.
    pub async fn finish(self) {
        drop(self.questions);
        // The channel carries no message, only its end.
        let _ = self.ended.recv().await;
    }
}

impl<S: ClientSession> fmt::Debug for Caller<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Caller").finish_non_exhaustive()
    }
}

impl<S: ClientSession> Pending<S> {
    /// Waits for the reply.
    ///
    /// # Errors
    /// If there is no reply.
    pub async fn reply(self) -> Result<S::Event, NoReply> {
        let received = self.answer.recv().await;
        received.unwrap_or_else(|_| {
            let end = self.end.get().cloned();
            Err(end.unwrap_or(NoReply::Ended(CloseReason::Lost)))
        })
    }
}

/// Task of one connection.
async fn answer<R: Runtime, S: ClientSession, T: Transport<R>>(
    mut session: S,
    transport: T,
    clock: Clock,
    questions: Receiver<Question<S>>,
    end: &OnceLock<NoReply>,
) {
    let mut asking = Asking {
        questions,
        waiting: VecDeque::new(),
    };
    let driven = drive::<R, _, _, _>(&mut session, transport, &mut asking, clock, pending()).await;
    let Asking { questions, waiting } = asking;
    let reason = match driven.failure {
        Some(failure) if driven.reason == CloseReason::Lost => NoReply::Failed(failure),
        _ => NoReply::Ended(driven.reason),
    };
    let reason = end.get_or_init(|| reason);
    questions.close();
    let unseen = std::iter::from_fn(|| questions.try_recv().ok()).map(|question| question.answer);
    for answer in waiting.into_iter().chain(unseen) {
        // The requester may have stopped waiting, here and below.
        let _ = answer.try_send(Err(reason.clone()));
    }
}

struct Asking<S: ClientSession> {
    questions: Receiver<Question<S>>,
    waiting: VecDeque<Sender<Answer<S>>>,
}

impl<S: ClientSession> Application<S> for Asking<S> {
    type Command = Question<S>;

    async fn next_command(&mut self) -> Option<Question<S>> {
        self.questions.recv().await.ok()
    }

    fn apply(&mut self, now: Instant, session: &mut S, question: Question<S>) {
        match session.request(now, question.request.borrow()) {
            Ok(()) => self.waiting.push_back(question.answer),
            Err(misuse) => drop(question.answer.try_send(Err(NoReply::Misuse(misuse)))),
        }
    }

    async fn handle_event(&mut self, reply: S::Event) {
        if let Some(answer) = self.waiting.pop_front() {
            let _ = answer.try_send(Ok(reply));
        }
    }
}
