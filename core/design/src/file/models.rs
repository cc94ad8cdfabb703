//! Section `model` of an experiment file.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use labwire_model::expression::Value;
use labwire_model::expression::graph::Expr;
use labwire_model::problem::TextError;
use labwire_model::text::{Entry, Place, find};
use labwire_solve::Compact;

use super::Reader;
use crate::dynamics::{Dynamics, Integrator};
use crate::formula::Formula;
use crate::grid::Knob;
use crate::inputs::PARAMETER;
use crate::keys;
use crate::model::Model;
use crate::outside::ModelProgram;
use crate::prior::Parameter;

/// Keys of a program; the others are those of differential equations.
const PROGRAM: [&str; 3] = ["command", "channels", "time_limit"];

/// Number of steps of an integration.
const STEPS: u32 = 100;

/// Time limit of a program.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Longest time limit of a program, in seconds.
const LONGEST: f64 = 1e6;

/// Model as written in the file.
pub(super) struct ReadModel {
    pub(super) channels: usize,
    /// Outputs of a model of expressions.
    pub(super) outputs: Vec<Expr>,
    /// Model that is not made of expressions alone.
    pub(super) other: Option<Box<dyn Model>>,
    /// Inputs that stand for the states and the time of dynamics: nothing but these may depend on them.
    pub(super) states: Vec<Expr>,
}

impl<'t> Reader<'t> {
    pub(super) fn model<'k>(
        &mut self,
        place: &Place<'t>,
        knobs: impl Iterator<Item = &'k Knob>,
        parameters: &[Parameter],
    ) -> Result<ReadModel, TextError> {
        if place.is_list() || place.expression().is_ok() {
            let outputs = self.file.expressions(place)?;
            return Ok(ReadModel {
                channels: outputs.len(),
                outputs,
                other: None,
                states: Vec::new(),
            });
        }
        const WHAT: &str = "an expression for each channel, or an object with \"command\" or \"dynamics\"";
        let entries = place.entries_of(WHAT, keys::model::NAMES)?;
        let is_of_program = |entry: &&Entry<'t>| PROGRAM.contains(&entry.name);
        if !entries.iter().any(|entry| is_of_program(&entry)) {
            return self.dynamics(place, &entries, knobs.count(), parameters.len());
        }
        if let Some(other) = entries.iter().find(|entry| !is_of_program(entry)) {
            let message = format!("`{}` cannot be combined with a program", other.name);
            return Err(other.value.error(message));
        }
        let most = u32::try_from(self.limits.text.variables).unwrap_or(u32::MAX);
        let channels =
            find(&entries, "channels").map_or(Ok(1), |place| place.whole_number(1, most))? as usize;
        let time_limit = find(&entries, "time_limit").map_or(Ok(TIME_LIMIT), time_limit)?;
        let Some(command) = find(&entries, "command") else {
            return Err(place.error("the key `command` is missing".into()));
        };
        let knobs: Vec<String> = knobs.map(|knob| knob.name.clone()).collect();
        let program = ModelProgram {
            command: words(command)?,
            knobs: knobs.len(),
            inputs: knobs
                .into_iter()
                .chain(parameters.iter().map(|it| it.name.clone()))
                .collect(),
            channels,
            time_limit,
        };
        let model = self
            .outside
            .program(program)
            .map_err(|message| command.error(message))?;
        Ok(ReadModel {
            channels,
            outputs: Vec::new(),
            other: Some(model),
            states: Vec::new(),
        })
    }

    /// Reads differential equations, with the words of problem files.
    fn dynamics(
        &mut self,
        place: &Place<'t>,
        entries: &[Entry<'t>],
        knobs: usize,
        parameters: usize,
    ) -> Result<ReadModel, TextError> {
        let required =
            |key: &str| find(entries, key).ok_or_else(|| place.error(format!("the key `{key}` is missing")));
        let (names, end) = (required("states")?.items("a list of names")?, required("end")?);
        let mut initial = self.file.expressions(required("initial_state")?)?;
        let found = initial.len();
        if found != names.len() || names.is_empty() {
            return Err(
                required("initial_state")?.error(format!("expected {} numbers, found {found}", names.len()))
            );
        }
        let start = match find(entries, "start") {
            Some(place) => self.expression(place)?,
            None => self.file.expander.graph.constant(0.0),
        };
        initial.extend([start, self.expression(end)?]);
        let mut states = Vec::new();
        for name in names.iter().chain(find(entries, "time")) {
            states.push(self.define_state(name, parameters + states.len())?);
        }
        if states.len() == names.len() {
            let time = (parameters + states.len()) as u32;
            states.push(self.file.expander.graph.input(PARAMETER, time));
        }
        let (derivative, integrator) = self.equations(required("dynamics")?, names.len())?;
        let outputs = match find(entries, "outputs") {
            Some(place) => self.file.expressions(place)?,
            None => states[..names.len()].to_vec(),
        };
        let steps = find(entries, "steps").map_or(Ok(STEPS), |place| place.whole_number(1, u32::MAX))?;
        let graph = &self.file.expander.graph;
        let formula = |outputs| Formula::new(graph, knobs, parameters + names.len() + 1, outputs);
        let model = Dynamics {
            outputs: formula(outputs),
            derivative: formula(derivative),
            initial: formula(initial),
            parameters,
            steps: steps as usize,
            integrator,
        };
        let limit = self.limits.text.expansion_steps;
        if model.operations_of_steps() > limit {
            let message =
                format!("{steps} steps take more than {limit} operations (limit `expansion-steps`)");
            return Err(find(entries, "steps").unwrap_or(place).error(message));
        }
        Ok(ReadModel {
            channels: model.num_outputs(),
            outputs: Vec::new(),
            other: Some(Box::new(model)),
            states,
        })
    }

    fn equations(&mut self, place: &Place<'t>, states: usize) -> Result<(Vec<Expr>, Integrator), TextError> {
        let entries = place.entries_of(
            "an object of \"derivative\" and \"integrator\"",
            keys::equations::NAMES,
        )?;
        let Some(derivative) = find(&entries, "derivative") else {
            return Err(place.error("the key `derivative` is missing".into()));
        };
        let integrator = match find(&entries, "integrator") {
            None => Integrator::Rk4,
            Some(place) => match place.string("\"euler\" or \"rk4\"")? {
                "euler" => Integrator::Euler,
                "rk4" => Integrator::Rk4,
                other => return Err(place.error(format!("expected euler or rk4, found `{other}`"))),
            },
        };
        let rates = self.file.expressions(derivative)?;
        match rates.len() {
            found if found == states => Ok((rates, integrator)),
            found => Err(derivative.error(format!("expected the rates of {states} states, found {found}"))),
        }
    }

    /// Defines a state, or the time, as an input after the parameters.
    fn define_state(&mut self, place: &Place<'t>, index: usize) -> Result<Expr, TextError> {
        let name = place.string("a name")?;
        let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_name {
            return Err(place.error(format!("expected a name, found `{name}`")));
        }
        self.file
            .expander
            .check_new_name(name)
            .map_err(|message| place.error(message))?;
        let input = self.file.expander.graph.input(PARAMETER, index as u32);
        self.file.expander.define_value(name, Value::Scalar(input));
        Ok(input)
    }

    fn expression(&mut self, place: &Place<'t>) -> Result<Expr, TextError> {
        let value = self.file.value(place)?;
        value
            .as_scalar()
            .ok_or_else(|| place.error(format!("expected a number, found {}", value.describe())))
    }
}

fn time_limit(place: &Place<'_>) -> Result<Duration, TextError> {
    match place.positive()? {
        seconds if seconds <= LONGEST => Ok(Duration::from_secs_f64(seconds)),
        seconds => Err(place.error(format!(
            "expected at most {LONGEST} seconds, found {}",
            Compact(seconds)
        ))),
    }
}

/// Program and its arguments: a list, or one text, separated by blanks.
fn words(place: &Place<'_>) -> Result<Vec<String>, TextError> {
    const WHAT: &str = "a program and its arguments, such as \"python3 model.py\"";
    let words: Vec<String> = match place.is_list() {
        true => {
            let items = place.items(WHAT)?;
            let words = items.iter().map(|item| item.string(WHAT).map(String::from));
            words.collect::<Result<_, _>>()?
        }
        false => place
            .string(WHAT)?
            .split_whitespace()
            .map(|word| word.to_string())
            .collect(),
    };
    match words.first().is_none_or(String::is_empty) {
        true => Err(place.error(format!("expected {WHAT}"))),
        false => Ok(words),
    }
}
