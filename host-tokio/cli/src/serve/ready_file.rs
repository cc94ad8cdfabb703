//! File that tells other programs the addresses of the servers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::failure::{self, Failure};

/// JSON object, server name -> "host:port". Removed when the program ends normally.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes the file under another name first, so that readers see it only complete.
    pub(crate) fn write(
        path: PathBuf,
        addresses: impl Iterator<Item = (&'static str, SocketAddr)>,
    ) -> Result<Self, Failure> {
        let object = addresses.map(|(name, address)| (name.to_owned(), address.to_string().into()));
        let text = serde_json::Value::Object(object.collect()).to_string();
        let mut temporary = path.clone().into_os_string();
        temporary.push(".part");
        let temporary = Path::new(&temporary);
        let written = std::fs::write(temporary, text).and_then(|()| std::fs::rename(temporary, &path));
        written.map_err(|error| {
            Failure::new(
                failure::CANNOT_CREATE,
                format!("cannot write {}: {error}", path.display()),
            )
        })?;
        Ok(Self(path))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // The process that waited for it may have moved or removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}
