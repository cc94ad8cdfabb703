//! Sections `noise`, `constraints` and `cost` of an experiment file.

use alloc::format;
use alloc::vec::Vec;

use labwire_model::expression::Value;
use labwire_model::expression::graph::{Expr, Graph, Node};
use labwire_model::expression::operation::{Binary, Unary};
use labwire_model::problem::TextError;
use labwire_model::text::Place;

use super::Reader;
use crate::grid::Knob;
use crate::inputs::{PARAMETER, SETTING};

/// Prefix of a knob's name that refers to the previous setting.
const PREVIOUS: &str = "previous_";

/// Noise as written in the file.
pub(super) enum NoiseText {
    Known(Vec<f64>),
    OfSetting(Vec<Expr>),
    Unknown(Vec<Expr>),
}

impl<'t> Reader<'t> {
    /// Reads one expression for all channels, or one per channel.
    pub(super) fn noise(&mut self, place: &Place<'t>, model: &[Expr]) -> Result<NoiseText, TextError> {
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
        if outputs.iter().any(|output| graph.depends_on(*output, PARAMETER)) {
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

    pub(super) fn constraints(&mut self, place: &Place<'t>) -> Result<Vec<Expr>, TextError> {
        let outputs = self.file.expressions(place)?;
        let graph = &self.file.expander.graph;
        if !outputs.iter().all(|output| jumps(graph, *output)) {
            let message = "a constraint is a comparison, such as \"a > b\": a number violates it only where it is exactly 0";
            return Err(place.error(message.into()));
        }
        match outputs.iter().any(|output| graph.depends_on(*output, SETTING)) {
            true => {
                Err(place.error("constraints apply to parameters; they cannot depend on settings".into()))
            }
            false => Ok(outputs),
        }
    }

    /// Reads the cost. Returns also whether it depends on the previous setting.
    pub(super) fn cost(&mut self, place: &Place<'t>, knobs: &[Knob]) -> Result<(Expr, bool), TextError> {
        let mut previous = Vec::new();
        for (knob, i) in knobs.iter().zip(knobs.len() as u32..) {
            let expr = self.file.expander.graph.input(SETTING, i);
            let name = format!("{PREVIOUS}{}", knob.name);
            if let Err(message) = self.file.expander.check_new_name(&name) {
                return Err(place.error(format!(
                    "{message}, and in a cost the prefix {PREVIOUS} refers to the previous setting"
                )));
            }
            self.file.expander.define_value(&name, Value::Scalar(expr));
            previous.push(expr);
        }
        let value = self.file.value(place)?;
        let Some(output) = value.as_scalar() else {
            return Err(place.error(format!("the cost must be a number, found {}", value.describe())));
        };
        let graph = &self.file.expander.graph;
        if graph.depends_on(output, PARAMETER) {
            return Err(place.error("the cost is that of a setting; it cannot depend on parameters".into()));
        }
        Ok((output, reaches(graph, output, &previous)))
    }
}

/// Whether a value can jump: it has a comparison or a selection in it, or is a constant.
fn jumps(graph: &Graph, output: Expr) -> bool {
    use Binary::{Equal, Less, LessEqual, NotEqual};
    let jumps = |node: Node| {
        matches!(
            node,
            Node::Select(..)
                | Node::Unary(Unary::Sign | Unary::Floor, _)
                | Node::Binary(Less | LessEqual | Equal | NotEqual, ..)
        )
    };
    let jumping: Vec<Expr> = graph.exprs().filter(|expr| jumps(graph.node(*expr))).collect();
    graph.constant_value(output).is_some() || reaches(graph, output, &jumping)
}

/// Whether `output` depends on one of `inputs`.
fn reaches(graph: &Graph, output: Expr, inputs: &[Expr]) -> bool {
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
