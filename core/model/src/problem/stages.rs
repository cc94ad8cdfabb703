//! Compiled optimal control: one program per stage, applied over the horizon.
//!
//! min over the inputs of `sum l(x_t, u_t) + V(x_N)`  subject to  `x_0 = x_0(p)`, `x_(t+1) = f(x_t, u_t)`, path and
//! terminal constraints. Programs, load time and text do not grow with the horizon.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::SecondDerivatives;
use labwire_solve::sets::Set;

pub use super::definition::Shooting;
use super::definition::{StageConstraint, StageDefinition};
use super::stage_expander::shared_slots;
use super::stage_inputs::StageInputs;
use super::{Block, BlockKind, compile, element, push_f1};
use crate::expression::Named;
use crate::expression::graph::{Expr, Graph};
use crate::expression::operation::Binary;
use crate::expression::program::{InputLengths, Program};

/// Optimal-control problem as the programs of its stages.
///
/// Decision variables: the inputs u_0, u_1, ..., u_(N-1); in multiple shooting followed by the states x_1, ..., x_N. What a
/// solve decides once for the whole horizon, free elements of the initial state and horizon variables, are the inputs of
/// stages before these.
/// Constraints: the path constraints stage by stage, each as written, then the terminal ones (F1); in multiple
/// shooting followed by `x_(t+1) - f(x_t, u_t)`, stage by stage (F2).
#[derive(Clone, Debug, PartialEq)]
pub struct Stages {
    /// Number of stages, at least 1, with those before the first.
    pub horizon: usize,
    /// Number of stages before the first.
    pub free_stages: usize,
    /// Names of what the stages before the first decide, in the order of their inputs.
    pub(super) free_names: Vec<String>,
    /// Vectors that make up the state x_t: those of the problem, then horizon variables, which do not change, then last inputs.
    pub states: Vec<Named>,
    /// Numbers of vectors in `states` that are states of the problem, and horizon variables.
    num_own_states: usize,
    num_horizon_variables: usize,
    /// Whether each stage has the input of the stage before; empty if none has.
    is_held: Vec<bool>,
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
    /// States that path constraints leave out, or that they hold at although they are given, in words.
    pub notes: Vec<String>,
    /// Parameters of the programs.
    pub(super) parameters: StageInputs,
    /// Indices of the path constraints' components that hold at the end, before the terminal constraints.
    pub(super) last_components: Vec<usize>,
    /// Text of each component of the path constraints, and of the terminal ones.
    path_names: Vec<String>,
    terminal_names: Vec<String>,
    /// Typical magnitudes of the same components, and of the inputs of the stages before the first.
    pub(super) path_scales: Vec<Option<f64>>,
    pub(super) terminal_scales: Vec<Option<f64>>,
    pub(super) free_scales: Vec<Option<f64>>,
    /// Slots that the derivatives along a direction take from values and gradient, for each program.
    pub(super) shared_slots: Vec<Vec<u32>>,
    /// Places of the second derivatives in multiple shooting.
    pub(super) second: Option<SecondDerivatives>,
}

/// Stages with the same path constraints.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Indices of the stages.
    pub stages: Range<usize>,
    /// Indices of the path constraints' components.
    pub(super) components: Vec<usize>,
    /// Program of each of the stages.
    pub program: Program,
}

impl Stages {
    pub(super) fn new(definition: &StageDefinition, graph: &mut Graph) -> Self {
        let (num_states, num_inputs) = (total(&definition.states), total(&definition.inputs));
        let free_stages = definition.free.next.len();
        let num_parameters = total(&definition.parameters);
        let parameters = StageInputs::new(&definition.values, num_parameters, free_stages);
        let compiled = |graph: &mut Graph, cost, g: Vec<_>, variables| {
            let inputs = InputLengths {
                parameters: parameters.len(),
                variables,
                multipliers: g.len(),
            };
            compile(graph, cost, g, inputs)
        };
        let phases = phases(definition, graph, |graph: &mut Graph, cost, g| {
            compiled(graph, cost, g, num_states + num_inputs)
        });
        let mut g = Vec::new();
        let last_components = active(definition, definition.horizon, &mut g);
        let terminal = definition.terminal.iter();
        g.extend(terminal.flat_map(|constraint| &constraint.components));
        let cost = priced(definition, definition.horizon, graph, definition.terminal_cost);
        let terminal = compiled(graph, cost, g, num_states);
        let inputs = InputLengths {
            parameters: parameters.len(),
            ..InputLengths::default()
        };
        let mut shared: Vec<_> = phases.iter().map(|phase| shared_slots(&phase.program)).collect();
        shared.push(shared_slots(&terminal));
        let mut stages = Self {
            second: None,
            shared_slots: shared,
            last_components,
            notes: definition.notes.clone(),
            path_names: names(&definition.path),
            terminal_names: names(&definition.terminal),
            path_scales: scales(&definition.path),
            terminal_scales: scales(&definition.terminal),
            free_scales: definition.free.scales.clone(),
            horizon: free_stages + definition.horizon,
            free_stages,
            free_names: definition.free.names.clone(),
            num_own_states: definition.num_own_states,
            num_horizon_variables: definition.num_horizon_variables,
            is_held: definition.is_held.clone(),
            states: definition.states.clone(),
            inputs: definition.inputs.clone(),
            shooting: definition.shooting,
            initial: Program::new(graph, inputs, core::slice::from_ref(&definition.initial_state)),
            phases,
            terminal,
            parameters,
        };
        stages.second = stages.second_derivatives();
        stages
    }

    /// Number N of stages of the problem: without those before the first.
    #[must_use]
    pub fn num_stages(&self) -> usize {
        self.horizon - self.free_stages
    }

    /// Vectors that make up the state of the problem.
    #[must_use]
    pub fn own_states(&self) -> &[Named] {
        &self.states[..self.num_own_states]
    }

    /// Variables of the whole horizon.
    #[must_use]
    pub fn horizon_variables(&self) -> &[Named] {
        &self.states[self.num_own_states..self.num_own_states + self.num_horizon_variables]
    }

    /// Number of decision variables of the stages before the first.
    #[must_use]
    pub fn num_free(&self) -> usize {
        self.free_stages * self.num_inputs()
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

    /// Numbers that an evaluator holds.
    pub fn memory(&self) -> usize {
        let parameters = self.parameters.memory();
        let second = self.second.as_ref();
        let places = second.map_or(0, |second| second.jacobian.len() + second.hessian.len());
        self.program_memory()
            .saturating_add(parameters)
            .saturating_add(places)
    }

    /// Numbers that the programs of all stages hold.
    pub(super) fn program_memory(&self) -> usize {
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
        let num_inputs = self.num_inputs();
        let inputs = &mut inputs[self.num_free()..];
        self.hold(inputs);
        shift(inputs, num_inputs);
        for (input, is_held) in inputs.chunks_exact_mut(num_inputs.max(1)).zip(&self.is_held) {
            if *is_held {
                input.fill(0.0);
            }
        }
        self.shift_states_from(states, 1);
    }

    /// Gives stages that hold the input of the stage before that input.
    fn hold(&self, inputs: &mut [f64]) {
        let num_inputs = self.num_inputs();
        for (stage, _) in self.is_held.iter().enumerate().filter(|(_, is_held)| **is_held) {
            let at = stage * num_inputs;
            if at >= num_inputs && at + num_inputs <= inputs.len() {
                inputs.copy_within(at - num_inputs..at, at);
            }
        }
    }

    /// Shifts the states x_first, x_(first+1), ..., but those of the stages before the first.
    fn shift_states_from(&self, states: &mut [f64], first: usize) {
        let kept = self.free_stages.saturating_sub(first) * self.num_states();
        if let Some(states) = states.get_mut(kept..) {
            shift(states, self.num_states());
        }
    }

    /// The same in a vector of the states x_0, ..., x_N.
    pub(super) fn shift_states(&self, states: &mut [f64]) {
        self.shift_states_from(states, 0);
    }

    /// The same in a vector with one number per constraint. A constraint that a stage lacks has no value to hand on;
    /// terminal constraints stay.
    pub fn shift_constraints(&self, values: &mut [f64]) {
        let mut at = 0;
        for (i, phase) in self.phases.iter().enumerate() {
            let count = phase.components.len();
            let end = at + phase.stages.len() * count;
            shift(&mut values[at..end], count);
            // The last stage of a phase takes its values from the first of the next.
            let next = self.phases.get(i + 1).map(|next| &next.components);
            let next = next.unwrap_or(&self.last_components);
            for (place, component) in phase.components.iter().enumerate() {
                if let Some(from) = next.iter().position(|other| other == component) {
                    values[end - count + place] = values[end + from];
                }
            }
            at = end;
        }
        let f2 = self.num_f1();
        self.shift_states_from(&mut values[f2..], 0);
    }

    /// Place of a constraint: its place among the constraints of its stage, its text, and the stage.
    pub(super) fn constraint_place(&self, index: usize) -> String {
        let mut rest = index;
        for phase in &self.phases {
            let count = phase.components.len();
            if rest < phase.stages.len() * count {
                let stage = phase.stages.start - self.free_stages + rest / count;
                let component = phase.components[rest % count];
                let name = &self.path_names[component];
                return format!("path constraint {component} `{name}` at stage {stage}");
            }
            rest -= phase.stages.len() * count;
        }
        if let Some(component) = self.last_components.get(rest) {
            let (name, stage) = (&self.path_names[*component], self.num_stages());
            return format!("path constraint {component} `{name}` at stage {stage}");
        }
        rest -= self.last_components.len();
        match rest.checked_sub(self.terminal_names.len()) {
            None => format!("terminal constraint {rest} `{}`", self.terminal_names[rest]),
            Some(rest) => {
                let num_states = self.num_states().max(1);
                let (stage, state) = (rest / num_states, rest % num_states);
                let state = vector_element(&self.states, state);
                match stage.checked_sub(self.free_stages) {
                    Some(stage) => format!("dynamics of {state} at stage {stage}"),
                    None => format!("initial {state}"),
                }
            }
        }
    }

    /// Name and stage of a decision variable.
    pub(super) fn variable_name(&self, index: usize) -> String {
        let (num_inputs, num_states) = (self.num_inputs().max(1), self.num_states().max(1));
        match index.checked_sub(self.horizon * self.num_inputs()) {
            None => match index.checked_sub(self.num_free()) {
                Some(index) => {
                    let (stage, input) = (index / num_inputs, index % num_inputs);
                    format!("{} at stage {stage}", vector_element(&self.inputs, input))
                }
                None => match self.free_names.get(index) {
                    Some(name) if index < self.num_horizon_variables => name.clone(),
                    Some(name) => format!("initial {name}"),
                    None => String::from("no variable (filler)"),
                },
            },
            Some(index) => {
                let (stage, state) = (index / num_states + 1, index % num_states);
                let state = vector_element(&self.states, state);
                match stage.checked_sub(self.free_stages) {
                    Some(stage) => format!("{state} at stage {stage}"),
                    None => format!("{state} before stage 0"),
                }
            }
        }
    }

    /// Values of each input over the stages, of each state over the stages and at the end, and of each horizon variable, by
    /// name.
    pub fn trajectories<'a>(
        &self,
        u: &[f64],
        states: impl Iterator<Item = &'a [f64]>,
    ) -> BTreeMap<String, Vec<f64>> {
        let mut named = BTreeMap::new();
        let inputs = self.num_free()..self.horizon * self.num_inputs();
        let mut inputs = u.get(inputs).unwrap_or_default().to_vec();
        self.hold(&mut inputs);
        let inputs = inputs.chunks_exact(self.num_inputs().max(1));
        inputs.for_each(|input| append(&mut named, &self.inputs, input));
        let own = total(self.own_states());
        for (stage, state) in states.skip(self.free_stages).enumerate() {
            append(&mut named, self.own_states(), state);
            if stage == 0 {
                append(
                    &mut named,
                    self.horizon_variables(),
                    state.get(own..).unwrap_or_default(),
                );
            }
        }
        named
    }
}

/// Numbers that a solver holds for Newton steps: of each stage its derivatives, its value function and feedback, and about
/// twenty vectors.
pub(super) fn newton_memory(horizon: usize, num_states: usize, num_inputs: usize) -> usize {
    let (nx, nu) = (num_states, num_inputs);
    let nz = nx + nu;
    let stage = nz * nx + nz * nz + nx * nx + nu * nx + 20 * nz;
    horizon.saturating_add(1).saturating_mul(stage)
}

/// Phases of the stages, with those before the first.
fn phases(
    definition: &StageDefinition,
    graph: &mut Graph,
    compiled: impl Fn(&mut Graph, Expr, Vec<Expr>) -> Program,
) -> Vec<Phase> {
    let free_stages = definition.free.next.len();
    let zero = graph.constant(0.0);
    let mut phases = Vec::new();
    for (t, next) in definition.free.next.iter().enumerate() {
        let cost = definition.free.cost.filter(|_| t + 1 == free_stages);
        phases.push(Phase {
            stages: t..t + 1,
            components: Vec::new(),
            program: compiled(graph, cost.unwrap_or(zero), next.clone()),
        });
    }
    for part in &definition.parts {
        for stages in runs(definition, &part.stages) {
            let mut g = part.next.clone();
            let components = active(definition, stages.start, &mut g);
            let cost = priced(definition, stages.start, graph, part.cost);
            phases.push(Phase {
                stages: free_stages + stages.start..free_stages + stages.end,
                components,
                program: compiled(graph, cost, g),
            });
        }
    }
    phases
}

/// Stages with the same path constraints, among these.
fn runs(definition: &StageDefinition, stages: &Range<usize>) -> Vec<Range<usize>> {
    let ends = definition.path.iter();
    let ends = ends.flat_map(|constraint| [constraint.stages.start, constraint.stages.end]);
    let ends = ends.filter(|end| stages.start < *end && *end < stages.end);
    let ends: BTreeSet<usize> = ends.chain([stages.end]).collect();
    let mut start = stages.start;
    let run = |end| core::mem::replace(&mut start, end)..end;
    ends.into_iter().map(run).collect()
}

/// Cost at the stage `t` with the prices of its path constraints' slacks.
fn priced(definition: &StageDefinition, t: usize, graph: &mut Graph, cost: Expr) -> Expr {
    let at_stage = definition
        .path
        .iter()
        .filter(|constraint| constraint.stages.contains(&t));
    at_stage
        .filter_map(|constraint| constraint.penalty)
        .fold(cost, |cost, penalty| graph.binary(Binary::Add, cost, penalty))
}

/// Adds the components of the path constraints that hold at a stage. Returns their indices.
fn active(definition: &StageDefinition, stage: usize, g: &mut Vec<Expr>) -> Vec<usize> {
    let (mut components, mut first) = (Vec::new(), 0);
    for constraint in &definition.path {
        let end = first + constraint.components.len();
        if constraint.stages.contains(&stage) {
            g.extend(&constraint.components);
            components.extend(first..end);
        }
        first = end;
    }
    components
}

/// Texts of the components of constraints.
fn names(constraints: &[StageConstraint]) -> Vec<String> {
    let names = constraints.iter().flat_map(|constraint| &constraint.names);
    names.cloned().collect()
}

/// Typical magnitudes of the components of constraints.
fn scales(constraints: &[StageConstraint]) -> Vec<Option<f64>> {
    let scales = constraints.iter();
    scales
        .flat_map(|constraint| core::iter::repeat_n(constraint.scale, constraint.components.len()))
        .collect()
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
    for Named { name, len, .. } in names {
        let Some((vector, rest)) = values.split_at_checked(*len) else {
            return;
        };
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
    let (num_inputs, num_free) = (stages.num_inputs(), stages.num_free());
    let (num_stages, num_states) = (stages.num_stages(), stages.num_f2());
    let sets = &definition.input_sets;
    let bounds: Option<Vec<_>> = sets.iter().map(|set| set.bounds(num_inputs)).collect();
    if let (Some(bounds), Some((mut min, mut max))) = (bounds, definition.free.set.bounds(num_free)) {
        for stage in 0..num_stages {
            if let Some((low, high)) = bounds.get(stage).or(bounds.last()) {
                min.extend(low);
                max.extend(high);
            }
        }
        min.resize(stages.num_variables(), f64::NEG_INFINITY);
        max.resize(stages.num_variables(), f64::INFINITY);
        return Set::Box { min, max };
    }
    let mut parts = Vec::with_capacity(num_stages + 2);
    if num_free > 0 {
        parts.push((num_free, definition.free.set.clone()));
    }
    for stage in 0..num_stages {
        let set = sets.get(stage).or(sets.last()).cloned().unwrap_or(Set::All);
        parts.push((num_free + (stage + 1) * num_inputs, set));
    }
    if num_states > 0 {
        parts.push((stages.num_variables(), Set::All));
    }
    Set::Product(parts)
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
    for t in 0..=definition.horizon {
        let path = definition.path.iter();
        for constraint in path.filter(|constraint| constraint.stages.contains(&t)) {
            push(constraint.components.len(), &constraint.set);
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
