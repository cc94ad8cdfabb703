//! The command set of `OBE_Server`, typed.

use alloc::string::String;
use alloc::vec::Vec;

use labwire_python_json::{Object, Value};

/// The commands, in the order in which upstream looks for them.
pub const COMMANDS: [&str; 14] = [
    "getset", "getpar", "getcon", "getwgt", "newrun", "optset", "goodset", "newdat", "getpdf", "getmean",
    "getstd", "getcov", "ready", "done",
];

/// Commands that upstream does not have; they are recognised by their exact names only.
pub const ADDED_COMMANDS: [&str; 7] = ["status", "utility", "interval", "history", "undo", "save", "load"];

/// What a client can ask.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Request {
    /// `getset`: all settings. The reply is a list for each knob, over all combinations of settings.
    Settings,
    /// `getpar` or `getpdf`: the particles. The reply is a list for each parameter, over all particles.
    Particles,
    /// `getcon`: the model's constants.
    Constants,
    /// `getwgt`: the particles' weights.
    Weights,
    /// `newrun`: begin again, with arguments whose meaning the experiment defines, or with another experiment, as
    /// `experiment`.
    NewRun(Object),
    /// `optset`: the setting of the highest utility, a number for each knob.
    OptimalSetting,
    /// `goodset`: a setting drawn with a probability that grows as utility to the power of `pickiness`.
    GoodSetting {
        /// The experiment's own when absent.
        pickiness: Option<f64>,
    },
    /// `newdat`: a measurement.
    NewData(Measurement),
    /// `getmean`: the parameters' means.
    Mean,
    /// `getstd`: the parameters' standard deviations.
    StandardDeviation,
    /// `getcov`: the parameters' covariance matrix.
    Covariance,
    /// `ready`: is anybody there.
    Ready,
    /// `done`: end the server.
    Done,
    /// `status`: an object that tells how the run stands.
    Status,
    /// `utility`: the utility of every setting.
    Utility,
    /// `interval`: for each parameter, the ends of the interval that holds it with this probability.
    Interval {
        /// 0.95 when absent.
        probability: Option<f64>,
    },
    /// `history`: the measurements.
    History,
    /// `undo`: take the last measurement back.
    Undo,
    /// `save`: write the posterior to a file.
    Save {
        /// The file's name.
        name: String,
    },
    /// `load`: read it back.
    Load {
        /// The file's name.
        name: String,
    },
}

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The setting, a number for each knob.
    pub x: Vec<f64>,
    /// The values, one for each channel.
    pub y: Vec<f64>,
    /// Their standard deviations. Absent where the noise is a parameter of the model.
    pub s: Option<Sigma>,
}

/// The standard deviation of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub enum Sigma {
    /// The same for every channel.
    Every(f64),
    /// One for each channel.
    PerChannel(Vec<f64>),
}

/// What a server answers when it can.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// `"OK"`.
    Ok,
    /// A list of numbers.
    Numbers(Vec<f64>),
    /// A list of lists of numbers.
    Table(Vec<Vec<f64>>),
    /// Anything else, such as constants that are whole numbers.
    Value(Value),
}

/// What a server answers when it cannot: `{"error": {"code": ..., "message": ...}}`. Upstream has no such reply; it
/// dies or stays silent instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ErrorReply {
    /// One of [`code`].
    pub code: String,
    /// For people.
    pub message: String,
}

/// The codes of [`ErrorReply`].
pub mod code {
    /// The first ten bytes of the message are no length. The connection ends.
    pub const MALFORMED_LENGTH: &str = "malformed-length";
    /// The message is longer than the limit `message-bytes`. The connection ends.
    pub const TOO_LONG: &str = "too-long";
    /// The stream ended, or the time was up, inside a message. The connection ends.
    pub const INCOMPLETE: &str = "incomplete";
    /// The body is not JSON.
    pub const MALFORMED_JSON: &str = "malformed-json";
    /// The body is JSON, but not an object with a `command`.
    pub const NOT_A_COMMAND: &str = "not-a-command";
    /// There is no such command.
    pub const UNKNOWN_COMMAND: &str = "unknown-command";
    /// An argument is missing or is not what it must be.
    pub const INVALID_ARGUMENT: &str = "invalid-argument";
    /// The command is not permitted to this client.
    pub const NOT_PERMITTED: &str = "not-permitted";
    /// No particle is left that could have given the measurement.
    pub const NO_LIKELIHOOD: &str = "no-likelihood";
    /// The experiment that came with `newrun` is wrong.
    pub const INVALID_EXPERIMENT: &str = "invalid-experiment";
    /// There is no measurement to take back.
    pub const NOTHING_TO_UNDO: &str = "nothing-to-undo";
    /// A posterior could not be written or read.
    pub const STORAGE: &str = "storage";
}

impl ErrorReply {
    /// An error reply.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// The error, if a reply is one.
    pub fn from_value(reply: &Value) -> Option<Self> {
        let error = reply.as_object()?.get("error")?.as_object()?;
        Some(Self::new(
            error.get("code")?.as_str()?,
            error.get("message")?.as_str()?,
        ))
    }
}
