//! Times and limits of one device connection.

use core::time::Duration;

/// Times and limits of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `backoff-initial`: first delay before reconnecting. Default 100 ms.
    pub backoff_initial: Duration,
    /// `backoff-maximum`: longest delay. Default 30 s.
    pub backoff_maximum: Duration,
    /// `minimum-interval`: least time from the start of one attempt to connect to the start of the next, in all
    /// cases. Some devices do not accept connections in rapid succession. Default 100 ms.
    pub minimum_interval: Duration,
    /// `connect-timeout`: time limit of an attempt to connect. Default 10 s.
    pub connect_timeout: Duration,
    /// `settle-time`: time that a new connection waits before its first request. Input in the meantime is dropped:
    /// greetings, prompts, answers still held by a serial converter. Default 0.
    pub settle_time: Duration,
    /// `request-timeout`: time limit of a request without one of its own. Default 10 s.
    pub request_timeout: Duration,
    /// `queue-length`: number of requests that may wait; a further one is refused. Default 64.
    pub queue_length: usize,
    /// `answer-bytes`: longest answer, in bytes. A longer one, or as many unsolicited bytes, resets the connection.
    /// Default 1 MiB.
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
