//! Times and limits of one device connection.

use core::time::Duration;

/// Times and limits of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `backoff-initial`: the first waiting time before connecting again. Default 100 ms.
    pub backoff_initial: Duration,
    /// `backoff-maximum`: the longest waiting time. Default 30 s.
    pub backoff_maximum: Duration,
    /// `minimum-interval`: the least time from the start of one attempt to connect to the start of the next, whoever
    /// asks. Some devices do not take connections in rapid succession. Default 100 ms.
    pub minimum_interval: Duration,
    /// `connect-timeout`: after this an attempt to connect has failed. Default 10 s.
    pub connect_timeout: Duration,
    /// `settle-time`: how long a new connection waits before its first request. What the device says meanwhile is
    /// dropped: greetings, prompts, answers that a serial converter still held. Default 0.
    pub settle_time: Duration,
    /// `request-timeout`: how long a request may take that does not say so itself. Default 10 s.
    pub request_timeout: Duration,
    /// `queue-length`: how many requests may wait; a further one is refused. Default 64.
    pub queue_length: usize,
    /// `answer-bytes`: the longest answer, in bytes. A longer one, or as many bytes that nobody asked for, resets the
    /// connection. Default 1 MiB.
    pub answer_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backoff_initial: Duration::from_millis(100),
            backoff_maximum: Duration::from_secs(30),
            minimum_interval: Duration::from_millis(100),
            connect_timeout: Duration::from_secs(10),
            settle_time: Duration::ZERO,
            request_timeout: Duration::from_secs(10),
            queue_length: 64,
            answer_bytes: 1 << 20,
        }
    }
}
