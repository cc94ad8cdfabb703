//! What systemd is told, if it has started the program and wants to know (`Type=notify`, `WatchdogSec=`). Elsewhere
//! nothing happens.

#[cfg(unix)]
use sd_notify::{NotifyState, notify, watchdog_enabled};

/// All servers listen. From now on the watchdog, if there is one, hears twice in its time that tasks still get their
/// turn.
#[cfg(unix)]
pub(crate) fn ready() {
    tell(NotifyState::Ready);
    let Some(allowed) = watchdog_enabled() else { return };
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval((allowed / 2).max(std::time::Duration::from_millis(1)));
        loop {
            ticks.tick().await;
            tell(NotifyState::Watchdog);
        }
    });
}

/// The servers are ending.
#[cfg(unix)]
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

#[cfg(unix)]
fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        tracing::warn!(%error, "cannot tell systemd");
    }
}

#[cfg(not(unix))]
pub(crate) fn ready() {}

#[cfg(not(unix))]
pub(crate) fn stopping() {}
