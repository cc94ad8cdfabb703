//! Posterior of a designer as text: JSON in Python's dialect.
//!
//! ```text
//! {"version": 1, "posterior_of": "resonance dip", "seed": 1, "suggestions": 0, "resamplings": 1,
//!  "history": [{"x": [2.6], "y": [0.99], "s": [0.005]}, ...],
//!  "parameters": ["f0", "depth", "width"], "particles": [[2.6, ...], [...], [...]], "log_weights": [0.0, ...]}
//! ```
//! Where measurements did not count, `doubt` and `excluded` say so (see [`Doubt`]).
//! `suggestions` were made since the last measurement. `log_weights` are relative to the largest; -Infinity is a weight
//! of 0.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_python_json::{Limits, Object, Value, dumps, parse, write_float};
use labwire_solve::random::Random;

use super::annealing::failing;
use super::designer::{Designer, Loaded, MAX_COUNT};
use super::doubt::Doubt;
use super::error::DesignError;
use super::experiment::Experiment;
use super::measurement::Measurement;
use super::particles::Particles;

/// Number of values that a posterior may hold besides its particles.
const OTHER_VALUES: usize = 4 << 20;

impl Designer {
    /// Complete state of the designer as text, for [`from_posterior`](Self::from_posterior).
    pub fn posterior(&self) -> String {
        let mut head = Object::new();
        head.insert("version", 1);
        head.insert("posterior_of", self.experiment.name.as_str());
        head.insert("seed", self.seed as i64);
        head.insert("suggestions", self.suggestions as i64);
        head.insert("resamplings", self.resamplings as i64);
        self.doubt.write(&mut head);
        let history: Vec<Value> = self.history.iter().map(Value::from).collect();
        head.insert("history", history);
        let names = self
            .experiment
            .parameters
            .iter()
            .map(|parameter| parameter.name.as_str());
        head.insert("parameters", names.collect::<Vec<_>>());
        let mut text = dumps(&head.into());
        text.pop();
        text.push_str(", \"particles\": [");
        for parameter in 0..self.particles.num_parameters() {
            text.push_str(if parameter > 0 { ", " } else { "" });
            write_row(&mut text, self.particles.row(parameter));
        }
        text.push_str("], \"log_weights\": ");
        write_row(&mut text, self.particles.log_weights());
        text.push('}');
        text
    }

    /// Restores a designer for `experiment` from a posterior. It continues bit for bit like the one that was
    /// saved, but the measurements before cannot be undone. Particles outside of the priors or the constraints are
    /// replaced by copies of others, with a warning.
    ///
    /// # Errors
    /// If the text is not a posterior, is one of an experiment with other parameters, or has no particle that the priors
    /// and constraints allow.
    pub fn from_posterior(experiment: Experiment, text: &str) -> Result<Self, DesignError> {
        experiment.check()?;
        let numbers = text.bytes().filter(|byte| *byte == b',').count();
        let limits = Limits {
            values: (2 * numbers).saturating_add(OTHER_VALUES),
            ..Limits::default()
        };
        let wrong = |what: &str| DesignError::Posterior(format!("not a posterior file: {what}"));
        let json = parse(text.as_bytes(), &limits).map_err(|error| wrong(&format!("{error}")))?;
        let object = json.as_object().ok_or_else(|| wrong("not an object"))?;
        let field = |name: &str| {
            object
                .get(name)
                .ok_or_else(|| wrong(&format!("{name} is missing")))
        };
        let whole = |name: &str| match field(name)? {
            Value::Int(number) if (0..MAX_COUNT as i64).contains(number) => Ok(*number as u64),
            _ => Err(wrong(&format!("{name} is not a whole number below 2^53"))),
        };
        match field("version")? {
            Value::Int(1) => {}
            _ => return Err(wrong("its version is not 1")),
        }
        check_names(&experiment, field("parameters")?.as_list().unwrap_or_default())?;
        let num_parameters = experiment.parameters.len();
        let mut particles = particles(field("particles")?, field("log_weights")?, num_parameters)
            .ok_or_else(|| wrong("particles and log_weights do not go together"))?;
        let mut experiment = experiment;
        let replaced = admit(&mut experiment, &mut particles)?;
        let history = measurements(&experiment, field("history")?.as_list().unwrap_or_default());
        let history = history.ok_or_else(|| wrong("its history does not fit this experiment"))?;
        let seed = whole("seed")?;
        let doubt = Doubt::read(object, history.len()).map_err(wrong)?;
        let loaded = Loaded {
            doubt: doubt.clone(),
            measurements: history.len(),
            resamplings: whole("resamplings")?,
            particles: particles.clone(),
        };
        let prior = match experiment.needs_prior() {
            true => Self::new(experiment.clone(), seed)?.prior,
            false => None,
        };
        let mut designer = Self::with_particles(experiment, seed, Random::new(seed, 0), particles);
        designer.suggestions = whole("suggestions")?;
        designer.resamplings = loaded.resamplings;
        designer.history = history;
        designer.count_costs();
        (designer.prior, designer.doubt) = (prior, doubt);
        designer.loaded = Some(loaded);
        if replaced > 0 {
            let count = designer.num_particles();
            designer.warn(format!(
                "{replaced} of {count} particles of the posterior were outside of the priors or the constraints"
            ));
        }
        designer.note_degeneracy();
        Ok(designer)
    }

    /// Warns of parameters that can take different values, but have the same in all particles.
    fn note_degeneracy(&mut self) {
        let std = self.std();
        let parameters = self.experiment.parameters.iter().zip(std);
        let fixed = parameters.filter(|(it, std)| !it.prior.is_discrete() && !(*std > 0.0));
        let fixed: Vec<&str> = fixed.map(|(it, _)| it.name.as_str()).collect();
        if !fixed.is_empty() {
            let names = fixed.join(", ");
            self.warn(format!(
                "all particles of the posterior have the same {names}, which no measurement can change"
            ));
        }
    }
}

/// Refuses the parameters of another experiment.
fn check_names(experiment: &Experiment, found: &[Value]) -> Result<(), DesignError> {
    let names = experiment.parameters.iter().map(|it| it.name.as_str());
    let expected: Vec<Value> = names.map(Value::from).collect();
    if found == expected {
        return Ok(());
    }
    let [found, expected] = [found, &expected].map(|names| dumps(&names.to_vec().into()));
    Err(DesignError::Posterior(format!(
        "the posterior has the parameters {found}, the experiment {expected}"
    )))
}

/// Replaces particles that the priors or the constraints exclude. Returns their number.
fn admit(experiment: &mut Experiment, particles: &mut Particles) -> Result<usize, DesignError> {
    let priors: Vec<_> = experiment.parameters.iter().map(|it| &it.prior).collect();
    let support: Vec<[f64; 2]> = priors.iter().map(|prior| prior.support()).collect();
    let mut wrong =
        particles.outside(|parameter, value| priors[parameter].includes(support[parameter], value));
    wrong.extend(failing(experiment, particles));
    wrong.sort_unstable();
    wrong.dedup();
    if wrong.is_empty() {
        return Ok(0);
    }
    if !particles.discard(&wrong) {
        let message = "the priors and constraints of the experiment exclude every particle of the posterior";
        return Err(DesignError::Posterior(message.into()));
    }
    particles.copy_by_weight();
    Ok(wrong.len())
}

fn write_row(text: &mut String, row: &[f64]) {
    text.push('[');
    for (i, number) in row.iter().enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        write_float(text, *number);
    }
    text.push(']');
}

impl From<&Measurement> for Value {
    /// `{"x": [...], "y": [...], "s": [...]}`; `s` is null if none was reported.
    fn from(measurement: &Measurement) -> Self {
        let mut entry = Object::new();
        entry.insert("x", measurement.setting.clone());
        entry.insert("y", measurement.values.clone());
        let sigma = measurement.sigma.clone();
        entry.insert("s", sigma.map_or(Value::Null, Value::from));
        entry.into()
    }
}

impl TryFrom<&Value> for Measurement {
    type Error = String;

    /// The reverse of `Value::from`. Further fields are passed over.
    fn try_from(value: &Value) -> Result<Self, String> {
        let entry = value.as_object().ok_or("a measurement is not an object")?;
        let list = |name: &str| {
            let list = entry.get(name).and_then(numbers);
            list.ok_or_else(|| format!("{name} is not a list of numbers"))
        };
        Ok(Self {
            setting: list("x")?,
            values: list("y")?,
            sigma: match entry.get("s") {
                Some(Value::Null) => None,
                _ => Some(list("s")?),
            },
        })
    }
}

/// Measurements of a posterior, if they are some of this experiment.
fn measurements(experiment: &Experiment, entries: &[Value]) -> Option<Vec<Measurement>> {
    let (knobs, channels) = (experiment.grid.knobs().len(), experiment.channels());
    let read = |entry| measurement(entry, knobs, channels);
    entries.iter().map(read).collect()
}

/// Measurement with as many numbers as the experiment has knobs and channels.
fn measurement(entry: &Value, knobs: usize, channels: usize) -> Option<Measurement> {
    let measurement = Measurement::try_from(entry).ok()?;
    let fits = measurement.setting.len() == knobs && measurement.values.len() == channels;
    fits.then_some(measurement)
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_list()?.iter().map(Value::as_f64).collect()
}

fn particles(rows: &Value, log_weights: &Value, parameters: usize) -> Option<Particles> {
    let log_weights = numbers(log_weights)?;
    let rows = rows.as_list()?;
    let count = log_weights.len();
    if rows.len() != parameters || count < 2 {
        return None;
    }
    let mut values = Vec::with_capacity(parameters * count);
    for row in rows {
        let row = row.as_list().filter(|row| row.len() == count)?;
        for value in row {
            values.push(value.as_f64().filter(|value| value.is_finite())?);
        }
    }
    Particles::with_log_weights(values, &log_weights)
}
