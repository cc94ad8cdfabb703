//! Delays before the next attempt to connect.

use core::time::Duration;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Delays that double from attempt to attempt, with jitter, so that the clients of a peer that comes back do not all
/// connect at once.
///
/// The random numbers are those of xoshiro256++ (Blackman and Vigna, 2019), from a seed given by the host.
#[derive(Clone, Debug)]
pub struct Backoff {
    initial: Duration,
    maximum: Duration,
    step: Duration,
    random: Xoshiro256PlusPlus,
}

impl Backoff {
    /// Creates delays whose steps start at `initial` and double up to `maximum`.
    #[must_use]
    pub fn new(initial: Duration, maximum: Duration, seed: u64) -> Self {
        Self {
            initial,
            maximum,
            step: initial.min(maximum),
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
        }
    }

    /// Next delay, uniform between half the step and the step; then the step doubles.
    pub fn next_delay(&mut self) -> Duration {
        let step = u64::try_from(self.step.as_nanos()).unwrap_or(u64::MAX);
        let half = step / 2;
        let delay = Duration::from_nanos(step - self.random.next_u64() % (half + 1));
        self.step = self.step.saturating_mul(2).min(self.maximum);
        delay
    }

    /// Upper bound on the next [`next_delay`](Backoff::next_delay).
    #[must_use]
    pub fn step(&self) -> Duration {
        self.step
    }

    /// Returns to the first step, once the peer is well.
    pub fn reset(&mut self) {
        self.step = self.initial.min(self.maximum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const INITIAL: Duration = Duration::from_millis(100);
    const MAXIMUM: Duration = Duration::from_secs(30);

    #[test]
    fn doubles_with_jitter_up_to_the_maximum() {
        let mut backoff = Backoff::new(INITIAL, MAXIMUM, 1);
        let mut step = INITIAL;
        for _ in 0..20 {
            assert_eq!(backoff.step(), step);
            let delay = backoff.next_delay();
            assert!(step / 2 <= delay && delay <= step, "{delay:?} of {step:?}");
            step = (step * 2).min(MAXIMUM);
        }
        assert_eq!(step, MAXIMUM);
        backoff.reset();
        assert_eq!(backoff.step(), INITIAL);
    }

    #[test]
    fn the_seed_decides() {
        let delays = |seed| {
            let mut backoff = Backoff::new(INITIAL, MAXIMUM, seed);
            (0..8).map(|_| backoff.next_delay()).collect::<Vec<_>>()
        };
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
    }

    #[test]
    fn no_waiting_and_endless_waiting_are_possible() {
        assert_eq!(
            Backoff::new(Duration::ZERO, MAXIMUM, 1).next_delay(),
            Duration::ZERO
        );
        assert!(Backoff::new(Duration::MAX, Duration::MAX, 1).next_delay() > MAXIMUM);
    }
}
