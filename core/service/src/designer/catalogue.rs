//! Runs that a server keeps, as logs.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_design::{Designer, Measurement};
use labwire_protocols::obe::{ErrorReply, RunName, code};
use labwire_python_json::{Limits, Object, Value, dumps, parse};

use super::DesignerSettings;
use super::live::Live;
use super::record::{self, Head, Record};
use super::refusal::unstored;
use super::reply::CHARACTER_BYTES;
use super::store::RunStore;
use super::texts::Texts;

/// Number of remarks that wait for the log.
const REMARKS: usize = 16;
/// Length of an entry of the list without its texts, in bytes.
const ENTRY_BYTES: usize = 200;

/// Runs of a server, and the one that commands without `run` act on.
#[derive(Debug)]
pub(super) struct Catalogue {
    store: Box<dyn RunStore>,
    /// In the order of their last changes, the latest at the end.
    entries: Vec<Entry>,
    default: u64,
    /// Text of the experiment with which the server was started.
    started_with: String,
    /// Largest number of a run so far.
    last: u64,
    /// Limits `runs` and `run-bytes`.
    kept: usize,
    bytes: usize,
    is_ended: bool,
    /// Failures that are no client's concern.
    remarks: VecDeque<String>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    name: Option<String>,
    before: Option<u64>,
    experiment: String,
    begun: String,
    changed: String,
    measurements: usize,
    /// Length of the log.
    bytes: usize,
    /// Reason why the log cannot be read.
    fault: Option<String>,
}

/// Facts about a run that is to begin.
pub(super) struct Beginning<'a> {
    pub(super) name: Option<String>,
    pub(super) before: Option<u64>,
    pub(super) designer: &'a Designer,
    pub(super) text: &'a str,
    pub(super) posterior: Option<String>,
    pub(super) is_default: bool,
}

impl<'a> Beginning<'a> {
    /// The first run of a server.
    pub(super) fn first(designer: &'a Designer, text: &'a str) -> Self {
        Self {
            name: None,
            before: None,
            designer,
            text,
            posterior: None,
            is_default: true,
        }
    }
}

impl Catalogue {
    /// Reads the catalogue of a store.
    pub(super) fn read(store: Box<dyn RunStore>, started_with: &str) -> Self {
        let settings = DesignerSettings::default();
        let mut catalogue = Self {
            store,
            entries: Vec::new(),
            default: 0,
            started_with: started_with.into(),
            last: 0,
            kept: settings.runs,
            bytes: settings.run_bytes,
            is_ended: false,
            remarks: VecDeque::new(),
        };
        for number in catalogue.store.numbers() {
            let entry = catalogue.look_up(number);
            catalogue.entries.push(entry);
        }
        catalogue
            .entries
            .sort_by(|a, b| (&a.changed, a.number).cmp(&(&b.changed, b.number)));
        let numbers = catalogue.entries.iter().map(|entry| entry.number);
        catalogue.last = numbers.max().unwrap_or_default();
        catalogue
    }

    /// Catalogue of another store, with the same limits.
    pub(super) fn moved_to(&self, store: Box<dyn RunStore>) -> Self {
        Self {
            kept: self.kept,
            bytes: self.bytes,
            ..Self::read(store, &self.started_with)
        }
    }

    pub(super) fn set_limits(&mut self, settings: &DesignerSettings) {
        (self.kept, self.bytes) = (settings.runs, settings.run_bytes);
    }

    /// Entry of a log that there was at the start. Its lines are counted, but not parsed.
    fn look_up(&mut self, number: u64) -> Entry {
        let (mut head, mut last) = (None, String::new());
        let (mut measurements, mut bytes) = (0_usize, 0);
        let read = self.store.read(number, &mut |line| {
            bytes += line.len() + 1;
            if head.is_none() {
                return head = Some(Head::from_line(line));
            }
            match line.starts_with("{\"undo\"") {
                true => measurements = measurements.saturating_sub(1),
                false => measurements += 1,
            }
            last.clear();
            last.push_str(line);
        });
        let head = head.unwrap_or_else(|| Err("it is empty".into()));
        let head = head.map_err(|error| format!("the log of run {number} cannot be read: {error}"));
        let head = read.and(head);
        let fault = head.as_ref().err().cloned();
        fault.iter().for_each(|fault| self.remark(fault.clone()));
        let head = head.ok();
        let text = |text: fn(&Head) -> &String| head.as_ref().map(text).cloned().unwrap_or_default();
        let changed = record::record(&last).map(|(_, time)| time);
        Entry {
            number,
            experiment: text(|head| &head.experiment),
            begun: text(|head| &head.begun),
            changed: changed.unwrap_or_else(|_| text(|head| &head.begun)),
            before: head.as_ref().and_then(|head| head.before),
            name: head.and_then(|head| head.name),
            measurements,
            bytes,
            fault,
        }
    }

    /// Run that commands without `run` act on.
    pub(super) fn default(&self) -> u64 {
        self.default
    }

    /// Run of a name or number.
    pub(super) fn find(&self, run: &RunName) -> Result<u64, ErrorReply> {
        let is_meant = |entry: &&Entry| match run {
            RunName::Number(number) => entry.number == *number,
            RunName::Name(name) => entry.name.as_ref() == Some(name),
        };
        let meant = self.entries.iter().filter(is_meant).map(|entry| entry.number);
        meant.max().ok_or_else(|| {
            let text = format!("there is no run {run}: `runs` lists those there are");
            ErrorReply::new(code::NO_SUCH_RUN, text)
        })
    }

    pub(super) fn name(&self, number: u64) -> Option<&str> {
        self.entry(number)?.name.as_deref()
    }

    /// Run in place of which a run began, if it is still kept.
    pub(super) fn before(&self, number: u64) -> Option<u64> {
        let before = self.entry(number)?.before?;
        self.entry(before).map(|entry| entry.number)
    }

    pub(super) fn keeps(&self, number: u64) -> bool {
        self.entry(number).is_some()
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.number == number)
    }

    /// Reply to `runs`.
    pub(super) fn list(&self) -> Value {
        let text = |text: &str| match text {
            "" => Value::Null,
            text => text.into(),
        };
        let entry = |entry: &Entry| {
            let mut fields = Object::new();
            fields.insert("run", Value::Int(entry.number as i64));
            fields.insert("name", text(entry.name.as_deref().unwrap_or_default()));
            fields.insert("experiment", text(&entry.experiment));
            fields.insert("measurements", Value::Int(entry.measurements as i64));
            fields.insert("begun", text(&entry.begun));
            fields.insert("changed", text(&entry.changed));
            fields.insert("default", entry.number == self.default);
            if let Some(fault) = &entry.fault {
                fields.insert("error", fault.as_str());
            }
            Value::from(fields)
        };
        Value::List(self.entries.iter().map(entry).collect())
    }

    /// Length of the text of the list, in bytes, at most.
    pub(super) fn list_bytes(&self) -> usize {
        let text = |entry: &Entry| {
            let name = entry.name.as_ref().map_or(0, String::len);
            let fault = entry.fault.as_ref().map_or(0, String::len);
            entry.experiment.len() + name + fault + entry.begun.len() + entry.changed.len()
        };
        let entries = self.entries.iter();
        entries
            .map(|entry| ENTRY_BYTES + text(entry).saturating_mul(CHARACTER_BYTES))
            .sum()
    }

    /// Stores the beginning of a run, which is then kept, and removes runs beyond the limit. Returns its number.
    pub(super) fn begin(&mut self, run: Beginning<'_>) -> Result<u64, ErrorReply> {
        let number = self.last + 1;
        let experiment = run.designer.experiment();
        let head = Head {
            number,
            name: run.name,
            before: run.before,
            begun: self.store.time(),
            experiment: experiment.name.clone(),
            text: run.text.into(),
            arguments: experiment.arguments.clone(),
            seed: run.designer.seed(),
            posterior: run.posterior,
        };
        let line = head.line();
        self.check_length(number, 0, &line)?;
        self.store.create(number, &line).map_err(unstored)?;
        if run.is_default
            && let Err(error) = self.set_default(number)
        {
            self.discard(number);
            return Err(error);
        }
        self.last = number;
        self.entries.push(Entry {
            number,
            name: head.name,
            before: head.before,
            experiment: head.experiment,
            changed: head.begun.clone(),
            begun: head.begun,
            measurements: 0,
            bytes: line.len() + 1,
            fault: None,
        });
        self.remove_surplus();
        Ok(number)
    }

    /// Makes a run the default one.
    pub(super) fn set_default(&mut self, number: u64) -> Result<(), ErrorReply> {
        self.save_state(number).map_err(unstored)?;
        self.default = number;
        Ok(())
    }

    /// Continues with a default run that is stored as such.
    pub(super) fn keep_default(&mut self, number: u64) {
        self.default = number;
    }

    fn save_state(&mut self, default: u64) -> Result<(), String> {
        let mut state = Object::new();
        state.insert("version", 1);
        state.insert("default", Value::Int(default as i64));
        state.insert("ended", self.is_ended);
        state.insert("experiment", self.started_with.as_str());
        self.store.set_state(&dumps(&state.into()))
    }

    /// Default run of the last process, and text of the experiment with which that was started, unless it was told to
    /// end.
    pub(super) fn left(&mut self) -> Option<(u64, String)> {
        let text = self.store.state().unwrap_or_else(|error| {
            self.remark(error);
            None
        })?;
        let left = left(&text);
        if left.is_none() {
            self.remark("the state of the last process cannot be read".into());
        }
        let (default, experiment, is_ended) = left?;
        let is_there = self.entry(default).is_some();
        (is_there && !is_ended).then_some((default, experiment))
    }

    /// Stores that the server is ending as it was told to.
    pub(super) fn end(&mut self) {
        self.is_ended = true;
        if let Err(error) = self.save_state(self.default) {
            self.remark(error);
        }
    }

    pub(super) fn may_block(&self) -> bool {
        self.store.may_block()
    }

    pub(super) fn poll_remark(&mut self) -> Option<String> {
        self.remarks.pop_front()
    }

    fn remark(&mut self, remark: String) {
        if self.remarks.len() < REMARKS {
            self.remarks.push_back(remark);
        }
    }

    /// Stores a measurement.
    pub(super) fn measured(&mut self, number: u64, measurement: &Measurement) -> Result<(), ErrorReply> {
        let time = self.store.time();
        let line = record::measured(measurement, &time);
        self.append(number, &line, time, |count| count + 1)
    }

    /// Stores that the last measurement was undone.
    pub(super) fn undone(&mut self, number: u64) -> Result<(), ErrorReply> {
        let time = self.store.time();
        let line = record::undone(&time);
        self.append(number, &line, time, |count| count.saturating_sub(1))
    }

    fn append(
        &mut self,
        number: u64,
        line: &str,
        time: String,
        count: impl FnOnce(usize) -> usize,
    ) -> Result<(), ErrorReply> {
        let at = self.entries.iter().position(|entry| entry.number == number);
        let at = at.ok_or_else(|| unstored(format!("run {number} is no longer kept")))?;
        self.check_length(number, self.entries[at].bytes, line)?;
        self.store.append(number, line).map_err(unstored)?;
        let mut entry = self.entries.remove(at);
        entry.bytes += line.len() + 1;
        entry.measurements = count(entry.measurements);
        entry.changed = time;
        self.entries.push(entry);
        Ok(())
    }

    fn check_length(&self, number: u64, bytes: usize, line: &str) -> Result<(), ErrorReply> {
        if bytes + line.len() < self.bytes {
            return Ok(());
        }
        let limit = self.bytes;
        Err(unstored(format!(
            "the log of run {number} would be longer than the limit run-bytes of {limit} bytes; `newrun` begins another run"
        )))
    }

    /// Reads the log of a run: the run as it began, and its measurements.
    pub(super) fn open(
        &mut self,
        number: u64,
        texts: &Texts,
    ) -> Result<(Live, VecDeque<Measurement>), ErrorReply> {
        let (mut head, mut measurements) = (None, VecDeque::new());
        let (mut at, mut fault) = (0_usize, None);
        let read = self.store.read(number, &mut |line| {
            at += 1;
            let taken = match head {
                None => Head::from_line(line).map(|read| head = Some(read)),
                Some(_) => record::record(line).map(|(record, _)| match record {
                    Record::Measured(measurement) => measurements.push_back(measurement),
                    Record::Undone => drop(measurements.pop_back()),
                }),
            };
            if let (Err(error), None) = (taken, &fault) {
                fault = Some(format!("line {at}: {error}"));
            }
        });
        read.map_err(unstored)?;
        let unreadable = |error| unstored(format!("the log of run {number} cannot be read: {error}"));
        let head = match (fault, head) {
            (Some(fault), _) => return Err(unreadable(fault)),
            (None, None) => return Err(unreadable("it is empty".into())),
            (None, Some(head)) => head,
        };
        let designer = head.designer(texts);
        let live = Live {
            number,
            designer: designer.map_err(|error| unstored(format!("run {number} cannot go on: {error}")))?,
            text: head.text,
        };
        Ok((live, measurements))
    }

    /// Removes the log of a run that is not the default one.
    pub(super) fn discard(&mut self, number: u64) {
        self.entries.retain(|entry| entry.number != number);
        if let Err(error) = self.store.remove(number) {
            self.remark(error);
        }
    }

    /// Removes runs without measurements, except for the default one.
    pub(super) fn discard_empty(&mut self) {
        let is_empty =
            |entry: &&Entry| entry.measurements == 0 && entry.fault.is_none() && entry.number != self.default;
        let empty: Vec<u64> = self
            .entries
            .iter()
            .filter(is_empty)
            .map(|entry| entry.number)
            .collect();
        empty.into_iter().for_each(|number| self.discard(number));
    }

    fn has_surplus(&self) -> bool {
        let bytes: usize = self.entries.iter().map(|entry| entry.bytes).sum();
        self.entries.len() > self.kept + 1 || self.store.capacity().is_some_and(|most| bytes > most)
    }

    /// Removes the runs beyond the limit: first those without measurements, then those that have not been changed for
    /// longest; never the default one, nor the one before it.
    fn remove_surplus(&mut self) {
        while self.has_surplus() {
            let spared = [
                Some(self.default),
                self.before(self.default),
                self.entries.last().map(|it| it.number),
            ];
            let candidates = || {
                self.entries
                    .iter()
                    .filter(|entry| !spared.contains(&Some(entry.number)))
            };
            let empty = candidates().find(|entry| entry.measurements == 0);
            let Some(number) = empty.or_else(|| candidates().next()).map(|entry| entry.number) else {
                return;
            };
            self.discard(number);
        }
    }
}

/// Default run, text of the experiment, and whether the process was told to end.
fn left(state: &str) -> Option<(u64, String, bool)> {
    let state = parse(state.as_bytes(), &Limits::default()).ok()?;
    let state = state.as_object()?;
    let default = match state.get("default")? {
        Value::Int(number) => u64::try_from(*number).ok()?,
        _ => return None,
    };
    let experiment = state.get("experiment")?.as_str()?.into();
    Some((default, experiment, *state.get("ended")? == Value::Bool(true)))
}
