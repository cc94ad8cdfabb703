//! Reader of the inputs of the stage before: `previous` gives them names, `blocks` hold them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::sets::Set;

use super::{Names, parts};
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::expression::stage::{Channel, Source};
use crate::expression::{Named, Scope, Value};
use crate::problem::definition::StageConstraint;
use crate::problem::stages::total;
use crate::problem::substitution::substitute;
use crate::text::{Place, TextError, find};

/// Inputs whose last value is a state.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Names of the states, and of the parameters that hold their first values.
    pub(super) named: Vec<Named>,
    /// Indices of the inputs, one for each element.
    pub(super) inputs: Vec<usize>,
    /// Number of them that are known by name: the first ones.
    pub(super) num_named: usize,
}

impl<'t> Scope<'t> {
    /// Inputs to remember: those that `previous` names, or all where some are held over several stages. `inputs` are read
    /// for their lengths only; faults in them are found later.
    pub(super) fn memory(
        &self,
        previous: Option<&Place<'t>>,
        has_blocks: bool,
        inputs: &Place<'t>,
    ) -> Result<Memory, TextError> {
        let lengths = input_lengths(inputs);
        let mut memory = Memory::default();
        let Some(place) = previous else {
            if has_blocks {
                for (name, len) in &lengths {
                    memory.remember(&lengths, name, *len);
                }
            }
            return Ok(memory);
        };
        let items = match place.is_list() {
            true => place.items("a list of inputs")?,
            false => alloc::vec![place.clone()],
        };
        if items.is_empty() {
            return Err(place.error("expected at least one input".into()));
        }
        for item in &items {
            let name = item.string("the name of an input")?;
            let Some((_, len)) = lengths.iter().find(|(known, _)| known == name) else {
                let known: Vec<&str> = lengths.iter().map(|(name, _)| name.as_str()).collect();
                return Err(item.error(format!(
                    "`{name}` is not an input; the inputs are {}",
                    known.join(", ")
                )));
            };
            if memory.named.iter().any(|named| named.name == previous_name(name)) {
                return Err(item.error(format!("`{name}` appears twice")));
            }
            if let Err(message) = self.expander.check_new_name(&previous_name(name)) {
                return Err(item.error(message));
            }
            memory.remember(&lengths, name, *len);
        }
        memory.num_named = memory.named.len();
        if has_blocks {
            let names: Vec<String> = memory.named.iter().map(|named| named.name.clone()).collect();
            for (name, len) in &lengths {
                if !names.contains(&previous_name(name)) {
                    memory.remember(&lengths, name, *len);
                }
            }
        }
        Ok(memory)
    }

    /// Defines the names of the remembered inputs, as states from `first` on.
    pub(super) fn define_memory(&mut self, memory: &Memory, first: usize) {
        let mut at = first;
        for Named { name, len, .. } in memory.known() {
            let graph = &mut self.expander.graph;
            let elements: Vec<Expr> = (at..at + len)
                .map(|i| graph.input(Input::Variable, i as u32))
                .collect();
            at += len;
            let value = match elements.as_slice() {
                [element] => Value::Scalar(*element),
                _ => Value::vector(elements),
            };
            self.expander.define_value(name, value);
            let input = name.strip_suffix(PREVIOUS).unwrap_or(name);
            let quantity = self.expander.quantity_of(input);
            self.expander.set_quantity(name, quantity);
        }
    }

    /// Values of the memory before the first stage.
    pub(super) fn first_memory(&mut self, names: &Names) -> Vec<Expr> {
        let graph = &mut self.expander.graph;
        let len = total(&names.memory.named);
        let Node::Input(_, first) = graph.node(names.first_memory) else {
            return Vec::new();
        };
        let known = total(names.memory.known());
        // What has no name is not used by the first stage, which begins a block.
        let value = |i: usize| match i < known {
            true => graph.input(Input::Parameter, first + i as u32),
            false => graph.constant(0.0),
        };
        (0..len).map(value).collect()
    }

    /// Lets the memory take the inputs, and stages that hold their input take it from the memory.
    pub(super) fn remember(
        &mut self,
        names: &Names,
        is_held: &[bool],
        functions: &mut parts::Functions,
        path: &mut [StageConstraint],
        blocks: Option<&Place<'t>>,
    ) -> Result<(), TextError> {
        let (num_states, inputs) = names.variables();
        let (mut applied, _) = self.elements(inputs, num_states);
        let memory = num_states - total(&names.memory.named);
        let unchanged = |graph: &mut Graph, states: Range<usize>| -> Vec<Expr> {
            states.map(|i| graph.input(Input::Variable, i as u32)).collect()
        };
        if let Some(place) = blocks {
            let held = self.held(place, is_held)?;
            let graph = &mut self.expander.graph;
            let mut pairs = Vec::new();
            for (i, input) in names.memory.inputs.iter().enumerate() {
                let last = graph.input(Input::Variable, (memory + i) as u32);
                let Some(own) = applied.get_mut(*input) else {
                    continue;
                };
                let value = graph.select(held, last, *own);
                pairs.push((*own, value));
                *own = value;
            }
            for part in &mut functions.parts {
                part.next = substitute(graph, &part.next, &pairs);
                part.cost = substitute(graph, &[part.cost], &pairs).pop().unwrap_or(part.cost);
            }
            for constraint in path {
                constraint.components = substitute(graph, &constraint.components, &pairs);
                constraint.penalty = constraint
                    .penalty
                    .and_then(|penalty| substitute(graph, &[penalty], &pairs).pop());
            }
            // What is held has no input of its own.
            let sets = core::mem::take(&mut functions.input_sets);
            let set = |(stage, is_held): (usize, &bool)| match is_held {
                true => Set::Zero,
                false => sets.get(stage).or(sets.last()).cloned().unwrap_or(Set::All),
            };
            functions.input_sets = is_held.iter().enumerate().map(set).collect();
        }
        let graph = &mut self.expander.graph;
        let own = total(&names.states);
        for part in &mut functions.parts {
            part.next.extend(unchanged(graph, own..memory));
            let inputs = names.memory.inputs.iter();
            part.next.extend(inputs.filter_map(|input| applied.get(*input)));
        }
        Ok(())
    }

    /// Value of each stage that is 1 where it holds its input, else 0.
    fn held(&mut self, place: &Place<'t>, is_held: &[bool]) -> Result<Expr, TextError> {
        let sources = is_held.iter().chain([&false]);
        let channel = Channel {
            name: String::from("blocks"),
            help: String::new(),
            sources: sources
                .map(|is_held| Source::Constant(f64::from(u8::from(*is_held))))
                .collect(),
        };
        let graph = &mut self.expander.graph;
        let Some(stages) = &mut self.expander.stages else {
            return Err(place.error("there are no stages".into()));
        };
        stages.add(graph, channel).map_err(|message| place.error(message))
    }
}

impl Memory {
    /// Those that are known by name.
    pub(super) fn known(&self) -> &[Named] {
        self.named.get(..self.num_named).unwrap_or_default()
    }

    fn remember(&mut self, lengths: &[(String, usize)], name: &str, len: usize) {
        let before = lengths.iter().take_while(|(known, _)| known != name);
        let first: usize = before.map(|(_, len)| len).sum();
        self.named.push(Named::new(&previous_name(name), len));
        self.inputs.extend(first..first + len);
    }
}

/// What the name of an input's last value has after that of the input.
const PREVIOUS: &str = "_previous";

fn previous_name(input: &str) -> String {
    format!("{input}{PREVIOUS}")
}

/// Names and lengths of inputs, as far as they are right.
fn input_lengths(place: &Place<'_>) -> Vec<(String, usize)> {
    if let Ok(items) = place.items("") {
        let names = items.iter().filter_map(|item| item.string("").ok());
        return names.map(|name| (name.trim().to_string(), 1)).collect();
    }
    let entries = place.entries("").unwrap_or_default();
    let length = |place: &Place<'_>| {
        let entries = place.entries("").unwrap_or_default();
        let length = find(&entries, "length").unwrap_or(place);
        length.whole_number(1, u32::MAX).unwrap_or(1) as usize
    };
    let entries = entries.iter();
    entries
        .map(|entry| (entry.name.trim().to_string(), length(&entry.value)))
        .collect()
}

/// Reads the numbers of stages over which inputs are held. Returns whether each stage holds the input of the one before.
pub(super) fn blocks(place: &Place<'_>, horizon: usize) -> Result<Vec<bool>, TextError> {
    let mut is_held = Vec::new();
    let mut found = 0_u64;
    for item in place.items("a list of numbers of stages, such as [1, 1, 3]")? {
        let len = item.whole_number(1, u32::MAX)?;
        found += u64::from(len);
        if found <= horizon as u64 {
            is_held.push(false);
            is_held.resize(found as usize, true);
        }
    }
    if found == horizon as u64 {
        return Ok(is_held);
    }
    Err(place.error(format!("the blocks have {found} stages, the horizon {horizon}")))
}
