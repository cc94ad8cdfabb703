//! Limits that every session and every host has. Each has a name, a default and a stated behaviour when it is hit.

use core::time::Duration;

/// Limits of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionLimits {
    /// `message-bytes`: the longest message accepted, in bytes, leading white space included. A longer one is refused
    /// by the protocol's error reply, then the connection ends. Default 1 MiB.
    pub message_bytes: usize,
    /// `request-timeout`: from the first byte of a message (or from the connection's start, for its first message) to
    /// its last. A peer that takes longer is dropped. Default 30 s.
    pub request_timeout: Duration,
    /// `idle-timeout`: how long a kept-open connection may say nothing between messages. Then it is closed. Default
    /// 10 min.
    pub idle_timeout: Duration,
    /// `write-timeout`: how long a peer may leave our output unread without any progress. Then the connection is
    /// aborted. Default 30 s.
    pub write_timeout: Duration,
    /// `linger-time`: how long, after our last byte and FIN, input is still read and discarded, so that the reply is
    /// not lost to a reset. Default 1 s.
    pub linger_time: Duration,
    /// `linger-bytes`: how much input is discarded at most while lingering. Default 4 MiB.
    pub linger_bytes: usize,
    /// `output-bytes`: how much output may wait for a slow reader. A session that would exceed it stops taking input
    /// until there is room. Default 4 MiB.
    pub output_bytes: usize,
}

impl SessionLimits {
    /// These limits with another `message_bytes`.
    #[must_use]
    pub fn with_message_bytes(self, message_bytes: usize) -> Self {
        Self {
            message_bytes,
            ..self
        }
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

/// Limits of a host that serves many connections with one service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostLimits {
    /// `connections`: how many may be open at once. One more is closed as soon as it is made. Default 1024.
    pub connections: usize,
    /// `connections-per-peer`: how many may be open at once from one address. One more is closed as soon as it is
    /// made. Default 256.
    pub connections_per_peer: usize,
    /// `workers`: how many threads work on what takes longer than a moment; more work than threads is worked on in
    /// turns. Default 2.
    pub workers: usize,
    /// `jobs`: how much of such work is under way at once, in turns. More of it waits in the service's queue, which
    /// has a limit of its own. Default 64.
    pub jobs: usize,
    /// `grace-time`: how long, after the host was asked to end, running work and open connections may take to finish.
    /// What has not finished by then is cut, and counted in the log. Default 10 s.
    pub grace_time: Duration,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_peer: 256,
            workers: 2,
            jobs: 64,
            grace_time: Duration::from_secs(10),
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

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("añb", 2), "a");
        assert_eq!(beginning("añb", 3), "añ");
        assert_eq!(beginning("añb", 9), "añb");
        assert_eq!(beginning("ñ", 1), "");
    }
}
