//! OptBayesExpt's commands, answered by the [`Designer`] of a run.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use labwire_design::{DesignError, DesignLimits, Designer, Outside, UtilityScan};
use labwire_model::problem::TextError;
use labwire_protocols::obe::{self, ErrorReply, Listing, Reply, Request, RunName, Sigma, code};
use labwire_python_json::Object;
use labwire_session::time::Instant;
use labwire_session::{Counting, ReplyBound};

use super::super::Handler;
use super::DesignerSettings;
use super::new_run::NewRun;
use super::refusal::{out_of_time, refused, unstored};
use super::replay::{Replay, Then};
use super::reply::{Matrix, Settings, Values, constants, counting, records, reply_bytes, status};
use super::runs::{Begun, Runs};
use super::store::{PosteriorStore, RunStore};
use super::texts::Texts;
use super::unknown_keys::without_unknown_keys;

/// Number of elementary operations per unit of fuel, chosen so that a unit costs about as much as an evaluation of a
/// problem.
const OPERATIONS_PER_FUEL: usize = 10_000;
/// Number of bytes counted per unit of fuel.
const BYTES_PER_FUEL: usize = 16 << 10;
/// Length of replies, in bytes, from which they are made as jobs.
const LONG_REPLY: usize = 64 << 10;
/// Number of particles drawn per unit of fuel.
const DRAWS_PER_FUEL: usize = 100;
/// Number of remarks that wait for the log.
const REMARKS: usize = 16;
/// Default probability of `interval`.
const PROBABILITY: f64 = 0.95;

/// Handler that answers every command of OptBayesExpt like `OBE_Server`, including those on which that fails, and
/// some more.
///
/// It holds several runs. Commands act on the default one unless they name another. `newrun` and `load` begin a run in
/// place of it, and keep what was measured before: as a log, from which `undo` and `resume` restore the same posterior
/// and the same next suggestion, bit for bit.
pub struct DesignerHandler<S> {
    runs: Runs,
    store: S,
    work: Option<Work>,
    /// Time limit of a request.
    design_time: Duration,
    /// Time at which the request that is being worked on began.
    begun: Instant,
    remarks: VecDeque<String>,
    /// Bound on the replies about a run that are short for experiments of usual size.
    bound: ReplyBound,
    is_done: bool,
}

/// Work that takes longer.
enum Work {
    /// Any request, if there are many particles.
    Ask(Request),
    Scan(Box<UtilityScan>, Purpose),
    /// Counting of the text of a long reply.
    Count(Counting),
    /// Copy of the measurements.
    History,
    Learn(obe::Measurement),
    NewRun(Object),
    /// Drawing of the particles of a new run.
    Draw(Box<NewRun>),
    Undo,
    Resume(RunName),
    /// Beginning of the replay of a run.
    Open(u64, Then),
    Replay(Box<Replay>),
    Save(String),
    Load(String),
}

enum Purpose {
    /// A number of settings, of which some are chosen.
    Batch(usize, Vec<Vec<f64>>),
    Optimal,
    Good(Option<f64>),
    Utility,
}

impl Work {
    /// Whether the work may end without a result: a measurement that was begun is taken in, and a file written whole.
    fn can_be_dropped(&self) -> bool {
        !matches!(
            self,
            Self::Learn(_) | Self::Save(_) | Self::Ask(Request::NewData(_) | Request::Save { .. })
        )
    }

    /// Whether the work reads or writes files.
    fn is_storage(&self) -> bool {
        matches!(self, Self::Save(_) | Self::Load(_))
    }

    /// Whether the work reads or writes logs.
    fn is_logged(&self) -> bool {
        matches!(
            self,
            Self::Learn(_)
                | Self::NewRun(_)
                | Self::Draw(_)
                | Self::Load(_)
                | Self::Undo
                | Self::Resume(_)
                | Self::Open(..)
                | Self::Replay(_)
        )
    }
}

/// Result of a part of the work.
enum Progress {
    Working(Work),
    Done(Reply),
}

type Answer = Result<Reply, ErrorReply>;

/// Number of particles, times parameters, above which requests that involve them are run as jobs.
const MANY_NUMBERS: usize = 100_000;

impl<S> DesignerHandler<S> {
    /// Creates a handler for the experiment that `text` describes. The first run has the seed `seed`, each new one
    /// the next. Earlier runs are kept in memory, unless [`keep_runs`](Self::keep_runs) gives them another place.
    ///
    /// # Errors
    /// If the text is not an experiment, or its constraints exclude all samples of its priors.
    pub fn new(text: &str, limits: DesignLimits, seed: u64, store: S) -> Result<Self, ExperimentError> {
        Self::with_texts(text, Texts::new(limits, None), seed, store)
    }

    /// As [`new`](Self::new), for a text that may name files and programs, which `outside` provides. Texts of clients may
    /// not.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and the failures of `outside`.
    pub fn from_operator(
        text: &str,
        limits: DesignLimits,
        seed: u64,
        store: S,
        outside: Box<dyn Outside>,
    ) -> Result<Self, ExperimentError> {
        Self::with_texts(text, Texts::new(limits, Some((text, outside))), seed, store)
    }

    fn with_texts(text: &str, texts: Texts, seed: u64, store: S) -> Result<Self, ExperimentError> {
        let designer = Designer::new(texts.read(text, &[])?, seed)?;
        let bound = ReplyBound::default();
        bound.set(reply_bytes(&designer));
        Ok(Self {
            runs: Runs::new(designer, text, texts),
            store,
            work: None,
            design_time: DesignerSettings::default().design_time,
            begun: Instant::ZERO,
            remarks: VecDeque::new(),
            bound,
            is_done: false,
        })
    }

    /// The handler with settings of its own.
    #[must_use]
    pub fn with_settings(mut self, settings: &DesignerSettings) -> Self {
        self.design_time = settings.design_time;
        self.runs.set_limits(settings);
        self
    }

    /// Keeps the runs in a store, before the first request. The handler goes on with the default run of the last process
    /// if that was not told to end and had the same experiment, unless `is_fresh`; otherwise it begins a new run.
    ///
    /// # Errors
    /// If a new run cannot be stored; then the runs stay where they were.
    pub fn keep_runs(&mut self, store: Box<dyn RunStore>, is_fresh: bool) -> Result<Begun, String> {
        self.runs.move_to(store, is_fresh).map_err(|error| error.message)
    }

    /// Designer of the run that the last command acted on.
    pub fn designer(&self) -> &Designer {
        self.runs.designer()
    }

    fn note_bound(&self) {
        self.bound
            .set(reply_bytes(self.designer()).max(self.runs.list_bytes()));
    }

    fn has_many_particles(&self) -> bool {
        let numbers = self.designer().num_particles() * self.designer().experiment().parameters.len();
        numbers > MANY_NUMBERS || self.bound.bytes() > LONG_REPLY
    }

    /// Reply to a request that needs no work.
    fn answer_now(&mut self, request: &Request) -> Option<Answer> {
        let designer = self.runs.designer();
        let experiment = designer.experiment();
        Some(Ok(match request {
            Request::Constants => Reply::Value(constants(experiment)),
            Request::Mean => Reply::Numbers(designer.mean()),
            Request::StandardDeviation => Reply::Numbers(designer.std()),
            Request::Covariance => Reply::Table(designer.covariance()),
            Request::Interval { probability } => {
                match designer.interval(probability.unwrap_or(PROBABILITY)) {
                    Ok(intervals) => Reply::Table(intervals.into_iter().map(Vec::from).collect()),
                    Err(error) => return Some(Err(refused(&error))),
                }
            }
            Request::Status => {
                let (number, name) = self.runs.current();
                Reply::Value(status(designer, number, name))
            }
            Request::Runs => Reply::Value(self.runs.list()),
            Request::Ready => Reply::Ok,
            Request::Done => {
                self.is_done = true;
                Reply::Ok
            }
            _ => return None,
        }))
    }

    fn start(&mut self, request: Request) -> Option<Work> {
        let designer = self.runs.designer_mut();
        let (scan, purpose) = match request {
            Request::OptimalSetting => (designer.start_scan(), Purpose::Optimal),
            Request::GoodSetting { pickiness } => (designer.start_scan(), Purpose::Good(pickiness)),
            Request::Batch { count } => (designer.start_scan(), Purpose::Batch(count, Vec::new())),
            Request::Utility => (designer.preview_scan(), Purpose::Utility),
            Request::NewData(measurement) => return Some(Work::Learn(measurement)),
            Request::NewRun(arguments) => return Some(Work::NewRun(arguments)),
            Request::Settings => {
                let settings = Settings(designer.experiment().grid.clone());
                return Some(Work::Count(Counting::new(Listing::table(settings))));
            }
            Request::Particles => {
                let particles = Values(designer.particle_snapshot());
                return Some(Work::Count(Counting::new(Listing::table(particles))));
            }
            Request::Weights => {
                let weights = Listing::numbers(designer.weights());
                return Some(Work::Count(Counting::new(weights)));
            }
            Request::History => return Some(Work::History),
            Request::Undo => return Some(Work::Undo),
            Request::Resume { run } => return Some(Work::Resume(run)),
            Request::Save { name } => return Some(Work::Save(name)),
            Request::Load { name } => return Some(Work::Load(name)),
            _ => return None,
        };
        Some(Work::Scan(Box::new(scan), purpose))
    }

    fn out_of_time(&self, work: &Work) -> ErrorReply {
        let advice = match work {
            Work::Replay(replay) => {
                let (left, number) = (replay.left(), replay.number());
                format!("{left} measurements of run {number} are left to be taken in again")
            }
            _ => "fewer settings, draws or particles, or a simpler model, take less".into(),
        };
        out_of_time(self.design_time, &advice)
    }

    fn finish_scan(&mut self, mut scan: Box<UtilityScan>, purpose: Purpose) -> Result<Progress, ErrorReply> {
        let designer = self.runs.designer_mut();
        if let Some(fault) = designer.experiment().model.fault() {
            return Err(refused(&DesignError::Model(fault)));
        }
        Ok(Progress::Done(Reply::Numbers(match purpose {
            Purpose::Batch(count, mut settings) => {
                settings.push(designer.choose(&mut scan));
                return Ok(Progress::Working(match settings.len() < count {
                    true => Work::Scan(scan, Purpose::Batch(count, settings)),
                    false => Work::Count(Counting::new(Listing::table(Matrix(settings)))),
                }));
            }
            Purpose::Optimal => designer.optimum(&scan),
            Purpose::Good(pickiness) => designer.good(&scan, pickiness),
            Purpose::Utility => {
                let utilities = Listing::numbers(scan.utilities().to_vec());
                return Ok(Progress::Working(Work::Count(Counting::new(utilities))));
            }
        })))
    }

    fn learn(&mut self, measurement: &obe::Measurement) -> Result<(), ErrorReply> {
        let obe::Measurement { x, y, s } = measurement;
        match s {
            None => self.runs.take_in(x, y, None),
            Some(Sigma::Every(s)) => self.runs.take_in(x, y, Some(&[*s])),
            Some(Sigma::PerChannel(s)) => self.runs.take_in(x, y, Some(s)),
        }
    }

    /// Adds those warnings to the run that it does not have yet, and to the log.
    fn warn(&mut self, warnings: Vec<String>) {
        let designer = self.runs.designer_mut();
        for warning in warnings {
            if !designer.warnings().any(|given| given == warning) {
                self.remarks.push_back(warning.clone());
                designer.warn(warning);
            }
        }
        self.remarks.truncate(REMARKS);
    }

    fn begin_run(&mut self, new: NewRun) -> Result<(), ErrorReply> {
        self.remarks.extend(new.warnings.iter().cloned());
        self.remarks.truncate(REMARKS);
        self.runs.begin(new)
    }

    /// Begins to undo the last measurement, or the beginning of the run.
    fn undo(&mut self) -> Result<Work, ErrorReply> {
        match self.designer().before_last() {
            Ok((designer, measurements)) => {
                let live = self.runs.current_with(designer);
                let replay = Replay::new(live, measurements.into(), Then::Undone);
                Ok(Work::Replay(Box::new(replay)))
            }
            Err(error) => match self.runs.before() {
                Some(before) => Ok(Work::Open(before, Then::Restore)),
                None => Err(refused(&error)),
            },
        }
    }

    fn replayed(&mut self, replay: Replay) -> Result<Progress, ErrorReply> {
        let (live, then) = replay.finish();
        match then {
            Then::Answer(request) => {
                self.runs.adopt(live);
                return Ok(Progress::Working(Work::Ask(request)));
            }
            Then::Undone => self.runs.undone(live)?,
            Then::Resume => self.runs.resume(live)?,
            Then::Restore => self.runs.restore(live)?,
        }
        Ok(Progress::Done(Reply::Ok))
    }
}

impl<S: PosteriorStore> DesignerHandler<S> {
    fn advance(&mut self, work: Work, fuel: u32) -> Result<Progress, ErrorReply> {
        match work {
            Work::Ask(request) => return self.ask(request),
            Work::Scan(mut scan, purpose) => {
                let operations = (fuel as usize).saturating_mul(OPERATIONS_PER_FUEL);
                if self.runs.designer_mut().continue_scan_by(&mut scan, operations) {
                    return self.finish_scan(scan, purpose);
                }
                return Ok(Progress::Working(Work::Scan(scan, purpose)));
            }
            Work::History => {
                let counting = Counting::new(records(self.designer()));
                return Ok(Progress::Working(Work::Count(counting)));
            }
            Work::Count(mut counting) => {
                let bytes = (fuel as usize).saturating_mul(BYTES_PER_FUEL);
                return Ok(match counting.step(bytes) {
                    Some(text) => Progress::Done(Reply::Long(text)),
                    None => Progress::Working(Work::Count(counting)),
                });
            }
            Work::Learn(measurement) => self.learn(&measurement)?,
            Work::NewRun(arguments) => {
                let new = NewRun::read(&arguments, self.runs.base())?;
                return Ok(Progress::Working(Work::Draw(Box::new(new))));
            }
            Work::Draw(mut new) => {
                let draws = (fuel as usize).saturating_mul(DRAWS_PER_FUEL);
                if !new.step(draws)? {
                    return Ok(Progress::Working(Work::Draw(new)));
                }
                self.begin_run(*new)?;
            }
            Work::Undo => return self.undo().map(Progress::Working),
            Work::Resume(run) => {
                if let Some(number) = self.runs.resume_live(&run)? {
                    return Ok(Progress::Working(Work::Open(number, Then::Resume)));
                }
            }
            Work::Open(number, then) => {
                let replay = self.runs.open(number, then)?;
                return Ok(Progress::Working(Work::Replay(Box::new(replay))));
            }
            Work::Replay(mut replay) => {
                return match replay.step()? {
                    true => Ok(Progress::Working(Work::Replay(replay))),
                    false => self.replayed(*replay),
                };
            }
            Work::Save(name) => self
                .store
                .save(&name, &self.runs.designer().posterior())
                .map_err(unstored)?,
            Work::Load(name) => self.load(&name)?,
        }
        Ok(Progress::Done(Reply::Ok))
    }

    /// Answers a request, or begins its work.
    fn ask(&mut self, request: Request) -> Result<Progress, ErrorReply> {
        let Some(answer) = self.answer_now(&request) else {
            return Ok(match self.start(request) {
                Some(work) => Progress::Working(work),
                None => Progress::Done(Reply::Ok),
            });
        };
        answer.map(|reply| match counting(reply) {
            Ok(counting) => Progress::Working(Work::Count(counting)),
            Err(reply) => Progress::Done(reply),
        })
    }

    fn load(&mut self, name: &str) -> Result<(), ErrorReply> {
        let text = self.store.load(name).map_err(unstored)?;
        let experiment = self.designer().experiment().clone();
        let loaded = Designer::from_posterior(experiment, &text);
        let designer = loaded.map_err(|error| unstored(format!("{name}: {error}")))?;
        self.runs.succeed(designer, text)
    }
}

impl<S: PosteriorStore> Handler for DesignerHandler<S> {
    type Request = Request;
    type Reply = Answer;

    fn begin(&mut self, now: Instant, request: Request) -> Option<Answer> {
        self.begun = now;
        let (warnings, request) = without_unknown_keys(request);
        let (run, request) = match request {
            Request::Of { run, request } => (Some(run), *request),
            request => (None, request),
        };
        if needs_run(&request) {
            let number = match self.runs.find(run.as_ref()) {
                Ok(number) => number,
                Err(error) => return Some(Err(error)),
            };
            if !self.runs.select(number) {
                self.work = Some(Work::Open(number, Then::Answer(request)));
                self.remarks.extend(warnings);
                self.remarks.truncate(REMARKS);
                return None;
            }
        }
        self.warn(warnings);
        if self.has_many_particles() && !matches!(request, Request::Ready | Request::Done) {
            self.work = Some(Work::Ask(request));
            return None;
        }
        let answer = self.answer_now(&request);
        match answer {
            None => self.work = self.start(request),
            Some(_) => self.note_bound(),
        }
        answer
    }

    fn step(&mut self, now: Instant, fuel: u32) -> Option<Answer> {
        let work = self.work.take()?;
        if now.duration_since(self.begun) >= self.design_time && work.can_be_dropped() {
            return Some(Err(self.out_of_time(&work)));
        }
        match self.advance(work, fuel) {
            Ok(Progress::Working(work)) => {
                self.work = Some(work);
                None
            }
            Ok(Progress::Done(reply)) => {
                self.note_bound();
                Some(Ok(reply))
            }
            Err(error) => Some(Err(error)),
        }
    }

    fn answer_panic(&mut self) -> Option<Answer> {
        let message =
            "the server panicked while it worked on the request, which may have changed the run in part";
        Some(Err(ErrorReply::new(code::PANICKED, message)))
    }

    fn cancel(&mut self) -> bool {
        let can_be_dropped = self.work.as_ref().is_none_or(Work::can_be_dropped);
        if can_be_dropped {
            self.work = None;
        }
        can_be_dropped
    }

    fn answer_always(request: &Request) -> Option<Answer> {
        (*request.command() == Request::Ready).then_some(Ok(Reply::Ok))
    }

    fn gives_way(request: &Request) -> bool {
        use Request::{Batch, GoodSetting, OptimalSetting, Utility};
        matches!(
            request.command(),
            OptimalSetting | GoodSetting { .. } | Batch { .. } | Utility
        )
    }

    fn answer_late(&self, waited: Duration) -> Option<Answer> {
        let is_late = waited >= self.design_time;
        is_late.then(|| {
            Err(out_of_time(
                self.design_time,
                "others were served first, as the client may have gone",
            ))
        })
    }

    fn reply_bound(&self) -> ReplyBound {
        self.bound.clone()
    }

    fn poll_remark(&mut self) -> Option<String> {
        self.remarks.pop_front().or_else(|| self.runs.poll_remark())
    }

    fn may_block(&self) -> bool {
        self.has_many_particles()
            || self
                .work
                .as_ref()
                .is_some_and(|work| work.is_storage() || work.is_logged() && self.runs.may_block())
    }

    fn end(&mut self) {
        self.runs.end();
    }

    fn is_finished(&self) -> bool {
        self.is_done
    }
}

impl<S> fmt::Debug for DesignerHandler<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DesignerHandler")
            .field("experiment", &self.designer().experiment().name)
            .field("is_working", &self.work.is_some())
            .finish_non_exhaustive()
    }
}

/// Whether a request is about one run, and not about the server.
fn needs_run(request: &Request) -> bool {
    !matches!(
        request,
        Request::Ready | Request::Done | Request::Runs | Request::NewRun(_) | Request::Resume { .. }
    )
}

/// Reason why an experiment cannot be designed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The text is invalid.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The experiment is invalid.
    #[error(transparent)]
    Design(#[from] DesignError),
}
