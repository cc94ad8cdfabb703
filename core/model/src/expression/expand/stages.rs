//! Names and elements that differ from stage to stage.

use alloc::format;
use alloc::vec::Vec;

use labwire_solve::math::floor;

use super::Expander;
use crate::expression::graph::{Expr, Input, Node};
use crate::expression::operation::Binary;
use crate::expression::stage::{Channel, Source, Times};
use crate::expression::value::Value;
use crate::text::Fault;

impl Expander {
    /// Value of the names that a problem of stages knows, unless it defines them itself: `k`, the index of the stage, and `t`,
    /// its time.
    pub(super) fn stage_name(&mut self, at: usize, name: &str) -> Option<Result<Value, Fault>> {
        let Self { graph, stages, .. } = self;
        let stages = stages.as_mut()?;
        let value = match (name, stages.times.clone()) {
            ("k", _) => stages.numbers(graph, "k", |stage| stage as f64),
            ("t", Times::Known(times)) => {
                let time = |stage: usize| times.get(stage).copied().unwrap_or(f64::NAN);
                stages.numbers(graph, "t", time)
            }
            ("t", Times::Multiples(step)) => {
                let index = stages.numbers(graph, "k", |stage| stage as f64);
                index.map(|index| graph.binary(Binary::Mul, index, step))
            }
            ("t", Times::Unknown(why)) => Err(why.into()),
            _ => return None,
        };
        let value = value.map(Value::Scalar);
        Some(value.map_err(|message| Fault::new(at, message)))
    }

    /// Element of a list whose index depends on the stage: of each stage its own. `None` if the index does not.
    pub(super) fn stage_element(
        &mut self,
        at: usize,
        name: &str,
        elements: &[Value],
        index: &Value,
    ) -> Result<Option<Value>, Fault> {
        let (Some(stages), Some(index)) = (&self.stages, index.as_scalar()) else {
            return Ok(None);
        };
        if self.graph.constant_value(index).is_some() || !self.graph.is_fixed_by_parameters(index) {
            return Ok(None);
        }
        let work = stages.work(&self.graph, index);
        self.spend(at, work)?;
        let stages = self.stages.as_ref();
        let Some(indices) = stages.and_then(|stages| stages.evaluate(&self.graph, index)) else {
            return Ok(None);
        };
        let place = |index: f64| {
            let is_whole = index == floor(index) && index >= 0.0;
            let place = index as usize;
            (is_whole && place < elements.len()).then_some(place)
        };
        let places: Vec<Option<usize>> = indices.iter().map(|index| place(*index)).collect();
        if places.iter().all(Option::is_none) {
            let first = indices.first().copied().unwrap_or(f64::NAN);
            let message = format!(
                "index {first} of stage 0 is outside of {} elements",
                elements.len()
            );
            return Err(Fault::new(at, message).help("so is that of every other stage".into()));
        }
        let row = |value: &Value| match value {
            Value::Scalar(_) => None,
            Value::List(row) => Some(row.len()),
        };
        let Some(width) = elements.first().and_then(row) else {
            let column = |place: usize| elements.get(place).and_then(Value::as_scalar);
            return self
                .stage_number(at, name, elements.len(), &places, column)
                .map(Some);
        };
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            let column = |place: usize| match elements.get(place)? {
                Value::List(row) => row.get(column)?.as_scalar(),
                Value::Scalar(_) => None,
            };
            values.push(self.stage_number(at, name, elements.len(), &places, column)?);
        }
        Ok(Some(Value::List(values.into())))
    }

    /// Number of another stage, where `number` is that of each stage and the index a stage. `None` if they are not.
    pub(super) fn other_stage(
        &mut self,
        at: usize,
        name: &str,
        number: &Value,
        index: &Value,
    ) -> Result<Option<Value>, Fault> {
        let (Some(stages), Value::Scalar(number), Some(index)) = (&self.stages, number, index.as_scalar())
        else {
            return Ok(None);
        };
        let Node::Input(Input::Parameter, parameter) = self.graph.node(*number) else {
            return Ok(None);
        };
        let Some(channel) = stages.channel(parameter) else {
            return Ok(None);
        };
        let (help, given) = (channel.help.clone(), channel.sources.clone());
        let work = stages.work(&self.graph, index);
        self.spend(at, work)?;
        let Self { graph, stages, .. } = self;
        let Some(stages) = stages.as_mut() else {
            return Ok(None);
        };
        let Some(indices) = stages.evaluate(graph, index) else {
            return Ok(None);
        };
        let source = |index: &f64| {
            let is_whole = *index == floor(*index) && *index >= 0.0;
            let source = given.get(*index as usize).filter(|_| is_whole);
            source.copied().unwrap_or(Source::Absent)
        };
        let channel = Channel {
            name: format!("{name}[...]"),
            help,
            sources: indices.iter().map(source).collect(),
        };
        let value = stages.add(graph, channel);
        let value = value.map_err(|message| Fault::new(at, message))?;
        Ok(Some(Value::Scalar(value)))
    }

    /// Channel of the elements at these places.
    fn stage_number(
        &mut self,
        at: usize,
        name: &str,
        count: usize,
        places: &[Option<usize>],
        element: impl Fn(usize) -> Option<Expr>,
    ) -> Result<Value, Fault> {
        self.spend(at, places.len())?;
        let Self { graph, stages, .. } = self;
        let Some(stages) = stages.as_mut() else {
            return Err(Fault::new(at, "there are no stages".into()));
        };
        let source = |(stage, place): (usize, &Option<usize>)| match place {
            None => Some(Source::Absent),
            Some(place) => stages.source(graph, element(*place)?, stage),
        };
        let sources: Option<Vec<Source>> = places.iter().enumerate().map(source).collect();
        let sources = sources.ok_or_else(|| {
            let help = "index the parameter itself, and compute with what that gives";
            Fault::new(
                at,
                "what the stage selects from must be numbers or parameters".into(),
            )
            .help(help.into())
        })?;
        let channel = Channel {
            name: format!("{name}[...]"),
            help: format!("it has {count} elements, and the index is outside of them at that stage"),
            sources,
        };
        let value = stages.add(graph, channel);
        value
            .map(Value::Scalar)
            .map_err(|message| Fault::new(at, message))
    }
}
