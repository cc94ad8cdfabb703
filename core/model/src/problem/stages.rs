//! Compiled optimal control: one program per stage, applied over the horizon.
//!
//! min over the inputs of `sum l(x_t, u_t) + V(x_N)`  subject to  `x_0 = x_0(p)`, `x_(t+1) = f(x_t, u_t)`, path and
//! terminal constraints. Programs, load time and text do not grow with the horizon.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::sets::Set;

pub use super::definition::Shooting;
use super::definition::{StageConstraint, StageDefinition};
use super::stage_functions::shared_slots;
use super::{Block, BlockKind, compile, element, push_f1};
use crate::expression::Named;
use crate::expression::graph::Graph;
use crate::expression::program::{InputLengths, Program};

/// Optimal-control problem as the programs of its stages.
///
/// Decision variables: the inputs u_0, u_1, ..., u_(N-1); in multiple shooting followed by the states x_1, ..., x_N.
/// Constraints: the path constraints stage by stage, each as written, then the terminal ones (F1); in multiple
/// shooting followed by `x_(t+1) - f(x_t, u_t)`, stage by stage (F2).
#[derive(Clone, Debug, PartialEq)]
pub struct Stages {
    /// Number N of stages, at least 1.
    pub horizon: usize,
    /// Vectors that make up the state x_t.
    pub states: Vec<Named>,
    /// Vectors that make up the input u_t.
    pub inputs: Vec<Named>,
    /// Origin of the states.
    pub shooting: Shooting,
    /// Program of the initial state: the outputs of its only section.
    pub initial: Program,
    /// Programs that are evaluated at (x_t, u_t), in the order of their stages. The cost of a program is the stage cost,
    /// its constraints are the next state, then the path constraints; its variables are x_t, then u_t.
    pub phases: Vec<Phase>,
    /// Program that is evaluated at x_N: terminal cost and constraints.
    pub terminal: Program,
    /// Text of each component of the path constraints, and of the terminal ones.
    path_names: Vec<String>,
    terminal_names: Vec<String>,
    /// Slots that the derivatives along a direction take from values and gradient, for each program.
    pub(super) shared_slots: Vec<Vec<u32>>,
}

/// Stages with the same path constraints.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Indices of the stages.
    pub stages: Range<usize>,
    /// Indices of the path constraints' components.
    components: Vec<usize>,
    /// Program of each of the stages.
    pub program: Program,
}

impl Stages {
    pub(super) fn new(definition: &StageDefinition, graph: &mut Graph) -> Self {
        let (num_states, num_inputs) = (definition.next.len(), total(&definition.inputs));
        let parameters = total(&definition.parameters);
        let mut compiled = |cost, g: Vec<_>, variables| {
            let inputs = InputLengths {
                parameters,
                variables,
                multipliers: g.len(),
            };
            compile(graph, cost, g, inputs)
        };
        let mut starts: Vec<usize> = definition.path.iter().map(|constraint| constraint.from).collect();
        starts.retain(|start| *start < definition.horizon);
        starts.push(0);
        starts.sort_unstable();
        starts.dedup();
        let mut phases = Vec::with_capacity(starts.len());
        for (i, &start) in starts.iter().enumerate() {
            let mut g = definition.next.clone();
            let (mut components, mut first) = (Vec::new(), 0);
            for constraint in &definition.path {
                let end = first + constraint.components.len();
                if constraint.from <= start {
                    g.extend(&constraint.components);
                    components.extend(first..end);
                }
                first = end;
            }
            let end = starts.get(i + 1).copied().unwrap_or(definition.horizon);
            phases.push(Phase {
                stages: start..end,
                components,
                program: compiled(definition.stage_cost, g, num_states + num_inputs),
            });
        }
        let terminal = definition.terminal.iter();
        let terminal = terminal.flat_map(|constraint| &constraint.components);
        let terminal = compiled(definition.terminal_cost, terminal.copied().collect(), num_states);
        let inputs = InputLengths {
            parameters,
            ..InputLengths::default()
        };
        let mut shared: Vec<_> = phases.iter().map(|phase| shared_slots(&phase.program)).collect();
        shared.push(shared_slots(&terminal));
        Self {
            shared_slots: shared,
            path_names: names(&definition.path),
            terminal_names: names(&definition.terminal),
            horizon: definition.horizon,
            states: definition.states.clone(),
            inputs: definition.inputs.clone(),
            shooting: definition.shooting,
            initial: Program::new(graph, inputs, core::slice::from_ref(&definition.initial_state)),
            phases,
            terminal,
        }
    }

    /// Length of x_t.
    #[must_use]
    pub fn num_states(&self) -> usize {
        self.terminal.inputs.variables
    }

    /// Length of u_t.
    #[must_use]
    pub fn num_inputs(&self) -> usize {
        total(&self.inputs)
    }

    /// The number of decision variables.
    #[must_use]
    pub fn num_variables(&self) -> usize {
        self.horizon * self.num_inputs() + self.num_f2()
    }

    /// Number of path and terminal constraints, over all stages.
    #[must_use]
    pub fn num_f1(&self) -> usize {
        let path = self.phases.iter();
        let path: usize = path
            .map(|phase| phase.stages.len() * phase.components.len())
            .sum();
        path + self.terminal.inputs.multipliers
    }

    /// Number of equality constraints that tie the states together.
    #[must_use]
    pub fn num_f2(&self) -> usize {
        match self.shooting {
            Shooting::Auto | Shooting::Single => 0,
            Shooting::Multiple => self.horizon * self.num_states(),
        }
    }

    /// Numbers that a solver holds for Newton steps: of each stage its derivatives, its value function and feedback, and
    /// about twenty vectors.
    pub(super) fn newton_memory(&self) -> usize {
        let (nx, nu) = (self.num_states(), self.num_inputs());
        let nz = nx + nu;
        let stage = nz * nx + nz * nz + nx * nx + nu * nx + 20 * nz;
        (self.horizon + 1).saturating_mul(stage)
    }

    /// Numbers that an evaluator holds.
    pub fn memory(&self) -> usize {
        let stages = self.phases.iter();
        let stages = stages.map(|phase| phase.stages.len().saturating_mul(phase.program.slots));
        stages.fold(self.terminal.slots, usize::saturating_add)
    }

    /// All programs: those of the stages, then the terminal one.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.phases
            .iter()
            .map(|phase| &phase.program)
            .chain([&self.terminal])
    }

    /// Drops the elements of the first stage and repeats the last, in a vector of decision variables.
    pub fn shift_variables(&self, u: &mut [f64]) {
        let (inputs, states) = u.split_at_mut(self.horizon * self.num_inputs());
        shift(inputs, self.num_inputs());
        shift(states, self.num_states());
    }

    /// The same in a vector of the states x_0, ..., x_N.
    pub(super) fn shift_states(&self, states: &mut [f64]) {
        shift(states, self.num_states());
    }

    /// The same in a vector with one number per constraint. A constraint that the previous stage lacks has no value
    /// to hand on; terminal constraints stay.
    pub fn shift_constraints(&self, values: &mut [f64]) {
        let mut at = 0;
        for (i, phase) in self.phases.iter().enumerate() {
            let count = phase.components.len();
            let end = at + phase.stages.len() * count;
            shift(&mut values[at..end], count);
            // The last stage of a phase takes its values from the first of the next, which has more constraints.
            if let Some(next) = self.phases.get(i + 1) {
                for (place, component) in phase.components.iter().enumerate() {
                    if let Some(from) = next.components.iter().position(|other| other == component) {
                        values[end - count + place] = values[end + from];
                    }
                }
            }
            at = end;
        }
        let f2 = self.num_f1();
        shift(&mut values[f2..], self.num_states());
    }

    /// Place of a constraint: its place among the constraints of its stage, its text, and the stage.
    pub(super) fn constraint_place(&self, index: usize) -> String {
        let mut rest = index;
        for phase in &self.phases {
            let count = phase.components.len();
            if rest < phase.stages.len() * count {
                let (stage, component) = (phase.stages.start + rest / count, phase.components[rest % count]);
                let name = &self.path_names[component];
                return format!("path constraint {component} `{name}` at stage {stage}");
            }
            rest -= phase.stages.len() * count;
        }
        let num_terminal = self.terminal.inputs.multipliers;
        match rest.checked_sub(num_terminal) {
            None => format!("terminal constraint {rest} `{}`", self.terminal_names[rest]),
            Some(rest) => {
                let num_states = self.num_states().max(1);
                let (stage, state) = (rest / num_states, rest % num_states);
                format!(
                    "dynamics of {} at stage {stage}",
                    vector_element(&self.states, state)
                )
            }
        }
    }

    /// Name and stage of a decision variable.
    pub(super) fn variable_name(&self, index: usize) -> String {
        let (num_inputs, num_states) = (self.num_inputs().max(1), self.num_states().max(1));
        match index.checked_sub(self.horizon * self.num_inputs()) {
            None => {
                let (stage, input) = (index / num_inputs, index % num_inputs);
                format!("{} at stage {stage}", vector_element(&self.inputs, input))
            }
            Some(index) => {
                let (stage, state) = (index / num_states + 1, index % num_states);
                format!("{} at stage {stage}", vector_element(&self.states, state))
            }
        }
    }

    /// Values of each input over the stages, and of each state over the stages and at the end, by name.
    pub fn trajectories<'a>(
        &self,
        u: &[f64],
        states: impl Iterator<Item = &'a [f64]>,
    ) -> BTreeMap<String, Vec<f64>> {
        let mut named = BTreeMap::new();
        let inputs = u.chunks_exact(self.num_inputs().max(1)).take(self.horizon);
        inputs.for_each(|input| append(&mut named, &self.inputs, input));
        states.for_each(|state| append(&mut named, &self.states, state));
        named
    }
}

/// Texts of the components of constraints.
fn names(constraints: &[StageConstraint]) -> Vec<String> {
    let names = constraints.iter().flat_map(|constraint| &constraint.names);
    names.cloned().collect()
}

/// Name of an element: without an index if the vector is a number.
pub(super) fn vector_element(vectors: &[Named], index: usize) -> String {
    match element(vectors, index) {
        Some((name, element)) if vectors.iter().any(|named| named.name == name && named.len > 1) => {
            format!("{name}[{element}]")
        }
        Some((name, _)) => String::from(name),
        None => format!("{index}"),
    }
}

fn append(named: &mut BTreeMap<String, Vec<f64>>, names: &[Named], mut values: &[f64]) {
    for Named { name, len } in names {
        let (vector, rest) = values.split_at(*len);
        named.entry(name.clone()).or_default().extend(vector);
        values = rest;
    }
}

fn shift(values: &mut [f64], by: usize) {
    if values.len() > by {
        values.copy_within(by.., 0);
    }
}

pub(super) fn total(vectors: &[Named]) -> usize {
    vectors.iter().map(|named| named.len).sum()
}

/// Set of all decision variables.
pub(super) fn variable_set(definition: &StageDefinition, stages: &Stages) -> Set {
    let (horizon, num_inputs) = (stages.horizon, stages.num_inputs());
    let num_states = stages.num_f2();
    match definition.input_set.bounds(num_inputs) {
        Some((min, max)) => {
            let all = |bounds: &[f64], unbounded| {
                let mut all = bounds.repeat(horizon);
                all.resize(all.len() + num_states, unbounded);
                all
            };
            Set::Box {
                min: all(&min, f64::NEG_INFINITY),
                max: all(&max, f64::INFINITY),
            }
        }
        None => {
            let part = |t: usize| ((t + 1) * num_inputs, definition.input_set.clone());
            let mut parts: Vec<(usize, Set)> = (0..horizon).map(part).collect();
            if num_states > 0 {
                parts.push((horizon * num_inputs + num_states, Set::All));
            }
            Set::Product(parts)
        }
    }
}

/// Constraints of all stages.
pub(super) fn blocks(definition: &StageDefinition, stages: &Stages) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut at = 0;
    let mut push = |components: usize, set: &Set| {
        let mut parts = Vec::new();
        push_f1(&mut parts, set.clone(), at..at + components);
        parts.into_iter().for_each(|part| push_merged(&mut blocks, part));
        at += components;
    };
    for phase in &stages.phases {
        for t in phase.stages.clone() {
            for constraint in definition.path.iter().filter(|constraint| constraint.from <= t) {
                push(constraint.components.len(), &constraint.set);
            }
        }
    }
    for constraint in &definition.terminal {
        push(constraint.components.len(), &constraint.set);
    }
    if stages.num_f2() > 0 {
        blocks.push(Block {
            range: at..at + stages.num_f2(),
            set: Set::Zero,
            kind: BlockKind::F2Equality,
        });
    }
    blocks
}

/// Adjacent boxes are merged into one: there may be very many stages.
fn push_merged(blocks: &mut Vec<Block>, block: Block) {
    match (blocks.last_mut(), block) {
        (
            Some(Block {
                range,
                set: Set::Box { min, max },
                ..
            }),
            Block {
                range: more,
                set: Set::Box { min: low, max: high },
                ..
            },
        ) => {
            range.end = more.end;
            min.extend(low);
            max.extend(high);
        }
        (
            Some(Block {
                range,
                set: Set::Zero,
                ..
            }),
            Block {
                range: more,
                set: Set::Zero,
                ..
            },
        ) => range.end = more.end,
        (_, block) => blocks.push(block),
    }
}
