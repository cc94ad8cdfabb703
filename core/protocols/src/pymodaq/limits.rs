//! The limits of a PyMoDAQ connection.

use labwire_session::limits::SessionLimits;

/// Limits of one connection. What a value's bytes claim is checked against them before anything is allocated for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The limits that every session has. `message-bytes` bounds each part of a message, a grabbed image with all that
    /// goes with it being one part; its default here is 256 MiB. Beyond it the connection ends.
    pub session: SessionLimits,
    /// `message-values`: how many values (numbers, texts, arrays, lists ...) a message part may hold. Beyond it the
    /// connection ends. Default 65,536.
    pub message_values: usize,
    /// `message-depth`: how deeply lists and data may be nested. Beyond it the connection ends. Default 16.
    pub message_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            session: SessionLimits::default().with_message_bytes(256 << 20),
            message_values: 1 << 16,
            message_depth: 16,
        }
    }
}
