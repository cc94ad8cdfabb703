//! Programs: a graph laid out as runs of equal operations over consecutive slots.

use alloc::vec;
use alloc::vec::Vec;

use super::graph::{Expr, Graph, Input, Node};
use super::run::{Run, Section};
use super::schedule::{self, Memory, Task};

/// The length of each input vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputLengths {
    /// The number of parameters.
    pub parameters: usize,
    /// The number of decision variables.
    pub variables: usize,
    /// The number of Lagrange multipliers.
    pub multipliers: usize,
}

impl InputLengths {
    /// The length of one of them.
    pub fn len(&self, input: Input) -> usize {
        match input {
            Input::Parameter => self.parameters,
            Input::Variable | Input::Direction => self.variables,
            Input::Multiplier | Input::MultiplierRate => self.multipliers,
        }
    }
}

/// A graph made ready for evaluation.
///
/// Every value has a slot of its own: first the constants, then the input vectors, then results in the order in which
/// they are computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The numbers in the first slots.
    pub constants: Vec<f64>,
    /// The length of each input vector.
    pub inputs: InputLengths,
    /// The number of slots.
    pub slots: usize,
    /// The operands of gathered runs.
    pub indices: Vec<u32>,
    /// What depends on the parameters only; it has no outputs of its own.
    pub prepare: Section,
    /// The sections, in order: each may use what the ones before it computed.
    pub sections: Vec<Section>,
}

impl Program {
    /// Lays out what the outputs of the sections need, and nothing else. A value that several sections need is
    /// computed in the first of them.
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

    /// The first slot of an input vector.
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

    /// The slot behind those of all inputs: there, what depends on the parameters only begins.
    pub fn first_computed_slot(&self) -> usize {
        self.input_slot(Input::MultiplierRate) + self.inputs.multipliers
    }

    /// Gives constants and inputs their slots; returns the slots by value.
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

/// For every value the section that computes it: nothing if no output needs it, 0 if the parameters fix it, else one
/// more than the first section that needs it.
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
