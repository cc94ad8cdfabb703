//! Requests to a device, and their failures.

use alloc::vec::Vec;
use core::time::Duration;

use labwire_session::ConnectError;
use labwire_session::framing::until::Until;

/// Transaction with a device: messages and their answers, uninterrupted by others.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl Step {
    /// Creates a step whose answer ends with `until`.
    pub fn query(message: impl Into<Vec<u8>>, until: Until) -> Self {
        Self {
            message: message.into(),
            until: Some(until),
            expected: Vec::new(),
            refusal: Vec::new(),
        }
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
            Self::Refused(_) | Self::Unexpected(_) | Self::AnswerTooLong(_) => true,
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
    /// The device sent something unexpected, or more than `answer-bytes`.
    #[error("the device broke the protocol")]
    Misbehaved,
}
