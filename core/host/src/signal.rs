//! One-way switch for any number of waiters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_listener::Event;

/// Switch that is turned on once. Clones share its state.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    is_set: AtomicBool,
    event: Event,
}

impl Signal {
    /// Turns the switch on.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        self.0.event.notify(usize::MAX);
    }

    /// Whether the switch is on.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Returns once the switch is on.
    pub async fn wait(&self) {
        while !self.is_set() {
            let turned_on = self.0.event.listen();
            // It may have been turned on before the listener existed.
            if self.is_set() {
                return;
            }
            turned_on.await;
        }
    }
}
