//! Reads problem files: JSON to a [`Problem`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::Problem;
use super::definition::{Definition, Named};
use super::error::{Fault, ProblemError};
use super::expand::Expander;
use super::graph::{Expr, Input};
use super::json::{self, Json};
use super::limits::ProblemLimits;
use super::options::SolverOptions;
use super::reader::{Entry, Place, find};
use super::set_reader::read_set;
use super::syntax::{parse, parse_signature};
use super::value::Value;
use crate::sets::Set;

/// The keys of a problem file.
const KEYS: [&str; 14] = [
    "version",
    "name",
    "variables",
    "parameters",
    "let",
    "graph",
    "cost",
    "constraints",
    "f1",
    "f2",
    "ocp",
    "solver",
    "initial_guess",
    "initial_penalty",
];

/// Those that go with `ocp`.
const COMMON_KEYS: [&str; 6] = [
    "version",
    "name",
    "ocp",
    "solver",
    "initial_guess",
    "initial_penalty",
];

/// The keys of `solver`.
const SOLVER_KEYS: [&str; 7] = [
    "tolerance",
    "initial_tolerance",
    "delta_tolerance",
    "max_inner_iterations",
    "max_outer_iterations",
    "max_duration_ms",
    "lbfgs_memory",
];

/// The problem that the text defines.
pub(super) fn read(text: &str, limits: &ProblemLimits) -> Result<Problem, ProblemError> {
    let json = parse_json(text, limits)?;
    let root = Place::root(text, &json);
    let mut file = File::new(limits);
    let keys = Keys::new(&root)?;
    check_version(keys.find("version"))?;
    if keys.find("ocp").is_some() {
        let (definition, stages) = file.optimal_control(&keys)?;
        return Ok(Problem::from_stages(definition, stages));
    }
    file.problem(&keys).map(Problem::new)
}

/// The JSON of a text.
pub(crate) fn parse_json<'t>(text: &'t str, limits: &ProblemLimits) -> Result<Json<'t>, ProblemError> {
    if text.len() > limits.text_bytes {
        let limit = limits.text_bytes;
        let message = format!("the text is longer than {limit} bytes (limit `text-bytes`)");
        return Err(ProblemError::new(text, 0, "", Fault::new(0, message)));
    }
    json::parse(text).map_err(|fault| ProblemError::new(text, fault.at, "", fault))
}

/// A file that is being read: what its expressions mean so far.
pub(crate) struct File<'t> {
    pub(crate) limits: &'t ProblemLimits,
    pub(crate) expander: Expander,
    /// The bodies of definitions with arguments, for faults that turn up when they are called.
    texts: Vec<Place<'t>>,
}

impl<'t> File<'t> {
    pub(crate) fn new(limits: &'t ProblemLimits) -> Self {
        Self {
            limits,
            expander: Expander::new(limits),
            texts: Vec::new(),
        }
    }

    fn problem(&mut self, keys: &Keys<'_, 't>) -> Result<Definition, ProblemError> {
        let variables = self.inputs(keys.required("variables")?, Input::Variable, 0)?;
        let parameters = match keys.find("parameters") {
            Some(place) => self.inputs(place, Input::Parameter, 0)?,
            None => Vec::new(),
        };
        if let Some(place) = keys.find("let") {
            self.definitions(place)?;
        }
        let graph = match keys.find("graph") {
            Some(place) => Some((place, self.graph(place)?)),
            None => None,
        };
        let cost = match (keys.find("cost"), graph) {
            (None, Some((place, output))) => self.scalar(place, &output)?,
            _ => self.cost(keys.required("cost")?)?,
        };
        let set = match keys.find("constraints") {
            Some(place) => constraints(place, &variables)?,
            None => Set::All,
        };
        let (f1, f1_set) = match keys.find("f1") {
            Some(place) => self.f1(place)?,
            None => (Vec::new(), Set::All),
        };
        let f2 = match keys.find("f2") {
            Some(place) => self.expressions(place)?,
            None => Vec::new(),
        };
        let num_variables = variables.iter().map(|named| named.len).sum();
        let number = |place: &Place<'t>| place.number("a number");
        let guess = keys.find("initial_guess");
        let guess = guess.map(|place| place.vector(num_variables, "a list of numbers", number));
        Ok(Definition {
            name: keys.name()?,
            variables,
            parameters,
            set,
            cost,
            f1,
            f1_set,
            f2,
            options: keys.options()?,
            initial_guess: guess.transpose()?,
            initial_penalty: keys.initial_penalty()?,
            graph: core::mem::take(&mut self.expander.graph),
        })
    }

    /// Named vectors of variables or parameters, laid out in the order of the file from the element `offset` on.
    pub(super) fn inputs(
        &mut self,
        place: &Place<'t>,
        input: Input,
        offset: usize,
    ) -> Result<Vec<Named>, ProblemError> {
        let entries = place.entries("an object of names and lengths")?;
        if entries.is_empty() && input == Input::Variable {
            return Err(place.error("expected at least one variable".into()));
        }
        let mut inputs = Vec::with_capacity(entries.len());
        let mut total = 0;
        let limit = u32::try_from(self.limits.variables).unwrap_or(u32::MAX);
        for entry in &entries {
            let name = self.new_name(place, entry)?;
            let len = entry.value.whole_number(1, limit)?;
            total += len as usize;
            if total > self.limits.variables {
                let message = format!("more than {limit} in total (limit `variables`)");
                return Err(entry.value.error(message));
            }
            let first = (offset + total) as u32 - len;
            let elements: Vec<Expr> = (first..first + len)
                .map(|i| self.expander.graph.input(input, i))
                .collect();
            self.expander.define_value(&name, Value::vector(elements));
            inputs.push(Named {
                name,
                len: len as usize,
            });
        }
        Ok(inputs)
    }

    pub(crate) fn new_name(&self, place: &Place<'t>, entry: &Entry<'t>) -> Result<String, ProblemError> {
        let fault = |fault| place.fault_in_key(entry, fault);
        match parse_signature(entry.name).map_err(fault)? {
            (name, None) => {
                self.expander
                    .check_new_name(&name)
                    .map_err(|message| fault(Fault::new(0, message)))?;
                Ok(name)
            }
            (_, Some(_)) => Err(fault(Fault::new(0, "expected a name without arguments".into()))),
        }
    }

    pub(crate) fn definitions(&mut self, place: &Place<'t>) -> Result<(), ProblemError> {
        for entry in place.entries("an object of names and expressions")? {
            let fault = |fault| place.fault_in_key(&entry, fault);
            let (name, arguments) = parse_signature(entry.name).map_err(fault)?;
            self.expander
                .check_new_name(&name)
                .map_err(|message| fault(Fault::new(0, message)))?;
            match arguments {
                None => {
                    let value = self.value(&entry.value)?;
                    self.expander.define_value(&name, value);
                }
                Some(arguments) => {
                    let formula = parse(entry.value.expression()?, self.limits.expression_depth)
                        .map_err(|fault| entry.value.fault_inside(fault))?;
                    self.expander
                        .define_function(&name, arguments, formula, self.texts.len());
                    self.texts.push(entry.value);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn value(&mut self, place: &Place<'t>) -> Result<Value, ProblemError> {
        let formula = parse(place.expression()?, self.limits.expression_depth);
        let value = formula.and_then(|formula| self.expander.expand(&formula));
        value.map_err(|fault| match fault.text {
            Some(text) => self.texts[text].fault_inside(fault),
            None => place.fault_inside(fault),
        })
    }

    pub(super) fn cost(&mut self, place: &Place<'t>) -> Result<Expr, ProblemError> {
        let value = self.value(place)?;
        self.scalar(place, &value)
    }

    fn scalar(&self, place: &Place<'t>, value: &Value) -> Result<Expr, ProblemError> {
        value
            .as_scalar()
            .ok_or_else(|| place.error(format!("the cost must be a number, found {}", value.describe())))
    }

    /// An expression or a list of them; vectors are strung together.
    pub(crate) fn expressions(&mut self, place: &Place<'t>) -> Result<Vec<Expr>, ProblemError> {
        let places = if place.is_list() {
            place.items("a list of expressions")?
        } else {
            alloc::vec![place.clone()]
        };
        let mut components = Vec::new();
        for place in &places {
            let value = self.value(place)?;
            match (value.as_scalar(), value.elements()) {
                (Some(scalar), _) => components.push(scalar),
                (None, Some(elements)) => components.extend(elements),
                (None, None) => {
                    let message = format!("expected a number or a vector, found {}", value.describe());
                    return Err(place.error(message));
                }
            }
            if components.len() > self.limits.variables {
                let limit = self.limits.variables;
                return Err(place.error(format!("more than {limit} constraints (limit `variables`)")));
            }
        }
        Ok(components)
    }

    fn f1(&mut self, place: &Place<'t>) -> Result<(Vec<Expr>, Set), ProblemError> {
        let entries = place.entries_of(
            "an object with \"expressions\" and \"set\"",
            &["expressions", "set"],
        )?;
        let missing = |key: &str| place.error(format!("the key `{key}` is missing"));
        let expressions =
            self.expressions(find(&entries, "expressions").ok_or_else(|| missing("expressions"))?)?;
        let set = read_set(
            find(&entries, "set").ok_or_else(|| missing("set"))?,
            expressions.len(),
        )?;
        Ok((expressions, set))
    }
}

/// The entries of the file.
pub(super) struct Keys<'a, 't> {
    root: &'a Place<'t>,
    entries: Vec<Entry<'t>>,
}

impl<'a, 't> Keys<'a, 't> {
    fn new(root: &'a Place<'t>) -> Result<Self, ProblemError> {
        let entries = root.entries("an object with \"variables\" and \"cost\", or with \"ocp\"")?;
        let is_optimal_control = entries.iter().any(|entry| entry.name == "ocp");
        for entry in &entries {
            if !KEYS.contains(&entry.name) {
                return Err(root.unknown_key(entry, &KEYS));
            }
            if is_optimal_control && !COMMON_KEYS.contains(&entry.name) {
                let message = format!("`{}` does not go with `ocp`", entry.name);
                let help = format!("with `ocp` there are {}", COMMON_KEYS.join(", "));
                return Err(root.fault_in_key(entry, Fault::new(0, message).help(help)));
            }
        }
        Ok(Self { root, entries })
    }

    pub(super) fn find(&self, key: &str) -> Option<&Place<'t>> {
        find(&self.entries, key)
    }

    pub(super) fn required(&self, key: &str) -> Result<&Place<'t>, ProblemError> {
        self.find(key)
            .ok_or_else(|| self.root.error(format!("the key `{key}` is missing")))
    }

    pub(super) fn name(&self) -> Result<String, ProblemError> {
        let name = self.find("name").map(|place| place.string("a name (a string)"));
        Ok(name.transpose()?.unwrap_or("unnamed").to_string())
    }

    pub(super) fn options(&self) -> Result<SolverOptions, ProblemError> {
        Ok(self.find("solver").map(options).transpose()?.unwrap_or_default())
    }

    pub(super) fn initial_penalty(&self) -> Result<Option<f64>, ProblemError> {
        self.find("initial_penalty").map(Place::positive).transpose()
    }
}

pub(crate) fn check_version(version: Option<&Place<'_>>) -> Result<(), ProblemError> {
    let Some(place) = version else {
        return Ok(());
    };
    match place.whole_number(0, u32::MAX)? {
        1 => Ok(()),
        version => Err(place.error(format!(
            "version {version} is not known; this program reads version 1"
        ))),
    }
}

/// The sets of the variables that have one.
fn constraints(place: &Place<'_>, variables: &[Named]) -> Result<Set, ProblemError> {
    let names: Vec<&str> = variables.iter().map(|named| named.name.as_str()).collect();
    let entries = place.entries_of("an object of variables and their sets", &names)?;
    let mut parts = Vec::with_capacity(variables.len());
    let mut end = 0;
    for Named { name, len } in variables {
        end += len;
        parts.push((
            end,
            find(&entries, name).map_or(Ok(Set::All), |place| read_set(place, *len))?,
        ));
    }
    match parts.len() {
        1 => Ok(parts.remove(0).1),
        _ => Ok(Set::Product(parts)),
    }
}

fn options(place: &Place<'_>) -> Result<SolverOptions, ProblemError> {
    let mut options = SolverOptions::default();
    for entry in place.entries_of("an object of solver options", &SOLVER_KEYS)? {
        let value = &entry.value;
        match entry.name {
            "tolerance" => options.tolerance = Some(value.positive()?),
            "initial_tolerance" => options.initial_tolerance = Some(value.positive()?),
            "delta_tolerance" => options.delta_tolerance = Some(value.positive()?),
            "max_inner_iterations" => options.max_inner_iterations = Some(value.whole_number(1, u32::MAX)?),
            "max_outer_iterations" => options.max_outer_iterations = Some(value.whole_number(1, u32::MAX)?),
            "max_duration_ms" => {
                let duration = Duration::try_from_secs_f64(value.positive()? / 1e3);
                options.max_duration = Some(duration.unwrap_or(Duration::MAX));
            }
            _ => options.lbfgs_memory = Some(value.whole_number(1, 1000)?),
        }
    }
    Ok(options)
}
