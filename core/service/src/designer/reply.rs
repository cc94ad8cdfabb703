//! Replies about a designer.

use alloc::vec::Vec;

use labwire_design::{Designer, Experiment, Grid, ParticleSnapshot};
use labwire_protocols::obe::Rows;
use labwire_python_json::{Object, Value};

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
    status.insert("run", Value::Int(run as i64));
    status.insert("name", name.map_or(Value::Null, Value::from));
    status.into()
}
