//! What a connection tells its application.

use alloc::vec::Vec;
use core::time::Duration;

use super::request::{Cause, Failure, RequestId};

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not connected, and not about to: before the start and after the end.
    Disconnected,
    /// An attempt to connect is under way.
    Connecting,
    /// Connected.
    Connected,
    /// Waiting before the next attempt.
    Backoff,
}

/// What a connection tells its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// The device has become unusable, or usable again: the two in turn, each once.
    Health(Health),
    /// A request has ended.
    Finished {
        /// Which.
        id: RequestId,
        /// The answer, or why there is none.
        result: Result<Vec<u8>, Failure>,
    },
}

/// A change of a device's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// The device has become unusable: the connection was lost or cannot be made, or the device does not answer.
    Degraded {
        /// Why.
        cause: Cause,
        /// How many messages went out on the lost connection since its last answer. The device may not have received
        /// them.
        unconfirmed: u32,
    },
    /// The device is usable again: connected, and, if its last connection brought no answer, having answered.
    Restored {
        /// How long it was degraded.
        after: Duration,
    },
}
