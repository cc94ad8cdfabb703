//! Files extended line by line.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::folder_of;
use crate::platform::{open_alone, sync_folder};

/// Longest part of an incomplete line that is kept for a message, in bytes.
const TORN_BYTES: u64 = 1024;

/// File of lines that grows by whole lines and is never shortened.
///
/// A line that could not be written completely, because the disk was full or the process was killed, is removed: at
/// once, or when the file is opened again. While the file is open, no other process can open it so. A device or a pipe
/// is only written to.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    /// Bytes of whole lines; `None` if it is not a regular file.
    length: Option<u64>,
    torn: Vec<u8>,
}

impl AppendFile {
    /// Opens a file or creates it, and removes an incomplete line from its end.
    ///
    /// # Errors
    /// If the file cannot be opened for writing, and [`ErrorKind::ResourceBusy`] if another process is writing it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let is_special = match fs::metadata(path) {
            Ok(there) => !there.is_file(),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if is_special {
            return Ok(Self {
                file: File::options().write(true).open(path)?,
                length: None,
                torn: Vec::new(),
            });
        }
        // Not in append mode, in which Windows does not shorten files.
        let mut writing = File::options();
        writing.read(true).write(true).create(true).truncate(false);
        let file = open_alone(&writing, path).map_err(|error| match error.kind() {
            ErrorKind::ResourceBusy => io::Error::new(error.kind(), "another process is writing this file"),
            _ => error,
        })?;
        sync_folder(folder_of(path))?;
        let length = end_of_lines(&file)?;
        let torn = remove_after(&file, length)?;
        Ok(Self {
            file,
            length: Some(length),
            torn,
        })
    }

    /// Start of the incomplete line that was removed when the file was opened; empty if there was none.
    #[must_use]
    pub fn torn(&self) -> &[u8] {
        &self.torn
    }

    /// Whether there are no lines.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length.is_none_or(|length| length == 0)
    }

    /// Reads from the first line. Nothing is read from a device or a pipe.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn reader(&self) -> io::Result<impl BufRead + '_> {
        let mut file = &self.file;
        if self.length.is_some() {
            file.seek(SeekFrom::Start(0))?;
        }
        Ok(BufReader::new(file.take(self.length.unwrap_or_default())))
    }

    /// Appends one or more lines, each ended by a line feed. They survive this process, and the machine after
    /// [`AppendFile::sync`].
    ///
    /// # Errors
    /// If there is no space, or the last line has no end. Then the file is as before.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if !lines.ends_with(b"\n") {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "the last line has no end",
            ));
        }
        let end = self.length.map(SeekFrom::Start);
        let written = end.map_or(Ok(0), |end| self.file.seek(end));
        let written = written.and_then(|_| self.file.write_all(lines));
        match (&written, &mut self.length) {
            (Ok(()), Some(length)) => *length += lines.len() as u64,
            (Err(_), Some(length)) => {
                // If this fails too, the incomplete line is removed when the file is opened again.
                let _ = self.file.set_len(*length);
            }
            (_, None) => {}
        }
        written
    }

    /// As [`append`](Self::append), and blocks until the lines are on the disk.
    ///
    /// # Errors
    /// If they cannot be. Then the file is as before.
    pub fn append_synced(&mut self, lines: &[u8]) -> io::Result<()> {
        let before = self.length;
        self.append(lines)?;
        self.sync().inspect_err(|_| {
            self.length = before;
            if let Some(before) = before {
                // As above.
                let _ = self.file.set_len(before);
            }
        })
    }

    /// Blocks until all lines are on the disk.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn sync(&self) -> io::Result<()> {
        match self.length {
            Some(_) => self.file.sync_data(),
            None => Ok(()),
        }
    }
}

/// Position after the last line feed.
fn end_of_lines(mut file: &File) -> io::Result<u64> {
    let mut chunk = [0; 8192];
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > 0 {
        let start = end.saturating_sub(chunk.len() as u64);
        let part = &mut chunk[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(last) = part.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Cuts a file at `length`. Returns the start of what was cut off.
fn remove_after(mut file: &File, length: u64) -> io::Result<Vec<u8>> {
    let mut torn = Vec::new();
    file.seek(SeekFrom::Start(length))?;
    file.take(TORN_BYTES).read_to_end(&mut torn)?;
    if !torn.is_empty() {
        file.set_len(length)?;
        file.sync_all()?;
    }
    Ok(torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_a_torn_one_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = AppendFile::open(&path).unwrap();
        assert!(log.is_empty() && log.torn().is_empty());
        log.append(b"1,a\n").unwrap();
        log.append(b"2,b\n3,c\n").unwrap();
        log.sync().unwrap();
        assert_eq!(log.append(b"half").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(
            AppendFile::open(&path).unwrap_err().kind(),
            ErrorKind::ResourceBusy
        );
        let lines: Vec<String> = log.reader().unwrap().lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["1,a", "2,b", "3,c"]);
        drop(log);
        let whole = fs::read(&path).unwrap();
        for torn in ["4", "4,d and more", &"x".repeat(20_000)] {
            fs::write(&path, [&whole[..], torn.as_bytes()].concat()).unwrap();
            let mut log = AppendFile::open(&path).unwrap();
            assert_eq!(log.torn(), &torn.as_bytes()[..torn.len().min(1024)]);
            assert_eq!(fs::read(&path).unwrap(), whole);
            log.append(b"4,d\n").unwrap();
            drop(log);
            assert_eq!(fs::read(&path).unwrap(), [&whole[..], b"4,d\n"].concat());
        }
        fs::write(&path, "only half").unwrap();
        assert!(AppendFile::open(&path).unwrap().is_empty());
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_are_written_to() {
        let mut null = AppendFile::open(Path::new("/dev/null")).unwrap();
        null.append(b"x\n").unwrap();
        null.sync().unwrap();
        assert_eq!(null.reader().unwrap().lines().count(), 0);
        let mut full = AppendFile::open(Path::new("/dev/full")).unwrap();
        assert_eq!(full.append(b"x\n").unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
