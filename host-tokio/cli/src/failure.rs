//! Failures of the program: messages, hints and exit statuses (sysexits.h).

use std::path::Path;
use std::process::ExitCode;
use std::{fmt, io};

use labwire_core::open::ErrorReply;
use labwire_core::problem::TextError;
use labwire_tokio::{ClientError, NoReply, RemoteError};
use serde_json::{Value, json};

use crate::standard::is_standard;

/// The command line is invalid.
pub(crate) const USAGE: u8 = 64;
/// A file, or data sent to a server, is invalid.
pub(crate) const DATA: u8 = 65;
/// A file cannot be read.
pub(crate) const NO_INPUT: u8 = 66;
/// A server cannot be reached, or an address cannot be bound.
pub(crate) const UNAVAILABLE: u8 = 69;
/// A system resource is exhausted.
pub(crate) const SYSTEM: u8 = 71;
/// A file cannot be written.
pub(crate) const CANNOT_CREATE: u8 = 73;
/// An output, such as standard output, refuses a write.
pub(crate) const OUTPUT: u8 = 74;
/// A server sent an unexpected reply.
pub(crate) const PROTOCOL: u8 = 76;
/// The configuration is invalid.
pub(crate) const CONFIG: u8 = 78;
/// The solve did not converge; not an error of the program.
pub(crate) const NOT_CONVERGED: u8 = 1;

/// Standard output is no longer read: the status that the shell reports for a program ended by SIGPIPE.
pub(crate) const NOBODY_READS: u8 = 141;

/// A second signal: the status that the shell reports for an interrupted program.
pub(crate) const SECOND_SIGNAL: u8 = 130;

/// Result of a command.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Failure of a command, with an optional hint.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    message: String,
    hint: Option<String>,
    /// Code of the error reply behind it, if there is one.
    pub(crate) reply_code: Option<u32>,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            reply_code: None,
        }
    }

    /// Failure by an error reply of OpEn's protocol.
    pub(crate) fn replied(error: ErrorReply) -> Self {
        Self {
            reply_code: Some(error.code),
            ..Self::new(DATA, error.message)
        }
    }

    /// The failure for programs. Its code is that of the reply behind it, or else the exit status.
    pub(crate) fn to_json(&self) -> Value {
        let code = self.reply_code.unwrap_or(self.code.into());
        let mut object = json!({"type": "Error", "code": code, "message": self.message});
        if let Some(hint) = &self.hint {
            object["hint"] = json!(hint);
        }
        object
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message alone.
    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// Failure of an invalid problem file; the error contains its own hint.
    pub(crate) fn problem(file: &str, error: &TextError) -> Self {
        Self::new(DATA, format!("{file}: {error}"))
    }

    /// Failure to write a file; `-` is standard output. When nobody reads that any more, nothing is said: the reader
    /// has decided so.
    pub(crate) fn writing(path: &Path, error: &io::Error) -> Self {
        if !is_standard(path) {
            let message = format!("cannot write {}: {error}", path.display());
            return Self::new(CANNOT_CREATE, message);
        }
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(NOBODY_READS, ""),
            _ => Self::new(OUTPUT, format!("cannot write standard output: {error}")),
        }
    }

    /// A server that cannot be reached.
    pub(crate) fn unreachable(error: &RemoteError<io::Error>) -> Self {
        let RemoteError { remote, error, .. } = error;
        Self::new(UNAVAILABLE, format!("{remote}: cannot connect: {error}"))
            .hint_unless_tls(error, "start a server with `labwire serve`")
    }

    /// A call without a reply.
    pub(crate) fn no_reply(error: &RemoteError<NoReply>) -> Self {
        let failure = Self::new(PROTOCOL, error.to_string());
        match &error.error {
            NoReply::Failed(why) => failure.hint_about(why),
            error => failure.hint_about(&error.to_string()),
        }
    }

    /// A failed call of an OpEn server.
    pub(crate) fn call(error: &RemoteError<ClientError>) -> Self {
        let failure = |code| Self::new(code, error.to_string());
        match &error.error {
            ClientError::Connect(why) => {
                failure(UNAVAILABLE).hint_unless_tls(why, "start a server with `labwire serve`")
            }
            ClientError::Server(reply) => Self {
                reply_code: Some(reply.code),
                ..failure(DATA)
            },
            ClientError::NotJson(_) => failure(DATA),
            other => failure(PROTOCOL).hint_about(&other.to_string()),
        }
    }

    /// Message and hint, for the log.
    pub(crate) fn in_one_line(&self) -> String {
        let hint = self.hint.as_deref().map(|hint| format!(" ({hint})"));
        self.message.clone() + &hint.unwrap_or_default()
    }

    /// Adds advice about a peer that cannot be reached; `hint`, unless TLS has failed, for which somebody must be there.
    pub(crate) fn hint_unless_tls(self, why: &io::Error, hint: &str) -> Self {
        match why.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => self.hint_about(&why.to_string()),
            _ => self.hint(hint).hint_about(&why.to_string()),
        }
    }

    /// Adds advice if `why` concerns TLS.
    pub(crate) fn hint_about(self, why: &str) -> Self {
        match advice(why) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

fn advice(why: &str) -> Option<&'static str> {
    let hints = [
        ("message-bytes", "--message-bytes allows longer replies"),
        ("json-values", "--message-bytes allows longer replies"),
        (
            "does not speak TLS",
            "leave out --tls and --ca, or ask the server's owner for TLS",
        ),
        (
            "speaks TLS only",
            "--tls, or --ca with the file of the server's authority, speaks TLS",
        ),
        ("asks for a certificate", "--cert and --key show one"),
        (
            "unknown authority",
            "--ca names the file of the server's authority, or of its certificate",
        ),
        (
            "not valid for name",
            "--server-name names the server as its certificate does",
        ),
    ];
    hints
        .into_iter()
        .find_map(|(words, hint)| why.contains(words).then_some(hint))
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Hint for an unknown name: the most similar known name, or else all of them.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best {
        Some(best) if likeness(best) > 0.8 => format!("did you mean `{best}`?"),
        _ => format!("expected one of: {}", known.join(", ")),
    }
}
