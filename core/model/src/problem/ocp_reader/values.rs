//! Reader of what the stages of an optimal-control problem are given: parameters, data, and the step.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::expression::graph::{Expr, Input};
use crate::expression::named::unit;
use crate::expression::stage::{Channel, Source};
use crate::expression::{Named, Quantity, Scope, Value};
use crate::problem::keys;
use crate::problem::stages::total;
use crate::text::{Entry, Place, TextError, find};

/// Parameter with a value of its own at each stage.
struct StageParameter<'t> {
    entry: Entry<'t>,
    name: String,
    quantity: Quantity,
    /// Length at one stage, number of stages, and index of its first element among the parameters.
    len: usize,
    count: usize,
    first: usize,
}

impl<'t> Scope<'t> {
    /// Reads parameters of the whole horizon, as a list of names or an object of names and lengths, and parameters of
    /// stages, `{"per_stage": 1}`: one value for each stage, one after the other. `last` are parameters of the whole horizon
    /// after them. Returns all, and the index of the first of `last` in the graph.
    pub(super) fn stage_parameters(
        &mut self,
        place: Option<&Place<'t>>,
        last: &[Named],
        horizon: usize,
    ) -> Result<(Vec<Named>, usize), TextError> {
        let (mut parameters, mut own) = (Vec::new(), Vec::new());
        match place {
            Some(place) if place.is_list() => parameters = self.named(place, Input::Parameter, 0)?,
            Some(place) => {
                for entry in place.entries("an object of names and lengths")? {
                    let name = self.new_name(place, &entry)?;
                    let named = self.stage_parameter(entry, name, horizon, &parameters, &mut own)?;
                    parameters.push(named);
                }
            }
            None => {}
        }
        if place.is_some_and(Place::is_list) {
            self.share(0..total(&parameters));
        }
        let first = total(&parameters);
        let shared = self.share(first..first + total(last));
        parameters.extend_from_slice(last);
        for parameter in own {
            self.define_stage_parameter(&parameter)?;
        }
        Ok((parameters, shared))
    }

    /// Reads one parameter, and defines it unless it belongs to stages.
    fn stage_parameter(
        &mut self,
        entry: Entry<'t>,
        name: String,
        horizon: usize,
        before: &[Named],
        own: &mut Vec<StageParameter<'t>>,
    ) -> Result<Named, TextError> {
        let first = total(before);
        let limit = u32::try_from(self.limits.variables).unwrap_or(u32::MAX);
        let value = &entry.value;
        let entries = match value.is_object() {
            true => value.entries_of(
                "a length, or an object",
                &[keys::stage_parameter::NAMES, &["length"]].concat(),
            )?,
            false => Vec::new(),
        };
        let of_stages = find(&entries, "per_stage").or(find(&entries, "at_end"));
        let of_horizon = find(&entries, "length");
        if let (Some(_), Some(length)) = (of_stages, of_horizon) {
            return Err(length.error("`per_stage` is the length: leave out `length`".into()));
        }
        if of_stages.is_some() {
            let (len, count) = self.sizes(value, &entries, horizon)?;
            let named = Named::new(&name, len * count).described(&entries)?;
            own.push(StageParameter {
                quantity: named.quantity(),
                entry,
                name,
                len,
                count,
                first,
            });
            return Ok(named);
        }
        let len = match (of_horizon, value.is_object()) {
            (None, true) => 1,
            (length, _) => length.unwrap_or(value).whole_number(1, limit)? as usize,
        };
        let named = Named::new(&name, len).described(&entries)?;
        let shared = self.share(first..first + len);
        if shared + len > self.limits.variables {
            let message = format!("more than {limit} in total (limit `variables`)");
            return Err(value.error(message));
        }
        let graph = &mut self.expander.graph;
        let elements: Vec<Expr> = (shared..shared + len)
            .map(|i| graph.input(Input::Parameter, i as u32))
            .collect();
        self.expander.define_value(&name, Value::vector(elements));
        self.expander.set_quantity(&name, named.quantity());
        Ok(named)
    }

    /// Reads the length of a parameter at one stage, and the number of stages that it belongs to.
    fn sizes(
        &self,
        value: &Place<'t>,
        entries: &[Entry<'t>],
        horizon: usize,
    ) -> Result<(usize, usize), TextError> {
        let limit = u32::try_from(self.limits.variables).unwrap_or(u32::MAX);
        let missing = || value.error("the key `per_stage` is missing".into());
        let len = find(entries, "per_stage").ok_or_else(missing)?;
        let len = len.whole_number(1, limit)? as usize;
        let at_end = find(entries, "at_end").map_or(Ok(false), |place| place.boolean())?;
        let count = horizon.saturating_add(usize::from(at_end));
        let numbers = count.saturating_mul(len);
        let limit = self.limits.stage_memory;
        if numbers > limit.min(u32::MAX as usize) / 2 {
            return Err(value.error(format!(
                "{numbers} numbers take more memory than {limit} (limit `stage-memory`)"
            )));
        }
        Ok((len, count))
    }

    /// Lets the programs of all stages take these parameters. Returns the number of those before.
    fn share(&mut self, parameters: Range<usize>) -> usize {
        let Some(stages) = &mut self.expander.stages else {
            return 0;
        };
        let before = stages.shared.len();
        stages.shared.extend(parameters.map(|index| index as u32));
        before
    }

    fn define_stage_parameter(&mut self, parameter: &StageParameter<'t>) -> Result<(), TextError> {
        let &StageParameter {
            len, count, first, ..
        } = parameter;
        let source = |i: usize, stage: usize| match stage < count {
            true => Source::Parameter((first + stage * len + i) as u32),
            false => Source::Absent,
        };
        let help = "add \"at_end\": true to its \"per_stage\" for a value at the end of the horizon";
        let value = &parameter.entry.value;
        let elements = self.channels(value, &parameter.name, help, len, source)?;
        self.expander.define_value(&parameter.name, elements);
        self.expander
            .set_quantity(&parameter.name, parameter.quantity.clone());
        Ok(())
    }

    /// Number or vector of each stage.
    fn channels(
        &mut self,
        place: &Place<'t>,
        name: &str,
        help: &str,
        len: usize,
        source: impl Fn(usize, usize) -> Source,
    ) -> Result<Value, TextError> {
        let graph = &mut self.expander.graph;
        let Some(stages) = self.expander.stages.as_mut() else {
            return Err(place.error("there are no stages".into()));
        };
        let mut elements = Vec::with_capacity(len);
        for i in 0..len {
            let channel = Channel {
                name: name.into(),
                help: help.into(),
                sources: (0..=stages.horizon).map(|stage| source(i, stage)).collect(),
            };
            let element = stages
                .add(graph, channel)
                .map_err(|message| place.error(message))?;
            elements.push(element);
        }
        Ok(match elements.as_slice() {
            [element] => Value::Scalar(*element),
            _ => Value::vector(elements),
        })
    }

    /// Reads data: lists with a number, or a row of numbers, for each stage, or for each and the end.
    pub(super) fn stage_data(&mut self, place: &Place<'t>, horizon: usize) -> Result<(), TextError> {
        for entry in place.entries("an object of names and lists, with one number for each stage")? {
            let name = self.new_name(place, &entry)?;
            let own = match entry.value.is_object() {
                true => entry
                    .value
                    .entries_of("a list, or an object with \"values\"", keys::stage_values::NAMES)?,
                false => Vec::new(),
            };
            let missing = || entry.value.error("the key `values` is missing".into());
            let value = match entry.value.is_object() {
                true => find(&own, "values").ok_or_else(missing)?,
                false => &entry.value,
            };
            let rows = value.items("a list of numbers, one for each stage")?;
            if rows.len() != horizon && rows.len() != horizon + 1 {
                let found = rows.len();
                return Err(value.error(format!(
                    "expected {horizon} numbers, one for each stage, or {}, with one for the end, found {found}",
                    horizon + 1
                )));
            }
            let first = rows.first().filter(|row| row.is_list());
            let width = first.map(|row| row.items("")).transpose()?.map(|row| row.len());
            let mut numbers = Vec::new();
            for row in &rows {
                match width {
                    None => numbers.push(row.number("a number")?),
                    Some(width) => numbers.extend(data_row(row, width)?),
                }
            }
            let len = width.unwrap_or(1);
            let source = |i: usize, stage: usize| {
                let number = numbers.get(stage * len + i);
                number.map_or(Source::Absent, |number| Source::Constant(*number))
            };
            let help = format!(
                "give {} of them, the last for the end of the horizon",
                horizon + 1
            );
            let elements = self.channels(value, &name, &help, len, source)?;
            self.expander.define_value(&name, elements);
            self.expander.set_quantity(&name, unit(&own)?);
        }
        Ok(())
    }

    /// Reads the step of these stages, which may be in an object with its unit, and takes note of that as the unit of time.
    pub(super) fn step(&mut self, place: &Place<'t>, stages: Range<usize>) -> Result<Expr, TextError> {
        let known = self.expander.time.clone();
        let (step, quantity) = if place.is_object() {
            let entries = place.entries_of("a step, or an object with \"value\"", keys::step::NAMES)?;
            let missing = || place.error("the key `value` is missing".into());
            let value = find(&entries, "value").ok_or_else(missing)?;
            let declared = unit(&entries)?;
            let (step, quantity) = self.step_value(value, stages)?;
            self.expect_unit(value, &quantity, "`unit`", &declared)?;
            (step, declared)
        } else {
            self.step_value(place, stages)?
        };
        self.expect_unit(place, &quantity, "the other steps", &known)?;
        if quantity.known().is_some() {
            self.expander.time = quantity;
        }
        Ok(step)
    }

    /// Reads a step: a number, a list of numbers, one for each stage, or an expression.
    fn step_value(&mut self, place: &Place<'t>, stages: Range<usize>) -> Result<(Expr, Quantity), TextError> {
        let mut quantity = Quantity::Unknown;
        let step = if place.is_list() {
            let steps = place.items("a list of steps")?;
            if steps.len() != stages.len() {
                let (expected, found) = (stages.len(), steps.len());
                return Err(place.error(format!(
                    "expected {expected} steps, one for each stage, found {found}"
                )));
            }
            let steps = steps
                .iter()
                .map(Place::positive)
                .collect::<Result<Vec<f64>, _>>()?;
            let source = |_: usize, stage: usize| {
                let step = stage.checked_sub(stages.start).and_then(|i| steps.get(i));
                step.map_or(Source::Absent, |step| Source::Constant(*step))
            };
            self.channels(place, "step", "the end of the horizon has no step", 1, source)?
        } else if place.string("").is_ok() {
            let (step, own) = self.measured(place)?;
            quantity = own;
            step
        } else {
            let step = place.positive()?;
            Value::Scalar(self.expander.graph.constant(step))
        };
        let number = step.as_scalar();
        let wrong = || place.error(format!("the step must be a number, found {}", step.describe()));
        Ok((number.ok_or_else(wrong)?, quantity))
    }
}

/// Row of data.
fn data_row(row: &Place<'_>, width: usize) -> Result<Vec<f64>, TextError> {
    let numbers = row.items("a row of numbers, like the first")?;
    if numbers.len() != width {
        let found = numbers.len();
        return Err(row.error(format!(
            "expected {width} numbers, as in the first row, found {found}"
        )));
    }
    numbers.iter().map(|number| number.number("a number")).collect()
}
