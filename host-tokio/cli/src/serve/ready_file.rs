//! File that tells other programs the addresses of the servers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::files::save;

/// JSON object, server name -> "host:port". Removed when the program ends normally.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes the file, which readers see only complete.
    pub(crate) fn write(
        path: PathBuf,
        addresses: impl Iterator<Item = (&'static str, SocketAddr)>,
    ) -> Result<Self, Failure> {
        save(&path, format!("{}\n", object(addresses)))?;
        Ok(Self(path))
    }
}

/// Server name -> "host:port".
pub(crate) fn object(addresses: impl Iterator<Item = (&'static str, SocketAddr)>) -> Value {
    let addresses = addresses.map(|(name, address)| (name.to_owned(), address.to_string().into()));
    Value::Object(addresses.collect())
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes the file. It may not be there: the process that waited for it may have moved or removed it. A device or a
/// pipe stays.
pub(crate) fn remove(path: &Path) {
    if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return;
    }
    let _ = std::fs::remove_file(path);
}
