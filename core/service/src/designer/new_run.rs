//! `newrun`: another run of the same experiment, with other arguments, or of another experiment.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use labwire_design::Drawing;
use labwire_model::text::suggestion;
use labwire_protocols::obe::{ErrorReply, RunName, code};
use labwire_python_json::{Object, Value, dumps_unicode};

use super::texts::Texts;

/// Exclusive upper bound on seeds, so that every client reads them exactly.
const MAX_SEED: u64 = 1 << 53;

/// Facts on which a new run is based.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base<'a> {
    /// Text of the experiment of the default run.
    pub(super) text: &'a str,
    pub(super) texts: &'a Texts,
    /// Seed of the last run.
    pub(super) seed: u64,
}

/// Run that is to begin, whose particles are being drawn.
#[derive(Debug)]
pub(super) struct NewRun {
    pub(super) text: String,
    pub(super) drawing: Drawing,
    pub(super) warnings: Vec<String>,
    /// Name of a run beside the default one.
    pub(super) name: Option<String>,
}

impl NewRun {
    /// Reads the arguments of `newrun`. `experiment` replaces the experiment, `seed` the seed, and `run` names the run;
    /// every other number is an argument that the experiment names in its own `newrun`. Other names are ignored, with a
    /// warning.
    pub(super) fn read(message: &Object, base: Base<'_>) -> Result<Self, ErrorReply> {
        let text = match message.get("experiment") {
            None => base.text.into(),
            Some(Value::Text(text)) => String::from(text.as_str().unwrap_or_default()),
            Some(experiment) => dumps_unicode(experiment),
        };
        // First with its own arguments, to learn their names.
        let experiment = base.texts.read(&text, &[]).map_err(|error| invalid(&error))?;
        let names: Vec<&str> = experiment
            .arguments
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let mut arguments: Vec<(&str, f64)> = Vec::new();
        let (mut warnings, mut run) = (Vec::new(), None);
        let mut seed = (base.seed + 1) % MAX_SEED;
        for (key, value) in message {
            let name = key.as_str().unwrap_or_default();
            if names.contains(&name) {
                let number = value.as_f64().filter(|number| number.is_finite());
                let number = number.ok_or_else(|| not_a("finite number", name))?;
                arguments.push((name, number));
            } else if name == "seed" {
                seed = whole(value).ok_or_else(|| not_a("whole number from 0 to 2^53 - 1", name))?;
            } else if name == "run" && *value != Value::Null {
                run = match RunName::try_from(value)? {
                    RunName::Name(name) => Some(name),
                    RunName::Number(_) => return Err(not_a("name, which is not a number", name)),
                };
            } else if !["experiment", "run"].contains(&name) {
                warnings.push(unknown(name, &names));
            }
        }
        let experiment = match arguments.is_empty() {
            true => experiment,
            false => {
                let experiment = base.texts.read(&text, &arguments);
                experiment.map_err(|error| ErrorReply::new(code::INVALID_ARGUMENT, format!("{error}")))?
            }
        };
        Ok(Self {
            text,
            drawing: Drawing::new(experiment, seed).map_err(|error| invalid(&error))?,
            warnings,
            name: run,
        })
    }

    /// Draws up to `draws` more times. Returns whether all particles are drawn.
    pub(super) fn step(&mut self, draws: usize) -> Result<bool, ErrorReply> {
        self.drawing.step(draws).map_err(|error| invalid(&error))
    }
}

pub(super) fn invalid(error: &dyn fmt::Display) -> ErrorReply {
    ErrorReply::new(code::INVALID_EXPERIMENT, format!("{error}"))
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok().filter(|number| *number < MAX_SEED),
        _ => None,
    }
}

fn not_a(what: &str, name: &str) -> ErrorReply {
    ErrorReply::new(code::INVALID_ARGUMENT, format!("\"{name}\" must be a {what}"))
}

fn unknown(name: &str, known: &[&str]) -> String {
    let passed_over = format!("newrun: the experiment has no argument \"{name}\"");
    match suggestion(name, known.iter().copied()) {
        Some(meant) => format!("{passed_over}; did you mean \"{meant}\"?"),
        None => passed_over,
    }
}
