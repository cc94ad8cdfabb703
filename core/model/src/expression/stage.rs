//! Values of the stages of an optimal-control problem that are known before a solve: the index of the stage, its time,
//! elements that the index selects, data, and parameters of single stages.
//!
//! A stage is compiled once, so these values reach its program as parameters, after those of the whole horizon: one
//! *channel* for each number, with a source for every stage.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::graph::{Expr, Graph, Input, Node};
use super::operation::select;

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
    pub(super) fn numbers(
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
    pub(super) fn channel(&self, parameter: u32) -> Option<&Channel> {
        self.channels
            .get((parameter as usize).checked_sub(self.shared.len())?)
    }

    /// Origin of a number at a stage, if it is a number or a parameter.
    pub(super) fn source(&self, graph: &Graph, value: Expr, stage: usize) -> Option<Source> {
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
