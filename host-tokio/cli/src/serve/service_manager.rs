//! Notifications to systemd, if it has started the program and asks for them (`Type=notify`, `Type=notify-reload`,
//! `WatchdogSec=`). Elsewhere nothing happens.

#[cfg(unix)]
use sd_notify::{NotifyState, notify, watchdog_enabled};

/// All servers listen. From now on the watchdog, if there is one, hears twice in its time that tasks still get their
/// turn.
#[cfg(unix)]
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
    let Some(allowed) = watchdog_enabled() else { return };
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval((allowed / 2).max(std::time::Duration::from_millis(1)));
        loop {
            ticks.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    });
}

/// The servers are ending.
#[cfg(unix)]
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Calls `reload`, before and after which systemd is told so.
#[cfg(unix)]
pub(crate) fn reloading<T>(reload: impl FnOnce() -> T) -> T {
    match NotifyState::monotonic_usec_now() {
        // The time tells this reload from one that was asked for later.
        Ok(time) => tell(&[NotifyState::Reloading, time]),
        Err(error) => tracing::warn!(%error, "cannot tell systemd of the reload"),
    }
    let outcome = reload();
    tell(&[NotifyState::Ready]);
    outcome
}

#[cfg(unix)]
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::warn!(%error, "cannot tell systemd");
    }
}

#[cfg(not(unix))]
pub(crate) fn ready() {}

#[cfg(not(unix))]
pub(crate) fn stopping() {}

#[cfg(not(unix))]
pub(crate) fn reloading<T>(reload: impl FnOnce() -> T) -> T {
    reload()
}
