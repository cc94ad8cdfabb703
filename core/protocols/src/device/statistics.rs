//! Counters of a device connection.

use core::time::Duration;

/// Counters since the connection was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Attempts to connect.
    pub attempts: u64,
    /// Attempts that succeeded.
    pub connections: u64,
    /// Connections that ended unintentionally, including those reset after a time-out.
    pub connections_lost: u64,
    /// Requests accepted.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Answers delivered; a request of several steps has several.
    pub answers: u64,
    /// Idempotent requests sent a second time.
    pub resent: u64,
    /// Bytes handed to the transport.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes received that belonged to no answer.
    pub bytes_discarded: u64,
    /// Time from the first byte of the last answered request to its answer.
    pub round_trip: Duration,
}
