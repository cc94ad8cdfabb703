//! Console events. There is no service manager to be told.

use std::io;

use tokio::runtime::Runtime;
use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

/// Events that are heard, instead of ending the program, from now on. After a closed console and at a shutdown, Windows
/// leaves the program a few seconds.
pub(crate) struct Signals {
    interrupt: CtrlC,
    interruption: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            interruption: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// Waits for an event, and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.interruption.recv() => "Ctrl-Break",
            _ = self.close.recv() => "closed console",
            _ = self.shutdown.recv() => "shutdown",
        }
    }
}

/// No event makes a configuration be read again.
pub(crate) fn is_reload(_: &str) -> bool {
    false
}

/// Does nothing: a file that may not grow is an error of the write already.
pub(crate) fn outlive_full_files(_: &Runtime) {}

/// Does nothing.
pub(crate) fn tell_ready() {}

/// Does nothing.
pub(crate) fn tell_stopping() {}

/// Calls `reload`.
pub(crate) fn tell_reloading<T>(reload: impl FnOnce() -> T) -> T {
    reload()
}
