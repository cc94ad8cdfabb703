//! Signals, and the service manager systemd.

use std::io;

use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

const HANGUP: &str = "SIGHUP";

/// Signals that are heard, instead of ending the program, from now on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` if the program was told to outlive its terminal, as by `nohup`.
    hangup: Option<Signal>,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match ignores_hangup() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    /// Waits for a signal, and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = hangup => HANGUP,
        }
    }
}

/// Whether a signal makes a configuration be read again.
pub(crate) fn is_reload(signal: &str) -> bool {
    signal == HANGUP
}

/// Whether the parent process has set SIGHUP to be ignored. Known on Linux only.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is signal 1, the lowest bit.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

/// Makes a file that may not grow any more (`ulimit -f`, `LimitFSIZE=` of systemd) an error of the write, as a full
/// disk is, instead of the end of the program.
pub(crate) fn outlive_full_files(runtime: &Runtime) {
    /// SIGXFSZ, on every architecture but MIPS.
    const FILE_SIZE_EXCEEDED: i32 = 25;
    let _guard = runtime.enter();
    // The handler stays after the listener has gone. Without it, the signal ends the program.
    let _ = signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED));
}

/// Tells systemd, if it has started the program and asks for it (`Type=notify`, `Type=notify-reload`, `WatchdogSec=`),
/// that all servers listen. From now on the watchdog, if there is one, hears twice in its time that tasks still get their
/// turn.
pub(crate) fn tell_ready() {
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

/// Tells systemd that the servers are ending.
pub(crate) fn tell_stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Calls `reload`, before and after which systemd is told so.
pub(crate) fn tell_reloading<T>(reload: impl FnOnce() -> T) -> T {
    match NotifyState::monotonic_usec_now() {
        // The time tells this reload from one that was asked for later.
        Ok(time) => tell(&[NotifyState::Reloading, time]),
        Err(error) => tracing::warn!(%error, "cannot tell systemd of the reload"),
    }
    let outcome = reload();
    tell(&[NotifyState::Ready]);
    outcome
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::warn!(%error, "cannot tell systemd");
    }
}
