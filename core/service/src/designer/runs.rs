//! Runs with particles: the default one, and those that were asked for last.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use labwire_design::{DesignError, Designer};
use labwire_protocols::obe::{ErrorReply, RunName};
use labwire_python_json::Value;

use super::DesignerSettings;
use super::catalogue::{Beginning, Catalogue};
use super::live::Live;
use super::new_run::{Base, NewRun, invalid};
use super::refusal::refused;
use super::replay::{Replay, Then};
use super::store::{MemoryRuns, RunStore};
use super::texts::Texts;

/// Runs of a server.
#[derive(Debug)]
pub(super) struct Runs {
    catalogue: Catalogue,
    texts: Texts,
    /// Seed of the last run that began.
    seed: u64,
    current: Live,
    /// Others, the one used last at the end: the default run, and as many as the limit `experiment-memory` allows.
    aside: Vec<Live>,
}

/// Beginning of a server with stored runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Begun {
    /// With a new run.
    Anew,
    /// With the run that the last process did not end.
    WentOn {
        /// Number of the run.
        run: u64,
        /// Number of its measurements.
        measurements: usize,
    },
    /// With a new run, although the last process did not end another.
    Instead {
        /// Number of the other run, which is kept.
        run: u64,
        /// Reason.
        reason: String,
    },
}

impl fmt::Display for Begun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anew => write!(formatter, "a new run begins"),
            Self::WentOn { run, measurements } => write!(
                formatter,
                "run {run} goes on after {measurements} measurements: the last process was not told to end"
            ),
            Self::Instead { run, reason } => write!(
                formatter,
                "a new run begins instead of run {run}, which the last process left: {reason}; `resume` goes on with it"
            ),
        }
    }
}

/// Failure to take in a measurement.
enum NotTaken {
    Refused(DesignError),
    Unstored(ErrorReply),
}

impl From<DesignError> for NotTaken {
    fn from(error: DesignError) -> Self {
        Self::Refused(error)
    }
}

impl Runs {
    /// Creates runs in memory, with the first one.
    pub(super) fn new(designer: Designer, text: &str, texts: Texts) -> Self {
        let mut catalogue = Catalogue::read(Box::new(MemoryRuns::default()), text);
        let first = Beginning::first(&designer, text);
        let current = Live {
            // Memory takes every log.
            number: catalogue.begin(first).unwrap_or_default(),
            text: text.into(),
            designer,
        };
        Self {
            catalogue,
            texts,
            seed: current.designer.seed(),
            current,
            aside: Vec::new(),
        }
    }

    pub(super) fn set_limits(&mut self, settings: &DesignerSettings) {
        self.catalogue.set_limits(settings);
    }

    /// Moves to another store, before the first request.
    pub(super) fn move_to(&mut self, store: Box<dyn RunStore>, is_fresh: bool) -> Result<Begun, ErrorReply> {
        let mut catalogue = self.catalogue.moved_to(store);
        let begun = match catalogue.left() {
            None => Begun::Anew,
            Some((run, _)) if is_fresh => Begun::Instead {
                run,
                reason: "a new one was asked for".into(),
            },
            Some((run, experiment)) => match self.go_on(&mut catalogue, run, &experiment) {
                Ok(measurements) => Begun::WentOn { run, measurements },
                Err(reason) => Begun::Instead { run, reason },
            },
        };
        if !matches!(begun, Begun::WentOn { .. }) {
            let first = Beginning::first(&self.current.designer, &self.current.text);
            self.current.number = catalogue.begin(first)?;
        }
        catalogue.discard_empty();
        self.seed = self.designer().seed();
        self.catalogue = catalogue;
        Ok(begun)
    }

    /// Goes on with the run that the last process left, which was started with `experiment`. Returns the number of its
    /// measurements, or the reason why it cannot be.
    fn go_on(&mut self, catalogue: &mut Catalogue, run: u64, experiment: &str) -> Result<usize, String> {
        if experiment != self.current.text {
            return Err("the server has another experiment now".into());
        }
        let (live, measurements) = catalogue.open(run, &self.texts).map_err(|error| error.message)?;
        let replay = Replay::new(live, measurements, Then::Resume);
        self.current = replay.complete().map_err(|error| error.message)?;
        catalogue.keep_default(run);
        Ok(self.designer().history().len())
    }

    pub(super) fn designer(&self) -> &Designer {
        &self.current.designer
    }

    pub(super) fn designer_mut(&mut self) -> &mut Designer {
        &mut self.current.designer
    }

    /// Number and name of the current run.
    pub(super) fn current(&self) -> (u64, Option<&str>) {
        let number = self.current.number;
        (number, self.catalogue.name(number))
    }

    pub(super) fn list(&self) -> Value {
        self.catalogue.list()
    }

    /// Length of the text of the list, in bytes, at most.
    pub(super) fn list_bytes(&self) -> usize {
        self.catalogue.list_bytes()
    }

    /// Number of a run, by default that of the default one.
    pub(super) fn find(&self, run: Option<&RunName>) -> Result<u64, ErrorReply> {
        run.map_or(Ok(self.catalogue.default()), |run| self.catalogue.find(run))
    }

    /// Makes a run the current one. Returns false if it has no particles.
    pub(super) fn select(&mut self, number: u64) -> bool {
        if number == self.current.number {
            return true;
        }
        let at = self.aside.iter().position(|live| live.number == number);
        let Some(at) = at else { return false };
        let live = self.aside.remove(at);
        self.adopt(live);
        true
    }

    /// Makes a run the current one, and sets the one before aside, as far as the limit `experiment-memory` allows.
    pub(super) fn adopt(&mut self, live: Live) {
        self.aside.push(core::mem::replace(&mut self.current, live));
        self.aside.retain(|live| self.catalogue.keeps(live.number));
        let bytes = |live: &Live| live.designer.experiment().memory_bytes();
        let total = |runs: &Self| runs.aside.iter().map(bytes).sum::<usize>() + bytes(&runs.current);
        while total(self) > self.texts.limits.experiment_memory {
            let default = self.catalogue.default();
            let Some(at) = self.aside.iter().position(|live| live.number != default) else {
                return;
            };
            self.aside.remove(at);
        }
    }

    /// Drops the particles of a run that is set aside.
    fn put_away(&mut self, number: u64) {
        self.aside.retain(|live| live.number != number);
    }

    /// Begins to restore a run from its log.
    pub(super) fn open(&mut self, number: u64, then: Then) -> Result<Replay, ErrorReply> {
        let (live, measurements) = self.catalogue.open(number, &self.texts)?;
        Ok(Replay::new(live, measurements, then))
    }

    /// The current run with another designer.
    pub(super) fn current_with(&self, designer: Designer) -> Live {
        Live {
            number: self.current.number,
            text: self.current.text.clone(),
            designer,
        }
    }

    /// Facts on which a new run is based.
    pub(super) fn base(&self) -> Base<'_> {
        let default = self.catalogue.default();
        let live = self.aside.iter().find(|live| live.number == default);
        Base {
            text: &live.unwrap_or(&self.current).text,
            texts: &self.texts,
            seed: self.seed,
        }
    }

    /// Begins a run: the default one, or if it has a name, one beside it.
    pub(super) fn begin(&mut self, new: NewRun) -> Result<(), ErrorReply> {
        let NewRun {
            text,
            drawing,
            warnings,
            name,
        } = new;
        let mut designer = drawing.finish().map_err(|error| invalid(&error))?;
        warnings.into_iter().for_each(|warning| designer.warn(warning));
        let default = self.catalogue.default();
        let before = match &name {
            None => Some(default),
            Some(name) => self.catalogue.find(&RunName::Name(name.clone())).ok(),
        };
        let is_default = name.is_none();
        let number = self.catalogue.begin(Beginning {
            name,
            before,
            designer: &designer,
            text: &text,
            posterior: None,
            is_default,
        })?;
        self.seed = designer.seed();
        self.replace(
            before,
            Live {
                number,
                text,
                designer,
            },
        );
        Ok(())
    }

    /// Begins a run with a posterior in place of the current one.
    pub(super) fn succeed(&mut self, designer: Designer, posterior: String) -> Result<(), ErrorReply> {
        let before = self.current.number;
        let mut live = self.current_with(designer);
        live.number = self.catalogue.begin(Beginning {
            name: self.catalogue.name(before).map(String::from),
            before: Some(before),
            designer: &live.designer,
            text: &live.text,
            posterior: Some(posterior),
            is_default: before == self.catalogue.default(),
        })?;
        self.replace(Some(before), live);
        Ok(())
    }

    /// Makes a run the current one, in place of another, whose particles are dropped.
    fn replace(&mut self, before: Option<u64>, live: Live) {
        self.adopt(live);
        if let Some(before) = before {
            self.put_away(before);
        }
    }

    /// Takes in a measurement, once it is in the log.
    pub(super) fn take_in(&mut self, x: &[f64], y: &[f64], s: Option<&[f64]>) -> Result<(), ErrorReply> {
        let (catalogue, number) = (&mut self.catalogue, self.current.number);
        let log = |measurement: &_| {
            catalogue
                .measured(number, measurement)
                .map_err(NotTaken::Unstored)
        };
        let taken = self.current.designer.update_if(x, y, s, log);
        taken.map_err(|error| match error {
            NotTaken::Refused(error) => refused(&error),
            NotTaken::Unstored(error) => error,
        })
    }

    /// Ends the undoing of the last measurement.
    pub(super) fn undone(&mut self, live: Live) -> Result<(), ErrorReply> {
        self.catalogue.undone(live.number)?;
        self.current = live;
        Ok(())
    }

    /// Run in place of which the current one began, if it is still kept.
    pub(super) fn before(&self) -> Option<u64> {
        self.catalogue.before(self.current.number)
    }

    /// Ends the undoing of the beginning of the current run: `live` takes its place again.
    pub(super) fn restore(&mut self, live: Live) -> Result<(), ErrorReply> {
        let begun = self.current.number;
        if begun == self.catalogue.default() {
            self.catalogue.set_default(live.number)?;
        }
        self.catalogue.discard(begun);
        self.replace(Some(begun), live);
        Ok(())
    }

    /// Makes a run the default one if it has particles. Returns its number if it has none.
    pub(super) fn resume_live(&mut self, run: &RunName) -> Result<Option<u64>, ErrorReply> {
        let number = self.catalogue.find(run)?;
        if !self.select(number) {
            return Ok(Some(number));
        }
        self.change_default(number)?;
        Ok(None)
    }

    /// Makes a run the default one.
    pub(super) fn resume(&mut self, live: Live) -> Result<(), ErrorReply> {
        let number = live.number;
        self.adopt(live);
        self.change_default(number)
    }

    fn change_default(&mut self, number: u64) -> Result<(), ErrorReply> {
        let before = self.catalogue.default();
        if before != number {
            self.catalogue.set_default(number)?;
            self.put_away(before);
        }
        Ok(())
    }

    pub(super) fn may_block(&self) -> bool {
        self.catalogue.may_block()
    }

    pub(super) fn end(&mut self) {
        self.catalogue.end();
    }

    pub(super) fn poll_remark(&mut self) -> Option<String> {
        self.catalogue.poll_remark()
    }
}
