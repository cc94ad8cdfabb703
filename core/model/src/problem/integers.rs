//! Decision variables that take only integer values.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::sets::Set;
use labwire_solve::{Integers, integer_bounds};

use super::definition::{StageConstraint, StageDefinition};
use super::stages::Stages;
use super::{Block, BlockKind};
use crate::expression::Scope;
use crate::expression::curvature::{Curvature, curvatures, is_convex_constraint};
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::text::{Fault, Place, TextError};

/// Decision variables that may be integers: those of the graph from `first` on.
pub(super) struct Candidates<'a> {
    pub(super) first: usize,
    pub(super) len: usize,
    /// Sets of all of them: of a stage, at every stage.
    pub(super) sets: &'a [Set],
    /// Name of a variable.
    pub(super) name: &'a dyn Fn(usize) -> String,
    /// What the variables are.
    pub(super) kind: &'static str,
}

impl<'t> Scope<'t> {
    /// Reads which of the candidates are integers: their indices among them, in ascending order.
    pub(super) fn integers(
        &mut self,
        place: Option<&Place<'t>>,
        candidates: &Candidates<'_>,
    ) -> Result<Vec<usize>, TextError> {
        let mut integers = Vec::new();
        let Some(place) = place else {
            return Ok(integers);
        };
        let items = match place.is_list() {
            true => place.items("a list of names")?,
            false => alloc::vec![place.clone()],
        };
        let kind = candidates.kind;
        for item in &items {
            item.string(&format!(
                "the name of {kind}, or elements of one such as \"u[0]\""
            ))?;
            for expr in self.expressions(item)? {
                let index = match self.expander.graph.node(expr) {
                    Node::Input(Input::Variable, index) => index as usize,
                    _ => {
                        return Err(item.error(format!("expected {kind}, or elements of one such as `u[0]`")));
                    }
                };
                let index = index.checked_sub(candidates.first);
                let Some(index) = index.filter(|index| *index < candidates.len) else {
                    let message = format!("expected {kind}; a state follows from the inputs");
                    return Err(item.error(message));
                };
                candidates.check(item, index)?;
                integers.push(index);
            }
        }
        integers.sort_unstable();
        integers.dedup();
        Ok(integers)
    }
}

impl Candidates<'_> {
    fn check(&self, place: &Place<'_>, index: usize) -> Result<(), TextError> {
        let unfit = self.sets.iter().find_map(|set| integer_bounds(set, index).err());
        let Some(unfit) = unfit else { return Ok(()) };
        let fault = Fault::new(0, format!("`{}` {unfit}", (self.name)(index)));
        let help = "for on/off, give it {\"min\": 0, \"max\": 1}; numbers or `data`, no parameters";
        Err(place.fault(fault.help(help.into())))
    }
}

/// The integers of a problem that does not consist of stages; `is_convex` without that condition.
pub(super) fn of_problem(indices: Vec<usize>, is_convex: bool) -> Option<Integers> {
    (!indices.is_empty()).then_some(Integers {
        indices,
        stage_length: 0,
        is_convex,
    })
}

/// Whether a problem that does not consist of stages is known to be convex.
pub(super) fn is_convex_problem(graph: &Graph, cost: Expr, g: &[Expr], blocks: &[Block], set: &Set) -> bool {
    let known = curvatures(graph);
    let values: Vec<Curvature> = g.iter().map(|expr| known[expr.index()]).collect();
    let is_convex_block = |block: &Block| {
        block.kind != BlockKind::F2Penalty && is_convex_constraint(&values[block.range.clone()], &block.set)
    };
    known[cost.index()].is_convex() && blocks.iter().all(is_convex_block) && is_convex_set(set)
}

/// The integers of all stages; those that hold the input of the stage before have none.
pub(super) fn of_stages(definition: &StageDefinition, stages: &Stages) -> Option<Integers> {
    if definition.integers.is_empty() {
        return None;
    }
    let num_inputs = stages.num_inputs();
    let is_own = |t: &usize| !definition.is_held.get(*t).copied().unwrap_or(false);
    let first = |t: usize| stages.num_free() + t * num_inputs;
    let own = (0..definition.horizon).filter(is_own).map(first);
    Some(Integers {
        indices: own
            .flat_map(|first| definition.integers.iter().map(move |i| first + i))
            .collect(),
        stage_length: num_inputs,
        is_convex: definition.is_convex,
    })
}

/// Whether the problem of these stages is convex: linear dynamics, and everything else convex in states and inputs.
pub(super) fn are_convex_stages(definition: &StageDefinition, graph: &Graph) -> bool {
    let known = curvatures(graph);
    let is_convex = |expr: &Expr| known[expr.index()].is_convex();
    let is_linear = |expr: &Expr| known[expr.index()].is_linear();
    let is_convex_part = |constraint: &StageConstraint| {
        let values: Vec<Curvature> = constraint
            .components
            .iter()
            .map(|expr| known[expr.index()])
            .collect();
        is_convex_constraint(&values, &constraint.set) && constraint.penalty.iter().all(is_convex)
    };
    let parts = &definition.parts;
    parts
        .iter()
        .all(|part| part.next.iter().all(is_linear) && is_convex(&part.cost))
        && definition.free.next.iter().flatten().all(is_linear)
        && definition.free.cost.iter().all(is_convex)
        && is_convex(&definition.terminal_cost)
        && definition
            .path
            .iter()
            .chain(&definition.terminal)
            .all(is_convex_part)
        && definition.input_sets.iter().all(is_convex_set)
}

fn is_convex_set(set: &Set) -> bool {
    match set {
        Set::Sphere2 { .. } | Set::Finite(_) => false,
        Set::Product(parts) => parts.iter().all(|(_, part)| is_convex_set(part)),
        _ => true,
    }
}
