//! The core's instants from the machine's monotonic clock.

use labwire_core::time::Instant;

/// Tells the time in the core's instants, whose origin is when the clock was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: tokio::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            origin: tokio::time::Instant::now(),
        }
    }

    /// The time.
    pub fn now(self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    /// The runtime's instant for one of the core's.
    pub(crate) fn at(self, instant: Instant) -> tokio::time::Instant {
        self.origin + instant.duration_since(Instant::ZERO)
    }
}
