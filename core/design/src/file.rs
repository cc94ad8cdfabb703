//! Reader of experiment files: JSON to an [`Experiment`].

mod knobs;
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
use labwire_model::text::{Fault, Place, check_schema, check_version, find, parse_json, suggestion};
use rules::NoiseText;

use super::experiment::{Constant, Cost, DesignOptions, Experiment, Noise};
use super::formula::Formula;
use super::inputs::{PARAMETER, SETTING};
use super::keys;
use super::limits::DesignLimits;

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
        let json = parse_json(text, &limits.text)?;
        let root = Place::root(text, &json);
        let mut reader = Reader {
            limits,
            file: Scope::new(&limits.text),
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
        let knobs = self.knobs(required("settings")?)?;
        let parameters = self.parameters(required("parameters")?)?;
        let (settings, sought) = (required("settings")?, required("parameters")?);
        self.check_particles(sought, parameters.len(), &options)?;
        self.define_inputs(settings, SETTING)?;
        self.define_inputs(sought, PARAMETER)?;
        if let Some(place) = find(&keys, "let") {
            self.file.definitions(place)?;
        }
        let model = self.model(required("model")?, &options)?;
        let noise = find(&keys, "noise")
            .map(|place| self.noise(place, &model))
            .transpose()?;
        let constraints = find(&keys, "constraints")
            .map(|place| self.constraints(place))
            .transpose()?;
        let cost = find(&keys, "cost")
            .map(|place| self.cost(place, &knobs))
            .transpose()?;
        // The knobs twice: the previous setting's are inputs of the cost only.
        let inputs = (2 * knobs.len(), parameters.len());
        let graph = &self.file.expander.graph;
        let formula = |inputs: (usize, usize), outputs| {
            Box::new(Formula::new(graph, inputs.0, inputs.1, outputs)) as Box<dyn super::Model>
        };
        let of_setting = (knobs.len(), parameters.len());
        Ok(Experiment {
            name: name.transpose()?.unwrap_or("unnamed").to_string(),
            model: formula(of_setting, model),
            noise: match noise {
                None => Noise::Reported,
                Some(NoiseText::Known(sigma)) => Noise::Known(sigma),
                Some(NoiseText::OfSetting(outputs)) => Noise::OfSetting(formula(of_setting, outputs)),
                Some(NoiseText::Unknown(outputs)) => Noise::Unknown(formula(of_setting, outputs)),
            },
            cost: cost.map(|(output, needs_previous)| Cost {
                model: formula((inputs.0, 0), alloc::vec![output]),
                needs_previous,
            }),
            constraints: constraints.map(|outputs| formula((0, inputs.1), outputs)),
            grid: self.grid(settings, knobs)?,
            parameters,
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
        for entry in place.entries("an object of names and numbers or expressions")? {
            let name = self.file.new_name(place, &entry)?;
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

    /// Value of a constant expression.
    fn number(&mut self, place: &Place<'t>) -> Result<f64, TextError> {
        let value = self.file.value(place)?;
        let constant = value
            .as_scalar()
            .and_then(|expr| self.file.expander.graph.constant_value(expr));
        match constant {
            Some(number) if number.is_finite() => Ok(number),
            Some(number) => Err(place.error(format!("must be a finite number, not {number}"))),
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

    /// Defines the names of an object as inputs of the expressions, in order.
    fn define_inputs(&mut self, place: &Place<'t>, input: Input) -> Result<(), TextError> {
        for (i, entry) in place.entries("an object")?.iter().enumerate() {
            let name = self.file.new_name(place, entry)?;
            let value = self.file.expander.graph.input(input, i as u32);
            self.file.expander.define_value(&name, Value::Scalar(value));
        }
        Ok(())
    }

    fn model(&mut self, place: &Place<'t>, options: &DesignOptions) -> Result<Vec<Expr>, TextError> {
        let outputs = self.file.expressions(place)?;
        if outputs.is_empty() {
            return Err(place.error("expected an expression for each channel".into()));
        }
        let limit = self.limits.draw_numbers;
        if outputs.len().saturating_mul(options.draws) > limit {
            let (draws, channels) = (options.draws, outputs.len());
            return Err(place.error(format!(
                "{draws} draws of {channels} channels are more than {limit} numbers (limit `draw-numbers`)"
            )));
        }
        Ok(outputs)
    }
}
