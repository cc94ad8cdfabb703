//! Controller of the PyMoDAQ modules of a labwire server, from another process.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_channel::{Receiver, Sender, bounded};
use labwire_core::pymodaq::{
    Command, ControlAnswer, ControlRequest, Controller, Limits, ModuleAnswer, NO_REQUEST,
};
use labwire_core::session::{Asker, CloseReason, Misuse};
use labwire_core::time::Instant;

use crate::clock::Clock;
use crate::drive::{Application, drive};
use crate::remote::{Remote, RemoteError};
use crate::runtime::{Runtime, timeout};
use crate::security::MaybeTls;

/// Time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Number of requests that may be queued for sending.
const WAITING_REQUESTS: usize = 16;

/// Controller of the modules of one server. Fast requests do not wait for slow ones.
#[derive(Debug)]
pub struct ModuleController<R> {
    remote: Remote,
    answer_timeout: Duration,
    questions: Sender<Question>,
    end: Arc<OnceLock<End>>,
    next_id: AtomicI64,
    runtime: PhantomData<fn() -> R>,
}

/// Error of a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The connection could not be made.
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    /// The connection ended before the answer.
    #[error("no answer: {0}")]
    NoAnswer(#[source] CloseReason),
    /// The connection failed before the answer.
    #[error("no answer: {0}")]
    Failed(String),
    /// There was no answer for the limit `request-timeout`.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The server refused the request, or the controller.
    #[error("{0}")]
    Refused(String),
    /// The request cannot be sent.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl<R: Runtime> ModuleController<R> {
    /// Connects to a server's port for its modules. Of the limits, `request-timeout` is the longest wait for an answer,
    /// such as the end of a move.
    ///
    /// # Errors
    /// If the connection cannot be made.
    pub async fn connect(
        remote: impl Into<Remote>,
        limits: &Limits,
    ) -> Result<Self, RemoteError<ControlError>> {
        let remote = remote.into();
        let connected = remote.connect::<R>(CONNECT_TIMEOUT).await;
        let stream = connected.map_err(|error| remote.error(error))?;
        let clock = Clock::start();
        let session = Controller::new(clock.now(), limits);
        let (sender, questions) = bounded(WAITING_REQUESTS);
        let end = Arc::new(OnceLock::new());
        R::spawn(answer::<R>(session, stream, clock, questions, end.clone()));
        Ok(Self {
            remote,
            answer_timeout: limits.session.request_timeout,
            questions: sender,
            end,
            next_id: AtomicI64::new(1),
            runtime: PhantomData,
        })
    }

    /// The server.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Sends a command to `modules` (if there are none, to all that support it), in parallel. Returns the
    /// answer of each.
    ///
    /// # Errors
    /// See [`ControlError`]. The failure of a module is an answer, not an error. After a time-out the command may still be
    /// carried out.
    pub async fn ask(
        &self,
        modules: Vec<String>,
        command: Command,
    ) -> Result<Vec<ModuleAnswer>, RemoteError<ControlError>> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = ControlRequest { id, modules, command };
        let (sender, answer) = bounded(1);
        let lost = || match self.end.get() {
            Some(end) => end.error(),
            None => ControlError::NoAnswer(CloseReason::Lost),
        };
        let asking = async {
            let question = Question {
                request,
                answer: sender,
            };
            self.questions.send(question).await.map_err(|_| lost())?;
            answer.recv().await.unwrap_or_else(|_| Err(lost()))
        };
        let answered = timeout::<R, _>(self.answer_timeout, asking).await;
        let answered = answered.unwrap_or(Err(ControlError::TimedOut(self.answer_timeout)));
        answered.map_err(|error| self.remote.error(error))
    }
}

type Answered = Result<Vec<ModuleAnswer>, ControlError>;

struct Question {
    request: ControlRequest,
    answer: Sender<Answered>,
}

/// End of the connection.
#[derive(Debug)]
struct End {
    reason: CloseReason,
    failure: Option<String>,
    /// Reason why the server does not admit this controller.
    refusal: Option<String>,
}

impl End {
    fn error(&self) -> ControlError {
        match (&self.refusal, &self.failure) {
            (Some(why), _) => ControlError::Refused(why.clone()),
            (None, Some(failure)) => ControlError::Failed(failure.clone()),
            (None, None) => ControlError::NoAnswer(self.reason.clone()),
        }
    }
}

/// Task of the connection.
async fn answer<R: Runtime>(
    mut session: Controller,
    stream: MaybeTls<R, R::Stream>,
    clock: Clock,
    questions: Receiver<Question>,
    end: Arc<OnceLock<End>>,
) {
    let mut asking = Asking {
        questions,
        waiting: HashMap::new(),
        refusal: None,
    };
    let driven = drive::<R, _, _, _>(&mut session, stream, &mut asking, clock, pending()).await;
    let end = end.get_or_init(|| End {
        reason: driven.reason,
        failure: driven.failure,
        refusal: asking.refusal.take(),
    });
    asking.questions.close();
    let unsent = std::iter::from_fn(|| asking.questions.try_recv().ok()).map(|question| question.answer);
    for answer in unsent.chain(std::mem::take(&mut asking.waiting).into_values()) {
        // The requester may have stopped waiting, here and below.
        let _ = answer.try_send(Err(end.error()));
    }
}

struct Asking {
    questions: Receiver<Question>,
    waiting: HashMap<i64, Sender<Answered>>,
    /// Reason why the server does not admit this controller.
    refusal: Option<String>,
}

impl Application<Controller> for Asking {
    type Command = Question;

    async fn next_command(&mut self) -> Option<Question> {
        self.questions.recv().await.ok()
    }

    fn apply(&mut self, now: Instant, session: &mut Controller, question: Question) {
        match session.request(now, &question.request) {
            Ok(()) => drop(self.waiting.insert(question.request.id, question.answer)),
            Err(misuse) => drop(question.answer.try_send(Err(misuse.into()))),
        }
    }

    async fn handle_event(&mut self, answer: ControlAnswer) {
        if answer.id == NO_REQUEST {
            self.refusal = answer.result.err();
        } else if let Some(sender) = self.waiting.remove(&answer.id) {
            let _ = sender.try_send(answer.result.map_err(ControlError::Refused));
        }
    }
}
