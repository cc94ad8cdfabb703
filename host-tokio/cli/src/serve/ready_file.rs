//! Tells other programs where the servers listen, once they do.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::failure::{self, Failure};

/// A JSON object, server name -> "host:port". Removed when the program ends in the regular way.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes it under another name first: who sees it sees all of it.
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
        // It may have been moved or removed by whoever waited for it.
        let _ = std::fs::remove_file(&self.0);
    }
}
