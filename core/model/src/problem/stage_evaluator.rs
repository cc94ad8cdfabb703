//! Evaluation of an optimal-control problem's programs over its horizon: states forward, adjoints backward.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::stage_expander::Expander;
use super::stage_second::StageDerivatives;
use super::stages::{Shooting, Stages};
use crate::expression::graph::Input;
use crate::expression::interpreter::FORWARD;
use crate::expression::program::Program;
use crate::expression::run::Section;

/// Memory of every stage, one after the other, and the values passed between stages.
#[derive(Clone, Debug)]
pub(super) struct StageEvaluator<const LANES: usize> {
    pub(super) stages: Arc<Stages>,
    /// Values of every stage's program, then those of the terminal program.
    pub(super) values: Vec<[f64; LANES]>,
    /// Phase of each stage (one more for the end), and where its values begin.
    pub(super) starts: Vec<(usize, usize)>,
    /// Memory for derivatives along directions, where one point is evaluated at a time.
    pub(super) expander: Option<Expander>,
    /// Memory for the second derivatives of multiple shooting.
    pub(super) derivatives: Option<Box<StageDerivatives>>,
    /// Memory for derivatives with respect to a parameter of one stage at a time, allocated when they are first asked for.
    pub(super) tangents: Vec<f64>,
    /// The problem's parameters.
    parameters: Vec<[f64; LANES]>,
    pub(super) initial_values: Vec<[f64; LANES]>,
    /// The initial state.
    pub(super) initial: Vec<[f64; LANES]>,
    /// State in forward sweeps; in backward ones its adjoint, the derivative of everything that follows.
    state: Vec<[f64; LANES]>,
}

impl<const LANES: usize> StageEvaluator<LANES> {
    pub(super) fn new(stages: Arc<Stages>) -> Self {
        let mut values = vec![[0.0; LANES]; stages.program_memory()];
        let mut starts = Vec::with_capacity(stages.horizon + 1);
        let mut rest = values.as_mut_slice();
        let mut start = 0;
        for (i, phase) in stages.phases.iter().enumerate() {
            for _ in phase.stages.clone() {
                phase.program.initialize(take(&mut rest, phase.program.slots));
                starts.push((i, start));
                start += phase.program.slots;
            }
        }
        stages.terminal.initialize(rest);
        starts.push((stages.phases.len(), start));
        let mut initial_values = vec![[0.0; LANES]; stages.initial.slots];
        stages.initial.initialize(&mut initial_values);
        let state = vec![[0.0; LANES]; stages.num_states()];
        let second = stages.second.as_ref().filter(|_| LANES == 1);
        Self {
            values,
            starts,
            expander: (LANES == 1).then(|| expander(&stages)),
            derivatives: second.map(|_| Box::new(StageDerivatives::new(&stages))),
            tangents: Vec::new(),
            parameters: vec![[0.0; LANES]; stages.parameters.num_parameters],
            initial_values,
            initial: state.clone(),
            state,
            stages,
        }
    }

    /// Parameters that are missing keep their values.
    pub(super) fn set_parameters(&mut self, parameters: &[[f64; LANES]]) {
        let Self {
            stages,
            values,
            initial_values,
            initial,
            parameters: all,
            ..
        } = self;
        all.iter_mut().zip(parameters).for_each(|(p, given)| *p = *given);
        let set = |t: usize, program: &Program, values: &mut [[f64; LANES]]| {
            stages.parameters.load(t, all, program, values);
            program.prepare(values);
        };
        set(0, &stages.initial, initial_values);
        let outputs = stages.initial.run(FORWARD, initial_values);
        initial
            .iter_mut()
            .zip(outputs)
            .for_each(|(x, output)| *x = output);
        let mut rest = values.as_mut_slice();
        for phase in &stages.phases {
            let program = &phase.program;
            let memory = take(&mut rest, phase.stages.len() * program.slots);
            if !stages.parameters.is_uniform() {
                let memories = memory.chunks_exact_mut(program.slots);
                memories
                    .zip(phase.stages.clone())
                    .for_each(|(memory, t)| set(t, program, memory));
                continue;
            }
            let (first, others) = memory.split_at_mut(program.slots);
            set(phase.stages.start, program, first);
            // The others take the values computed by the first.
            let given = program.input_slot(Input::Parameter)..program.input_slot(Input::Variable);
            let computed = prepared(program);
            for other in others.chunks_exact_mut(program.slots) {
                other[given.clone()].copy_from_slice(&first[given.clone()]);
                other[computed.clone()].copy_from_slice(&first[computed.clone()]);
            }
        }
        set(stages.horizon, &stages.terminal, rest);
    }

    /// Sweeps from variables, or their rates, to cost and constraints, or their rates: runs the section `section`
    /// with the vector `input`.
    pub(super) fn sweep_forward(
        &mut self,
        section: usize,
        input: Input,
        u: &[[f64; LANES]],
        g: &mut [[f64; LANES]],
    ) -> [f64; LANES] {
        let Self {
            stages,
            values,
            state,
            ..
        } = self;
        if u.len() < stages.num_variables() || g.len() < stages.num_f1() + stages.num_f2() {
            return [f64::NAN; LANES];
        }
        let (num_states, num_inputs) = (stages.num_states(), stages.num_inputs());
        let is_multiple = stages.shooting == Shooting::Multiple;
        let (inputs, mut next_states) = u.split_at(stages.horizon * num_inputs);
        let (mut f1, mut f2) = g.split_at_mut(stages.num_f1());
        let mut inputs = inputs.chunks_exact(num_inputs);
        match input {
            Input::Variable => state.copy_from_slice(&self.initial),
            // The initial state does not depend on the variables.
            _ => state.fill([0.0; LANES]),
        }
        let mut cost = [0.0; LANES];
        let mut rest = values.as_mut_slice();
        for phase in &stages.phases {
            let program = &phase.program;
            let num_path = program.inputs.multipliers - num_states;
            for _ in phase.stages.clone() {
                let memory = take(&mut rest, program.slots);
                program.load(memory, input, 0, state);
                program.load(memory, input, num_states, inputs.next().unwrap_or_default());
                let mut outputs = program.run(section, memory);
                add(&mut cost, outputs.next());
                state
                    .iter_mut()
                    .zip(&mut outputs)
                    .for_each(|(x, output)| *x = output);
                let path = take(&mut f1, num_path);
                path.iter_mut().zip(outputs).for_each(|(g, output)| *g = output);
                if is_multiple {
                    let (decided, later) = next_states.split_at(num_states);
                    next_states = later;
                    tie(take(&mut f2, num_states), state, decided);
                }
            }
        }
        stages.terminal.load(rest, input, 0, state);
        let mut outputs = stages.terminal.run(section, rest);
        add(&mut cost, outputs.next());
        f1.iter_mut().zip(outputs).for_each(|(g, output)| *g = output);
        cost
    }

    /// Sweeps from multipliers, or their rates, to the gradient, or its rate.
    pub(super) fn sweep_backward(
        &mut self,
        section: usize,
        input: Input,
        y: &[[f64; LANES]],
        gradient: &mut [[f64; LANES]],
    ) {
        let Self {
            stages,
            values,
            state: adjoint,
            ..
        } = self;
        let (num_variables, num_constraints) = (stages.num_variables(), stages.num_f1() + stages.num_f2());
        if y.len() < num_constraints || gradient.len() < num_variables {
            return gradient.fill([f64::NAN; LANES]);
        }
        let (y, gradient) = (&y[..num_constraints], &mut gradient[..num_variables]);
        let (num_states, num_inputs) = (stages.num_states(), stages.num_inputs());
        let (inputs, mut states) = gradient.split_at_mut(stages.horizon * num_inputs);
        let (mut f1, mut f2) = y.split_at(stages.num_f1());
        let mut inputs = inputs.rchunks_exact_mut(num_inputs);
        let terminal = &stages.terminal;
        let mut rest = values.as_mut_slice();
        let memory = take_last(&mut rest, terminal.slots);
        terminal.load(memory, input, 0, split_last(&mut f1, terminal.inputs.multipliers));
        let outputs = terminal.run(section, memory);
        adjoint
            .iter_mut()
            .zip(outputs)
            .for_each(|(adjoint, output)| *adjoint = output);
        for phase in stages.phases.iter().rev() {
            let program = &phase.program;
            for _ in phase.stages.clone() {
                if stages.shooting == Shooting::Multiple {
                    let multipliers = split_last(&mut f2, num_states);
                    untie(take_last(&mut states, num_states), adjoint, multipliers);
                }
                let memory = take_last(&mut rest, program.slots);
                let path = split_last(&mut f1, program.inputs.multipliers - num_states);
                program.load(memory, input, 0, adjoint);
                program.load(memory, input, num_states, path);
                let mut outputs = program.run(section, memory);
                adjoint
                    .iter_mut()
                    .zip(&mut outputs)
                    .for_each(|(adjoint, output)| *adjoint = output);
                let inputs = inputs.next().unwrap_or_default();
                inputs
                    .iter_mut()
                    .zip(outputs)
                    .for_each(|(entry, output)| *entry = output);
            }
        }
    }

    /// The states at the point of the last [`forward`](Self::forward).
    pub(super) fn states(&self) -> impl Iterator<Item = &[[f64; LANES]]> {
        let num_states = self.stages.num_states();
        let terminal = [&self.stages.terminal].into_iter().map(|program| (program, 1));
        let phases = self.stages.phases.iter();
        let mut at = 0;
        phases
            .map(|phase| (&phase.program, phase.stages.len()))
            .chain(terminal)
            .flat_map(|(program, count)| core::iter::repeat_n(program, count))
            .map(move |program| {
                let start = at + program.input_slot(Input::Variable);
                at += program.slots;
                &self.values[start..start + num_states]
            })
    }
}

/// Writes `x_(t+1) - f(x_t, u_t)`, and continues with the x_(t+1) among the decision variables.
fn tie<const LANES: usize>(gaps: &mut [[f64; LANES]], state: &mut [[f64; LANES]], decided: &[[f64; LANES]]) {
    for ((gap, decided), x) in gaps.iter_mut().zip(decided).zip(state) {
        *gap = core::array::from_fn(|lane| decided[lane] - x[lane]);
        *x = *decided;
    }
}

/// Adjoint of [`tie`] with multipliers nu: x_(t+1) gets its own adjoint plus nu, and f passes on -nu.
fn untie<const LANES: usize>(
    gradient: &mut [[f64; LANES]],
    adjoint: &mut [[f64; LANES]],
    multipliers: &[[f64; LANES]],
) {
    for ((entry, adjoint), multiplier) in gradient.iter_mut().zip(adjoint).zip(multipliers) {
        *entry = core::array::from_fn(|lane| adjoint[lane] + multiplier[lane]);
        *adjoint = multiplier.map(|multiplier| -multiplier);
    }
}

/// Slots of the values that a program computes from its parameters.
fn prepared(program: &Program) -> core::ops::Range<usize> {
    let start = program.first_computed_slot();
    let Section { runs, .. } = &program.prepare;
    let ends = runs
        .iter()
        .map(|run| run.destination as usize + run.len as usize * run.kind.results());
    start..ends.max().unwrap_or(start)
}

fn add<const LANES: usize>(sum: &mut [f64; LANES], term: Option<[f64; LANES]>) {
    for (sum, term) in sum.iter_mut().zip(term.unwrap_or([f64::NAN; LANES])) {
        *sum += term;
    }
}

/// Splits off the first `len` elements.
fn take<'a, T>(rest: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (taken, left) = core::mem::take(rest).split_at_mut(len);
    *rest = left;
    taken
}

/// Splits off the last `len` elements.
fn take_last<'a, T>(rest: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let whole = core::mem::take(rest);
    let (left, taken) = whole.split_at_mut(whole.len() - len);
    *rest = left;
    taken
}

/// As [`take_last`], for shared slices.
fn split_last<'a, T>(rest: &mut &'a [T], len: usize) -> &'a [T] {
    let (left, taken) = rest.split_at(rest.len() - len);
    *rest = left;
    taken
}

fn expander(stages: &Stages) -> Expander {
    let slots = stages.programs().map(|program| program.slots).max();
    Expander::new(slots.unwrap_or(0), stages.num_states() + stages.num_inputs())
}
