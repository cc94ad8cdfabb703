//! Instants of the core from the machine's monotonic clock.

use labwire_core::time::Instant;

/// Clock in the core's instants, with the time of its creation as the origin.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    source: fn() -> std::time::Instant,
}

impl Clock {
    /// Starts a clock.
    pub fn start() -> Self {
        Self::start_from(std::time::Instant::now)
    }

    /// Starts a clock that follows `source`, such as the clock of a runtime with simulated time.
    pub fn start_from(source: fn() -> std::time::Instant) -> Self {
        Self {
            origin: source(),
            source,
        }
    }

    /// Current time.
    #[must_use]
    pub fn now(self) -> Instant {
        Instant::ZERO + (self.source)().saturating_duration_since(self.origin)
    }

    /// System instant that corresponds to one of the core's.
    pub(crate) fn at(self, instant: Instant) -> std::time::Instant {
        self.origin + instant.duration_since(Instant::ZERO)
    }
}
