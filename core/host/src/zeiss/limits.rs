//! Limits of imports.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Limits on the files that imports read and keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ImportLimits {
    /// Largest file, in bytes. A larger one is not imported. Default: 1 GiB.
    pub file_bytes: u64,
    /// Largest sum of all imported files, in bytes. A file beyond it is not imported. Default: 100 GiB.
    pub project_bytes: u64,
    /// Folder outside of which no file is read; links are resolved first. Default: empty, for any file.
    pub root: PathBuf,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            file_bytes: 1 << 30,
            project_bytes: 100 << 30,
            root: PathBuf::new(),
        }
    }
}
