//! File that a request names.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use labwire_core::python_json::Value;

use crate::warn_sampled;

/// Readable file.
pub(super) struct Source {
    pub(super) file: File,
    /// Path as given in the request.
    pub(super) path: String,
}

impl Source {
    /// Opens the file if it is a regular, readable file below `root`. INSPECT's script checks the same, apart from
    /// `root`. (There a number is an open file descriptor; here it is not a file.) Without a root, any file.
    pub(super) fn open(file: &Value, root: &Path) -> Option<Self> {
        let path = file.as_str()?.to_owned();
        let real = match root.as_os_str().is_empty() {
            true => PathBuf::from(&path),
            false => below(root, &path)?,
        };
        // Checked before opening: a pipe would block, a device may have side effects.
        fs::metadata(&real).ok().filter(fs::Metadata::is_file)?;
        let file = File::open(&real).ok()?;
        file.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Self { file, path })
    }

    /// Last component of the path, in Windows or Unix notation.
    pub(super) fn name(&self) -> &str {
        let name = self.path.rsplit(['/', '\\']).next();
        name.filter(|name| !name.is_empty()).unwrap_or("unnamed")
    }
}

/// The file itself, without links on the way, if it is below `root`.
fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let real = fs::canonicalize(path).ok()?;
    let is_below = fs::canonicalize(root).is_ok_and(|root| real.starts_with(root));
    if !is_below {
        warn_sampled!(path, root = %root.display(), "not read, because it is outside of the root");
    }
    is_below.then_some(real)
}
