//! Requests of a client that wait for their replies.

use alloc::collections::VecDeque;
use core::time::Duration;

use labwire_session::time::Instant;
use labwire_session::{Link, Misuse, Timer};

/// Requests without a reply, oldest first, each with its kind.
#[derive(Debug)]
pub(crate) struct Unanswered<K = ()> {
    /// Whether more may follow.
    pub(crate) may_ask: bool,
    pub(crate) kinds: VecDeque<K>,
    /// Time since which the oldest has waited for its reply.
    since: Instant,
}

impl<K> Unanswered<K> {
    pub(crate) fn new() -> Self {
        Self {
            may_ask: true,
            kinds: VecDeque::new(),
            since: Instant::ZERO,
        }
    }

    /// Checks whether another request may be sent on `link`.
    pub(crate) fn check<E>(&self, link: &Link<E>) -> Result<(), Misuse> {
        if !link.is_open() || !self.may_ask {
            return Err(Misuse::Closed);
        }
        if link.is_full() {
            return Err(Misuse::QueueFull);
        }
        Ok(())
    }

    /// Notes a request that was sent.
    pub(crate) fn push(&mut self, now: Instant, kind: K) {
        if self.kinds.is_empty() {
            self.since = now;
        }
        self.kinds.push_back(kind);
    }

    /// Notes the reply to the oldest.
    pub(crate) fn pop(&mut self, now: Instant) {
        self.kinds.pop_front();
        self.since = now;
    }

    /// Whether there is nothing left to ask or to wait for.
    pub(crate) fn is_over(&self) -> bool {
        !self.may_ask && self.kinds.is_empty()
    }

    /// End of the wait for the oldest.
    pub(crate) fn deadline(&self, timeout: Duration) -> Option<(Instant, Timer)> {
        let waits = !self.kinds.is_empty();
        waits.then(|| (self.since + timeout, Timer::RequestTimeout))
    }
}
