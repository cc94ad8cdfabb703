//! Typed commands of `OBE_Server`.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use labwire_python_json::{Object, Value};
use labwire_session::LongText;

/// Commands, in the order in which upstream looks for them.
pub const COMMANDS: [&str; 14] = [
    "getset", "getpar", "getcon", "getwgt", "newrun", "optset", "goodset", "newdat", "getpdf", "getmean",
    "getstd", "getcov", "ready", "done",
];

/// Commands that upstream lacks; they are recognised by their exact names only.
pub const ADDED_COMMANDS: [&str; 10] = [
    "status", "utility", "batch", "interval", "history", "undo", "save", "load", "runs", "resume",
];

/// Most settings of a batch.
pub(super) const BATCH: usize = 1000;

/// Longest name of a run, in characters.
const NAME_CHARACTERS: usize = 100;

/// Request of a client.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Request {
    /// `getset`: all settings. The reply is a list per knob, over all combinations of settings.
    Settings,
    /// `getpar` or `getpdf`: the particles. The reply is a list per parameter, over all particles.
    Particles,
    /// `getcon`: the constants of the model.
    Constants,
    /// `getwgt`: the weights of the particles.
    Weights,
    /// `newrun`: start a new run, with arguments whose meaning the experiment defines, or with another experiment, as
    /// `experiment`.
    NewRun(Object),
    /// `optset`: the setting of highest utility, one number per knob.
    OptimalSetting,
    /// `goodset`: a setting drawn with probability proportional to its utility raised to the power `pickiness`.
    GoodSetting {
        /// Exponent; by default the experiment's own.
        pickiness: Option<f64>,
    },
    /// `newdat`: a measurement.
    NewData(Measurement),
    /// `getmean`: the means of the parameters.
    Mean,
    /// `getstd`: the standard deviations of the parameters.
    StandardDeviation,
    /// `getcov`: the covariance matrix of the parameters.
    Covariance,
    /// `ready`: whether the server is ready.
    Ready,
    /// `done`: end the server.
    Done,
    /// `status`: an object with the state of the run.
    Status,
    /// `utility`: the utility of every setting.
    Utility,
    /// `batch`: the next settings together, for instruments that take a list of them.
    Batch {
        /// Number of settings.
        count: usize,
    },
    /// `interval`: the credible interval of each parameter with this probability.
    Interval {
        /// Probability; 0.95 by default.
        probability: Option<f64>,
    },
    /// `history`: the measurements.
    History,
    /// `undo`: undo the last measurement; without one, return to the run before the one that has just begun.
    Undo,
    /// `save`: write the posterior to a file.
    Save {
        /// Name of the file.
        name: String,
    },
    /// `load`: begin a new run with the posterior of a file.
    Load {
        /// Name of the file.
        name: String,
    },
    /// `runs`: the runs that can be resumed. The reply is a list of objects, the one changed last at the end.
    Runs,
    /// `resume`: make another run the default, which commands without `run` act on.
    Resume {
        /// The run.
        run: RunName,
    },
    /// Any other command with `run`: it acts on that run instead of the default one.
    Of {
        /// The run.
        run: RunName,
        /// The command.
        request: Box<Request>,
    },
    /// A command with keys that it does not have, which say nothing.
    WithUnknownKeys {
        /// The first of the keys, cut short.
        keys: Vec<String>,
        /// Keys of the command besides `command` and `run`.
        known: &'static [&'static str],
        /// The command, or one with `run`.
        request: Box<Request>,
    },
}

impl Request {
    /// The command, without the run on which it acts and without unknown keys.
    #[must_use]
    pub fn command(&self) -> &Self {
        match self {
            Self::Of { request, .. } | Self::WithUnknownKeys { request, .. } => request.command(),
            request => request,
        }
    }

    /// Name of the command on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Of { request, .. } | Self::WithUnknownKeys { request, .. } => request.name(),
            Self::Settings => "getset",
            Self::Particles => "getpar",
            Self::Constants => "getcon",
            Self::Weights => "getwgt",
            Self::NewRun(_) => "newrun",
            Self::OptimalSetting => "optset",
            Self::GoodSetting { .. } => "goodset",
            Self::NewData(_) => "newdat",
            Self::Mean => "getmean",
            Self::StandardDeviation => "getstd",
            Self::Covariance => "getcov",
            Self::Ready => "ready",
            Self::Done => "done",
            Self::Status => "status",
            Self::Utility => "utility",
            Self::Batch { .. } => "batch",
            Self::Interval { .. } => "interval",
            Self::History => "history",
            Self::Undo => "undo",
            Self::Save { .. } => "save",
            Self::Load { .. } => "load",
            Self::Runs => "runs",
            Self::Resume { .. } => "resume",
        }
    }

    /// Whether the reply may be long: its length grows with the experiment or its history. `is_large`: so do those to
    /// which every experiment of usual size has a short reply.
    #[must_use]
    pub fn has_long_reply(&self, is_large: bool) -> bool {
        match self.command() {
            Self::Settings
            | Self::Particles
            | Self::Weights
            | Self::Utility
            | Self::Batch { .. }
            | Self::History => true,
            Self::Constants
            | Self::Mean
            | Self::StandardDeviation
            | Self::Covariance
            | Self::Interval { .. }
            | Self::Status
            | Self::Runs => is_large,
            _ => false,
        }
    }
}

/// Run of an experiment, as clients call it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the wire has no other form")]
pub enum RunName {
    /// Its number.
    Number(u64),
    /// The name that it was given by `newrun`: the last run of that name.
    Name(String),
}

impl fmt::Display for RunName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Name(name) => write!(formatter, "{name:?}"),
        }
    }
}

impl TryFrom<&Value> for RunName {
    type Error = ErrorReply;

    /// A whole number, as such or as a text, or else a name: up to 100 characters, none of them a control character.
    fn try_from(value: &Value) -> Result<Self, ErrorReply> {
        let number = match value {
            Value::Int(number) => u64::try_from(*number).ok(),
            value => value.as_str().and_then(|text| text.parse().ok()),
        };
        if let Some(number) = number {
            return Ok(Self::Number(number));
        }
        let is_name = |name: &&str| {
            let length = name.chars().count();
            (1..=NAME_CHARACTERS).contains(&length) && !name.chars().any(char::is_control)
        };
        let name = value.as_str().filter(is_name).ok_or_else(|| {
            let text = format!(
                "\"run\" must be the number of a run, or a name of up to {NAME_CHARACTERS} characters"
            );
            ErrorReply::new(code::INVALID_ARGUMENT, text)
        })?;
        Ok(Self::Name(name.into()))
    }
}

impl From<&RunName> for Value {
    fn from(run: &RunName) -> Self {
        match run {
            RunName::Number(number) => {
                i64::try_from(*number).map_or_else(|_| format!("{number}").into(), Self::Int)
            }
            RunName::Name(name) => name.as_str().into(),
        }
    }
}

/// Measurement.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the fields of the wire")]
pub struct Measurement {
    /// Setting, one number per knob.
    pub x: Vec<f64>,
    /// Values, one per channel.
    pub y: Vec<f64>,
    /// Standard deviations of the values. Absent if the noise is a parameter of the model.
    pub s: Option<Sigma>,
}

/// Standard deviation of a measurement.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the wire has no other form")]
pub enum Sigma {
    /// The same for every channel.
    Every(f64),
    /// One per channel.
    PerChannel(Vec<f64>),
}

/// Successful reply of a server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// `"OK"`.
    Ok,
    /// A list of numbers.
    Numbers(Vec<f64>),
    /// A list of lists of numbers.
    Table(Vec<Vec<f64>>),
    /// The JSON text of a long value, which is written as it is read.
    Long(LongText),
    /// Any other value, such as constants that are whole numbers.
    Value(Value),
}

/// Error reply of a server: `{"error": {"code": ..., "message": ...}}`. Upstream has no such reply; it fails or stays
/// silent instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
#[expect(clippy::exhaustive_structs, reason = "the fields of the wire")]
pub struct ErrorReply {
    /// One of the codes in [`code`].
    pub code: String,
    /// Description for people.
    pub message: String,
}

/// Codes of [`ErrorReply`].
pub mod code {
    /// The first ten bytes of the message are not a length. The connection ends.
    pub const MALFORMED_LENGTH: &str = "malformed-length";
    /// The message is longer than the limit `message-bytes`. The connection ends.
    pub const TOO_LONG: &str = "too-long";
    /// The stream ended, or the time limit was exceeded, inside a message. The connection ends.
    pub const INCOMPLETE: &str = "incomplete";
    /// The body is not JSON.
    pub const MALFORMED_JSON: &str = "malformed-json";
    /// The body is JSON, but not an object with a `command`.
    pub const NOT_A_COMMAND: &str = "not-a-command";
    /// The command is unknown.
    pub const UNKNOWN_COMMAND: &str = "unknown-command";
    /// An argument is missing or invalid.
    pub const INVALID_ARGUMENT: &str = "invalid-argument";
    /// The client is not permitted to use the command.
    pub const NOT_PERMITTED: &str = "not-permitted";
    /// No particle can explain the measurement.
    pub const NO_LIKELIHOOD: &str = "no-likelihood";
    /// The experiment sent with `newrun` is invalid.
    pub const INVALID_EXPERIMENT: &str = "invalid-experiment";
    /// The request took longer than the limit `design-time`. Nothing has changed.
    pub const OUT_OF_TIME: &str = "out-of-time";
    /// There is no measurement to undo.
    pub const NOTHING_TO_UNDO: &str = "nothing-to-undo";
    /// A posterior or the log of a run could not be written or read. Nothing has changed.
    pub const STORAGE: &str = "storage";
    /// The server panicked while it worked on the request.
    pub const PANICKED: &str = "panicked";
    /// There is no such run.
    pub const NO_SUCH_RUN: &str = "no-such-run";
}

impl ErrorReply {
    /// Creates an error reply.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// The error, if the reply is one.
    #[must_use]
    pub fn from_value(reply: &Value) -> Option<Self> {
        let error = reply.as_object()?.get("error")?.as_object()?;
        Some(Self::new(
            error.get("code")?.as_str()?,
            error.get("message")?.as_str()?,
        ))
    }
}
