//! Rules of an experiment file: its constraints, its goals and its cost.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_model::expression::Value;
use labwire_model::expression::graph::{Expr, Graph, Node};
use labwire_model::expression::operation::{Binary, Unary};
use labwire_model::problem::TextError;
use labwire_model::text::{Entry, Place, find};

use super::Reader;
use crate::goal::Until;
use crate::grid::Knob;
use crate::inputs::{PARAMETER, SETTING};
use crate::prior::Parameter;

/// Prefix of a knob's name that refers to the previous setting.
const PREVIOUS: &str = "previous_";

/// Constraints as written in the file: outputs that must not be 0.
#[derive(Default)]
pub(super) struct Constraints {
    pub(super) of_setting: Vec<Expr>,
    pub(super) of_parameters: Vec<Expr>,
}

/// What is excluded, sought and paid.
pub(super) struct Rules {
    pub(super) constraints: Constraints,
    /// Names of the target quantities, and the quantities.
    pub(super) targets: Option<(Vec<String>, Vec<Expr>)>,
    pub(super) until: Until,
    /// Cost of a setting, and whether it depends on the previous one.
    pub(super) cost: Option<(Expr, bool)>,
}

impl Rules {
    /// Outputs that depend on the parameters alone.
    pub(super) fn of_parameters(&self) -> impl Iterator<Item = &Expr> {
        let targets = self.targets.iter().flat_map(|(_, outputs)| outputs);
        self.constraints.of_parameters.iter().chain(targets)
    }
}

impl<'t> Reader<'t> {
    pub(super) fn rules(
        &mut self,
        keys: &[Entry<'t>],
        knobs: &[Vec<Knob>],
        parameters: &[Parameter],
    ) -> Result<Rules, TextError> {
        let constraints = find(keys, "constraints").map(|place| self.constraints(place));
        let constraints = constraints.transpose()?.unwrap_or_default();
        let targets = find(keys, "targets")
            .map(|place| self.targets(place))
            .transpose()?;
        let names = targets.as_ref().map_or(&[][..], |(names, _)| names);
        let until = find(keys, "until").map(|place| self.until(place, parameters, names));
        let until = until.transpose()?.unwrap_or_default();
        let cost = find(keys, "cost").map(|place| self.cost(place, knobs.iter().flatten()));
        Ok(Rules {
            constraints,
            targets,
            until,
            cost: cost.transpose()?,
        })
    }

    fn constraints(&mut self, place: &Place<'t>) -> Result<Constraints, TextError> {
        let outputs = self.file.expressions(place)?;
        let graph = &self.file.expander.graph;
        if !outputs.iter().all(|output| jumps(graph, *output)) {
            let message = "a constraint is a comparison, such as \"a > b\": a number violates it only where it is exactly 0";
            return Err(place.error(message.into()));
        }
        let (of_setting, of_parameters): (Vec<Expr>, Vec<Expr>) = outputs
            .into_iter()
            .partition(|output| graph.depends_on(*output, SETTING));
        match of_setting
            .iter()
            .any(|output| graph.depends_on(*output, PARAMETER))
        {
            true => Err(place
                .error("a constraint applies to parameters or to settings; it cannot depend on both".into())),
            false => Ok(Constraints {
                of_setting,
                of_parameters,
            }),
        }
    }

    /// Reads the cost. Returns also whether it depends on the previous setting.
    fn cost<'k>(
        &mut self,
        place: &Place<'t>,
        knobs: impl Iterator<Item = &'k Knob> + Clone,
    ) -> Result<(Expr, bool), TextError> {
        let mut previous = Vec::new();
        for (knob, i) in knobs.clone().zip(knobs.count() as u32..) {
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
        Ok((output, reaches(graph, [output], &previous)))
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
    graph.constant_value(output).is_some() || reaches(graph, [output], &jumping)
}

/// Whether one of `outputs` depends on one of `inputs`.
pub(super) fn reaches(graph: &Graph, outputs: impl IntoIterator<Item = Expr>, inputs: &[Expr]) -> bool {
    let mut is_needed = alloc::vec![false; graph.len()];
    outputs
        .into_iter()
        .for_each(|output| is_needed[output.index()] = true);
    for expr in graph.exprs().rev() {
        if is_needed[expr.index()] {
            for operand in graph.node(expr).operands() {
                is_needed[operand.index()] = true;
            }
        }
    }
    inputs.iter().any(|input| is_needed[input.index()])
}
