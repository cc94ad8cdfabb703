//! Folder with atomic, durable changes: after a crash, each has happened completely or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[cfg(feature = "zeiss")]
use tempfile::NamedTempFile;

use super::{sweep, sync_folder, temporary};

/// Subfolder for incomplete files.
const INCOMING: &str = ".labwire/incoming";
const LOCK: &str = ".labwire/lock";

/// Folder that several services and processes may change concurrently.
#[derive(Clone, Debug)]
pub(crate) struct DurableFolder {
    root: PathBuf,
}

/// Exclusive lock on changes to the folder.
pub(crate) struct Locked(#[expect(dead_code, reason = "closing the file releases the lock")] File);

impl DurableFolder {
    /// Creates the folder if necessary, and removes incomplete files of killed processes.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join(INCOMING))?;
        let folder = Self {
            root: root.to_owned(),
        };
        // Fails if the folder is not writable.
        drop(folder.lock()?);
        sweep(&root.join(INCOMING));
        Ok(folder)
    }

    #[cfg(feature = "zeiss")]
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }

    /// Waits for the exclusive lock.
    pub(crate) fn lock(&self) -> io::Result<Locked> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.root.join(LOCK))?;
        file.lock()?;
        Ok(Locked(file))
    }

    /// Copies `source` to a temporary file and syncs it. Not to be called with the lock held: it may take
    /// long.
    ///
    /// # Errors
    /// If reading or writing fails, or there are more than `limit` bytes.
    #[cfg(feature = "zeiss")]
    pub(crate) fn receive(&self, source: &mut impl io::Read, limit: u64) -> io::Result<NamedTempFile> {
        let mut file = temporary(&self.root.join(INCOMING))?;
        if io::copy(&mut io::Read::take(source, limit.saturating_add(1)), &mut file)? > limit {
            let error = format!("longer than the limit file-bytes of {limit} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
        }
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// Moves a received file to its path below the root.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the path is taken; the file is returned with the error.
    #[cfg(feature = "zeiss")]
    pub(crate) fn keep(&self, file: NamedTempFile, path: &Path) -> Result<(), (io::Error, NamedTempFile)> {
        match file.persist_noclobber(self.root.join(path)) {
            Ok(_) => Ok(()),
            Err(error) => Err((error.error, error.file)),
        }
    }

    /// Replaces the contents of `path` by `bytes`: after a crash it holds either these or the previous ones.
    /// Needs the lock.
    pub(crate) fn replace(&self, _locked: &Locked, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = temporary(&self.root.join(INCOMING))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.root.join(path))?;
        self.sync(Path::new(""))
    }

    /// Creates a folder below the root and syncs it.
    #[cfg(feature = "zeiss")]
    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(self.root.join(path))?;
        path.ancestors().skip(1).try_for_each(|parent| self.sync(parent))
    }

    /// Makes the entries of a folder below the root durable.
    pub(crate) fn sync(&self, folder: &Path) -> io::Result<()> {
        sync_folder(&self.root.join(folder))
    }
}
