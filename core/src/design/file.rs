//! Reads experiment files: JSON to an [`Experiment`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::experiment::{Constant, Cost, DesignOptions, Experiment, Noise, Selection, Utility};
use super::formula::Formula;
use super::grid::{Grid, Knob, linspace, logspace};
use super::limits::DesignLimits;
use super::prior::{Parameter, Prior};
use crate::problem::ProblemError;
use crate::problem::error::{Fault, suggestion};
use crate::problem::file::{File, check_version, parse_json};
use crate::problem::graph::{Expr, Input};
use crate::problem::reader::{Place, find};
use crate::problem::value::Value;

/// The keys of an experiment file.
const KEYS: [&str; 12] = [
    "version",
    "name",
    "newrun",
    "settings",
    "parameters",
    "constants",
    "let",
    "model",
    "noise",
    "cost",
    "constraints",
    "options",
];

const OPTIONS: [&str; 10] = [
    "particles",
    "draws",
    "choke",
    "utility",
    "selection",
    "pickiness",
    "a_param",
    "scale",
    "resample_threshold",
    "auto_resample",
];

const SETTINGS: [&str; 3] = ["linspace", "logspace", "values"];

const PRIORS: [&str; 7] = [
    "uniform",
    "normal",
    "lognormal",
    "exponential",
    "gamma",
    "discrete",
    "samples",
];

/// What stands before a knob's name where the last setting is meant.
const PREVIOUS: &str = "previous_";

impl Experiment {
    /// Reads an experiment file. `arguments` are values for the names in its `newrun`, in place of those given there.
    ///
    /// # Errors
    /// Whatever is wrong with the text, with its place: see [`ProblemError`]. No text makes it panic.
    pub fn from_json(
        text: &str,
        arguments: &[(&str, f64)],
        limits: &DesignLimits,
    ) -> Result<Self, ProblemError> {
        let json = parse_json(text, &limits.text)?;
        let root = Place::root(text, &json);
        let mut reader = Reader {
            limits,
            file: File::new(&limits.text),
        };
        reader.experiment(&root, arguments)
    }
}

struct Reader<'t> {
    limits: &'t DesignLimits,
    file: File<'t>,
}

impl<'t> Reader<'t> {
    fn experiment(
        &mut self,
        root: &Place<'t>,
        arguments: &[(&str, f64)],
    ) -> Result<Experiment, ProblemError> {
        let keys = root.entries_of("an object with \"settings\", \"parameters\" and \"model\"", &KEYS)?;
        let required =
            |key: &str| find(&keys, key).ok_or_else(|| root.error(format!("the key `{key}` is missing")));
        find(&keys, "version").map_or(Ok(()), |place| check_version(Some(place)))?;
        let name = find(&keys, "name").map(|place| place.string("a name (a string)"));
        let arguments = self.arguments(find(&keys, "newrun"), root, arguments)?;
        let constants = find(&keys, "constants").map_or(Ok(Vec::new()), |place| self.constants(place))?;
        let options =
            find(&keys, "options").map_or(Ok(DesignOptions::default()), |place| self.options(place))?;
        let knobs = self.knobs(required("settings")?)?;
        let parameters = self.parameters(required("parameters")?)?;
        let (settings, sought) = (required("settings")?, required("parameters")?);
        self.check_particles(sought, parameters.len(), &options)?;
        self.define_inputs(settings, Input::Parameter)?;
        self.define_inputs(sought, Input::Variable)?;
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
        // Knobs twice: those of the last setting go to the cost only.
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

    /// What `newrun` names becomes numbers: those of the caller, or of the file.
    fn arguments(
        &mut self,
        place: Option<&Place<'t>>,
        root: &Place<'t>,
        given: &[(&str, f64)],
    ) -> Result<Vec<(String, f64)>, ProblemError> {
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

    fn constants(&mut self, place: &Place<'t>) -> Result<Vec<Constant>, ProblemError> {
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

    /// An expression of numbers and constants, and its value.
    fn number(&mut self, place: &Place<'t>) -> Result<f64, ProblemError> {
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

    fn numbers(&mut self, place: &Place<'t>, what: &str) -> Result<Vec<f64>, ProblemError> {
        let items = place.items(what)?;
        items.iter().map(|item| self.number(item)).collect()
    }

    fn some_numbers<const N: usize>(
        &mut self,
        place: &Place<'t>,
        what: &str,
    ) -> Result<[f64; N], ProblemError> {
        let numbers = self.numbers(place, what)?;
        let found = numbers.len();
        numbers
            .try_into()
            .map_err(|_| place.error(format!("expected {what}, found {found} numbers")))
    }

    fn knobs(&mut self, place: &Place<'t>) -> Result<Vec<Knob>, ProblemError> {
        let entries = place.entries("an object of knobs and their values")?;
        if entries.is_empty() {
            return Err(place.error("expected at least one knob".into()));
        }
        let mut knobs = Vec::new();
        for entry in entries {
            let name = self.file.new_name(place, &entry)?;
            let values = self.knob_values(&entry.value)?;
            knobs.push(Knob { name, values });
        }
        Ok(knobs)
    }

    fn knob_values(&mut self, place: &Place<'t>) -> Result<Vec<f64>, ProblemError> {
        const WHAT: &str = "values such as {\"linspace\": [1.5, 4.5, 200]}, or a list of numbers";
        if place.is_list() {
            return self.values(place);
        }
        let entries = place.entries_of(WHAT, &SETTINGS)?;
        let [entry] = &entries[..] else {
            return Err(place.error(format!("expected one of {}", SETTINGS.join(", "))));
        };
        if entry.name == "values" {
            return self.values(&entry.value);
        }
        let [start, stop, count] = self.some_numbers(&entry.value, "[start, stop, count]")?;
        let most = self.limits.settings;
        if !(count >= 1.0 && crate::math::floor(count) == count) {
            return Err(entry
                .value
                .error(format!("the count must be a whole number from 1 on, not {count}")));
        }
        if count > most as f64 {
            return Err(entry
                .value
                .error(format!("more than {most} values (limit `settings`)")));
        }
        let count = count as usize;
        let values = match entry.name {
            "linspace" => linspace(start, stop, count),
            _ => logspace(start, stop, count),
        };
        match crate::math::all_finite(&values) {
            true => Ok(values),
            false => Err(entry.value.error("reaches beyond the numbers there are".into())),
        }
    }

    fn values(&mut self, place: &Place<'t>) -> Result<Vec<f64>, ProblemError> {
        let values = self.numbers(place, "a list of numbers")?;
        match values.is_empty() {
            true => Err(place.error("expected at least one value".into())),
            false => Ok(values),
        }
    }

    fn grid(&self, place: &Place<'t>, knobs: Vec<Knob>) -> Result<Grid, ProblemError> {
        let limit = self.limits.settings;
        match Grid::new(knobs) {
            Some(grid) if grid.len() <= limit => Ok(grid),
            _ => Err(place.error(format!("more than {limit} combinations (limit `settings`)"))),
        }
    }

    fn parameters(&mut self, place: &Place<'t>) -> Result<Vec<Parameter>, ProblemError> {
        let entries = place.entries("an object of parameters and their priors")?;
        if entries.is_empty() {
            return Err(place.error("expected at least one parameter".into()));
        }
        let mut parameters = Vec::new();
        for entry in entries {
            let name = self.file.new_name(place, &entry)?;
            let prior = self.prior(&entry.value)?;
            prior.check().map_err(|fault| entry.value.error(fault.into()))?;
            parameters.push(Parameter { name, prior });
        }
        Ok(parameters)
    }

    fn prior(&mut self, place: &Place<'t>) -> Result<Prior, ProblemError> {
        const WHAT: &str = "a prior such as {\"uniform\": [0, 1]}";
        let entries = place.entries_of(WHAT, &PRIORS)?;
        let [entry] = &entries[..] else {
            return Err(place.error(format!("expected one of {}", PRIORS.join(", "))));
        };
        let value = &entry.value;
        Ok(match entry.name {
            "uniform" => {
                let [low, high] = self.some_numbers(value, "[low, high]")?;
                Prior::Uniform { low, high }
            }
            "normal" => {
                let [mean, std] = self.some_numbers(value, "[mean, standard deviation]")?;
                Prior::Normal { mean, std }
            }
            "lognormal" => {
                let what = "[mean, standard deviation] of the logarithm";
                let [mean, std] = self.some_numbers(value, what)?;
                Prior::LogNormal { mean, std }
            }
            "exponential" => Prior::Exponential {
                mean: self.number(value)?,
            },
            "gamma" => {
                let [shape, scale] = self.some_numbers(value, "[shape, scale]")?;
                Prior::Gamma { shape, scale }
            }
            "discrete" => self.discrete(value)?,
            _ => Prior::Samples(self.values(value)?),
        })
    }

    /// A list of values, or values and their weights.
    fn discrete(&mut self, place: &Place<'t>) -> Result<Prior, ProblemError> {
        if place.is_list() {
            let values = self.values(place)?;
            let weights = alloc::vec![1.0; values.len()];
            return Ok(Prior::Discrete { values, weights });
        }
        let entries = place.entries_of(
            "a list, or an object of \"values\" and \"weights\"",
            &["values", "weights"],
        )?;
        let list =
            |key: &str| find(&entries, key).ok_or_else(|| place.error(format!("the key `{key}` is missing")));
        Ok(Prior::Discrete {
            values: self.values(list("values")?)?,
            weights: self.values(list("weights")?)?,
        })
    }

    fn check_particles(
        &self,
        place: &Place<'t>,
        parameters: usize,
        options: &DesignOptions,
    ) -> Result<(), ProblemError> {
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

    /// Lets expressions use the names of an object as inputs, in order.
    fn define_inputs(&mut self, place: &Place<'t>, input: Input) -> Result<(), ProblemError> {
        for (i, entry) in place.entries("an object")?.iter().enumerate() {
            let name = self.file.new_name(place, entry)?;
            let value = self.file.expander.graph.input(input, i as u32);
            self.file.expander.define_value(&name, Value::Scalar(value));
        }
        Ok(())
    }

    fn model(&mut self, place: &Place<'t>, options: &DesignOptions) -> Result<Vec<Expr>, ProblemError> {
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

    /// One expression for all channels, or one for each.
    fn noise(&mut self, place: &Place<'t>, model: &[Expr]) -> Result<NoiseText, ProblemError> {
        let mut outputs = self.file.expressions(place)?;
        if let [output] = outputs[..] {
            outputs = alloc::vec![output; model.len()];
        }
        if outputs.len() != model.len() {
            let (channels, found) = (model.len(), outputs.len());
            return Err(place.error(format!(
                "expected the noise of {channels} channels, found {found}"
            )));
        }
        let graph = &self.file.expander.graph;
        if outputs
            .iter()
            .any(|output| graph.depends_on(*output, Input::Variable))
        {
            return Ok(NoiseText::Unknown(outputs));
        }
        let constants: Option<Vec<f64>> = outputs
            .iter()
            .map(|output| graph.constant_value(*output))
            .collect();
        match constants {
            None => Ok(NoiseText::OfSetting(outputs)),
            Some(sigma) => match sigma.iter().find(|sigma| !(**sigma > 0.0 && sigma.is_finite())) {
                None => Ok(NoiseText::Known(sigma)),
                Some(wrong) => {
                    Err(place.error(format!("a standard deviation must be positive, not {wrong}")))
                }
            },
        }
    }

    fn constraints(&mut self, place: &Place<'t>) -> Result<Vec<Expr>, ProblemError> {
        let outputs = self.file.expressions(place)?;
        let graph = &self.file.expander.graph;
        match outputs
            .iter()
            .any(|output| graph.depends_on(*output, Input::Parameter))
        {
            true => Err(place.error("constraints are on parameters; they cannot depend on settings".into())),
            false => Ok(outputs),
        }
    }

    /// The cost, and whether it depends on the last setting.
    fn cost(&mut self, place: &Place<'t>, knobs: &[Knob]) -> Result<(Expr, bool), ProblemError> {
        let mut previous = Vec::new();
        for (knob, i) in knobs.iter().zip(knobs.len() as u32..) {
            let expr = self.file.expander.graph.input(Input::Parameter, i);
            let name = format!("{PREVIOUS}{}", knob.name);
            if let Err(message) = self.file.expander.check_new_name(&name) {
                return Err(place.error(format!("{message}, and {PREVIOUS} has a meaning in a cost")));
            }
            self.file.expander.define_value(&name, Value::Scalar(expr));
            previous.push(expr);
        }
        let value = self.file.value(place)?;
        let Some(output) = value.as_scalar() else {
            return Err(place.error(format!("the cost must be a number, found {}", value.describe())));
        };
        let graph = &self.file.expander.graph;
        if graph.depends_on(output, Input::Variable) {
            return Err(place.error("the cost is that of a setting; it cannot depend on parameters".into()));
        }
        Ok((output, reaches(graph, output, &previous)))
    }

    fn options(&mut self, place: &Place<'t>) -> Result<DesignOptions, ProblemError> {
        let mut options = DesignOptions::default();
        for entry in place.entries_of("an object of options", &OPTIONS)? {
            let value = &entry.value;
            match entry.name {
                "particles" => options.particles = value.whole_number(2, u32::MAX)? as usize,
                "draws" => options.draws = value.whole_number(2, u32::MAX)? as usize,
                "choke" => options.choke = fraction(value)?,
                "utility" => options.utility = choice(value, &UTILITIES)?,
                "selection" => options.selection = choice(value, &SELECTIONS)?,
                "pickiness" => options.pickiness = value.positive()?,
                "a_param" => options.a_param = fraction(value)?,
                "scale" => options.scale = truth(value)?,
                "resample_threshold" => options.resample_threshold = fraction(value)?,
                _ => options.auto_resample = truth(value)?,
            }
        }
        Ok(options)
    }
}

enum NoiseText {
    Known(Vec<f64>),
    OfSetting(Vec<Expr>),
    Unknown(Vec<Expr>),
}

/// Whether `output` is computed from one of `inputs`.
fn reaches(graph: &crate::problem::graph::Graph, output: Expr, inputs: &[Expr]) -> bool {
    let mut is_needed = alloc::vec![false; graph.len()];
    is_needed[output.index()] = true;
    for expr in graph.exprs().rev() {
        if is_needed[expr.index()] {
            for operand in graph.node(expr).operands() {
                is_needed[operand.index()] = true;
            }
        }
    }
    inputs.iter().any(|input| is_needed[input.index()])
}

/// The names of [`Utility`].
pub(super) const UTILITIES: [(&str, Utility); 5] = [
    ("variance_approx", Utility::VarianceApprox),
    ("pseudo_utility", Utility::PseudoUtility),
    ("full_kld", Utility::FullKld),
    ("max_min", Utility::MaxMin),
    ("information_gain", Utility::InformationGain),
];

/// The names of [`Selection`].
const SELECTIONS: [(&str, Selection); 3] = [
    ("optimal", Selection::Optimal),
    ("good", Selection::Good),
    ("random", Selection::Random),
];

fn choice<T: Copy>(place: &Place<'_>, choices: &[(&str, T)]) -> Result<T, ProblemError> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let name = place.string(&format!("one of {}", names.join(", ")))?;
    match choices.iter().find(|(known, _)| *known == name) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let fault = Fault::new(0, format!("expected one of {}, found `{name}`", names.join(", ")));
            Err(place.fault(fault.suggest(suggestion(name, names.into_iter()))))
        }
    }
}

/// Above 0, up to 1.
fn fraction(place: &Place<'_>) -> Result<f64, ProblemError> {
    match place.positive()? {
        number if number <= 1.0 => Ok(number),
        number => Err(place.error(format!("expected a number up to 1, found {number}"))),
    }
}

fn truth(place: &Place<'_>) -> Result<bool, ProblemError> {
    match place.json.raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(place.error(format!("expected true or false, found {}", place.json.describe()))),
    }
}
