//! Limits of a PyMoDAQ connection.

use core::time::Duration;

use labwire_session::limits::{InvalidLimit, SessionLimits, at_least_one};
use serde::{Deserialize, Serialize};

/// Limits of one connection. Announced sizes are checked against them before anything is allocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Limits {
    /// Limits of every session. `message-bytes` bounds each part of a message, such as a grabbed image with all its
    /// metadata; its default here is 256 MiB. Beyond it the connection ends.
    pub session: SessionLimits,
    /// `message-values`: number of values (numbers, texts, arrays, lists ...) in a message part. Beyond it the
    /// connection ends. Default 65,536.
    pub message_values: usize,
    /// `message-depth`: deepest nesting of lists and data. Beyond it the connection ends. Default 16.
    pub message_depth: usize,
    /// `recognition-time`: time after which a server takes data that may be complete as complete. PyMoDAQ 4.1 sends no
    /// errors, 4.2 and 4.3 send how many there are; without attributes, data of the former are the beginning of the
    /// latter. It is waited for at most once per module. Default 0.2 s.
    #[serde(with = "labwire_session::seconds")]
    pub recognition_time: Duration,
}

impl Limits {
    /// Checks every limit.
    ///
    /// # Errors
    /// The first with which no message would get through.
    pub fn validate(&self) -> Result<(), InvalidLimit> {
        self.session.validate()?;
        at_least_one("message-values", self.message_values)?;
        at_least_one("message-depth", self.message_depth)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            session: SessionLimits::default().with_message_bytes(256 << 20),
            message_values: 1 << 16,
            message_depth: 16,
            recognition_time: Duration::from_millis(200),
        }
    }
}
