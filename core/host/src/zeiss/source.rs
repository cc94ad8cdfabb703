//! File that a request names.

use std::fs::{self, File};

use labwire_core::python_json::Value;

/// Readable file.
pub(super) struct Source {
    pub(super) file: File,
    /// Path as given in the request.
    pub(super) path: String,
}

impl Source {
    /// Opens the file, if it is a regular file that this process may read, which is what INSPECT's script
    /// checks. (There a number is an open file descriptor; here it is not a file.)
    pub(super) fn open(file: &Value) -> Option<Self> {
        let path = file.as_str()?.to_owned();
        // Checked before opening: a pipe would block, a device may have side effects.
        fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let file = File::open(&path).ok()?;
        file.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Self { file, path })
    }

    /// Last component of the path, in Windows or Unix notation.
    pub(super) fn name(&self) -> &str {
        let name = self.path.rsplit(['/', '\\']).next();
        name.filter(|name| !name.is_empty()).unwrap_or("unnamed")
    }
}
