//! The file that a request names.

use std::fs::{self, File};

use labwire_core::python_json::Value;

/// A file that was there and readable.
pub(super) struct Source {
    pub(super) file: File,
    /// As the request says.
    pub(super) path: String,
}

impl Source {
    /// Opens the file, if there is a regular one that this process may read: what INSPECT's script checks. (There a
    /// number is the number of an open file; here it is no file.)
    pub(super) fn open(file: &Value) -> Option<Self> {
        let path = file.as_str()?.to_owned();
        // First without opening it: a pipe would block, a device may do anything.
        fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let file = File::open(&path).ok()?;
        file.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Self { file, path })
    }

    /// The last component of the path, of whichever system it is.
    pub(super) fn name(&self) -> &str {
        let name = self.path.rsplit(['/', '\\']).next();
        name.filter(|name| !name.is_empty()).unwrap_or("unnamed")
    }
}
