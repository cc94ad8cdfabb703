//! Programs that are ended with everything that they have started: on Unix. Elsewhere they are ended alone.

use std::process::{Child, Command};

/// Makes a program the leader of a process group, so that [`end`] reaches what it starts itself.
pub(crate) fn lead_a_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

/// Ends a program that [leads a group](lead_a_group). It may have ended by itself.
pub(crate) fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};

        // Until its leader is waited for, no other group has its number.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = child.kill();
    let _ = child.wait();
}
