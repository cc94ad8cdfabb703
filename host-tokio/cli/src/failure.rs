//! What the program says when it fails, and its exit status (sysexits.h).

use std::process::ExitCode;
use std::{fmt, io};

use labwire_core::problem::TextError;
use labwire_tokio::ClientError;

/// The command line is wrong.
pub(crate) const USAGE: u8 = 64;
/// A file, or what a server was sent, is wrong.
pub(crate) const DATA: u8 = 65;
/// A file cannot be read.
pub(crate) const NO_INPUT: u8 = 66;
/// A server is not there, or an address cannot be listened on.
pub(crate) const UNAVAILABLE: u8 = 69;
/// The system has run out of something.
pub(crate) const SYSTEM: u8 = 71;
/// A file cannot be written.
pub(crate) const CANNOT_CREATE: u8 = 73;
/// A server said something that was not expected.
pub(crate) const PROTOCOL: u8 = 76;
/// The configuration is wrong.
pub(crate) const CONFIG: u8 = 78;
/// Not an error of the program's: the solve did not converge.
pub(crate) const NOT_CONVERGED: u8 = 1;

/// A second signal: as the shell reports an interrupted program.
pub(crate) const SECOND_SIGNAL: u8 = 130;

/// How a command ends.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Why a command failed, and what might help.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A problem file that is wrong; the error brings its own hint.
    pub(crate) fn problem(file: &str, error: &TextError) -> Self {
        Self::new(DATA, format!("{file}: {error}"))
    }

    /// A server that is not there.
    pub(crate) fn unreachable(address: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(UNAVAILABLE, format!("{address}: cannot connect: {error}"))
            .hint("start a server with `labwire serve`")
    }

    /// A call that failed.
    pub(crate) fn call(address: impl fmt::Display, error: &ClientError) -> Self {
        let (code, hint) = match error {
            ClientError::Connect(_) => (UNAVAILABLE, Some("start a server with `labwire serve`")),
            ClientError::Server(_) => (DATA, None),
            _ => (PROTOCOL, None),
        };
        let mut failure = Self::new(code, format!("{address}: {error}"));
        failure.hint = hint.map(str::to_owned);
        failure
    }
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

/// The hint for a name that is not known: the known name that is most like it, or else all of them.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best {
        Some(best) if likeness(best) > 0.8 => format!("did you mean `{best}`?"),
        _ => format!("known are: {}", known.join(", ")),
    }
}
