//! Files that commands write. `-` is standard output.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use labwire_tokio::{AppendFile, replace_file};

use crate::console::{note, write_output};
use crate::failure::{self, Failure};
use crate::standard::is_standard;

/// Writes a picture or a state as a whole, in place of a previous one.
pub(crate) fn save(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    let contents = contents.as_ref();
    let written = match is_standard(path) {
        true => write_output(contents),
        false => replace_file(path, contents),
    };
    written.map_err(|error| Failure::writing(path, &error))
}

/// Refuses to replace data that are there already, unless it is forced to.
pub(crate) fn spare_data(path: Option<&Path>, force: bool) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let has_data = std::fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() > 0);
    if has_data && !force && !is_standard(path) {
        let message = format!("{} has data already", path.display());
        return Err(Failure::new(failure::CANNOT_CREATE, message).hint("--force replaces them"));
    }
    Ok(())
}

/// Table that grows row by row. Rows that have been written stay, whatever happens to this process.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    /// `None`: standard output.
    file: Option<AppendFile>,
}

impl Table {
    /// Opens a table for appending; with `force` it is emptied first.
    pub(crate) fn open(path: &Path, force: bool) -> Result<Self, Failure> {
        let failed = |error| Failure::writing(path, &error);
        let path_buf = path.to_owned();
        if is_standard(path) {
            return Ok(Self {
                path: path_buf,
                file: None,
            });
        }
        if force {
            replace_file(path, b"").map_err(failed)?;
        }
        let file = AppendFile::open(path).map_err(failed)?;
        if !file.torn().is_empty() {
            let row = file.torn().escape_ascii();
            note!(
                "warning: {}: the last row was incomplete and has been removed: {row}",
                path.display()
            );
        }
        Ok(Self {
            path: path_buf,
            file: Some(file),
        })
    }

    /// Writes the header, unless the table has it already.
    ///
    /// # Errors
    /// If the table has another one.
    pub(crate) fn begin(&mut self, header: &str) -> Result<(), Failure> {
        let Some(file) = self.file.as_ref().filter(|file| !file.is_empty()) else {
            return self.append(header);
        };
        let mut found = vec![0; header.len()];
        let read = file.reader().and_then(|mut reader| reader.read_exact(&mut found));
        match read {
            Ok(()) if found == header.as_bytes() => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(Failure::writing(&self.path, &error))
            }
            _ => {
                let message = format!(
                    "{} has other columns than {}",
                    self.path.display(),
                    header.trim_end()
                );
                Err(Failure::new(failure::CANNOT_CREATE, message)
                    .hint("choose another file, or replace this one with --force"))
            }
        }
    }

    /// Last of the lines that satisfy `is_wanted`, with its end.
    pub(crate) fn last_line(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Option<String>, Failure> {
        let failed = |error| Failure::writing(&self.path, &error);
        let Some(file) = &self.file else { return Ok(None) };
        let mut found = None;
        for line in file.reader().map_err(failed)?.lines() {
            let line = line.map_err(failed)?;
            if is_wanted(&line) {
                found = Some(line + "\n");
            }
        }
        Ok(found)
    }

    /// Appends rows, each with its end. Blocks until they are on the disk.
    pub(crate) fn append(&mut self, rows: &str) -> Result<(), Failure> {
        let written = match &mut self.file {
            Some(file) => file.append(rows.as_bytes()).and_then(|()| file.sync()),
            None => write_output(rows.as_bytes()),
        };
        written.map_err(|error| Failure::writing(&self.path, &error))
    }
}
