//! Files written as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{folder_of, put, sweep, temporary};
use crate::platform::sync_folder;

/// Writes a file as a whole, in place of one of that name: after a crash, `path` has either the new contents or the
/// previous ones, and the new ones once this has returned. The permissions of a file that was there are kept. A
/// symbolic link is followed; a device or a pipe is written to. Blocks until the contents are on the disk.
///
/// # Errors
/// If the folder cannot be written, or there is no space. Then `path` is as before.
pub fn replace_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let (path, permissions): (PathBuf, _) = match fs::metadata(path) {
        Ok(there) if there.is_file() => (fs::canonicalize(path)?, Some(there.permissions())),
        Ok(_) => return File::options().write(true).open(path)?.write_all(contents),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(error),
    };
    let folder = folder_of(&path);
    sweep(folder);
    let mut file = temporary(folder)?;
    file.write_all(contents)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    put(file, &path)?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        for text in ["one", "another"] {
            replace_file(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let missing = folder.path().join("no/a.txt");
        assert_eq!(
            replace_file(&missing, b"").unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert!(replace_file(folder.path(), b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay_and_devices_are_written_to() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["a", "link"].map(|name| folder.path().join(name));
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        replace_file(&link, b"two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        replace_file(Path::new("/dev/null"), b"x").unwrap();
        if cfg!(target_os = "linux") {
            let full = replace_file(Path::new("/dev/full"), b"x").unwrap_err();
            assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        }
    }
}
