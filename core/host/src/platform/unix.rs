//! Files on Linux, macOS and other systems of the kind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

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
