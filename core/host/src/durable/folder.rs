//! Folder with atomic, durable changes: after a crash, each has happened completely or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[cfg(feature = "zeiss")]
use tempfile::NamedTempFile;

use super::{put, refuse_link, sweep, temporary};
#[cfg(feature = "zeiss")]
use crate::platform::narrow_permissions;
use crate::platform::sync_folder;

/// Subfolder for incomplete files.
const INCOMING: &str = ".labwire/incoming";
const LOCK: &str = ".labwire/lock";
/// Path of the file that was moved last, as long as nothing refers to it.
const UNFINISHED: &str = ".labwire/unfinished";

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
        let folder = Self {
            root: root.to_owned(),
        };
        fs::create_dir_all(root)?;
        folder.create_folder(Path::new(INCOMING))?;
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
        let path = self.root.join(LOCK);
        refuse_link(&path)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.lock()?;
        Ok(Locked(file))
    }

    /// Copies `source` to a temporary file, which only its owner can read unless others can read `source`, and syncs it. Not to be called with the lock held: it may take
    /// long.
    ///
    /// # Errors
    /// If reading or writing fails, or there are more than `limit` bytes.
    #[cfg(feature = "zeiss")]
    pub(crate) fn receive(&self, source: &mut File, limit: u64) -> io::Result<NamedTempFile> {
        let mut file = temporary(&self.root.join(INCOMING))?;
        narrow_permissions(file.as_file(), source)?;
        if io::copy(&mut io::Read::take(source, limit.saturating_add(1)), &mut file)? > limit {
            let error = format!("longer than the limit file-bytes of {limit} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
        }
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// Moves a received file to its path below the root. Until the next [`replace`](Self::replace) this is unfinished.
    /// Needs the lock.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the path is taken; the file is returned with the error.
    #[cfg(feature = "zeiss")]
    pub(crate) fn keep(
        &self,
        _locked: &Locked,
        file: NamedTempFile,
        path: &Path,
    ) -> Result<(), (io::Error, NamedTempFile)> {
        // A path that is taken is somebody else's, and must not be forgotten.
        if !self.root.join(path).exists()
            && let Err(error) = fs::write(self.root.join(UNFINISHED), path.to_string_lossy().as_bytes())
        {
            return Err((error, file));
        }
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
        put(file, &self.root.join(path))?;
        self.sync(Path::new(""))?;
        // What was moved before is finished by this. It need not be there.
        let _ = fs::remove_file(self.root.join(UNFINISHED));
        Ok(())
    }

    /// Removes the file that a killed process has moved to its path and not finished, unless it `is_known`. Needs the
    /// lock.
    #[cfg(feature = "zeiss")]
    pub(crate) fn forget_unfinished(
        &self,
        _locked: &Locked,
        is_known: impl Fn(&Path) -> bool,
    ) -> io::Result<()> {
        let note = self.root.join(UNFINISHED);
        refuse_link(&note)?;
        let Ok(path) = fs::read_to_string(&note) else {
            return Ok(());
        };
        let path = Path::new(&path);
        let is_inside = path
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        if is_inside && !path.as_os_str().is_empty() && !is_known(path) {
            let _ = fs::remove_file(self.root.join(path));
        }
        fs::remove_file(note)
    }

    /// Creates a folder below the root and syncs it.
    ///
    /// # Errors
    /// If it cannot be created, or leads elsewhere by a symbolic link.
    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut folder = self.root.clone();
        for part in path.components() {
            folder.push(part);
            refuse_link(&folder)?;
        }
        fs::create_dir_all(self.root.join(path))?;
        path.ancestors().skip(1).try_for_each(|parent| self.sync(parent))
    }

    /// Makes the entries of a folder below the root durable.
    pub(crate) fn sync(&self, folder: &Path) -> io::Result<()> {
        sync_folder(&self.root.join(folder))
    }
}
