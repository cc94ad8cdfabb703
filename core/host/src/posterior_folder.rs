//! Posteriors as files in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use labwire_core::service::designer::PosteriorStore;

use crate::durable::DurableFolder;
use crate::platform::is_device;
use crate::text::text_of;

/// Folder of posteriors. Each is a file `NAME.json`, which a crash leaves either as before or as after a
/// change.
#[derive(Clone, Debug)]
pub struct PosteriorFolder {
    path: Option<PathBuf>,
}

impl PosteriorFolder {
    /// Creates a store. The folder is created when the first posterior is saved; with `None`, saving fails.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Folder, and file name for a posterior's name, which must not be a path.
    fn file(&self, name: &str) -> Result<(&Path, String), String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err(format!(
                "{name:?} is not a file name: expected up to 100 letters, digits, -, _ and ."
            ));
        }
        if is_device(name) {
            return Err(format!("{name:?} is a device on Windows: expected another name"));
        }
        let folder = self
            .path
            .as_deref()
            .ok_or("no folder for posteriors is configured")?;
        Ok((folder, format!("{name}.json")))
    }
}

impl PosteriorStore for PosteriorFolder {
    fn save(&mut self, name: &str, text: &str) -> Result<(), String> {
        let (path, file) = self.file(name)?;
        let write = || {
            let folder = DurableFolder::open(path)?;
            let locked = folder.lock()?;
            folder.replace(&locked, Path::new(&file), text.as_bytes())
        };
        write().map_err(|error| format!("{}: {error}", path.join(&file).display()))
    }

    fn load(&mut self, name: &str) -> Result<String, String> {
        let (path, file) = self.file(name)?;
        let path = path.join(file);
        let text = fs::read(&path).and_then(text_of);
        text.map_err(|error| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posteriors_are_replaced_and_read_back() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = PosteriorFolder::new(Some(home.path().join("new/folder")));
        assert!(folder.load("run-1").unwrap_err().contains("run-1.json"));
        for text in ["{}", "[1]"] {
            folder.save("run-1", text).unwrap();
            assert_eq!(folder.load("run-1").unwrap(), text);
        }
        // As an editor leaves one.
        let file = |name: &str| home.path().join("new/folder").join(name);
        fs::write(file("edited.json"), "\u{feff}{}").unwrap();
        assert_eq!(folder.load("edited").unwrap(), "{}");
        fs::write(file("other.json"), "{\0}\0").unwrap();
        assert!(folder.load("other").unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn names_are_no_paths() {
        let mut folder = PosteriorFolder::new(Some("/nowhere".into()));
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "a\0",
            ".hidden",
            &"x".repeat(101),
        ] {
            assert!(
                folder.save(name, "").unwrap_err().contains("not a file name"),
                "{name:?}"
            );
        }
        for name in ["con", "COM1", "nul.2026"] {
            assert!(
                folder.save(name, "").unwrap_err().contains("is a device"),
                "{name:?}"
            );
        }
        assert!(
            PosteriorFolder::new(None)
                .load("x")
                .unwrap_err()
                .contains("no folder")
        );
    }
}
