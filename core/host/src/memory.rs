//! Memory that the connections of a process share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use labwire_core::limits::HostLimits;
use labwire_core::session::{Need, Session};
use labwire_core::time::Instant;

/// Memory budget of connections: requested output that their peers have not taken, and unfinished input.
/// Clones share it.
///
/// While half of it is used up, a connection that holds more than a little reads nothing, and requests with long replies
/// wait. The other half is for one connection at a time, which goes on regardless, so that a message gets through that is
/// longer than what is left.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Number of bytes beyond which only one connection goes on.
    common: usize,
    held: AtomicUsize,
    /// Whether a long reply of unknown length is being made.
    is_making: AtomicBool,
    /// Whether a connection goes on although the common half is used up.
    is_overdrawn: AtomicBool,
}

/// Memory that a connection may always hold.
const FLOOR: usize = 64 << 10;

impl Memory {
    /// Creates a budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Shared {
            common: limit / 2,
            held: AtomicUsize::new(0),
            is_making: AtomicBool::new(false),
            is_overdrawn: AtomicBool::new(false),
        }))
    }

    /// Number of bytes that the connections hold.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Account of one connection.
    /// Of the accounts with the same `is_parsing`, one at a time parses a long message.
    pub(crate) fn account(&self, is_parsing: &Arc<AtomicBool>) -> Account {
        Account {
            memory: self.0.clone(),
            is_parsing: is_parsing.clone(),
            held: 0,
            parses: false,
            is_making: false,
            is_overdrawn: false,
        }
    }
}

/// The default of the limit `memory`.
impl Default for Memory {
    fn default() -> Self {
        Self::new(HostLimits::default().memory)
    }
}

/// Part of the memory that one connection holds.
#[derive(Debug)]
pub(crate) struct Account {
    memory: Arc<Shared>,
    /// Whether a connection of the same host parses a long message, or answers it.
    is_parsing: Arc<AtomicBool>,
    held: usize,
    parses: bool,
    is_making: bool,
    is_overdrawn: bool,
}

/// Parts of a connection that have to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    /// It must not read.
    pub(crate) input: bool,
    /// A request of it is held back.
    pub(crate) request: bool,
}

impl Account {
    /// Counts what `session` holds, and `more`, and passes on a request with a long reply if there is room for it.
    pub(crate) fn settle<S: Session>(&mut self, now: Instant, session: &mut S, more: usize) -> Waits {
        self.set(session.held() + more);
        let mut waits = Waits::default();
        let need = session.need();
        if need != Need::Reply {
            // The reply to the last request has been counted.
            give(&self.memory.is_making, &mut self.is_making);
            give(&self.is_parsing, &mut self.parses);
        }
        let goes_on = match need {
            Need::Nothing | Need::Reply => None,
            Need::Message => Some(self.has_room() && take(&self.is_parsing, &mut self.parses)),
            Need::Bounded => Some(self.has_room()),
            Need::Room => Some(self.has_room() && take(&self.memory.is_making, &mut self.is_making)),
        };
        if goes_on == Some(true) {
            session.handle_room(now, true);
            self.set(session.held() + more);
        }
        waits.request = goes_on == Some(false) || needs_more(session.need());
        waits.input = self.held >= FLOOR && !self.has_room();
        waits
    }

    fn set(&mut self, held: usize) {
        if held == self.held {
            return;
        }
        if held > self.held {
            self.memory.held.fetch_add(held - self.held, Ordering::Relaxed);
        } else {
            self.memory.held.fetch_sub(self.held - held, Ordering::Relaxed);
        }
        self.held = held;
        if held < FLOOR {
            give(&self.memory.is_overdrawn, &mut self.is_overdrawn);
        }
    }

    fn has_room(&mut self) -> bool {
        self.memory.held.load(Ordering::Relaxed) < self.memory.common
            || take(&self.memory.is_overdrawn, &mut self.is_overdrawn)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.set(0);
        give(&self.memory.is_making, &mut self.is_making);
        give(&self.is_parsing, &mut self.parses);
    }
}

/// Whether a session with this need waits for the host.
fn needs_more(need: Need) -> bool {
    matches!(need, Need::Message | Need::Bounded | Need::Room)
}

/// Takes the place of the one connection that may go on, unless it has it already.
fn take(place: &AtomicBool, has_it: &mut bool) -> bool {
    *has_it = *has_it || !place.swap(true, Ordering::AcqRel);
    *has_it
}

fn give(place: &AtomicBool, has_it: &mut bool) {
    if std::mem::take(has_it) {
        place.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_waits_and_one_goes_on() {
        let memory = Memory::new(20 * FLOOR);
        let [mut first, mut second, mut third] = [(); 3].map(|()| memory.account(&Arc::default()));
        first.set(9 * FLOOR);
        assert!(first.has_room() && second.has_room());
        second.set(2 * FLOOR);
        assert!(second.has_room(), "one goes on");
        assert!(second.has_room() && !first.has_room() && !third.has_room());
        second.set(FLOOR - 1);
        assert!(memory.held() < 10 * FLOOR && first.has_room());
        third.set(5 * FLOOR);
        drop(second);
        assert!(third.has_room() && !first.has_room());
        drop((first, third));
        assert_eq!(memory.held(), 0);
        assert!(!memory.0.is_overdrawn.load(Ordering::Relaxed));
    }
}
