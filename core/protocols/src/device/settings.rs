//! Times, limits and manners of one device connection.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Times and limits of one connection, and the manners of its device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Settings {
    /// `backoff-initial`: first delay before reconnecting. Default 100 ms.
    #[serde(with = "labwire_session::seconds")]
    pub backoff_initial: Duration,
    /// `backoff-maximum`: longest delay. Default 30 s.
    #[serde(with = "labwire_session::seconds")]
    pub backoff_maximum: Duration,
    /// `minimum-interval`: least time from the start of one attempt to connect to the start of the next, in all
    /// cases. Some devices do not accept connections in rapid succession. Default 100 ms.
    #[serde(with = "labwire_session::seconds")]
    pub minimum_interval: Duration,
    /// `connect-timeout`: time limit of an attempt to connect, and of greeting and login. Default 10 s.
    #[serde(with = "labwire_session::seconds")]
    pub connect_timeout: Duration,
    /// `settle-time`: time that a new connection waits before its first request. Input in the meantime is dropped:
    /// greetings, prompts, answers still held by a serial converter. Default 0.
    #[serde(with = "labwire_session::seconds")]
    pub settle_time: Duration,
    /// `request-timeout`: time limit of a request without one of its own. Default 10 s.
    #[serde(with = "labwire_session::seconds")]
    pub request_timeout: Duration,
    /// `quiet-time`: silence that ends an answer which nothing else ends. Default 100 ms.
    #[serde(with = "labwire_session::seconds")]
    pub quiet_time: Duration,
    /// `pace`: least time from the end of a request to the start of the next. Default 0.
    #[serde(with = "labwire_session::seconds")]
    pub pace: Duration,
    /// `queue-length`: number of requests that may wait; a further one is refused. Default 64.
    pub queue_length: usize,
    /// `answer-bytes`: longest answer, in bytes. A longer one, or as many unsolicited bytes, resets the connection.
    /// Default 1 MiB.
    pub answer_bytes: usize,
    /// Prompts that the device sends at the start of a connection, each with its answer, in order.
    #[serde(skip)]
    pub login: Vec<Login>,
    /// Starts of lines that the device sends without having been asked. They are no answers, and are reported by
    /// [`DeviceEvent::Unasked`](super::DeviceEvent::Unasked).
    #[serde(skip)]
    pub events: Vec<Vec<u8>>,
    /// Whether a connection that begins with an offer or a request of telnet is negotiated with, refusing everything.
    #[serde(skip)]
    pub telnet: bool,
}

/// Part of a greeting or login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Login {
    /// Text for which is waited, within `connect-timeout`. It may follow anything.
    pub prompt: Vec<u8>,
    /// Message that answers it, with its end; empty for a mere greeting.
    pub reply: Vec<u8>,
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
            quiet_time: Duration::from_millis(100),
            pace: Duration::ZERO,
            queue_length: 64,
            answer_bytes: 1 << 20,
            login: Vec::new(),
            events: Vec::new(),
            telnet: false,
        }
    }
}
