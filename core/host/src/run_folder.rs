//! Logs of a designer's runs as files in a folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use labwire_core::service::designer::RunStore;

use crate::durable::{AppendFile, refuse_link, replace_file};
use crate::platform::{open_alone, sync_folder};

const LOCK: &str = "lock";
const STATE: &str = "state.json";
/// Exclusive upper bound on the numbers of runs, so that every client reads them exactly.
const RUNS: u64 = 1 << 53;

/// Folder of the runs of one server: a file `run-NUMBER.log` each, and `state.json` about all of them.
///
/// Every line is on the disk before its measurement is acknowledged (`fdatasync`), unless
/// [`without_sync`](Self::without_sync); what could not be written is not in the log. An incomplete last line, left by a kill or a crash in the middle of a write, was not acknowledged and is
/// removed when the folder is opened. No other server can open the folder meanwhile.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    logs: BTreeMap<u64, AppendFile>,
    is_synced: bool,
    _lock: File,
}

impl RunFolder {
    /// Opens a folder, or creates it.
    ///
    /// # Errors
    /// If the folder or its logs cannot be written, and [`io::ErrorKind::ResourceBusy`] if another server has it.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = path.join(LOCK);
        refuse_link(&lock)?;
        let mut writing = File::options();
        writing.create(true).truncate(false).write(true);
        let lock = open_alone(&writing, &lock).map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => {
                io::Error::new(error.kind(), "another server keeps its runs in this folder")
            }
            _ => error,
        })?;
        let mut logs = BTreeMap::new();
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            let Some(number) = name.to_str().and_then(number_of) else {
                continue;
            };
            let log =
                AppendFile::open(&path.join(&name)).map_err(|error| named(&path.join(&name), &error))?;
            if !log.torn().is_empty() {
                tracing::warn!(run = number, "an incomplete last line of the log was removed");
            }
            logs.insert(number, log);
        }
        Ok(Self {
            path: path.to_owned(),
            logs,
            is_synced: true,
            _lock: lock,
        })
    }

    /// The folder without waiting for the disk: an acknowledged measurement outlives the process, but not the machine.
    /// This is for instruments that measure faster than the disk writes.
    #[must_use]
    pub fn without_sync(mut self) -> Self {
        self.is_synced = false;
        self
    }

    fn file(&self, number: u64) -> PathBuf {
        self.path.join(name_of(number))
    }

    /// Runs `write` on the log of a run.
    fn change<T>(
        &mut self,
        number: u64,
        write: impl FnOnce(&mut AppendFile) -> io::Result<T>,
    ) -> Result<T, String> {
        let path = self.file(number);
        let log = self.logs.get_mut(&number);
        let log = log.ok_or_else(|| format!("{}: there is no such log", path.display()))?;
        write(log).map_err(|error| named(&path, &error).to_string())
    }
}

impl RunStore for RunFolder {
    fn time(&self) -> String {
        utc_now()
    }

    fn numbers(&self) -> Vec<u64> {
        self.logs.keys().copied().collect()
    }

    fn create(&mut self, number: u64, line: &str) -> Result<(), String> {
        let path = self.file(number);
        if path.exists() {
            return Err(format!("{}: exists already", path.display()));
        }
        let mut create = || {
            let mut log = AppendFile::open(&path)?;
            log.append_synced(format!("{line}\n").as_bytes())?;
            self.logs.insert(number, log);
            Ok(())
        };
        create().map_err(|error: io::Error| {
            // Without a first line it is the log of nothing.
            let _ = fs::remove_file(&path);
            named(&path, &error).to_string()
        })
    }

    fn append(&mut self, number: u64, line: &str) -> Result<(), String> {
        let (line, is_synced) = (format!("{line}\n"), self.is_synced);
        self.change(number, |log| match is_synced {
            true => log.append_synced(line.as_bytes()),
            false => log.append(line.as_bytes()),
        })
    }

    fn read(&mut self, number: u64, take: &mut dyn FnMut(&str)) -> Result<(), String> {
        self.change(number, |log| {
            for line in log.reader()?.lines() {
                take(&line?);
            }
            Ok(())
        })
    }

    fn remove(&mut self, number: u64) -> Result<(), String> {
        let path = self.file(number);
        self.logs.remove(&number);
        let remove = || {
            fs::remove_file(&path)?;
            sync_folder(&self.path)
        };
        remove().map_err(|error| named(&path, &error).to_string())
    }

    fn state(&mut self) -> Result<Option<String>, String> {
        let path = self.path.join(STATE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(named(&path, &error).to_string()),
        }
    }

    fn set_state(&mut self, text: &str) -> Result<(), String> {
        let path = self.path.join(STATE);
        replace_file(&path, text.as_bytes()).map_err(|error| named(&path, &error).to_string())
    }
}

/// Current date and time in UTC, such as `2026-11-29T12:00:00Z`.
#[must_use]
pub fn utc_now() -> String {
    humantime::format_rfc3339_seconds(datable(SystemTime::now())).to_string()
}

/// Time that can be written as a date: one outside of the years 1970 to 9999, as of a clock that was never set, becomes the
/// beginning of 1970.
#[must_use]
pub fn datable(time: SystemTime) -> SystemTime {
    const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since < YEAR_10000 => time,
        _ => SystemTime::UNIX_EPOCH,
    }
}

/// Name of the log of a run.
fn name_of(number: u64) -> String {
    format!("run-{number}.log")
}

/// Number in the name of a log. Other files, such as copies, are no logs.
fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix("run-")?.strip_suffix(".log")?.parse().ok()?;
    (number < RUNS && name == name_of(number)).then_some(number)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(folder: &mut RunFolder, number: u64) -> Vec<String> {
        let mut lines = Vec::new();
        folder
            .read(number, &mut |line| lines.push(line.to_owned()))
            .unwrap();
        lines
    }

    #[test]
    fn any_clock_gives_a_date() {
        let second = Duration::from_secs(1);
        let date = |time| humantime::format_rfc3339_seconds(datable(time)).to_string();
        assert_eq!(date(SystemTime::UNIX_EPOCH - second), "1970-01-01T00:00:00Z");
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        assert_eq!(date(last), "9999-12-31T23:59:59Z");
        assert_eq!(date(last + second), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn logs_are_there_when_the_folder_is_opened_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/runs");
        let mut folder = RunFolder::open(&path).unwrap();
        assert_eq!(folder.state(), Ok(None));
        for number in [9, 10] {
            folder.create(number, "head").unwrap();
            folder.append(number, "1").unwrap();
        }
        assert!(
            folder
                .create(9, "head")
                .unwrap_err()
                .contains("run-9.log: exists")
        );
        assert!(
            folder
                .append(8, "1")
                .unwrap_err()
                .contains("run-8.log: there is no")
        );
        folder.set_state("{}").unwrap();
        let busy = RunFolder::open(&path).unwrap_err();
        assert!(
            busy.to_string().contains("another server keeps its runs"),
            "{busy}"
        );
        drop(folder);
        // Killed in the middle of a line.
        let torn = path.join("run-10.log");
        fs::write(&torn, [&fs::read(&torn).unwrap()[..], b"{\"x\": [0."].concat()).unwrap();
        for name in [
            "note.txt",
            "run-010.log",
            "run-+1.log",
            "run-18446744073709551615.log",
        ] {
            fs::write(path.join(name), "not a log").unwrap();
        }
        let mut folder = RunFolder::open(&path).unwrap();
        assert_eq!(folder.numbers(), [9, 10]);
        assert_eq!(lines(&mut folder, 10), ["head", "1"]);
        assert_eq!(folder.state(), Ok(Some("{}".into())));
        folder.append(10, "2").unwrap();
        assert_eq!(lines(&mut folder, 10), ["head", "1", "2"]);
        folder.remove(10).unwrap();
        assert_eq!(folder.numbers(), [9]);
        assert!(!torn.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_the_log_is_as_before() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = RunFolder::open(home.path()).unwrap();
        folder.create(1, "head").unwrap();
        let full = AppendFile::open(Path::new("/dev/full")).unwrap();
        let log = folder.logs.insert(1, full).unwrap();
        assert!(
            folder
                .append(1, "lost")
                .unwrap_err()
                .contains("run-1.log: No space left")
        );
        folder.logs.insert(1, log);
        folder.append(1, "kept").unwrap();
        let mut folder = folder.without_sync();
        folder.append(1, "fast").unwrap();
        assert_eq!(lines(&mut folder, 1), ["head", "kept", "fast"]);
    }
}
