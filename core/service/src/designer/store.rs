//! Storage of posteriors, and of the logs of runs.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Storage of posteriors. Both methods may block.
pub trait PosteriorStore {
    /// Stores a text under a name, replacing any previous one: completely or not at all.
    ///
    /// # Errors
    /// A description of the error for people.
    fn save(&mut self, name: &str, text: &str) -> Result<(), String>;

    /// Text stored under a name.
    ///
    /// # Errors
    /// A description of the error for people.
    fn load(&mut self, name: &str) -> Result<String, String>;
}

/// Storage of the logs of runs, each a list of lines under a number, and of one text about all of them. What has been stored must be there after a crash; what could not be stored must not be.
///
/// The errors are descriptions for people.
pub trait RunStore: fmt::Debug + Send + Sync {
    /// Current date and time in UTC, such as `2026-11-29T12:00:00Z`, which sorts as a text; empty if it is not known.
    fn time(&self) -> String;

    /// Whether methods may block, by default true.
    fn may_block(&self) -> bool {
        true
    }

    /// Largest length of all logs together, in bytes, beyond which old ones are removed; by default none.
    fn capacity(&self) -> Option<usize> {
        None
    }

    /// Numbers of the logs, ascending.
    fn numbers(&self) -> Vec<u64>;

    /// Begins a log with its first line.
    ///
    /// # Errors
    /// If it cannot be stored, or exists.
    fn create(&mut self, number: u64, line: &str) -> Result<(), String>;

    /// Appends a line to a log.
    ///
    /// # Errors
    /// If it cannot be stored.
    fn append(&mut self, number: u64, line: &str) -> Result<(), String>;

    /// Passes the lines of a log to `take`, first to last.
    ///
    /// # Errors
    /// If there is no such log, or it cannot be read.
    fn read(&mut self, number: u64, take: &mut dyn FnMut(&str)) -> Result<(), String>;

    /// Removes a log.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&mut self, number: u64) -> Result<(), String>;

    /// Text about all logs, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn state(&mut self) -> Result<Option<String>, String>;

    /// Replaces the text about all logs.
    ///
    /// # Errors
    /// If it cannot be stored.
    fn set_state(&mut self, text: &str) -> Result<(), String>;
}

/// Logs of runs in memory, up to 64 MiB of earlier ones, which can be resumed as long as the process lives.
#[derive(Debug)]
pub struct MemoryRuns {
    logs: BTreeMap<u64, Vec<String>>,
    state: Option<String>,
    time: fn() -> String,
}

impl MemoryRuns {
    /// Creates a store that asks `time` for the date and time, see [`RunStore::time`].
    #[must_use]
    pub fn new(time: fn() -> String) -> Self {
        Self {
            logs: BTreeMap::new(),
            state: None,
            time,
        }
    }

    fn log(&mut self, number: u64) -> Result<&mut Vec<String>, String> {
        let log = self.logs.get_mut(&number);
        log.ok_or_else(|| format!("there is no log of run {number}"))
    }
}

/// Bytes of all logs in memory.
const CAPACITY: usize = 64 << 20;

/// Store without a clock.
impl Default for MemoryRuns {
    fn default() -> Self {
        Self::new(String::new)
    }
}

impl RunStore for MemoryRuns {
    fn time(&self) -> String {
        (self.time)()
    }

    fn may_block(&self) -> bool {
        false
    }

    fn capacity(&self) -> Option<usize> {
        Some(CAPACITY)
    }

    fn numbers(&self) -> Vec<u64> {
        self.logs.keys().copied().collect()
    }

    fn create(&mut self, number: u64, line: &str) -> Result<(), String> {
        self.logs.insert(number, alloc::vec![line.into()]);
        Ok(())
    }

    fn append(&mut self, number: u64, line: &str) -> Result<(), String> {
        self.log(number)?.push(line.into());
        Ok(())
    }

    fn read(&mut self, number: u64, take: &mut dyn FnMut(&str)) -> Result<(), String> {
        self.log(number)?.iter().for_each(|line| take(line));
        Ok(())
    }

    fn remove(&mut self, number: u64) -> Result<(), String> {
        self.logs.remove(&number);
        Ok(())
    }

    fn state(&mut self) -> Result<Option<String>, String> {
        Ok(self.state.clone())
    }

    fn set_state(&mut self, text: &str) -> Result<(), String> {
        self.state = Some(text.into());
        Ok(())
    }
}
