//! Limits of every session and every host. Each has a name, a default and a documented behaviour when it is reached.

#[cfg(feature = "hosting")]
mod host;

use core::time::Duration;

use serde::{Deserialize, Serialize};

#[cfg(feature = "hosting")]
pub use host::HostLimits;

/// A limit with which nothing would work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit {name} is {value}, expected {expected}")]
#[non_exhaustive]
pub struct InvalidLimit {
    /// Name of the limit.
    pub name: &'static str,
    /// Its value: a number, or a number of seconds, rounded down.
    pub value: u64,
    /// The range of values that it may have.
    pub expected: &'static str,
}

/// Checks that `value`, of the limit `name`, is not zero.
///
/// # Errors
/// If it is.
pub fn at_least_one(name: &'static str, value: usize) -> Result<(), InvalidLimit> {
    in_range(name, value, value >= 1, "at least 1")
}

/// Checks that `value`, of the limit `name`, is in its range.
///
/// # Errors
/// If it is not.
pub fn in_range(
    name: &'static str,
    value: usize,
    is_in_range: bool,
    expected: &'static str,
) -> Result<(), InvalidLimit> {
    let value = value as u64;
    match is_in_range {
        true => Ok(()),
        false => Err(InvalidLimit {
            name,
            value,
            expected,
        }),
    }
}

fn takes_time(name: &'static str, value: Duration) -> Result<(), InvalidLimit> {
    match value.is_zero() {
        true => Err(InvalidLimit {
            name,
            value: 0,
            expected: "a time longer than 0",
        }),
        false => Ok(()),
    }
}

/// Limits of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct SessionLimits {
    /// `message-bytes`: the longest message accepted, in bytes, leading white space included. A longer one is refused
    /// by the protocol's error reply, then the connection ends. Default 1 MiB.
    pub message_bytes: usize,
    /// `request-timeout`: time from the first byte of a message (or from the connection's start, for its first
    /// message) to its last. A slower peer is dropped. Default 30 s.
    #[serde(with = "crate::seconds")]
    pub request_timeout: Duration,
    /// `idle-timeout`: time that a kept-open connection may be silent between messages, after which it is closed.
    /// Default 10 min.
    #[serde(with = "crate::seconds")]
    pub idle_timeout: Duration,
    /// `write-timeout`: time that a peer may leave output unread without any progress, after which the connection is
    /// aborted. Default 30 s.
    #[serde(with = "crate::seconds")]
    pub write_timeout: Duration,
    /// `linger-time`: time after the last byte and FIN during which input is still read and discarded, so that the
    /// reply is not lost to a reset. Default 1 s.
    #[serde(with = "crate::seconds")]
    pub linger_time: Duration,
    /// `linger-bytes`: most input discarded while lingering. Default 4 MiB.
    pub linger_bytes: usize,
    /// `output-bytes`: most output that may wait for a slow reader. A session that would exceed it stops taking input
    /// until there is room. Default 4 MiB.
    pub output_bytes: usize,
}

impl SessionLimits {
    crate::setters! {
        with_message_bytes message_bytes: usize,
        with_request_timeout request_timeout: Duration,
        with_idle_timeout idle_timeout: Duration,
        with_write_timeout write_timeout: Duration,
        with_linger_time linger_time: Duration,
        with_linger_bytes linger_bytes: usize,
        with_output_bytes output_bytes: usize,
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// The first with which no message would get through.
    pub fn validate(&self) -> Result<(), InvalidLimit> {
        at_least_one("message-bytes", self.message_bytes)?;
        at_least_one("output-bytes", self.output_bytes)?;
        takes_time("request-timeout", self.request_timeout)?;
        takes_time("idle-timeout", self.idle_timeout)?;
        takes_time("write-timeout", self.write_timeout)
    }
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(600),
            write_timeout: Duration::from_secs(30),
            linger_time: Duration::from_secs(1),
            linger_bytes: 4 << 20,
            output_bytes: 4 << 20,
        }
    }
}

/// The longest beginning of `text` that takes at most `bytes` bytes and ends between two characters.
#[must_use]
pub fn beginning(text: &str, bytes: usize) -> &str {
    // `str::floor_char_boundary` is younger than this crate's `rust-version`.
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn limits_that_serve_nobody_are_refused_by_name() {
        assert_eq!(SessionLimits::default().validate(), Ok(()));
        let error = SessionLimits::default().with_output_bytes(0_usize).validate();
        let text = "limit output-bytes is 0, expected at least 1";
        assert_eq!(error.map_err(|error| error.to_string()), Err(text.into()));
        let error = SessionLimits::default()
            .with_write_timeout(Duration::ZERO)
            .validate();
        let text = "limit write-timeout is 0, expected a time longer than 0";
        assert_eq!(error.map_err(|error| error.to_string()), Err(text.into()));
    }

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("añb", 2), "a");
        assert_eq!(beginning("añb", 3), "añ");
        assert_eq!(beginning("añb", 9), "añb");
        assert_eq!(beginning("ñ", 1), "");
    }
}
