//! OptBayesExpt's commands, answered by a [`Designer`].

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use labwire_design::{
    DesignError, DesignLimits, Designer, Experiment, Grid, Measurement, ParticleSnapshot, UtilityScan,
};
use labwire_model::problem::TextError;
use labwire_protocols::obe::{self, Counting, ErrorReply, Reply, Request, Rows, Sigma, code};
use labwire_python_json::{Object, Value};
use labwire_session::time::Instant;

use super::super::Handler;
use super::DesignerSettings;
use super::new_run::Runs;

/// Number of elementary operations per unit of fuel, chosen so that a unit costs about as much as an evaluation of a
/// problem.
const OPERATIONS_PER_FUEL: usize = 10_000;
/// Number of numbers counted per unit of fuel.
const NUMBERS_PER_FUEL: usize = 1024;
/// Number of remarks that wait for the log.
const REMARKS: usize = 16;
/// Default probability of `interval`.
const PROBABILITY: f64 = 0.95;

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

/// Handler that answers every command of OptBayesExpt like `OBE_Server`, including those on which that fails, and
/// some more.
pub struct DesignerHandler<S> {
    runs: Runs,
    designer: Designer,
    store: S,
    work: Option<Work>,
    /// Time limit of a request.
    design_time: Duration,
    /// Time at which the request that is being worked on began.
    begun: Instant,
    remarks: VecDeque<String>,
    is_done: bool,
}

/// Work that takes longer.
enum Work {
    /// Any request, if there are many particles.
    Ask(Request),
    Scan(Box<UtilityScan>, Purpose),
    /// Counting of the text of a long reply.
    Count(Counting),
    Learn(obe::Measurement),
    NewRun(Object),
    Undo,
    /// Designer that replays measurements.
    Replay(Box<Designer>, VecDeque<Measurement>),
    Save(String),
    Load(String),
}

#[derive(Clone, Copy)]
enum Purpose {
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
    /// the next.
    ///
    /// # Errors
    /// If the text is not an experiment, or its constraints exclude all samples of its priors.
    pub fn new(text: &str, limits: DesignLimits, seed: u64, store: S) -> Result<Self, ExperimentError> {
        let experiment = Experiment::from_json(text, &[], &limits)?;
        Ok(Self {
            runs: Runs::new(text.into(), limits, seed),
            designer: Designer::new(experiment, seed)?,
            store,
            work: None,
            design_time: DesignerSettings::default().design_time,
            begun: Instant::ZERO,
            remarks: VecDeque::new(),
            is_done: false,
        })
    }

    /// The handler with settings of its own.
    #[must_use]
    pub fn with_settings(mut self, settings: &DesignerSettings) -> Self {
        self.design_time = settings.design_time;
        self
    }

    /// Designer of the current run.
    pub fn designer(&self) -> &Designer {
        &self.designer
    }

    fn has_many_particles(&self) -> bool {
        let numbers = self.designer.num_particles() * self.designer.experiment().parameters.len();
        numbers > MANY_NUMBERS
    }

    /// Reply to a request that needs no work.
    fn answer_now(&mut self, request: &Request) -> Option<Answer> {
        let designer = &self.designer;
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
            Request::Status => Reply::Value(status(designer)),
            Request::History => {
                let history: Vec<Value> = designer.history().iter().map(Value::from).collect();
                Reply::Value(history.into())
            }
            Request::Ready => Reply::Ok,
            Request::Done => {
                self.is_done = true;
                Reply::Ok
            }
            _ => return None,
        }))
    }

    fn start(&mut self, request: Request) -> Option<Work> {
        let purpose = match request {
            Request::OptimalSetting => Purpose::Optimal,
            Request::GoodSetting { pickiness } => Purpose::Good(pickiness),
            Request::Utility => Purpose::Utility,
            Request::NewData(measurement) => return Some(Work::Learn(measurement)),
            Request::NewRun(arguments) => return Some(Work::NewRun(arguments)),
            Request::Settings => {
                let settings = Settings(self.designer.experiment().grid.clone());
                return Some(Work::Count(Counting::table(Arc::new(settings))));
            }
            Request::Particles => {
                let particles = Values(self.designer.particle_snapshot());
                return Some(Work::Count(Counting::table(Arc::new(particles))));
            }
            Request::Weights => return Some(Work::Count(Counting::numbers(self.designer.weights()))),
            Request::Undo => return Some(Work::Undo),
            Request::Save { name } => return Some(Work::Save(name)),
            Request::Load { name } => return Some(Work::Load(name)),
            _ => return None,
        };
        Some(Work::Scan(Box::new(self.designer.start_scan()), purpose))
    }

    fn out_of_time(&self) -> ErrorReply {
        let limit = self.design_time;
        ErrorReply::new(
            code::OUT_OF_TIME,
            format!(
                "it took longer than the limit design-time of {limit:?}: fewer settings, draws or particles, or a simpler \
                 model, take less"
            ),
        )
    }

    fn finish_scan(&mut self, scan: &UtilityScan, purpose: Purpose) -> Progress {
        Progress::Done(Reply::Numbers(match purpose {
            Purpose::Optimal => self.designer.optimum(scan),
            Purpose::Good(pickiness) => self.designer.good(scan, pickiness),
            Purpose::Utility => {
                let counting = Counting::numbers(scan.utilities().to_vec());
                return Progress::Working(Work::Count(counting));
            }
        }))
    }

    fn learn(&mut self, measurement: &obe::Measurement) -> Result<(), DesignError> {
        let obe::Measurement { x, y, s } = measurement;
        match s {
            None => self.designer.update(x, y, None),
            Some(Sigma::Every(s)) => self.designer.update(x, y, Some(&[*s])),
            Some(Sigma::PerChannel(s)) => self.designer.update(x, y, Some(s)),
        }
    }
}

impl<S: PosteriorStore> DesignerHandler<S> {
    fn advance(&mut self, work: Work, fuel: u32) -> Result<Progress, ErrorReply> {
        match work {
            Work::Ask(request) => match self.answer_now(&request) {
                Some(answer) => return answer.map(Progress::Done),
                None => {
                    if let Some(work) = self.start(request) {
                        return Ok(Progress::Working(work));
                    }
                }
            },
            Work::Scan(mut scan, purpose) => {
                let operations = (fuel as usize).saturating_mul(OPERATIONS_PER_FUEL);
                if self.designer.continue_scan_by(&mut scan, operations) {
                    return Ok(self.finish_scan(&scan, purpose));
                }
                return Ok(Progress::Working(Work::Scan(scan, purpose)));
            }
            Work::Count(mut counting) => {
                let numbers = (fuel as usize).saturating_mul(NUMBERS_PER_FUEL);
                return Ok(match counting.step(numbers) {
                    Some(listing) => Progress::Done(Reply::Listing(listing)),
                    None => Progress::Working(Work::Count(counting)),
                });
            }
            Work::Learn(measurement) => self.learn(&measurement).map_err(|error| refused(&error))?,
            Work::NewRun(arguments) => {
                let designer = self.runs.start(&arguments)?;
                self.remarks.extend(designer.warnings().map(String::from));
                self.remarks.truncate(REMARKS);
                self.designer = designer;
            }
            Work::Undo => {
                let (designer, history) = self.designer.before_last().map_err(|error| refused(&error))?;
                let replay = Work::Replay(Box::new(designer), history.into());
                return Ok(Progress::Working(replay));
            }
            Work::Replay(mut designer, mut history) => match history.pop_front() {
                None => self.designer = *designer,
                Some(measurement) => {
                    designer.learn(measurement).map_err(|error| refused(&error))?;
                    return Ok(Progress::Working(Work::Replay(designer, history)));
                }
            },
            Work::Save(name) => self
                .store
                .save(&name, &self.designer.posterior())
                .map_err(storage)?,
            Work::Load(name) => {
                let text = self.store.load(&name).map_err(storage)?;
                let experiment = self.designer.experiment().clone();
                let loaded = Designer::from_posterior(experiment, &text);
                self.designer = loaded.map_err(|error| storage(format!("{name}: {error}")))?;
            }
        }
        Ok(Progress::Done(Reply::Ok))
    }
}

impl<S: PosteriorStore> Handler for DesignerHandler<S> {
    type Request = Request;
    type Reply = Answer;

    fn begin(&mut self, now: Instant, request: Request) -> Option<Answer> {
        self.begun = now;
        if self.has_many_particles() && !matches!(request, Request::Ready | Request::Done) {
            self.work = Some(Work::Ask(request));
            return None;
        }
        let answer = self.answer_now(&request);
        if answer.is_none() {
            self.work = self.start(request);
        }
        answer
    }

    fn step(&mut self, now: Instant, fuel: u32) -> Option<Answer> {
        let work = self.work.take()?;
        if now.duration_since(self.begun) >= self.design_time && work.can_be_dropped() {
            return Some(Err(self.out_of_time()));
        }
        match self.advance(work, fuel) {
            Ok(Progress::Working(work)) => {
                self.work = Some(work);
                None
            }
            Ok(Progress::Done(reply)) => Some(Ok(reply)),
            Err(error) => Some(Err(error)),
        }
    }

    fn cancel(&mut self) -> bool {
        let can_be_dropped = self.work.as_ref().is_none_or(Work::can_be_dropped);
        if can_be_dropped {
            self.work = None;
        }
        can_be_dropped
    }

    fn answer_always(request: &Request) -> Option<Answer> {
        (*request == Request::Ready).then_some(Ok(Reply::Ok))
    }

    fn poll_remark(&mut self) -> Option<String> {
        self.remarks.pop_front()
    }

    fn may_block(&self) -> bool {
        self.has_many_particles() || matches!(self.work, Some(Work::Save(_) | Work::Load(_)))
    }

    fn is_finished(&self) -> bool {
        self.is_done
    }
}

impl<S> fmt::Debug for DesignerHandler<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DesignerHandler")
            .field("experiment", &self.designer.experiment().name)
            .field("is_working", &self.work.is_some())
            .finish_non_exhaustive()
    }
}

/// Every setting, a row per knob.
#[derive(Debug)]
struct Settings(Grid);

impl Rows for Settings {
    fn count(&self) -> usize {
        self.0.knobs().len()
    }

    fn length(&self) -> usize {
        self.0.len()
    }

    fn read(&self, row: usize, start: usize, numbers: &mut [f64]) {
        self.0.read(row, start, numbers);
    }
}

/// Every particle, a row per parameter.
#[derive(Debug)]
struct Values(ParticleSnapshot);

impl Rows for Values {
    fn count(&self) -> usize {
        self.0.num_parameters()
    }

    fn length(&self) -> usize {
        self.0.num_particles()
    }

    fn read(&self, row: usize, start: usize, numbers: &mut [f64]) {
        numbers.copy_from_slice(&self.0.row(row)[start..start + numbers.len()]);
    }
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

fn constants(experiment: &Experiment) -> Value {
    let value = |constant: &labwire_design::Constant| match constant.is_whole {
        true => Value::Int(constant.value as i64),
        false => Value::Float(constant.value),
    };
    Value::List(experiment.constants.iter().map(value).collect())
}

fn status(designer: &Designer) -> Value {
    let experiment = designer.experiment();
    let names = experiment
        .parameters
        .iter()
        .map(|parameter| parameter.name.as_str());
    let arguments: Object = experiment
        .arguments
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let count = |count: usize| Value::Int(count as i64);
    let mut status = Object::new();
    status.insert("experiment", experiment.name.as_str());
    status.insert("parameters", names.collect::<Vec<_>>());
    status.insert("arguments", arguments);
    status.insert("seed", designer.seed() as i64);
    status.insert("settings", count(experiment.grid.len()));
    status.insert("particles", count(designer.num_particles()));
    status.insert("measurements", count(designer.history().len()));
    status.insert("n_eff", designer.effective_sample_size());
    status.insert("entropy", designer.entropy());
    status.insert("resamplings", designer.resamplings() as i64);
    status.insert("warnings", designer.warnings().collect::<Vec<_>>());
    status.into()
}

fn refused(error: &DesignError) -> ErrorReply {
    let code = match error {
        DesignError::NoLikelihood => code::NO_LIKELIHOOD,
        DesignError::NothingToUndo => code::NOTHING_TO_UNDO,
        _ => code::INVALID_ARGUMENT,
    };
    ErrorReply::new(code, format!("{error}"))
}

fn storage(error: String) -> ErrorReply {
    ErrorReply::new(code::STORAGE, error)
}
