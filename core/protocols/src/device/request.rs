//! Requests to a device, and their failures.

use alloc::vec::Vec;
use core::time::Duration;

use labwire_session::ConnectError;
use labwire_session::framing::until::Until;

use super::modbus;

/// Transaction with a device: messages and their answers, uninterrupted by others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Messages and answers, in order. The answer to the request is that of the last step.
    pub steps: Vec<Step>,
    /// Time limit from [`request`](labwire_session::Asker::request) to the end. `None`: from the settings.
    pub timeout: Option<Duration>,
    /// Whether it may be sent twice: if the connection is lost before the answer has come, it is sent once more.
    pub idempotent: bool,
}

/// Message and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Message; empty if this step only listens.
    pub message: Vec<u8>,
    /// End of the answer; `None` if there is no answer.
    pub until: Option<Until>,
    /// Required start of the answer. If it differs, it is not the answer to this message: the request fails with
    /// [`Failure::Unexpected`] and the connection is reset.
    pub expected: Vec<u8>,
    /// Start of an answer that means refusal: the request fails with [`Failure::Refused`], and the connection stays.
    /// Empty if there is no such answer.
    pub refusal: Vec<u8>,
    /// Whether message and answer are Modbus/TCP, which the answer must match, and which has exceptions
    /// ([`Failure::Exception`]).
    pub is_modbus: bool,
    /// End of the line in which the device returns the message before it answers; `None` if it does not. If that line
    /// differs from the message, the request fails with [`Failure::Unexpected`].
    pub echo: Option<Vec<u8>>,
    /// Time for which the answer must stay alone. If bytes come with it or in this time after it, they belong to a longer
    /// answer or to another question: the request fails with [`Failure::TooMuch`], and the connection is reset. `None`:
    /// they are dropped by the next query.
    pub alone: Option<Duration>,
}

impl Step {
    /// Creates a step whose answer ends with `until`.
    pub fn query(message: impl Into<Vec<u8>>, until: Until) -> Self {
        Self {
            message: message.into(),
            until: Some(until),
            expected: Vec::new(),
            refusal: Vec::new(),
            is_modbus: false,
            echo: None,
            alone: None,
        }
    }

    /// Sets the required start of the answer.
    #[must_use]
    pub fn expect(mut self, start: impl Into<Vec<u8>>) -> Self {
        self.expected = start.into();
        self
    }

    /// Sets the start of an answer that means refusal.
    #[must_use]
    pub fn refusal(mut self, start: impl Into<Vec<u8>>) -> Self {
        self.refusal = start.into();
        self
    }

    /// Sets the time for which the answer must stay alone.
    #[must_use]
    pub fn alone(mut self, time: Duration) -> Self {
        self.alone = Some(time);
        self
    }

    /// Whether the step sends something and waits for an answer to it.
    pub(super) fn asks(&self) -> bool {
        !self.message.is_empty() && self.until.is_some()
    }
}

impl Request {
    /// Sends a message and waits for its answer.
    pub fn query(message: impl Into<Vec<u8>>, until: Until) -> Self {
        Self::steps([Step::query(message, until)])
    }

    /// Sends a message that has no answer, or whose answer a [`Request::recv`] takes. It ends, with an empty answer,
    /// when the whole message was handed to the transport.
    pub fn send(message: impl Into<Vec<u8>>) -> Self {
        Self::steps([Step {
            until: None,
            ..Step::query(message, Until::Any)
        }])
    }

    /// Receives the device's next message. Fails at once if there is no connection on which it could arrive.
    #[must_use]
    pub fn recv(until: Until) -> Self {
        Self::query([], until)
    }

    /// Sends several messages, each once the previous one was answered.
    pub fn steps(steps: impl Into<Vec<Step>>) -> Self {
        Self {
            steps: steps.into(),
            timeout: None,
            idempotent: false,
        }
    }

    /// Requires the answers that must stay alone to do so for at least `time`.
    #[must_use]
    pub fn alone_for(mut self, time: Duration) -> Self {
        for alone in self.steps.iter_mut().filter_map(|step| step.alone.as_mut()) {
            *alone = time.max(*alone);
        }
        self
    }

    /// Permits sending the request twice.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Sets the time limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether the request only listens.
    pub(super) fn only_listens(&self) -> bool {
        self.steps.iter().all(|step| step.message.is_empty())
    }
}

/// Identifier of a request on its [`Connection`](super::Connection); not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// Reason why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// There was no connection, and an attempt to make one failed. Nothing was sent.
    #[error("not connected: {0}")]
    NotConnected(Cause),
    /// The connection ended before the answer had come.
    #[error("connection lost: {cause}{}", if *.sent { " (the device may have received the message)" } else { "" })]
    Lost {
        /// Cause of the end.
        cause: Cause,
        /// Whether the device may have received the message or a part of it.
        sent: bool,
    },
    /// The time limit was exceeded.
    #[error("timed out{}", if *.sent { " (the device may have received the message)" } else { "" })]
    TimedOut {
        /// Whether the device may have received the message or a part of it.
        sent: bool,
    },
    /// The device refused.
    #[error("the device refused: {}", .0.escape_ascii())]
    Refused(Vec<u8>),
    /// The device sent something that is not an answer to the message. The connection was reset.
    #[error("unexpected answer: {}", .0.escape_ascii())]
    Unexpected(Vec<u8>),
    /// The device refused, by a Modbus exception of this code. The connection stays.
    #[error("Modbus exception {0}: {meaning}", meaning = modbus::meaning(*.0))]
    Exception(u8),
    /// More came than one answer, which may belong to a longer one or to another question. The connection was reset.
    #[error("more than one answer: {}, then {}", .answer.escape_ascii(), .rest.escape_ascii())]
    TooMuch {
        /// The answer.
        answer: Vec<u8>,
        /// Bytes that came with it or after it, at most the first 100.
        rest: Vec<u8>,
    },
    /// The answer is longer than `answer-bytes`. The connection was reset.
    #[error("answer longer than the limit answer-bytes of {0}")]
    AnswerTooLong(usize),
}

impl Failure {
    /// Whether the device may have received the message or a part of it.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        match self {
            Self::NotConnected(_) => false,
            Self::Lost { sent, .. } | Self::TimedOut { sent } => *sent,
            Self::Refused(_)
            | Self::Unexpected(_)
            | Self::Exception(_)
            | Self::TooMuch { .. }
            | Self::AnswerTooLong(_) => true,
        }
    }
}

/// Cause of a device's failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// An attempt to connect failed.
    #[error(transparent)]
    Connect(ConnectError),
    /// The device closed the connection.
    #[error("the device closed the connection")]
    Closed,
    /// The transport failed.
    #[error("the connection broke")]
    Lost,
    /// The device did not answer in time.
    #[error("the device did not answer in time")]
    TimedOut,
    /// The device did not greet or ask for a login as it should.
    #[error("the device did not greet as expected: it sent '{}'", .0.escape_ascii())]
    NotGreeted(Vec<u8>),
    /// The device sent something unexpected, or more than `answer-bytes`.
    #[error("the device broke the protocol")]
    Misbehaved,
}
