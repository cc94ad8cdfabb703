//! Values of the stages of an optimal-control problem that are known before a solve: the index of the stage, its time,
//! elements that the index selects, data, and parameters of single stages.
//!
//! A stage is compiled once, so these values reach its program as parameters, after those of the whole horizon: one
//! *channel* for each number, with a source for every stage.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::expand::Expander;
use super::graph::{Expr, Graph, Input, Node};
use super::operation::select;
use super::value::Value;
use crate::text::Fault;

/// Origin of a number at one stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Source {
    /// There is none at this stage.
    Absent,
    Constant(f64),
    /// Element of the parameters, as a user gives them.
    Parameter(u32),
}

/// Number of each stage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Channel {
    /// Text that stands for it in errors, and advice where it has no value.
    pub(crate) name: String,
    pub(crate) help: String,
    /// One source for each stage 0, ..., N.
    pub(crate) sources: Vec<Source>,
}

/// Times of the stages.
#[derive(Clone, Debug)]
pub(crate) enum Times {
    /// Unknown, and why.
    Unknown(&'static str),
    /// Numbers.
    Known(Vec<f64>),
    /// Multiples of a step that the parameters decide.
    Multiples(Expr),
}

/// Channels of a problem, and the names that lead to them.
#[derive(Clone, Debug)]
pub(crate) struct StageValues {
    /// Number N of stages.
    pub(crate) horizon: usize,
    /// Parameter, as a user gives it, of each parameter of the whole horizon in the graph.
    pub(crate) shared: Vec<u32>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) times: Times,
    /// Largest number of sources.
    limit: usize,
}

impl StageValues {
    pub(crate) fn new(horizon: usize, limit: usize) -> Self {
        Self {
            horizon,
            shared: Vec::new(),
            channels: Vec::new(),
            times: Times::Unknown("`t` is the time of a stage, which needs `step` before it"),
            limit,
        }
    }

    /// Adds a channel, unless there is an equal one. Returns its parameter in the graph.
    ///
    /// # Errors
    /// If all channels together have more sources than the limit `stage-memory`.
    pub(crate) fn add(&mut self, graph: &mut Graph, channel: Channel) -> Result<Expr, String> {
        let known = self
            .channels
            .iter()
            .position(|known| known.sources == channel.sources);
        let place = known.unwrap_or(self.channels.len());
        if known.is_none() {
            // A source takes as much as two numbers.
            let sources = (self.channels.len() + 1).saturating_mul(2 * channel.sources.len());
            if sources > self.limit {
                let limit = self.limit;
                return Err(format!(
                    "values of stages take more than {limit} numbers (limit `stage-memory`)"
                ));
            }
            self.channels.push(channel);
        }
        Ok(graph.input(Input::Parameter, (self.shared.len() + place) as u32))
    }

    /// Channel of numbers that `value` gives for each stage.
    fn numbers(
        &mut self,
        graph: &mut Graph,
        name: &str,
        value: impl Fn(usize) -> f64,
    ) -> Result<Expr, String> {
        let sources = (0..=self.horizon).map(|stage| Source::Constant(value(stage)));
        let channel = Channel {
            name: name.into(),
            help: String::new(),
            sources: sources.collect(),
        };
        self.add(graph, channel)
    }

    /// Channel of a parameter of the graph.
    fn channel(&self, parameter: u32) -> Option<&Channel> {
        self.channels
            .get((parameter as usize).checked_sub(self.shared.len())?)
    }

    /// Origin of a number at a stage, if it is a number or a parameter.
    fn source(&self, graph: &Graph, value: Expr, stage: usize) -> Option<Source> {
        match graph.node(value) {
            Node::Constant(bits) => Some(Source::Constant(f64::from_bits(bits))),
            Node::Input(Input::Parameter, index) => match self.channel(index) {
                Some(channel) => channel.sources.get(stage).copied(),
                None => self.shared.get(index as usize).copied().map(Source::Parameter),
            },
            _ => None,
        }
    }

    /// The first channel on which `values` depend that has no value at one of the `stages`, and that stage.
    pub(crate) fn missing(
        &self,
        graph: &Graph,
        values: &[Expr],
        mut stages: impl Iterator<Item = usize> + Clone,
    ) -> Option<(&Channel, usize)> {
        let has_gaps = |channel: &Channel| channel.sources.contains(&Source::Absent);
        if !self.channels.iter().any(has_gaps) {
            return None;
        }
        let inputs = operands(graph, values);
        let used: Vec<&Channel> = inputs
            .iter()
            .filter_map(|expr| match graph.node(*expr) {
                Node::Input(Input::Parameter, index) => self.channel(index),
                _ => None,
            })
            .filter(|channel| has_gaps(channel))
            .collect();
        stages.find_map(|stage| {
            let mut used = used.iter();
            let absent = used.find(|channel| channel.sources.get(stage) == Some(&Source::Absent));
            absent.map(|channel| (*channel, stage))
        })
    }

    /// Whether a value differs from stage to stage, apart from its decision variables.
    pub(crate) fn depends_on_stage(&self, graph: &Graph, value: Expr) -> bool {
        let is_channel = |expr: Expr| match graph.node(expr) {
            Node::Input(Input::Parameter, index) => self.channel(index).is_some(),
            _ => false,
        };
        operands(graph, &[value]).into_iter().any(is_channel)
    }

    /// Operations that [`evaluate`](Self::evaluate) takes.
    pub(crate) fn work(&self, graph: &Graph, value: Expr) -> usize {
        operands(graph, &[value]).len().saturating_mul(self.horizon + 1)
    }

    /// Values of an expression at each stage, if it depends on nothing but numbers.
    pub(crate) fn evaluate(&self, graph: &Graph, value: Expr) -> Option<Vec<f64>> {
        let order = operands(graph, &[value]);
        let mut values = BTreeMap::new();
        let mut results = Vec::with_capacity(self.horizon + 1);
        for stage in 0..=self.horizon {
            for &expr in &order {
                let of = |operand: &Expr| values.get(operand).copied().unwrap_or(f64::NAN);
                let number = match graph.node(expr) {
                    Node::Constant(_) | Node::Input(..) => match self.source(graph, expr, stage)? {
                        Source::Constant(number) => number,
                        Source::Absent => f64::NAN,
                        Source::Parameter(_) => return None,
                    },
                    Node::Unary(op, x) => op.function()(of(&x)),
                    Node::Binary(op, a, b) => op.function()(of(&a), of(&b)),
                    Node::Select(c, a, b) => select(of(&c), of(&a), of(&b)),
                };
                values.insert(expr, number);
            }
            results.push(values.get(&value).copied()?);
        }
        Some(results)
    }
}

/// Values on which `values` depend, with themselves; operands precede results.
fn operands(graph: &Graph, values: &[Expr]) -> Vec<Expr> {
    let end = values.iter().map(|value| value.index() + 1).max().unwrap_or(0);
    let mut is_needed = alloc::vec![false; end];
    let need = |is_needed: &mut Vec<bool>, expr: Expr| {
        if let Some(is_needed) = is_needed.get_mut(expr.index()) {
            *is_needed = true;
        }
    };
    values.iter().for_each(|value| need(&mut is_needed, *value));
    let mut found = Vec::new();
    for expr in graph.exprs().rev() {
        if is_needed.get(expr.index()) == Some(&true) {
            graph
                .node(expr)
                .operands()
                .for_each(|operand| need(&mut is_needed, operand));
            found.push(expr);
        }
    }
    found.reverse();
    found
}

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
                index.map(|index| graph.binary(super::operation::Binary::Mul, index, step))
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
            let is_whole = index == labwire_solve::math::floor(index) && index >= 0.0;
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
            let is_whole = *index == labwire_solve::math::floor(*index) && *index >= 0.0;
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
