//! The core's instants from the machine's monotonic clock.

use labwire_core::time::Instant;

/// Tells the time in the core's instants, whose origin is when the clock was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    source: fn() -> std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self::start_from(std::time::Instant::now)
    }

    /// A clock that starts now and goes as `source` does: that of a runtime whose time can be made to jump.
    pub fn start_from(source: fn() -> std::time::Instant) -> Self {
        Self {
            origin: source(),
            source,
        }
    }

    /// The time.
    pub fn now(self) -> Instant {
        Instant::ZERO + (self.source)().saturating_duration_since(self.origin)
    }

    /// The system's instant for one of the core's.
    pub(crate) fn at(self, instant: Instant) -> std::time::Instant {
        self.origin + instant.duration_since(Instant::ZERO)
    }
}
