//! Programs: a graph laid out as runs of equal operations over consecutive slots.

use alloc::vec;
use alloc::vec::Vec;

use super::graph::{Expr, Graph, Input, Node};
use super::run::{Run, Section};
use super::schedule::{self, Memory, Task};

/// Lengths of the input vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct InputLengths {
    /// Number of parameters.
    pub parameters: usize,
    /// Number of decision variables.
    pub variables: usize,
    /// Number of Lagrange multipliers.
    pub multipliers: usize,
}

impl InputLengths {
    /// Length of one of the input vectors.
    #[must_use]
    pub fn len(&self, input: Input) -> usize {
        match input {
            Input::Parameter => self.parameters,
            Input::Variable | Input::Direction => self.variables,
            Input::Multiplier | Input::MultiplierRate => self.multipliers,
        }
    }
}

/// Program: a graph compiled for evaluation.
///
/// Every value has its own slot: first the constants, then the input vectors, then the results in the order
/// of their computation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Program {
    /// Numbers in the first slots.
    pub constants: Vec<f64>,
    /// Lengths of the input vectors.
    pub inputs: InputLengths,
    /// Number of slots.
    pub slots: usize,
    /// Operands of gathered runs.
    pub indices: Vec<u32>,
    /// Operations that depend only on the parameters, without outputs of their own.
    pub prepare: Section,
    /// Sections in order; each may use the results of those before it.
    pub sections: Vec<Section>,
}

impl Program {
    /// Compiles the values that the outputs of the sections need, and nothing else. A value needed by
    /// several sections is computed in the first of them.
    #[must_use]
    pub fn new(graph: &Graph, inputs: InputLengths, outputs: &[Vec<Expr>]) -> Self {
        let section_of = assign_sections(graph, outputs);
        let mut program = Self {
            constants: Vec::new(),
            inputs,
            slots: 0,
            indices: Vec::new(),
            prepare: Section::default(),
            sections: Vec::new(),
        };
        let mut slot_of = program.place_inputs(graph, &section_of);
        let tasks = schedule::tasks(graph, &section_of, outputs.len() + 1);
        program.prepare.runs = program.place_tasks(&tasks[0], &mut slot_of);
        for (tasks, outputs) in tasks[1..].iter().zip(outputs) {
            let runs = program.place_tasks(tasks, &mut slot_of);
            let outputs = outputs.iter().map(|expr| slot_of[expr.index()]).collect();
            program.sections.push(Section { runs, outputs });
        }
        program
    }

    fn place_tasks(&mut self, tasks: &[Task], slot_of: &mut [u32]) -> Vec<Run> {
        let mut memory = Memory {
            slots: &mut self.slots,
            indices: &mut self.indices,
            slot_of,
        };
        schedule::runs(tasks, &mut memory)
    }

    /// First slot of an input vector.
    #[must_use]
    pub fn input_slot(&self, input: Input) -> usize {
        let InputLengths {
            parameters,
            variables,
            multipliers,
        } = self.inputs;
        let before = match input {
            Input::Parameter => 0,
            Input::Variable => parameters,
            Input::Multiplier => parameters + variables,
            Input::Direction => parameters + variables + multipliers,
            Input::MultiplierRate => parameters + 2 * variables + multipliers,
        };
        self.constants.len() + before
    }

    /// First slot after all inputs, where the values that depend only on the parameters begin.
    #[must_use]
    pub fn first_computed_slot(&self) -> usize {
        self.input_slot(Input::MultiplierRate) + self.inputs.multipliers
    }

    /// Assigns slots to constants and inputs. Returns the slot of each value.
    fn place_inputs(&mut self, graph: &Graph, section_of: &[Option<u32>]) -> Vec<u32> {
        let live = || graph.exprs().filter(|expr| section_of[expr.index()].is_some());
        let mut slot_of = vec![u32::MAX; graph.len()];
        for expr in live() {
            if let Some(value) = graph.constant_value(expr) {
                slot_of[expr.index()] = self.constants.len() as u32;
                self.constants.push(value);
            }
        }
        for expr in live() {
            if let Node::Input(input, index) = graph.node(expr) {
                slot_of[expr.index()] = self.input_slot(input) as u32 + index;
            }
        }
        self.slots = self.first_computed_slot();
        slot_of
    }
}

/// Section that computes each value: `None` if no output needs it, 0 if the parameters determine it, else
/// one more than the first section that needs it.
fn assign_sections(graph: &Graph, outputs: &[Vec<Expr>]) -> Vec<Option<u32>> {
    let mut section_of: Vec<Option<u32>> = vec![None; graph.len()];
    let earlier = |old: Option<u32>, new: u32| Some(old.map_or(new, |old| old.min(new)));
    for (section, outputs) in outputs.iter().enumerate() {
        for output in outputs {
            let entry = &mut section_of[output.index()];
            *entry = earlier(*entry, section as u32 + 1);
        }
    }
    for expr in graph.exprs().rev() {
        let Some(mut section) = section_of[expr.index()] else {
            continue;
        };
        if graph.is_fixed_by_parameters(expr) {
            section = 0;
            section_of[expr.index()] = Some(0);
        }
        for operand in graph.node(expr).operands() {
            let entry = &mut section_of[operand.index()];
            *entry = earlier(*entry, section);
        }
    }
    section_of
}
