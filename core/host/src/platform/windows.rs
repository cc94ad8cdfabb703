//! Files on Windows.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

const FILE_SHARE_READ: u32 = 1;
const FILE_SHARE_DELETE: u32 = 4;
const ERROR_SHARING_VIOLATION: i32 = 32;

/// Does nothing: folders cannot be synced, NTFS writes a journal of their entries.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens a file that no other process can open for writing, until it is closed. Everybody can read it: a lock would keep
/// readers out here, where locks are mandatory.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] if another process has it.
pub(crate) fn open_alone(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let mut options = options.clone();
    options.share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE);
    options.open(path).map_err(|error| match error.raw_os_error() {
        Some(ERROR_SHARING_VIOLATION) => io::ErrorKind::ResourceBusy.into(),
        _ => error,
    })
}

/// Does nothing: who may read a file follows from its folder.
#[cfg(feature = "zeiss")]
pub(crate) fn narrow_permissions(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}
