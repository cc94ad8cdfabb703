//! Events of a device connection.

use alloc::vec::Vec;
use core::time::Duration;

use super::request::{Cause, Failure, RequestId};

/// State of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a host has to show every state")]
pub enum State {
    /// Not connected, and not about to connect: before the start and after the end.
    Disconnected,
    /// An attempt to connect is in progress.
    Connecting,
    /// Connected.
    Connected,
    /// Waiting before the next attempt.
    Backoff,
}

/// Event of a device connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a host has to heed every event")]
pub enum DeviceEvent {
    /// The device has become unusable, or usable again: alternating, each reported once.
    Health(Health),
    /// Unsolicited input: a line that is an event, or bytes that are dropped because they answer no request. Line
    /// ends on their own are not reported.
    Unasked(Vec<u8>),
    /// A request has ended.
    Finished {
        /// Identifier of the request.
        id: RequestId,
        /// The answer, or the reason why there is none.
        result: Result<Vec<u8>, Failure>,
    },
}

/// Change of a device's health.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a host has to tell of every change")]
pub enum Health {
    /// The device has become unusable: the connection was lost or cannot be made, or the device does not answer.
    Degraded {
        /// Cause.
        cause: Cause,
        /// Number of messages sent on the lost connection since its last answer. The device may not have received
        /// them.
        unconfirmed: u32,
    },
    /// The device is usable again: connected, and, if its last connection gave no answer, having answered.
    Restored {
        /// Duration of the degraded state.
        after: Duration,
    },
}
