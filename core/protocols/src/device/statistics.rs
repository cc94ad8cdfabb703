//! What a connection counts.

use core::time::Duration;

/// Counts since the connection was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Attempts to connect.
    pub attempts: u64,
    /// Attempts that succeeded.
    pub connections: u64,
    /// Connections that ended against our will, those reset after a time-out included.
    pub connections_lost: u64,
    /// Requests taken.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Answers handed out; a request of several steps has several.
    pub answers: u64,
    /// Idempotent requests sent a second time.
    pub resent: u64,
    /// Bytes handed to the transport.
    pub bytes_sent: u64,
    /// Bytes that came.
    pub bytes_received: u64,
    /// Bytes that came and were nobody's answer.
    pub bytes_discarded: u64,
    /// From the first byte of the last answered request to its answer.
    pub round_trip: Duration,
}
