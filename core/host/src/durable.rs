//! Files that a crash leaves either as they were or as they were to be: replaced as a whole, or extended line by line.

mod append;
mod folder;
mod replace;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

pub use append::AppendFile;
pub(crate) use folder::DurableFolder;
#[cfg(feature = "zeiss")]
pub(crate) use folder::Locked;
pub use replace::replace_file;

/// Start of the names of incomplete files.
const INCOMPLETE: &str = ".labwire-";

/// Creates a file under a temporary name in `folder`. It is locked until it is closed, which tells [`sweep`] that
/// somebody is writing it.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        // An ordinary new file, with the permissions and attributes of one, instead of a private and temporary one.
        let create = |path: &Path| File::options().read(true).write(true).create_new(true).open(path);
        let file = tempfile::Builder::new()
            .prefix(INCOMPLETE)
            .make_in(folder, create)?;
        file.as_file().lock()?;
        // Another process may have swept it before it was locked.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// Moves a temporary file to its path in the same folder or file system, in place of one that is there.
///
/// Not `persist` of [`NamedTempFile`]: on Windows it fails if somebody reads the file that is there.
fn put(file: NamedTempFile, path: &Path) -> io::Result<()> {
    fs::rename(file.path(), path)
}

/// Removes the incomplete files of killed processes from `folder`. Failure is not an error: the next sweep tries again.
fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let is_incomplete = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(INCOMPLETE));
        if !is_incomplete || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        if let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Refuses a symbolic link.
pub(crate) fn refuse_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => {
            let message = format!("{} is a symbolic link, which is not followed", path.display());
            Err(io::Error::other(message))
        }
        _ => Ok(()),
    }
}

/// Folder that contains `path`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_removes_what_nobody_is_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path(".labwire-left"), "half").unwrap();
        fs::write(path("other"), "whole").unwrap();
        fs::create_dir(path(".labwire-folder")).unwrap();
        let written = temporary(folder.path()).unwrap();
        sweep(folder.path());
        assert!(!path(".labwire-left").exists());
        assert!(path("other").exists() && path(".labwire-folder").exists() && written.path().exists());
        // A killed process holds no lock.
        let left = written.into_temp_path().keep().unwrap();
        sweep(folder.path());
        assert!(!left.exists());
    }
}
