//! Replies about a designer.

use alloc::string::String;
use alloc::vec::Vec;

use labwire_design::{Designer, Experiment, Grid, ParticleSnapshot, Until};
use labwire_protocols::obe::{Listing, Records, Reply, Rows};
use labwire_python_json::{Object, Value, dumps};
use labwire_session::limits::beginning;
use labwire_session::{Counting, Place, Text};

/// Length of the longest escape of a byte of a text.
pub(super) const CHARACTER_BYTES: usize = 6;

/// Every setting, a row per knob.
#[derive(Debug)]
pub(super) struct Settings(pub(super) Grid);

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
pub(super) struct Values(pub(super) ParticleSnapshot);

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

/// Rows of equal length.
#[derive(Debug)]
pub(super) struct Matrix(pub(super) Vec<Vec<f64>>);

impl Rows for Matrix {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn length(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    fn read(&self, row: usize, start: usize, numbers: &mut [f64]) {
        numbers.copy_from_slice(&self.0[row][start..start + numbers.len()]);
    }
}

/// JSON text of a value.
#[derive(Debug)]
struct Whole(String);

/// Number of bytes that are written at a time.
const PIECE: usize = 16 << 10;

impl Text for Whole {
    fn write(&self, place: &mut Place, text: &mut String) -> bool {
        let piece = beginning(&self.0[place.offset..], PIECE);
        text.push_str(piece);
        place.offset += piece.len();
        place.offset < self.0.len()
    }
}

/// Number of numbers from which a reply is written as it is read.
const LONG_REPLY: usize = 1000;

/// The counting of a long reply.
///
/// # Errors
/// The reply, if it is short.
pub(super) fn counting(reply: Reply) -> Result<Counting, Reply> {
    match reply {
        Reply::Numbers(numbers) if numbers.len() >= LONG_REPLY => {
            Ok(Counting::new(Listing::numbers(numbers)))
        }
        Reply::Table(rows) if rows.iter().map(Vec::len).sum::<usize>() >= LONG_REPLY => {
            Ok(Counting::new(Listing::table(Matrix(rows))))
        }
        Reply::Value(value) => Ok(Counting::new(Whole(dumps(&value)))),
        reply => Err(reply),
    }
}

/// Measurements of a run.
pub(super) fn records(designer: &Designer) -> Records {
    let mut records = Records::default();
    for it in designer.history() {
        records.push(&it.setting, &it.values, it.sigma.as_deref());
    }
    records
}

/// Length of the replies about a run that are short for experiments of usual size, in bytes, at most.
pub(super) fn reply_bytes(designer: &Designer) -> usize {
    let experiment = designer.experiment();
    let parameters = experiment.parameters.len();
    let names = experiment.parameters.iter().map(|it| it.name.len() + 4);
    let arguments = experiment
        .arguments
        .iter()
        .map(|(name, _)| name.len() + NUMBER_BYTES);
    let warnings = designer.warnings().map(str::len);
    let texts: usize = names.chain(arguments).chain(warnings).sum();
    let numbers = (parameters + 2).saturating_mul(parameters) + experiment.constants.len();
    let texts = (experiment.name.len() + texts).saturating_mul(CHARACTER_BYTES);
    numbers.saturating_mul(NUMBER_BYTES).saturating_add(texts)
}

/// Largest length of a number in a reply, with its separator, in bytes.
const NUMBER_BYTES: usize = 27;

pub(super) fn constants(experiment: &Experiment) -> Value {
    let value = |constant: &labwire_design::Constant| match constant.is_whole {
        true => Value::Int(constant.value as i64),
        false => Value::Float(constant.value),
    };
    Value::List(experiment.constants.iter().map(value).collect())
}

pub(super) fn status(designer: &Designer, run: u64, name: Option<&str>) -> Value {
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
    let targets: Object = (designer.targets().into_iter())
        .map(|(name, mean, std)| (name, Value::from(alloc::vec![mean, std])))
        .collect();
    if experiment.targets.is_some() {
        status.insert("targets", targets);
    }
    if experiment.until != Until::default() {
        status.insert("spent", designer.spent());
        status.insert(
            "ended",
            designer
                .ended()
                .map_or(Value::Null, |why| Value::from(why.as_str())),
        );
    }
    status.insert("run", Value::Int(run as i64));
    status.insert("name", name.map_or(Value::Null, Value::from));
    status.into()
}
