//! Folder with atomic, durable changes: after a crash, each has happened completely or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

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
        let _locked = folder.lock()?;
        for entry in fs::read_dir(root.join(INCOMING))? {
            let path = entry?.path();
            // A process that is still writing a file holds a lock on it.
            if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
                let _ = fs::remove_file(&path);
            }
        }
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
        let mut file = {
            let _locked = self.lock()?;
            let file = self.temporary()?;
            file.as_file().lock()?;
            file
        };
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
        let mut file = self.temporary()?;
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

    /// Syncs the entries of a folder.
    pub(crate) fn sync(&self, folder: &Path) -> io::Result<()> {
        if cfg!(unix) {
            File::open(self.root.join(folder))?.sync_all()
        } else {
            // On other systems folders cannot be opened as files.
            Ok(())
        }
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        // Permissions of an ordinary new file, subject to the process's umask, instead of private ones.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(self.root.join(INCOMING))
    }
}
