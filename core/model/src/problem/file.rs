//! Reader of problem files: JSON to a [`Problem`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use labwire_solve::Settings;
use labwire_solve::sets::Set;

use super::bounds::{Rows, has_expressions};
use super::definition::Definition;
use super::integers::Candidates;
use super::keys;
use super::set_reader::read_set;
use super::{Problem, element};
use crate::expression::graph::{Expr, Input};
use crate::expression::operation::Binary;
use crate::expression::{Named, Scope, Value};
use crate::text::{
    DataTables, Entry, Fault, Place, TextError, TextLimits, check_schema, check_version, find, parse_json,
};

/// Reads the problem that the text defines.
pub(super) fn read(text: &str, limits: &TextLimits, tables: DataTables<'_>) -> Result<Problem, TextError> {
    let json = parse_json(text, limits)?;
    let root = Place::root(text, &json);
    let mut file = Scope::new(limits);
    file.tables = tables;
    let keys = Keys::new(&root)?;
    check_schema(keys.find("$schema"))?;
    check_version(keys.find("version"))?;
    if keys.find("ocp").is_some() {
        let (definition, stages) = file.optimal_control(&keys)?;
        return Ok(Problem::from_stages(definition, stages));
    }
    file.problem(&keys).map(Problem::new)
}

impl<'t> Scope<'t> {
    fn problem(&mut self, file: &Keys<'_, 't>) -> Result<Definition, TextError> {
        let place = file.required("variables")?;
        let variables = self.inputs(place, Input::Variable, 0, keys::variable::NAMES)?;
        let parameters = file.optional("parameters", |place| {
            self.inputs(place, Input::Parameter, 0, keys::parameter::NAMES)
        })?;
        if let Some(place) = file.find("let") {
            self.definitions(place)?;
        }
        let graph = match file.find("graph") {
            Some(place) => Some((place, self.graph(place)?)),
            None => None,
        };
        let cost = match (file.find("cost"), graph) {
            (None, Some((place, output))) => self.scalar(place, &output)?,
            _ => self.cost(file.required("cost")?)?,
        };
        let mut rows = Rows::default();
        let set = match file.find("constraints") {
            Some(place) => self.constraints(place, &variables, &mut rows)?,
            None => Set::All,
        };
        let mut f1 = file.optional("f1", |place| self.f1(place))?;
        if !rows.components.is_empty() {
            f1.append(rows);
        }
        let f2 = file.optional("f2", |place| self.f2(place))?;
        let cost = self.with_penalties(cost, f1.penalties.into_iter().chain(f2.penalties));
        let num_variables = variables.iter().map(|named| named.len).sum();
        let candidates = Candidates {
            first: 0,
            len: num_variables,
            sets: core::slice::from_ref(&set),
            name: &|index| {
                element(&variables, index).map_or_else(String::new, |(name, i)| format!("{name}[{i}]"))
            },
            kind: "a decision variable",
        };
        let integers = self.integers(file.find("integers"), &candidates)?;
        let number = |place: &Place<'t>| place.number("a number");
        let guess = file.find("initial_guess");
        let guess = guess.map(|place| place.vector(num_variables, "a list of numbers", number));
        Ok(Definition {
            name: file.name()?,
            variables,
            parameters,
            set,
            cost,
            f1: f1.components,
            f1_set: f1.set,
            f2: f2.components,
            constraint_names: [f1.names, f2.names].concat(),
            constraint_scales: [f1.scales, f2.scales].concat(),
            integers,
            settings: file.settings()?,
            initial_guess: guess.transpose()?,
            graph: core::mem::take(&mut self.expander.graph),
        })
    }

    pub(super) fn cost(&mut self, place: &Place<'t>) -> Result<Expr, TextError> {
        let (value, quantity) = self.measured(place)?;
        let cost = self.scalar(place, &value)?;
        self.expect_unit(place, &quantity, "the other costs", &self.cost_unit)?;
        if quantity.known().is_some() {
            self.cost_unit = quantity;
        }
        self.refuse_steps(place, cost)?;
        Ok(cost)
    }

    /// The cost and the prices of slacks.
    pub(super) fn with_penalties(&mut self, cost: Expr, penalties: impl Iterator<Item = Expr>) -> Expr {
        let graph = &mut self.expander.graph;
        penalties.fold(cost, |cost, penalty| graph.binary(Binary::Add, cost, penalty))
    }

    fn scalar(&self, place: &Place<'t>, value: &Value) -> Result<Expr, TextError> {
        value.as_scalar().ok_or_else(|| {
            let mut error = place.error(format!("the cost must be a number, found {}", value.describe()));
            let is_vector = value.elements().is_some();
            error.help =
                is_vector.then(|| "sum(v) adds up the elements of a vector, dot(v, v) their squares".into());
            error
        })
    }

    /// Sets of the variables that have one; bounds that parameters decide become constraints.
    fn constraints(
        &mut self,
        place: &Place<'t>,
        variables: &[Named],
        rows: &mut Rows,
    ) -> Result<Set, TextError> {
        let names: Vec<&str> = variables.iter().map(|named| named.name.as_str()).collect();
        let entries = place.entries_of("an object of variables and their sets", &names)?;
        let mut parts = Vec::with_capacity(variables.len());
        let mut end = 0;
        for named in variables {
            let first = end;
            end += named.len;
            let set = match find(&entries, &named.name) {
                Some(place) => self.variable_set(place, named, first..end, rows)?,
                None => Set::All,
            };
            parts.push((end, set));
        }
        match parts.len() {
            1 => Ok(parts.remove(0).1),
            _ => Ok(Set::Product(parts)),
        }
    }

    /// Set of these decision variables.
    fn variable_set(
        &mut self,
        place: &Place<'t>,
        named: &Named,
        variables: Range<usize>,
        rows: &mut Rows,
    ) -> Result<Set, TextError> {
        let entries = place.entries("").ok();
        let bounds = entries.as_ref().and_then(|entries| find(entries, "box"));
        let Some(bounds) = bounds.filter(|bounds| has_expressions(bounds)) else {
            return read_set(place, variables.len());
        };
        let place = bounds;
        let bounds = self.expression_box(place, core::slice::from_ref(named))?;
        let graph = &mut self.expander.graph;
        for bound in bounds.values() {
            if graph.depends_on(bound, Input::Variable) {
                let message =
                    "a bound may depend only on parameters; use `f1` for a relation between variables";
                return Err(place.error(message.into()));
            }
        }
        let components: Vec<Expr> = variables
            .map(|i| graph.input(Input::Variable, i as u32))
            .collect();
        let names: Vec<String> = (0..components.len())
            .map(|i| format!("{}[{i}]", named.name))
            .collect();
        rows.append(self.bound_rows(&components, &names, &bounds));
        self.constant_box(place, &bounds)
    }
}

/// Entries of the file.
pub(super) struct Keys<'a, 't> {
    root: &'a Place<'t>,
    entries: Vec<Entry<'t>>,
}

impl<'a, 't> Keys<'a, 't> {
    fn new(root: &'a Place<'t>) -> Result<Self, TextError> {
        let entries = root.entries("an object with \"variables\" and \"cost\", or with \"ocp\"")?;
        let is_optimal_control = entries.iter().any(|entry| entry.name == "ocp");
        let of_stages = [keys::common::NAMES, keys::optimal_control::NAMES].concat();
        for entry in &entries {
            if !of_stages.contains(&entry.name) && !keys::problem::NAMES.contains(&entry.name) {
                return Err(root.unknown_key(entry, &[&of_stages, keys::problem::NAMES].concat()));
            }
            if is_optimal_control && !of_stages.contains(&entry.name) {
                let message = format!("`{}` cannot be combined with `ocp`", entry.name);
                let help = format!("keys allowed with `ocp`: {}", of_stages.join(", "));
                return Err(root.fault_in_key(entry, Fault::new(0, message).help(help)));
            }
        }
        Ok(Self { root, entries })
    }

    pub(super) fn find(&self, key: &str) -> Option<&Place<'t>> {
        find(&self.entries, key)
    }

    pub(super) fn required(&self, key: &str) -> Result<&Place<'t>, TextError> {
        self.find(key)
            .ok_or_else(|| self.root.error(format!("the key `{key}` is missing")))
    }

    /// What `read` makes of a key's value; the default without the key.
    fn optional<T: Default>(
        &self,
        key: &str,
        read: impl FnOnce(&Place<'t>) -> Result<T, TextError>,
    ) -> Result<T, TextError> {
        self.find(key).map_or_else(|| Ok(T::default()), read)
    }

    pub(super) fn name(&self) -> Result<String, TextError> {
        let name = self.find("name").map(|place| place.name());
        Ok(name.transpose()?.unwrap_or("unnamed").to_string())
    }

    pub(super) fn settings(&self) -> Result<Settings, TextError> {
        let mut settings = self.find("solver").map(settings).transpose()?.unwrap_or_default();
        settings.initial_penalty = self.find("initial_penalty").map(Place::positive).transpose()?;
        Ok(settings)
    }
}

fn settings(place: &Place<'_>) -> Result<Settings, TextError> {
    let mut settings = Settings::default();
    for entry in place.entries_of("an object of solver options", keys::solver::NAMES)? {
        let value = &entry.value;
        match entry.name {
            "tolerance" => settings.tolerance = value.positive()?,
            "initial_tolerance" => settings.initial_tolerance = value.positive()?,
            "delta_tolerance" => settings.delta_tolerance = value.positive()?,
            "max_inner_iterations" => settings.max_inner_iterations = value.whole_number(1, u32::MAX)?,
            "max_nodes" => settings.max_nodes = value.whole_number(1, u32::MAX)?,
            "integer_gap" => settings.integer_gap = value.positive()?,
            "max_outer_iterations" => settings.max_outer_iterations = value.whole_number(1, u32::MAX)?,
            "max_duration_ms" => {
                let duration = Duration::try_from_secs_f64(value.positive()? / 1e3);
                settings.max_duration = Some(duration.unwrap_or(Duration::MAX));
            }
            _ => settings.lbfgs_memory = Some(value.whole_number(1, 1000)? as usize),
        }
    }
    Ok(settings)
}
