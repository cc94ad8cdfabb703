//! Reader of experiment files: JSON to an [`Experiment`].

mod goals;
mod knobs;
mod models;
mod noise;
mod options;
mod priors;
mod rules;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_model::expression::graph::{Expr, Input};
use labwire_model::expression::{Scope, Value};
use labwire_model::problem::TextError;
use labwire_model::text::{Entry, Fault, Place, check_schema, check_version, find, parse_json, suggestion};
use rules::reaches;

use super::experiment::{Constant, Cost, DesignOptions, Experiment};
use super::formula::Formula;
use super::goal::Targets;
use super::keys;
use super::limits::DesignLimits;
use super::outside::{Outside, Refused};

impl Experiment {
    /// Reads an experiment file. `arguments` override the values that its `newrun` gives to the names in it.
    ///
    /// # Errors
    /// Any fault of the text, with its position: see [`TextError`]. No text causes a panic.
    pub fn from_json(
        text: &str,
        arguments: &[(&str, f64)],
        limits: &DesignLimits,
    ) -> Result<Self, TextError> {
        Self::from_operator(text, arguments, limits, &Refused)
    }

    /// As [`from_json`](Self::from_json), for a text that may name files and programs, which `outside` provides.
    ///
    /// # Errors
    /// Those of [`from_json`](Self::from_json), and the failures of `outside`.
    pub fn from_operator(
        text: &str,
        arguments: &[(&str, f64)],
        limits: &DesignLimits,
        outside: &dyn Outside,
    ) -> Result<Self, TextError> {
        let json = parse_json(text, &limits.text)?;
        let root = Place::root(text, &json);
        let mut reader = Reader {
            limits,
            file: Scope::new(&limits.text),
            outside,
        };
        let experiment = reader.experiment(&root, arguments)?;
        limits
            .check_memory(&experiment)
            .map_err(|error| root.error(format!("{error}")))?;
        Ok(experiment)
    }
}

struct Reader<'t> {
    limits: &'t DesignLimits,
    file: Scope<'t>,
    outside: &'t dyn Outside,
}

impl<'t> Reader<'t> {
    fn experiment(&mut self, root: &Place<'t>, arguments: &[(&str, f64)]) -> Result<Experiment, TextError> {
        let keys = root.entries_of(
            "an object with \"settings\", \"parameters\" and \"model\"",
            keys::experiment::NAMES,
        )?;
        let required =
            |key: &str| find(&keys, key).ok_or_else(|| root.error(format!("the key `{key}` is missing")));
        check_schema(find(&keys, "$schema"))?;
        check_version(find(&keys, "version"))?;
        let name = find(&keys, "name").map(|place| place.name());
        let arguments = self.arguments(find(&keys, "newrun"), root, arguments)?;
        let constants = find(&keys, "constants").map_or(Ok(Vec::new()), |place| self.constants(place))?;
        let options =
            find(&keys, "options").map_or(Ok(DesignOptions::default()), |place| options::read(place))?;
        let (settings, sought) = (required("settings")?, required("parameters")?);
        let lists = self.knobs(settings)?;
        let parameters = self.parameters(sought)?;
        let num_parameters = parameters.all.len();
        self.check_particles(sought, num_parameters, &options)?;
        if let Some(place) = find(&keys, "let") {
            self.file.definitions(place)?;
        }
        let place = required("model")?;
        let model = self.model(place, lists.iter().flatten(), &parameters.all)?;
        self.check_channels(place, model.channels, &options)?;
        let noise = self.noise(find(&keys, "noise"), find(&keys, "likelihood"), &model)?;
        let mut rules = self.rules(&keys, &lists, &parameters.all)?;
        rules.constraints.of_parameters.extend(parameters.conditions);
        let graph = &self.file.expander.graph;
        let others = noise.outputs().iter().chain(rules.of_parameters());
        if reaches(graph, others.copied(), &model.states) {
            let message =
                "states of the model stand in the model alone: not in noise, constraints or targets";
            return Err(root.error(message.into()));
        }
        // The knobs twice: the previous setting's are inputs of the cost only.
        let num_knobs = lists.iter().map(Vec::len).sum::<usize>();
        let inputs = (2 * num_knobs, num_parameters);
        let formula = |inputs: (usize, usize), outputs| {
            Box::new(Formula::new(graph, inputs.0, inputs.1, outputs)) as Box<dyn super::Model>
        };
        let of_setting = (num_knobs, num_parameters);
        let some = |inputs, outputs: Vec<Expr>| (!outputs.is_empty()).then(|| formula(inputs, outputs));
        let mut excluding = some((num_knobs, 0), rules.constraints.of_setting);
        Ok(Experiment {
            name: name.transpose()?.unwrap_or("unnamed").to_string(),
            model: model.other.unwrap_or_else(|| formula(of_setting, model.outputs)),
            noise: noise.text.compiled(|outputs| formula(of_setting, outputs)),
            noise_shape: noise.shape,
            cost: rules.cost.map(|(output, needs_previous)| Cost {
                model: formula((inputs.0, 0), alloc::vec![output]),
                needs_previous,
            }),
            constraints: some((0, inputs.1), rules.constraints.of_parameters),
            targets: rules.targets.map(|(names, outputs)| Targets {
                names,
                model: formula((0, inputs.1), outputs),
            }),
            until: rules.until,
            grid: self.grid(settings, lists, excluding.as_deref_mut().map(|it| it as _))?,
            dependent: (parameters.dependent.into_iter())
                .map(|(parameter, value)| (parameter, formula((1, num_parameters), alloc::vec![value])))
                .collect(),
            parameters: parameters.all,
            constants,
            arguments,
            options,
        })
    }

    /// Defines the names in `newrun` as numbers: the caller's value where there is one, else the file's.
    fn arguments(
        &mut self,
        place: Option<&Place<'t>>,
        root: &Place<'t>,
        given: &[(&str, f64)],
    ) -> Result<Vec<(String, f64)>, TextError> {
        let mut arguments = Vec::new();
        if let Some(place) = place {
            for entry in place.entries("an object of names and numbers")? {
                let name = self.file.new_name(place, &entry)?;
                let default = self.number(&entry.value)?;
                let value = given.iter().find(|(given, _)| *given == name);
                let value = value.map_or(default, |(_, value)| *value);
                if !value.is_finite() {
                    return Err(entry
                        .value
                        .error(format!("{name} must be a finite number, not {value}")));
                }
                let constant = self.file.expander.graph.constant(value);
                self.file.expander.define_value(&name, Value::Scalar(constant));
                arguments.push((name, value));
            }
        }
        let is_known = |name: &str| arguments.iter().any(|(known, _)| known == name);
        match given.iter().find(|(name, _)| !is_known(name)) {
            None => Ok(arguments),
            Some((name, _)) => {
                let known = arguments.iter().map(|(known, _)| known.as_str());
                let fault = Fault::new(
                    0,
                    format!("this experiment has no argument `{name}` in its `newrun`"),
                );
                Err(place
                    .unwrap_or(root)
                    .fault(fault.suggest(suggestion(name, known))))
            }
        }
    }

    fn constants(&mut self, place: &Place<'t>) -> Result<Vec<Constant>, TextError> {
        let mut constants = Vec::new();
        for entry in place.entries("an object of names and numbers, lists of numbers, or expressions")? {
            let name = self.file.new_name(place, &entry)?;
            if entry.value.expression().is_err() {
                let vector = self.vector(&entry.value, &name)?;
                self.file.expander.define_value(&name, vector);
                continue;
            }
            let value = self.number(&entry.value)?;
            let constant = self.file.expander.graph.constant(value);
            self.file.expander.define_value(&name, Value::Scalar(constant));
            let is_whole = entry.value.expression()?.parse::<i64>().is_ok();
            constants.push(Constant {
                name,
                value,
                is_whole,
            });
        }
        Ok(constants)
    }

    /// Vector of numbers, such as the axis of a spectrum or a column of a table.
    fn vector(&mut self, place: &Place<'t>, name: &str) -> Result<Value, TextError> {
        let values = self.knob_values(place, name)?;
        let limit = self.limits.text.variables;
        if values.len() > limit {
            return Err(place.error(format!("more than {limit} values (limit `variables`)")));
        }
        let graph = &mut self.file.expander.graph;
        Ok(Value::vector(
            values.into_iter().map(|value| graph.constant(value)),
        ))
    }

    /// Value of a constant expression.
    fn number(&mut self, place: &Place<'t>) -> Result<f64, TextError> {
        let value = self.file.value(place)?;
        let constant = value
            .as_scalar()
            .and_then(|expr| self.file.expander.graph.constant_value(expr));
        match constant {
            Some(number) if number.is_finite() => Ok(number),
            Some(number) => Err(place.error(format!("must be a finite number, not {number}"))),
            None if value.as_scalar().is_some() => {
                Err(place.error("expected a number, found an expression of settings or parameters".into()))
            }
            None => Err(place.error(format!("expected a number, found {}", value.describe()))),
        }
    }

    fn numbers(&mut self, place: &Place<'t>, what: &str) -> Result<Vec<f64>, TextError> {
        let items = place.items(what)?;
        items.iter().map(|item| self.number(item)).collect()
    }

    fn some_numbers<const N: usize>(&mut self, place: &Place<'t>, what: &str) -> Result<[f64; N], TextError> {
        let numbers = self.numbers(place, what)?;
        let found = numbers.len();
        numbers
            .try_into()
            .map_err(|_| place.error(format!("expected {what}, found {found} numbers")))
    }

    fn check_particles(
        &self,
        place: &Place<'t>,
        parameters: usize,
        options: &DesignOptions,
    ) -> Result<(), TextError> {
        let DesignLimits {
            particle_numbers,
            draw_numbers,
            ..
        } = *self.limits;
        if options.particles.saturating_mul(parameters) > particle_numbers {
            let particles = options.particles;
            return Err(place.error(format!(
                "{particles} particles of {parameters} parameters are more than {particle_numbers} numbers (limit \
                 `particle-numbers`)"
            )));
        }
        if options.draws.saturating_mul(parameters) > draw_numbers {
            let draws = options.draws;
            return Err(place.error(format!(
                "{draws} draws of {parameters} parameters are more than {draw_numbers} numbers (limit `draw-numbers`)"
            )));
        }
        Ok(())
    }

    /// Names that an entry introduces: one, or several that are separated by commas.
    fn new_names(&self, place: &Place<'t>, entry: &Entry<'t>) -> Result<Vec<String>, TextError> {
        let mut names: Vec<String> = Vec::new();
        for name in entry.name.split(',') {
            let mut part = entry.clone();
            part.name = name.trim();
            let name = self.file.new_name(place, &part)?;
            if names.contains(&name) {
                return Err(place.fault_in_key(entry, Fault::new(0, format!("`{name}` is there twice"))));
            }
            names.push(name);
        }
        Ok(names)
    }

    /// Defines a name as an input of the expressions.
    fn define_input(&mut self, name: &str, input: Input, index: u32) {
        let value = self.file.expander.graph.input(input, index);
        self.file.expander.define_value(name, Value::Scalar(value));
    }

    fn check_channels(
        &self,
        place: &Place<'t>,
        channels: usize,
        options: &DesignOptions,
    ) -> Result<(), TextError> {
        let limit = self.limits.draw_numbers;
        if channels == 0 {
            return Err(place.error("expected an expression for each channel".into()));
        }
        if channels.saturating_mul(options.draws) > limit {
            let draws = options.draws;
            return Err(place.error(format!(
                "{draws} draws of {channels} channels are more than {limit} numbers (limit `draw-numbers`)"
            )));
        }
        Ok(())
    }
}
