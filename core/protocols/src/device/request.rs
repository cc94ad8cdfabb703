//! What is asked of a device, and what can come of it.

use alloc::vec::Vec;
use core::time::Duration;

use labwire_session::ConnectError;
use labwire_session::framing::until::Until;

/// One transaction with a device: messages and their answers, which nothing else comes between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is sent and awaited, in order. The answer to the request is the last step's.
    pub steps: Vec<Step>,
    /// How long it may take from [`request`](labwire_session::Asker::request) to its end. None: as the settings say.
    pub timeout: Option<Duration>,
    /// Sending it twice does no harm: when the connection is lost before the answer has come, it is sent once more.
    pub idempotent: bool,
}

/// A message and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The message; empty when this step only listens.
    pub message: Vec<u8>,
    /// Where the answer ends; none when there is no answer.
    pub until: Option<Until>,
    /// How the answer has to begin. One that begins otherwise is not the answer to this message: the request fails
    /// with [`Failure::Unexpected`] and the connection is reset.
    pub expected: Vec<u8>,
    /// How an answer begins by which the device says no: the request fails with [`Failure::Refused`], the connection
    /// stays. Empty: it has no such answer.
    pub refusal: Vec<u8>,
}

impl Step {
    /// A message whose answer ends with `until`.
    pub fn query(message: impl Into<Vec<u8>>, until: Until) -> Self {
        Self {
            message: message.into(),
            until: Some(until),
            expected: Vec::new(),
            refusal: Vec::new(),
        }
    }

    /// Whether it sends something and awaits an answer to it.
    pub(super) fn asks(&self) -> bool {
        !self.message.is_empty() && self.until.is_some()
    }
}

impl Request {
    /// A message and its answer.
    pub fn query(message: impl Into<Vec<u8>>, until: Until) -> Self {
        Self::steps([Step::query(message, until)])
    }

    /// A message that has no answer, or whose answer a [`Request::recv`] takes. It ends, with an empty answer, when all
    /// of it is handed to the transport.
    pub fn send(message: impl Into<Vec<u8>>) -> Self {
        Self::steps([Step {
            until: None,
            ..Step::query(message, Until::Any)
        }])
    }

    /// What the device says next. It fails at once when there is no connection that something could come from.
    pub fn recv(until: Until) -> Self {
        Self::query([], until)
    }

    /// Several messages, each sent when the one before it was answered.
    pub fn steps(steps: impl Into<Vec<Step>>) -> Self {
        Self {
            steps: steps.into(),
            timeout: None,
            idempotent: false,
        }
    }

    /// Allows that it is sent twice.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether it sends nothing.
    pub(super) fn only_listens(&self) -> bool {
        self.steps.iter().all(|step| step.message.is_empty())
    }
}

/// Names a request towards its [`Connection`](super::Connection); not used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// There was no connection, and an attempt to make one failed. Nothing was sent.
    #[error("not connected: {0}")]
    NotConnected(Cause),
    /// The connection ended before the answer had come.
    #[error("connection lost: {cause}{}", if *.sent { " (the device may have received the message)" } else { "" })]
    Lost {
        /// How it ended.
        cause: Cause,
        /// Whether the device may have received the message or a part of it.
        sent: bool,
    },
    /// The time was over.
    #[error("timed out{}", if *.sent { " (the device may have received the message)" } else { "" })]
    TimedOut {
        /// Whether the device may have received the message or a part of it.
        sent: bool,
    },
    /// The device said no.
    #[error("the device refused: {}", .0.escape_ascii())]
    Refused(Vec<u8>),
    /// The device said something that is not an answer to the message. The connection was reset.
    #[error("unexpected answer: {}", .0.escape_ascii())]
    Unexpected(Vec<u8>),
    /// The answer is longer than `answer-bytes`. The connection was reset.
    #[error("answer longer than the limit answer-bytes of {0}")]
    AnswerTooLong(usize),
}

impl Failure {
    /// Whether the device may have received the message or a part of it.
    pub fn is_sent(&self) -> bool {
        match self {
            Self::NotConnected(_) => false,
            Self::Lost { sent, .. } | Self::TimedOut { sent } => *sent,
            Self::Refused(_) | Self::Unexpected(_) | Self::AnswerTooLong(_) => true,
        }
    }
}

/// What makes a device unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// An attempt to connect failed.
    #[error("{0}")]
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
    /// The device said something else than expected, or more than `answer-bytes`.
    #[error("the device broke the protocol")]
    Misbehaved,
}
