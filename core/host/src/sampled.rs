//! Warnings that peers can cause at will, sampled so that the log stays bounded.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time for which one warning stands for all that are like it.
const INTERVAL: Duration = Duration::from_secs(10);

/// Sampler of one kind of warning: the first is passed, then at most one every ten seconds.
#[derive(Debug, Default)]
pub struct Sampled(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    passed: Option<Instant>,
    held_back: u64,
}

impl Sampled {
    /// Sampler that has seen no warning.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(State {
            passed: None,
            held_back: 0,
        }))
    }

    /// Number of warnings held back since the last that was passed, if this one is to be written; `None` if it is held
    /// back as well.
    pub fn pass(&self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |passed| now.duration_since(passed) >= INTERVAL;
        if state.passed.is_none_or(is_due) {
            state.passed = Some(now);
            return Some(std::mem::take(&mut state.held_back));
        }
        state.held_back += 1;
        None
    }
}

/// As `tracing::warn!`, at most once in ten seconds for each place in the code; the field `held_back` counts the others.
#[macro_export]
macro_rules! warn_sampled {
    ($($fields:tt)*) => {{
        static PLACE: $crate::Sampled = $crate::Sampled::new();
        if let Some(held_back) = PLACE.pass() {
            tracing::warn!(held_back, $($fields)*);
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_seconds_passes_and_counts_the_others() {
        let sampled = Sampled::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let passed: Vec<_> = (0..25).map(|second| sampled.pass_at(at(second))).collect();
        let passed: Vec<_> = passed
            .into_iter()
            .enumerate()
            .filter_map(|(second, passed)| Some((second, passed?)))
            .collect();
        assert_eq!(passed, [(0, 0), (10, 9), (20, 9)]);
    }
}
