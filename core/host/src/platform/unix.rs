//! Files and processes on Linux, macOS and other systems of the kind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
#[cfg(feature = "tables")]
use std::process::{Child, Command};

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Opens a file that no other process of labwire can open so, until it is closed. Everybody can read it.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] if another process has it.
pub(crate) fn open_alone(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::ResourceBusy.into()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes permissions from a file that others do not have on `source`.
#[cfg(feature = "zeiss")]
pub(crate) fn narrow_permissions(file: &File, source: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mut permissions = file.metadata()?.permissions();
    let of_source = source.metadata()?.permissions().mode();
    permissions.set_mode(permissions.mode() & (of_source & 0o066 | 0o600));
    file.set_permissions(permissions)
}

/// Makes a program the leader of a process group, so that [`end_program`] reaches what it starts itself.
#[cfg(feature = "tables")]
pub(crate) fn lead_a_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

/// Ends the leader of a process group and everything that it has started.
#[cfg(feature = "tables")]
pub(crate) fn end_program(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    // All of them may have ended by themselves. Until its leader is waited for, no other group has its number.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}
